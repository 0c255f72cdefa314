//! What may be read, from one consistent view of the tables.

use ipc::Redacted;
use ipc::site::Site;
use ipc::store::{AuditEntry, Registration, Spent, Version};
use redb::{ReadTransaction, ReadableTable as _};
use serde::Deserialize;

use crate::rows::{AuditRow, CallRow, ConfigRow, KeptRow, RegistrationRow, SecretRow, SpentRow};
use crate::tables::{
    ANCHOR_KEY, AUDIT, CALLS, CONFIG, Fault, KEPT_KEY, META, REGISTRATIONS, RESTORE_KEY, SECRETS,
    SPENT_KEY, decode, get, key_number, number_key, redb_fault, secret_key,
};
use crate::{audit, tables};

/// Rows given at once, whatever was asked: an answer must fit an ipc frame.
pub const ROWS_MAX: u32 = 1000;

/// The newest configuration and its version.
pub(crate) fn config(txn: &ReadTransaction) -> Result<Option<(u64, Site)>, Fault> {
    Ok(config_row(txn)?.map(|(version, row)| (version, row.site.into())))
}

/// The newest configuration as it stands on disk.
pub(crate) fn config_row(txn: &ReadTransaction) -> Result<Option<(u64, ConfigRow)>, Fault> {
    let table = txn.open_table(CONFIG).map_err(redb_fault)?;
    let Some((key, value)) = table.last().map_err(redb_fault)? else {
        return Ok(None);
    };
    Ok(Some((
        key_number(key.value()),
        decode("config", value.value())?,
    )))
}

/// The configuration as it was in a version; `None` when that is not kept.
pub(crate) fn config_at(txn: &ReadTransaction, version: u64) -> Result<Option<Site>, Fault> {
    let table = txn.open_table(CONFIG).map_err(redb_fault)?;
    let row: Option<ConfigRow> = get(&table, "config", &number_key(version))?;
    Ok(row.map(|row| row.site.into()))
}

/// Versions without their content, newest first, older than `before` when that is given.
pub(crate) fn history(
    txn: &ReadTransaction,
    limit: u32,
    before: Option<u64>,
) -> Result<Vec<Version>, Fault> {
    /// A [`ConfigRow`] whose site is skipped: a page of history must not build 1,000 sites.
    #[derive(Deserialize)]
    struct Heading {
        at_millis: i64,
        author: String,
        action: String,
    }
    let table = txn.open_table(CONFIG).map_err(redb_fault)?;
    let range = match before {
        Some(version) => table.range(..number_key(version).as_slice()),
        None => table.iter(),
    };
    let mut versions = Vec::new();
    for entry in range.map_err(redb_fault)?.rev().take(rows(limit)) {
        let (key, value) = entry.map_err(redb_fault)?;
        let heading: Heading = decode("config", value.value())?;
        versions.push(Version {
            version: key_number(key.value()),
            at_millis: heading.at_millis,
            author: heading.author,
            action: heading.action,
        });
    }
    Ok(versions)
}

/// The newest call records as they stand on disk.
pub(crate) fn newest_calls(txn: &ReadTransaction, limit: usize) -> Result<Vec<CallRow>, Fault> {
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let mut found = Vec::new();
    for entry in table.iter().map_err(redb_fault)?.rev().take(limit) {
        let (_, value) = entry.map_err(redb_fault)?;
        found.extend(readable(decode("calls", value.value()).map(Some))?);
    }
    Ok(found)
}

/// A call record that cannot be read is left out: the others are worth more.
pub(crate) fn readable(row: Result<Option<CallRow>, Fault>) -> Result<Option<CallRow>, Fault> {
    match row {
        Err(fault @ Fault::Row { .. }) => {
            tracing::error!("a call record is left out: {fault}");
            Ok(None)
        }
        row => row,
    }
}

/// The restore that has brought the database; `None` where there was none.
pub(crate) fn restore_id(txn: &ReadTransaction) -> Result<Option<String>, Fault> {
    let table = txn.open_table(META).map_err(redb_fault)?;
    get(&table, "meta", RESTORE_KEY)
}

/// Money and minutes spent, as last kept.
pub(crate) fn spent(txn: &ReadTransaction) -> Result<Spent, Fault> {
    Ok(spent_row(txn)?.unwrap_or_default().into())
}

/// How far what is past its date was deleted.
pub(crate) fn kept_row(txn: &ReadTransaction) -> Result<Option<KeptRow>, Fault> {
    let table = txn.open_table(META).map_err(redb_fault)?;
    match get(&table, "meta", KEPT_KEY) {
        // Of a newer firmware, or rotten: it is as at the first time.
        Err(Fault::Row { .. }) => Ok(None),
        read => read,
    }
}

