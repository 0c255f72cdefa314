//! The tables of call records: the rows, those of calls that are ongoing, and the index of who was
//! in which.
//!
//! The index has, for every number, extension and recording of a record, one row: its name under
//! the key (eight bytes), then the id of the record, so that the calls of a number are one range in
//! the order of time. An older firmware knows nothing of it, and what it writes and drops is not in
//! it: a row of the index whose record is gone means nothing, and `chores.rs` finds the records
//! that are missing.

use redb::{ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};

use crate::rows::{CallRow, OutcomeRow, is_marked};
use crate::seal::{Seal, TAG_LENGTH};
use crate::tables::{
    CALL_INDEX, CALLS, Fault, INDEX_WHOLE_KEY, OPEN_CALLS, WriteTable, decode, get, open, put,
    redb_fault,
};

/// Rows of the index that are kept: a call that rang at a large group has a hundred. About 300 MiB.
const INDEX_ROWS_MAX: u64 = 5_000_000;

/// The tables of call records, in one transaction.
pub(crate) struct CallTables<'txn> {
    calls: WriteTable<'txn>,
    ongoing: WriteTable<'txn>,
    index: WriteTable<'txn>,
    seal: Seal,
    /// The key was drawn just now: without it what is written cannot be read.
    pub(crate) is_key_new: bool,
}

impl<'txn> CallTables<'txn> {
    /// `own` is the store's user id.
    pub(crate) fn open(txn: &'txn WriteTransaction, own: u32) -> Result<Self, Fault> {
        let (seal, is_key_new) = Seal::kept_or_drawn(txn, own)?;
        Ok(Self {
            calls: open(txn, CALLS)?,
            ongoing: open(txn, OPEN_CALLS)?,
            index: open(txn, CALL_INDEX)?,
            seal,
            is_key_new,
        })
    }

    /// Writes a record, whose numbers are as people say them.
    pub(crate) fn put(&mut self, row: CallRow) -> Result<(), Fault> {
        if self.calls.is_empty().map_err(redb_fault)? {
            self.index_is_whole()?;
        }
        let id = row.id.clone();
        let key = id.as_bytes();
        let mut before = match self.indexed(key) {
            // What has rotted makes room.
            Err(Fault::Row { .. }) => None,
            read => read?,
        }
        .map(|row| row.tags(&self.seal))
        .unwrap_or_default();
        for tag in row.tags(&self.seal) {
            if !before.remove(&tag) {
                let entry = index_key(&tag, key);
                let inserted = self.index.insert(entry.as_slice(), [].as_slice());
                inserted.map_err(redb_fault)?;
            }
        }
        for tag in before {
            let entry = index_key(&tag, key);
            self.index.remove(entry.as_slice()).map_err(redb_fault)?;
        }
        self.put_row(row)
    }

    /// Writes the row alone: its numbers are in the index, or will be.
    pub(crate) fn put_row(&mut self, row: CallRow) -> Result<(), Fault> {
        let row = row.sealed(&self.seal);
        put_as_it_is(&mut self.calls, &mut self.ongoing, &row)
    }

    /// A record, opened.
    pub(crate) fn row(&self, key: &[u8]) -> Result<Option<CallRow>, Fault> {
        let row: Option<CallRow> = get(&self.calls, "calls", key)?;
        Ok(row.map(|row| row.opened(Some(&self.seal))))
    }

    /// The same, if this firmware has written it and so has it in the index.
    fn indexed(&self, key: &[u8]) -> Result<Option<CallRow>, Fault> {
        let Some(value) = self.calls.get(key).map_err(redb_fault)? else {
            return Ok(None);
        };
        let bytes = value.value();
        if !is_marked(bytes, &self.seal) {
            return Ok(None);
        }
        let row: CallRow = decode("calls", bytes)?;
        Ok(Some(row.opened(Some(&self.seal))))
    }

    /// Ids of the calls that are ongoing.
    pub(crate) fn ongoing(&self) -> Result<Vec<Vec<u8>>, Fault> {
        let mut ids = Vec::new();
        for entry in self.ongoing.iter().map_err(redb_fault)? {
            let (key, _) = entry.map_err(redb_fault)?;
            ids.push(key.value().to_vec());
        }
        Ok(ids)
    }

    /// The call is not ongoing, whatever its record says.
    pub(crate) fn is_over(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.ongoing.remove(key).map_err(redb_fault).map(drop)
    }

    /// Removes a record with all that leads to it.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<(), Fault> {
        let removed = self.calls.remove(key).map_err(redb_fault)?;
        let row = removed.and_then(|value| decode::<CallRow>("calls", value.value()).ok());
        self.ongoing.remove(key).map_err(redb_fault)?;
        // Of a row that has rotted nobody knows the numbers; what leads to it leads nowhere.
        let tags = row.map(|row| row.opened(Some(&self.seal)).tags(&self.seal));
        for tag in tags.unwrap_or_default() {
            let entry = index_key(&tag, key);
            self.index.remove(entry.as_slice()).map_err(redb_fault)?;
        }
        Ok(())
    }

    /// Removes the oldest until at most `keep` are left, and no more of the index than is kept.
    pub(crate) fn drop_oldest(&mut self, keep: u64) -> Result<(), Fault> {
        while self.calls.len().map_err(redb_fault)? > keep
            || self.index.len().map_err(redb_fault)? > INDEX_ROWS_MAX
        {
            let first = self.calls.first().map_err(redb_fault)?;
            let Some(key) = first.map(|(key, _)| key.value().to_vec()) else {
                break;
            };
            self.remove(&key)?;
        }
        Ok(())
    }

    /// Adds rows of the index as they are.
    pub(crate) fn add_to_index<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), Fault> {
        for entry in entries {
            let inserted = self.index.insert(entry, [].as_slice());
            inserted.map_err(redb_fault)?;
        }
        Ok(())
    }

    /// Every record is in the index from now on.
    pub(crate) fn index_is_whole(&mut self) -> Result<(), Fault> {
        put(
            &mut self.index,
            "call-index",
            INDEX_WHOLE_KEY,
            &self.seal.id().to_owned(),
        )
    }
}

/// Writes a row as it stands on disk, and keeps the list of ongoing calls true.
pub(crate) fn put_as_it_is(
    calls: &mut WriteTable<'_>,
    ongoing: &mut WriteTable<'_>,
    row: &CallRow,
) -> Result<(), Fault> {
    let key = row.id.as_bytes();
    put(calls, "calls", key, row)?;
    if row.outcome == OutcomeRow::Ongoing {
        ongoing.insert(key, [].as_slice()).map_err(redb_fault)?;
    } else {
        ongoing.remove(key).map_err(redb_fault)?;
    }
    Ok(())
}

/// Every row of the index of an opened record.
pub(crate) fn index_keys(row: &CallRow, seal: &Seal) -> impl Iterator<Item = Vec<u8>> {
    let id = row.id.clone().into_bytes();
    let tags = row.tags(seal).into_iter();
    tags.map(move |tag| index_key(&tag, &id))
}

pub(crate) fn index_key(tag: &[u8; TAG_LENGTH], id: &[u8]) -> Vec<u8> {
    [tag.as_slice(), id].concat()
}
