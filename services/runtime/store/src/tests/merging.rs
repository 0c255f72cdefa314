//! What becomes of a backup and of what the box has, together.

use ipc::site::{Grant, Whose};
use ipc::store::{Provisioned, laid_down};

use super::backups::{Box, filled};
use super::*;
use crate::rows::{AuditRow, encode};
use crate::tables::{
    ANCHOR_KEY, AUDIT, CALLS, CONFIG, Definition, META, decode, key_number, number_key,
};

impl Box {
    /// Puts rows into the database behind the store's back.
    fn edit(&mut self, change: impl FnOnce(&redb::WriteTransaction)) {
        self.store.close();
        let file = self.scratch.path().join("ramal.redb");
        let database = redb::Database::create(file).expect("it is whole");
        let txn = database.begin_write().expect("nobody else writes");
        change(&txn);
        txn.commit().expect("the disk has room");
        drop(database);
        self.start_anew();
    }

    fn restore_brought(&mut self, bytes: &[u8]) {
        self.bring(bytes);
        let restored = self.restore(None);
        assert!(
            matches!(restored, RestoreState::Restored { .. }),
            "{restored:?}"
        );
        self.start_anew();
    }

    fn note(&self, entries: std::ops::Range<u32>) {
        for number in entries {
            let entry = audit(&format!("entry {number}"));
            assert_eq!(self.store.ask(WEB, Request::Audit(entry)), Reply::Stored);
        }
    }

    fn damage_database(&mut self) {
        let garbage = vec![0x5a; 100_000];
        std::fs::write(self.scratch.path().join("ramal.redb"), garbage).expect("it is ours");
    }

    /// The trail is a chain from its first entry to its last, without a gap.
    fn check_chain(&self) {
        let entries = self.entries();
        let numbers: Vec<u64> = entries.iter().rev().map(|it| it.sequence).collect();
        let first = numbers[0];
        let all: Vec<u64> = (first..first + numbers.len() as u64).collect();
        assert_eq!(numbers, all);
        let warning = health(&self.store).warning;
        assert!(!warning.contains("audit trail"), "{warning}");
    }
}

fn puts<T: serde::Serialize>(
    txn: &redb::WriteTransaction,
    table: Definition,
    rows: impl IntoIterator<Item = (Vec<u8>, T)>,
) {
    let mut table = txn.open_table(table).expect("it is there");
    for (key, row) in rows {
        let bytes = encode(&row).expect("a row");
        table.insert(&key[..], &bytes[..]).expect("a row");
    }
}

#[test]
fn a_person_whose_extension_the_backup_lacks_loses_it_and_the_site_stays_valid() {
    let mut own = filled();
    let bytes = own.make();
    assert!(matches!(commit(&own.store), Reply::Committed { .. }));
    let (base, mut site) = config(&own.store);
    site.people[0].extensions = vec!["101".into()];
    site.people[0].grants = ["100", "101"]
        .map(|number| Grant {
            of: Whose::Extension(number.into()),
            by: "admin".into(),
            since_millis: 0,
        })
        .into();
    let audit = audit("person changed");
    let given = own.store.ask(WEB, Request::Commit { base, audit, site });
    assert!(matches!(given, Reply::Committed { .. }), "{given:?}");

    own.restore_brought(&bytes);
    let (_, site) = config(&own.store);
    assert_eq!(::config::Site::parse(&site).err(), None);
    assert!(site.people[0].extensions.is_empty());
    assert_eq!(site.people[0].grants.len(), 1);
    let told = &own.entries()[0].audit.after;
    assert!(
        told.ends_with("person maria: extension 101, person maria: calls of extension 101"),
        "{told}"
    );
    assert!(matches!(commit(&own.store), Reply::Committed { .. }));
}

#[test]
fn after_damage_the_trail_of_the_backup_goes_before_what_was_left_of_it() {
    let mut own = filled();
    own.note(0..700);
    own.person("joana");
    let bytes = own.make();
    let whole = own.entries();
    own.store.close();
    own.damage_database();
    own.start_anew();
    assert!(
        own.entries().len() < 510,
        "the snapshot has the newest alone"
    );
    own.person("rui");

    own.restore_brought(&bytes);
    let after = own.entries();
    assert_eq!(after[after.len() - whole.len()..], whole);
    assert_eq!(config(&own.store).1.people[0].login, "rui");
    own.check_chain();
    own.make();
}

