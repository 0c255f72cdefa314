//! Calls: set up with authentication and media relay, hung up at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use native::{Asterisk, Filter, Load, Outcome, Running, free_port, number};

use crate::measure::{Start, judge, micros_each};
use crate::register::{credentials, register_through};
use crate::{BenchError, Run, beside, say, scenario};

/// Processor time allowed for one, all services together, microseconds.
const BAR_MICROS: f64 = 700.0;

/// RTP ports of a peer; none is used by our own services.
pub(crate) const PEER_PORTS: (u16, u16) = (30_000, 34_000);

/// Command line of `call`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Phones that call in turn, all the same one.
    #[arg(long, default_value_t = 50)]
    callers: usize,
    /// Calls measured.
    #[arg(long, default_value_t = 3_000)]
    count: u64,
    /// Calls a second. With few, much of what is measured is the waking of idle processors.
    #[arg(long, default_value_t = 150)]
    rate: u64,
    /// Measure Asterisk the same way (fetched from Debian once) and print the ratio.
    #[arg(long)]
    peer: bool,
}

impl Arguments {
    const fn phones(&self) -> Phones {
        Phones {
            callers: self.callers,
            rate: self.rate,
            caller: "caller.xml",
            callee: "callee.xml",
        }
    }
}

/// Who calls, and how.
#[derive(Clone, Copy)]
pub(crate) struct Phones {
    /// Phones that call in turn, all the same one.
    pub(crate) callers: usize,
    /// Calls a second.
    pub(crate) rate: u64,
    /// What a caller does.
    pub(crate) caller: &'static str,
    /// What the called one does.
    pub(crate) callee: &'static str,
}

/// Measures and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let box_ = run.start(arguments.callers + 1)?;
    let folder = box_.folder();
    let office = Office::open(box_.sip, arguments.phones(), folder)?;
    office.warm_up()?;
    let services = box_.services();
    let start = Start::now(&services);
    let outcome = office.call(arguments.count)?;
    let each = start.each(&services, outcome.succeeded);
    let ours = judge("calls", outcome, &each, BAR_MICROS);
    drop(office);
    if arguments.peer {
        compare(
            arguments,
            each.iter().map(|(_, micros)| micros).sum(),
            folder,
        )?;
    }
    ours.map(drop)
}

fn compare(arguments: &Arguments, ours: f64, folder: &Path) -> Result<(), BenchError> {
    let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let start = || Asterisk::start(folder, sip, arguments.callers + 1, PEER_PORTS);
    let Some(asterisk) = beside(None, start) else {
        return Ok(());
    };
    let office = Office::open(sip, arguments.phones(), folder)?;
    office.warm_up()?;
    let before = asterisk.cpu_millis();
    let outcome = office.call(arguments.count)?;
    let used = asterisk.cpu_millis().saturating_sub(before);
    let theirs = micros_each(used, outcome.succeeded);
    say(&format!(
        "  Asterisk {}: {theirs:.1} us each, {} failed",
        asterisk.version, outcome.failed
    ));
    say(&format!(
        "  ours / Asterisk = {:.3}",
        ours / theirs.max(0.1)
    ));
    Ok(())
}

/// A server with a phone that answers, and callers.
pub(crate) struct Office<'a> {
    server: SocketAddr,
    phones: Phones,
    folder: &'a Path,
    callee: String,
    /// The callee's; dropped last to first when the office closes.
    _answering: Running,
    _way: Filter,
}

impl<'a> Office<'a> {
    pub(crate) fn open(
        server: SocketAddr,
        phones: Phones,
        folder: &'a Path,
    ) -> Result<Self, BenchError> {
        let callee = number(phones.callers);
        let port = free_port()?;
        let way = filter(port, server)?;
        let callees = [callee.clone()];
        let registered = register_through(&way, port, &callees, 1, 1, folder)?;
        if registered.failed > 0 {
            return Err(BenchError::Load("the callee did not register".into()));
        }
        let load = Load {
            scenario: &scenario(phones.callee),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            to: way.front,
            port,
            fields: &[],
            authentication_uri: None,
            count: u64::from(u32::MAX),
            rate: 1,
            traced: false,
        };
        Ok(Self {
            server,
            phones,
            folder,
            callee,
            _answering: load.answer(folder)?,
            _way: way,
        })
    }

    pub(crate) fn warm_up(&self) -> Result<Outcome, BenchError> {
        self.call(self.phones.callers.try_into().unwrap_or(u64::MAX))
    }

    /// So many calls.
    pub(crate) fn call(&self, count: u64) -> Result<Outcome, BenchError> {
        self.timed(count).map(|(outcome, _)| outcome)
    }

    /// The same, and from the INVITE with credentials to its answer, each.
    pub(crate) fn timed(&self, count: u64) -> Result<(Outcome, Vec<Duration>), BenchError> {
        let callers: Vec<String> = (0..self.phones.callers)
            .map(|index| {
                let caller = number(index);
                format!("{caller};{};{}", credentials(&caller), self.callee)
            })
            .collect();
        let port = free_port()?;
        let way = filter(port, self.server)?;
        let uri = format!("{}@{}", self.callee, way.front);
        let load = Load {
            scenario: &scenario(self.phones.caller),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            to: way.front,
            port,
            fields: &callers,
            authentication_uri: Some(&uri),
            count,
            rate: self.phones.rate,
            traced: false,
        };
        let outcome = load.run(self.folder)?;
        Ok((outcome, way.answered()))
    }
}

fn filter(port: u16, server: SocketAddr) -> Result<Filter, BenchError> {
    Ok(Filter::start(
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        server,
    )?)
}
