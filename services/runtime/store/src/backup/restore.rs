//! Putting what a backup holds in place of what the box has: all of it, or nothing.
//!
//! It is loaded beside the database that is in use, and takes its place by one rename once it was
//! read back. What makes the box itself stays: the keys of its tunnel and of its backups. What
//! becomes of the two together, `merge.rs` says.

use std::io::Seek as _;

use ::backup::{BackupKey, Code, KeyId};
use ipc::Redacted;
use ipc::store::{Audit, BackupFailure, BackupRefusal};
use redb::Database;

use super::folder::header;
use super::merge::Merge;
use super::proof::{Unloaded, load};
use super::{Backups, failure};
use crate::medium::Scratch;
use crate::opening::builder;
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

/// Restores a backup; the version of the configuration then.
pub(super) fn restore(
    backups: &Backups,
    shared: &Shared,
    name: Option<&str>,
    code: Option<&Redacted<String>>,
    audit: Audit,
) -> Result<u64, Unrestored> {
    shared.is_still_itself().map_err(Unrestored::Failed)?;
    let mut file = backups.folder.open(name).map_err(Unrestored::Refused)?;
    let told = header(&mut file).map_err(Unrestored::Refused)?;
    file.rewind()
        .map_err(|error| Unrestored::Failed(failure::of_disk(error)))?;
    let typed = typed(code)?;
    let key = key(shared, typed.as_ref(), &told.key)?;
    if shared.spare_bytes() == 0 {
        return Err(Unrestored::Refused(BackupRefusal::NoRoom));
    }
    shared.medium.remove_scratch(Scratch::Restored);
    let is_over = || backups.is_stopped() || shared.wants_database();
    let opened = shared.medium.open_scratch(Scratch::Restored, &builder());
    let version = opened
        .map_err(|error| Unrestored::from(redb_fault(error)))
        .and_then(|new| {
            let loaded = load(&mut file, &key, &shared.peers, &new, &is_over)?;
            let merge = Merge {
                loaded,
                typed,
                audit,
                peers: shared.peers,
                now: shared.now(),
                own: shared.own_past(),
                is_over: &is_over,
            };
            in_place(shared, &merge, new)
        });
    shared.medium.remove_scratch(Scratch::Restored);
    if version.is_ok() && name.is_none() {
        backups.folder.forget_upload();
    }
    version
}

/// Nothing is written from here on: what is merged is what the box has at the end.
fn in_place(shared: &Shared, merge: &Merge<'_>, new: Database) -> Result<u64, Unrestored> {
    let frozen = shared.freeze().map_err(Unrestored::Failed)?;
    let version = shared.with_present(|present| merge.apply(present, &new))?;
    new.close()
        .map_err(|error| Unrestored::from(redb_fault(error)))?;
    frozen.replace().map_err(Unrestored::Failed)?;
    Ok(version)
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
