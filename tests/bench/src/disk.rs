//! What the store writes to the disk for each kind of change, how long that takes, and what a day
//! of an office comes to: flash wears by what is written to it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipc::store::{Audit, Outcome, Registration, Reply, Request};
use native::say;
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageBackend};
use store::{DataDisk, Medium, Store};

use crate::BenchError;
use crate::backup::{OWN, RECORDS_MAX, Scratch, fill, open_on, record, stored, within_the_limit};
use crate::measure::{part, sorted_millis};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Call records in the store; it keeps 200,000.
    #[arg(long, default_value_t = RECORDS_MAX, value_parser = within_the_limit())]
    records: u32,
}

/// How often each change is made.
const TIMES: u32 = 200;

/// Phones of the office whose day is told.
const PHONES: u32 = 100;

/// Its calls.
const CALLS_A_DAY: u32 = 2_000;

/// `pbx` keeps refreshed registrations once a minute.
const REFRESHES_A_DAY: u32 = 24 * 60;

/// Of a hundred phones that refresh every half hour, those of a minute.
const REFRESHED: u32 = 4;

/// What people do on the pages: sign in, look at records, change something.
const AUDITED_A_DAY: u32 = 200;
const CHANGES_A_DAY: u32 = 20;

/// The data disk, which counts.
#[derive(Debug)]
struct Counted {
    disk: DataDisk,
    file: std::path::PathBuf,
    written: Arc<AtomicU64>,
}

/// The database's file, which counts.
#[derive(Debug)]
struct Backend {
    file: FileBackend,
    written: Arc<AtomicU64>,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.written.fetch_add(length, Ordering::Relaxed);
        self.file.write(offset, data)
    }
}

impl Medium for Counted {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.file)?;
        builder.create_with_backend(Backend {
            file: FileBackend::new(file)?,
            written: Arc::clone(&self.written),
        })
    }

    fn set_aside(&self) -> io::Result<String> {
        self.disk.set_aside()
    }

    fn file_bytes(&self) -> u64 {
        self.disk.file_bytes()
    }

    fn free_bytes(&self) -> u64 {
        self.disk.free_bytes()
    }

    fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let scratch = Scratch::new("disk")?;
    let written = Arc::new(AtomicU64::new(0));
    let store = open_on(Box::new(counted(scratch.path(), &written)), scratch.path())?;
    fill(arguments.records, record, |calls| Ok(store.ask(OWN, calls)))?;
    stored(store.ask(OWN, Request::PutRegistrations(registrations(0))))?;
    let meter = Meter {
        store: &store,
        written: &written,
    };
    let first = arguments.records;
    let begun = meter.each("a call that begins", |number| {
        let mut begun = record(first + number);
        begun.outcome = Outcome::Ongoing;
        begun.ended_millis = None;
        Ok(Request::PutCalls(vec![begun]))
    })?;
    let ended = meter.each("a call that ends", |number| {
        Ok(Request::PutCalls(vec![record(first + number)]))
    })?;
    let refreshed = meter.each("phones that register again, of a minute", |number| {
        Ok(Request::PutRegistrations(registrations(number)))
    })?;
    let audited = meter.each("an entry of the audit trail", |_| {
        Ok(Request::Audit(audit()))
    })?;
    let changed = meter.each("a change of the configuration", |number| {
        change(&store, number)
    })?;
    let day = (begun + ended) * u64::from(CALLS_A_DAY)
        + refreshed * u64::from(REFRESHES_A_DAY)
        + audited * u64::from(AUDITED_A_DAY)
        + changed * u64::from(CHANGES_A_DAY);
    say(&format!(
        "a day of {PHONES} phones, {CALLS_A_DAY} calls one by one, {AUDITED_A_DAY} entries and \
         {CHANGES_A_DAY} changes: {} MiB written",
        day / 1024 / 1024
    ));
    Ok(())
}

fn counted(folder: &Path, written: &Arc<AtomicU64>) -> Counted {
    Counted {
        disk: DataDisk::new(folder),
        file: folder.join("ramal.redb"),
        written: Arc::clone(written),
    }
}

/// Makes changes one after the other, each durable before the next.
struct Meter<'a> {
    store: &'a Store,
    written: &'a AtomicU64,
}

impl Meter<'_> {
    /// Bytes written for each.
    fn each(
        &self,
        what: &str,
        request: impl Fn(u32) -> Result<Request, BenchError>,
    ) -> Result<u64, BenchError> {
        let before = self.written.load(Ordering::Relaxed);
        let mut times: Vec<Duration> = Vec::new();
        for number in 0..TIMES {
            let request = request(number)?;
            let begun = Instant::now();
            match self.store.ask(OWN, request) {
                Reply::Stored | Reply::Committed { .. } => times.push(begun.elapsed()),
                other => return Err(BenchError::Load(format!("the store answers {other:?}"))),
            }
        }
        let bytes = (self.written.load(Ordering::Relaxed) - before) / u64::from(TIMES);
        let millis = sorted_millis(times);
        say(&format!(
            "{what}: {:.1} KiB written, durable after {:.1} ms in the middle, {:.1} of 99 in 100",
            f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1024.0,
            part(&millis, 50),
            part(&millis, 99),
        ));
        Ok(bytes)
    }
}

/// The phones, some of which have just registered again.
fn registrations(minute: u32) -> Vec<Registration> {
    let phone = |number: u32| Registration {
        extension: (1000 + number).to_string(),
        contact: format!("sip:{}@10.0.0.{number}:5060", 1000 + number),
        source: format!("udp 10.0.0.{number}:5060"),
        local: "10.0.0.1:5060".to_owned(),
        expires_secs: 3600,
        kept_millis: 1_690_000_000_000 + i64::from((minute + number / REFRESHED) / 25) * 60_000,
        call_id: format!("{number:032x}@10.0.0.{number}"),
        cseq: 1 + (minute + number / REFRESHED) / 25,
        user_agent: "Desk phone 1.0.0".to_owned(),
        params: String::new(),
        path: String::new(),
        reg_id: 0,
    };
    (0..PHONES).map(phone).collect()
}

fn audit() -> Audit {
    Audit {
        who: "ana".to_owned(),
        action: "calls looked at".to_owned(),
        from: "10.0.0.20".to_owned(),
        ..Audit::default()
    }
}

/// One more extension, in the configuration as it is now.
fn change(store: &Store, number: u32) -> Result<Request, BenchError> {
    let Reply::Config { version, mut site } = store.ask(OWN, Request::Config) else {
        return Err(BenchError::Load("no configuration".to_owned()));
    };
    let number = usize::try_from(number).unwrap_or_default();
    let made = native::extensions(&site.realm, number..number + 1);
    site.extensions.extend(made);
    Ok(Request::Commit {
        base: version,
        audit: audit(),
        site,
    })
}
