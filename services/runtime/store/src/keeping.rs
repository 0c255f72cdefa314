//! What is past its date goes, once a day (LGPD art. 15 and 16): call records, what they say of
//! sound and addresses, entries of the audit trail, and versions that are not in force any more.
//!
//! ```text
//! a day after the last ── call records ── audit trail ── versions ── details of calls ── noted
//! ```
//! The writer does it when nobody asks, a little at a time. Each step finds what it has to do in
//! the tables, so that whatever is cut goes on at the next start.
//!
//! What this must never do: believe a clock. Boxes without one begin in 1970, and one that has
//! jumped ahead would delete everything. So nothing is done and nothing noted under a clock that is
//! not set, the day by which things are past moves on by a week in a day at most
//! ([`crate::dates`]), and what is dated before this product was or after tomorrow has no date.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ipc::site::Retention;
use ipc::store::Audit;
use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};

use crate::calls::CallTables;
use crate::chores::{PAUSE, PAUSE_AFTER_FAILURE, PAUSE_MAX, reader, write};
use crate::dates::{Age, CLOCKS_SET_MILLIS, Dates, is_set};
use crate::opening::begin;
use crate::reads;
use crate::rows::{AuditRow, CallRow, DatedRow, KeptRow, UndatedRow};
use crate::store::Shared;
use crate::tables::{AUDIT, CALLS, CONFIG, Fault, KEPT_KEY, META, decode, open, put, redb_fault};
use crate::writes::{append_audit, drop_oldest, keep_newest_entries};

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(24 * 60 * 60);

/// After a start: phones, calls and the index come first.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// Between two looks at a clock that is not set.
const UNSET: Duration = Duration::from_secs(60 * 60);

/// Entries of the trail that one commit drops.
const ENTRIES: u64 = 500;
/// Entries without a date that are passed over.
const UNDATED_ENTRIES: u64 = 20_000;
/// Versions that one commit drops: one may have 3 MiB.
const VERSIONS: u64 = 10;
/// Records that one step looks at for details,
const LOOKED_AT: usize = 2_000;
/// and that one commit writes: neighbours, some 30 pages.
const WRITTEN: usize = 200;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Keeping {
    stage: Stage,
    /// Nothing is done before this.
    pub(crate) due: Instant,
    /// The periods of the round that was begun last.
    periods: Option<Retention>,
    failures: u32,
    gone: Gone,
    /// The key of numbers was drawn for it: without it what was written cannot be read.
    is_key_new: bool,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Waiting,
    Calls(Round),
    Trail(Round),
    Versions(Round),
    Details(Round),
}

/// One round, by the rows it begins and ends with.
#[derive(Clone, Debug)]
struct Round {
    dates: Dates,
    periods: Retention,
    /// What is noted at its end.
    noted: KeptRow,
    /// The last record without a date that has been there for as long as records are kept.
    undated_until: Option<String>,
    /// The trail says that something goes.
    is_told: bool,
}

/// What a round has removed.
#[derive(Debug, Default)]
struct Gone {
    calls: u64,
    entries: u64,
    versions: u64,
    details: u64,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            stage: Stage::Waiting,
            due: Instant::now() + FIRST,
            periods: None,
            failures: 0,
            gone: Gone::default(),
            is_key_new: false,
        }
    }
}

impl Keeping {
    /// How long to wait for somebody who asks before the next step.
    pub(crate) fn patience(&self, shared: &Shared) -> Duration {
        let is_waiting = matches!(self.stage, Stage::Waiting) && self.failures == 0;
        let is_changed = self.periods.is_some_and(|it| it != shared.retention());
        match is_waiting && is_changed {
            true => PAUSE,
            false => self
                .due
                .saturating_duration_since(Instant::now())
                .max(PAUSE),
        }
    }

    /// Whether the next step is to be taken now.
    pub(crate) fn is_due(&self, shared: &Shared) -> bool {
        self.patience(shared) <= PAUSE
    }

