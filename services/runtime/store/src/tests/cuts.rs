//! The power goes at every write, rename and sync of making a backup, of removing those that are
//! too many and of restoring one, the sounds of prompts included. The box opens with all of what it
//! had or all of what was to be, and no backup that was acknowledged is lost.

use std::time::{Duration, Instant};

use ::backup::plan::{HERE, Kept};
use ::backup::{Event, Reader};
use ipc::sound::prompt_file;
use ipc::store::{BackupFile, BackupRequest, Backups, TrailRequest};
use rtp::{Rate, wav};
use sansio::Rng;

use super::sim_files::SimFiles;
use super::*;
use crate::BackupSettings;
use crate::files::Files as _;
use crate::tables::SCHEMA_VERSION;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const SINCE_MILLIS: i64 = 1_700_000_000_000;

/// A box whose data and backups are on a disk in memory.
pub(super) struct Box {
    scratch: Scratch,
    pub(super) disk: SimFiles,
    pub(super) store: Store,
}

impl Box {
    pub(super) fn on(disk: SimFiles, day: i64) -> Self {
        let made = Self::without_sounds(disk, day);
        made.keep_sounds();
        made
    }

    /// One that has yet to look what a restore has left of sounds.
    pub(super) fn without_sounds(disk: SimFiles, day: i64) -> Self {
        let scratch = Scratch::new();
        let now = UnixTime::from_millis(SINCE_MILLIS + day * DAY_MILLIS);
        let medium = std::boxed::Box::new(DataDisk::on(std::boxed::Box::new(disk.beside("data"))));
        let store = try_store_by(medium, scratch.path(), move || now, now).expect("it opens");
        let settings = BackupSettings {
            folder: PathBuf::new(),
            firmware: "1.2.3".into(),
            run: scratch.path().join("run"),
        };
        let files = std::boxed::Box::new(disk.beside("backups"));
        store.keep_backups_in(files, &settings).expect("a thread");
        Self {
            scratch,
            disk,
            store,
        }
    }

    pub(super) fn keep_sounds(&self) {
        let files = std::boxed::Box::new(self.disk.beside("sounds"));
        self.store.keep_sounds_in(files);
    }

    fn ask(&self, request: BackupRequest) -> Reply {
        self.store.ask(WEB, Request::Backup(request))
    }

    fn backups(&self) -> Backups {
        match self.ask(BackupRequest::List) {
            Reply::Backups(backups) => backups,
            other => panic!("{other:?}"),
        }
    }

    fn files(&self) -> Vec<String> {
        let good = |it: BackupFile| it.is_proved.then_some(it.name);
        let mut files: Vec<_> = self.backups().files.into_iter().filter_map(good).collect();
        files.sort();
        files
    }

    /// Has one made; whether it was acknowledged.
    pub(super) fn make(&self) -> bool {
        assert_eq!(self.ask(BackupRequest::Make), Reply::Stored);
        let begun = Instant::now();
        loop {
            let seen = self.backups();
            if !seen.is_running {
                return seen.failed.is_none();
            }
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }
    }

    /// Its first backup, and the code that opens it.
    pub(super) fn archive(&self) -> (Vec<u8>, Redacted<String>) {
        let Reply::BackupCode(code) = self.ask(BackupRequest::NewCode(audit("code"))) else {
            panic!("no code")
        };
        while self.backups().is_running {
            std::thread::yield_now();
        }
        let made = self.disk.beside("backups").bytes(&named(0));
        (made.expect("it was made"), code)
    }

    /// Restores one; whether that was acknowledged.
    pub(super) fn restore(&self, file: &str, code: Option<&Redacted<String>>) -> bool {
        let begun = self.ask(BackupRequest::Restore {
            file: Some(file.into()),
            code: code.cloned(),
            audit: audit("restored"),
        });
        if begun != Reply::RestoreBegun {
            return false;
        }
        self.store.backups().join_restore();
        let Reply::Backups(told) = self.ask(BackupRequest::List) else {
            return false;
        };
        let restore = told.restore.expect("one was begun");
        matches!(restore.state, RestoreState::Restored { .. })
    }

