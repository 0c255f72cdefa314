//! The one thread that writes.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use ipc::store::Reply;
use redb::Database;

use crate::chores::Chores;
use crate::erased::By;
use crate::erasing::Erasing;
use crate::keeping::Keeping;
use crate::opening::begin;
use crate::store::Shared;
use crate::tables::{Fault, redb_fault};
use crate::writes::{Outcome, Write, apply};

/// Writes committed together at most.
const BATCH_MAX: usize = 128;

/// Call records and audit entries reach the snapshot this late at most.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(600);

/// What the writer is asked.
pub(crate) enum Job {
    /// Write this, and answer when it is durable.
    Write(Write, SyncSender<Reply>),
    /// Say that you are there.
    Ping(SyncSender<()>),
}

/// Writes until nobody can ask any more.
pub(crate) fn run(shared: &Shared, jobs: &Receiver<Job>) {
    let mut due: Option<Instant> = None;
    let mut chores = Chores::default();
    let mut keeping = Keeping::default();
    let mut erasing = Erasing::default();
    loop {
        let patience = due.map_or(SNAPSHOT_INTERVAL, |due| due - Instant::now());
        let past = Some(keeping.patience(shared)).into_iter();
        let past = past.chain(erasing.patience(shared));
        let chore = chores.patience(shared).into_iter().chain(past).min();
        let chore = chore.filter(|it| *it < patience);
        let patience = chore.unwrap_or(patience);
        let mut precious = false;
        let first = match jobs.recv_timeout(patience) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) if chore.is_some() && erasing.is_due(shared) => {
                precious = erasing.step(shared);
                None
            }
            Err(RecvTimeoutError::Timeout) if chore.is_some() && keeping.is_due(shared) => {
                precious = keeping.step(shared);
                None
            }
            Err(RecvTimeoutError::Timeout) if chore.is_some() => {
                precious = chores.step(shared);
                None
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let gathered = jobs.try_iter().take(BATCH_MAX - 1);
        let batch: Vec<_> = first
            .into_iter()
            .chain(gathered)
            .filter_map(writes)
            .collect();
        precious |= !batch.is_empty() && commit_and_answer(shared, batch, &mut due);
        if precious || due.is_some_and(|due| due <= Instant::now()) {
            shared.save_snapshot();
            due = None;
        }
    }
}

fn writes(job: Job) -> Option<(Write, SyncSender<Reply>)> {
    match job {
        Job::Write(write, answer) => Some((write, answer)),
        Job::Ping(answer) => {
            // Who asked may have lost patience already.
            let _ = answer.send(());
            None
        }
    }
}

/// Commits a batch and answers each of its writers; whether the snapshot is now out of date in
/// something people would miss.
fn commit_and_answer(
    shared: &Shared,
    batch: Vec<(Write, SyncSender<Reply>)>,
    due: &mut Option<Instant>,
) -> bool {
    let (writes, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let committed = match shared.refusal() {
        Some(reason) => Err(reason),
        None => shared.with_writable(|database| commit(shared, database, &writes)),
    };
    let mut precious = false;
    let replies: Vec<Reply> = match committed {
        Ok(outcomes) => {
            shared.succeeded();
            if writes.iter().any(|it| matches!(it, Write::Erase { .. })) {
                shared.erases.store(true, Ordering::Relaxed);
            }
            due.get_or_insert_with(|| Instant::now() + SNAPSHOT_INTERVAL);
            precious = outcomes.iter().any(|outcome| outcome.precious);
            outcomes
                .into_iter()
                .map(|outcome| settle(shared, outcome))
                .collect()
        }
        Err(reason) => vec![Reply::Failed { reason }; answers.len()],
    };
    for (answer, reply) in answers.into_iter().zip(replies) {
        // A peer that is gone will look up what became of its question when it is back.
        let _ = answer.send(reply);
    }
    precious
}

fn settle(shared: &Shared, outcome: Outcome) -> Reply {
    if let Some((version, site)) = outcome.config {
        shared.publish(version, site);
    }
    outcome.reply
}

fn commit(shared: &Shared, database: &Database, writes: &[Write]) -> Result<Vec<Outcome>, Fault> {
    let txn = begin(database)?;
    let by = By {
        own: shared.peers.own,
        now: shared.now(),
        built: shared.built_millis(),
    };
    let applied = writes.iter().map(|write| apply(&txn, write, by));
    let applied: Result<Vec<_>, _> = applied.collect();
    match applied {
        Ok(outcomes) => {
            txn.commit().map_err(redb_fault)?;
            Ok(outcomes)
        }
        Err(fault) => {
            // After a failed write redb refuses even this; the first failure is the one to tell.
            let _ = txn.abort();
            Err(fault)
        }
    }
}
