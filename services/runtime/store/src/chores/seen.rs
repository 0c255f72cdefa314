//! What the chores see of the rows: each look is short, and goes on where the last one ended.

use std::collections::BTreeSet;

use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTableMetadata as _};

use super::{GATHERED, WRITTEN};
use crate::calls::index_keys;
use crate::rows::{CallRow, is_marked};
use crate::seal::Seal;
use crate::tables::{CALL_INDEX, CALLS, Fault, INDEX_WHOLE_KEY, SECRETS, decode, get, redb_fault};

/// Rows that one step looks at.
const LOOKED_AT: usize = 20_000;

/// Rows that one step reads whole.
const READ: usize = 2_000;

pub(crate) fn reader(database: &Database) -> Result<ReadTransaction, Fault> {
    database.begin_read().map_err(redb_fault)
}

fn seal_of(txn: &ReadTransaction, own: u32) -> Result<Option<Seal>, Fault> {
    let secrets = txn.open_table(SECRETS).map_err(redb_fault)?;
    match Seal::kept(&secrets, own) {
        Err(Fault::Row { .. }) => Ok(None),
        read => read,
    }
}

/// What was seen of the rows.
pub(super) struct Seen {
    /// Ids of those without the mark of the key.
    pub(super) bare: Vec<Vec<u8>>,
    /// Where to go on; `None` at the end.
    pub(super) last: Option<Vec<u8>>,
}

pub(super) fn look(txn: &ReadTransaction, own: u32, after: &[u8]) -> Result<Seen, Fault> {
    let seal = seal_of(txn, own)?;
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let mut bare = Vec::new();
    let mut looked_at = 0;
    for entry in table.range(next(after).as_slice()..).map_err(redb_fault)? {
        let (key, value) = entry.map_err(redb_fault)?;
        let is_sealed = seal.as_ref().is_some_and(|it| is_marked(value.value(), it));
        if !is_sealed {
            bare.push(key.value().to_vec());
        }
        looked_at += 1;
        if looked_at == LOOKED_AT || bare.len() == WRITTEN {
            let last = Some(key.value().to_vec());
            return Ok(Seen { bare, last });
        }
    }
    Ok(Seen { bare, last: None })
}

/// What the index is of.
pub(super) enum IndexOf {
    /// Every record, under the key that the database has.
    ThisKey,
    AnotherKey,
    /// Some records, or none.
    Part,
    /// There are no records.
    Nothing,
}

pub(super) fn index_of(txn: &ReadTransaction, own: u32) -> Result<IndexOf, Fault> {
    let calls = txn.open_table(CALLS).map_err(redb_fault)?;
    let is_empty = calls.is_empty().map_err(redb_fault)?;
    let whole: Option<String> = match txn.open_table(CALL_INDEX) {
        Ok(table) => match get(&table, "call-index", INDEX_WHOLE_KEY) {
            // What cannot be read is of no key there is.
            Err(Fault::Row { .. }) => Some(String::new()),
            read => read?,
        },
        Err(redb::TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(redb_fault(error)),
    };
    let seal = seal_of(txn, own)?;
    Ok(match (whole, seal) {
        (Some(whole), Some(seal)) if whole == seal.id() => IndexOf::ThisKey,
        (Some(_), _) => IndexOf::AnotherKey,
        (None, _) if is_empty => IndexOf::Nothing,
        (None, _) => IndexOf::Part,
    })
}

pub(super) fn rows_of_index(txn: &ReadTransaction) -> Result<u64, Fault> {
    match txn.open_table(CALL_INDEX) {
        Ok(table) => table.len().map_err(redb_fault),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(redb_fault(error)),
    }
}

/// Counts what the index would have of the next records; the id to go on after, `None` at the end.
pub(super) fn count(
    txn: &ReadTransaction,
    own: u32,
    after: &[u8],
) -> Result<(u64, Option<Vec<u8>>), Fault> {
    let mut rows = 0;
    let Some(seal) = seal_of(txn, own)? else {
        return Ok((rows, None));
    };
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let mut read = 0;
    for entry in table.range(next(after).as_slice()..).map_err(redb_fault)? {
        let (key, value) = entry.map_err(redb_fault)?;
        if let Ok(row) = decode::<CallRow>("calls", value.value()) {
            rows += row.opened(Some(&seal)).tags(&seal).len() as u64;
        }
        read += 1;
        if read == READ {
            return Ok((rows, Some(key.value().to_vec())));
        }
    }
    Ok((rows, None))
}

/// Gathers the first rows of the index after `index`; the id to go on after, `None` at the end.
pub(super) fn gather(
    txn: &ReadTransaction,
    own: u32,
    after: &[u8],
    index: &[u8],
    gathered: &mut BTreeSet<Vec<u8>>,
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(seal) = seal_of(txn, own)? else {
        return Ok(None);
    };
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let mut read = 0;
    for entry in table.range(next(after).as_slice()..).map_err(redb_fault)? {
        let (key, value) = entry.map_err(redb_fault)?;
        if let Ok(row) = decode::<CallRow>("calls", value.value()) {
            let row = row.opened(Some(&seal));
            let keys = index_keys(&row, &seal).filter(|it| it.as_slice() > index);
            gathered.extend(keys);
            while gathered.len() > GATHERED {
                gathered.pop_last();
            }
        }
        read += 1;
        if read == READ {
            return Ok(Some(key.value().to_vec()));
        }
    }
    Ok(None)
}

/// The first key after this one.
fn next(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
