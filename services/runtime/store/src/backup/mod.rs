//! Backups on the box's own disk: made each day and when somebody asks, each proved by a trial
//! restore, and kept as long as `backup::plan` says (R21, R28, T10).
//!
//! A thread of its own, of low priority, reads through one read transaction, which holds up no
//! commit. What this module must never do: write a row in the clear outside the store's own
//! folder, or count a backup as good that was not restored once.

mod archive;
pub(crate) mod failure;
mod folder;
mod keys;
mod merge;
mod progress;
mod proof;
mod replaced;
mod restore;
mod turn;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipc::Redacted;
use ipc::store::{
    Audit, BackupFailure, BackupRefusal, BackupTrouble, Backups as Shown, Reply, RestoreState,
};

use crate::files::Files;
use crate::store::Shared;
use folder::Folder;
pub(crate) use keys::{KeyRow, draw, fresh_code};
use progress::Progress;
use restore::Unrestored;
use turn::Turns;

/// Where backups lie, and who makes them.
#[derive(Clone, Debug)]
pub struct BackupSettings {
    /// The folder they lie in; others may read it.
    pub folder: PathBuf,
    /// The version of the firmware, for their headers.
    pub firmware: String,
    /// A folder that is empty after each start of the box, and only then.
    pub run: PathBuf,
}

/// How often it is looked whether a backup is due.
const LOOK: Duration = Duration::from_secs(60);

/// Between two that are made by themselves, at least: one that failed is not tried again before,
/// and whatever the clock says there are no more.
const PAUSE: Duration = Duration::from_secs(60 * 60);

/// Between two, however the clock is changed meanwhile.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What was brought and is not restored is forgotten after this.
const BROUGHT_KEPT: Duration = Duration::from_secs(60 * 60);

/// Nice value of the thread: calls and commits go first.
const NICENESS: i32 = 15;

/// Backups of one store.
#[derive(Debug)]
pub(crate) struct Backups {
    folder: Folder,
    firmware: String,
    wish: Mutex<Wish>,
    woken: Condvar,
    /// One at a time: a backup, or a restore.
    turns: Turns,
    progress: Progress,
    /// What was brought is looked at, whether it may be restored.
    is_looked_at: Mutex<bool>,
    restoring: Mutex<Option<JoinHandle<()>>>,
    begun: Instant,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct Wish {
    is_wanted: bool,
    is_running: bool,
    /// When the last was begun.
    tried: Option<Instant>,
    /// When the last piece was brought.
    brought: Option<Instant>,
    /// Why the last one failed.
    failed: Option<BackupFailure>,
}

impl Backups {
    /// `version` is that of the configuration the box has.
    pub(crate) fn new(files: Box<dyn Files>, settings: &BackupSettings, version: u64) -> Self {
        let folder = Folder::new(files);
        // One that ended with the store may be why: it is not tried again at each start.
        let tried = folder.has_unfinished().then(Instant::now);
        // What a power cut left half done is of use to nobody.
        folder.sweep();
        Self {
            folder,
            firmware: settings.firmware.clone(),
            wish: Mutex::new(Wish {
                tried,
                ..Wish::default()
            }),
            woken: Condvar::new(),
            turns: Turns::default(),
            progress: Progress::new(&settings.run, version),
            is_looked_at: Mutex::new(false),
            restoring: Mutex::new(None),
            begun: Instant::now(),
            stop: AtomicBool::new(false),
        }
    }

    /// For the audit trail: a restore was under way when the store ended, and came to nothing.
    pub(crate) fn interrupted(&self) -> Option<Audit> {
        let by = Audit {
            who: "system".to_owned(),
            ..Audit::default()
        };
        let end = RestoreState::Failed(BackupFailure::Interrupted);
        undone(&end, by).filter(|_| self.progress.was_interrupted())
    }

    /// Makes backups until the store ends.
    pub(crate) fn run(&self, shared: &Shared) {
        let own = rustix::thread::gettid();
        // Without it the backup competes with everything else, and is a backup all the same.
        let _ = rustix::process::setpriority_process(Some(own), NICENESS);
        while !self.stop.load(Ordering::Relaxed) {
            let asked = self.wait();
            self.forget_upload_after(BROUGHT_KEPT);
            if self.stop.load(Ordering::Relaxed) || !(asked || self.is_due(shared)) {
                continue;
            }
            {
                let mut wish = lock(&self.wish);
                wish.is_running = true;
                wish.tried = Some(Instant::now());
            }
            let made = self.make(shared);
            let mut wish = lock(&self.wish);
            wish.is_running = false;
            wish.failed = made.err();
            if let Some(reason) = &wish.failed {
                tracing::error!("the backup failed: {}", reason.english());
            }
        }
    }

