//! Calls back: who calls from outside reaches the extension first that last had to do with his
//! number.

use std::time::Duration;

use ipc::site::CallBack as RawCallBack;

use crate::wrong::Report;

/// How far back calls may count, hours: a month. Older ones say little about who is meant today.
const HOURS_MAX: u64 = 720;
/// The shortest that a phone rings for it, seconds: a ring and a half in Brazil.
const RING_SECS_MIN: u64 = 5;
/// The longest, seconds: the caller waits all of it before the route's own destinations ring.
const RING_SECS_MAX: u64 = 60;
const HOUR: u64 = 3600;

/// Whether a route's calls go first to the extension that last had to do with the caller's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallBack {
    /// Otherwise they go to the destinations at once.
    pub enabled: bool,
    /// How far back calls count: 1 to 720 hours.
    pub within: Duration,
    /// How long that extension rings before the destinations do: 5 to 60 s.
    pub ring: Duration,
}

impl CallBack {
    pub(crate) fn parse(raw: &RawCallBack, report: &mut Report<'_>) -> Self {
        report.range("call_back.hours", raw.hours, 1, HOURS_MAX);
        report.range(
            "call_back.ring_secs",
            raw.ring_secs,
            RING_SECS_MIN,
            RING_SECS_MAX,
        );
        Self {
            enabled: raw.enabled,
            within: Duration::from_secs(u64::from(raw.hours) * HOUR),
            ring: Duration::from_secs(raw.ring_secs.into()),
        }
    }

    pub(crate) fn to_ipc(self) -> RawCallBack {
        let number = |seconds: u64| u16::try_from(seconds).unwrap_or(u16::MAX);
        RawCallBack {
            enabled: self.enabled,
            hours: number(self.within.as_secs() / HOUR),
            ring_secs: number(self.ring.as_secs()),
        }
    }
}
