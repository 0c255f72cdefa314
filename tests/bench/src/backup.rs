//! What a backup of a store at its limit takes: processor time, bytes and memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc::store::{
    Audit, BackupRequest, Backups, CallRecord, Outcome, Reply, Request, Restore, RestoreState,
};
use native::say;
use rustix::time::{ClockId, clock_gettime};
use sansio::UnixTime;
use store::{BackupSettings, DataDisk, Medium, Peers, Store};

use crate::BenchError;

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Call records in the store; it keeps 200,000.
    #[arg(long, default_value_t = RECORDS_MAX, value_parser = within_the_limit())]
    records: u32,
}

/// What the store keeps.
pub(crate) const RECORDS_MAX: u32 = 200_000;

pub(crate) fn within_the_limit() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(RECORDS_MAX))
}

/// Records that are put at once.
const BATCH: u32 = 500;

/// Who asks.
pub(crate) const OWN: u32 = 1;

/// A folder of its own, gone with the measurement.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(what: &str) -> Result<Self, BenchError> {
        let name = format!("ramal-bench-{what}-{}", std::process::id());
        let scratch = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&scratch.0).map_err(BenchError::io("make", &scratch.0))?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let scratch = Scratch::new("backup")?;
    let backups = scratch.0.join("backups");
    std::fs::create_dir_all(&backups).map_err(BenchError::io("make", &backups))?;
    let store = open(&scratch.0)?;
    fill(arguments.records, record, |calls| Ok(store.ask(OWN, calls)))?;
    let settings = BackupSettings {
        folder: backups,
        firmware: "bench".to_owned(),
        run: scratch.0.join("run"),
    };
    let kept = store.keep_backups(&settings);
    kept.map_err(BenchError::io("begin", &settings.folder))?;
    let database = std::fs::metadata(scratch.0.join("ramal.redb"));
    let database = database.map_err(BenchError::io("read", &scratch.0))?.len();
    let (begun, before) = (Instant::now(), (processor_time(), resident_kib()?));
    stored(store.ask(OWN, Request::Backup(BackupRequest::Make)))?;
    let file = loop {
        match store.ask(OWN, Request::Backup(BackupRequest::List)) {
            Reply::Backups(Backups {
                failed: Some(failure),
                ..
            }) => return Err(BenchError::Load(failure.english())),
            Reply::Backups(seen) if !seen.is_running => match seen.files.into_iter().next() {
                Some(file) if file.is_proved => break file,
                _ => return Err(BenchError::Load("no backup was proved".to_owned())),
            },
            Reply::Backups(_) => std::thread::sleep(Duration::from_millis(20)),
            other => return Err(BenchError::Load(format!("the store answers {other:?}"))),
        }
    };
    let made = (processor_time(), resident_kib()?);
    say(&format!(
        "backup of {} call records: {} KiB of a database of {} KiB; made and restored for trial \
         in {:.0} s, {:.1} s of processor time, with {} KiB more memory",
        arguments.records,
        file.bytes / 1024,
        database / 1024,
        begun.elapsed().as_secs_f64(),
        (made.0 - before.0).as_secs_f64(),
        made.1.saturating_sub(before.1),
    ));
    let begun = Instant::now();
    restore(&store, file.name)?;
    let spent = processor_time() - made.0;
    say(&format!(
        "restored on the same box in {:.0} s, {:.1} s of processor time, with {} KiB more memory",
        begun.elapsed().as_secs_f64(),
        spent.as_secs_f64(),
        resident_kib()?.saturating_sub(made.1)
    ));
    Ok(())
}

/// Restores a backup on the box it was made on.
fn restore(store: &Store, file: String) -> Result<(), BenchError> {
    let begun = store.ask(
        OWN,
        Request::Backup(BackupRequest::Restore {
            file: Some(file),
            code: None,
            audit: Audit::default(),
        }),
    );
    if begun != Reply::RestoreBegun {
        return Err(BenchError::Load(format!("not restored: {begun:?}")));
    }
    loop {
        let told = store.ask(OWN, Request::Backup(BackupRequest::List));
        let Reply::Backups(Backups {
            restore: Some(Restore { state, .. }),
            ..
        }) = told
        else {
            return Err(BenchError::Load(format!("not restored: {told:?}")));
        };
        match state {
            RestoreState::Restored { .. } => return Ok(()),
            state if state.is_over() => {
                return Err(BenchError::Load(format!("not restored: {state:?}")));
            }
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

pub(crate) fn open(folder: &Path) -> Result<Store, BenchError> {
    open_on(Box::new(DataDisk::new(folder)), folder)
}

pub(crate) fn open_on(disk: Box<dyn Medium>, folder: &Path) -> Result<Store, BenchError> {
    let peers = Peers {
        own: OWN,
        net: 2,
        pbx: 3,
        web: 4,
        provision: 5,
        grid: 6,
        guard: 7,
    };
    let clock = Arc::new(|| UnixTime::from_millis(1_700_000_000_000));
    let opened = Store::open(disk, folder, peers, clock);
    opened.map_err(|error| BenchError::Load(error.to_string()))
}

/// Puts so many calls into a store, some at a time; `ask` is how it is asked.
pub(crate) fn fill(
    records: u32,
    call: impl Fn(u32) -> CallRecord,
    ask: impl Fn(Request) -> Result<Reply, BenchError>,
) -> Result<(), BenchError> {
    for first in (0..records).step_by(BATCH as usize) {
        let batch = first..records.min(first + BATCH);
        stored(ask(Request::PutCalls(batch.map(&call).collect()))?)?;
    }
    Ok(())
}

pub(crate) fn stored(reply: Reply) -> Result<(), BenchError> {
    match reply {
        Reply::Stored => Ok(()),
        other => Err(BenchError::Load(format!("the store answers {other:?}"))),
    }
}

/// A call as an office has it.
pub(crate) fn record(number: u32) -> CallRecord {
    let at = 1_690_000_000_000 + i64::from(number) * 47_011;
    let mixed = number.wrapping_mul(2_654_435_761);
    CallRecord {
        id: format!("{at:013}-{mixed:08x}"),
        from: format!("{}", 100 + mixed % 60),
        to: format!("0119{:08}", mixed % 100_000_000),
        source: format!("10.0.0.{}:5060", 10 + mixed % 60),
        started_millis: at,
        answered_millis: Some(at + i64::from(mixed % 20_000)),
        ended_millis: Some(at + i64::from(mixed % 600_000)),
        outcome: Outcome::EndedByCaller,
        status: 200,
        packets_to_callee: u64::from(mixed % 30_000),
        packets_to_caller: u64::from(mixed % 29_000),
        trunk: "carrier".to_owned(),
        ..CallRecord::default()
    }
}

pub(crate) fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(spent.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(spent.tv_sec).unwrap_or_default(), nanos)
}

/// The most memory this process ever had, KiB.
pub(crate) fn resident_kib() -> Result<u64, BenchError> {
    let name = "/proc/self/status";
    let text = std::fs::read_to_string(name).map_err(BenchError::io("read", name))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| BenchError::Load("the kernel tells no VmHWM".to_owned()))
}
