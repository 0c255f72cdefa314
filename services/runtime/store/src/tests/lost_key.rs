//! The key of the numbers in call records cannot be read (R17).

use redb::ReadableTable as _;

use super::numbers::*;
use super::*;
use crate::lost_key::LOST;
use crate::rows::{SecretRow, encode};
use crate::tables::{SECRETS, get, redb_fault, secret_key};

fn key() -> Vec<u8> {
    secret_key(STORE, crate::seal::NAME)
}

/// A box with a call of MARIA.
fn box_with_a_call() -> Scratch {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &[outgoing(1, "100", MARIA)]);
    scratch
}

fn change(txn: &redb::WriteTransaction, change: impl FnOnce(&mut Vec<u8>)) {
    let mut table = txn.open_table(SECRETS).expect("a table");
    let row = table.get(key().as_slice()).expect("a row").expect("one");
    let mut bytes = row.value().to_vec();
    drop(row);
    change(&mut bytes);
    table
        .insert(key().as_slice(), bytes.as_slice())
        .expect("a row");
}

fn rot(bytes: &mut Vec<u8>) {
    bytes.pop();
}

/// A row that is whole and holds no key.
fn empty(bytes: &mut Vec<u8>) {
    let value = Redacted::new(vec![1; 31]);
    *bytes = encode(&SecretRow { value }).expect("a row");
}

fn without_snapshots(scratch: &Scratch) {
    for name in ["ramal.snapshot", "ramal.snapshot.previous"] {
        let _ = std::fs::remove_file(scratch.path().join(name));
    }
}

fn to(store: &Store) -> Vec<String> {
    let calls = calls(store, 9, None).into_iter();
    calls.map(|it| it.to).collect()
}

#[test]
fn a_key_that_rotted_comes_from_the_snapshot() {
    for damage in [rot, empty] {
        let scratch = box_with_a_call();
        edit(&scratch, |txn| change(txn, damage));
        // The newest is of no use.
        std::fs::write(scratch.path().join("ramal.snapshot"), "rotten").expect("ours");
        let store = scratch.store();
        put(&store, &[outgoing(2, "100", RUI)]);
        assert_eq!(to(&store), [RUI, MARIA]);
    }
}

#[test]
fn a_key_that_is_nowhere_is_replaced_and_what_is_left_of_it_is_kept() {
    for damage in [rot, empty] {
        let scratch = box_with_a_call();
        let mut left = Vec::new();
        edit(&scratch, |txn| {
            change(txn, |bytes| {
                damage(bytes);
                left.clone_from(bytes);
            });
        });
        without_snapshots(&scratch);
        let store = scratch.store();
        let warning = health(&store).warning;
        assert!(warning.contains("the key of numbers"), "{warning}");
        put(&store, &[outgoing(2, "100", RUI)]);
        assert_eq!(to(&store), [RUI, "?"]);
        store.close();
        edit(&scratch, |txn| {
            let table = txn.open_table(SECRETS).expect("a table");
            let lost: Option<SecretRow> =
                get(&table, "secrets", &secret_key(STORE, LOST)).expect("a row");
            assert_eq!(lost.expect("kept").value, Redacted::new(left));
        });
    }
}

#[test]
fn a_key_that_rots_while_the_box_runs_costs_one_write_that_is_asked_again() {
    let scratch = box_with_a_call();
    let store = scratch.store();
    let rotten = store.shared().with_writable(|database| {
        let txn = crate::opening::begin(database)?;
        change(&txn, rot);
        txn.commit().map_err(redb_fault)
    });
    assert_eq!(rotten, Ok(()));
    let request = || Request::PutCalls(vec![outgoing(2, "100", RUI)]);
    let first = store.ask(PBX, request());
    assert!(matches!(first, Reply::Failed { .. }), "{first:?}");
    assert_eq!(store.ask(PBX, request()), Reply::Stored);
    assert_eq!(to(&store), [RUI, MARIA]);
    assert_eq!(health(&store).warning, "");
}

#[test]
fn a_key_of_a_newer_firmware_is_not_replaced() {
    let scratch = box_with_a_call();
    edit(&scratch, |txn| change(txn, |bytes| bytes[0] = 2));
    let store = scratch.store();
    let reply = store.ask(PBX, Request::PutCalls(vec![outgoing(2, "100", RUI)]));
    assert!(matches!(reply, Reply::Failed { .. }), "{reply:?}");
    store.close();
    edit(&scratch, |txn| change(txn, |bytes| bytes[0] = 1));
    let again = scratch.store();
    put(&again, &[outgoing(2, "100", RUI)]);
    assert_eq!(to(&again), [RUI, MARIA]);
}
