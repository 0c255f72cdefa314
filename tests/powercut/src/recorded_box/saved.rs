//! A recording on the host's disk, so that a state can be looked at again.
//!
//! `events`: per event a byte (0 write, 1 forced write, 2 flush, 3 mark), u64 sector, u64 length
//! and so many bytes, little-endian. `program`: vmlinux, initramfs, command line, a line
//! each. `keys`: the set.

use std::io::Write as _;
use std::path::Path;

use slot::KeySet;

use super::Program;
use crate::fault::Fault;
use crate::trace::Event;

pub(super) fn save(
    folder: &Path,
    events: &[Event],
    program: &Program,
    keys: &KeySet,
) -> Result<(), Fault> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|source| Fault::file(&path, source))
    };
    let mut encoded = Vec::new();
    for event in events {
        put(&mut encoded, event)?;
    }
    let (vmlinux, initramfs) = (program.vmlinux.display(), program.initramfs.display());
    let text = format!("{vmlinux}\n{initramfs}\n{}\n", program.command_line);
    write("events", &encoded)?;
    write("program", text.as_bytes())?;
    write("keys", &keys.encode())
}

fn put(out: &mut Vec<u8>, event: &Event) -> Result<(), Fault> {
    let (kind, sector, bytes): (u8, u64, &[u8]) = match event {
        Event::Write {
            sector,
            bytes,
            is_forced,
        } => (u8::from(*is_forced), *sector, bytes),
        Event::Flush => (2, 0, &[]),
        Event::Mark(what) => (3, 0, what.as_bytes()),
    };
    out.push(kind);
    out.write_all(&sector.to_le_bytes())?;
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    Ok(out.write_all(bytes)?)
}

pub(super) fn read(folder: &Path) -> Result<(Vec<Event>, Program, KeySet), Fault> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|source| Fault::file(&path, source))
    };
    let damaged = || Fault::broken("the recording is damaged; make it again with --record");
    let bytes = read("events")?;
    let mut rest = &*bytes;
    let mut events = Vec::new();
    while !rest.is_empty() {
        let (event, after) = take(rest).ok_or_else(damaged)?;
        events.push(event);
        rest = after;
    }
    let text = String::from_utf8_lossy(&read("program")?).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    let mut line = || lines.next().ok_or_else(damaged);
    let program = Program {
        vmlinux: line()?.into(),
        initramfs: line()?.into(),
        command_line: line()?,
    };
    let keys = KeySet::decode(&read("keys")?).map_err(|_| damaged())?;
    Ok((events, program, keys))
}

fn take(bytes: &[u8]) -> Option<(Event, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (sector, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    let event = match kind {
        0 | 1 => Event::Write {
            sector: u64::from_le_bytes(*sector),
            bytes: content.to_vec(),
            is_forced: *kind == 1,
        },
        2 => Event::Flush,
        3 => Event::Mark(String::from_utf8_lossy(content).into_owned()),
        _ => return None,
    };
    Some((event, rest))
}