/// The same as it stands on disk.
pub(crate) fn spent_row(txn: &ReadTransaction) -> Result<Option<SpentRow>, Fault> {
    let table = txn.open_table(META).map_err(redb_fault)?;
    match get(&table, "meta", SPENT_KEY) {
        // Written by a later firmware, or rotten: call records, which wait for the answer, are
        // worth more than the counters of a month.
        Err(fault @ Fault::Row { .. }) => {
            tracing::error!("what was spent begins anew: {fault}");
            Ok(None)
        }
        read => read,
    }
}

/// All registrations kept.
pub(crate) fn registrations(txn: &ReadTransaction) -> Result<Vec<Registration>, Fault> {
    Ok(registration_rows(txn)?
        .into_iter()
        .map(Registration::from)
        .collect())
}

/// All registrations as they stand on disk.
pub(crate) fn registration_rows(txn: &ReadTransaction) -> Result<Vec<RegistrationRow>, Fault> {
    let table = txn.open_table(REGISTRATIONS).map_err(redb_fault)?;
    let mut found = Vec::new();
    for entry in table.iter().map_err(redb_fault)? {
        let (_, value) = entry.map_err(redb_fault)?;
        found.push(decode("registrations", value.value())?);
    }
    Ok(found)
}

/// The audit trail, newest first.
pub(crate) fn audit_trail(txn: &ReadTransaction, limit: u32) -> Result<Vec<AuditEntry>, Fault> {
    let entries = audit_rows(txn, rows(limit))?.into_iter();
    Ok(entries.map(|(sequence, row)| row.entry(sequence)).collect())
}

/// At most `limit` audit entries as they stand on disk, newest first.
pub(crate) fn audit_rows(
    txn: &ReadTransaction,
    limit: usize,
) -> Result<Vec<(u64, AuditRow)>, Fault> {
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let mut found = Vec::new();
    for entry in table.iter().map_err(redb_fault)?.rev().take(limit) {
        let (key, value) = entry.map_err(redb_fault)?;
        found.push((key_number(key.value()), decode("audit", value.value())?));
    }
    Ok(found)
}

/// The position of the first of the newest `limit` audit entries that does not fit the one before,
/// if any.
pub(crate) fn audit_break(txn: &ReadTransaction, limit: usize) -> Result<Option<u64>, Fault> {
    let mut entries = audit_rows(txn, limit.saturating_add(1))?;
    let anchor = if entries.len() > limit {
        entries.pop().map(|(_, row)| row.hash).unwrap_or_default()
    } else {
        audit_anchor(txn)?
    };
    entries.reverse();
    Ok(audit::first_break(&anchor, entries))
}

/// The hash that the oldest audit entry kept is chained to.
pub(crate) fn audit_anchor(txn: &ReadTransaction) -> Result<String, Fault> {
    let meta = txn.open_table(META).map_err(redb_fault)?;
    let anchor: Option<String> = get(&meta, "meta", ANCHOR_KEY)?;
    Ok(anchor.unwrap_or_else(|| audit::GENESIS.to_owned()))
}

/// A secret of one process.
pub(crate) fn secret(
    txn: &ReadTransaction,
    uid: u32,
    name: &str,
) -> Result<Option<Redacted<Vec<u8>>>, Fault> {
    let table = txn.open_table(SECRETS).map_err(redb_fault)?;
    let row: Option<SecretRow> = get(&table, "secrets", &secret_key(uid, name))?;
    Ok(row.map(|row| row.value))
}

/// All secrets as they stand on disk: user id, name, row.
pub(crate) fn secret_rows(txn: &ReadTransaction) -> Result<Vec<(u32, String, SecretRow)>, Fault> {
    let table = txn.open_table(SECRETS).map_err(redb_fault)?;
    let mut found = Vec::new();
    for entry in table.iter().map_err(redb_fault)? {
        let (key, value) = entry.map_err(redb_fault)?;
        let Some((uid, name)) = key.value().split_first_chunk::<4>() else {
            continue;
        };
        let name = String::from_utf8_lossy(name).into_owned();
        found.push((
            u32::from_be_bytes(*uid),
            name,
            decode("secrets", value.value())?,
        ));
    }
    Ok(found)
}

/// The shape the tables have; 0 in a database that was never finished.
pub(crate) fn schema_version(txn: &ReadTransaction) -> Result<u32, Fault> {
    let meta = match txn.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(0),
        Err(error) => return Err(redb_fault(error)),
    };
    Ok(get(&meta, "meta", tables::SCHEMA_VERSION_KEY)?.unwrap_or(0))
}

/// So many rows, and no more than an answer has.
pub(crate) fn rows(limit: u32) -> usize {
    usize::try_from(limit.min(ROWS_MAX)).unwrap_or(usize::MAX)
}
