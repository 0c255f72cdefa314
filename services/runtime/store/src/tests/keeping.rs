//! What is past its date goes, of all there is of it (LGPD art. 15 and 16).

use std::sync::atomic::AtomicI64;

use ipc::site::Retention;
use ipc::store::{AudioReport, TrailRequest};
use redb::ReadableDatabase as _;

use super::numbers::*;
use super::*;
use crate::keeping::Keeping;
use crate::opening::begin;
use crate::tables::redb_fault;
use crate::writes::append_audit;

/// The day of the tests: 14 November 2023.
const TODAY: i64 = 1_700_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A store whose clock a test sets.
struct Kept {
    scratch: Scratch,
    store: Store,
    now: Arc<AtomicI64>,
}

impl Kept {
    fn new(periods: Retention) -> Self {
        let scratch = Scratch::new();
        let now = Arc::new(AtomicI64::new(TODAY));
        let store = open(&scratch, &now);
        let kept = Self {
            scratch,
            store,
            now,
        };
        kept.set(periods);
        kept
    }

    fn set(&self, periods: Retention) {
        let (base, mut site) = config(&self.store);
        site.retention = periods;
        let audit = audit("retention changed");
        let reply = self.store.ask(WEB, Request::Commit { base, audit, site });
        assert_eq!(reply, Reply::Committed { version: base + 1 });
    }

    fn go_to(&self, millis: i64) {
        self.now.store(millis, Ordering::Relaxed);
    }

    /// One round, from its beginning to its end.
    fn round(&self) {
        let mut keeping = Keeping::default();
        keeping.due = std::time::Instant::now();
        while keeping.is_due(self.store.shared()) {
            keeping.step(self.store.shared());
        }
    }

    fn calls(&self) -> Vec<CallRecord> {
        calls(&self.store, 1000, None)
    }

