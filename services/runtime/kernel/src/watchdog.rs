//! The hardware watchdog: it restarts the box unless it is petted.
#![expect(
    unsafe_code,
    reason = "ioctl numbers and their argument types are asserted by hand"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rustix::ioctl::{Updater, ioctl, opcode};

use crate::{Context, SystemError};

/// An armed hardware watchdog. It stays armed when this is dropped: only a pet keeps it quiet.
#[derive(Debug)]
pub struct Watchdog {
    device: File,
}

impl Watchdog {
    /// Opens and thereby arms every hardware watchdog: which of them is wired to the reset line
    /// cannot be told. None is no error.
    #[must_use]
    pub fn open_all(timeout: Duration) -> Vec<Result<Self, SystemError>> {
        let paths = (0..WATCHDOGS_MAX).map(|number| format!("/dev/watchdog{number}"));
        let present = paths.filter(|path| Path::new(path).exists());
        present.map(|path| Self::open(&path, timeout)).collect()
    }

    fn open(path: &str, timeout: Duration) -> Result<Self, SystemError> {
        let device = OpenOptions::new()
            .write(true)
            .open(path)
            .context("open", path)?;
        let mut watchdog = Self { device };
        watchdog.pet();
        // A driver that cannot wait this long keeps its own time-out, which is 30 s or more. It is
        // armed by now, so it has to be kept and petted all the same.
        let _ = watchdog.set_timeout(timeout);
        Ok(watchdog)
    }

    /// Restarts its count.
    pub fn pet(&mut self) {
        // Any byte but `V` (which would disarm it) counts; a failed pet shows as a restart.
        let _ = self.device.write(b"\0");
    }

    /// Changes how long it waits for the next pet.
    ///
    /// # Errors
    /// When the hardware cannot wait that long.
    pub fn set_timeout(&mut self, timeout: Duration) -> Result<(), SystemError> {
        let mut seconds = libc::c_int::try_from(timeout.as_secs()).unwrap_or(libc::c_int::MAX);
        // SAFETY: WDIOC_SETTIMEOUT takes a pointer to an int and writes back the value in force
        // (Linux Documentation/watchdog/watchdog-api.rst).
        unsafe {
            let set = Updater::<SET_TIMEOUT, libc::c_int>::new(&mut seconds);
            ioctl(&self.device, set).context("set", "the watchdog's time-out")
        }
    }
}

/// A board has one or two.
const WATCHDOGS_MAX: u32 = 4;
/// `WDIOC_SETTIMEOUT` of Linux watchdog.h.
const SET_TIMEOUT: rustix::ioctl::Opcode = opcode::read_write::<libc::c_int>(b'W', 6);