    fn wait(&self) -> bool {
        let wish = lock(&self.wish);
        let is_quiet = |wish: &mut Wish| !wish.is_wanted && !self.stop.load(Ordering::Relaxed);
        let (mut wish, _) = self
            .woken
            .wait_timeout_while(wish, LOOK, is_quiet)
            .unwrap_or_else(PoisonError::into_inner);
        // In one step: who asked must not see a moment at which neither is so.
        wish.is_running = std::mem::take(&mut wish.is_wanted);
        wish.is_running
    }

    /// Whether one is due, by the clock, or by what has passed since the store has started. One
    /// that the box's own key opens must be there.
    pub(crate) fn is_due(&self, shared: &Shared) -> bool {
        let since = lock(&self.wish).tried.map(|at| at.elapsed());
        if since.is_some_and(|since| since < PAUSE) {
            return false;
        }
        let now = shared.now().as_millis();
        let is_late = since.is_some_and(|since| since >= DAY);
        is_late || ::backup::plan::is_due(now, &self.folder.kept()) || self.is_of_no_use(shared)
    }

    /// Whether none of those that proved good is of the key that the box has now.
    fn is_of_no_use(&self, shared: &Shared) -> bool {
        shared.backup_keys().is_ok_and(|keys| {
            let mut files = self.folder.shown(&keys.key.id()).into_iter();
            !files.any(|it| it.is_proved && !it.needs_code)
        })
    }

    /// A backup, proved, and those that are too many removed.
    fn make(&self, shared: &Shared) -> Result<(), BackupFailure> {
        let _turn = self.turns.wait().ok_or(BackupFailure::Interrupted)?;
        shared.is_still_itself()?;
        let keys = shared.backup_keys().map_err(failure::of_keys)?;
        let made = archive::make(self, shared, &keys)?;
        let proof = proof::prove(self, shared, &keys, &made);
        if let Err(reason) = proof {
            // Of those that did not prove good the newest tells the most; the good ones stay.
            let kept = self.folder.kept().into_iter();
            for older in kept.filter(|it| !it.is_verified && it.name != made.name) {
                self.folder.remove(&older.name);
            }
            return Err(reason);
        }
        let name = self.folder.mark_proved(&made.name);
        let name = name.map_err(failure::of_disk)?;
        tracing::info!("backup {name} was made and proved");
        let now = shared.now().as_millis();
        let superfluous = ::backup::plan::HERE.superfluous(now, &self.folder.kept());
        for old in superfluous.iter().filter(|it| **it != name) {
            self.folder.remove(old);
        }
        Ok(())
    }

    /// Has one made now.
    pub(crate) fn ask(&self, shared: &Shared) -> Reply {
        if let Err(failure) = shared.is_still_itself() {
            return Reply::BackupFailed(failure);
        }
        lock(&self.wish).is_wanted = true;
        self.woken.notify_all();
        Reply::Stored
    }

    pub(crate) fn shown(&self, shared: &Shared) -> Reply {
        let keys = match shared.backup_keys() {
            Ok(keys) => keys,
            Err(reason) => return Reply::BackupFailed(failure::of_keys(reason)),
        };
        let wish = lock(&self.wish);
        Reply::Backups(Shown {
            files: self.folder.shown(&keys.key.id()),
            is_running: wish.is_running || wish.is_wanted,
            failed: wish.failed.clone(),
            has_code: keys.has_code,
            of_box: hex::encode(keys.signer.of_box()),
            restore: self.progress.told(),
        })
    }

    /// What people must know: the last backup failed, or there was no good one for long.
    pub(crate) fn trouble(&self, shared: &Shared) -> Option<BackupTrouble> {
        if let Some(failure) = lock(&self.wish).failed.clone() {
            return Some(BackupTrouble::Failed(failure));
        }
        // A box that was switched off for long makes one first.
        let has_settled = self.begun.elapsed() >= 2 * PAUSE;
        let now = shared.now().as_millis();
        let is_overdue = has_settled && ::backup::plan::is_overdue(now, &self.folder.kept());
        is_overdue.then_some(BackupTrouble::Overdue)
    }

