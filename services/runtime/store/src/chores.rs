//! What the writer does when nobody asks: call records of an older firmware are sealed, and the
//! index is made where it is not whole.
//!
//! ```text
//! start ── look for rows without the mark of the key, and seal them
//!                               │
//!                 is the index whole? ── yes ──────────────────────────> done
//!                               │ no                                      ^
//!                    what is in it of another key goes                    │
//!                               │                                         │
//!                 would it be too large? ── no ──> make it ───────────────┘
//!                               │ yes
//!                               └──> none is kept until the next start
//! ```
//! Nobody waits for any of it, so nobody may be worse off for it: no step is taken while the disk
//! is short of room, what fails is said in the log alone, and one commit writes so little that
//! whoever asks meanwhile does not notice.
//!
//! Both go on from anywhere after a power cut, as what is done shows in the rows: so they need no
//! schema of their own, and what an older firmware has written after a rollback is found at the
//! next start of this one.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redb::Database;

use crate::calls::{CallTables, INDEX_ROWS_MAX};
use crate::medium::RESERVE;
use crate::opening::begin;
use crate::store::Shared;
use crate::tables::{Fault, redb_fault};

mod seen;

pub(crate) use seen::reader;
use seen::{IndexOf, count, gather, index_of, look, rows_of_index};

/// Between two steps: calls, and whoever reads, come first.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// After a step that failed; twice as long after each that follows,
pub(crate) const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// up to this: the database is opened again and verified after each.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Until it is seen again whether the disk has room.
const PAUSE_WITHOUT_ROOM: Duration = Duration::from_secs(60);

/// Rows that one commit writes: neighbours, some 30 pages.
const WRITTEN: usize = 200;

/// So many rows go into the index as they come, each row of which is another page. Of more it is
/// made whole afterwards, in its own order.
const FEW: usize = 50;

/// Rows of the index that are gathered before they are written in their order: 8 MiB. Written as
/// they come, each would be a page of flash.
const GATHERED: usize = 100_000;

/// Rows that the index may have of records that are gone, besides a quarter.
const SPARE_ROWS: u64 = 10_000;

/// So many records are between two lines in the log.
const TOLD: u64 = 20_000;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Chores {
    /// The opening of the database that it is about.
    generation: u64,
    stage: Stage,
    sealed: u64,
    /// The snapshots are older than what was sealed.
    are_snapshots_older: bool,
    /// Steps that failed since it was last done.
    failures: u32,
    /// Nothing is done before this.
    not_before: Option<Instant>,
    /// Bytes of the file when the disk had room for it to double twice.
    roomy_bytes: u64,
    is_short_of_room: bool,
    /// Rows that the index may have.
    pub(crate) index_rows_max: u64,
}

impl Default for Chores {
    fn default() -> Self {
        Self {
            generation: 0,
            stage: Stage::default(),
            sealed: 0,
            are_snapshots_older: false,
            failures: 0,
            not_before: None,
            roomy_bytes: 0,
            is_short_of_room: false,
            index_rows_max: INDEX_ROWS_MAX,
        }
    }
}

#[derive(Debug)]
enum Stage {
    /// Looking for rows that are not sealed, after this id.
    Sealing {
        after: Vec<u8>,
    },
    /// Removing what is in the index; then it is made, or none is kept.
    Emptying {
        is_kept: bool,
    },
    /// Counting what the index would have, in records after this id.
    Counting {
        after: Vec<u8>,
        rows: u64,
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
    /// There is no index: it would be too large.
    Without,
    Done,
}

/// Why a step was not taken.
enum Stopped {
    /// Nothing can be written now; it is to be taken later.
    NoRoom(Stage),
    Failed(String),
}

impl From<String> for Stopped {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl Stage {
    const fn counting() -> Self {
        Self::Counting {
            after: Vec::new(),
            rows: 0,
        }
    }
}

impl Stage {
    /// Forgets what was gathered: it may name records that are gone, or have lost a number. What
    /// the index has already is not written again.
    fn read_again(&mut self) {
        if matches!(self, Self::Reading { .. } | Self::Indexing { .. }) {
            *self = Self::Reading {
                after: Vec::new(),
                index: Vec::new(),
                gathered: BTreeSet::new(),
            };
        }
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::Sealing { after: Vec::new() }
    }
}

impl Chores {
    /// How long to wait for somebody who asks before the next step; `None` when nothing is to do.
    pub(crate) fn patience(&self, shared: &Shared) -> Option<Duration> {
        let is_done = match self.stage {
            Stage::Done => shared.is_indexed.load(Ordering::Relaxed),
            Stage::Without => self.generation == shared.generation(),
            _ => false,
        };
        let wait = self.not_before.map(|it| it - Instant::now());
        (!is_done).then(|| wait.unwrap_or_default().max(PAUSE))
    }

