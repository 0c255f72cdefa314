//! The tables of call records: the rows, those of calls that are ongoing, and the index of who was
//! in which.
//!
//! The index has, for every number, extension and recording of a record, one row: its name under
//! the key (eight bytes), then the id of the record, so that the calls of a number are one range in
//! the order of time. An older firmware knows nothing of it, and what it writes and drops is not in
//! it: a row of the index whose record is gone means nothing, and `chores.rs` finds the records
//! that are missing.

use std::time::{Duration, Instant};

use redb::{ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};

use crate::erased::Erased;
use crate::rows::{CallRow, OutcomeRow, is_marked};
use crate::seal::{Seal, TAG_LENGTH};
use crate::tables::{
    CALL_INDEX, CALLS, Fault, INDEX_WHOLE_KEY, OPEN_CALLS, WriteTable, decode, get, open, put,
    redb_fault,
};

/// Rows of the index that are kept: seven for each of the records that are. About 90 MiB, which are
/// verified at each start. Where large groups ring, whose calls have a hundred each, it would have
/// more than that, and there is none.
pub(crate) const INDEX_ROWS_MAX: u64 = 1_500_000;

/// Rows of the index that one commit writes or removes, next to each other: some 80 pages.
const INDEXED: usize = 5_000;

/// The same of rows that are not next to each other, each of which is a page of its own.
const PLACES: usize = 200;

/// How long one commit looks at what the index has.
const LOOKED: Duration = Duration::from_millis(200);

/// Records that one commit drops; the rest goes with those after it.
const DROPPED: usize = 200;

/// In the place of a key's id: no record is put into the index, and what is in it means nothing.
const NO_INDEX: &str = "none";

/// The tables of call records, in one transaction.
pub(crate) struct CallTables<'txn> {
    calls: WriteTable<'txn>,
    ongoing: WriteTable<'txn>,
    index: WriteTable<'txn>,
    seal: Seal,
    /// Records are put into the index.
    is_index_kept: bool,
    /// Rows that the index may have.
    pub(crate) index_rows_max: u64,
    /// How long one commit looks at what the index has.
    pub(crate) look_time: Duration,
    /// The key was drawn just now: without it what is written cannot be read.
    pub(crate) is_key_new: bool,
}

