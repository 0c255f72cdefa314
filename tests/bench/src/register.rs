//! Authenticated registrations, in turn with Kamailio, and beside Asterisk; and what one holds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use native::{
    Asterisk, Filter, Installation, Kamailio, Load, Outcome, PASSWORD, free_port, number,
};

use crate::call::PEER_PORTS;
use crate::measure::{judge, micros_each};
use crate::{BenchError, Run, beside, peer, say, scenario};

/// Processor time allowed for one, microseconds.
const BAR_MICROS: f64 = 50.0;

/// Memory allowed for one, KiB.
const BAR_KIB: f64 = 4.0;

/// Until the exchange has handed the registrations to the store, and what it took for that is free.
const KEPT: Duration = Duration::from_secs(8);

/// Command line of `register`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Phones that register in turn.
    #[arg(long, default_value_t = 500)]
    extensions: usize,
    /// Registrations measured.
    #[arg(long, default_value_t = 20_000)]
    count: u64,
    /// Registrations a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Parts the measurement is cut into; with --peer, ours and Kamailio's take turns.
    #[arg(long, default_value_t = 4)]
    rounds: u64,
    /// More phones that register once, to see what memory one registration takes.
    #[arg(long, default_value_t = 5_000)]
    more: usize,
    /// Measure Kamailio (Debian: kamailio) and Asterisk (fetched from Debian once) the same way and
    /// print the ratios.
    #[arg(long)]
    peer: bool,
}

/// Measures and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let box_ = run.start(arguments.extensions + arguments.more)?;
    let office = Office {
        numbers: (0..arguments.extensions).map(number).collect(),
        rate: arguments.rate,
        folder: box_.folder(),
    };
    let mut ours = Ours::new(&box_);
    office.warm_up(box_.sip)?;
    let kamailio = if arguments.peer {
        let (configuration, at) = (peer("kamailio.cfg"), free()?);
        let start = || Kamailio::start(office.folder, &configuration, at, &[]);
        beside(Some("kamailio"), start)
    } else {
        None
    };
    let mut theirs = Used::default();
    if let Some(kamailio) = &kamailio {
        office.warm_up(kamailio.sip)?;
    }
    for _ in 0..arguments.rounds {
        let count = arguments.count / arguments.rounds.max(1);
        ours.measure(&office, count)?;
        if let Some(kamailio) = &kamailio {
            theirs.measure(&office, kamailio.sip, count, &|| kamailio.cpu_millis())?;
        }
    }
    let memory = memory(&box_, &office, arguments);
    let each = ours.each();
    let judged = judge("registrations", ours.outcome(), &each, BAR_MICROS);
    let ours: f64 = each.iter().map(|(_, micros)| micros).sum();
    if let Some(kamailio) = kamailio {
        theirs.say(&format!("Kamailio {}", kamailio.version), ours);
    }
    if arguments.peer {
        beside_asterisk(&office, arguments, ours)?;
    }
    judged.and(memory)
}

/// The same registrations with Asterisk.
fn beside_asterisk(
    office: &Office<'_>,
    arguments: &Arguments,
    ours: f64,
) -> Result<(), BenchError> {
    let at = free()?;
    let start = || Asterisk::start(office.folder, at, arguments.extensions, PEER_PORTS);
    let Some(asterisk) = beside(None, start) else {
        return Ok(());
    };
    office.warm_up(asterisk.sip)?;
    let mut theirs = Used::default();
    theirs.measure(office, asterisk.sip, arguments.count, &|| {
        asterisk.cpu_millis()
    })?;
    theirs.say(&format!("Asterisk {}", asterisk.version), ours);
    Ok(())
}

fn free() -> Result<SocketAddr, BenchError> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)))
}

/// The phones, and how they register.
struct Office<'a> {
    numbers: Vec<String>,
    rate: u64,
    folder: &'a Path,
}

impl Office<'_> {
    fn register(&self, server: SocketAddr, count: u64) -> Result<Outcome, BenchError> {
        let port = free_port()?;
        register(server, port, &self.numbers, count, self.rate, self.folder)
    }

    /// Each phone once.
    fn warm_up(&self, server: SocketAddr) -> Result<Outcome, BenchError> {
        self.register(server, self.numbers.len().try_into().unwrap_or(u64::MAX))
    }
}

/// What a server used so far.
#[derive(Default)]
struct Used {
    millis: u64,
    outcome: Outcome,
}