    fn actions(&self) -> Vec<String> {
        let request = Request::AuditTrail { limit: 1000 };
        match self.store.ask(WEB, request) {
            Reply::AuditTrail(entries) => entries.into_iter().map(|it| it.audit.action).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn versions(&self) -> Vec<u64> {
        let request = Request::History {
            limit: 1000,
            before: None,
        };
        match self.store.ask(WEB, request) {
            Reply::History(all) => all.into_iter().map(|it| it.version).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn open(scratch: &Scratch, now: &Arc<AtomicI64>) -> Store {
    let now = Arc::clone(now);
    let clock = move || UnixTime::from_millis(now.load(Ordering::Relaxed));
    let disk = Box::new(DataDisk::new(scratch.path()));
    let store = try_store_by(disk, scratch.path(), clock, UnixTime::from_millis(TODAY));
    store.expect("the store opens")
}

fn periods(calls_days: u16, quality_days: u16) -> Retention {
    Retention {
        calls_days,
        quality_days,
        audit_days: 180,
        versions_days: 30,
    }
}

/// A call with Maria that began then.
fn begun(at: i64, number: u32) -> CallRecord {
    let sound = AudioReport {
        codec: "PCMA".into(),
        received: 9,
        ..AudioReport::default()
    };
    CallRecord {
        id: format!("{at:013}-{number:08x}"),
        started_millis: at,
        caller_audio: sound,
        ..outgoing(number, "100", MARIA)
    }
}

#[test]
fn call_records_go_on_their_day_from_lists_index_and_snapshots() {
    let kept = Kept::new(periods(30, 10));
    let (old, new) = (begun(TODAY - 31 * DAY, 1), begun(TODAY - 29 * DAY, 2));
    put(&kept.store, &[old.clone(), new.clone()]);
    settle(&kept.store);
    kept.round();
    assert_eq!(found(&kept.store, &with(MARIA)), ids(&[&new]));
    assert_eq!(kept.calls().len(), 1);
    let said = kept.actions();
    assert_eq!(
        said[..2],
        [
            "deleted, past the date: call records 1, details of call records 1",
            "deletion begun, past the date: call records of 30 days, details of 10, entries of \
             the audit trail of 180, versions of 30, as of 1700000000000",
        ]
    );
    for name in ["ramal.snapshot", "ramal.snapshot.previous"] {
        let bytes = std::fs::read(kept.scratch.path().join(name)).expect("a snapshot");
        let has = |id: &str| String::from_utf8_lossy(&bytes).contains(id);
        assert_eq!((has(&old.id), has(&new.id)), (false, true), "{name}");
    }
    kept.store.close();
    // The number that both calls were with, the extension of the one, and that the index is whole.
    assert_eq!(rows_of_index(&kept.scratch), 3);
}

#[test]
fn what_a_record_says_of_sound_and_addresses_goes_before_it_does() {
    let kept = Kept::new(periods(30, 10));
    let (old, new) = (begun(TODAY - 11 * DAY, 1), begun(TODAY - 9 * DAY, 2));
    put(&kept.store, &[old.clone(), new.clone()]);
    settle(&kept.store);
    kept.round();
    let bare = CallRecord {
        source: String::new(),
        caller_audio: AudioReport::default(),
        ..old.clone()
    };
    assert_eq!(kept.calls(), [new.clone(), bare.clone()]);
    assert_eq!(found(&kept.store, &with(MARIA)), ids(&[&new, &old]));
    kept.go_to(TODAY + 2 * DAY);
    kept.round();
    let all = kept.calls();
    assert_eq!((all[0].source.as_str(), &all[1]), ("", &bare));
}

#[test]
fn more_than_one_commit_takes_goes_in_one_round() {
    let kept = Kept::new(periods(1, 1));
    let old: Vec<_> = (0..450).map(|it| begun(TODAY - 2 * DAY, it)).collect();
    put(&kept.store, &old);
    settle(&kept.store);
    kept.round();
    assert_eq!(kept.calls(), []);
    assert!(kept.actions()[0].contains("call records 450"));
}

#[test]
fn the_trail_is_proved_after_its_oldest_part_is_gone() {
    let kept = Kept::new(periods(3650, 3650));
    let append = |from: i64, count: i64| {
        let appended = kept.store.shared().with_writable(|database| {
            let txn = begin(database)?;
            for it in 0..count {
                let at = UnixTime::from_millis(from + it);
                append_audit(&txn, &audit(&format!("entry {it}")), at)?;
            }
            txn.commit().map_err(redb_fault)
        });
        assert_eq!(appended, Ok(()));
    };
    // One that a clock has dated that was not set, among 1,200 of the first day.
    append(TODAY, 600);
    append(0, 1);
    append(TODAY, 600);
    append(TODAY + 100 * DAY, 5);
    let round = |day: i64| {
        // A week a round at most.
        for on_the_way in (0..=day).step_by(7) {
            kept.go_to(TODAY + on_the_way * DAY);
            kept.round();
        }
    };
    round(182);
    let left = kept.actions();
    // That a version went is two entries, and that the entries did.
    assert_eq!(left.len(), 9, "{left:?}");
    assert!(left[0].contains("entries of the audit trail"), "{left:?}");
    let check = TrailRequest::Check {
        after: None,
        from_millis: None,
        before_millis: None,
    };
    let Reply::TrailChecked(checked) = kept.store.ask(WEB, Request::Trail(check)) else {
        panic!("it is checked");
    };
    assert_eq!((checked.broken, checked.entries), (None, 9));
    // The last one stays, whatever its date: the next is chained to it.
    round(600);
    assert!(!kept.actions().is_empty());
    append(TODAY + 600 * DAY, 1);
    let database = kept.store.shared().with(|database| {
        let txn = database.begin_read().map_err(redb_fault)?;
        crate::reads::audit_break(&txn, 1000)
    });
    assert_eq!(database, Ok(None));
}

#[test]
fn an_earlier_version_goes_so_long_after_another_took_its_place() {
    let kept = Kept::new(periods(3650, 3650));
    kept.go_to(TODAY + 20 * DAY);
    kept.set(Retention {
        versions_days: 31,
        ..periods(3650, 3650)
    });
    assert_eq!(kept.versions(), [3, 2, 1]);
    // The second was in force until day 20.
    for day in [7, 14, 21, 28, 32] {
        kept.go_to(TODAY + day * DAY);
        kept.round();
    }
    assert_eq!(kept.versions(), [3, 2]);
    for day in [39, 46, 52, 59, 66, 73] {
        kept.go_to(TODAY + day * DAY);
        kept.round();
    }
    assert_eq!(kept.versions(), [3], "what is in force stays");
}

#[test]
fn a_clock_that_jumps_ahead_deletes_a_week_a_day() {
    let kept = Kept::new(periods(30, 30));
    put(&kept.store, &[begun(TODAY - 10 * DAY, 1)]);
    kept.round();
    kept.go_to(TODAY + 3650 * DAY);
    for _ in 0..2 {
        kept.round();
        assert_eq!(kept.calls().len(), 1);
    }
    kept.go_to(TODAY + 2 * DAY);
    kept.round();
    assert_eq!(kept.calls().len(), 1, "it is right again");
    for day in [9, 16, 21] {
        kept.go_to(TODAY + day * DAY);
        kept.round();
    }
    assert_eq!(kept.calls(), []);
}

/// Appliances without a clock begin in 1970.
#[test]
fn what_a_clock_has_dated_that_was_not_set_is_kept_from_when_it_was_seen() {
    let kept = Kept::new(periods(10, 3650));
    put(&kept.store, &[begun(60_000, 1)]);
    for (day, left) in [(0, 1), (5, 1), (9, 1), (11, 0)] {
        kept.go_to(TODAY + day * DAY);
        kept.round();
        assert_eq!(kept.calls().len(), left, "day {day}");
    }
    put(&kept.store, &[begun(60_000, 2)]);
    kept.go_to(TODAY + 12 * DAY);
    kept.round();
    assert_eq!(kept.calls().len(), 1, "another one");
}

#[test]
fn another_period_is_kept_to_at_once_and_otherwise_a_day_passes() {
    let kept = Kept::new(periods(30, 30));
    let mut keeping = Keeping::default();
    let shared = kept.store.shared();
    assert!(!keeping.is_due(shared), "not while everything starts");
    keeping.due = std::time::Instant::now();
    while keeping.is_due(shared) {
        keeping.step(shared);
    }
    let patience = keeping.patience(shared).as_secs();
    assert!(patience > 23 * 60 * 60, "{patience}");
    kept.set(periods(29, 30));
    assert!(keeping.is_due(shared));
}

/// A box whose clock is not set is up for hours: what it shows is no day that has been.
#[test]
fn a_clock_that_is_not_set_takes_no_guard_away() {
    let kept = Kept::new(periods(30, 30));
    put(&kept.store, &[begun(TODAY - 10 * DAY, 1)]);
    kept.go_to(60_000);
    kept.round();
    let noted = kept.store.shared().with(|database| {
        let txn = database.begin_read().map_err(redb_fault)?;
        crate::reads::kept_row(&txn)
    });
    assert_eq!(noted, Ok(None));
    kept.go_to(TODAY + 3650 * DAY);
    kept.round();
    assert_eq!(kept.calls().len(), 1);
    kept.go_to(60_000);
    kept.round();
    kept.go_to(TODAY + 36_500 * DAY);
    kept.round();
    assert_eq!(kept.calls().len(), 1);
}

/// Rows that an earlier firmware has noted in 1970.
#[test]
fn what_was_noted_under_a_clock_that_was_not_set_counts_from_now() {
    let kept = Kept::new(periods(10, 3650));
    put(&kept.store, &[begun(60_000, 1)]);
    let noted = crate::rows::KeptRow {
        as_of_millis: 120_000,
        undated: Some(crate::rows::UndatedRow {
            until: begun(60_000, 1).id,
            seen_millis: 120_000,
        }),
        ..crate::rows::KeptRow::default()
    };
    let written = kept.store.shared().with_writable(|database| {
        let txn = begin(database)?;
        let mut meta = crate::tables::open(&txn, crate::tables::META)?;
        crate::tables::put(&mut meta, "meta", crate::tables::KEPT_KEY, &noted)?;
        drop(meta);
        txn.commit().map_err(redb_fault)
    });
    assert_eq!(written, Ok(()));
    for (day, left) in [(0, 1), (5, 1), (9, 1), (11, 0)] {
        kept.go_to(TODAY + day * DAY);
        kept.round();
        assert_eq!(kept.calls().len(), left, "day {day}");
    }
}

/// Whoever signs in under a clock that is ahead has an entry dated by it.
#[test]
fn the_first_round_does_not_believe_an_entry_of_the_same_clock() {
    let kept = Kept::new(periods(30, 30));
    put(&kept.store, &[begun(TODAY - 10 * DAY, 1)]);
    kept.go_to(TODAY + 36_500 * DAY);
    let audit = audit("signed in");
    assert_eq!(kept.store.ask(WEB, Request::Audit(audit)), Reply::Stored);
    kept.round();
    assert_eq!(kept.calls().len(), 1);
}

#[test]
fn a_box_that_starts_again_and_again_under_a_wrong_clock_deletes_no_more_by_it() {
    let kept = Kept::new(periods(30, 30));
    put(&kept.store, &[begun(TODAY - 10 * DAY, 1)]);
    for start in 0..40 {
        kept.go_to(TODAY + 3650 * DAY + start * 900_000);
        kept.round();
    }
    assert_eq!(kept.calls().len(), 1);
}

#[test]
fn a_database_that_comes_back_from_a_snapshot_knows_the_day_of_the_last_round() {
    let kept = Kept::new(periods(30, 30));
    kept.go_to(TODAY + 2 * DAY);
    kept.round();
    let kept_row = |store: &Store| {
        let row = store.shared().with(|database| {
            let txn = database.begin_read().map_err(redb_fault)?;
            crate::reads::kept_row(&txn)
        });
        row.expect("it is open").map(|it| it.as_of_millis)
    };
    assert_eq!(kept_row(&kept.store), Some(TODAY + 2 * DAY));
    kept.store.close();
    let Kept {
        scratch,
        store,
        now,
    } = kept;
    drop(store);
    std::fs::remove_file(scratch.path().join("ramal.redb")).expect("it was there");
    let store = open(&scratch, &now);
    assert_eq!(kept_row(&store), Some(TODAY + 2 * DAY));
}

#[test]
fn that_something_goes_is_said_before_it_does() {
    let kept = Kept::new(periods(1, 1));
    let old: Vec<_> = (0..450).map(|it| begun(TODAY - 2 * DAY, it)).collect();
    put(&kept.store, &old);
    let mut keeping = Keeping::default();
    keeping.due = std::time::Instant::now();
    while kept.calls().len() == 450 {
        keeping.step(kept.store.shared());
    }
    assert!(!kept.calls().is_empty(), "cut short here");
    assert!(kept.actions()[0].starts_with("deletion begun, past the date: call records of 1"));
}
