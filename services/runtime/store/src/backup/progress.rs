//! How far a restore is, and what became of it.
//!
//! It is noted in the run directory too, so that who asks is told after the store, or whoever asks
//! it, was started again. A start of the box empties that: the audit trail says what was restored
//! and what was not, and where it says no more than that one began, the power was cut.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ipc::store::{BackupFailure, Restore, RestoreState};
use sansio::UnixTime;

use super::lock;

/// In the run directory.
const NOTE: &str = "restore";

#[derive(Debug)]
pub(super) struct Progress {
    note: PathBuf,
    told: Mutex<Option<Restore>>,
    /// One was under way when the process before ended, and came to nothing.
    was_interrupted: bool,
}

impl Progress {
    /// As it was noted. `version` is that of the configuration that the box has, which tells
    /// whether one that was to take its place did.
    pub(super) fn new(run: &Path, version: u64) -> Self {
        let note = run.join(NOTE);
        let noted = std::fs::read(&note).ok();
        let mut told: Option<Restore> = noted.and_then(|it| serde_json::from_slice(&it).ok());
        let mut was_interrupted = false;
        if let Some(restore) = told.as_mut().filter(|it| !it.state.is_over()) {
            restore.state = match restore.state {
                RestoreState::Finishing { version: new } if new == version => {
                    RestoreState::Restored { version }
                }
                _ => RestoreState::Failed(BackupFailure::Interrupted),
            };
            was_interrupted = matches!(restore.state, RestoreState::Failed(_));
        }
        let progress = Self {
            note,
            told: Mutex::new(told),
            was_interrupted,
        };
        // What it came to is said once: versions go on.
        progress.keep();
        progress
    }

    pub(super) const fn was_interrupted(&self) -> bool {
        self.was_interrupted
    }

    pub(super) fn told(&self) -> Option<Restore> {
        lock(&self.told).clone()
    }

    /// Whether one is under way.
    pub(super) fn is_on(&self) -> bool {
        let told = lock(&self.told);
        told.as_ref().is_some_and(|it| !it.state.is_over())
    }

    pub(super) fn begin(&self, now: UnixTime, file: String, total: u64) {
        *lock(&self.told) = Some(Restore {
            began_millis: now.as_millis(),
            file,
            state: RestoreState::Reading { done: 0, total },
        });
        self.keep();
    }

    /// Bytes that were read so far.
    pub(super) fn reading(&self, read: u64) {
        if let Some(Restore {
            state: RestoreState::Reading { done, .. },
            ..
        }) = &mut *lock(&self.told)
        {
            *done = read;
        }
    }

    /// The next stage, or the end.
    pub(super) fn note(&self, next: RestoreState) {
        if let Some(restore) = &mut *lock(&self.told) {
            restore.state = next;
        }
        self.keep();
    }

    fn keep(&self) {
        let Some(told) = self.told() else { return };
        let kept = serde_json::to_vec(&told)
            .map_err(std::io::Error::other)
            .and_then(|bytes| {
                if let Some(folder) = self.note.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                // Whole or not at all: the process may be killed here.
                let new = self.note.with_extension("new");
                std::fs::write(&new, bytes)?;
                std::fs::rename(new, &self.note)
            });
        if let Err(error) = kept {
            tracing::warn!("{}: {error}", self.note.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_restore_came_to_is_said_once_and_stays() {
        let name = format!("ramal-restore-note-{}", std::process::id());
        let run = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&run);
        let before = Progress::new(&run, 7);
        assert!(before.told().is_none() && !before.was_interrupted());
        before.begin(UnixTime::from_millis(1), "a".to_owned(), 9);
        before.note(RestoreState::Finishing { version: 8 });
        let state = |progress: &Progress| progress.told().map(|it| it.state);
        let failed = Some(RestoreState::Failed(BackupFailure::Interrupted));
        let next = Progress::new(&run, 7);
        assert_eq!(
            (state(&next), next.was_interrupted()),
            (failed.clone(), true)
        );
        // A change made meanwhile has the version that the restore was to have.
        let later = Progress::new(&run, 8);
        assert_eq!((state(&later), later.was_interrupted()), (failed, false));
        later.begin(UnixTime::from_millis(2), "b".to_owned(), 9);
        later.note(RestoreState::Finishing { version: 9 });
        let restored = Progress::new(&run, 9);
        assert_eq!(
            (state(&restored), restored.was_interrupted()),
            (Some(RestoreState::Restored { version: 9 }), false)
        );
        std::fs::remove_dir_all(&run).expect("removed");
    }
}
