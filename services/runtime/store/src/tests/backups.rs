//! Backups made, proved, brought and restored.

use std::time::{Duration, Instant};

use ipc::site::Person;
use ipc::store::{BackupRefusal, BackupRequest, Backups, Damage};

use super::*;
use crate::BackupSettings;

/// A box with backups, and one extension.
pub(super) struct Box {
    pub(super) scratch: Scratch,
    pub(super) store: Store,
}

impl Box {
    pub(super) fn new() -> Self {
        let scratch = Scratch::new();
        let mut made = Self {
            store: scratch.store(),
            scratch,
        };
        made.keep_backups();
        made
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.scratch.path().join("backups")
    }

    pub(super) fn run(&self) -> PathBuf {
        self.scratch.path().join("run")
    }

    pub(super) fn keep_backups(&mut self) {
        std::fs::create_dir_all(self.folder()).expect("a folder");
        let settings = BackupSettings {
            folder: self.folder(),
            firmware: "1.2.3".into(),
            run: self.run(),
        };
        self.store.keep_backups(&settings).expect("a thread");
    }

    /// As the whole box does.
    pub(super) fn start_anew(&mut self) {
        self.store.close();
        let _ = std::fs::remove_dir_all(self.run());
        self.start_store_again();
    }

    /// As PID 1 does with a store that has ended.
    pub(super) fn start_store_again(&mut self) {
        self.store.close();
        self.store = self.scratch.store();
        self.keep_backups();
    }

    pub(super) fn ask(&self, request: BackupRequest) -> Reply {
        self.store.ask(WEB, Request::Backup(request))
    }

    pub(super) fn backups(&self) -> Backups {
        match self.ask(BackupRequest::List) {
            Reply::Backups(backups) => backups,
            other => panic!("{other:?}"),
        }
    }

    /// Makes one; its bytes.
    pub(super) fn make(&self) -> Vec<u8> {
        assert_eq!(self.ask(BackupRequest::Make), Reply::Stored);
        self.settle();
        let backups = self.backups();
        let newest = backups.files.first().expect("one was made");
        assert!(newest.is_proved && !newest.needs_code, "{newest:?}");
        std::fs::read(self.folder().join(&newest.name)).expect("it is there")
    }

    /// Waits until none is made; the last did not fail.
    pub(super) fn settle(&self) {
        assert_eq!(self.settled().failed, None);
    }

    /// Waits until none is made.
    pub(super) fn settled(&self) -> Backups {
        let begun = Instant::now();
        let mut backups = self.backups();
        while backups.is_running {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
            backups = self.backups();
        }
        backups
    }

