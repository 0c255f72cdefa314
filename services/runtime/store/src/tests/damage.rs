//! The database file is damaged: it is kept for people to look at, and the snapshot stands in.

use std::fs;
use std::os::unix::fs::FileExt as _;

use sansio::Rng;

use super::*;

/// A store with a configuration, a secret and a call, closed in order.
fn used(scratch: &Scratch) {
    let store = scratch.store();
    assert_eq!(commit(&store), Reply::Committed { version: 2 });
    store.ask(
        WEB,
        Request::PutSecret("tls".into(), Redacted::new(b"key".to_vec())),
    );
    for number in 0..200 {
        store.ask(
            PBX,
            Request::PutCalls(vec![call(number, Outcome::Cancelled)]),
        );
    }
    store.close();
}

fn check_restored(store: &Store, place: &str) {
    let (version, site) = config(store);
    assert_eq!((version, site.extensions.len()), (2, 1), "{place}");
    let secret = store.ask(WEB, Request::Secret("tls".into()));
    assert_eq!(
        secret,
        Reply::Secret(Some(Redacted::new(b"key".to_vec()))),
        "{place}"
    );
    assert_eq!(calls(store, 1000, None).len(), 200, "{place}");
    assert_eq!(commit(store), Reply::Committed { version: 3 }, "{place}");
}

#[test]
fn a_file_of_garbage_is_set_aside_and_the_snapshot_restored() {
    let scratch = Scratch::new();
    used(&scratch);
    let file = scratch.path().join("ramal.redb");
    let garbage = vec![0x5a; 100_000];
    fs::write(&file, &garbage).expect("it is ours");
    let store = scratch.store();
    let aside = scratch.path().join("ramal.redb.damaged-1");
    assert_eq!(fs::read(&aside).expect("it is kept"), garbage);
    let warning = health(&store).warning;
    assert!(
        warning.contains("ramal.redb.damaged-1") && warning.contains("version 2"),
        "{warning}"
    );
    let Reply::AuditTrail(trail) = store.ask(WEB, Request::AuditTrail { limit: 1 }) else {
        panic!()
    };
    assert!(trail[0].audit.action.contains("damaged"), "{trail:?}");
    check_restored(&store, "garbage");
}

#[test]
fn counters_that_cannot_be_read_begin_anew_and_hold_no_call_records_back() {
    let scratch = Scratch::new();
    used(&scratch);
    let database = redb::Database::create(scratch.path().join("ramal.redb")).expect("it is whole");
    let change = database.begin_write().expect("nobody else writes");
    let mut meta = change.open_table(crate::tables::META).expect("it is there");
    meta.insert(crate::tables::SPENT_KEY, &b"of a later firmware"[..])
        .expect("it takes a row");
    drop(meta);
    change.commit().expect("the disk has room");
    drop(database);
    let store = scratch.store();
    let nothing = Reply::Spent(ipc::store::Spent::default());
    assert_eq!(store.ask(PBX, Request::Spent), nothing);
    let record = Request::PutCalls(vec![call(200, Outcome::Cancelled)]);
    assert_eq!(store.ask(PBX, record), Reply::Stored);
    assert_eq!(health(&store).warning, "");
}

#[test]
fn a_rotten_sector_anywhere_is_noticed_at_the_start() {
    let model = Scratch::new();
    used(&model);
    let mut restored = 0;
    for seed in 0..60 {
        let mut rng = Rng::from_seed(seed);
        let scratch = Scratch::new();
        for name in ["ramal.redb", "ramal.snapshot"] {
            fs::copy(model.path().join(name), scratch.path().join(name)).expect("it is there");
        }
        let path = scratch.path().join("ramal.redb");
        let file = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("it is there");
        let sectors = file.metadata().expect("it is open").len() / 512;
        // Low sectors hold the header and most of the pages in use.
        let range = if seed % 2 == 0 { sectors } else { 64 };
        let noise: Vec<u8> = (0..512).map(|_| rng.below(256) as u8).collect();
        file.write_all_at(&noise, rng.below(range) * 512)
            .expect("it is ours");
        drop(file);
        let store = scratch.store();
        let place = format!("seed {seed}");
        restored += u32::from(health(&store).warning.contains("damaged-1"));
        check_restored(&store, &place);
    }
    assert!(restored > 10, "{restored} of the sectors were in use");
}

#[test]
fn a_missing_file_is_restored_and_a_damaged_snapshot_is_not_believed() {
    let scratch = Scratch::new();
    used(&scratch);
    fs::remove_file(scratch.path().join("ramal.redb")).expect("it is there");
    let snapshot = scratch.path().join("ramal.snapshot");
    let mut bytes = fs::read(&snapshot).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&snapshot, bytes).expect("it is ours");
    let store = scratch.store();
    assert!(
        health(&store).warning.contains("was missing"),
        "{:?}",
        health(&store)
    );
    assert_eq!(config(&store).0, 2, "the snapshot before it is whole");
}