    /// Does a little of it. Whether the snapshot is now out of date in something people would miss.
    pub(crate) fn step(&mut self, shared: &Shared) -> bool {
        let generation = shared.generation();
        let is_indexed = shared.is_indexed.load(Ordering::Relaxed);
        if self.generation != generation || (matches!(self.stage, Stage::Done) && !is_indexed) {
            self.generation = generation;
            self.stage = Stage::default();
            self.sealed = 0;
        }
        if shared.has_removed.swap(false, Ordering::Relaxed) {
            self.stage.read_again();
        }
        let mut is_precious = false;
        let pause = match self.advance(shared, &mut is_precious) {
            Ok(next) => {
                self.stage = next;
                None
            }
            Err(Stopped::NoRoom(stage)) => {
                self.stage = stage;
                Some(PAUSE_WITHOUT_ROOM)
            }
            Err(Stopped::Failed(reason)) => {
                tracing::warn!("call records are not sealed or indexed yet: {reason}");
                self.stage = Stage::default();
                let pause = PAUSE_AFTER_FAILURE.saturating_mul(1 << self.failures.min(6));
                self.failures = self.failures.saturating_add(1);
                Some(pause.min(PAUSE_MAX))
            }
        };
        self.not_before = pause.map(|it| Instant::now() + it);
        if matches!(self.stage, Stage::Done) {
            self.failures = 0;
            shared.is_indexed.store(true, Ordering::Relaxed);
        }
        is_precious
    }