impl<'txn> CallTables<'txn> {
    /// `own` is the store's user id.
    pub(crate) fn open(txn: &'txn WriteTransaction, own: u32) -> Result<Self, Fault> {
        let (seal, is_key_new) = Seal::kept_or_drawn(txn, own)?;
        let mut tables = Self {
            calls: open(txn, CALLS)?,
            ongoing: open(txn, OPEN_CALLS)?,
            index: open(txn, CALL_INDEX)?,
            seal,
            is_index_kept: true,
            index_rows_max: INDEX_ROWS_MAX,
            look_time: LOOKED,
            is_key_new,
        };
        tables.is_index_kept = tables.index_of()?.as_deref() != Some(NO_INDEX);
        Ok(tables)
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
        let tags = row.tags(&self.seal);
        let rows = self.index.len().map_err(redb_fault)?;
        // It is an aid; the records are what people are promised.
        if self.is_index_kept && rows.saturating_add(tags.len() as u64) > self.index_rows_max {
            tracing::warn!("call records: {rows} rows of the index are all that are kept");
            self.give_up_index()?;
        }
        for tag in tags {
            if !before.remove(&tag) && self.is_index_kept {
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

    /// Removes the oldest until at most `keep` are left, as many as one commit may.
    pub(crate) fn drop_oldest(&mut self, keep: u64) -> Result<(), Fault> {
        self.drop_some(keep, DROPPED)
    }

    /// The same of all there are, for a database that nobody uses yet.
    pub(crate) fn drop_all_oldest(&mut self, keep: u64) -> Result<(), Fault> {
        self.drop_some(keep, usize::MAX)
    }

    fn drop_some(&mut self, keep: u64, most: usize) -> Result<(), Fault> {
        let mut dropped = 0;
        while dropped < most && self.calls.len().map_err(redb_fault)? > keep {
            let first = self.calls.first().map_err(redb_fault)?;
            let Some(key) = first.map(|(key, _)| key.value().to_vec()) else {
                break;
            };
            self.remove(&key)?;
            dropped += 1;
        }
        Ok(())
    }

    /// Removes the oldest of those with an id from one on and before another, as many as one commit
    /// may; how many.
    pub(crate) fn drop_within(&mut self, from: &[u8], until: &[u8]) -> Result<u64, Fault> {
        let begun = Instant::now();
        let mut dropped = 0;
        while dropped < DROPPED as u64 && (dropped == 0 || begun.elapsed() <= self.look_time) {
            let mut range = self.calls.range(from..until).map_err(redb_fault)?;
            let first = range.next().transpose().map_err(redb_fault)?;
            let Some(key) = first.map(|(key, _)| key.value().to_vec()) else {
                break;
            };
            drop(range);
            self.remove(&key)?;
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Takes the numbers of who was erased out of these records and out of the index.
    pub(crate) fn erase(&mut self, ids: &[Vec<u8>], erased: &Erased) -> Result<(), Fault> {
        for key in ids {
            match self.row(key) {
                Ok(Some(row)) => {
                    if let Some(row) = row.without(erased) {
                        self.put(row)?;
                    }
                }
                Ok(None) | Err(Fault::Row { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Takes from these records what they say of sound and addresses; of how many.
    pub(crate) fn clear_details(&mut self, ids: &[Vec<u8>]) -> Result<u64, Fault> {
        let mut cleared = 0;
        for key in ids {
            let Some(value) = self.calls.get(key.as_slice()).map_err(redb_fault)? else {
                continue;
            };
            let is_sealed = is_marked(value.value(), &self.seal);
            let row = decode::<CallRow>("calls", value.value());
            drop(value);
            let row = match row {
                Ok(row) => row.opened(Some(&self.seal)).without_details(),
                // It is as it was, and whoever reads it is told.
                Err(Fault::Row { .. }) => continue,
                Err(fault) => return Err(fault),
            };
            // What the index has of it stays the same.
            match is_sealed {
                true => self.put_row(row)?,
                false => self.put(row)?,
            }
            cleared += 1;
        }
        Ok(cleared)
    }

    /// Adds the first of these rows of the index, which come in its order: as many as one commit
    /// may. How many of them it has now.
    pub(crate) fn add_to_index<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, Fault> {
        let begun = Instant::now();
        let (mut seen, mut added, mut places) = (0, 0, 0);
        let mut was_there = true;
        for entry in entries {
            let is_enough =
                added == INDEXED || places == PLACES || begun.elapsed() > self.look_time;
            if is_enough && seen > 0 {
                break;
            }
            // What is there is not written again: flash wears by the page.
            let is_there = self.index.get(entry).map_err(redb_fault)?.is_some();
            if !is_there {
                let inserted = self.index.insert(entry, [].as_slice());
                inserted.map_err(redb_fault)?;
                added += 1;
                places += usize::from(was_there);
            }
            was_there = is_there;
            seen += 1;
        }
        Ok(seen)
    }

    /// Every record is in the index from now on.
    pub(crate) fn index_is_whole(&mut self) -> Result<(), Fault> {
        self.is_index_kept = true;
        let id = self.seal.id().to_owned();
        put(&mut self.index, "call-index", INDEX_WHOLE_KEY, &id)
    }

    /// Whether every record is in it, as far as this firmware has written them.
    pub(crate) fn is_index_whole(&self) -> Result<bool, Fault> {
        Ok(self.index_of()?.as_deref() == Some(self.seal.id()))
    }

    /// Some records are not in it any more; those that are written from now on are.
    pub(crate) fn index_is_not_whole(&mut self) -> Result<(), Fault> {
        if self.is_index_whole()? {
            self.index.remove(INDEX_WHOLE_KEY).map_err(redb_fault)?;
        }
        Ok(())
    }

    /// No more is put into it: [`crate::chores`] removes what is there.
    pub(crate) fn give_up_index(&mut self) -> Result<(), Fault> {
        self.is_index_kept = false;
        let none = NO_INDEX.to_owned();
        put(&mut self.index, "call-index", INDEX_WHOLE_KEY, &none)
    }

    /// Removes as much of the index as one commit may; whether nothing is left, and it can be made
    /// anew.
    pub(crate) fn empty_index(&mut self) -> Result<bool, Fault> {
        for _ in 0..INDEXED {
            if self.index.pop_first().map_err(redb_fault)?.is_none() {
                self.is_index_kept = true;
                return Ok(true);
            }
        }
        // It may have been among them, and a power cut may come.
        self.give_up_index()?;
        Ok(false)
    }

    /// The key whose index it is; `None` also of what cannot be read.
    fn index_of(&self) -> Result<Option<String>, Fault> {
        match get(&self.index, "call-index", INDEX_WHOLE_KEY) {
            Err(Fault::Row { .. }) => Ok(None),
            read => read,
        }
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