#[test]
fn after_damage_the_entries_that_only_the_backup_has_are_kept_with_those_that_came_since() {
    let mut own = filled();
    let snapshot = own.scratch.path().join("ramal.snapshot");
    let earlier = std::fs::read(&snapshot).expect("it is there");
    own.note(0..5);
    let bytes = own.make();
    let whole = own.entries();
    own.store.close();
    own.damage_database();
    std::fs::write(&snapshot, earlier).expect("it is ours");
    own.start_anew();
    own.person("rui");
    let since: Vec<String> = own.trail().into_iter().take(2).collect();

    own.restore_brought(&bytes);
    let after = own.entries();
    assert_eq!(after[after.len() - whole.len()..], whole);
    assert_eq!(own.trail()[1..3], since[..]);
    assert_eq!(config(&own.store).1.people[0].login, "rui");
    own.check_chain();
    own.make();
}

#[test]
fn a_backup_older_than_the_trail_that_is_kept_brings_no_account_back() {
    let mut own = filled();
    let bytes = own.make();
    own.note(0..9);
    own.person("joana");
    let last = own.entries()[0].sequence;
    own.edit(|txn| {
        let mut table = txn.open_table(AUDIT).expect("it is there");
        let mut anchor = String::new();
        table
            .retain(|key, value| {
                let is_kept = key_number(key) > last - 3;
                if !is_kept {
                    let row: AuditRow = decode("audit", value).expect("a row");
                    anchor = row.hash;
                }
                is_kept
            })
            .expect("a table");
        drop(table);
        puts(txn, META, [(ANCHOR_KEY.to_vec(), anchor)]);
    });
    let trail = own.trail();

    own.restore_brought(&bytes);
    assert_eq!(config(&own.store).1.people[0].login, "joana");
    assert_eq!(own.trail()[1..], trail[..]);
    own.check_chain();
}

