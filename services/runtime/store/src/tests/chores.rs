//! What the writer does when nobody asks costs nobody anything (R17).

use redb::{ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _};

use super::numbers::*;
use super::sim_disk::SimDisk;
use super::*;
use crate::calls::CallTables;
use crate::chores::Chores;
use crate::opening::builder;
use crate::tables::{CALL_INDEX, CALLS, INDEX_WHOLE_KEY};

/// What is kept free for people alone.
const SHORT: u64 = 64 * 1024 * 1024;

fn records(count: u32) -> Vec<CallRecord> {
    (0..count).map(|it| outgoing(it, "100", MARIA)).collect()
}

/// A disk with records of an older firmware, and so much room.
fn with_older(scratch: &Scratch, all: &[CallRecord], room: u64) -> SimDisk {
    let disk = SimDisk::new();
    drop(store(Box::new(disk.clone()), scratch.path()));
    let database = disk.open(&builder()).expect("it is whole");
    let txn = database.begin_write().expect("nobody else writes");
    for record in all {
        put_as_before(&txn, record);
    }
    txn.commit().expect("the disk has room");
    drop(database);
    disk.give_room(room);
    disk
}

fn is_done(store: &Store) -> bool {
    store.shared().is_indexed.load(Ordering::Relaxed)
}

fn kept(store: &Store) -> usize {
    calls(store, 1000, None).len()
}

#[test]
fn nothing_is_sealed_while_the_disk_is_short_of_room() {
    let (scratch, all) = (Scratch::new(), records(300));
    let disk = with_older(&scratch, &all, SHORT);
    let store = store(Box::new(disk.clone()), scratch.path());
    let (before, opened) = (disk.file_bytes(), disk.times_opened());
    let mut chores = Chores::default();
    for _ in 0..50 {
        assert!(!chores.step(store.shared()), "no key is drawn");
    }
    assert!(!is_done(&store));
    let patience = chores.patience(store.shared()).expect("it waits");
    assert!(patience.as_secs() > 30, "{patience:?}");
    assert_eq!(
        (
            disk.file_bytes(),
            disk.times_opened(),
            health(&store).warning
        ),
        (before, opened, String::new())
    );
    // What people ask for is stored all the same.
    put(&store, &[outgoing(400, "100", RUI)]);
    assert_eq!(kept(&store), 301);
    disk.give_room(u64::MAX);
    while !is_done(&store) {
        chores.step(store.shared());
    }
    assert_eq!(found(&store, &with(RUI)).len(), 1);
    assert_eq!(kept(&store), 301);
}

#[test]
fn a_chore_that_fails_is_not_said_of_the_disk_and_people_go_on() {
    let (scratch, all) = (Scratch::new(), records(300));
    let disk = with_older(&scratch, &all, SHORT);
    let store = store(Box::new(disk.clone()), scratch.path());
    let opened = disk.times_opened();
    disk.fail_syncs_after(0);
    // Nobody has written before this.
    disk.give_room(u64::MAX);
    let mut chores = Chores::default();
    while disk.times_opened() == opened {
        chores.step(store.shared());
    }
    assert_eq!(health(&store).warning, "");
    assert!(store.shared().refusal().is_none());
    put(&store, &[outgoing(400, "100", RUI)]);
    while !is_done(&store) {
        chores.step(store.shared());
    }
    assert_eq!(kept(&store), 301);
    assert_eq!(disk.times_set_aside(), 0);
}

#[test]
fn one_commit_of_the_index_writes_few_places() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let keys: Vec<_> = (0..2000_u32).map(|it| it.to_be_bytes()).collect();
    edit(&scratch, |txn| {
        let mut tables = CallTables::open(txn, STORE).expect("tables");
        tables.look_time = std::time::Duration::MAX;
        let every_other = keys.iter().step_by(2).map(<[u8; 4]>::as_slice);
        // Next to each other, of which many are written at once.
        assert_eq!(tables.add_to_index(every_other).expect("in memory"), 1000);
        let all = || keys.iter().map(<[u8; 4]>::as_slice);
        let (mut seen, mut commits) = (0, 0);
        while seen < keys.len() {
            let more = tables.add_to_index(all().skip(seen)).expect("in memory");
            assert!((1..=400).contains(&more), "{more}");
            (seen, commits) = (seen + more, commits + 1);
        }
        assert!(commits >= 5, "{commits}");
        assert_eq!(
            tables.add_to_index(all()).expect("in memory"),
            2000,
            "all there"
        );
    });
    assert_eq!(rows_of_index(&scratch), 2000);
}

