//! Those who were erased are taken out of everything that was written before: numbers out of call
//! records and their index, accounts out of earlier versions of the configuration.
//!
//! The writer does it when nobody asks, a little at a time, until everything has been gone through
//! for the list there is ([`crate::erased`]). Which list that was is noted at the end: cut short it
//! begins again, and so it does after a backup was restored that knows another list, or none.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ipc::erasure::Erasable;
use ipc::site::Site;
use ipc::store::Reply;
use redb::{ReadTransaction, ReadableTable as _};

use crate::chores::{PAUSE, PAUSE_AFTER_FAILURE, PAUSE_MAX, reader, write};
use crate::dates::{self, is_set};
use crate::erased::{self, Erased, Gone, Label};
use crate::opening::begin;
use crate::reads;
use crate::rows::{CallRow, ConfigRow, SiteRow};
use crate::seal::Seal;
use crate::store::Shared;
use crate::tables::{
    CALLS, CONFIG, Fault, META, SECRETS, decode, key_number, last_number, number_key, open,
    redb_fault,
};
use crate::writes::put_config_row;

/// Records that one step looks at,
const LOOKED_AT: usize = 2_000;
/// and that one commit writes: with their rows of the index each is some pages.
const WRITTEN: usize = 50;
/// Versions that one step looks at: one may have 3 MiB.
const VERSIONS: usize = 10;

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Erasing {
    stage: Stage,
    /// Nothing is done before this.
    not_before: Option<Instant>,
    failures: u32,
    is_key_new: bool,
}

#[derive(Debug, Default)]
enum Stage {
    /// Whether there is anything to do.
    #[default]
    Asking,
    /// Call records behind this id.
    Calls { erased: Erased, after: Vec<u8> },
    /// Versions behind this one.
    Versions { erased: Erased, after: u64 },
}

impl Erasing {
    /// How long to wait for somebody who asks before the next step; `None` when nothing is to do.
    pub(crate) fn patience(&self, shared: &Shared) -> Option<Duration> {
        let is_asked = shared.erases.load(Ordering::Relaxed);
        let is_on = !matches!(self.stage, Stage::Asking);
        let wait = self.not_before.map(|it| it - Instant::now());
        (is_asked || is_on).then(|| wait.unwrap_or_default().max(PAUSE))
    }

    /// Whether the next step is to be taken now.
    pub(crate) fn is_due(&self, shared: &Shared) -> bool {
        self.patience(shared).is_some_and(|it| it <= PAUSE)
    }

    /// Does a little of it. Whether the snapshot is now out of date in something people would miss.
    pub(crate) fn step(&mut self, shared: &Shared) -> bool {
        // Somebody who is erased meanwhile sets it again.
        if matches!(self.stage, Stage::Asking) {
            shared.erases.store(false, Ordering::Relaxed);
        }
        let stage = std::mem::take(&mut self.stage);
        match self.advance(shared, stage) {
            Ok(next) => {
                self.stage = next;
                self.failures = 0;
                self.not_before = None;
            }
            Err(reason) => {
                tracing::warn!("who was erased is not gone from everywhere yet: {reason}");
                shared.erases.store(true, Ordering::Relaxed);
                let pause = PAUSE_AFTER_FAILURE.saturating_mul(1 << self.failures.min(6));
                self.failures = self.failures.saturating_add(1);
                self.not_before = Some(Instant::now() + pause.min(PAUSE_MAX));
            }
        }
        std::mem::take(&mut self.is_key_new)
    }