#[test]
fn a_backup_of_the_site_that_the_box_was_before_is_another_ones() {
    let mut own = filled();
    let bytes = own.make();
    let other = Box::new();
    other.person("bia");
    let code = other.new_code();
    let theirs = other.make();
    own.bring(&theirs);
    assert!(matches!(
        own.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    own.start_anew();
    assert_eq!(config(&own.store).1.people[0].login, "bia");
    // The box has its own key still, and everything comes back.
    own.restore_brought(&bytes);
    assert_eq!(config(&own.store).1.people[0].login, "maria");
    own.check_chain();
}

#[test]
fn on_its_own_past_the_box_keeps_the_secrets_that_it_has() {
    let mut own = filled();
    let code = own.new_code();
    let bytes = own.make();
    own.keep(WEB, "certificate", b"a later one");
    own.new_code();
    own.settle();
    own.bring(&bytes);
    assert!(matches!(
        own.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    own.start_anew();
    let certificate = own.secret(WEB, "certificate");
    assert_eq!(certificate.as_deref(), Some(&b"a later one"[..]));
    // The paper of then was replaced for a reason.
    let again = own.make();
    let other = Box::new();
    other.bring(&again);
    let refused = other.restore(Some(&code));
    assert!(matches!(refused, RestoreState::Refused(_)), "{refused:?}");
}

#[test]
fn a_file_that_was_laid_down_is_not_applied_again_over_what_was_restored() {
    let first = filled();
    let code = first.new_code();
    first.keep(NET, laid_down::NETWORK, b"10.0.0.5/24 - -");
    let bytes = first.make();
    let mut second = Box::new();
    let file = || Provisioned {
        id: [7; 32],
        network: Some("10.0.0.9/24 - -".into()),
        ..Provisioned::default()
    };
    let ask = |at: &Box| at.store.ask(PROVISION, Request::Provision(file()));
    assert_eq!(ask(&second), Reply::Stored);
    second.bring(&bytes);
    assert!(matches!(
        second.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    second.start_anew();
    assert_eq!(ask(&second), Reply::Stored);
    let network = second.secret(NET, laid_down::NETWORK);
    assert_eq!(network.as_deref(), Some(&b"10.0.0.5/24 - -"[..]));
}

#[test]
fn no_more_versions_are_kept_after_a_restore_than_before() {
    let mut own = filled();
    let (version, site) = config(&own.store);
    own.edit(|txn| {
        let row = crate::rows::ConfigRow {
            at_millis: 1,
            author: "admin".into(),
            action: "changed".into(),
            site: crate::rows::SiteRow::from(&site),
        };
        let rows = (version + 1..=1000).map(|it| (number_key(it).to_vec(), row.clone()));
        puts(txn, CONFIG, rows);
    });
    let bytes = own.make();
    own.restore_brought(&bytes);
    let limit = 1000;
    let oldest = own.store.ask(
        WEB,
        Request::History {
            limit,
            before: Some(3),
        },
    );
    let Reply::History(oldest) = oldest else {
        panic!("{oldest:?}")
    };
    assert_eq!(oldest.iter().map(|it| it.version).collect::<Vec<_>>(), [2]);
    own.make();
}

#[test]
fn rows_that_cannot_be_read_are_left_behind_and_said() {
    let mut own = filled();
    let bytes = own.make();
    own.edit(|txn| {
        for (table, key) in [(CALLS, &b"0"[..]), (CONFIG, &number_key(1)[..])] {
            let mut table = txn.open_table(table).expect("it is there");
            table.insert(key, &b"rotten"[..]).expect("a row");
        }
    });
    own.restore_brought(&bytes);
    let told = &own.entries()[0].audit.after;
    assert!(
        told.ends_with(
            "not readable and left behind: 1 of table calls; \
             not readable and left behind: 1 of table config"
        ),
        "{told}"
    );
    assert_eq!(calls(&own.store, 9, None).len(), 3);
    own.make();
}

#[test]
fn a_trail_that_was_changed_from_outside_is_said_and_hinders_neither_backup_nor_restore() {
    let mut own = filled();
    own.edit(|txn| {
        let mut row = AuditRow {
            at_millis: 1,
            who: "admin".into(),
            from: String::new(),
            action: "nothing at all".into(),
            before: String::new(),
            after: String::new(),
            hash: String::new(),
        };
        row.hash = "0".repeat(64);
        puts(txn, AUDIT, [(number_key(2).to_vec(), row)]);
    });
    let bytes = own.make();
    own.restore_brought(&bytes);
    let told = &own.entries()[0].audit.after;
    assert!(told.contains("entry 2 of its audit trail"), "{told}");
}

#[test]
fn a_fact_of_a_version_that_knew_more_is_carried() {
    let mut own = filled();
    own.edit(|txn| puts(txn, META, [(b"later".to_vec(), 7)]));
    let bytes = own.make();
    own.restore_brought(&bytes);
    own.make();
}

#[test]
fn a_box_without_its_signing_key_draws_that_and_keeps_the_key_that_opens() {
    let mut own = filled();
    let code = own.new_code();
    own.settle();
    let of_box = own.backups().of_box;
    own.edit(|txn| {
        let mut table = txn.open_table(crate::tables::SECRETS).expect("it is there");
        let key = crate::tables::secret_key(STORE, "backup-signer");
        table.remove(&key[..]).expect("a row");
    });
    assert_ne!(own.backups().of_box, of_box);
    let bytes = own.make();
    let other = Box::new();
    other.bring(&bytes);
    assert!(matches!(
        other.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
}

#[test]
fn a_list_of_backups_names_those_of_an_earlier_code() {
    let own = filled();
    own.make();
    own.new_code();
    let backups = own.backups();
    let earlier = backups.files.last().expect("one was made");
    assert!(earlier.needs_code, "elsewhere it needs the earlier paper");
    let file = Some(earlier.name.clone());
    own.settle();
    let restored = own.restore_file(file, None);
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
}
