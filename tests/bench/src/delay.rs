//! How much later calls are answered while the store makes backups (at most 5 ms).
//!
//! Wall time, on a machine with nothing else to do: what runs beside it is in the figure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipc::store::{BackupRequest, Reply, Request};
use native::{Installation, Plan};

use crate::backup::{RECORDS_MAX, fill, record, stored, within_the_limit};
use crate::call::{Office, Phones};
use crate::measure::{part, sorted_millis};
use crate::{BenchError, Run, say};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Call records in the store; it keeps 200,000.
    #[arg(long, default_value_t = RECORDS_MAX, value_parser = within_the_limit())]
    records: u32,
    /// Calls in each of the two measurements.
    #[arg(long, default_value_t = 1_200)]
    count: u64,
    /// Calls a second: what a box for a few hundred phones has at its busiest.
    #[arg(long, default_value_t = 20)]
    rate: u64,
}

/// Phones that call in turn.
const CALLERS: usize = 50;

/// What a backup may add, milliseconds.
const BAR_MILLIS: f64 = 5.0;

/// Between two looks whether a backup is made.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let plan = Plan {
        keep: run.keep,
        backups: true,
        ..Plan::on_loopback(run.ramal.clone(), CALLERS + 1)
    };
    let box_ = Installation::start(&plan, |_| {})?;
    fill(arguments.records, record, |calls| {
        Ok(box_.ask_store(&calls)?)
    })?;
    // The store makes its daily one by itself at first.
    wait(&box_)?;
    let phones = Phones {
        callers: CALLERS,
        rate: arguments.rate,
        caller: "caller.xml",
        callee: "callee.xml",
    };
    let office = Office::open(box_.sip, phones, box_.folder())?;
    office.warm_up()?;
    let quiet = measured("no backup", &office, arguments.count)?;
    let (busy, made) = while_backups_are_made(&box_, &office, arguments.count)?;
    say(&format!("{made} backups of {} records", arguments.records));
    judge(&quiet, &busy)
}

/// Milliseconds to the answer of all calls, shortest first.
fn measured(what: &str, office: &Office<'_>, count: u64) -> Result<Vec<f64>, BenchError> {
    let (outcome, times) = office.timed(count)?;
    let times = sorted_millis(times);
    say(&format!(
        "{what}: {} calls, {} failed; answered after {:.1} ms in the middle, {:.1} of 99 in 100, \
         {:.1} at most",
        outcome.succeeded,
        outcome.failed,
        part(&times, 50),
        part(&times, 99),
        part(&times, 100),
    ));
    match outcome.failed {
        0 => Ok(times),
        failed => Err(BenchError::Load(format!("{failed} calls failed"))),
    }
}

/// One backup after the other until the calls are over; the times, and how many were made.
fn while_backups_are_made(
    box_: &Installation,
    office: &Office<'_>,
    count: u64,
) -> Result<(Vec<f64>, u32), BenchError> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let making = scope.spawn(|| {
            let mut made = 0;
            while !over.load(Ordering::Relaxed) {
                stored(box_.ask_store(&Request::Backup(BackupRequest::Make))?)?;
                wait(box_)?;
                made += 1;
            }
            Ok::<u32, BenchError>(made)
        });
        let times = measured("one backup after the other", office, count);
        over.store(true, Ordering::Relaxed);
        let made = making.join();
        let made = made.map_err(|_| BenchError::Load("making backups panicked".to_owned()))?;
        Ok((times?, made?))
    })
}

/// Until no backup is being made; the last one must be proved.
fn wait(box_: &Installation) -> Result<(), BenchError> {
    loop {
        match box_.ask_store(&Request::Backup(BackupRequest::List))? {
            Reply::Backups(seen) if seen.is_running => std::thread::sleep(LOOK),
            Reply::Backups(seen) if seen.failed.is_none() => return Ok(()),
            other => return Err(BenchError::Load(format!("no backup: {other:?}"))),
        }
    }
}

/// Each hundredth of the calls against the same of the other measurement: what a backup adds to a
/// call, be it quick or slow. The slowest hundredth is what the machine does now and then.
fn judge(quiet: &[f64], busy: &[f64]) -> Result<(), BenchError> {
    let added = (1..100).map(|hundredth| part(busy, hundredth) - part(quiet, hundredth));
    let worst = added.fold(f64::MIN, f64::max);
    say(&format!(
        "a backup adds {worst:.1} ms at most; bar {BAR_MILLIS} ms"
    ));
    match worst <= BAR_MILLIS {
        true => Ok(()),
        false => Err(BenchError::OverTheBar(format!(
            "calls are answered {worst:.1} ms later while a backup is made"
        ))),
    }
}
