//! Rounds with a place that does what it is asked: each comes to its end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::events::{Archive, Command, Digest};
use super::memory::Memory;
use super::steps::There;
use super::wanted::Plan;
use crate::plan::{AWAY, Kept};

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const SINCE_MILLIS: i64 = 1_790_000_000_000;

fn name(hour: i64) -> String {
    format!("{:013}.backup", SINCE_MILLIS + hour * HOUR_MILLIS)
}

fn archive(hour: i64) -> Archive {
    Archive {
        kept: Kept {
            name: name(hour),
            taken_millis: SINCE_MILLIS + hour * HOUR_MILLIS,
            is_verified: true,
        },
        bytes: 20,
        part_bytes: 16,
        parts: vec![Digest::of(&hour.to_le_bytes()), Digest::of(b"end")],
    }
}

/// A place, and what the box knows of it.
#[derive(Default)]
struct Place {
    there: There,
    memory: Memory,
    finished: BTreeMap<String, u32>,
    asked: u32,
}

impl Place {
    fn with(hours: &BTreeSet<i64>) -> Self {
        let mut place = Self::default();
        for archive in hours.iter().copied().map(archive) {
            let name = archive.kept.name.clone();
            place.there.finished(&name, archive.bytes, archive.digest());
            place.memory.copied(name, archive.bytes, archive.digest());
        }
        place
    }

    /// All that is asked, until nothing is; fails the test where that takes more than `most`.
    fn round(&mut self, here: &[Archive], now_millis: Option<i64>, most: usize) {
        for _ in 0..=most {
            let plan = Plan::of(here, &self.memory, now_millis);
            let Some(command) = self.there.next(&plan, |_| false, |_| false) else {
                return;
            };
            self.asked += 1;
            match command {
                Command::Put {
                    archive,
                    part,
                    digest,
                    ..
                } => {
                    self.there.put(&archive, part, digest);
                }
                Command::Finish {
                    archive,
                    bytes,
                    parts,
                } => {
                    let digest = Digest::of_parts(&parts);
                    self.there.finished(&archive, bytes, digest);
                    *self.finished.entry(archive.clone()).or_default() += 1;
                    self.memory.copied(archive, bytes, digest);
                }
                Command::Abandon { archive } => self.there.abandoned(&archive),
                Command::Delete { archive } => {
                    self.there.deleted(&archive);
                    let is_here = here.iter().any(|it| it.kept.name == archive);
                    self.memory.deleted(archive, is_here);
                }
                Command::CheckCredential | Command::List => unreachable!("not a step"),
            }
        }
        panic!("a round without an end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_round_ends_and_sends_nothing_twice(
        here in prop::collection::btree_set(0_i64..900, 0..40),
        there in prop::collection::btree_set(0_i64..900, 0..100),
        now in prop::option::of(-100_i64..2000),
    ) {
        let archives: Vec<_> = here.iter().copied().map(archive).collect();
        let mut place = Place::with(&there);
        let now = now.map(|hour| SINCE_MILLIS + hour * HOUR_MILLIS);
        let before = place.memory.kept().len();
        place.round(&archives, now, 3 * here.len() + here.len() + there.len());
        prop_assert!(place.finished.values().all(|count| *count == 1));
        let left = place.memory.kept().len();
        prop_assert!(left >= before.min(AWAY.verified), "{left} of {before}");
        // The next one finds nothing to do.
        let asked = place.asked;
        place.round(&archives, now, 0);
        prop_assert_eq!(place.asked, asked);
    }
}

#[test]
fn a_backup_each_hour_is_sent_once_and_no_more_are_there_than_are_kept() {
    let mut place = Place::default();
    let mut here: Vec<Archive> = Vec::new();
    for hour in 0..400 {
        here.push(archive(hour));
        let surplus = here.len().saturating_sub(32);
        here.drain(..surplus);
        place.memory.here(&here);
        let now = SINCE_MILLIS + hour * HOUR_MILLIS;
        place.round(&here, Some(now), 20);
        assert!(place.memory.kept().len() <= AWAY.files);
        assert!(place.memory.has(&name(hour)));
    }
    assert_eq!(place.finished.len(), 400);
    assert!(place.finished.values().all(|count| *count == 1));
}

#[test]
fn without_a_clock_no_more_is_sent_than_is_kept() {
    let mut place = Place::default();
    for hour in 0..100 {
        let here = [archive(hour)];
        place.round(&here, None, 3);
        let is_complete = Plan::of(&here, &place.memory, None).is_complete();
        assert_eq!(is_complete, hour < 64, "hour {hour}");
    }
    assert_eq!(place.memory.kept().len(), AWAY.files);
}

#[test]
fn parts_that_an_archive_has_not_are_abandoned_and_those_of_one_not_read_yet_stay() {
    let mut place = Place::default();
    place.there.put(&name(1), 5, Digest::of(b"of a longer one"));
    let plan = Plan::of(&[], &place.memory, None);
    let abandon = Some(Command::Abandon { archive: name(1) });
    assert_eq!(place.there.next(&plan, |_| false, |_| false), abandon);
    let here = [archive(1)];
    let plan = Plan::of(&here, &place.memory, None);
    assert_eq!(place.there.next(&plan, |_| false, |_| false), abandon);
    let mut unread = archive(1);
    unread.parts.clear();
    let here = [unread];
    let plan = Plan::of(&here, &place.memory, None);
    assert_eq!(place.there.next(&plan, |_| false, |_| false), None);
}
