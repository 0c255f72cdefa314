//! Another database in the place of the one in use, for the next start.
//!
//! ```text
//! writes as usual ── freeze ──> nothing is written ── replace ──> nothing is written, and what is
//!        ^                              │                         read is as before, until the
//!        └───────── given up ───────────┘                         box has started anew
//! ```
//! A file in the run directory says so to a store that is started again before that.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ipc::store::BackupFailure;
use redb::{ReadTransaction, ReadableDatabase as _};

use crate::backup::failure;
use crate::medium::Scratch;
use crate::opening::builder;
use crate::snapshot::Snapshot;
use crate::store::{Shared, lock};
use crate::tables::{Fault, redb_fault};

/// Said until the box starts anew.
pub(crate) const REPLACED: &str =
    "a backup was restored: restart the box; nothing is stored until then";

/// Said while the database is finished that takes the place of this one.
const REPLACING: &str = "a backup is being restored: nothing is stored until that is done";

/// In the run directory, from before the rename on.
const MARKER: &str = "database-replaced";

/// Nothing is written while there is one; given up, writing goes on.
pub(crate) struct Frozen<'a>(&'a Shared);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if !self.0.is_replaced() {
            self.0.set_frozen(None);
        }
    }
}

impl Shared {
    pub(crate) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed)
    }

    /// Whether what the box has is what it runs on.
    pub(crate) fn is_still_itself(&self) -> Result<(), BackupFailure> {
        match self.is_replaced() {
            true => Err(BackupFailure::AwaitsRestart),
            false => Ok(()),
        }
    }

    /// Looks whether the database was replaced since the box has started, and remembers where that
    /// is noted.
    pub(crate) fn note_replacement_in(&self, run: &Path) {
        let marker = run.join(MARKER);
        if marker.exists() {
            self.is_replaced.store(true, Ordering::Relaxed);
            self.set_frozen(Some(REPLACED));
            tracing::warn!("{REPLACED}");
        }
        *lock(&self.marker) = Some(marker);
    }

    /// Why nothing is written, while that is so.
    pub(crate) fn frozen(&self) -> Option<&'static str> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.frozen
    }

    fn set_frozen(&self, reason: Option<&'static str>) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        slot.frozen = reason;
    }

    /// From now on nothing is written. Under the lock: a write that is under way is in the database
    /// then, and one that waits is refused.
    pub(crate) fn freeze(&self) -> Result<Frozen<'_>, BackupFailure> {
        self.is_still_itself()?;
        self.set_frozen(Some(REPLACING));
        Ok(Frozen(self))
    }

    /// Reads the database as it is now, for as long as it takes; `None` where it cannot be opened.
    pub(crate) fn with_present<T>(&self, use_it: impl FnOnce(Option<&ReadTransaction>) -> T) -> T {
        let _held = lock(&self.snapshot_held);
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.database.as_ref();
        let txn = database.and_then(|it| it.begin_read().ok());
        drop(slot);
        use_it(txn.as_ref())
    }

    /// What was finished, read back from the disk with every page verified.
    fn verified(&self) -> Result<Snapshot, Fault> {
        let opened = self.medium.reopen_scratch(Scratch::Restored, &builder());
        let database = opened.map_err(redb_fault)?;
        let txn = database.begin_read().map_err(redb_fault)?;
        let snapshot = Snapshot::take(&txn)?;
        drop(txn);
        database.close().map_err(redb_fault)?;
        snapshot.ok_or_else(|| {
            let reason = "what was restored has no configuration";
            redb_fault(redb::Error::Corrupted(reason.to_owned()))
        })
    }
}

impl Frozen<'_> {
    /// Puts [`Scratch::Restored`], which is finished and closed, in the place of the database, with
    /// `before` done right before that. What runs goes on with the one before, and is told to start
    /// anew.
    ///
    /// # Errors
    /// Nothing was changed; or, where the disk does not even take that back, it says so, and
    /// nothing is written any more.
    pub(crate) fn replace(
        self,
        before: impl FnOnce() -> std::io::Result<()>,
    ) -> Result<(), BackupFailure> {
        let shared = self.0;
        let snapshot = shared.verified()?;
        before().map_err(failure::of_disk)?;
        let _saving = lock(&shared.saving);
        let marker = lock(&shared.marker).clone();
        if let Some(marker) = &marker {
            mark(marker).map_err(failure::of_disk)?;
        }
        if let Err(refused) = shared.medium.swap_in() {
            if refused.is_back {
                if let Some(marker) = &marker {
                    let _ = std::fs::remove_file(marker);
                }
                return Err(failure::of_disk(refused.source));
            }
            shared.replaced();
            tracing::error!(
                "the data disk failed ({}): which of both databases it has shows at the next start",
                refused.source
            );
            return Err(BackupFailure::Undecided);
        }
        shared.replaced();
        if let Err(error) = snapshot.save(&shared.directory) {
            tracing::warn!("the snapshot of what was restored cannot be written: {error}");
        }
        Ok(())
    }
}

impl Shared {
    fn replaced(&self) {
        self.is_replaced.store(true, Ordering::Relaxed);
        self.set_frozen(Some(REPLACED));
    }
}

fn mark(marker: &PathBuf) -> std::io::Result<()> {
    if let Some(folder) = marker.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create(marker).map(drop)
}
