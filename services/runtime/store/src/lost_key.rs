//! The key of the numbers in call records where it has rotted: it is sought in the snapshots before
//! another is drawn, as without it no number that it sealed is ever read again.

use std::path::Path;

use ipc::Redacted;
use redb::{Database, ReadableDatabase as _};

use crate::opening::{OpenError, Opened, begin, open_or_recover};
use crate::rows::SecretRow;
use crate::seal::{NAME, Seal};
use crate::snapshot::Snapshot;
use crate::store::Shared;
use crate::tables::{Fault, SECRETS, open, put, redb_fault, secret_key};

/// Under which name the bytes are kept that were in the place of the key.
pub(crate) const LOST: &str = "call-numbers-lost";

impl Shared {
    /// The database, with a key for numbers that can be read.
    pub(crate) fn opened(&self) -> Result<Opened, OpenError> {
        let open = || open_or_recover(&*self.medium, &self.directory, self.now());
        let opened = open()?;
        if self.medium.is_read_only() {
            return Ok(opened);
        }
        let fault = match mend(&opened.database, &self.directory, self.peers.own) {
            Ok(said) => {
                let note = opened.note.or(said);
                return Ok(Opened { note, ..opened });
            }
            Err(fault) => fault,
        };
        tracing::error!("the key of numbers in call records is left as it is: {fault}");
        drop(opened);
        // After a write that failed redb refuses everything until it is opened again.
        open()
    }
}

/// Sees to the key of a database that was opened just now; what people must know when it is gone.
/// One that a newer firmware has written is no damage, and stays.
fn mend(database: &Database, directory: &Path, own: u32) -> Result<Option<String>, Fault> {
    let Some(damage) = damage(database, own)? else {
        return Ok(None);
    };
    let found = Snapshot::secrets_kept(directory, own, NAME);
    let found = found
        .into_iter()
        .find(|it| Seal::of(it.value.reveal()).is_some());
    let txn = begin(database)?;
    let mut secrets = open(&txn, SECRETS)?;
    let key = secret_key(own, NAME);
    let said = if let Some(row) = &found {
        tracing::error!("the key of numbers in call records comes from the snapshot: {damage}");
        put(&mut secrets, "secrets", &key, row)?;
        None
    } else {
        let removed = secrets.remove(key.as_slice()).map_err(redb_fault)?;
        let bytes = removed.map(|it| it.value().to_vec()).unwrap_or_default();
        let lost = SecretRow {
            value: Redacted::new(bytes),
        };
        put(&mut secrets, "secrets", &secret_key(own, LOST), &lost)?;
        let said = "the key of numbers in call records was damaged: numbers of people outside in \
                    records until now are shown as ?, unless a backup is restored; check the data \
                    disk";
        tracing::error!("{said} ({damage})");
        Some(said.to_owned())
    };
    drop(secrets);
    txn.commit().map_err(redb_fault)?;
    Ok(said)
}

fn damage(database: &Database, own: u32) -> Result<Option<Fault>, Fault> {
    let txn = database.begin_read().map_err(redb_fault)?;
    let secrets = txn.open_table(SECRETS).map_err(redb_fault)?;
    match Seal::kept(&secrets, own) {
        Err(fault @ Fault::Row { .. }) if fault.is_damage() => Ok(Some(fault)),
        Err(fault @ Fault::Row { .. }) => {
            tracing::error!("the key of numbers in call records: {fault}");
            Ok(None)
        }
        Err(fault) => Err(fault),
        Ok(_) => Ok(None),
    }
}
