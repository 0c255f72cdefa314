//! Authenticated registrations, and the same against Kamailio and Asterisk.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use native::{Asterisk, Filter, Kamailio, Load, Outcome, PASSWORD, free_port, number};

use crate::call::PEER_PORTS;
use crate::measure::{Start, judge, micros_each};
use crate::{BenchError, Run, peer, say, scenario};

/// Processor time allowed for one, microseconds.
const BAR_MICROS: f64 = 50.0;

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
    /// Measure Kamailio (Debian: kamailio) and Asterisk (fetched from Debian once) the same way and
    /// print the ratios.
    #[arg(long)]
    peer: bool,
}

/// Measures and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let box_ = run.start(arguments.extensions)?;
    let numbers: Vec<String> = (0..arguments.extensions).map(number).collect();
    let warm = numbers.len().try_into().unwrap_or(u64::MAX);
    register(
        box_.sip,
        free_port()?,
        &numbers,
        warm,
        arguments.rate,
        box_.folder(),
    )?;
    let services = box_.services();
    let start = Start::now(&services);
    let port = free_port()?;
    let outcome = register(
        box_.sip,
        port,
        &numbers,
        arguments.count,
        arguments.rate,
        box_.folder(),
    )?;
    let each = start.each(&services, outcome.succeeded);
    let ours = judge("registrations", outcome, &each, BAR_MICROS)?;
    let resident: u64 = services.iter().map(|service| service.resident_kib()).sum();
    say(&format!(
        "  resident memory of pbx, media and store: {resident} KiB"
    ));
    if arguments.peer {
        compare(arguments, &numbers, ours, box_.folder())?;
    }
    Ok(())
}

fn compare(
    arguments: &Arguments,
    numbers: &[String],
    ours: f64,
    folder: &Path,
) -> Result<(), BenchError> {
    let measure = |name: &str, sip: SocketAddr, cpu_millis: &dyn Fn() -> u64| {
        let load = |count| register(sip, free_port()?, numbers, count, arguments.rate, folder);
        load(numbers.len().try_into().unwrap_or(u64::MAX))?;
        let before = cpu_millis();
        let outcome = load(arguments.count)?;
        let used = cpu_millis().saturating_sub(before);
        let theirs = micros_each(used, outcome.succeeded);
        let failed = outcome.failed;
        say(&format!("  {name}: {theirs:.1} us each, {failed} failed"));
        say(&format!("  ours / {name} = {:.2}", ours / theirs.max(0.1)));
        Ok::<_, BenchError>(())
    };
    let free = || Ok::<_, BenchError>(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)));
    let kamailio = Kamailio::start(folder, &peer("kamailio.cfg"), free()?, &[])?;
    let name = format!("Kamailio {}", kamailio.version);
    measure(&name, kamailio.sip, &|| kamailio.cpu_millis())?;
    drop(kamailio);
    let asterisk = Asterisk::start(folder, free()?, arguments.extensions, PEER_PORTS)?;
    let name = format!("Asterisk {}", asterisk.version);
    measure(&name, asterisk.sip, &|| asterisk.cpu_millis())
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
