//! What one write does to the tables.
//!
//! Many writes may share one transaction. A write therefore decides whether it applies before it
//! touches a table: a refused one leaves nothing behind for its neighbours to commit.

use std::collections::BTreeSet;

use ipc::Redacted;
use ipc::erasure::Whose;
use ipc::site::Site;
use ipc::store::{Audit, BanChanges, CallRecord, Registration, Reply, Spent};
use redb::{ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use sansio::UnixTime;
use serde::Serialize;

use crate::backup::KeyRow;
use crate::calls::CallTables;
use crate::erased::{self, By, Erased};
use crate::network::{self, NetworkChange};
use crate::provision::{self, LaidDown};
use crate::rows::{
    AuditRow, CallRow, ConfigRow, OutcomeRow, RegistrationRow, SecretRow, SiteRow, SpentRow, encode,
};
use crate::tables::{
    ANCHOR_KEY, AUDIT, CONFIG, Fault, META, REGISTRATIONS, SECRETS, SPENT_KEY, WriteTable, get,
    last_number, number_key, open, put, redb_fault, registration_key, secret_key,
};
use crate::{audit, bans, carried};

/// Configuration versions kept. With sites of usual size this is years of changes.
pub const CONFIG_VERSIONS_MAX: u64 = 1000;
/// Bytes all configuration versions may take together; a site of 10,000 extensions is 3 MiB.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Configuration versions kept however large they are.
pub const CONFIG_VERSIONS_MIN: u64 = 10;
/// Call records kept, the oldest go first: about 80 MiB.
pub const CALLS_MAX: u64 = 200_000;
/// Audit entries kept, the oldest go first.
pub const AUDIT_ENTRIES_MAX: u64 = 100_000;
/// Registrations kept: as many as `pbx` admits.
pub const REGISTRATIONS_MAX: usize = 20_000;
/// Trunks whose money is kept, those that were deleted this month included.
const NAMES_SPENT_MAX: usize = 1_000;
/// Longest key part a peer may choose (call id, secret name, contact), bytes.
pub const NAME_LENGTH_MAX: usize = 512;
/// Longest secret, bytes: a key with its certificate chain fits.
pub const SECRET_LENGTH_MAX: usize = 64 * 1024;
/// Secrets of one process.
pub const SECRETS_MAX: usize = 64;

/// A change asked for by a peer that may ask for it.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// See [`ipc::store::Request::Commit`]; the site has been checked.
    Commit {
        base: u64,
        audit: Audit,
        site: Box<Site>,
    },
    /// See [`ipc::store::Request::PutCalls`].
    PutCalls(Vec<CallRecord>),
    /// See [`ipc::store::Request::InterruptOpenCalls`].
    InterruptOpenCalls { except: Vec<String> },
    /// See [`ipc::store::Request::PutRegistrations`].
    PutRegistrations(Vec<Registration>),
    /// See [`ipc::store::Request::PutSpent`].
    PutSpent(Spent),
    /// See [`ipc::store::Request::Audit`].
    Audit(Audit),
    /// See [`ipc::store::Request::ChangeBans`].
    ChangeBans(BanChanges),
    /// See [`ipc::store::Request::PutSecret`].
    PutSecret {
        uid: u32,
        name: String,
        value: Redacted<Vec<u8>>,
    },
    /// The keys of the box's backups.
    PutBackupKeys(KeyRow),
    /// See [`ipc::store::Request::Erase`].
    Erase { whose: Whose, audit: Audit },
    /// See [`ipc::store::Request::SetNetwork`].
    SetNetwork(NetworkChange),
    /// See [`ipc::store::Request::Provision`]; the site has been checked.
    Provision {
        base: u64,
        site: Box<Site>,
        laid_down: LaidDown,
    },
}

/// What a write came to, once its transaction is durable.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The answer.
    pub(crate) reply: Reply,
    /// The configuration that is current from now on, if it changed.
    pub(crate) config: Option<(u64, Site)>,
    /// Something changed that must be in the snapshot at once: nobody could type it in again.
    pub(crate) precious: bool,
}

impl Outcome {
    pub(crate) const fn of(reply: Reply) -> Self {
        Self {
            reply,
            config: None,
            precious: false,
        }
    }

    pub(crate) const fn precious(reply: Reply) -> Self {
        Self {
            reply,
            config: None,
            precious: true,
        }
    }

    pub(crate) fn refused(reason: String) -> Self {
        Self::of(Reply::Failed { reason })
    }
}

