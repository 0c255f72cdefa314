//! `ramal install-disk`: makes a box of another disk, from the one that runs.
//!
//! PID 1 runs it when somebody at the box has chosen a disk and said that its content may go. It
//! passes the disk and what is copied, open; this process may reach nothing else. It tells how far
//! it is, and ends.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::builder::TypedValueParser as _;
use disks::{DiskFault, FileDevice, Watcher};
use firmware::{NewDiskError, RunningBox, StateFile, fresh_guid, keys_of_firmware, make_box};
use ipc::install::{Failure, Phase, Report};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use slot::Slot;

/// Command line of `ramal install-disk`.
#[derive(clap::Args)]
#[command(
    after_help = "PID 1 passes it the disk, and the partitions of the box, as descriptors.

Example (as PID 1 starts it):
  ramal install-disk --running a"
)]
pub(crate) struct Arguments {
    /// The slot the system was started from.
    #[arg(long, value_name = "a|b", value_parser = slots())]
    running: Slot,
    /// The keys of this firmware.
    #[arg(long, value_name = "FILE", default_value = "/etc/ramal/keys")]
    keys: PathBuf,
}

fn slots() -> impl clap::builder::TypedValueParser<Value = Slot> {
    clap::builder::PossibleValuesParser::new(["a", "b"])
        .map(|name| if name == "a" { Slot::A } else { Slot::B })
}

/// Makes the box; how that went is told to PID 1, and in the log.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let mut passed = Passed::from_env();
    let from = RunningBox {
        running: arguments.running,
        slot: passed.file("slot")?,
        esp: passed.file("esp")?,
        state: StateFile::of(passed.file("boot-state")?, "the boot state"),
        keys: keys_of_firmware(&arguments.keys)?,
    };
    let mut disk = FileDevice::of(passed.file("disk")?, Path::new("the disk"), SECTOR)?;
    let mut entropy = |bytes: &mut [u8; 16]| {
        *bytes = fresh_guid().map_err(io::Error::other)?.0;
        Ok(())
    };
    let mut teller = Teller::new(&notify);
    let made = make_box(&from, &mut disk, &mut entropy, &mut teller);
    notify.install(&match made {
        Ok(version) => Report::Made(version),
        Err(error) => {
            tracing::error!("the disk was not made into a box: {error}");
            Report::Failed(failure(&error))
        }
    });
    Ok(())
}

fn failure(error: &NewDiskError) -> Failure {
    match error {
        NewDiskError::NotSound => Failure::NotSound,
        NewDiskError::Damaged(_)
        | NewDiskError::Header(_)
        | NewDiskError::Source { .. }
        | NewDiskError::Changed => Failure::Damaged,
        NewDiskError::TooSmall(_) | NewDiskError::NoRoom(_) => Failure::TooSmall,
        NewDiskError::Disk(DiskFault::Device { .. }) => Failure::DiskFails,
        NewDiskError::Disk(DiskFault::Different { .. }) => Failure::DiskLies,
        NewDiskError::Disk(DiskFault::Esp(_) | DiskFault::Cancelled)
        | NewDiskError::Firmware(_)
        | NewDiskError::Entropy(_) => Failure::Other,
    }
}

/// Tells PID 1 how far it is, not too often.
struct Teller<'a> {
    notify: &'a Notify,
    phase: Phase,
    done: u64,
    total: u64,
    told: Instant,
}

impl<'a> Teller<'a> {
    fn new(notify: &'a Notify) -> Self {
        Self {
            notify,
            phase: Phase::Check,
            done: 0,
            total: 0,
            told: Instant::now(),
        }
    }

    fn tell(&mut self) {
        self.told = Instant::now();
        self.notify.install(&Report::At {
            phase: self.phase,
            done: self.done,
            total: self.total,
        });
    }
}

impl Watcher for Teller<'_> {
    fn begin(&mut self, phase: disks::Phase, total: u64) {
        self.phase = match phase {
            disks::Phase::Check => Phase::Check,
            disks::Phase::Write => Phase::Write,
            disks::Phase::Verify => Phase::Verify,
        };
        (self.done, self.total) = (0, total);
        self.tell();
    }

    fn advance(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
        if self.done >= self.total || self.told.elapsed() >= PAUSE {
            self.tell();
        }
    }

    /// Who wants to end it ends the process.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Of a file that stands for a disk; a disk says itself what it has.
const SECTOR: u64 = 512;

/// A person sees it change, and PID 1 has little to do.
const PAUSE: Duration = Duration::from_millis(500);
