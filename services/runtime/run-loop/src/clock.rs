//! The one clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sansio::{Instant, UnixTime};

/// Reads the kernel's clocks and gives them as the cores' types.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: std::time::Instant,
}

impl Clock {
    /// A clock whose instants count from now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: std::time::Instant::now(),
        }
    }

    /// Time since [`start`](Self::start), never backwards.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::ORIGIN + self.started.elapsed()
    }

    /// What the wall says; before 1970 reads as 1970.
    #[must_use]
    pub fn unix(&self) -> UnixTime {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        UnixTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The `std` instant of one of ours, for a timer of the operating system.
    #[must_use]
    pub fn to_std(&self, instant: Instant) -> std::time::Instant {
        self.started + instant.saturating_since(Instant::ORIGIN)
    }
}
