//! Numbers of people outside, and finding calls by them (R17, R19).

use std::time::{Duration, Instant};

use ipc::store::{CallSearch, CallsWith};
use redb::{ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _};

use sansio::Rng;

use super::backups::{Box, filled};
use super::sim_disk::SimDisk;
use super::*;
use crate::calls::CallTables;
use crate::opening::builder;
use crate::rows::{CallRow, encode};
use crate::tables::{CALL_INDEX, CALLS, SECRETS, secret_key};

pub(super) const MARIA: &str = "+5548999990021";
pub(super) const RUI: &str = "+5511987650043";

/// A call of an extension to somebody outside.
pub(super) fn outgoing(number: u32, extension: &str, to: &str) -> CallRecord {
    CallRecord {
        from: extension.into(),
        to: to.into(),
        extensions: vec![extension.into()],
        ..call(number, Outcome::EndedByCaller)
    }
}

pub(super) fn put(store: &Store, calls: &[CallRecord]) {
    let reply = store.ask(PBX, Request::PutCalls(calls.to_vec()));
    assert_eq!(reply, Reply::Stored);
}

/// Waits until the writer has done what it does by itself.
pub(super) fn settle(store: &Store) {
    let begun = Instant::now();
    while !store.shared().is_indexed.load(Ordering::Relaxed) {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

pub(super) fn found(store: &Store, only: &CallFilter) -> Vec<String> {
    let request = Request::Calls {
        limit: 100,
        before: None,
        only: only.clone(),
    };
    match store.ask(WEB, request) {
        Reply::Calls(calls) => calls.into_iter().map(|it| it.id).collect(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn with(number: &str) -> CallFilter {
    CallFilter {
        search: CallSearch {
            number: number.into(),
            ..CallSearch::default()
        },
        ..CallFilter::default()
    }
}

fn of(extension: &str) -> CallFilter {
    CallFilter {
        numbers: Some(vec![ipc::store::CallsOf {
            number: extension.into(),
            since_millis: 0,
        }]),
        ..CallFilter::default()
    }
}

pub(super) fn ids(calls: &[&CallRecord]) -> Vec<String> {
    calls.iter().map(|it| it.id.clone()).collect()
}

/// Changes the database behind the store's back.
pub(super) fn edit(scratch: &Scratch, change: impl FnOnce(&redb::WriteTransaction)) {
    let file = scratch.path().join("ramal.redb");
    let database = redb::Database::create(file).expect("it is whole");
    let txn = database.begin_write().expect("nobody else writes");
    change(&txn);
    txn.commit().expect("the disk has room");
}

/// Puts a record as a firmware did that knew neither sealing nor the index.
pub(super) fn put_as_before(txn: &redb::WriteTransaction, record: &CallRecord) {
    let bytes = encode(&CallRow::from(record)).expect("a row");
    let mut table = txn.open_table(CALLS).expect("a table");
    table
        .insert(record.id.as_bytes(), bytes.as_slice())
        .expect("a row");
}

/// Whether these letters stand anywhere in a row of a call, or in the snapshot.
pub(super) fn is_readable(scratch: &Scratch, text: &str) -> bool {
    let database = redb::Database::open(scratch.path().join("ramal.redb")).expect("it is whole");
    let txn = database.begin_read().expect("a reader");
    let contains = |bytes: &[u8]| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    let in_table = [CALLS, CALL_INDEX].into_iter().any(|table| {
        let table = txn.open_table(table).expect("a table");
        table.iter().expect("rows").any(|row| {
            let (key, value) = row.expect("a row");
            contains(key.value()) || contains(value.value())
        })
    });
    let snapshot = std::fs::read(scratch.path().join("ramal.snapshot")).expect("it is there");
    in_table || contains(&snapshot)
}

pub(super) fn rows_of_index(scratch: &Scratch) -> u64 {
    let database = redb::Database::open(scratch.path().join("ramal.redb")).expect("it is whole");
    let txn = database.begin_read().expect("a reader");
    let table = txn.open_table(CALL_INDEX).expect("a table");
    table.len().expect("a count")
}

#[test]
fn a_number_of_somebody_outside_is_on_the_disk_for_nobody_without_the_key() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let record = outgoing(1, "100", MARIA);
    put(&store, std::slice::from_ref(&record));
    assert_eq!(calls(&store, 1, None), std::slice::from_ref(&record));
    store.close();
    assert!(!is_readable(&scratch, "99990021"));
    assert!(is_readable(&scratch, "EndedByCaller") || is_readable(&scratch, "ended-by-caller"));
    let again = scratch.store();
    assert_eq!(calls(&again, 1, None), [record]);
}

#[test]
fn calls_are_found_by_number_extension_time_and_recording_with_and_without_the_index() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let mut all = vec![
        outgoing(1, "100", MARIA),
        outgoing(2, "101", RUI),
        outgoing(3, "101", "0 21 48 99999-0021"),
        outgoing(4, "100", RUI),
    ];
    all[1].recordings = vec!["1700000000002-0a0b0c0d.wav".into()];
    put(&store, &all);
    let check = || {
        let [first, second, third, fourth] = &all[..] else {
            panic!("four")
        };
        assert_eq!(found(&store, &with("48 99999-0021")), ids(&[third, first]));
        assert_eq!(found(&store, &with("+5548999990022")), ids(&[]));
        assert_eq!(found(&store, &of("101")), ids(&[third, second]));
        // Not even by the number does anybody find what he may not see.
        let both = CallFilter {
            search: with(RUI).search,
            ..of("100")
        };
        assert_eq!(found(&store, &both), ids(&[fourth]));
        let recorded = |with| CallFilter {
            with,
            ..CallFilter::default()
        };
        assert_eq!(
            found(&store, &recorded(CallsWith::Recordings)),
            ids(&[second])
        );
        let named = CallsWith::Recording("1700000000002-0a0b0c0d.wav".into());
        assert_eq!(found(&store, &recorded(named)), ids(&[second]));
        let between = |only: CallFilter| CallFilter {
            search: CallSearch {
                from_millis: Some(1_700_000_000_002),
                until_millis: Some(1_700_000_000_004),
                ..only.search
            },
            ..only
        };
        assert_eq!(
            found(&store, &between(CallFilter::default())),
            ids(&[third, second])
        );
        assert_eq!(found(&store, &between(with(MARIA))), ids(&[third]));
    };
    settle(&store);
    check();
    // As it is while the index is made.
    store.shared().is_indexed.store(false, Ordering::Relaxed);
    check();
}

#[test]
fn records_of_an_older_firmware_are_read_and_then_sealed_and_found() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.close();
    let all: Vec<_> = (0..500).map(|it| outgoing(it, "100", MARIA)).collect();
    edit(&scratch, |txn| {
        for record in &all {
            put_as_before(txn, record);
        }
    });
    let store = scratch.store();
    assert_eq!(calls(&store, 1, None), all[499..]);
    settle(&store);
    // Not when it ends: a box that is on for a year keeps none either.
    for name in ["ramal.snapshot", "ramal.snapshot.previous"] {
        let bytes = std::fs::read(scratch.path().join(name)).expect("it is there");
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.contains("1700000000499") && !text.contains("99990021"));
    }
    assert_eq!(calls(&store, 1000, None).len(), 500);
    assert_eq!(found(&store, &with(MARIA)).len(), 100);
    store.close();
    assert!(!is_readable(&scratch, "99990021"));
    // Two names a record, and that the index is whole.
    assert_eq!(rows_of_index(&scratch), 1001);
}

#[test]
fn what_an_older_firmware_has_written_and_dropped_after_a_rollback_is_seen_to() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (kept, gone) = (outgoing(1, "100", MARIA), outgoing(2, "100", MARIA));
    put(&store, &[kept.clone(), gone.clone()]);
    settle(&store);
    store.close();
    let later = outgoing(3, "100", MARIA);
    edit(&scratch, |txn| {
        put_as_before(txn, &later);
        let mut table = txn.open_table(CALLS).expect("a table");
        table.remove(gone.id.as_bytes()).expect("a row");
        // It writes back what it has read, without the fields it does not know.
        let row = table.get(kept.id.as_bytes()).expect("a row").expect("one");
        let mut json: serde_json::Value = serde_json::from_slice(&row.value()[9..]).expect("a row");
        drop(row);
        json.as_object_mut().expect("a row").remove("sealed");
        let bytes = encode(&json).expect("a row");
        table
            .insert(kept.id.as_bytes(), bytes.as_slice())
            .expect("a row");
    });
    let store = scratch.store();
    settle(&store);
    assert_eq!(found(&store, &with(MARIA)), ids(&[&later, &kept]));
    assert_eq!(calls(&store, 9, None), [later, kept]);
    store.close();
    assert!(!is_readable(&scratch, "99990021"));
}

