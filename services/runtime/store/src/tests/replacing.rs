//! From a restore to the next start of the box.

use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ipc::store::{BackupFailure, BackupRefusal, BackupRequest, Damage, Restore};

use super::backups::{Box, filled};
use super::*;

fn write(store: &Store) -> Reply {
    store.ask(PBX, Request::PutRegistrations(Vec::new()))
}

/// A box that has just become another one.
fn replaced() -> Box {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let second = Box::new();
    second.bring(&bytes);
    assert!(matches!(
        second.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    second
}

#[test]
fn what_runs_goes_on_with_what_was_before_until_the_box_has_started_anew() {
    let mut second = replaced();
    assert_eq!(config(&second.store).0, 1, "nobody is told another site");
    assert!(calls(&second.store, 9, None).is_empty());
    assert!(health(&second.store).needs_restart);
    second.start_anew();
    assert!(!health(&second.store).needs_restart);
    assert_eq!(calls(&second.store, 9, None).len(), 3);
    assert_eq!(write(&second.store), Reply::Stored);
}

#[test]
fn a_store_that_is_started_again_before_the_box_still_stores_nothing() {
    let mut second = replaced();
    second.start_store_again();
    assert!(health(&second.store).needs_restart);
    let refused = write(&second.store);
    assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
    second.start_anew();
    assert_eq!(write(&second.store), Reply::Stored);
}

#[test]
fn a_restore_that_is_asked_twice_is_done_once_and_the_database_before_stays() {
    let second = replaced();
    let before = second.scratch.path().join("ramal.redb.replaced");
    let kept = std::fs::metadata(&before).expect("it is kept");
    second.bring(b"anything");
    let again = second.restore(None);
    assert_eq!(again, RestoreState::Failed(BackupFailure::AwaitsRestart));
    let file = std::fs::metadata(&before).expect("it is kept still");
    assert_eq!(file.ino(), kept.ino());
}

#[test]
fn nothing_that_was_acknowledged_gets_into_a_site_that_is_not_its_own() {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let mut second = Box::new();
    second.bring(&bytes);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for from in [1_000, 2_000, 3_000] {
            let (store, is_over) = (&second.store, &is_over);
            scope.spawn(move || {
                for number in from.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let calls = vec![call(number, Outcome::EndedByCaller)];
                    store.ask(PBX, Request::PutCalls(calls));
                }
            });
        }
        let restored = second.restore(Some(&code));
        is_over.store(true, Ordering::Relaxed);
        assert!(
            matches!(restored, RestoreState::Restored { .. }),
            "{restored:?}"
        );
    });
    second.start_anew();
    assert_eq!(calls(&second.store, 99, None).len(), 3);
}

#[test]
fn while_both_become_one_the_store_is_alive_answers_and_refuses_to_write() {
    let own = filled();
    let shared = own.store.shared();
    let frozen = shared.freeze().expect("nothing was restored");
    shared.with_present(|present| {
        assert!(present.is_some());
        assert!(own.store.is_alive(Duration::from_secs(3)));
        assert_eq!(calls(&own.store, 9, None).len(), 3);
        let refused = write(&own.store);
        assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
    });
    drop(frozen);
    assert_eq!(write(&own.store), Reply::Stored, "it was given up");
}

#[test]
fn a_disk_that_fails_in_the_middle_leaves_the_box_with_what_it_had() {
    static FAILS: AtomicBool = AtomicBool::new(false);
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let mut second = Box::new();
    second.store.close();
    let disk = DataDisk::syncing_names(second.scratch.path(), |_| {
        match FAILS.swap(false, Ordering::Relaxed) {
            true => Err(std::io::Error::from_raw_os_error(5)),
            false => Ok(()),
        }
    });
    second.store = store(std::boxed::Box::new(disk), second.scratch.path());
    second.keep_backups();
    assert!(matches!(commit(&second.store), Reply::Committed { .. }));
    let before = config(&second.store);
    second.bring(&bytes);
    FAILS.store(true, Ordering::Relaxed);
    let failed = second.restore(Some(&code));
    assert_eq!(failed, RestoreState::Failed(BackupFailure::Disk(5)));
    assert_eq!(write(&second.store), Reply::Stored);
    second.start_store_again();
    assert_eq!(config(&second.store), before);
    assert!(!health(&second.store).needs_restart);
    let names = std::fs::read_dir(second.folder()).expect("a folder");
    let names = names.map(|it| it.expect("a file").file_name().into_string());
    let trails: Vec<_> = names.flatten().filter(|it| it.contains("trail")).collect();
    assert_eq!(trails, [""; 0], "none was replaced");
}

fn begin(own: &Box, code: &Redacted<String>) -> Reply {
    own.ask(BackupRequest::Restore {
        file: None,
        code: Some(code.clone()),
        audit: audit("restored"),
    })
}

#[test]
fn what_is_refused_is_refused_before_anything_is_begun() {
    let first = filled();
    let code = first.new_code();
    let mut bytes = first.make();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let second = Box::new();
    second.bring(&bytes);
    let damaged = BackupRefusal::Damaged(Damage::Changed);
    assert_eq!(begin(&second, &code), Reply::BackupRefused(damaged));
    assert_eq!(second.backups().restore, None);
}

#[test]
fn how_a_restore_ended_is_known_until_the_box_starts_anew() {
    let mut second = replaced();
    let told = second.backups().restore.expect("one was done");
    assert_eq!(told.state, RestoreState::Restored { version: 4 });
    second.start_store_again();
    assert_eq!(second.backups().restore, Some(told));
    second.start_anew();
    assert_eq!(second.backups().restore, None);
}

#[test]
fn a_restore_that_the_store_did_not_outlive_was_done_or_it_was_not() {
    let mut own = filled();
    let (version, _) = config(&own.store);
    for (state, expected) in [
        (
            RestoreState::Finishing { version },
            RestoreState::Restored { version },
        ),
        (
            RestoreState::Finishing {
                version: version + 1,
            },
            RestoreState::Failed(BackupFailure::Interrupted),
        ),
        (
            RestoreState::Reading { done: 1, total: 2 },
            RestoreState::Failed(BackupFailure::Interrupted),
        ),
    ] {
        let noted = Restore {
            began_millis: 1,
            file: String::new(),
            state,
        };
        let noted = serde_json::to_vec(&noted).expect("JSON");
        std::fs::create_dir_all(own.run()).expect("a folder");
        std::fs::write(own.run().join("restore"), noted).expect("it is ours");
        own.start_store_again();
        let told = own.backups().restore.expect("it was noted");
        assert_eq!(told.state, expected);
        let newest = own.entries().remove(0).audit;
        let is_failed = matches!(expected, RestoreState::Failed(_));
        assert_eq!(newest.action == "restore failed", is_failed, "{newest:?}");
    }
}

#[test]
fn a_restore_of_which_nothing_becomes_is_in_the_trail_and_leaves_the_next_one_its_turn() {
    let second = Box::new();
    let (bytes, code) = backups::crafted(1, &[]);
    second.bring(&bytes);
    assert_eq!(begin(&second, &code), Reply::RestoreBegun);
    let refused = RestoreState::Refused(BackupRefusal::Damaged(Damage::NoSite));
    assert_eq!(second.restored(), refused);
    let newest = second.entries().remove(0).audit;
    assert_eq!(
        (&*newest.action, &*newest.who),
        ("restore refused", "admin")
    );
    assert!(
        newest.after.contains("it has no configuration"),
        "{newest:?}"
    );
    assert_eq!(second.restore(Some(&code)), refused);
}