    /// Does a little of it. Whether the snapshot is now out of date in something people would miss.
    pub(crate) fn step(&mut self, shared: &Shared) -> bool {
        let stage = std::mem::take(&mut self.stage);
        let was_waiting = matches!(stage, Stage::Waiting);
        match self.advance(shared, stage) {
            Ok(next) => {
                self.failures = 0;
                let pause = match (was_waiting, &next) {
                    (true, Stage::Waiting) => UNSET,
                    (false, Stage::Waiting) => ROUND,
                    (_, _) => Duration::ZERO,
                };
                self.due = Instant::now() + pause;
                self.stage = next;
            }
            Err(reason) => {
                tracing::warn!("what is past its date is not deleted yet: {reason}");
                let pause = PAUSE_AFTER_FAILURE.saturating_mul(1 << self.failures.min(6));
                self.failures = self.failures.saturating_add(1);
                self.due = Instant::now() + pause.min(PAUSE_MAX);
            }
        }
        std::mem::take(&mut self.is_key_new)
    }

    fn advance(&mut self, shared: &Shared, stage: Stage) -> Result<Stage, String> {
        // On a full disk whoever asks comes first.
        if let Some(reason) = shared.refusal() {
            return Err(reason);
        }
        match stage {
            Stage::Waiting => self.begin(shared),
            Stage::Calls(round) => self.drop_calls(shared, round),
            Stage::Trail(mut round) => {
                let days = round.periods.audit_days;
                let past = shared.unasked(|it| past_entries(&reader(it)?, round.dates, days))?;
                if past == 0 {
                    return Ok(Stage::Versions(round));
                }
                round.tell(shared)?;
                shared.unasked(|database| {
                    let txn = begin(database)?;
                    let mut table = open(&txn, AUDIT)?;
                    let keep = table.len().map_err(redb_fault)?.saturating_sub(past);
                    keep_newest_entries(&txn, &mut table, keep)?;
                    drop(table);
                    txn.commit().map_err(redb_fault)
                })?;
                self.gone.entries += past;
                Ok(Stage::Trail(round))
            }
            Stage::Versions(mut round) => {
                let days = round.periods.versions_days;
                let past = shared.unasked(|it| past_versions(&reader(it)?, round.dates, days))?;
                if past == 0 {
                    return Ok(Stage::Details(round));
                }
                round.tell(shared)?;
                shared.unasked(|database| {
                    let txn = begin(database)?;
                    let mut table = open(&txn, CONFIG)?;
                    let keep = table.len().map_err(redb_fault)?.saturating_sub(past);
                    drop_oldest(&mut table, keep, |_, _| Ok(()))?;
                    drop(table);
                    txn.commit().map_err(redb_fault)
                })?;
                self.gone.versions += past;
                Ok(Stage::Versions(round))
            }
            Stage::Details(round) => self.clear_details(shared, round),
        }
    }

    fn begin(&mut self, shared: &Shared) -> Result<Stage, String> {
        let periods = shared.retention();
        self.periods = Some(periods);
        let now = shared.now().as_millis();
        // What it showed would be noted as a day that has been.
        if !is_set(now) {
            return Ok(Stage::Waiting);
        }
        let built = shared.built_millis();
        let round = shared.unasked(|it| Round::begun(&reader(it)?, now, built, periods))?;
        Ok(Stage::Calls(round))
    }

    fn drop_calls(&mut self, shared: &Shared, mut round: Round) -> Result<Stage, String> {
        let limit = round.dates.limit(round.periods.calls_days);
        let dated = (id_at(CLOCKS_SET_MILLIS), id_at(limit));
        let undated = round.undated_until.clone().map(|it| (String::new(), it));
        for (from, until) in undated.into_iter().chain([dated]) {
            let has_any = shared.unasked(|it| has_call(&reader(it)?, &from, &until))?;
            if has_any {
                round.tell(shared)?;
                self.gone.calls += self.write_calls(shared, |tables| {
                    tables.drop_within(from.as_bytes(), until.as_bytes())
                })?;
                shared.has_removed.store(true, Ordering::Relaxed);
                return Ok(Stage::Calls(round));
            }
        }
        round.undated_until = None;
        Ok(Stage::Trail(round))
    }