    /// Takes a piece of a backup that somebody brings.
    pub(crate) fn upload(&self, shared: &Shared, offset: u64, bytes: &[u8]) -> Reply {
        // What is being restored lies there, and what was looked at has to be what is restored.
        let is_looked_at = lock(&self.is_looked_at);
        if *is_looked_at || self.progress.is_on() {
            return Reply::BackupRefused(BackupRefusal::Busy);
        }
        lock(&self.wish).brought = Some(Instant::now());
        match self.folder.upload(offset, bytes, shared.spare_bytes()) {
            Ok(next) => Reply::Uploaded { next },
            Err(refusal) => Reply::BackupRefused(refusal),
        }
    }

    /// Forgets what was brought so long ago, unless it is being restored.
    pub(crate) fn forget_upload_after(&self, time: Duration) {
        let Some(_turn) = self.turns.at_once() else {
            return;
        };
        let mut wish = lock(&self.wish);
        if wish.brought.is_some_and(|at| at.elapsed() >= time) {
            wish.brought = None;
            self.folder.forget_upload();
        }
    }

    /// Begins to put what a backup holds in place of what the box has, once it is read through
    /// and whole; [`Self::shown`] tells how it goes. The box must start anew then. `record` is for
    /// the audit trail where nothing becomes of it.
    pub(crate) fn restore(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wish: RestoreWish,
        record: Box<dyn FnOnce(Audit) + Send>,
    ) -> Reply {
        let Some(turn) = self.turns.at_once() else {
            return Reply::BackupRefused(BackupRefusal::Busy);
        };
        let _looking = Looking::begin(&self.is_looked_at);
        let checked = match restore::check(self, shared, &wish) {
            Ok(checked) => checked,
            Err(Unrestored::Refused(refusal)) => return Reply::BackupRefused(refusal),
            Err(Unrestored::Failed(failure)) => return Reply::BackupFailed(failure),
        };
        let file = wish.file.clone().unwrap_or_default();
        self.progress.begin(shared.now(), file, checked.bytes());
        let (backups, shared) = (Arc::clone(self), Arc::clone(shared));
        let thread = std::thread::Builder::new().name("restore".into());
        let begun = thread.spawn(move || {
            let _turn = turn;
            let audit = wish.audit.clone();
            let end = match restore::restore(&backups, &shared, checked, wish) {
                Ok(version) => RestoreState::Restored { version },
                Err(Unrestored::Refused(refusal)) => RestoreState::Refused(refusal),
                Err(Unrestored::Failed(failure)) => RestoreState::Failed(failure),
            };
            backups.progress.note(end.clone());
            if let Some(entry) = undone(&end, audit) {
                record(entry);
            }
        });
        match begun {
            Ok(thread) => {
                *lock(&self.restoring) = Some(thread);
                Reply::RestoreBegun
            }
            Err(error) => {
                let failure = failure::of_disk(error);
                self.progress.note(RestoreState::Failed(failure.clone()));
                Reply::BackupFailed(failure)
            }
        }
    }

    /// Waits until no restore is under way.
    pub(crate) fn join_restore(&self) {
        if let Some(thread) = lock(&self.restoring).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that restores had failed");
        }
    }

    /// Ends what is under way.
    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.woken.notify_all();
        self.turns.end();
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// While it lives nobody changes what was brought.
struct Looking<'a>(&'a Mutex<bool>);

impl<'a> Looking<'a> {
    fn begin(is_looked_at: &'a Mutex<bool>) -> Self {
        *lock(is_looked_at) = true;
        Self(is_looked_at)
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        *lock(self.0) = false;
    }
}

/// What is to be restored, and by whom.
pub(crate) struct RestoreWish {
    /// One that lies on the box, or what was brought.
    pub(crate) file: Option<String>,
    pub(crate) code: Option<Redacted<String>>,
    pub(crate) audit: Audit,
}

/// The entry of a restore of which nothing has become: the one that was done is in the trail of
/// what was restored.
fn undone(end: &RestoreState, by: Audit) -> Option<Audit> {
    let (action, after) = match end {
        RestoreState::Refused(refusal) => ("restore refused", refusal.english()),
        RestoreState::Failed(failure) => ("restore failed", failure.english()),
        RestoreState::Reading { .. }
        | RestoreState::Joining
        | RestoreState::Finishing { .. }
        | RestoreState::Restored { .. } => return None,
    };
    let action = action.to_owned();
    Some(Audit {
        action,
        after,
        ..by
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
