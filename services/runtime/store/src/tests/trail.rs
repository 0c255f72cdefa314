//! The audit trail checked and given out as a whole, and a row that somebody changed on the disk.

use ::trail::{Heading, Verifier, Wrong};
use ipc::store::{Named, TrailChecked, TrailPlace, TrailRequest};

use super::*;
use crate::BackupSettings;
use crate::opening::begin;
use crate::rows::AuditRow;
use crate::tables::{ANCHOR_KEY, AUDIT, Fault, META, get, number_key, open, put, redb_fault};
use crate::writes::append_audit;

/// A store with a trail of so many entries, the first of the box itself.
fn with_entries(scratch: &Scratch, entries: u64) -> Store {
    let store = scratch.store();
    store
        .keep_backups(&BackupSettings {
            folder: scratch.path().join("backups"),
            firmware: "0.1.0".into(),
            run: scratch.path().join("run"),
        })
        .expect("a thread");
    let append = |database: &redb::Database| -> Result<(), Fault> {
        let txn = begin(database)?;
        let seconds = (1_700_000_000_000_i64..).step_by(1000);
        for (number, at) in (0..=entries).zip(seconds).skip(2) {
            let at = UnixTime::from_millis(at);
            append_audit(&txn, &audit(&format!("entry {number}")), at)?;
        }
        txn.commit().map_err(redb_fault)
    };
    store.shared().with_writable(append).expect("appended");
    store
}

/// Changes what an entry says, with a right checksum, as somebody would who has the disk.
fn tamper(store: &Store, sequence: u64) {
    let change = |database: &redb::Database| -> Result<(), Fault> {
        let txn = begin(database)?;
        {
            let mut table = open(&txn, AUDIT)?;
            let row: Option<AuditRow> = get(&table, "audit", &number_key(sequence))?;
            let mut row = row.expect("it is there");
            row.who = "nobody".into();
            put(&mut table, "audit", &number_key(sequence), &row)?;
        }
        txn.commit().map_err(redb_fault)
    };
    store.shared().with_writable(change).expect("changed");
}

fn check(store: &Store, after: Option<TrailPlace>, from: Option<i64>) -> TrailChecked {
    let request = TrailRequest::Check {
        after,
        from_millis: from,
        before_millis: from.map(|from| from + 10_000),
    };
    match store.ask(WEB, Request::Trail(request)) {
        Reply::TrailChecked(checked) => checked,
        other => panic!("{other:?}"),
    }
}

/// Every piece until the end.
fn check_all(store: &Store) -> Vec<TrailChecked> {
    let mut pieces = vec![check(store, None, None)];
    while let Some(piece) = pieces.last().filter(|it| !it.is_end) {
        pieces.push(check(store, piece.last.clone(), None));
    }
    pieces
}

fn export(store: &Store, first: u64, last: u64) -> Result<Heading, Wrong> {
    let lines = |request| match store.ask(WEB, Request::Trail(request)) {
        Reply::TrailLines(lines) => lines,
        other => panic!("{other:?}"),
    };
    let mut piece = lines(TrailRequest::Heading { first, last });
    let mut text = piece.text;
    while let Some(first) = piece.next {
        piece = lines(TrailRequest::Lines { first, last });
        text.push_str(&piece.text);
    }
    let keys = store.shared().backup_keys().expect("keys");
    let mut verifier = Verifier::new(Some(keys.signer.of_box()), None);
    for line in text.split_inclusive('\n') {
        verifier.line(line.as_bytes())?;
    }
    verifier.end()
}

#[test]
fn a_long_trail_is_checked_piece_by_piece_and_exported_whole_or_in_part() {
    let scratch = Scratch::new();
    let store = with_entries(&scratch, 2100);
    let pieces = check_all(&store);
    let entries: Vec<u64> = pieces.iter().map(|it| it.entries).collect();
    assert_eq!(entries, [1000, 1000, 100]);
    assert!(pieces.iter().all(|it| it.broken.is_none()));
    let last = pieces.last().and_then(|it| it.last.clone()).expect("one");
    assert_eq!(last.sequence, 2100);
    let whole = export(&store, 1, 2100).expect("good");
    assert_eq!((whole.first, whole.head), (1, last.hash));
    // Ten seconds of it, from the time of entry 1005 on.
    let after = pieces[0].last.clone();
    let found = check(&store, after, Some(1_700_000_000_000 + 1_005_000));
    assert_eq!(found.within, Some((1005, 1014)));
    let part = export(&store, 1005, 1014).expect("good");
    assert_eq!((part.first, part.last), (1005, 1014));
}

