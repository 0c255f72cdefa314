//! What the writer does when nobody asks: call records of an older firmware are sealed, and the
//! index is made where it is not whole.
//!
//! ```text
//! start ── look for rows without the mark of the key, and seal them
//!                               │
//!                 is the index whole? ── yes ──> done
//!                               │ no              ^
//!                               └──── make it ────┘
//! ```
//! Both go on from anywhere after a power cut, as what is done shows in the rows: so they need no
//! schema of their own, and what an older firmware has written after a rollback is found at the
//! next start of this one.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase as _};

use crate::calls::{CallTables, index_keys};
use crate::opening::begin;
use crate::rows::{CallRow, is_marked};
use crate::seal::Seal;
use crate::store::Shared;
use crate::tables::{CALL_INDEX, CALLS, Fault, INDEX_WHOLE_KEY, SECRETS, decode, get, redb_fault};

/// Between two steps: calls, and whoever reads, come first.
const PAUSE: Duration = Duration::from_millis(20);

/// After a step that failed, as on a full disk.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Rows that one step looks at.
const LOOKED_AT: usize = 20_000;

/// Rows that one step reads whole.
const READ: usize = 2_000;

/// Rows that one commit writes.
const WRITTEN: usize = 200;

/// Rows of the index that are gathered before they are written in their order: 8 MiB. Written as
/// they come, each would be a page of flash.
const GATHERED: usize = 100_000;

/// Rows of the index that one commit writes.
const INDEXED: usize = 5_000;

/// So many records are between two lines in the log.
const TOLD: u64 = 20_000;

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Chores {
    /// The opening of the database that it is about.
    generation: u64,
    stage: Stage,
    sealed: u64,
    has_failed: bool,
}

#[derive(Debug)]
enum Stage {
    /// Looking for rows that are not sealed, after this id.
    Sealing {
        after: Vec<u8>,
    },
    /// Reading records after this id for the rows of the index after `index`.
    Reading {
        after: Vec<u8>,
        index: Vec<u8>,
        gathered: BTreeSet<Vec<u8>>,
    },
    /// Writing what was gathered.
    Indexing {
        gathered: BTreeSet<Vec<u8>>,
        is_last: bool,
    },
    Done,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Sealing { after: Vec::new() }
    }
}

impl Chores {
    /// How long to wait for somebody who asks before the next step; `None` when nothing is to do.
    pub(crate) fn patience(&self, shared: &Shared) -> Option<Duration> {
        if matches!(self.stage, Stage::Done) && shared.is_indexed.load(Ordering::Relaxed) {
            return None;
        }
        match self.has_failed {
            true => Some(PAUSE_AFTER_FAILURE),
            false => Some(PAUSE),
        }
    }

    /// Does a little of it. Whether the snapshot is now out of date in something people would miss.
    pub(crate) fn step(&mut self, shared: &Shared) -> bool {
        let generation = shared.generation();
        let is_indexed = shared.is_indexed.load(Ordering::Relaxed);
        if self.generation != generation || (matches!(self.stage, Stage::Done) && !is_indexed) {
            *self = Self {
                generation,
                ..Self::default()
            };
        }
        let mut is_precious = false;
        self.has_failed = match self.advance(shared, &mut is_precious) {
            Ok(next) => {
                self.stage = next;
                false
            }
            Err(reason) => {
                tracing::warn!("call records are not sealed or indexed yet: {reason}");
                self.stage = Stage::default();
                true
            }
        };
        if matches!(self.stage, Stage::Done) {
            shared.is_indexed.store(true, Ordering::Relaxed);
        }
        is_precious
    }

