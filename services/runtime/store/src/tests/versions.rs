//! Data that another version of the firmware has written: newer, as after a rollback, and older.

use std::fs;

use ipc::guard::Offence;
use ipc::site::GuardRule;
use redb::{Database, ReadableTable as _, TableDefinition};
use serde_json::{Value, json};

use super::*;
use crate::migrate::{self, Step};
use crate::opening::builder;
use crate::rows::{decode, encode};
use crate::tables::{
    CONFIG, Definition, Fault, META, SCHEMA_VERSION_KEY, last_number, number_key, open, redb_fault,
};

fn database(scratch: &Scratch) -> Database {
    Database::create(scratch.path().join("ramal.redb")).expect("it opens")
}

/// Changes the newest configuration behind the store's back.
fn edit(scratch: &Scratch, change: impl FnOnce(&mut Value)) {
    let database = database(scratch);
    let txn = database.begin_write().expect("one writer");
    {
        let mut table = txn.open_table(CONFIG).expect("it is there");
        let key = number_key(last_number(&table).expect("a row"));
        let bytes = table.get(&key[..]).expect("it is read");
        let bytes = bytes.expect("a row").value().to_vec();
        let mut row: Value = decode(&bytes).expect("a row");
        change(&mut row["site"]);
        let bytes = encode(&row).expect("a row");
        table.insert(&key[..], &bytes[..]).expect("it is written");
    }
    txn.commit().expect("it is ours");
}

/// The site of the newest configuration as it stands on disk.
fn on_disk(scratch: &Scratch) -> Value {
    let database = database(scratch);
    let txn = database.begin_write().expect("one writer");
    let table = txn.open_table(CONFIG).expect("it is there");
    let key = number_key(last_number(&table).expect("a row"));
    let row = table.get(&key[..]).expect("it is read").expect("a row");
    let row: Value = decode(row.value()).expect("a row");
    row["site"].clone()
}

fn change(store: &Store, change: impl FnOnce(&mut Site)) {
    let (base, mut site) = config(store);
    change(&mut site);
    let audit = audit("changed");
    let reply = store.ask(WEB, Request::Commit { base, audit, site });
    assert!(matches!(reply, Reply::Committed { .. }), "{reply:?}");
}

#[test]
fn what_a_newer_firmware_has_set_outlives_a_change_by_this_one() {
    let scratch = Scratch::new();
    let store = scratch.store();
    commit(&store);
    drop(store);
    let number = on_disk(&scratch)["extensions"][0]["number"].clone();
    edit(&scratch, |site| {
        site["sounds"] = json!({ "greeting": "hello" });
        site["extensions"][0]["lamp"] = "red".into();
        site["telephony"]["dialling"]["later"] = 7.into();
    });

    let store = scratch.store();
    change(&store, |site| {
        site.extensions[0].display_name = "Changed".into();
        let other = Extension {
            number: "900".into(),
            ..site.extensions[0].clone()
        };
        site.extensions.insert(0, other);
    });
    drop(store);
    let site = on_disk(&scratch);
    assert_eq!(site["sounds"], json!({ "greeting": "hello" }));
    assert_eq!(site["telephony"]["dialling"]["later"], 7);
    assert_eq!(site["extensions"][1]["number"], number);
    assert_eq!(site["extensions"][1]["lamp"], "red");
    assert_eq!(site["extensions"][1]["display_name"], "Changed");
    assert_eq!(site["extensions"][0].get("lamp"), None, "it is another one");

    let store = scratch.store();
    change(&store, |site| site.extensions.truncate(1));
    change(&store, |site| {
        let again = Extension {
            number: number.as_str().expect("text").into(),
            ..site.extensions[0].clone()
        };
        site.extensions.push(again);
    });
    drop(store);
    let site = on_disk(&scratch);
    assert_eq!(site["extensions"][1]["number"], number);
    assert_eq!(site["extensions"][1].get("lamp"), None, "it was taken away");
    assert_eq!(site["telephony"]["dialling"]["later"], 7);
}

#[test]
fn rules_for_what_only_a_newer_firmware_counts_are_passed_over() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let rule = |offence| GuardRule {
        offence,
        count: Some(3),
        within_secs: None,
        only_report: false,
    };
    let known = [Offence::WebPath, Offence::SipPassword].map(rule);
    commit(&store);
    change(&store, |site| site.guard.rules = known.into());
    drop(store);
    edit(&scratch, |site| {
        let rules = &mut site["telephony"]["guard"]["rules"];
        rules[1]["faint"] = true.into();
        let later = json!({ "offence": "rtp-foreign", "count": 7, "only_report": true });
        rules.as_array_mut().expect("a list").insert(0, later);
    });

    let store = scratch.store();
    assert_eq!(config(&store).1.guard.rules, known);
    change(&store, |site| {
        site.guard.rules.remove(0);
        site.guard.on = true;
    });
    drop(store);
    let guard = &on_disk(&scratch)["telephony"]["guard"];
    assert_eq!(guard["on"], true);
    let rules = json!([{
        "offence": "sip-password", "count": 3, "within_secs": null, "only_report": false,
        "faint": true,
    }]);
    assert_eq!(guard["rules"], rules);
}