/// Writes the schema version as another firmware would.
fn write_schema(scratch: &Scratch, version: u32) {
    use crate::tables::{META, SCHEMA_VERSION_KEY, open, put};
    let database = redb::Database::create(scratch.path().join("ramal.redb")).expect("it opens");
    let txn = database.begin_write().expect("one writer");
    let mut meta = open(&txn, META).expect("it is there");
    put(&mut meta, "meta", SCHEMA_VERSION_KEY, &version).expect("it fits");
    drop(meta);
    txn.commit().expect("it is ours");
}

#[test]
fn a_database_of_a_newer_firmware_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    used(&scratch);
    let snapshot = || fs::read(scratch.path().join("ramal.snapshot")).expect("it is there");
    let before = snapshot();
    write_schema(&scratch, 2);
    for _ in 0..3 {
        let opened = try_store(Box::new(DataDisk::new(scratch.path())), scratch.path());
        let error = opened.err().map(|error| error.to_string());
        let error = error.expect("the newer database is refused");
        assert!(error.contains("update the firmware"), "{error}");
    }
    assert!(snapshot() == before, "its snapshot is untouched");
    assert!(!scratch.path().join("ramal.redb.damaged-1").exists());
    write_schema(&scratch, 1);
    check_restored(&scratch.store(), "the newer firmware is back");
}

/// Writes a snapshot whose first line fits its second.
fn write_snapshot(path: &Path, json: &str) {
    use sha2::{Digest as _, Sha256};
    let sum = hex::encode(Sha256::digest(json));
    fs::write(path, format!("{sum}\n{json}")).expect("it is ours");
}

/// The snapshot with something changed in it, and no database beside it; its file and bytes.
fn only_a_snapshot(
    scratch: &Scratch,
    change: impl FnOnce(&mut serde_json::Value),
) -> (PathBuf, Vec<u8>) {
    let path = scratch.path().join("ramal.snapshot");
    let text = fs::read_to_string(&path).expect("it is there");
    let (_, json) = text.split_once('\n').expect("two lines");
    let mut content = serde_json::from_str(json).expect("JSON");
    change(&mut content);
    write_snapshot(&path, &content.to_string());
    let changed = fs::read(&path).expect("it is there");
    fs::remove_file(scratch.path().join("ramal.redb")).expect("it is there");
    (path, changed)
}

#[test]
fn a_snapshot_of_a_newer_firmware_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    used(&scratch);
    let (path, newer) = only_a_snapshot(&scratch, |content| {
        content["schema"] = 2.into();
        content["calls"] = "told in another way".into();
    });
    for _ in 0..3 {
        let opened = try_store(Box::new(DataDisk::new(scratch.path())), scratch.path());
        let error = opened.err().map(|error| error.to_string());
        let error = error.expect("the newer snapshot is refused");
        assert!(error.contains("update the firmware"), "{error}");
    }
    assert_eq!(fs::read(&path).expect("it is there"), newer);
}

#[test]
fn a_snapshot_with_more_in_it_than_this_firmware_knows_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    used(&scratch);
    let (path, newer) = only_a_snapshot(&scratch, |content| {
        content["calls"] = "told in another way".into();
    });
    let opened = try_store(Box::new(DataDisk::new(scratch.path())), scratch.path());
    let error = opened.err().map(|error| error.to_string());
    let error = error.expect("the newer snapshot is refused");
    assert!(error.contains("update the firmware"), "{error}");
    assert_eq!(fs::read(&path).expect("it is there"), newer);
}

#[test]
fn a_snapshot_that_cannot_be_read_is_kept_for_people_to_look_at() {
    let scratch = Scratch::new();
    used(&scratch);
    for name in ["ramal.redb", "ramal.snapshot", "ramal.snapshot.previous"] {
        fs::write(scratch.path().join(name), name).expect("it is ours");
    }
    let store = scratch.store();
    let warning = health(&store).warning;
    assert!(warning.contains("factory configuration"), "{warning}");
    assert_eq!(commit(&store), Reply::Committed { version: 2 });
    store.close();
    for name in ["ramal.snapshot", "ramal.snapshot.previous"] {
        let kept = scratch.path().join(format!("{name}.damaged"));
        assert_eq!(fs::read_to_string(kept).expect("it is kept"), name);
    }
}

#[test]
fn at_most_three_damaged_files_are_kept() {
    let scratch = Scratch::new();
    used(&scratch);
    for round in 1..=5_u8 {
        fs::write(scratch.path().join("ramal.redb"), vec![round; 5000]).expect("it is ours");
        drop(scratch.store());
    }
    let kept = |n| fs::read(scratch.path().join(format!("ramal.redb.damaged-{n}")));
    assert_eq!(kept(1).expect("kept")[0], 3);
    assert_eq!(kept(3).expect("kept")[0], 5);
    assert!(kept(4).is_err());
}
