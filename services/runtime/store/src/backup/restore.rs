//! Putting what a backup holds in place of what the box has: all of it, or nothing.
//!
//! It is loaded beside the database that is in use, and takes its place by one rename once it was
//! read back. What makes the box itself stays: the keys of its tunnel and of its backups.
//! Whether the backup is of this box's own past, the audit trail says: then nothing that happened
//! since is lost, and nobody gets back what was taken from him (decision 0036).

use std::io::Seek as _;

use ::backup::{BackupKey, Code};
use ipc::Redacted;
use ipc::site::Site;
use ipc::store::{Audit, BackupRefusal};
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _, WriteTransaction,
};
use sansio::UnixTime;

use super::Backups;
use super::folder::{RESERVE, header};
use super::keys::{KeyRow, is_left_out};
use super::proof::{Loaded, Unloaded, load};
use crate::access::Peers;
use crate::medium::Scratch;
use crate::opening::{begin, builder};
use crate::reads;
use crate::rows::{AuditRow, CallRow};
use crate::store::Shared;
use crate::tables::{
    AUDIT, CALLS, CONFIG, Definition, Fault, META, OPEN_CALLS, REGISTRATIONS, SCHEMA_VERSION_KEY,
    SECRETS, decode, get, last_number, number_key, open, put, redb_fault, secret_key,
};
use crate::writes::{CALLS_MAX, append_audit, drop_oldest, put_call, put_config};

/// Why nothing was restored, and nothing changed.
#[derive(Debug)]
pub(super) enum Unrestored {
    Refused(BackupRefusal),
    Failed(String),
}