    fn clear_details(&mut self, shared: &Shared, mut round: Round) -> Result<Stage, String> {
        let until = id_at(round.dates.limit(round.periods.quality_days));
        let after = &round.noted.cleared_until;
        let (bare, last) = shared.unasked(|it| detailed(&reader(it)?, after, &until))?;
        if !bare.is_empty() {
            round.tell(shared)?;
            self.gone.details += self.write_calls(shared, |tables| tables.clear_details(&bare))?;
        }
        match last {
            Some(last) => {
                round.noted.cleared_until = last;
                Ok(Stage::Details(round))
            }
            None => self.end(shared, &round),
        }
    }

    /// One commit.
    fn write_calls(
        &mut self,
        shared: &Shared,
        change: impl Fn(&mut CallTables<'_>) -> Result<u64, Fault>,
    ) -> Result<u64, String> {
        let (is_key_new, count) = write(shared, change)?;
        self.is_key_new |= is_key_new;
        Ok(count)
    }

    fn end(&mut self, shared: &Shared, round: &Round) -> Result<Stage, String> {
        let said = self.gone.said();
        let now = shared.now();
        shared.unasked(|database| {
            let txn = begin(database)?;
            put(&mut open(&txn, META)?, "meta", KEPT_KEY, &round.noted)?;
            if let Some(action) = &said {
                append_audit(&txn, &by_system(action.clone()), now)?;
            }
            txn.commit().map_err(redb_fault)
        })?;
        // Of a round that a failure has cut short it is said with that of the next.
        self.gone = Gone::default();
        if let Some(said) = said {
            tracing::info!("{said}");
            // The one before is kept: what is gone is gone from both.
            shared.save_snapshot();
            shared.save_snapshot();
        }
        Ok(Stage::Waiting)
    }
}

impl Round {
    fn begun(
        txn: &ReadTransaction,
        now: i64,
        built: i64,
        periods: Retention,
    ) -> Result<Self, Fault> {
        let mut noted = reads::kept_row(txn)?.unwrap_or_default();
        let dates = Dates::of_round(now, &mut noted, built);
        let as_of = dates.as_of_millis;
        // Noted under a clock that was not set: nobody knows since when.
        if let Some(undated) = noted.undated.as_mut().filter(|it| !is_set(it.seen_millis)) {
            undated.seen_millis = as_of;
        }
        let since = noted.undated.as_ref().map(|it| it.seen_millis);
        let is_over = since.is_some_and(|it| it < dates.limit(periods.calls_days));
        let undated_until = match is_over {
            // The last one goes too.
            true => noted.undated.take().map(|it| it.until + "\0"),
            false => None,
        };
        if noted.undated.is_none() {
            let last = last_undated(txn)?.filter(|it| {
                let goes = undated_until.as_ref();
                goes.is_none_or(|until| it > until)
            });
            noted.undated = last.map(|until| UndatedRow {
                until,
                seen_millis: as_of,
            });
        }
        Ok(Self {
            dates,
            periods,
            noted,
            undated_until,
            is_told: false,
        })
    }