    fn advance(&mut self, shared: &Shared, stage: Stage) -> Result<Stage, String> {
        // On a full disk whoever asks comes first; asking writes nothing.
        if let Some(reason) = shared.refusal()
            && !matches!(stage, Stage::Asking)
        {
            return Err(reason);
        }
        let own = shared.peers.own;
        match stage {
            Stage::Asking => {
                let Some(erased) = shared.unasked(|it| left(&reader(it)?, own))? else {
                    return Ok(Stage::Asking);
                };
                let now = shared.now();
                // What is dated ahead could not be told.
                if !is_set(now.as_millis()) {
                    return Err("the clock of the box is not set".to_owned());
                }
                Ok(Stage::Calls {
                    erased: erased.by_clock(now),
                    after: Vec::new(),
                })
            }
            Stage::Calls { erased, after } => {
                let (ids, last) =
                    shared.unasked(|it| with_erased(&reader(it)?, own, &erased, &after))?;
                if !ids.is_empty() {
                    let (is_key_new, ()) = write(shared, |tables| tables.erase(&ids, &erased))?;
                    self.is_key_new |= is_key_new;
                    shared.has_removed.store(true, Ordering::Relaxed);
                }
                Ok(match last {
                    Some(after) => Stage::Calls { erased, after },
                    None => Stage::Versions { erased, after: 0 },
                })
            }
            Stage::Versions { erased, after } => {
                let (version, last) =
                    shared.unasked(|it| version_with_erased(&reader(it)?, &erased, after))?;
                if let Some((number, row)) = version {
                    shared.unasked(|database| {
                        let txn = begin(database)?;
                        put_config_row(&mut open(&txn, CONFIG)?, number, &row)?;
                        txn.commit().map_err(redb_fault)
                    })?;
                }
                match last {
                    Some(after) => Ok(Stage::Versions { erased, after }),
                    None => end(shared, &erased),
                }
            }
        }
    }
}

fn end(shared: &Shared, erased: &Erased) -> Result<Stage, String> {
    // The one before is kept: who is gone is gone from both.
    shared.save_snapshot();
    shared.save_snapshot();
    shared.unasked(|database| {
        let txn = begin(database)?;
        erased::is_done(&txn, erased)?;
        txn.commit().map_err(redb_fault)
    })?;
    tracing::info!("who was erased is gone from call records and earlier versions");
    // Whether somebody was erased meanwhile is asked again.
    shared.erases.store(true, Ordering::Relaxed);
    Ok(Stage::Asking)
}

/// The list, where not everything has been gone through for it.
fn left(txn: &ReadTransaction, own: u32) -> Result<Option<Erased>, Fault> {
    let secrets = txn.open_table(SECRETS).map_err(redb_fault)?;
    let erased = match Erased::kept(&secrets, own) {
        Err(fault @ Fault::Row { .. }) => {
            tracing::error!("the list of who was erased: {fault}");
            None
        }
        read => read?,
    };
    let meta = txn.open_table(META).map_err(redb_fault)?;
    let done = erased::done_for(&meta)?;
    Ok(erased.filter(|it| done.as_ref() != Some(&it.id())))
}

/// Ids of records, and the id to go on after; `None` at the end.
type Found = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// Records behind an id that have a number in them that was erased.
fn with_erased(
    txn: &ReadTransaction,
    own: u32,
    erased: &Erased,
    after: &[u8],
) -> Result<Found, Fault> {
    let mut ids = Vec::new();
    let secrets = txn.open_table(SECRETS).map_err(redb_fault)?;
    let seal = match Seal::kept(&secrets, own) {
        Err(Fault::Row { .. }) => None,
        read => read?,
    };
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let from = [after, &[0]].concat();
    for (seen, entry) in (1..).zip(table.range(from.as_slice()..).map_err(redb_fault)?) {
        let (key, value) = entry.map_err(redb_fault)?;
        let row: Option<CallRow> = decode("calls", value.value()).ok();
        let row = row.map(|row| row.opened(seal.as_ref()));
        if row.is_some_and(|row| row.without(erased).is_some()) {
            ids.push(key.value().to_vec());
        }
        if seen == LOOKED_AT || ids.len() == WRITTEN {
            return Ok((ids, Some(key.value().to_vec())));
        }
    }
    Ok((ids, None))
}

/// A version without those who were erased.
type Version = (u64, ConfigRow);

