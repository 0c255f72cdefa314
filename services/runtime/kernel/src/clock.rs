//! Two clocks: time since the kernel started, and the time of day.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use crate::{Context, SystemError};

/// Time since the kernel started; never runs backwards.
#[must_use]
pub fn since_boot() -> Duration {
    to_duration(clock_gettime(ClockId::Boottime))
}

/// Seconds since 1970 by the time-of-day clock.
#[must_use]
pub fn unix_seconds() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}

/// Sets the time of day.
///
/// # Errors
/// Without the right to do so.
pub fn set_unix_seconds(seconds: i64) -> Result<(), SystemError> {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    clock_settime(ClockId::Realtime, time).context("set", "the clock")
}

fn to_duration(time: Timespec) -> Duration {
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}
