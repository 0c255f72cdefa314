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
    timeout: Duration,
}

impl Watchdog {
    /// Opens and thereby arms the first hardware watchdog, when there is one.
    ///
    /// # Errors
    /// When there is one and it cannot be opened.
    pub fn open(timeout: Duration) -> Result<Option<Self>, SystemError> {
        let path = Path::new("/dev/watchdog0");
        if !path.exists() {
            return Ok(None);
        }
        let device = OpenOptions::new()
            .write(true)
            .open(path)
            .context("open", path.display())?;
        let mut watchdog = Self {
            device,
            timeout: Duration::ZERO,
        };
        // A driver with a fixed time-out refuses; then its own holds, which is 30 s or more.
        if let Err(error) = watchdog.set_timeout(timeout) {
            watchdog.pet();
            return if error.source.raw_os_error() == Some(libc::EOPNOTSUPP) {
                Ok(Some(watchdog))
            } else {
                Err(error)
            };
        }
        watchdog.pet();
        Ok(Some(watchdog))
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
            ioctl(&self.device, set).context("set", "the watchdog's time-out")?;
        }
        self.timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Ok(())
    }

    /// The time-out in force; zero when the driver does not tell.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// `WDIOC_SETTIMEOUT` of Linux watchdog.h.
const SET_TIMEOUT: rustix::ioctl::Opcode = opcode::read_write::<libc::c_int>(b'W', 6);