    /// All that it has.
    fn data(&self) -> (u64, Site, Vec<CallRecord>, Vec<String>) {
        let Reply::AuditTrail(trail) = self.store.ask(WEB, Request::AuditTrail { limit: 99 })
        else {
            panic!("no trail")
        };
        let (version, site) = config(&self.store);
        let trail = trail.into_iter().map(|it| it.hash).collect();
        (version, site, calls(&self.store, 99, None), trail)
    }

    /// The files of sounds that are there, by name, and the first sample of each.
    pub(super) fn sounds(&self) -> Vec<(String, u8)> {
        let folder = self.disk.beside("sounds");
        let names = folder.names().expect("listed");
        let sample = |name: &String| folder.bytes(name).expect("it is there")[wav::HEADER_LENGTH];
        names
            .into_iter()
            .map(|name| (name.clone(), sample(&name)))
            .collect()
    }

    /// Opens and is whole to its signature.
    fn check_archive(&self, name: &str) {
        let bytes = self
            .disk
            .beside("backups")
            .bytes(name)
            .expect("it is there");
        let key = |id: &::backup::KeyId| self.store.shared().backup_key_of(id).expect("it is read");
        let mut reader = Reader::new(SCHEMA_VERSION);
        reader.push(&bytes);
        reader.end();
        while let Some(event) = reader.poll().expect("it is whole") {
            if let Event::Header(header) = event {
                let key = key(&header.key).expect("the box has its key");
                reader.open(&key).expect("it is its key");
            }
        }
        assert!(reader.is_over(), "{name} is cut short");
    }

    /// The disk as the cut leaves it.
    pub(super) fn off(self) -> SimFiles {
        self.disk.cut_after(0);
        let Self {
            scratch,
            disk,
            store,
        } = self;
        drop(store);
        // Snapshots must not be needed.
        drop(scratch);
        disk
    }
}

/// A box with two prompts, one of them with a sound.
pub(super) fn other_box() -> Box {
    let disk = SimFiles::new("data");
    lay_down_sounds(&disk, &["closed"], 1);
    let other = Box::on(disk, 0);
    with_prompts(&other, &["closed", "lunch"]);
    other
}

/// Puts sounds of one sample there that were always there.
pub(super) fn lay_down_sounds(disk: &SimFiles, names: &[&str], sample: u8) {
    let mut file = wav::header(Rate::Narrow, 1, 2).to_vec();
    file.extend([sample, 0]);
    for name in names {
        disk.beside("sounds").lay_down(&prompt_file(name), &file);
    }
}

pub(super) fn with_prompts(of: &Box, names: &[&str]) {
    let (base, mut site) = config(&of.store);
    site.prompts = names
        .iter()
        .map(|name| ipc::site::Prompt {
            name: (*name).to_owned(),
            says: String::new(),
        })
        .collect();
    let audit = audit("prompts");
    let reply = of.store.ask(WEB, Request::Commit { base, audit, site });
    assert!(matches!(reply, Reply::Committed { .. }), "{reply:?}");
}

pub(super) fn named(day: i64) -> String {
    format!("{:013}.backup", SINCE_MILLIS + day * DAY_MILLIS)
}

/// Does something again and again, with the power going one step later each time, until it is done
/// before the power goes; `judge` is told what was acknowledged and given the box as it is then.
pub(super) fn at_every_step(
    disk: &SimFiles,
    day: i64,
    first: u64,
    act: impl Fn(&Box) -> bool,
    judge: impl Fn(&Box, bool, &str),
) -> u64 {
    let mut rng = Rng::from_seed(7);
    for steps in first.. {
        let before = Box::on(disk.copied(), day);
        before.disk.cut_after(steps);
        let is_acknowledged = act(&before);
        let is_done = !before.disk.is_cut();
        let disk = before.off();
        disk.power_on(&mut rng);
        let place = format!("a cut after {steps} steps");
        let after = Box::on(disk, day);
        assert_eq!(health(&after.store).warning, "", "{place}");
        judge(&after, is_acknowledged, &place);
        assert!(
            matches!(commit(&after.store), Reply::Committed { .. }),
            "{place}"
        );
        if is_done {
            assert!(is_acknowledged, "{place}");
            return steps;
        }
    }
    unreachable!("it is done at some time")
}

