//! Backups on the box's own disk: made each day and when somebody asks, each proved by a trial
//! restore, and kept as long as `backup::plan` says (R21, R28, T10).
//!
//! A thread of its own, of low priority, reads through one read transaction, which holds up no
//! commit. What this module must never do: write a row in the clear outside the store's own
//! folder, or count a backup as good that was not restored once.

mod archive;
mod folder;
mod keys;
mod merge;
mod proof;
mod restore;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipc::Redacted;
use ipc::store::{Audit, BackupRefusal, Backups as Shown, Reply};

use crate::store::Shared;
use folder::Folder;
pub(crate) use keys::{KeyRow, fresh_code};

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

/// After a backup that failed, before the next is tried by itself.
const FAILED_PAUSE_MILLIS: i64 = 60 * 60 * 1000;

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
    work: Mutex<()>,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct Wish {
    is_wanted: bool,
    is_running: bool,
    /// Why the last one failed, and when.
    failed: Option<(String, i64)>,
}

impl Backups {
    pub(crate) fn new(settings: &BackupSettings) -> Self {
        let backups = Self {
            folder: Folder::new(&settings.folder),
            firmware: settings.firmware.clone(),
            wish: Mutex::default(),
            woken: Condvar::new(),
            work: Mutex::new(()),
            stop: AtomicBool::new(false),
        };
        // What a power cut left half done is of use to nobody.
        backups.folder.sweep();
        backups
    }

    /// Makes backups until the store ends.
    pub(crate) fn run(&self, shared: &Shared) {
        let own = rustix::thread::gettid();
        // Without it the backup competes with everything else, and is a backup all the same.
        let _ = rustix::process::setpriority_process(Some(own), NICENESS);
        while !self.stop.load(Ordering::Relaxed) {
            let asked = self.wait();
            let now = shared.now().as_millis();
            if self.stop.load(Ordering::Relaxed) || !(asked || self.is_due(now)) {
                continue;
            }
            lock(&self.wish).is_running = true;
            let made = self.make(shared);
            let mut wish = lock(&self.wish);
            wish.is_running = false;
            wish.failed = made.err().map(|reason| {
                tracing::error!("the backup failed: {reason}");
                (reason, now)
            });
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

    fn is_due(&self, now: i64) -> bool {
        let pauses = lock(&self.wish)
            .failed
            .as_ref()
            .is_some_and(|(_, at)| (0..FAILED_PAUSE_MILLIS).contains(&now.saturating_sub(*at)));
        !pauses && ::backup::plan::is_due(now, &self.folder.kept())
    }

    /// A backup, proved, and those that are too many removed.
    fn make(&self, shared: &Shared) -> Result<(), String> {
        let _work = lock(&self.work);
        shared.is_still_itself()?;
        let keys = shared.backup_keys()?;
        let made = archive::make(self, shared, &keys)?;
        let proof = proof::prove(self, shared, &keys, &made);
        if proof.is_ok() {
            let name = self.folder.mark_proved(&made.name);
            tracing::info!(
                "backup {} was made and proved",
                name.map_err(|e| e.to_string())?
            );
        }
        let now = shared.now().as_millis();
        for name in ::backup::plan::superfluous(now, &self.folder.kept()) {
            self.folder.remove(&name);
        }
        proof.map_err(|reason| format!("the trial restore of {}: {reason}", made.name))
    }

    /// Has one made now.
    pub(crate) fn ask(&self, shared: &Shared) -> Reply {
        if let Err(reason) = shared.is_still_itself() {
            return Reply::Failed { reason };
        }
        lock(&self.wish).is_wanted = true;
        self.woken.notify_all();
        Reply::Stored
    }

    pub(crate) fn shown(&self, shared: &Shared) -> Reply {
        let keys = match shared.backup_keys() {
            Ok(keys) => keys,
            Err(reason) => return Reply::Failed { reason },
        };
        let wish = lock(&self.wish);
        Reply::Backups(Shown {
            files: self.folder.shown(&keys.key.id()),
            is_running: wish.is_running || wish.is_wanted,
            failed: wish.failed.as_ref().map(|(reason, _)| reason.clone()),
            has_code: keys.has_code,
            of_box: hex::encode(keys.signer.of_box()),
        })
    }

    /// What people must know: the last backup failed.
    pub(crate) fn warning(&self) -> Option<String> {
        let wish = lock(&self.wish);
        let (reason, _) = wish.failed.as_ref()?;
        Some(format!("the last backup failed: {reason}"))
    }

    /// Takes a piece of a backup that somebody brings.
    pub(crate) fn upload(&self, shared: &Shared, offset: u64, bytes: &[u8]) -> Reply {
        match self
            .folder
            .upload(offset, bytes, shared.medium.free_bytes())
        {
            Ok(next) => Reply::Uploaded { next },
            Err(refusal) => Reply::BackupRefused(refusal),
        }
    }

    /// Puts what a backup holds in place of what the box has. The box must start anew then.
    pub(crate) fn restore(
        &self,
        shared: &Shared,
        file: Option<&str>,
        code: Option<&Redacted<String>>,
        audit: Audit,
    ) -> Reply {
        let Ok(_work) = self.work.try_lock() else {
            return Reply::BackupRefused(BackupRefusal::Busy);
        };
        match restore::restore(self, shared, file, code, audit) {
            Ok(version) => Reply::Restored { version },
            Err(restore::Unrestored::Refused(refusal)) => Reply::BackupRefused(refusal),
            Err(restore::Unrestored::Failed(reason)) => Reply::Failed { reason },
        }
    }

    /// Ends what is under way.
    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.woken.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