    /// Says in the trail that something goes, before it does: a power cut leaves no word of how
    /// much it was.
    fn tell(&mut self, shared: &Shared) -> Result<(), String> {
        if self.is_told {
            return Ok(());
        }
        let Retention {
            calls_days,
            quality_days,
            audit_days,
            versions_days,
        } = self.periods;
        let action = format!(
            "deletion begun, past the date: call records of {calls_days} days, details of \
             {quality_days}, entries of the audit trail of {audit_days}, versions of \
             {versions_days}, as of {}",
            self.dates.as_of_millis
        );
        let now = shared.now();
        shared.unasked(|database| {
            let txn = begin(database)?;
            append_audit(&txn, &by_system(action.clone()), now)?;
            txn.commit().map_err(redb_fault)
        })?;
        self.is_told = true;
        Ok(())
    }
}

fn by_system(action: String) -> Audit {
    Audit {
        who: "system".to_owned(),
        action,
        ..Audit::default()
    }
}

impl Gone {
    fn said(&self) -> Option<String> {
        let Self {
            calls,
            entries,
            versions,
            details,
        } = self;
        let said = [
            (calls, "call records"),
            (entries, "entries of the audit trail"),
            (versions, "versions of the configuration"),
            (details, "details of call records"),
        ];
        let said: Vec<String> = said
            .iter()
            .filter(|(count, _)| **count > 0)
            .map(|(count, what)| format!("{what} {count}"))
            .collect();
        (!said.is_empty()).then(|| format!("deleted, past the date: {}", said.join(", ")))
    }
}

/// The id before which there are only calls that began earlier.
fn id_at(millis: i64) -> String {
    format!("{:013}", millis.max(0))
}

fn has_call(txn: &ReadTransaction, from: &str, until: &str) -> Result<bool, Fault> {
    if from >= until {
        return Ok(false);
    }
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let mut range = table
        .range(from.as_bytes()..until.as_bytes())
        .map_err(redb_fault)?;
    Ok(range.next().transpose().map_err(redb_fault)?.is_some())
}

fn last_undated(txn: &ReadTransaction) -> Result<Option<String>, Fault> {
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let before = id_at(CLOCKS_SET_MILLIS);
    let mut range = table.range(..before.as_bytes()).map_err(redb_fault)?;
    let last = range.next_back().transpose().map_err(redb_fault)?;
    Ok(last.map(|(key, _)| String::from_utf8_lossy(key.value()).into_owned()))
}

/// How many of the oldest entries go in one commit. The newest stays whatever its date: the next
/// one is chained to it.
fn past_entries(txn: &ReadTransaction, dates: Dates, days: u16) -> Result<u64, Fault> {
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let all = table.len().map_err(redb_fault)?.saturating_sub(1);
    let (mut seen, mut past) = (0, 0);
    for entry in table.iter().map_err(redb_fault)? {
        let (_, value) = entry.map_err(redb_fault)?;
        seen += 1;
        // What was written by a wrong clock, or has rotted, goes with what comes after it.
        let at: Option<AuditRow> = decode("audit", value.value()).ok();
        match at.map_or(Age::Unknown, |row| dates.age(row.at_millis, days)) {
            Age::Past => past = seen,
            Age::Unknown => {}
            Age::Kept => break,
        }
        if past >= ENTRIES || seen - past >= UNDATED_ENTRIES || seen >= all {
            break;
        }
    }
    Ok(past.min(all))
}

/// How many of the oldest versions go in one commit: those that another took the place of so long
/// ago.
fn past_versions(txn: &ReadTransaction, dates: Dates, days: u16) -> Result<u64, Fault> {
    let table = txn.open_table(CONFIG).map_err(redb_fault)?;
    let (mut seen, mut past) = (0, 0);
    for entry in table.iter().map_err(redb_fault)?.skip(1) {
        let (_, value) = entry.map_err(redb_fault)?;
        seen += 1;
        let next: Option<DatedRow> = decode("config", value.value()).ok();
        match next.map_or(Age::Unknown, |row| dates.age(row.at_millis, days)) {
            Age::Past => past = seen,
            Age::Unknown => {}
            Age::Kept => break,
        }
        if past >= VERSIONS {
            break;
        }
    }
    Ok(past)
}

/// Ids of records that say something of sound and addresses, among those behind one and before
/// another; the id to go on after, `None` at the end.
fn detailed(
    txn: &ReadTransaction,
    after: &str,
    until: &str,
) -> Result<(Vec<Vec<u8>>, Option<String>), Fault> {
    let mut bare = Vec::new();
    let from = [after.as_bytes(), &[0]].concat();
    if from.as_slice() >= until.as_bytes() {
        return Ok((bare, None));
    }
    let table = txn.open_table(CALLS).map_err(redb_fault)?;
    let range = table.range(from.as_slice()..until.as_bytes());
    for (seen, entry) in (1..).zip(range.map_err(redb_fault)?) {
        let (key, value) = entry.map_err(redb_fault)?;
        let row: Option<CallRow> = decode("calls", value.value()).ok();
        if row.is_some_and(|row| row.has_details()) {
            bare.push(key.value().to_vec());
        }
        if seen == LOOKED_AT || bare.len() == WRITTEN {
            let last = String::from_utf8_lossy(key.value()).into_owned();
            return Ok((bare, Some(last)));
        }
    }
    Ok((bare, None))
}