#[test]
fn what_leads_to_a_record_goes_with_it() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let mut ringing = outgoing(1, "100", MARIA);
    ringing.outcome = Outcome::Ongoing;
    put(&store, &[ringing.clone(), outgoing(2, "101", RUI)]);
    // Put through: another extension is in it, and MARIA is not who was dialled.
    let ended = CallRecord {
        outcome: Outcome::EndedByCallee,
        to: RUI.into(),
        extensions: vec!["101".into()],
        ..ringing
    };
    put(&store, std::slice::from_ref(&ended));
    assert_eq!(found(&store, &with(MARIA)), ids(&[]));
    settle(&store);
    assert_eq!(found(&store, &with(MARIA)), ids(&[]));
    store.close();
    assert_eq!(rows_of_index(&scratch), 6);
    edit(&scratch, |txn| {
        let mut tables = CallTables::open(txn, STORE).expect("tables");
        tables.drop_oldest(1).expect("in memory");
    });
    assert_eq!(rows_of_index(&scratch), 3);
    edit(&scratch, |txn| {
        let mut tables = CallTables::open(txn, STORE).expect("tables");
        tables.drop_oldest(0).expect("in memory");
    });
    assert_eq!(rows_of_index(&scratch), 1, "that it is whole");
}

#[test]
fn without_its_key_a_record_is_shown_without_the_number_and_calls_go_on() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &[outgoing(1, "100", MARIA)]);
    store.close();
    edit(&scratch, |txn| {
        let mut table = txn.open_table(SECRETS).expect("a table");
        let key = secret_key(STORE, crate::seal::NAME);
        table.remove(key.as_slice()).expect("a row");
    });
    let store = scratch.store();
    assert_eq!(calls(&store, 1, None)[0].to, "?");
    put(&store, &[outgoing(2, "100", RUI)]);
    settle(&store);
    assert_eq!(found(&store, &of("100")).len(), 2);
    let shown: Vec<_> = calls(&store, 9, None).into_iter().map(|it| it.to).collect();
    assert_eq!(shown, [RUI, "?"]);
}

