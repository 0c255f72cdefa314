//! Who is banned outlives the process that keeps it, and no more of it than that.

use ipc::guard::{BanRow, Offence};
use ipc::store::BanChanges;
use redb::ReadableTable as _;

use super::*;
use crate::tables::BANS;
use crate::{BANS_CHANGED_MAX, BANS_PAGE};

fn ban(number: u32) -> BanRow {
    let [_, a, b, c] = number.to_be_bytes();
    BanRow {
        network: format!("198.{a}.{b}.{c}/32"),
        offence: Offence::SipPassword,
        count: 5,
        within_secs: 600,
        tried: vec!["100".into(), "101".into()],
        since_secs: 1_700_000_000,
        left_secs: 600,
        until_secs: Some(1_700_000_600),
        times: 1,
    }
}

fn put(store: &Store, put: Vec<BanRow>) -> Reply {
    let changes = BanChanges {
        put,
        ..BanChanges::default()
    };
    store.ask(GUARD, Request::ChangeBans(changes))
}

fn bans(store: &Store) -> Vec<BanRow> {
    let mut all: Vec<BanRow> = Vec::new();
    loop {
        let after = all.last().map_or_else(String::new, |it| it.network.clone());
        match store.ask(GUARD, Request::Bans { after }) {
            Reply::Bans(page) if page.is_empty() => return all,
            Reply::Bans(page) => all.extend(page),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn bans_outlive_a_restart_and_go_when_they_are_said_to() {
    let scratch = Scratch::new();
    let store = scratch.store();
    assert_eq!(bans(&store), [], "a table that was never made");
    assert_eq!(put(&store, (1..=3).map(ban).collect()), Reply::Stored);
    let longer = BanRow {
        times: 2,
        until_secs: None,
        ..ban(2)
    };
    let changes = BanChanges {
        forgets_all: false,
        gone: vec![ban(1).network, ban(9).network],
        put: vec![longer.clone()],
    };
    assert_eq!(
        store.ask(GUARD, Request::ChangeBans(changes)),
        Reply::Stored
    );
    drop(store);
    let store = scratch.store();
    assert_eq!(bans(&store), [longer, ban(3)]);
    let changes = BanChanges {
        forgets_all: true,
        gone: Vec::new(),
        put: vec![ban(4)],
    };
    assert_eq!(
        store.ask(GUARD, Request::ChangeBans(changes)),
        Reply::Stored
    );
    assert_eq!(bans(&store), [ban(4)]);
}

#[test]
fn nobody_but_guard_reads_or_changes_bans() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for uid in [NET, PBX, WEB, PROVISION, GRID] {
        let after = String::new();
        let asked = store.ask(uid, Request::Bans { after });
        assert_eq!(asked, Reply::Refused { uid });
        let changes = BanChanges::default();
        let asked = store.ask(uid, Request::ChangeBans(changes));
        assert_eq!(asked, Reply::Refused { uid });
    }
}

#[test]
fn a_ban_that_the_disk_has_changed_is_left_out_and_the_others_count() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, vec![ban(1), ban(2)]);
    drop(store);
    let database = redb::Database::create(scratch.path().join("ramal.redb")).expect("it opens");
    let txn = database.begin_write().expect("one writer");
    {
        let mut table = txn.open_table(BANS).expect("it is there");
        let key = ban(1).network;
        let row = table.get(key.as_bytes()).expect("read");
        let mut row = row.expect("a row").value().to_vec();
        row[20] ^= 1;
        table
            .insert(key.as_bytes(), row.as_slice())
            .expect("written");
    }
    txn.commit().expect("it is ours");
    drop(database);
    assert_eq!(bans(&scratch.store()), [ban(2)]);
}

#[test]
fn what_is_too_long_or_too_much_is_refused_whole() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let check = |bad: Vec<BanRow>| {
        let refused = put(&store, bad);
        assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
        assert_eq!(bans(&store), []);
    };
    let network = "x".repeat(65);
    check(vec![ban(1), BanRow { network, ..ban(2) }]);
    let tried = vec!["x".repeat(161)];
    check(vec![BanRow { tried, ..ban(2) }]);
    check((0..=BANS_CHANGED_MAX as u32).map(ban).collect());
}

#[test]
fn bans_of_more_than_one_answer_are_read_one_answer_after_the_other() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let all: Vec<BanRow> = (0..=BANS_PAGE as u32).map(ban).collect();
    assert_eq!(put(&store, all.clone()), Reply::Stored);
    assert_eq!(bans(&store).len(), all.len());
    // The longest one there can be.
    let long = BanRow {
        tried: vec!["x".repeat(160); 8],
        ..ban(1)
    };
    let page = Reply::Bans(vec![long; BANS_PAGE]);
    assert!(ipc::frame::encode(&page).is_ok());
}