    pub(super) fn new_code(&self) -> Redacted<String> {
        match self.ask(BackupRequest::NewCode(audit("new backup code"))) {
            Reply::BackupCode(code) => code,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn bring(&self, bytes: &[u8]) {
        let mut offset = 0;
        for piece in bytes.chunks(40_000) {
            let bytes = piece.to_vec();
            let reply = self.ask(BackupRequest::Upload { offset, bytes });
            offset += piece.len() as u64;
            assert_eq!(reply, Reply::Uploaded { next: offset });
        }
    }

    /// Restores what was brought, and waits until that is over.
    pub(super) fn restore(&self, code: Option<&Redacted<String>>) -> RestoreState {
        self.restore_file(None, code)
    }

    pub(super) fn restore_file(
        &self,
        file: Option<String>,
        code: Option<&Redacted<String>>,
    ) -> RestoreState {
        let code = code.cloned();
        let audit = audit("restored");
        match self.ask(BackupRequest::Restore { file, code, audit }) {
            Reply::RestoreBegun => self.restored(),
            Reply::BackupRefused(refusal) => RestoreState::Refused(refusal),
            Reply::BackupFailed(failure) => RestoreState::Failed(failure),
            other => panic!("{other:?}"),
        }
    }

    /// What has become of the restore that was begun.
    pub(super) fn restored(&self) -> RestoreState {
        self.store.backups().join_restore();
        self.backups().restore.expect("one was begun").state
    }

    pub(super) fn keep(&self, uid: u32, name: &str, value: &[u8]) {
        let value = Redacted::new(value.to_vec());
        let reply = self.store.ask(uid, Request::PutSecret(name.into(), value));
        assert_eq!(reply, Reply::Stored);
    }

    pub(super) fn secret(&self, uid: u32, name: &str) -> Option<Vec<u8>> {
        match self.store.ask(uid, Request::Secret(name.into())) {
            Reply::Secret(secret) => secret.map(|it| it.reveal().clone()),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn person(&self, login: &str) {
        let (base, mut site) = config(&self.store);
        site.people = vec![Person {
            login: login.into(),
            password_hash: Redacted::new("$argon2id$".into()),
            password_one_time: false,
            ..site.people[0].clone()
        }];
        let audit = audit("person");
        let reply = self.store.ask(WEB, Request::Commit { base, audit, site });
        assert!(matches!(reply, Reply::Committed { .. }), "{reply:?}");
    }

    pub(super) fn trail(&self) -> Vec<String> {
        let trail = self.entries();
        trail.into_iter().map(|it| it.audit.action).collect()
    }

    /// Newest first.
    pub(super) fn entries(&self) -> Vec<ipc::store::AuditEntry> {
        match self.store.ask(WEB, Request::AuditTrail { limit: 1000 }) {
            Reply::AuditTrail(trail) => trail,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn put_calls(&self, numbers: std::ops::Range<u32>) {
        let calls: Vec<_> = numbers.map(|it| call(it, Outcome::EndedByCaller)).collect();
        for calls in calls.chunks(500) {
            let reply = self.store.ask(PBX, Request::PutCalls(calls.to_vec()));
            assert_eq!(reply, Reply::Stored);
        }
    }
}

/// Everything people would miss.
pub(super) fn filled() -> Box {
    let filled = Box::new();
    filled.person("maria");
    commit(&filled.store);
    filled.put_calls(0..3);
    let registrations = vec![registration("100")];
    let request = Request::PutRegistrations(registrations);
    assert_eq!(filled.store.ask(PBX, request), Reply::Stored);
    filled.keep(WEB, "certificate", b"of the site");
    filled.keep(GRID, "tunnel-key", b"of the first box");
    filled
}

#[test]
fn a_backup_makes_a_new_box_the_site_it_was_without_making_it_the_same_box() {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let (version, site) = config(&first.store);
    drop(first.store);

    let mut second = Box::new();
    second.keep(GRID, "tunnel-key", b"of the second box");
    let own = second.backups().of_box;
    second.bring(&bytes);
    let restored = second.restore(Some(&code));
    assert_eq!(
        restored,
        RestoreState::Restored {
            version: version + 1
        }
    );
    second.start_anew();

    assert_eq!(config(&second.store), (version + 1, site));
    assert_eq!(health(&second.store).warning, "");
    assert_eq!(calls(&second.store, 9, None).len(), 3);
    let registered = second.store.ask(PBX, Request::Registrations);
    assert_eq!(registered, Reply::Registrations(vec![registration("100")]));
    assert_eq!(
        second.secret(WEB, "certificate"),
        Some(b"of the site".to_vec())
    );
    assert_eq!(
        second.secret(GRID, "tunnel-key"),
        Some(b"of the second box".to_vec())
    );
    let trail = second.trail();
    assert!(trail[0].starts_with("backup restored"), "{trail:?}");
    assert!(trail.contains(&"extension created".to_owned()));
    // The paper that opened it opens what is backed up from now on.
    let backups = second.backups();
    assert!(backups.has_code && backups.of_box == own);
    let again = second.make();
    let mut third = Box::new();
    third.bring(&again);
    assert!(matches!(
        third.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    third.start_anew();
    assert_eq!(config(&third.store).1, config(&second.store).1);
}

#[test]
fn on_the_box_it_was_made_on_nothing_that_came_since_is_lost() {
    let mut own = filled();
    own.make();
    let (_, before) = config(&own.store);
    own.person("joana");
    let (base, mut site) = config(&own.store);
    site.extensions[0].display_name = "Changed".into();
    site.extensions[0].ha1_md5 = Redacted::new("1".repeat(32));
    let audit_entry = audit("extension changed");
    let changed = Request::Commit {
        base,
        audit: audit_entry,
        site,
    };
    assert_eq!(
        own.store.ask(WEB, changed),
        Reply::Committed { version: base + 1 }
    );
    own.put_calls(3..5);
    own.keep(GRID, "tunnel-key", b"a later one");
    let trail = own.trail();

    let file = own.backups().files[0].name.clone();
    let restored = own.restore_file(Some(file), None);
    assert_eq!(restored, RestoreState::Restored { version: base + 2 });
    own.start_anew();

    let (_, site) = config(&own.store);
    assert_eq!(
        site.extensions[0].display_name,
        before.extensions[0].display_name
    );
    // Nobody gets back what was taken from him, and no phone a password it no longer has.
    assert_eq!(site.people[0].login, "joana");
    assert_eq!(site.extensions[0].ha1_md5, Redacted::new("1".repeat(32)));
    assert_eq!(calls(&own.store, 9, None).len(), 5);
    assert_eq!(
        own.secret(GRID, "tunnel-key"),
        Some(b"a later one".to_vec())
    );
    assert_eq!(own.trail()[1..], trail[..]);
    let changed = own.store.ask(WEB, Request::ConfigAt(base + 1));
    assert!(
        matches!(changed, Reply::Config { .. }),
        "versions stay: {changed:?}"
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let first = filled();
    let code = first.new_code();
    let good = first.make();
    drop(first.store);

    let second = Box::new();
    let before = (config(&second.store), second.trail());
    let check = |bytes: &[u8], code: Option<&Redacted<String>>| {
        second.bring(bytes);
        let reply = second.restore(code);
        let RestoreState::Refused(refusal) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!((config(&second.store), second.trail()), before);
        assert!(matches!(commit_nothing(&second.store), Reply::Stored));
        let names = std::fs::read_dir(second.scratch.path()).expect("a folder");
        let names = names.map(|it| it.expect("a file").file_name().into_string());
        let left: Vec<_> = names
            .flatten()
            .filter(|it| it.contains("restored"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        refusal
    };
    let other = Redacted::new("00000-00000-00000-00000-00000-00000".to_owned());
    assert_eq!(check(&good, None), BackupRefusal::OtherCode);
    assert_eq!(check(&good, Some(&other)), BackupRefusal::OtherCode);
    let nonsense = Redacted::new("what is it".to_owned());
    assert_eq!(check(&good, Some(&nonsense)), BackupRefusal::NoCode);
    let short = &good[..good.len() - 1];
    assert_eq!(check(short, Some(&code)), BackupRefusal::CutShort);
    let mut changed = good.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    assert_eq!(check(&changed, Some(&code)), BackupRefusal::NotSigned);
    changed = good.clone();
    changed[good.len() / 2] ^= 1;
    let refusal = check(&changed, Some(&code));
    assert!(matches!(refusal, BackupRefusal::Damaged(_)), "{refusal:?}");
    let long = [good.clone(), vec![0]].concat();
    let refusal = check(&long, Some(&code));
    assert!(matches!(refusal, BackupRefusal::Damaged(_)), "{refusal:?}");
    assert_eq!(
        check(b"an ordinary file", Some(&code)),
        BackupRefusal::NotABackup
    );
    let mut newer = good.clone();
    newer[8] = 9;
    assert_eq!(check(&newer, Some(&code)), BackupRefusal::Newer);
}

/// A write that leaves no trace in what is compared.
fn commit_nothing(store: &Store) -> Reply {
    store.ask(PBX, Request::PutRegistrations(Vec::new()))
}

/// An archive of these rows, whole, signed and with the code.
pub(super) fn crafted(
    schema: u32,
    rows: &[(backup::Table, &[u8], Vec<u8>)],
) -> (Vec<u8>, Redacted<String>) {
    let code = backup::Code::from_random(&[5; 30]);
    let key = backup::BackupKey::of(&code);
    let signer = backup::Signer::from_seed(&[6; 32]);
    let header = backup::Header {
        schema,
        firmware: "1.0.0".into(),
        of_box: signer.of_box(),
        taken_millis: 1,
        config_version: 1,
        key: key.id(),
        nonce: [0; 16],
        sounds: false,
    };
    let mut writer = backup::Writer::new(&header, &key).expect("a header");
    for (table, key, value) in rows {
        writer.put(*table, key, value).expect("a row");
    }
    let mut bytes = writer.take();
    bytes.extend(writer.finish(&signer).expect("finished").0);
    (bytes, Redacted::new(code.shown()))
}

#[test]
fn rows_that_the_store_would_not_have_written_are_refused() {
    use backup::Table;
    let target = Box::new();
    let before = config(&target.store);
    let check = |rows: &[(Table, &[u8], Vec<u8>)]| {
        let (bytes, code) = crafted(1, rows);
        target.bring(&bytes);
        let reply = target.restore(Some(&code));
        let RestoreState::Refused(BackupRefusal::Damaged(reason)) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(config(&target.store), before);
        reason
    };
    let secret = |uid: u32, name: &str| [&uid.to_be_bytes(), name.as_bytes()].concat();
    let row = crate::rows::encode(&crate::rows::SecretRow {
        value: Redacted::new(vec![1]),
    })
    .expect("a row");
    assert_eq!(check(&[]), Damage::NoSite);
    let of_grid = secret(GRID, "tunnel-key");
    assert_eq!(
        check(&[(Table::Secrets, &of_grid, row.clone())]),
        Damage::Strange
    );
    let of_store = secret(STORE, "backup-key");
    assert_eq!(
        check(&[(Table::Secrets, &of_store, row.clone())]),
        Damage::Strange
    );
    let schema = b"schema_version".as_slice();
    assert_eq!(
        check(&[(Table::Meta, schema, row.clone())]),
        Damage::Strange
    );
    let of = |table: &str| Damage::Row(table.into());
    assert_eq!(check(&[(Table::Meta, b"x", vec![1, 2, 3])]), of("meta"));
    assert_eq!(check(&[(Table::Calls, b"x", row.clone())]), of("calls"));
    let config = check(&[(Table::Config, &[0; 8], vec![1, 2, 3])]);
    assert_eq!(config, of("config"));
}

#[test]
fn nothing_is_stored_between_a_restore_and_the_next_start() {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let mut second = Box::new();
    second.bring(&bytes);
    assert!(matches!(
        second.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    let reply = commit_nothing(&second.store);
    assert!(matches!(reply, Reply::Failed { .. }), "{reply:?}");
    assert!(health(&second.store).needs_restart);
    second.start_anew();
    let registered = second.store.ask(PBX, Request::Registrations);
    assert_eq!(registered, Reply::Registrations(vec![registration("100")]));
    assert_eq!(commit_nothing(&second.store), Reply::Stored);
}

#[test]
fn others_write_while_a_backup_is_made_and_it_is_of_one_moment() {
    let own = filled();
    own.put_calls(10..5_000);
    assert_eq!(own.ask(BackupRequest::Make), Reply::Stored);
    let mut commits = 0;
    while own.backups().is_running || commits == 0 {
        assert!(matches!(commit(&own.store), Reply::Committed { .. }));
        commits += 1;
    }
    let backups = own.backups();
    assert_eq!(backups.failed, None);
    assert!(backups.files[0].is_proved);
}

#[test]
fn what_lies_in_the_folder_of_backups_tells_nothing() {
    let own = filled();
    own.make();
    let mut files = 0;
    for entry in std::fs::read_dir(own.folder()).expect("a folder") {
        let bytes = std::fs::read(entry.expect("a file").path()).expect("read");
        for secret in ["$argon2id$", "of the site", "maria", "sip:100@"] {
            let found = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!found, "{secret}");
        }
        files += 1;
    }
    assert_eq!(files, 1, "and nothing is left of the trial");
    assert!(!own.scratch.path().join("ramal.redb.trial").exists());
}

#[test]
fn a_new_code_is_followed_by_a_backup_it_opens_and_the_earlier_ones_still_open_here() {
    let mut own = filled();
    assert!(!own.backups().has_code && health(&own.store).is_backup_code_missing);
    let earlier = own.make();
    let code = own.new_code();
    assert_eq!(own.trail()[0], "new backup code");
    assert!(!health(&own.store).is_backup_code_missing);
    own.settle();
    let backups = own.backups();
    assert!(backups.has_code && !backups.files[0].needs_code);
    own.bring(&earlier);
    let refused = RestoreState::Refused(BackupRefusal::OtherCode);
    assert_eq!(own.restore(Some(&code)), refused, "it is not of that code");
    own.new_code();
    own.settle();
    own.bring(&earlier);
    let restored = own.restore(None);
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    own.start_anew();
    assert!(own.backups().has_code, "the newest code is the box's still");
}

#[test]
fn a_piece_that_does_not_follow_the_one_before_is_refused() {
    let own = Box::new();
    let piece = |offset| {
        own.ask(BackupRequest::Upload {
            offset,
            bytes: vec![1; 10],
        })
    };
    assert_eq!(piece(0), Reply::Uploaded { next: 10 });
    let refused = Reply::BackupRefused(BackupRefusal::OutOfOrder);
    assert_eq!(piece(20), refused);
    assert_eq!(piece(10), Reply::Uploaded { next: 20 });
    assert_eq!(piece(0), Reply::Uploaded { next: 10 }, "begun anew");
    let long = u64::MAX - 5;
    assert_eq!(piece(long), Reply::BackupRefused(BackupRefusal::NoRoom));
}

#[test]
fn what_a_power_cut_left_half_done_is_swept_away() {
    let mut own = filled();
    own.store.close();
    for name in [
        "ramal.redb.restored",
        "ramal.redb.trial",
        "backups/new.part",
    ] {
        std::fs::write(own.scratch.path().join(name), b"half").expect("written");
    }
    let before = std::fs::read(own.scratch.path().join("ramal.redb")).expect("read");
    own.store = own.scratch.store();
    own.keep_backups();
    for name in [
        "ramal.redb.restored",
        "ramal.redb.trial",
        "backups/new.part",
    ] {
        assert!(!own.scratch.path().join(name).exists(), "{name}");
    }
    assert!(!before.is_empty() && config(&own.store).1.people[0].login == "maria");
}