impl Used {
    fn measure(
        &mut self,
        office: &Office<'_>,
        server: SocketAddr,
        count: u64,
        cpu_millis: &dyn Fn() -> u64,
    ) -> Result<(), BenchError> {
        let before = cpu_millis();
        let outcome = office.register(server, count)?;
        self.millis += cpu_millis().saturating_sub(before);
        self.outcome = sum(self.outcome, outcome);
        Ok(())
    }

    fn say(&self, name: &str, ours: f64) {
        let theirs = micros_each(self.millis, self.outcome.succeeded);
        let failed = self.outcome.failed;
        say(&format!("  {name}: {theirs:.1} us each, {failed} failed"));
        say(&format!("  ours / {name} = {:.2}", ours / theirs.max(0.1)));
    }
}

/// What each of our services used so far.
struct Ours<'a> {
    box_: &'a Installation,
    millis: [u64; 3],
    outcome: Outcome,
}

impl<'a> Ours<'a> {
    fn new(box_: &'a Installation) -> Self {
        Self {
            box_,
            millis: [0; 3],
            outcome: Outcome::default(),
        }
    }

    fn measure(&mut self, office: &Office<'_>, count: u64) -> Result<(), BenchError> {
        let services = self.box_.services();
        let before = services.map(native::Service::cpu_millis);
        let outcome = office.register(self.box_.sip, count)?;
        for ((used, service), before) in self.millis.iter_mut().zip(services).zip(before) {
            *used += service.cpu_millis().saturating_sub(before);
        }
        self.outcome = sum(self.outcome, outcome);
        Ok(())
    }

    const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Microseconds for one, by service.
    fn each(&self) -> Vec<(&'static str, f64)> {
        let services = self.box_.services().into_iter().zip(self.millis);
        services
            .map(|(service, millis)| (service.name(), micros_each(millis, self.outcome.succeeded)))
            .collect()
    }
}

const fn sum(one: Outcome, two: Outcome) -> Outcome {
    Outcome {
        succeeded: one.succeeded + two.succeeded,
        failed: one.failed + two.failed,
        retransmissions: one.retransmissions + two.retransmissions,
    }
}

/// What more phones take that register once. Before and after, the exchange holds as many answered
/// requests as it ever does (RFC 3261 §17.2.2), so that these do not count.
fn memory(
    box_: &Installation,
    office: &Office<'_>,
    arguments: &Arguments,
) -> Result<(), BenchError> {
    let resident = || {
        let each = box_.services().map(native::Service::resident_kib);
        each.iter().sum::<u64>()
    };
    let before = resident();
    let more = arguments.extensions..arguments.extensions + arguments.more;
    let more = Office {
        numbers: more.map(number).collect(),
        ..*office
    };
    let outcome = more.warm_up(box_.sip)?;
    std::thread::sleep(KEPT);
    let after = resident();
    let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let each = float(after.saturating_sub(before)) / float(outcome.succeeded.max(1));
    say(&format!(
        "memory: {each:.2} KiB a registration; bar {BAR_KIB:.0} KiB"
    ));
    say(&format!(
        "  resident memory of pbx, media and store: {before} KiB under load, {after} KiB with {} \
         registrations more",
        outcome.succeeded
    ));
    if outcome.failed > 0 {
        let failed = outcome.failed;
        return Err(BenchError::Load(format!(
            "{failed} of more registrations failed"
        )));
    }
    if each > BAR_KIB {
        return Err(BenchError::OverTheBar(format!(
            "a registration takes {each:.2} KiB, allowed {BAR_KIB:.0}"
        )));
    }
    Ok(())
}

/// Registers `numbers` in turn from one port, `count` times in all.
pub(crate) fn register(
    server: SocketAddr,
    port: u16,
    numbers: &[String],
    count: u64,
    rate: u64,
    folder: &Path,
) -> Result<Outcome, BenchError> {
    let filter = Filter::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), server)?;
    register_through(&filter, port, numbers, count, rate, folder)
}

/// As [`register`], through a filter that stays: calls to the phones come by it.
pub(crate) fn register_through(
    filter: &Filter,
    port: u16,
    numbers: &[String],
    count: u64,
    rate: u64,
    folder: &Path,
) -> Result<Outcome, BenchError> {
    let fields: Vec<String> = numbers
        .iter()
        .map(|number| format!("{number};{}", credentials(number)))
        .collect();
    let load = Load {
        scenario: &scenario("register.xml"),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        to: filter.front,
        port,
        fields: &fields,
        authentication_uri: None,
        count,
        rate,
        traced: false,
    };
    Ok(load.run(folder)?)
}

/// SIPp fills this in when it is challenged.
pub(crate) fn credentials(number: &str) -> String {
    format!("[authentication username={number} password={PASSWORD}]")
}
