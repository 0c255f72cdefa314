//! The tables, and reading and writing rows of them.

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rows::{self, RowError};

pub(crate) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
pub(crate) type WriteTable<'txn> = Table<'txn, &'static [u8], &'static [u8]>;

/// Facts about the database itself, by name: [`SCHEMA_VERSION_KEY`], [`ANCHOR_KEY`]; and the
/// rows there are one of, [`SPENT_KEY`], [`KEPT_KEY`], [`ERASED_KEY`] and [`RESTORE_KEY`].
pub(crate) const META: Definition = Definition::new("meta");
/// Configuration versions by big-endian number.
pub(crate) const CONFIG: Definition = Definition::new("config");
/// Call records by id, which sorts by time.
pub(crate) const CALLS: Definition = Definition::new("calls");
/// Ids of call records still ongoing, so that nobody has to search for them.
pub(crate) const OPEN_CALLS: Definition = Definition::new("open-calls");
/// Who was in which call: see `calls.rs`. What is lost of it is made again.
pub(crate) const CALL_INDEX: Definition = Definition::new("call-index");
/// Registrations by extension, a zero byte and the contact.
pub(crate) const REGISTRATIONS: Definition = Definition::new("registrations");
/// The audit trail by big-endian position.
pub(crate) const AUDIT: Definition = Definition::new("audit");
/// Who is banned, by network as text: see `bans.rs`. In no backup and no snapshot.
pub(crate) const BANS: Definition = Definition::new("bans");
/// Secrets by big-endian user id and name.
pub(crate) const SECRETS: Definition = Definition::new("secrets");

/// Which shape the tables have; a JSON number.
pub(crate) const SCHEMA_VERSION_KEY: &[u8] = b"schema_version";
/// Hash of the newest audit entry that was dropped for age: where the chain kept begins.
pub(crate) const ANCHOR_KEY: &[u8] = b"audit_anchor";

/// Money and minutes spent.
pub(crate) const SPENT_KEY: &[u8] = b"spent";

/// How far what is past its date was deleted.
pub(crate) const KEPT_KEY: &[u8] = b"kept";

/// The list of who was erased that everything has been gone through for.
pub(crate) const ERASED_KEY: &[u8] = b"erased";

/// The restore that has brought the database, by its random id; not part of backups.
pub(crate) const RESTORE_KEY: &[u8] = b"restore";

/// In the index of calls: the id of the key under which it has every record.
pub(crate) const INDEX_WHOLE_KEY: &[u8] = b"whole";

/// The shape this firmware writes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Why the database cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// redb or the disk below it failed.
    #[error("{0}")]
    Redb(#[from] redb::Error),
    /// A row cannot be read.
    #[error("table {table}: {source}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with the row.
        source: RowError,
    },
}

impl Fault {
    /// The content is damaged, as opposed to a disk that is full or gone.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Redb(error) => is_damage(error),
            Self::Row { source, .. } => match source {
                RowError::Short | RowError::Checksum | RowError::Content(_) => true,
                RowError::Version(_) => false,
            },
        }
    }

    /// The bytes are those that were written, and say what this firmware does not know: a newer one
    /// has written them.
    pub(crate) const fn is_newer(&self) -> bool {
        match self {
            Self::Redb(_) => false,
            Self::Row { source, .. } => match source {
                RowError::Version(_) | RowError::Content(_) => true,
                RowError::Short | RowError::Checksum => false,
            },
        }
    }

    /// The disk has no room.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Redb(redb::Error::Io(error)) if is_full(error))
    }
}

pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

fn is_damage(error: &redb::Error) -> bool {
    use std::io::ErrorKind;
    match error {
        redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::RepairAborted
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => true,
        // A sector that cannot be read any more (EIO) has no kind of its own in std.
        redb::Error::Io(io) => {
            matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
                || io.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        }
        _ => false,
    }
}

/// Turns any of redb's errors into ours.
pub(crate) fn redb_fault(error: impl Into<redb::Error>) -> Fault {
    Fault::Redb(error.into())
}

/// Opens a table for writing; it is made when it does not exist.
pub(crate) fn open(txn: &WriteTransaction, table: Definition) -> Result<WriteTable<'_>, Fault> {
    txn.open_table(table).map_err(redb_fault)
}

/// Reads one row.
pub(crate) fn get<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    name: &'static str,
    key: &[u8],
) -> Result<Option<T>, Fault> {
    let found = table.get(key).map_err(redb_fault)?;
    found.map(|value| decode(name, value.value())).transpose()
}

/// Writes one row.
pub(crate) fn put<T: Serialize>(
    table: &mut WriteTable<'_>,
    name: &'static str,
    key: &[u8],
    row: &T,
) -> Result<(), Fault> {
    let bytes = rows::encode(row).map_err(|source| Fault::Row {
        table: name,
        source,
    })?;
    table.insert(key, bytes.as_slice()).map_err(redb_fault)?;
    Ok(())
}

/// Bytes of a table as its row.
pub(crate) fn decode<T: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Result<T, Fault> {
    rows::decode(bytes).map_err(|source| Fault::Row { table, source })
}

/// The key of a numbered row: big-endian, so that the order of keys is the order of numbers.
pub(crate) const fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The number in a key; 0 when it is not one.
pub(crate) fn key_number(key: &[u8]) -> u64 {
    key.try_into().map_or(0, u64::from_be_bytes)
}

/// The key of a secret.
pub(crate) fn secret_key(uid: u32, name: &str) -> Vec<u8> {
    [uid.to_be_bytes().as_slice(), name.as_bytes()].concat()
}

/// The key of a registration.
pub(crate) fn registration_key(extension: &str, contact: &str) -> Vec<u8> {
    [extension.as_bytes(), &[0], contact.as_bytes()].concat()
}

/// The last key and its bytes.
pub(crate) fn last_number(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<u64, Fault> {
    let last = table.last().map_err(redb_fault)?;
    Ok(last.map_or(0, |(key, _)| key_number(key.value())))
}
