//! How far a restore is, and what became of it.
//!
//! It is noted in the run directory too, so that who asks is told after the store, or whoever asks
//! it, was started again. A start of the box empties that: what was restored is in the audit trail
//! then, and what was not too.

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
}

impl Progress {
    /// As it was noted. `version` is that of the configuration that the box has, which tells
    /// whether one that was to take its place did.
    pub(super) fn new(run: &Path, version: u64) -> Self {
        let note = run.join(NOTE);
        let noted = std::fs::read(&note).ok();
        let mut told: Option<Restore> = noted.and_then(|it| serde_json::from_slice(&it).ok());
        if let Some(restore) = told.as_mut().filter(|it| !it.state.is_over()) {
            restore.state = match restore.state {
                RestoreState::Finishing { version: new } if new == version => {
                    RestoreState::Restored { version }
                }
                _ => RestoreState::Failed(BackupFailure::Interrupted),
            };
        }
        Self {
            note,
            told: Mutex::new(told),
        }
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
                std::fs::write(&self.note, bytes)
            });
        if let Err(error) = kept {
            tracing::warn!("{}: {error}", self.note.display());
        }
    }
}
