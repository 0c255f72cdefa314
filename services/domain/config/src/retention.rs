//! How long is kept what the box notes of people.

use ipc::site::Retention as RawRetention;

use crate::wrong::{Report, Wrong};

/// For how many days each class of what is kept stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Call records.
    pub calls_days: u16,
    /// What call records say of the sound and of the addresses it came from.
    pub quality_days: u16,
    /// Entries of the audit trail.
    pub audit_days: u16,
    /// Versions of the configuration that are not in force any more.
    pub versions_days: u16,
}

impl Retention {
    pub(crate) fn parse(raw: RawRetention, report: &mut Report<'_>) -> Self {
        report.range("calls_days", raw.calls_days, 1, DAYS_MAX.into());
        report.range("quality_days", raw.quality_days, 1, DAYS_MAX.into());
        if !(AUDIT_DAYS_MIN..=DAYS_MAX).contains(&raw.audit_days) {
            report.wrong("audit_days", Wrong::AuditDays(raw.audit_days));
        }
        let least = VERSIONS_DAYS_MIN.into();
        report.range("versions_days", raw.versions_days, least, DAYS_MAX.into());
        Self {
            calls_days: raw.calls_days,
            quality_days: raw.quality_days,
            audit_days: raw.audit_days,
            versions_days: raw.versions_days,
        }
    }

    pub(crate) const fn to_ipc(self) -> RawRetention {
        RawRetention {
            calls_days: self.calls_days,
            quality_days: self.quality_days,
            audit_days: self.audit_days,
            versions_days: self.versions_days,
        }
    }
}

/// Longest time anything is kept, days: ten years.
pub(crate) const DAYS_MAX: u16 = 3_650;
/// Shortest time the audit trail is kept, days: six months, as Brazilian law asks for of records of
/// who used an application (Lei 12.965/2014, art. 15). With less nobody could account for what was
/// done with the data of people (LGPD art. 6, X and 37).
pub(crate) const AUDIT_DAYS_MIN: u16 = 180;
/// Shortest time a version is kept that is not in force any more, days: a change that was wrong
/// shows within a month.
const VERSIONS_DAYS_MIN: u16 = 30;
