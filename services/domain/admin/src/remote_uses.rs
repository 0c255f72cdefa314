//! When extensions that may register from outside were last registered there (R70): which of them
//! need not be allowed to.
//!
//! The runtime looks at the registered phones once a minute, and a day is as exact as it is kept,
//! so that it is written once a day for each extension at most.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ipc::pbx::Phone;
use report::RemoteUse;
use sansio::UnixTime;
use serde::{Deserialize, Serialize};

use crate::admin::Admin;

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct RemoteUses {
    /// By number; none until the store has said what it keeps.
    uses: Option<BTreeMap<String, Use>>,
    /// The store does not have it all.
    is_changed: bool,
}

/// As it is kept. Fields are only ever added, with a default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Use {
    /// Since when it is watched, seconds since 1970.
    since_secs: i64,
    /// When it was registered outside last; none when it never was.
    last_secs: Option<i64>,
}

impl Use {
    /// Without what a clock that was ahead has written.
    fn not_after(self, now_secs: i64) -> Self {
        Self {
            since_secs: self.since_secs.min(now_secs),
            last_secs: self.last_secs.map(|it| it.min(now_secs)),
        }
    }
}

impl Admin {
    /// Takes what the store keeps under [`REMOTE_USES`](crate::REMOTE_USES); `None` when it keeps
    /// nothing. What cannot be read begins anew.
    pub fn take_remote_uses(&mut self, kept: Option<&[u8]>) {
        let read = kept.and_then(|bytes| serde_json::from_slice(bytes).ok());
        self.remote_uses.uses = Some(read.unwrap_or_default());
    }

    /// Looks at the registered phones. Answers what the store is to keep, when that has changed;
    /// [`Admin::remote_uses_are_kept`] says that it has it.
    pub fn notice_phones(&mut self, wall: UnixTime, phones: &[Phone]) -> Option<Vec<u8>> {
        let now_secs = self.believed(wall)?.as_millis().div_euclid(1_000);
        let outside: BTreeSet<&str> = phones
            .iter()
            .filter(|phone| self.is_outside(phone))
            .map(|it| it.extension.as_str())
            .collect();
        let (_, site) = self.site.as_ref()?;
        let before = self.remote_uses.uses.as_ref()?;
        let remote = site.extensions.iter().filter(|it| it.remote);
        let now = remote.take(WATCHED_MAX).map(|extension| {
            let known = before.get(&extension.number).copied();
            let mut used = known.map_or(
                Use {
                    since_secs: now_secs,
                    last_secs: None,
                },
                |it| it.not_after(now_secs),
            );
            let day = |secs: i64| secs.div_euclid(DAY_SECS);
            let is_today = used.last_secs.is_some_and(|it| day(it) == day(now_secs));
            if !is_today && outside.contains(extension.number.as_str()) {
                used.last_secs = Some(now_secs);
            }
            (extension.number.clone(), used)
        });
        let now: BTreeMap<String, Use> = now.collect();
        self.remote_uses.is_changed |= now != *before;
        let kept = serde_json::to_vec(&now).ok();
        self.remote_uses.uses = Some(now);
        kept.filter(|_| self.remote_uses.is_changed)
    }

    /// The store has what [`Admin::notice_phones`] gave out last.
    pub const fn remote_uses_are_kept(&mut self) {
        self.remote_uses.is_changed = false;
    }

    /// For the report; `None` while nothing is known yet.
    pub(crate) fn remote_uses(&self) -> Option<Vec<RemoteUse>> {
        let uses = self.remote_uses.uses.as_ref()?;
        let (_, site) = self.site.as_ref()?;
        let remote = site.extensions.iter().filter(|it| it.remote);
        let one = |number: &String| {
            let used = uses.get(number).copied();
            RemoteUse {
                number: number.clone(),
                since_millis: used.map(|it| it.since_secs.saturating_mul(1_000)),
                last_millis: used.and_then(|it| it.last_secs.map(|it| it.saturating_mul(1_000))),
            }
        };
        Some(remote.map(|it| one(&it.number)).collect())
    }

    /// Whether a phone is registered from outside; before the neighbours of the box are known none
    /// is, as it could be one of them.
    fn is_outside(&self, phone: &Phone) -> bool {
        let address: Option<SocketAddr> = phone.address.parse().ok();
        address.is_some_and(|it| self.gate.is_outside(it.ip()))
    }
}

/// What the store keeps it as, among the secrets of the pages: extensions by number.
pub const REMOTE_USES: &str = "remote-uses";
/// Remote extensions that are watched: what is kept of them has to fit into one row of the store.
const WATCHED_MAX: usize = 1_000;
const DAY_SECS: i64 = 24 * 3_600;

#[cfg(test)]
mod tests {
    use ipc::site::{Extension, Site};

    use super::*;

    /// 2026-11-23.
    const NOW: i64 = 1_795_446_000;