    fn advance(&mut self, shared: &Shared, is_precious: &mut bool) -> Result<Stage, Stopped> {
        let own = shared.peers.own;
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        // What is sealed is asked for when something is found.
        let is_writing = matches!(stage, Stage::Emptying { .. } | Stage::Indexing { .. });
        if is_writing && !self.has_room(shared) {
            return Err(Stopped::NoRoom(stage));
        }
        match stage {
            Stage::Sealing { after } => self.seal_some(shared, after, is_precious),
            Stage::Emptying { is_kept } => {
                let (is_key_new, is_empty) = write(shared, |tables| {
                    let is_empty = tables.empty_index()?;
                    if is_empty && !is_kept {
                        tables.give_up_index()?;
                    }
                    Ok(is_empty)
                })?;
                *is_precious |= is_key_new;
                Ok(match (is_empty, is_kept) {
                    (false, _) => Stage::Emptying { is_kept },
                    (true, true) => Stage::counting(),
                    (true, false) => Stage::Without,
                })
            }
            Stage::Counting { after, rows } => {
                let (more, last) = shared.unasked(|it| count(&reader(it)?, own, &after))?;
                let rows = rows.saturating_add(more);
                match last {
                    Some(after) => Ok(Stage::Counting { after, rows }),
                    None => self.after_counting(shared, rows),
                }
            }
            Stage::Reading {
                after,
                index,
                mut gathered,
            } => {
                let last = shared
                    .unasked(|it| gather(&reader(it)?, own, &after, &index, &mut gathered))?;
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
            Stage::Indexing { gathered, is_last } => {
                index_some(shared, gathered, is_last, is_precious)
            }
            Stage::Without => Ok(Stage::Without),
            Stage::Done => Ok(Stage::Done),
        }
    }

    fn seal_some(
        &mut self,
        shared: &Shared,
        after: Vec<u8>,
        is_precious: &mut bool,
    ) -> Result<Stage, Stopped> {
        let own = shared.peers.own;
        let seen = shared.unasked(|it| look(&reader(it)?, own, &after))?;
        if !seen.bare.is_empty() {
            if !self.has_room(shared) {
                return Err(Stopped::NoRoom(Stage::Sealing { after }));
            }
            *is_precious |= write(shared, |tables| seal(tables, &seen.bare))?.0;
            self.are_snapshots_older = true;
            self.tell(seen.bare.len());
        }
        match seen.last {
            Some(after) => Ok(Stage::Sealing { after }),
            None => self.after_sealing(shared),
        }
    }

    fn after_sealing(&mut self, shared: &Shared) -> Result<Stage, Stopped> {
        if std::mem::take(&mut self.are_snapshots_older) {
            // The one before is kept: numbers in the clear are gone from both.
            shared.save_snapshot();
            shared.save_snapshot();
        }
        if self.sealed > 0 {
            tracing::info!("call records: {} were sealed, now all are", self.sealed);
        }
        let own = shared.peers.own;
        Ok(match shared.unasked(|it| index_of(&reader(it)?, own))? {
            // Of nothing it is made when something comes.
            IndexOf::ThisKey | IndexOf::Nothing => Stage::Done,
            IndexOf::AnotherKey => Stage::Emptying { is_kept: true },
            IndexOf::Part => Stage::counting(),
        })
    }

    /// `rows` is how many the index would have of all records.
    fn after_counting(&self, shared: &Shared, rows: u64) -> Result<Stage, Stopped> {
        if rows > self.index_rows_max {
            tracing::warn!(
                "call records: none are in an index, as it would have {rows} rows, and {} are \
                 kept: they are searched one by one",
                self.index_rows_max
            );
            return Ok(Stage::Emptying { is_kept: false });
        }
        let there = shared.unasked(|it| rows_of_index(&reader(it)?))?;
        // Of records that an older firmware has dropped.
        if there > rows.saturating_add(rows / 4).saturating_add(SPARE_ROWS) {
            return Ok(Stage::Emptying { is_kept: true });
        }
        tracing::info!("call records: the index is made");
        Ok(Stage::Reading {
            after: Vec::new(),
            index: Vec::new(),
            gathered: BTreeSet::new(),
        })
    }

    /// Whether something may be written: the file may double to grow, which must leave the room
    /// that people need, and room for it to double for them. Once it has doubled under these chores
    /// half of it is free, which is more than they take.
    fn has_room(&mut self, shared: &Shared) -> bool {
        let file = shared.medium.file_bytes();
        let has_grown = self.roomy_bytes > 0 && file > self.roomy_bytes;
        let is_roomy = shared.spare_bytes() >= file;
        if is_roomy {
            self.roomy_bytes = file;
        }
        let has_room = shared.refusal().is_none()
            && (is_roomy || (has_grown && shared.medium.free_bytes() >= RESERVE));
        if !has_room && !self.is_short_of_room {
            tracing::warn!("call records are sealed and indexed when the data disk has room");
        }
        self.is_short_of_room = !has_room;
        has_room
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

fn seal(tables: &mut CallTables<'_>, ids: &[Vec<u8>]) -> Result<(), Fault> {
    if ids.len() > FEW {
        tables.index_is_not_whole()?;
    }
    let is_whole = tables.is_index_whole()?;
    for id in ids {
        match tables.row(id) {
            Ok(Some(row)) if is_whole => tables.put(row)?,
            Ok(Some(row)) => tables.put_row(row)?,
            Ok(None) => {}
            // It is as it was, and whoever reads it is told.
            Err(fault @ Fault::Row { .. }) => tracing::error!("a call record: {fault}"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Writes the first rows of what was gathered.
fn index_some(
    shared: &Shared,
    mut gathered: BTreeSet<Vec<u8>>,
    is_last: bool,
    is_precious: &mut bool,
) -> Result<Stage, Stopped> {
    let (is_key_new, added) = write(shared, |tables| {
        let added = tables.add_to_index(gathered.iter().map(Vec::as_slice))?;
        if is_last && added == gathered.len() {
            tables.index_is_whole()?;
        }
        Ok(added)
    })?;
    *is_precious |= is_key_new;
    let rest = gathered.iter().nth(added).cloned();
    let rest = rest.map(|it| gathered.split_off(&it)).unwrap_or_default();
    if is_last && rest.is_empty() {
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

impl Shared {
    /// Uses the open database for what nobody asked for. That it failed is not said of the disk:
    /// whoever does ask finds out. Only where redb itself failed, and so refuses everybody, is the
    /// database opened again.
    pub(crate) fn unasked<T>(
        &self,
        mut use_it: impl FnMut(&Database) -> Result<T, Fault>,
    ) -> Result<T, String> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = slot.frozen {
            return Err(reason.to_owned());
        }
        let generation = slot.generation;
        let Some(database) = slot.database.as_ref() else {
            return Err("the database is closed".to_owned());
        };
        let fault = match use_it(database) {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        drop(slot);
        if matches!(fault, Fault::Redb(_)) {
            self.reopen(generation);
        }
        Err(fault.to_string())
    }
}

/// One commit; whether a key was drawn for it, and what it came to.
pub(crate) fn write<T>(
    shared: &Shared,
    change: impl Fn(&mut CallTables<'_>) -> Result<T, Fault>,
) -> Result<(bool, T), String> {
    let own = shared.peers.own;
    shared.unasked(|database| {
        let txn = begin(database)?;
        let mut tables = CallTables::open(&txn, own)?;
        let is_key_new = tables.is_key_new;
        let changed = change(&mut tables);
        drop(tables);
        match changed {
            Ok(came_to) => {
                txn.commit().map_err(redb_fault)?;
                Ok((is_key_new, came_to))
            }
            Err(fault) => {
                let _ = txn.abort();
                Err(fault)
            }
        }
    })
}
