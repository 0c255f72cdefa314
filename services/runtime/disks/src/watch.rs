//! Who looks on while a disk is written, and may end it.

use std::time::Duration;

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The image is compared with its checksum.
    Check,
    /// The disk is written.
    Write,
    /// The disk is read back.
    Verify,
}

/// Is told how far it has come, and asked whether to go on.
pub trait Watcher {
    /// A phase of so many bytes begins.
    fn begin(&mut self, phase: Phase, total: u64);

    /// So many more bytes are done.
    fn advance(&mut self, bytes: u64);

    /// Whether somebody wants to end it.
    fn is_cancelled(&self) -> bool;
}

/// How fast it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Bytes a second since the phase began.
    pub bytes_per_second: u64,
    /// Seconds until the phase ends, at this speed.
    pub seconds_left: u64,
}

impl Pace {
    /// Of so many bytes in so much time. Of the first moments no speed can be told.
    #[must_use]
    pub fn of(done: u64, total: u64, elapsed: Duration) -> Option<Self> {
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if millis < 500 || done == 0 {
            return None;
        }
        let bytes_per_second = done.saturating_mul(1000) / millis;
        let left = total.saturating_sub(done);
        Some(Self {
            bytes_per_second,
            seconds_left: left.checked_div(bytes_per_second).unwrap_or_default(),
        })
    }
}