impl From<Unloaded> for Unrestored {
    fn from(unloaded: Unloaded) -> Self {
        match unloaded {
            Unloaded::Refused(refusal) => Self::Refused(refusal),
            Unloaded::Failed(reason) => Self::Failed(reason),
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
    let mut file = backups.folder.open(name).map_err(Unrestored::Refused)?;
    let told = header(&mut file).map_err(Unrestored::Refused)?;
    file.rewind()
        .map_err(|error| Unrestored::Failed(error.to_string()))?;
    let typed = match code {
        Some(text) => {
            let code = Code::parse(text.reveal());
            let code = code.ok_or(Unrestored::Refused(BackupRefusal::NoCode))?;
            Some(BackupKey::of(&code))
        }
        None => None,
    };
    let key = match &typed {
        Some(key) => key.clone(),
        None => shared.backup_keys().map_err(Unrestored::Failed)?.key,
    };
    if key.id() != told.key {
        return Err(Unrestored::Refused(BackupRefusal::OtherCode));
    }
    if shared.medium.free_bytes() < RESERVE {
        return Err(Unrestored::Refused(BackupRefusal::NoRoom));
    }
    shared.medium.remove_scratch(Scratch::Restored);
    let version = beside(backups, shared, &mut file, &key, |loaded| Merge {
        loaded,
        typed,
        audit,
        peers: shared.peers,
        now: shared.now(),
    });
    shared.medium.remove_scratch(Scratch::Restored);
    if version.is_ok() && name.is_none() {
        backups.folder.forget_upload();
    }
    version
}

fn beside(
    backups: &Backups,
    shared: &Shared,
    file: &mut std::fs::File,
    key: &BackupKey,
    merge: impl FnOnce(Loaded) -> Merge,
) -> Result<u64, Unrestored> {
    let opened = shared.medium.open_scratch(Scratch::Restored, &builder());
    let new = opened.map_err(|error| Unrestored::from(Unloaded::from(redb_fault(error))))?;
    let loaded = load(file, key, &shared.peers, &new, &|| backups.is_stopped())?;
    let merge = merge(loaded);
    shared
        .replace_database(new, |present, new| merge.apply(present, new))
        .map_err(Unrestored::Failed)
}

/// What becomes of the two together.
struct Merge {
    loaded: Loaded,
    /// The key of a code that somebody has typed: it is the box's from now on.
    typed: Option<BackupKey>,
    audit: Audit,
    peers: Peers,
    now: UnixTime,
}

impl Merge {
    /// Finishes the new database by what the present one has; the version of its configuration.
    fn apply(&self, present: &Database, new: &Database) -> Result<u64, String> {
        let present = present.begin_read().map_err(|error| error.to_string())?;
        self.write(&present, new).map_err(|fault| fault.to_string())
    }

    fn write(&self, present: &ReadTransaction, new: &Database) -> Result<u64, Fault> {
        let txn = begin(new)?;
        let (version, site) = reads::config(present)?.unwrap_or_default();
        let is_own_past = self.is_own_past(present)?;
        self.keep_own_secrets(present, &txn)?;
        let restored = if is_own_past {
            keep_what_came_since(present, &txn)?;
            config::back_to(&self.loaded.site, &site)
        } else {
            self.loaded.site.clone()
        };
        let audit = self.entry(present, is_own_past)?;
        let version = version.max(last_number(&open(&txn, CONFIG)?)?) + 1;
        self.commit(&txn, version, &restored, &audit)?;
        txn.commit().map_err(redb_fault)?;
        Ok(version)
    }

    fn commit(
        &self,
        txn: &WriteTransaction,
        version: u64,
        site: &Site,
        audit: &Audit,
    ) -> Result<(), Fault> {
        let mut table = open(txn, CONFIG)?;
        put_config(&mut table, version, audit, site, self.now)?;
        drop(table);
        append_audit(txn, audit, self.now)?;
        if let Some(key) = &self.typed {
            KeyRow::of_code(&self.peers, key, None).apply(txn, self.now)?;
        }
        Ok(())
    }

    /// Whether the present trail goes on where that of the backup ends.
    fn is_own_past(&self, present: &ReadTransaction) -> Result<bool, Fault> {
        let Some((number, hash)) = &self.loaded.trail else {
            return Ok(false);
        };
        let table = present.open_table(AUDIT).map_err(redb_fault)?;
        let row: Option<AuditRow> = get(&table, "audit", &number_key(*number))?;
        Ok(row.is_some_and(|row| row.hash == *hash))
    }

    fn keep_own_secrets(
        &self,
        present: &ReadTransaction,
        txn: &WriteTransaction,
    ) -> Result<(), Fault> {
        let mut table = open(txn, SECRETS)?;
        for (uid, name, row) in reads::secret_rows(present)? {
            if is_left_out(&self.peers, uid, &name) {
                put(&mut table, "secrets", &secret_key(uid, &name), &row)?;
            }
        }
        Ok(())
    }

    /// The entry that both trails end in: of which box the backup is, and what trail it replaced.
    fn entry(&self, present: &ReadTransaction, is_own_past: bool) -> Result<Audit, Fault> {
        let header = &self.loaded.header;
        let of_box = hex::encode(header.of_box);
        let before = match reads::audit_rows(present, 1)?.pop() {
            Some((number, row)) if !is_own_past => {
                format!("audit trail up to entry {number}, {}", row.hash)
            }
            Some(_) | None => String::new(),
        };
        Ok(Audit {
            action: format!(
                "backup restored: configuration version {}, taken at {}, of box {}",
                self.loaded.version,
                header.taken_millis,
                of_box.get(..16).unwrap_or_default()
            ),
            before,
            after: format!("made by firmware {}", header.firmware),
            ..self.audit.clone()
        })
    }
}

/// Keeps the trail, the versions, the money spent, the phones and the call records that the present
/// database has: they are the later ones.
fn keep_what_came_since(present: &ReadTransaction, txn: &WriteTransaction) -> Result<(), Fault> {
    let whole: [Definition; 3] = [META, AUDIT, REGISTRATIONS];
    for definition in whole {
        let mut table = open(txn, definition)?;
        table
            .retain(|key, _| key == SCHEMA_VERSION_KEY)
            .map_err(redb_fault)?;
    }
    for definition in [META, AUDIT, REGISTRATIONS, CONFIG] {
        let from = present.open_table(definition).map_err(redb_fault)?;
        let mut table = open(txn, definition)?;
        for entry in from.iter().map_err(redb_fault)? {
            let (key, value) = entry.map_err(redb_fault)?;
            table
                .insert(key.value(), value.value())
                .map_err(redb_fault)?;
        }
    }
    let from = present.open_table(CALLS).map_err(redb_fault)?;
    let mut calls = open(txn, CALLS)?;
    let mut ongoing = open(txn, OPEN_CALLS)?;
    for entry in from.iter().map_err(redb_fault)? {
        let (_, value) = entry.map_err(redb_fault)?;
        let row: CallRow = decode("calls", value.value())?;
        put_call(&mut calls, &mut ongoing, &row)?;
    }
    drop_oldest(&mut calls, CALLS_MAX, |key, _| {
        ongoing.remove(key).map_err(redb_fault).map(drop)
    })
}