/// Applies one write inside a transaction.
pub(crate) fn apply(txn: &WriteTransaction, write: &Write, by: By) -> Result<Outcome, Fault> {
    let By { own, now, .. } = by;
    match write {
        Write::Commit { base, audit, site } => commit(txn, *base, audit, site, now),
        Write::PutCalls(calls) => put_calls(txn, calls, own),
        Write::InterruptOpenCalls { except } => interrupt_open_calls(txn, except, own),
        Write::PutRegistrations(registrations) => put_registrations(txn, registrations),
        Write::PutSpent(spent) => put_spent(txn, spent),
        Write::Audit(audit) => {
            append_audit(txn, audit, now)?;
            Ok(Outcome::of(Reply::Stored))
        }
        Write::ChangeBans(changes) => bans::change(txn, changes),
        Write::PutSecret { uid, name, value } => put_secret(txn, *uid, name, value),
        Write::Erase { whose, audit } => erased::note(txn, whose, audit, by),
        Write::PutBackupKeys(rows) => rows.apply(txn, now),
        Write::SetNetwork(change) => network::apply(txn, change, now),
        Write::Provision {
            base,
            site,
            laid_down,
        } => provision::apply(txn, *base, site, laid_down, now),
    }
}

pub(crate) fn commit(
    txn: &WriteTransaction,
    base: u64,
    audit: &Audit,
    site: &Site,
    now: UnixTime,
) -> Result<Outcome, Fault> {
    let mut table = open(txn, CONFIG)?;
    let current = last_number(&table)?;
    let version = base.saturating_add(1);
    if current == version && is_same(&table, version, audit, site)? {
        return Ok(Outcome::of(Reply::Committed { version }));
    }
    if current != base {
        return Ok(Outcome::of(Reply::Conflict { current }));
    }
    put_newest(&mut table, version, audit, site, now)?;
    drop(table);
    append_audit(txn, audit, now)?;
    Ok(Outcome {
        reply: Reply::Committed { version },
        config: Some((version, site.clone())),
        precious: true,
    })
}

/// Whether this version is what is asked for now: its author did not hear the answer (the store or
/// the connection died after it was durable) and asks again.
fn is_same(
    table: &WriteTable<'_>,
    version: u64,
    audit: &Audit,
    site: &Site,
) -> Result<bool, Fault> {
    let kept: Option<ConfigRow> = get(table, "config", &number_key(version))?;
    Ok(kept.is_some_and(|row| {
        row.author == audit::bounded(&audit.who)
            && row.action == audit::bounded(&audit.action)
            && row.site == SiteRow::from(site)
    }))
}

/// Writes the newest configuration version; the oldest make room for it.
pub(crate) fn put_newest(
    table: &mut WriteTable<'_>,
    version: u64,
    audit: &Audit,
    site: &Site,
    now: UnixTime,
) -> Result<(), Fault> {
    let row = config_row(audit, site, now);
    let before = table.last().map_err(redb_fault)?;
    let before = before.map(|(_, value)| value.value().to_vec());
    let unknown = match before.map(|it| carried::with_unknown(&it, &row)) {
        // One that cannot be read takes nothing along.
        Some(Err(Fault::Row { .. })) | None => None,
        Some(read) => read?,
    };
    let size = match &unknown {
        Some(row) => put_config_row(table, version, row)?,
        None => put_config_row(table, version, &row)?,
    };
    let keep = (CONFIG_BYTES_MAX / size.max(1)).clamp(CONFIG_VERSIONS_MIN, CONFIG_VERSIONS_MAX);
    drop_oldest(table, keep, |_, _| Ok(()))
}

/// Writes a configuration version as it is; returns its size in bytes.
pub(crate) fn put_config(
    table: &mut WriteTable<'_>,
    version: u64,
    audit: &Audit,
    site: &Site,
    now: UnixTime,
) -> Result<u64, Fault> {
    put_config_row(table, version, &config_row(audit, site, now))
}

fn config_row(audit: &Audit, site: &Site, now: UnixTime) -> ConfigRow {
    ConfigRow {
        at_millis: now.as_millis(),
        author: audit::bounded(&audit.who),
        action: audit::bounded(&audit.action),
        site: SiteRow::from(site),
    }
}

