//! `ramal stick`: the update files and backups on a memory stick that was put into the running box.
//!
//! PID 1 passes it the stick, open for reading, and a socket. It says which files there are, and
//! gives parts of them to `web`, which has `update` or the store judge them as they do with what
//! comes by any other way. It is a process of its own because what a stranger's stick holds goes
//! through a FAT library that may panic on damage.
//! What it must never do: write to the stick, judge what is in a file, or have one installed or
//! restored.

use std::error::Error;
use std::fs::File;

use firmware::{FirmwareError, Stick, StickFile};
use ipc::stick::{OFFERS_MAX, Offer, PART_MAX, Reply, Request};
use run_loop::ipc::Answer;
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::uid;

/// Command line of `ramal stick`.
#[derive(clap::Args)]
#[command(after_help = "PID 1 passes it the stick and its socket as descriptors.

Example (as PID 1 starts it):
  ramal stick")]
pub(crate) struct Arguments {}

/// Offers what is on the stick, and serves it until the stick is taken out; ends at once when there
/// is nothing on it.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    run_loop::log::hide_panic_messages();
    run_loop::log::init();
    let notify = Notify::from_env();
    let mut passed = Passed::from_env();
    let stick = passed.file("stick")?;
    let listener = passed.unix_listener("ipc")?;
    let files = match open(&stick) {
        // Of many backups people want the newest.
        Ok(stick) => [stick.updates(), reversed(stick.backups())].concat(),
        Err(error) => {
            tracing::info!("{error}");
            return Ok(());
        }
    };
    let offers = files.iter().filter_map(|it| Offer::of(&it.name, it.length));
    let (mut count, mut updates, mut backups) = (0, 0, 0);
    for offer in offers {
        count += 1;
        let of_kind = match offer.is_backup() {
            true => &mut backups,
            false => &mut updates,
        };
        *of_kind += 1;
        // PID 1 is told no more than it takes, however many a stick has.
        if *of_kind <= OFFERS_MAX {
            notify.offer(&offer);
        }
    }
    let left_out = files.len() - count;
    if left_out > 0 {
        tracing::warn!(
            "{left_out} files are not offered, as people could not read their names; \
             rename them with letters, digits, dots and dashes"
        );
    }
    if count == 0 {
        return Ok(());
    }
    let answer = move |request: Request| match request {
        Request::Read {
            file,
            offset,
            length,
        } => read(&stick, &file, offset, length),
    };
    run_loop::ipc::serve(
        &listener,
        |peer| peer == uid::WEB,
        move |_, request| Answer::<Reply>::Reply(answer(request)),
    )?;
    Ok(())
}

fn reversed(mut files: Vec<StickFile>) -> Vec<StickFile> {
    files.reverse();
    files
}

/// Opened for each answer: nothing of one answer is left for the next, whatever the stick says.
fn open(stick: &File) -> Result<Stick, FirmwareError> {
    let again = stick.try_clone().map_err(|source| FirmwareError::Device {
        path: NAME.into(),
        source,
    })?;
    Stick::of(again, NAME)
}

fn read(stick: &File, file: &str, offset: u64, length: u32) -> Reply {
    let length = usize::try_from(length.min(PART_MAX)).unwrap_or_default();
    let mut part = vec![0; length];
    let read = open(stick)
        .map_err(|error| error.to_string())
        .and_then(|stick| {
            let count = stick.read(file, offset, &mut part);
            count.map_err(|error| error.to_string())
        });
    match read {
        Ok(count) => {
            part.truncate(count);
            Reply::Part(part)
        }
        Err(error) => {
            tracing::warn!("{file:?} cannot be read: {error}");
            Reply::Unreadable
        }
    }
}

/// As it is called in the log, which has the kernel's name from PID 1.
const NAME: &str = "the memory stick";
