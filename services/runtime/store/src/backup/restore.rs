//! Putting what a backup holds in place of what the box has: all of it, or nothing.
//!
//! It is loaded beside the database that is in use, and takes its place by one rename once it was
//! read back. What makes the box itself stays: the keys of its tunnel and of its backups. What
//! becomes of the two together, `merge.rs` says. The sounds of prompts come in beside those that
//! are heard, and take their places at the start after it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ::backup::{BackupKey, Code, KeyId};
use ipc::Redacted;
use ipc::store::{BackupFailure, BackupRefusal, RestoreState};
use redb::{Database, ReadTransaction};

use super::folder::header;
use super::merge::{Merge, Merged};
use super::proof::{Into, Loaded, Unloaded, load, read_through};
use super::replaced::{self, Replaced};
use super::{Backups, RestoreWish, failure, lock};
use crate::files::Open;
use crate::medium::Scratch;
use crate::opening::builder;
use crate::sounds::{Note, Sounds};
use crate::store::Shared;
use crate::tables::redb_fault;

/// Why nothing was restored, and nothing changed.
#[derive(Debug)]
pub(super) enum Unrestored {
    Refused(BackupRefusal),
    Failed(BackupFailure),
}

impl From<Unloaded> for Unrestored {
    fn from(unloaded: Unloaded) -> Self {
        match unloaded {
            Unloaded::Refused(refusal) => Self::Refused(refusal),
            Unloaded::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// A backup that is whole and that the key opens.
pub(super) struct Checked {
    file: Box<dyn Open>,
    bytes: u64,
    key: BackupKey,
    /// The key of a code that somebody has typed.
    typed: Option<BackupKey>,
    has_sounds: bool,
}

impl Checked {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Whether a backup may be restored: all that can be said without a database of its own.
pub(super) fn check(
    backups: &Backups,
    shared: &Shared,
    wish: &RestoreWish,
) -> Result<Checked, Unrestored> {
    shared.is_still_itself().map_err(Unrestored::Failed)?;
    let opened = backups.folder.open(wish.file.as_deref());
    let mut file = opened.map_err(Unrestored::Refused)?;
    let told = header(&mut *file).map_err(Unrestored::Refused)?;
    let typed = typed(wish.code.as_ref())?;
    let key = key(shared, typed.as_ref(), &told.key)?;
    if shared.spare_bytes() == 0 {
        return Err(Unrestored::Refused(BackupRefusal::NoRoom));
    }
    let of_disk = |error| Unrestored::Failed(failure::of_disk(error));
    file.rewind().map_err(of_disk)?;
    read_through(&mut *file, &key, &|_| !backups.is_stopped())?;
    file.rewind().map_err(of_disk)?;
    Ok(Checked {
        bytes: file.length().map_err(of_disk)?,
        file,
        key,
        typed,
        has_sounds: told.sounds,
    })
}

/// Restores a backup; the version of the configuration then.
pub(super) fn restore(
    backups: &Backups,
    shared: &Shared,
    checked: Checked,
    wish: RestoreWish,
) -> Result<u64, Unrestored> {
    let Checked {
        mut file,
        key,
        typed,
        has_sounds,
        ..
    } = checked;
    let RestoreWish {
        file: name, audit, ..
    } = wish;
    shared.medium.remove_scratch(Scratch::Restored);
    let is_over = || backups.is_stopped() || shared.wants_database();
    let goes_on = |read| {
        backups.progress.reading(read);
        !is_over()
    };
    let sounds = shared.sounds.get();
    if let Some(sounds) = sounds {
        let ready = sounds.make_way().map_err(failure::of_disk);
        ready.map_err(Unrestored::Failed)?;
    }
    let replaced = Mutex::new(None);
    let keep_trail = |txn: &ReadTransaction| {
        let keys = shared.backup_keys().map_err(failure::of_keys)?;
        let kept = replaced::keep(&backups.folder, shared, &keys.signer, txn)?;
        let said = kept.as_ref().map_or_else(String::new, Replaced::said);
        *lock(&replaced) = kept;
        Ok(said)
    };
    let opened = shared.medium.open_scratch(Scratch::Restored, &builder());
    let version = opened
        .map_err(|error| Unrestored::from(redb_fault(error)))
        .and_then(|new| {
            let into = Into {
                database: &new,
                sounds: sounds.map(|it| (it, shared.spare_bytes())),
            };
            let loaded = load(&mut *file, &key, &shared.peers, &into, &goes_on)?;
            let merge = Merge {
                loaded,
                typed,
                audit,
                peers: shared.peers,
                now: shared.now(),
                own: shared.own_past(),
                is_over: &is_over,
                keep_trail: &keep_trail,
            };
            let with = sounds.map(|it| (it, has_sounds));
            in_place(backups, shared, &merge, new, with)
        });
    // Where it shows at the next start alone which database the box has, that start looks which
    // sounds are its own.
    let is_undecided = matches!(version, Err(Unrestored::Failed(BackupFailure::Undecided)));
    if let (Err(_), false, Some(sounds)) = (&version, is_undecided, sounds)
        && let Err(error) = sounds.unstage()
    {
        tracing::warn!("sounds that a restore has left cannot be removed: {error}");
    }
    shared.medium.remove_scratch(Scratch::Restored);
    if let Some(kept) = lock(&replaced).take() {
        // Which of both databases the box has may show at the next start only.
        let is_over = version.is_ok() || shared.is_replaced();
        replaced::settle(&backups.folder, &kept, is_over);
    }
    backups.folder.give_up_trail();
    if version.is_ok() && name.is_none() {
        backups.folder.forget_upload();
    }
    version
}

/// Nothing is written from here on: what is merged is what the box has at the end. Of a backup from
/// before there were sounds, those that the box has are left alone only on its own past.
fn in_place(
    backups: &Backups,
    shared: &Shared,
    merge: &Merge<'_>,
    new: Database,
    sounds: Option<(&Sounds, bool)>,
) -> Result<u64, Unrestored> {
    backups.progress.note(RestoreState::Joining);
    let frozen = shared.freeze().map_err(Unrestored::Failed)?;
    let merged = shared.with_present(|present| merge.apply(present, &new));
    let Merged {
        version,
        is_own,
        id,
    } = merged?;
    new.close()
        .map_err(|error| Unrestored::from(redb_fault(error)))?;
    backups.progress.note(RestoreState::Finishing { version });
    let settle = || match sounds {
        Some((sounds, has_sounds)) if has_sounds || !is_own => {
            sounds.settle(&noted(&merge.loaded, is_own, id))
        }
        Some((sounds, _)) => sounds.unstage(),
        None => Ok(()),
    };
    frozen.replace(settle).map_err(Unrestored::Failed)?;
    Ok(version)
}

/// Which prompts have a sound then: on another box's past those of the backup alone. What callers
/// of another site heard here is not for those of this one.
fn noted(loaded: &Loaded, is_own: bool, id: String) -> Note {
    let prompts = loaded.site.prompts.iter().map(|it| it.name.clone());
    let (brought, mut others): (BTreeSet<_>, BTreeSet<_>) =
        prompts.partition(|it| loaded.sounds.contains(it));
    if !is_own {
        others.clear();
    }
    Note::new(id, brought, others)
}

fn typed(code: Option<&Redacted<String>>) -> Result<Option<BackupKey>, Unrestored> {
    let Some(text) = code else { return Ok(None) };
    let code = Code::parse(text.reveal());
    let code = code.ok_or(Unrestored::Refused(BackupRefusal::NoCode))?;
    Ok(Some(BackupKey::of(&code)))
}

/// The key that was typed, or the one among those of the box that the archive names.
fn key(
    shared: &Shared,
    typed: Option<&BackupKey>,
    wanted: &KeyId,
) -> Result<BackupKey, Unrestored> {
    let found = match typed {
        Some(key) => Some(key.clone()).filter(|key| key.id() == *wanted),
        None => {
            let found = shared.backup_key_of(wanted).map_err(failure::of_keys);
            found.map_err(Unrestored::Failed)?
        }
    };
    found.ok_or(Unrestored::Refused(BackupRefusal::OtherCode))
}