/// Writes a configuration row as it is; returns its size in bytes.
pub(crate) fn put_config_row(
    table: &mut WriteTable<'_>,
    version: u64,
    row: &impl Serialize,
) -> Result<u64, Fault> {
    let bytes = encode(row).map_err(|source| Fault::Row {
        table: "config",
        source,
    })?;
    let key = number_key(version);
    table
        .insert(key.as_slice(), bytes.as_slice())
        .map_err(redb_fault)?;
    Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

fn put_calls(txn: &WriteTransaction, calls: &[CallRecord], own: u32) -> Result<Outcome, Fault> {
    if let Some(bad) = calls.iter().find(|call| !is_name(&call.id)) {
        return Ok(Outcome::refused(format!(
            "a call record's id has {} bytes: 1 to {NAME_LENGTH_MAX} are needed",
            bad.id.len()
        )));
    }
    let mut tables = CallTables::open(txn, own)?;
    let erased = match Erased::kept(&open(txn, SECRETS)?, own) {
        Err(Fault::Row { .. }) => None,
        read => read?,
    };
    for call in calls {
        let row = CallRow::from(call);
        // A call may have begun before somebody was erased, and end after.
        let without = erased.as_ref().and_then(|it| row.without(it));
        tables.put(without.unwrap_or(row))?;
    }
    tables.drop_oldest(CALLS_MAX)?;
    Ok(stored(&tables))
}

/// The key is to be in the snapshot before anything hangs on it.
const fn stored(tables: &CallTables<'_>) -> Outcome {
    match tables.is_key_new {
        true => Outcome::precious(Reply::Stored),
        false => Outcome::of(Reply::Stored),
    }
}

fn interrupt_open_calls(
    txn: &WriteTransaction,
    except: &[String],
    own: u32,
) -> Result<Outcome, Fault> {
    let kept: BTreeSet<&[u8]> = except.iter().map(String::as_bytes).collect();
    let mut tables = CallTables::open(txn, own)?;
    for id in tables.ongoing()? {
        if kept.contains(id.as_slice()) {
            continue;
        }
        tables.is_over(&id)?;
        if let Some(mut row) = tables.row(&id)? {
            row.outcome = OutcomeRow::Interrupted;
            tables.put(row)?;
        }
    }
    Ok(stored(&tables))
}

fn put_registrations(
    txn: &WriteTransaction,
    registrations: &[Registration],
) -> Result<Outcome, Fault> {
    if registrations.len() > REGISTRATIONS_MAX {
        return Ok(Outcome::refused(format!(
            "{} registrations are more than the {REGISTRATIONS_MAX} that are kept",
            registrations.len()
        )));
    }
    let mut table = open(txn, REGISTRATIONS)?;
    let mut wanted = std::collections::BTreeMap::new();
    for registration in registrations {
        let key = registration_key(&registration.extension, &registration.contact);
        let row = RegistrationRow::from(registration);
        let bytes = encode(&row).map_err(|source| Fault::Row {
            table: "registrations",
            source,
        })?;
        wanted.insert(key, bytes);
    }
    table
        .retain(|key, _| wanted.contains_key(key))
        .map_err(redb_fault)?;
    for (key, bytes) in &wanted {
        let same = table.get(key.as_slice()).map_err(redb_fault)?;
        // Only what changed is written: flash wears by the page.
        if same.is_none_or(|kept| kept.value() != bytes.as_slice()) {
            table
                .insert(key.as_slice(), bytes.as_slice())
                .map_err(redb_fault)?;
        }
    }
    Ok(Outcome::of(Reply::Stored))
}

fn put_spent(txn: &WriteTransaction, spent: &Spent) -> Result<Outcome, Fault> {
    if spent.extensions.len() > config::EXTENSIONS_MAX || spent.trunks.len() > NAMES_SPENT_MAX {
        let reason = "more accounts than a site has are not kept".to_owned();
        return Ok(Outcome::refused(reason));
    }
    let row = SpentRow::from(spent.clone());
    put(&mut open(txn, META)?, "meta", SPENT_KEY, &row)?;
    Ok(Outcome::of(Reply::Stored))
}

pub(crate) fn append_audit(
    txn: &WriteTransaction,
    audit: &Audit,
    now: UnixTime,
) -> Result<(), Fault> {
    let row = AuditRow {
        at_millis: now.as_millis(),
        who: audit::bounded(&audit.who),
        from: audit::bounded(&audit.from),
        action: audit::bounded(&audit.action),
        before: audit::bounded(&audit.before),
        after: audit::bounded(&audit.after),
        hash: String::new(),
    };
    append_row(txn, row)
}

/// Appends an entry, chained to the one that is last.
pub(crate) fn append_row(txn: &WriteTransaction, mut row: AuditRow) -> Result<(), Fault> {
    let mut table = open(txn, AUDIT)?;
    let sequence = last_number(&table)?;
    let newest = table.get(number_key(sequence).as_slice());
    let newest = newest.map_err(redb_fault)?;
    let previous = match &newest {
        None => audit::GENESIS.to_owned(),
        Some(bytes) => hash_of(bytes.value())?,
    };
    drop(newest);
    let sequence = sequence + 1;
    row.hash = audit::hash(&previous, sequence, &row);
    put(&mut table, "audit", &number_key(sequence), &row)?;
    keep_newest_entries(txn, &mut table, AUDIT_ENTRIES_MAX)
}

/// Drops the oldest entries until at most so many are left; what the first of these is chained to
/// is kept, so that the rest is proved as before.
pub(crate) fn keep_newest_entries(
    txn: &WriteTransaction,
    table: &mut WriteTable<'_>,
    keep: u64,
) -> Result<(), Fault> {
    let mut anchor = None;
    drop_oldest(table, keep, |_, bytes| {
        anchor = Some(hash_of(bytes)?);
        Ok(())
    })?;
    match anchor {
        Some(anchor) => put(&mut open(txn, META)?, "meta", ANCHOR_KEY, &anchor),
        None => Ok(()),
    }
}

/// The hash of an entry; of one that the disk has changed none, to which nothing is chained: one
/// that has rotted must not refuse everything that is written from then on.
fn hash_of(bytes: &[u8]) -> Result<String, Fault> {
    Ok(audit::readable(bytes)?.map_or_else(String::new, |row| row.hash))
}

fn put_secret(
    txn: &WriteTransaction,
    uid: u32,
    name: &str,
    value: &Redacted<Vec<u8>>,
) -> Result<Outcome, Fault> {
    if !is_name(name) || value.reveal().len() > SECRET_LENGTH_MAX {
        return Ok(Outcome::refused(format!(
            "a secret needs a name of 1 to {NAME_LENGTH_MAX} bytes and at most \
             {SECRET_LENGTH_MAX} bytes of content"
        )));
    }
    let mut table = open(txn, SECRETS)?;
    let key = secret_key(uid, name);
    let is_new = table.get(key.as_slice()).map_err(redb_fault)?.is_none();
    let prefix = uid.to_be_bytes();
    let of_uid = table.range(prefix.as_slice()..).map_err(redb_fault)?;
    let mut count = 0;
    for entry in of_uid {
        let (key, _) = entry.map_err(redb_fault)?;
        if !key.value().starts_with(&prefix) || count > SECRETS_MAX {
            break;
        }
        count += 1;
    }
    if is_new && count >= SECRETS_MAX {
        return Ok(Outcome::refused(format!(
            "a process may keep at most {SECRETS_MAX} secrets"
        )));
    }
    put(
        &mut table,
        "secrets",
        &key,
        &SecretRow {
            value: value.clone(),
        },
    )?;
    Ok(Outcome::precious(Reply::Stored))
}

/// Removes first rows until at most `keep` are left, telling `dropped` of each.
pub(crate) fn drop_oldest(
    table: &mut WriteTable<'_>,
    keep: u64,
    mut dropped: impl FnMut(&[u8], &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut count = table.len().map_err(redb_fault)?;
    while count > keep {
        let Some((key, value)) = table.pop_first().map_err(redb_fault)? else {
            break;
        };
        dropped(key.value(), value.value())?;
        count -= 1;
    }
    Ok(())
}

const fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_LENGTH_MAX
}

#[cfg(test)]
mod tests {
    use redb::{Database, ReadableDatabase as _, backends::InMemoryBackend};

    use super::*;
    use crate::tables::CALLS;

    /// Applies `change` to a table of the numbers 1 to 10 and returns those left.
    fn check(change: impl FnOnce(&mut WriteTable<'_>)) -> Vec<u8> {
        let backend = InMemoryBackend::new();
        let database = Database::builder()
            .create_with_backend(backend)
            .expect("in memory");
        let txn = database.begin_write().expect("one writer");
        let mut table = open(&txn, CALLS).expect("a table");
        for number in 1..=10_u8 {
            table
                .insert([number].as_slice(), [].as_slice())
                .expect("in memory");
        }
        change(&mut table);
        drop(table);
        txn.commit().expect("in memory");
        let txn = database.begin_read().expect("a reader");
        let table = txn.open_table(CALLS).expect("a table");
        let keys = table
            .iter()
            .expect("a range")
            .map(|row| row.expect("a row").0.value()[0]);
        keys.collect()
    }

    #[test]
    fn the_oldest_rows_make_room_and_are_told() {
        let mut told = Vec::new();
        let left = check(|table| {
            let tell = |key: &[u8], _: &[u8]| {
                told.push(key[0]);
                Ok(())
            };
            drop_oldest(table, 7, tell).expect("in memory");
        });
        assert_eq!((told, left), (vec![1, 2, 3], vec![4, 5, 6, 7, 8, 9, 10]));
        let left = check(|table| drop_oldest(table, 10, |_, _| Ok(())).expect("in memory"));
        assert_eq!(left.len(), 10, "as many as may stay do");
    }
}
