//! Where bytes outlive the power: a partition, a file that stands for one, or a model in a test.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

/// A partition.
pub trait Medium: fmt::Debug {
    /// Fills `bytes` from byte `at` on.
    ///
    /// # Errors
    /// They cannot all be read.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()>;

    /// Writes all of `bytes` from byte `at` on. They may be lost until [`Self::sync`].
    ///
    /// # Errors
    /// They cannot all be written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Comes back when everything that was written outlives a power cut.
    ///
    /// # Errors
    /// It may be lost.
    fn sync(&self) -> io::Result<()>;

    /// What is read from here on comes from the disk, not from memory.
    ///
    /// # Errors
    /// The kernel refuses.
    fn forget(&self) -> io::Result<()>;

    /// Waits until nobody else has the right to change it, and takes that.
    ///
    /// # Errors
    /// The kernel refuses, or somebody does not give it back.
    fn lock(&self) -> io::Result<()>;

    /// Gives the right back.
    ///
    /// # Errors
    /// The kernel refuses.
    fn unlock(&self) -> io::Result<()>;
}

impl Medium for File {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(bytes, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn forget(&self) -> io::Result<()> {
        let advice = rustix::fs::Advice::DontNeed;
        Ok(rustix::fs::fadvise(self, 0, None, advice)?)
    }

    fn lock(&self) -> io::Result<()> {
        lock_within(self, LOCK_MAX)
    }

    fn unlock(&self) -> io::Result<()> {
        Self::unlock(self)
    }
}

/// Locks a file within this time. PID 1 is among those who wait: a process that hangs, or was taken
/// over, must not be able to stop it.
pub(crate) fn lock_within(file: &File, limit: Duration) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begin.elapsed() >= limit => {
                let held = "somebody else has kept it locked for too long";
                return Err(io::Error::new(io::ErrorKind::TimedOut, held));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_LOOK),
        }
    }
}

/// Longer than a slow disk takes for two blocks, much shorter than a hardware watchdog waits.
const LOCK_MAX: Duration = Duration::from_secs(5);
const LOCK_LOOK: Duration = Duration::from_millis(5);