#[test]
fn a_backup_that_was_acknowledged_is_there_wherever_the_power_goes() {
    let first = Box::on(SimFiles::new("data"), 0);
    assert!(matches!(commit(&first.store), Reply::Committed { .. }));
    let call = vec![call(1, Outcome::EndedByCaller)];
    assert_eq!(first.store.ask(PBX, Request::PutCalls(call)), Reply::Stored);
    assert!(first.make());
    let archive = first
        .disk
        .beside("backups")
        .bytes(&named(0))
        .expect("it was made");
    let data = first.data();
    let disk = first.disk.copied();
    drop(first);
    // Those of before: the two oldest are too many once there is another.
    for day in 1..5 {
        disk.beside("backups").lay_down(&named(day), &archive);
    }
    let before: Vec<String> = (0..5).map(named).collect();
    let day = 9;
    let new = named(day);
    let all: Vec<Kept> = [before.clone(), vec![new.clone()]]
        .concat()
        .into_iter()
        .zip([0, 1, 2, 3, 4, day])
        .map(|(name, day)| Kept {
            name,
            taken_millis: SINCE_MILLIS + day * DAY_MILLIS,
            is_verified: true,
        })
        .collect();
    let go = HERE.superfluous(SINCE_MILLIS + day * DAY_MILLIS, &all);
    assert_eq!(go, before[..3]);

    let steps = at_every_step(&disk, day, 0, Box::make, |after, is_acknowledged, place| {
        assert_eq!(after.data(), data, "{place}");
        let files = after.files();
        for name in &before {
            let is_there = files.contains(name);
            assert!(is_there || go.contains(name), "{place}: {name} is lost");
            assert!(
                is_there || files.contains(&new),
                "{place}: {name} went too soon"
            );
        }
        assert!(
            !is_acknowledged || files.contains(&new),
            "{place}: {new} is lost"
        );
        for name in &files {
            after.check_archive(name);
        }
    });
    assert!(steps > 30, "{steps} places were cut");
}

#[test]
fn a_restore_is_done_or_not_begun_wherever_the_power_goes() {
    let other = other_box();
    let records = (1..4).map(|it| call(it, Outcome::EndedByCaller)).collect();
    assert_eq!(
        other.store.ask(PBX, Request::PutCalls(records)),
        Reply::Stored
    );
    let (archive, code) = other.archive();
    let brought = other.data();
    drop(other);

    let disk = SimFiles::new("data");
    lay_down_sounds(&disk, &["closed", "lunch", "own"], 2);
    let own = Box::on(disk, 1);
    assert!(own.make());
    let (before, disk) = (own.data(), own.disk.copied());
    drop(own);
    disk.beside("backups").lay_down(&named(0), &archive);

    let act = |own: &Box| own.restore(&named(0), Some(&code));
    let steps = at_every_step(&disk, 2, 0, act, |after, is_acknowledged, place| {
        let (version, site, calls, trail) = after.data();
        if version == before.0 {
            assert!(!is_acknowledged, "{place}: it was said to be done");
            assert_eq!((version, site, calls, trail), before, "{place}");
            let own = ["closed.wav", "lunch.wav", "own.wav"];
            assert_eq!(after.sounds(), own.map(|it| (it.to_owned(), 2)), "{place}");
        } else {
            assert_eq!(
                (site, calls),
                (brought.1.clone(), brought.2.clone()),
                "{place}"
            );
            assert_eq!(trail[1..], brought.3[..], "{place}");
            // Of the prompt that has no sound in the archive, callers do not hear this box's own.
            assert_eq!(after.sounds(), [("closed.wav".to_owned(), 1)], "{place}");
            let request = TrailRequest::Replaced { is_checked: true };
            let Reply::ReplacedTrails(replaced) = after.store.ask(WEB, Request::Trail(request))
            else {
                panic!("{place}")
            };
            assert_eq!(replaced.len(), 1, "{place}");
            assert_eq!(replaced[0].is_whole, Some(true), "{place}");
            assert_eq!(replaced[0].head, before.3[0], "{place}");
        }
        assert_eq!(after.files(), [named(0), named(1)], "{place}");
        after.check_archive(&named(1));
    });
    assert!(steps > 30, "{steps} places were cut");
}