/// The next version that has somebody in it who was erased, without him, among some behind a
/// number; the number to go on after, `None` at the end. What is in force is nobody's to change
/// here.
fn version_with_erased(
    txn: &ReadTransaction,
    erased: &Erased,
    after: u64,
) -> Result<(Option<Version>, Option<u64>), Fault> {
    let table = txn.open_table(CONFIG).map_err(redb_fault)?;
    let newest = last_number(&table)?;
    let from = number_key(after.saturating_add(1));
    let range = table.range(from.as_slice()..number_key(newest).as_slice());
    for (seen, entry) in (1..).zip(range.map_err(redb_fault)?) {
        let (key, value) = entry.map_err(redb_fault)?;
        let number = key_number(key.value());
        let row: Option<ConfigRow> = decode("config", value.value()).ok();
        if let Some(row) = row.and_then(|row| without(row, erased)) {
            return Ok((Some((number, row)), Some(number)));
        }
        if seen == VERSIONS {
            return Ok((None, Some(number)));
        }
    }
    Ok((None, None))
}

fn without(row: ConfigRow, erased: &Erased) -> Option<ConfigRow> {
    let mut site = Site::from(row.site);
    let gone = erased.erase_from(&mut site, row.at_millis);
    (gone != Gone::default()).then(|| ConfigRow {
        site: SiteRow::from(&site),
        ..row
    })
}

/// Of these names, those that extensions in force have, which are nobody's or that account's.
fn in_force(
    txn: &ReadTransaction,
    labels: &BTreeSet<Label>,
    login: &str,
) -> Result<Vec<Label>, Fault> {
    let Some((_, site)) = reads::config(txn)? else {
        return Ok(Vec::new());
    };
    let is_anothers = |number: &String| {
        let mut others = site.people.iter().filter(|it| it.login != login);
        others.any(|it| it.extensions.contains(number))
    };
    let all = site.extensions.iter().filter(|it| !is_anothers(&it.number));
    let all = all.map(|it| (it.number.clone(), it.display_name.clone()));
    Ok(all.filter(|it| labels.contains(it)).collect())
}

impl Shared {
    /// What is there of an account besides what is in force, and whether all is gone of those who
    /// were erased.
    pub(crate) fn erasable(&self, login: &str) -> Reply {
        let own = self.peers.own;
        let (now, built) = (self.now().as_millis(), self.built_millis());
        self.read(|txn| {
            let day = dates::day_known(reads::kept_row(txn)?.as_ref(), built);
            let table = txn.open_table(CONFIG).map_err(redb_fault)?;
            let mut versions = 0;
            let mut labels = BTreeSet::new();
            // Of nobody it is only asked whether everything is gone.
            let most = if login.is_empty() { 0 } else { usize::MAX };
            for entry in table.iter().map_err(redb_fault)?.rev().skip(1).take(most) {
                let (_, value) = entry.map_err(redb_fault)?;
                let row: Option<ConfigRow> = decode("config", value.value()).ok();
                let Some(site) = row.map(|row| Site::from(row.site)) else {
                    continue;
                };
                let has = site.people.iter().any(|it| it.login == login);
                versions += u64::from(has);
                labels.extend(erased::labels_of(&site, login));
            }
            let names = match labels.is_empty() {
                true => Vec::new(),
                false => in_force(txn, &labels, login)?,
            };
            Ok(Reply::Erasable(Erasable {
                versions,
                names,
                is_under_way: left(txn, own)?.is_some(),
                refusal: dates::doubt(now, day, built),
            }))
        })
    }

    /// The logins that earlier versions have, and the one in force has not.
    pub(crate) fn former_accounts(&self) -> Reply {
        self.read(|txn| {
            let table = txn.open_table(CONFIG).map_err(redb_fault)?;
            let mut former = BTreeSet::new();
            let mut present = BTreeSet::new();
            for entry in table.iter().map_err(redb_fault)? {
                let (_, value) = entry.map_err(redb_fault)?;
                let row: Option<ConfigRow> = decode("config", value.value()).ok();
                let site = row.map(|row| Site::from(row.site)).unwrap_or_default();
                // The newest is the last.
                present = site.people.into_iter().map(|it| it.login).collect();
                former.extend(present.iter().cloned());
            }
            let former = former.difference(&present).cloned().collect();
            Ok(Reply::FormerAccounts(former))
        })
    }
}
