//! The log that QEMU's `blklogwrites` keeps, in the format of the kernel's dm-log-writes.
//!
//! Source: Linux Documentation/admin-guide/device-mapper/log-writes.rst and
//! drivers/md/dm-log-writes.c; QEMU block/blklogwrites.c. A superblock of one sector, then
//! entries: a sector with four u64
//! (first sector, count, flags, length of data), and the sectors that were written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::fault::Fault;
use crate::trace::{Event, SECTOR};

/// What a log holds so far. While QEMU writes it, what is not yet whole at its end is left out.
///
/// # Errors
/// It is no such log, or holds what a box never does.
pub fn read_log(path: &Path) -> Result<Vec<Event>, Fault> {
    let file = File::open(path).map_err(|source| Fault::file(path, source))?;
    let mut events = Vec::new();
    let mut at = 0;
    let Some(head) = take(&file, &mut at, SECTOR)? else {
        return Ok(events);
    };
    if (u64_at(&head, 0), u64_at(&head, 8)) != (MAGIC, 1) || u32_at(&head, 24) != 512 {
        return Err(Fault::broken(
            "this is no log of writes with sectors of 512 bytes",
        ));
    }
    while let Some(head) = take(&file, &mut at, SECTOR)? {
        let (sector, count, flags) = (u64_at(&head, 0), u64_at(&head, 8), u64_at(&head, 16));
        if (count, flags) == (0, 0) {
            break;
        }
        if flags & DISCARD != 0 {
            return Err(Fault::broken(
                "the box has discarded blocks, which it never should",
            ));
        }
        let length = usize::try_from(count).unwrap_or(0).saturating_mul(SECTOR);
        let Some(bytes) = take(&file, &mut at, length)? else {
            break;
        };
        if flags & FLUSH != 0 {
            events.push(Event::Flush);
        }
        if count > 0 {
            events.push(Event::Write {
                sector,
                bytes,
                is_forced: flags & FORCED != 0,
            });
        }
    }
    Ok(events)
}

/// The next bytes, when they are all there.
fn take(file: &File, at: &mut u64, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, *at) {
        Ok(()) => {
            *at = at.saturating_add(length as u64);
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found.map_or(0, |it| u64::from_le_bytes(*it))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found.map_or(0, |it| u32::from_le_bytes(*it))
}

/// `WRITE_LOG_MAGIC`.
const MAGIC: u64 = 0x6a_7366_7773_6872;
const FLUSH: u64 = 1;
const FORCED: u64 = 2;
const DISCARD: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(fields: [u64; 4]) -> Vec<u8> {
        let mut bytes = fields.map(u64::to_le_bytes).concat();
        bytes.resize(SECTOR, 0);
        bytes
    }

    fn log(parts: &[Vec<u8>], name: &str) -> Result<Vec<Event>, Fault> {
        let name = format!("ramal-log-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, parts.concat()).unwrap();
        let read = read_log(&path);
        std::fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn writes_and_flushes_come_in_their_order_and_a_torn_end_is_left_out() {
        let parts = [
            sector([MAGIC, 1, 9, 512]),
            sector([7, 2, 0, 0]),
            vec![1; 1024],
            sector([0, 0, FLUSH, 0]),
            sector([9, 1, FORCED, 0]),
            vec![2; 512],
            sector([9, 4, 0, 0]),
            vec![3; 700],
        ];
        let write = |sector, bytes, is_forced| Event::Write {
            sector,
            bytes,
            is_forced,
        };
        let wanted = [
            write(7, vec![1; 1024], false),
            Event::Flush,
            write(9, vec![2; 512], true),
        ];
        assert_eq!(log(&parts, "good").unwrap(), wanted);
    }

    #[test]
    fn another_file_is_refused() {
        assert!(log(&[vec![7; 4096]], "bad").is_err());
    }
}