#[test]
fn an_entry_that_was_changed_on_the_disk_is_named_and_is_no_good_in_a_file() {
    let scratch = Scratch::new();
    let store = with_entries(&scratch, 1200);
    tamper(&store, 1100);
    let broken: Vec<Option<u64>> = check_all(&store).iter().map(|it| it.broken).collect();
    assert_eq!(broken, [None, Some(1100)]);
    let wrong = export(&store, 1, 1200).expect_err("it was changed");
    assert_eq!(wrong.line, 1101);
    assert!(export(&store, 1, 1099).is_ok() && export(&store, 1101, 1200).is_ok());
}

#[test]
fn a_file_begins_with_the_oldest_where_its_first_entry_was_dropped_meanwhile() {
    let scratch = Scratch::new();
    let store = with_entries(&scratch, 3000);
    let drop_oldest = |count: u64| {
        let dropped = store.shared().with_writable(|database| {
            let txn = begin(database)?;
            let mut anchor = None;
            crate::writes::drop_oldest(&mut open(&txn, AUDIT)?, count, |_, bytes| {
                anchor = Some(crate::tables::decode::<AuditRow>("audit", bytes)?.hash);
                Ok(())
            })?;
            let anchor = anchor.expect("some");
            put(&mut open(&txn, META)?, "meta", ANCHOR_KEY, &anchor)?;
            txn.commit().map_err(redb_fault)
        });
        assert_eq!(dropped, Ok(()));
    };
    drop_oldest(2990);
    let good = export(&store, 1, 3000).expect("good");
    assert_eq!((good.first, good.last), (11, 3000));
    // What came with the heading is there whatever goes before the next piece.
    let request = TrailRequest::Heading { first: 1, last: 20 };
    let Reply::TrailLines(piece) = store.ask(WEB, Request::Trail(request)) else {
        panic!("no lines")
    };
    assert_eq!((piece.first, piece.next), (11, None));
    assert_eq!(piece.text.lines().count(), 11);
    let none = TrailRequest::Heading { first: 1, last: 5 };
    let none = store.ask(WEB, Request::Trail(none));
    assert!(matches!(none, Reply::Failed { .. }), "{none:?}");
}

#[test]
fn a_row_that_rots_is_told_and_missed() {
    let scratch = Scratch::new();
    let store = with_entries(&scratch, 10);
    let rot = |database: &redb::Database| -> Result<(), Fault> {
        let txn = begin(database)?;
        let rotten: &[u8] = b"\x01rotten for sure";
        open(&txn, AUDIT)?
            .insert(number_key(5).as_slice(), rotten)
            .map_err(redb_fault)?;
        txn.commit().map_err(redb_fault)
    };
    store.shared().with_writable(rot).expect("changed");
    let all = check(&store, None, None);
    assert_eq!((all.entries, all.broken), (10, Some(5)));
    assert_eq!(export(&store, 1, 10).expect_err("one is missing").line, 6);
    let request = TrailRequest::Heading { first: 1, last: 5 };
    let refused = store.ask(WEB, Request::Trail(request));
    assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
    // Nothing proves what is behind it.
    let request = TrailRequest::Heading { first: 6, last: 10 };
    let refused = store.ask(WEB, Request::Trail(request));
    assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
}

#[test]
fn entries_about_somebody_are_found_newest_first_and_since_a_number_is_theirs() {
    let scratch = Scratch::new();
    let store = with_entries(&scratch, 6_000);
    let note = |who: &str, action: &str| {
        let who = who.to_owned();
        let entry = Audit {
            who,
            ..audit(action)
        };
        assert_eq!(store.ask(WEB, Request::Audit(entry)), Reply::Stored);
    };
    note("admin", "person ana changed");
    note("mariana", "signed in");
    note("extension 100", "do not disturb");
    note("ana", "signed in");
    let named = |name: &str, since_millis: i64| Named {
        name: name.into(),
        since_millis,
    };
    let about = |names: &[Named]| {
        let (mut found, mut before, mut asked) = (Vec::new(), None, 0);
        loop {
            let names = names.to_vec();
            let request = TrailRequest::About { names, before };
            let Reply::TrailAbout(piece) = store.ask(WEB, Request::Trail(request)) else {
                panic!("entries");
            };
            found.extend(piece.entries.into_iter().map(|it| it.audit.action));
            asked += 1;
            match piece.next {
                Some(next) => before = Some(next),
                None => return (found, asked),
            }
        }
    };
    let (found, asked) = about(&[named("ana", 0), named("extension 100", 0)]);
    assert_eq!(found, ["signed in", "do not disturb", "person ana changed"]);
    assert_eq!(asked, 2, "a piece at a time");
    let later = i64::MAX;
    assert_eq!(about(&[named("extension 100", later)]).0, [""; 0]);
    let all: Vec<String> = about(&[named("admin", 0)]).0;
    assert_eq!((all.len(), all[1].as_str()), (6_000, "entry 6000"));
}