#[test]
fn countries_that_only_a_newer_firmware_knows_are_passed_over_and_keep_nobody_out() {
    let scratch = Scratch::new();
    let store = scratch.store();
    commit(&store);
    change(&store, |site| {
        site.countries.allowed = vec!["BR".into()];
        site.countries.on = true;
    });
    drop(store);
    edit(&scratch, |site| {
        site["telephony"]["countries"]["allowed"] = json!(["BR", "QQ"]);
    });
    let store = scratch.store();
    let read = config(&store).1.countries;
    assert!(read.on && read.allowed == ["BR"], "{read:?}");
    drop(store);
    edit(&scratch, |site| {
        site["telephony"]["countries"]["allowed"] = json!(["QQ"]);
    });
    let store = scratch.store();
    let read = config(&store).1.countries;
    assert!(!read.on && read.allowed.is_empty(), "{read:?}");
}

#[test]
fn what_this_firmware_knows_and_takes_away_does_not_come_back() {
    let scratch = Scratch::new();
    let store = scratch.store();
    commit(&store);
    change(&store, |site| {
        site.extensions[0].settings.do_not_disturb = true
    });
    drop(store);
    edit(&scratch, |site| site["later"] = 1.into());
    let before = on_disk(&scratch);
    let store = scratch.store();
    change(&store, |site| {
        site.extensions[0].settings.do_not_disturb = false
    });
    assert!(!config(&store).1.extensions[0].settings.do_not_disturb);
    drop(store);
    let store = scratch.store();
    assert!(!config(&store).1.extensions[0].settings.do_not_disturb);
    drop(store);
    let after = on_disk(&scratch);
    assert_ne!(before["extensions"], after["extensions"]);
    assert_eq!(after["later"], 1);
}

#[test]
fn a_configuration_that_this_firmware_cannot_read_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let store = scratch.store();
    commit(&store);
    drop(store);
    let number = on_disk(&scratch)["extensions"][0]["number"].clone();
    edit(&scratch, |site| {
        site["extensions"][0]["number"] = json!({ "of": [1] })
    });
    let snapshot = fs::read(scratch.path().join("ramal.snapshot")).expect("it is there");
    for _ in 0..2 {
        let opened = try_store(Box::new(DataDisk::new(scratch.path())), scratch.path());
        let error = opened.err().expect("it is refused").to_string();
        assert!(error.contains("update the firmware"), "{error}");
    }
    assert!(!scratch.path().join("ramal.redb.damaged-1").exists());
    let kept = fs::read(scratch.path().join("ramal.snapshot")).expect("it is there");
    assert!(kept == snapshot, "its snapshot is untouched");
    edit(&scratch, |site| site["extensions"][0]["number"] = number);
    assert_eq!(config(&scratch.store()).0, 2, "the newer firmware is back");
}

const LATER: TableDefinition<'_, &str, u64> = TableDefinition::new("later");

#[test]
fn a_table_of_a_newer_firmware_stays_as_it_is() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let database = database(&scratch);
    let txn = database.begin_write().expect("one writer");
    txn.open_table(LATER)
        .expect("made")
        .insert("row", 7)
        .expect("kept");
    txn.commit().expect("it is ours");
    drop(database);
    let store = scratch.store();
    commit(&store);
    drop(store);
    let database = self::database(&scratch);
    let txn = database.begin_write().expect("one writer");
    let table = txn.open_table(LATER).expect("it is there");
    assert_eq!(
        table.get("row").expect("read").map(|it| it.value()),
        Some(7)
    );
}

const NOTES: Definition = Definition::new("notes");

fn note(txn: &redb::WriteTransaction, name: &[u8]) -> Result<(), Fault> {
    let mut notes = open(txn, NOTES)?;
    notes.insert(name, &b""[..]).map(drop).map_err(redb_fault)
}

fn state(database: &Database) -> (u32, Vec<Vec<u8>>) {
    let txn = database.begin_write().expect("one writer");
    let meta = open(&txn, META).expect("a table");
    let schema = crate::tables::get(&meta, "meta", SCHEMA_VERSION_KEY).expect("a row");
    let notes = open(&txn, NOTES).expect("a table");
    let notes = notes
        .iter()
        .expect("rows")
        .map(|it| it.expect("a row").0.value().to_vec());
    (schema.unwrap_or(0), notes.collect())
}

#[test]
fn data_of_an_older_schema_is_moved_to_the_present_one_step_by_step_or_not_at_all() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let path = scratch.path().join("ramal.redb");
    let database = builder().create(path).expect("it opens");
    let bad: [Step; 2] = [
        |txn| note(txn, b"second"),
        |_| {
            Err(redb_fault(redb::Error::Io(
                std::io::ErrorKind::StorageFull.into(),
            )))
        },
    ];
    assert!(migrate::forward(&database, 1, &bad).is_err());
    assert_eq!(state(&database), (1, Vec::new()), "nothing of it is there");
    let steps: [Step; 2] = [|txn| note(txn, b"second"), |txn| note(txn, b"third")];
    migrate::forward(&database, 2, &steps).expect("it is moved");
    assert_eq!(state(&database), (3, vec![b"third".to_vec()]));
    migrate::forward(&database, 1, &steps).expect("it is moved");
    let both = vec![b"second".to_vec(), b"third".to_vec()];
    assert_eq!(state(&database), (3, both));
}
