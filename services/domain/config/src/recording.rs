//! How recordings are kept.

use std::time::Duration;

use ipc::site::Recordings as RawRecordings;

use crate::wrong::Report;

/// How recordings are kept, and whether those recorded hear that they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recordings {
    /// Age at which a recording is deleted; whole days.
    pub keep: Duration,
    /// Mebibytes of all recordings together; beyond, the oldest are deleted.
    pub max_mib: u32,
    /// Everybody in the call hears a short beep when a recording begins.
    pub notice: bool,
}

impl Recordings {
    /// Whole days a recording is kept.
    #[must_use]
    pub fn keep_days(&self) -> u16 {
        u16::try_from(self.keep.as_secs() / DAY_SECS).unwrap_or(KEEP_DAYS_MAX)
    }

    pub(crate) fn parse(raw: RawRecordings, report: &mut Report<'_>) -> Self {
        report.range("keep_days", raw.keep_days, 1, KEEP_DAYS_MAX.into());
        report.range("max_mib", raw.max_mib, MIB_MIN, MIB_MAX);
        Self {
            keep: Duration::from_secs(u64::from(raw.keep_days) * DAY_SECS),
            max_mib: raw.max_mib,
            notice: raw.notice,
        }
    }

    pub(crate) fn to_ipc(self) -> RawRecordings {
        RawRecordings {
            keep_days: self.keep_days(),
            max_mib: self.max_mib,
            notice: self.notice,
        }
    }
}

const DAY_SECS: u64 = 24 * 3600;
/// Longest time recordings are kept, days: ten years.
const KEEP_DAYS_MAX: u16 = 3_650;
/// Least room for recordings, MiB: under an hour of one call.
const MIB_MIN: u64 = 64;
/// Most room for recordings, MiB: ten tebibytes, more than any data disk of the box.
const MIB_MAX: u64 = 10 * 1024 * 1024;
