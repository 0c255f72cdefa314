//! What the updater is passed instead of rights: three partitions, open.
//!
//! It runs as a user of its own that may open no device. The slot that runs it can only read, and
//! of the others it can reach nothing.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use kernel::{Context as _, SystemError};

use crate::boot::Firmware;

/// The partitions; none when the slot was not found.
#[derive(Default)]
pub(super) struct Slots {
    open: Option<Open>,
}

struct Open {
    running: File,
    other: File,
    state: File,
    slot: &'static str,
}

impl Slots {
    /// Opens those of a firmware.
    pub(super) fn open(firmware: &Firmware) -> Result<Self, SystemError> {
        let writable = |path: &Path| {
            let opened = File::options().read(true).write(true).open(path);
            opened.context("open", path.display())
        };
        let running = File::open(&firmware.device);
        Ok(Self {
            open: Some(Open {
                running: running.context("open", firmware.device.display())?,
                other: writable(&firmware.other)?,
                state: writable(&firmware.state)?,
                slot: firmware.slot.name(),
            }),
        })
    }

    /// By the names they are passed under.
    pub(super) fn passed(&self) -> Vec<(&'static str, BorrowedFd<'_>)> {
        let Some(open) = &self.open else {
            return Vec::new();
        };
        vec![
            ("slot-running", open.running.as_fd()),
            ("slot-other", open.other.as_fd()),
            ("boot-state", open.state.as_fd()),
        ]
    }

    /// What the updater is told on its command line.
    pub(super) fn arguments(&self) -> Vec<&'static str> {
        let open = self.open.as_ref();
        open.map_or_else(Vec::new, |open| vec!["--running", open.slot])
    }
}