    fn at(days: i64) -> UnixTime {
        UnixTime::from_millis((NOW + days * DAY_SECS) * 1_000)
    }

    fn phone(extension: &str, address: &str) -> Phone {
        Phone {
            extension: extension.into(),
            address: address.into(),
            transport: "UDP".into(),
            expires_secs: 60,
            user_agent: String::new(),
        }
    }

    fn site(remote: &[&str]) -> Site {
        let extension = |number: &&str| Extension {
            number: (*number).into(),
            ha1_md5: ipc::Redacted::new("0".repeat(32)),
            ha1_sha256: ipc::Redacted::new("0".repeat(64)),
            remote: remote.contains(number),
            ..Extension::default()
        };
        Site {
            realm: "ramal".into(),
            extensions: ["100", "101"].iter().map(extension).collect(),
            ..Site::default()
        }
    }

    fn watching(kept: Option<&[u8]>) -> Admin {
        let mut admin = Admin::new("0.1.0");
        admin.configure(1, site(&["100", "101"]));
        admin.meet(Vec::new());
        admin.take_remote_uses(kept);
        admin
    }

    fn last(admin: &Admin) -> Vec<(Option<i64>, Option<i64>)> {
        let uses = admin.remote_uses().expect("known");
        let days = |millis: i64| (millis / 1_000 - NOW) / DAY_SECS;
        uses.iter()
            .map(|it| (it.since_millis.map(days), it.last_millis.map(days)))
            .collect()
    }

    #[test]
    fn a_use_outside_is_noted_once_a_day_and_one_inside_is_none() {
        let mut admin = watching(None);
        let outside = [
            phone("100", "203.0.113.7:5060"),
            phone("101", "192.168.0.9:5060"),
        ];
        let kept = admin.notice_phones(at(0), &outside).expect("news");
        assert_eq!(last(&admin), [(Some(0), Some(0)), (Some(0), None)]);
        admin.remote_uses_are_kept();
        assert_eq!(admin.notice_phones(at(0), &outside), None);
        // What was not kept is given out again.
        admin.notice_phones(at(3), &outside).expect("another day");
        let again = admin.notice_phones(at(3), &outside).expect("not kept");
        assert_ne!(again, kept);
        let after = watching(Some(&again));
        assert_eq!(last(&after), [(Some(0), Some(3)), (Some(0), None)]);
    }

    #[test]
    fn who_is_remote_no_more_is_forgotten_and_begins_anew() {
        let mut admin = watching(None);
        admin.notice_phones(at(0), &[phone("100", "203.0.113.7:5060")]);
        admin.configure(2, site(&["101"]));
        admin.notice_phones(at(1), &[]);
        admin.configure(3, site(&["100", "101"]));
        admin.notice_phones(at(2), &[]);
        assert_eq!(last(&admin), [(Some(2), None), (Some(0), None)]);
    }

    #[test]
    fn what_is_kept_of_the_most_extensions_fits_into_a_row() {
        let mut admin = watching(None);
        let mut wide = site(&[]);
        let extension = |number: u64| Extension {
            number: (1_000_000_000 + number).to_string(),
            remote: true,
            ..Extension::default()
        };
        wide.extensions = (0..2_000).map(extension).collect();
        let phone = |it: &Extension| phone(&it.number, "203.0.113.7:5060");
        let phones: Vec<Phone> = wide.extensions.iter().map(phone).collect();
        admin.configure(2, wide);
        let kept = admin.notice_phones(at(0), &phones).expect("news");
        // The store keeps 64 KiB of a secret.
        assert!((50_000..65_536).contains(&kept.len()), "{}", kept.len());
        assert_eq!(last(&admin)[1_999], (None, None));
    }

    #[test]
    fn nothing_is_noted_by_a_wrong_clock_or_before_the_store_and_the_neighbours_are_known() {
        let outside = [phone("100", "203.0.113.7:5060")];
        assert_eq!(
            watching(None).notice_phones(UnixTime::from_millis(0), &outside),
            None
        );
        let mut admin = Admin::new("0.1.0");
        admin.configure(1, site(&["100"]));
        assert_eq!(admin.notice_phones(at(0), &outside), None);
        assert_eq!(admin.remote_uses(), None);
        admin.take_remote_uses(None);
        admin.notice_phones(at(0), &outside);
        assert_eq!(last(&admin), [(Some(0), None)], "he may be a neighbour");
        // A clock that was ahead when it was written does not make it young for ever.
        let ahead = format!(
            "{{\"100\":{{\"since_secs\":{0},\"last_secs\":{0}}}}}",
            NOW * 2
        );
        let mut admin = watching(Some(ahead.as_bytes()));
        admin.notice_phones(at(5), &[]);
        assert_eq!(last(&admin), [(Some(5), Some(5)), (Some(5), None)]);
        assert_eq!(
            last(&watching(Some(b"rotten"))),
            [(None, None), (None, None)]
        );
    }
}