#[test]
fn a_commit_drops_few_records_and_the_next_ones_the_rest() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &records(500));
    store.close();
    for left in [300, 100, 10, 10] {
        edit(&scratch, |txn| {
            let mut tables = CallTables::open(txn, STORE).expect("tables");
            tables.drop_oldest(10).expect("in memory");
        });
        let database = redb::Database::open(scratch.path().join("ramal.redb")).expect("whole");
        let txn = database.begin_read().expect("a reader");
        let table = txn.open_table(CALLS).expect("a table");
        assert_eq!(table.len().expect("a count"), left);
    }
    assert_eq!(rows_of_index(&scratch), 21);
}

#[test]
fn an_index_that_grows_too_large_is_given_up_and_no_record_goes_for_it() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &records(3));
    store.close();
    edit(&scratch, |txn| {
        let mut tables = CallTables::open(txn, STORE).expect("tables");
        tables.index_rows_max = 10;
        for record in &records(6)[3..] {
            tables
                .put(crate::rows::CallRow::from(record))
                .expect("in memory");
        }
    });
    let again = scratch.store();
    assert_eq!(kept(&again), 6);
    // Whatever the chores have made of it meanwhile.
    assert_eq!(found(&again, &with(MARIA)).len(), 6);
    settle(&again);
    assert_eq!(found(&again, &with(MARIA)).len(), 6);
    again.close();
    assert_eq!(
        rows_of_index(&scratch),
        13,
        "under the limit it is made anew"
    );
}

#[test]
fn where_the_index_would_be_too_large_there_is_none_and_all_is_found() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &records(30));
    settle(&store);
    let change = |change: fn(&mut CallTables<'_>)| {
        let changed = store.shared().with_writable(|database| {
            let txn = crate::opening::begin(database)?;
            change(&mut CallTables::open(&txn, STORE)?);
            txn.commit().map_err(crate::tables::redb_fault)
        });
        assert_eq!(changed, Ok(()));
    };
    change(|tables| tables.index_is_not_whole().expect("in memory"));
    let mut chores = Chores::default();
    chores.index_rows_max = 20;
    while chores.patience(store.shared()).is_some() {
        chores.step(store.shared());
    }
    put(&store, &[outgoing(400, "100", RUI)]);
    let rows = store.shared().with(|database| {
        let txn = database.begin_read().expect("a reader");
        let table = txn.open_table(CALL_INDEX).expect("a table");
        Ok(table.len().expect("a count"))
    });
    assert_eq!(rows, Ok(1), "that there is none");
    assert_eq!(found(&store, &with(RUI)).len(), 1);
    assert_eq!(kept(&store), 31);
}

#[test]
fn what_has_rotted_is_passed_over_and_the_database_stays_open() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &records(3));
    store.close();
    edit(&scratch, |txn| {
        let mut table = txn.open_table(CALL_INDEX).expect("a table");
        table
            .insert(INDEX_WHOLE_KEY, [9; 20].as_slice())
            .expect("a row");
        let mut table = txn.open_table(CALLS).expect("a table");
        let key = records(3)[1].id.clone();
        let row = table.get(key.as_bytes()).expect("a row").expect("one");
        let mut bytes = row.value().to_vec();
        drop(row);
        bytes[3] ^= 1;
        table
            .insert(key.as_bytes(), bytes.as_slice())
            .expect("a row");
    });
    let store = scratch.store();
    let generation = store.shared().generation();
    settle(&store);
    assert_eq!(kept(&store), 2);
    assert_eq!(found(&store, &with(MARIA)).len(), 2);
    store.shared().is_indexed.store(false, Ordering::Relaxed);
    assert_eq!(found(&store, &with(MARIA)).len(), 2);
    assert_eq!(store.shared().generation(), generation);
    assert_eq!(health(&store).warning, "");
}