#[test]
fn another_box_reads_the_numbers_of_a_backup() {
    let own = filled();
    put(&own.store, &[outgoing(7, "100", MARIA)]);
    let code = own.new_code();
    own.settle();
    let bytes = own.make();
    let mut other = Box::new();
    put(&other.store, &[outgoing(8, "100", RUI)]);
    other.bring(&bytes);
    let restored = other.restore(Some(&code));
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    other.start_anew();
    settle(&other.store);
    assert_eq!(found(&other.store, &with(MARIA)).len(), 1);
    let to = calls(&other.store, 99, None).into_iter().map(|it| it.to);
    assert!(to.clone().any(|it| it == MARIA) && to.clone().all(|it| it != "?"));
}

#[test]
fn on_the_boxs_own_past_records_under_both_keys_are_read() {
    let mut own = filled();
    put(&own.store, &[outgoing(7, "100", MARIA)]);
    let bytes = own.make();
    own.store.close();
    edit(&own.scratch, |txn| {
        let mut table = txn.open_table(SECRETS).expect("a table");
        let key = secret_key(STORE, crate::seal::NAME);
        table.remove(key.as_slice()).expect("a row");
    });
    own.start_anew();
    put(&own.store, &[outgoing(8, "100", RUI)]);
    own.bring(&bytes);
    let restored = own.restore(None);
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    own.start_anew();
    settle(&own.store);
    assert_eq!(found(&own.store, &with(MARIA)).len(), 1);
    assert_eq!(found(&own.store, &with(RUI)).len(), 1);
}

/// A cut may come at any write: what was sealed is read, and the rest is sealed after it.
#[test]
fn a_power_cut_while_records_are_sealed_loses_none() {
    for seed in 0..12 {
        let (scratch, disk) = (Scratch::new(), SimDisk::new());
        drop(store(std::boxed::Box::new(disk.clone()), scratch.path()));
        let all: Vec<_> = (0..600).map(|it| outgoing(it, "100", MARIA)).collect();
        {
            let database = disk.open(&builder()).expect("it is whole");
            let txn = database.begin_write().expect("nobody else writes");
            for record in &all {
                put_as_before(&txn, record);
            }
            txn.commit().expect("the disk has room");
        }
        let mut rng = Rng::from_seed(seed);
        let before = store(std::boxed::Box::new(disk.clone()), scratch.path());
        disk.cut_after(rng.below(150));
        let begun = Instant::now();
        let is_over = || before.shared().is_indexed.load(Ordering::Relaxed);
        while !is_over() && health(&before).warning.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "seed {seed}");
            std::thread::yield_now();
        }
        disk.cut_after(0);
        drop(before);
        disk.power_on(&mut rng);
        let after = store(std::boxed::Box::new(disk.clone()), scratch.path());
        settle(&after);
        let mut kept = calls(&after, 1000, None);
        kept.reverse();
        assert_eq!(kept, all, "seed {seed}");
        assert_eq!(disk.times_set_aside(), 0, "seed {seed}");
        let by_number = CallFilter {
            search: CallSearch {
                from_millis: Some(all[550].started_millis),
                ..with(MARIA).search
            },
            ..CallFilter::default()
        };
        assert_eq!(found(&after, &by_number).len(), 50, "seed {seed}");
    }
}
