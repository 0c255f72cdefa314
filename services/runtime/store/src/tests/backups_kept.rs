//! When backups are made by themselves, which stay, and how much room they leave.

use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use ipc::store::{BackupFailure, BackupRefusal, BackupRequest, BackupTrouble, Damage};
use redb::{Builder, Database, DatabaseError};

use super::backups::{Box, filled};
use super::*;

impl Box {
    fn is_due(&self) -> bool {
        self.store.backups().is_due(self.store.shared())
    }

    fn names(&self) -> Vec<String> {
        let files = self.backups().files.into_iter();
        files.map(|it| it.name).collect()
    }

    fn rename(&self, from: &str, to: &str) {
        let folder = self.folder();
        std::fs::rename(folder.join(from), folder.join(to)).expect("it is ours");
    }
}

const NOW: &str = "1700000000000.backup";

#[test]
fn a_backup_of_a_clock_that_was_ahead_makes_one_more_and_not_one_after_the_other() {
    let mut own = filled();
    own.make();
    own.rename(NOW, "9999999999999.backup");
    own.start_anew();
    assert!(own.is_due());
    own.make();
    assert!(!own.is_due());
    own.start_anew();
    assert!(!own.is_due(), "nor after the next start");
    assert_eq!(own.names().len(), 2);
}

#[test]
fn one_that_did_not_prove_good_is_no_backup_and_goes_when_one_does() {
    let mut own = filled();
    own.make();
    own.rename(NOW, "1699999000000.unproved");
    assert!(!own.is_due(), "one was begun within the hour");
    own.start_anew();
    // It may have taken the store along: it is not tried again at each start.
    assert!(!own.is_due());
    own.make();
    assert_eq!(own.names(), [NOW]);
}

#[test]
fn one_is_due_where_none_opens_with_the_key_the_box_has_now() {
    let mut own = filled();
    own.make();
    own.store.close();
    let kept = std::fs::read(own.folder().join(NOW)).expect("it is there");
    own.start_anew();
    assert!(!own.is_due());
    own.new_code();
    own.settle();
    std::fs::write(own.folder().join(NOW), kept).expect("it is ours");
    own.start_anew();
    assert!(own.is_due());
}