    fn advance(&mut self, shared: &Shared, is_precious: &mut bool) -> Result<Stage, String> {
        let own = shared.peers.own;
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Sealing { after } => {
                let seen = shared.with(|it| look(&reader(it)?, own, &after))?;
                if !seen.bare.is_empty() {
                    *is_precious |= write(shared, |tables| seal(tables, &seen.bare))?;
                    self.tell(seen.bare.len());
                }
                match seen.last {
                    Some(after) => Ok(Stage::Sealing { after }),
                    None => self.after_sealing(shared),
                }
            }
            Stage::Reading {
                after,
                index,
                mut gathered,
            } => {
                let last =
                    shared.with(|it| gather(&reader(it)?, own, &after, &index, &mut gathered))?;
                Ok(match last {
                    Some(after) => Stage::Reading {
                        after,
                        index,
                        gathered,
                    },
                    None => Stage::Indexing {
                        is_last: gathered.len() < GATHERED,
                        gathered,
                    },
                })
            }
            Stage::Indexing {
                mut gathered,
                is_last,
            } => {
                let rest = gathered.iter().nth(INDEXED).cloned();
                let rest = rest.map(|it| gathered.split_off(&it)).unwrap_or_default();
                let is_whole = is_last && rest.is_empty();
                *is_precious |= write(shared, |tables| {
                    tables.add_to_index(gathered.iter().map(Vec::as_slice))?;
                    match is_whole {
                        true => tables.index_is_whole(),
                        false => Ok(()),
                    }
                })?;
                if is_whole {
                    tracing::info!("call records: the index is whole");
                    return Ok(Stage::Done);
                }
                Ok(match (rest.is_empty(), gathered.pop_last()) {
                    (true, Some(index)) => Stage::Reading {
                        after: Vec::new(),
                        index,
                        gathered: BTreeSet::new(),
                    },
                    _ => Stage::Indexing {
                        gathered: rest,
                        is_last,
                    },
                })
            }
            Stage::Done => Ok(Stage::Done),
        }
    }

    fn after_sealing(&self, shared: &Shared) -> Result<Stage, String> {
        if self.sealed > 0 {
            tracing::info!("call records: {} were sealed, now all are", self.sealed);
        }
        let own = shared.peers.own;
        match shared.with(|database| index_of(&reader(database)?, own))? {
            // Of nothing it is made when something comes.
            IndexOf::ThisKey | IndexOf::Nothing => return Ok(Stage::Done),
            IndexOf::AnotherKey => {
                shared.with_writable(|database| {
                    let txn = begin(database)?;
                    txn.delete_table(CALL_INDEX).map_err(redb_fault)?;
                    drop(crate::tables::open(&txn, CALL_INDEX)?);
                    txn.commit().map_err(redb_fault)
                })?;
            }
            IndexOf::Part => {}
        }
        tracing::info!("call records: the index is made");
        Ok(Stage::Reading {
            after: Vec::new(),
            index: Vec::new(),
            gathered: BTreeSet::new(),
        })
    }

    fn tell(&mut self, more: usize) {
        let before = self.sealed / TOLD;
        self.sealed += more as u64;
        if self.sealed == more as u64 {
            tracing::info!("call records of an older firmware are being sealed");
        } else if self.sealed / TOLD > before {
            tracing::info!("call records: {} are sealed", self.sealed);
        }
    }
}

fn reader(database: &Database) -> Result<ReadTransaction, Fault> {
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
struct Seen {
    /// Ids of those without the mark of the key.
    bare: Vec<Vec<u8>>,
    /// Where to go on; `None` at the end.
    last: Option<Vec<u8>>,
}

fn look(txn: &ReadTransaction, own: u32, after: &[u8]) -> Result<Seen, Fault> {
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

fn seal(tables: &mut CallTables<'_>, ids: &[Vec<u8>]) -> Result<(), Fault> {
    for id in ids {
        match tables.row(id) {
            Ok(Some(row)) => tables.put(row)?,
            Ok(None) => {}
            // It is as it was, and whoever reads it is told.
            Err(fault @ Fault::Row { .. }) => tracing::error!("a call record: {fault}"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// What the index is of.
enum IndexOf {
    /// Every record, under the key that the database has.
    ThisKey,
    AnotherKey,
    /// Some records, or none.
    Part,
    /// There are no records.
    Nothing,
}

fn index_of(txn: &ReadTransaction, own: u32) -> Result<IndexOf, Fault> {
    use redb::ReadableTableMetadata as _;
    let calls = txn.open_table(CALLS).map_err(redb_fault)?;
    let is_empty = calls.is_empty().map_err(redb_fault)?;
    let whole: Option<String> = match txn.open_table(CALL_INDEX) {
        Ok(table) => get(&table, "call-index", INDEX_WHOLE_KEY)?,
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

/// Gathers the first rows of the index after `index`; the id to go on after, `None` at the end.
fn gather(
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

/// One commit; whether a key was drawn for it.
fn write(
    shared: &Shared,
    change: impl Fn(&mut CallTables<'_>) -> Result<(), Fault>,
) -> Result<bool, String> {
    if let Some(reason) = shared.refusal() {
        return Err(reason);
    }
    let own = shared.peers.own;
    shared.with_writable(|database| {
        let txn = begin(database)?;
        let mut tables = CallTables::open(&txn, own)?;
        let is_key_new = tables.is_key_new;
        let changed = change(&mut tables);
        drop(tables);
        match changed {
            Ok(()) => txn.commit().map_err(redb_fault)?,
            Err(fault) => {
                let _ = txn.abort();
                return Err(fault);
            }
        }
        Ok(is_key_new)
    })
}