#[test]
fn secrets_of_a_user_nobody_knows_and_rows_of_no_schema_are_refused() {
    let own = filled();
    let refused = |bytes: &[u8], code| {
        own.bring(bytes);
        match own.restore(Some(code)) {
            RestoreState::Refused(BackupRefusal::Damaged(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let row = crate::rows::SecretRow {
        value: Redacted::new(vec![1]),
    };
    let row = crate::rows::encode(&row).expect("a row");
    let key = [&4711_u32.to_be_bytes(), &b"key"[..]].concat();
    let rows = [(::backup::Table::Secrets, &key[..], row)];
    let (bytes, code) = backups::crafted(1, &rows);
    assert_eq!(refused(&bytes, &code), Damage::Strange);
    let (bytes, code) = backups::crafted(0, &[]);
    assert_eq!(refused(&bytes, &code), Damage::Strange);
}

#[test]
fn what_was_brought_and_not_restored_is_forgotten_after_an_hour() {
    let own = filled();
    let bytes = own.make();
    own.bring(&bytes);
    let upload = own.folder().join("upload.part");
    own.store
        .backups()
        .forget_upload_after(Duration::from_secs(3600));
    assert!(upload.exists());
    own.store.backups().forget_upload_after(Duration::ZERO);
    assert!(!upload.exists());
    let missing = RestoreState::Refused(BackupRefusal::Missing);
    assert_eq!(own.restore(None), missing);
}

#[test]
fn nobody_brings_another_while_one_is_looked_at_to_be_restored() {
    let own = filled();
    let upload = own.folder().join("upload.part");
    let made = std::process::Command::new("mkfifo").arg(&upload).status();
    assert!(made.expect("coreutils are installed").success());
    let piece = || {
        own.ask(BackupRequest::Upload {
            offset: 0,
            bytes: vec![1; 10],
        })
    };
    std::thread::scope(|scope| {
        let restoring = scope.spawn(|| own.restore_file(None, None));
        // It is being opened to be read once it can be opened to be written.
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).custom_flags(nonblocking);
        let writer = loop {
            match options.open(&upload) {
                Ok(writer) => break writer,
                Err(_) => std::thread::yield_now(),
            }
        };
        assert_eq!(piece(), Reply::BackupRefused(BackupRefusal::Busy));
        drop(writer);
        let refused = restoring.join().expect("it ends");
        assert!(matches!(refused, RestoreState::Refused(_)), "{refused:?}");
    });
    std::fs::remove_file(&upload).expect("it was made");
    assert_eq!(piece(), Reply::Uploaded { next: 10 });
}

/// A disk that says how much is free, and may have no place for a database beside.
#[derive(Debug)]
struct Scarce(DataDisk, Arc<AtomicU64>, Arc<AtomicBool>);

impl Medium for Scarce {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        self.0.open(builder)
    }

    fn set_aside(&self) -> std::io::Result<String> {
        self.0.set_aside()
    }

    fn open_scratch(
        &self,
        which: crate::Scratch,
        builder: &Builder,
    ) -> Result<Database, DatabaseError> {
        match self.2.load(Ordering::Relaxed) {
            true => Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into()),
            false => self.0.open_scratch(which, builder),
        }
    }

    fn remove_scratch(&self, which: crate::Scratch) {
        self.0.remove_scratch(which);
    }

    fn file_bytes(&self) -> u64 {
        self.0.file_bytes()
    }

    fn free_bytes(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    fn is_read_only(&self) -> bool {
        false
    }
}

impl Box {
    /// Puts such a disk under it.
    fn scarce(&mut self) -> (Arc<AtomicU64>, Arc<AtomicBool>) {
        self.store.close();
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let is_full = Arc::new(AtomicBool::new(false));
        let disk = DataDisk::new(self.scratch.path());
        let disk = Scarce(disk, Arc::clone(&free), Arc::clone(&is_full));
        self.store = store(std::boxed::Box::new(disk), self.scratch.path());
        self.keep_backups();
        (free, is_full)
    }
}

#[test]
fn what_is_brought_leaves_the_database_room_to_double() {
    let mut own = Box::new();
    let (free, _) = own.scarce();
    let file_bytes = health(&own.store).file_bytes;
    let piece = || {
        own.ask(BackupRequest::Upload {
            offset: 0,
            bytes: vec![1; 10],
        })
    };
    free.store(file_bytes + 64 * 1024 * 1024 + 9, Ordering::Relaxed);
    assert_eq!(piece(), Reply::BackupRefused(BackupRefusal::NoRoom));
    free.fetch_add(1, Ordering::Relaxed);
    assert_eq!(piece(), Reply::Uploaded { next: 10 });
}

#[test]
fn one_that_does_not_prove_good_takes_no_good_one_along() {
    let mut own = filled();
    let bytes = own.make();
    let old: Vec<String> = (0..4)
        .map(|it| format!("{}.backup", 1_600_000_000_000_i64 + it))
        .collect();
    for name in &old {
        std::fs::write(own.folder().join(name), &bytes).expect("it is ours");
    }
    own.rename(NOW, "1600000000009.unproved");
    let (_, is_full) = own.scarce();
    is_full.store(true, Ordering::Relaxed);
    assert_eq!(own.ask(BackupRequest::Make), Reply::Stored);
    while own.backups().is_running {
        std::thread::yield_now();
    }
    assert_eq!(own.backups().failed, Some(BackupFailure::NoRoom));
    let trouble = Some(BackupTrouble::Failed(BackupFailure::NoRoom));
    assert_eq!(health(&own.store).backups, trouble);
    let mut names = own.names();
    names.reverse();
    let unproved = "1700000000000.unproved".to_owned();
    assert_eq!(names, [old, vec![unproved]].concat());
}
