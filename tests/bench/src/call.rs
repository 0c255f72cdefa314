//! Calls: set up with authentication and media relay, hung up at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::measure::{Start, judge};
use crate::register::{credentials, register_through};
use crate::{BenchError, Run, scenario};
use native::Filter;
use native::number;
use native::{Load, free_port};

/// Processor time allowed for one, all services together, microseconds.
const BAR_MICROS: f64 = 1000.0;

/// Command line of `call`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Phones that call in turn, all the same one.
    #[arg(long, default_value_t = 50)]
    callers: usize,
    /// Calls measured.
    #[arg(long, default_value_t = 3_000)]
    count: u64,
    /// Calls a second.
    #[arg(long, default_value_t = 150)]
    rate: u64,
}

/// Measures and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let box_ = run.start(arguments.callers + 1)?;
    let folder = box_.folder();
    let callee = number(arguments.callers);
    let callers: Vec<String> = (0..arguments.callers)
        .map(|index| {
            let caller = number(index);
            format!("{caller};{};{callee}", credentials(&caller))
        })
        .collect();

    let callee_port = free_port()?;
    let way_to_callee = filter(callee_port, box_.sip)?;
    let callees = [callee.clone()];
    let registered = register_through(&way_to_callee, callee_port, &callees, 1, 1, folder)?;
    if registered.failed > 0 {
        return Err(BenchError::Load("the callee did not register".into()));
    }
    let answering = Load {
        scenario: &scenario("callee.xml"),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        to: way_to_callee.front,
        port: callee_port,
        fields: &[],
        authentication_uri: None,
        count: u64::from(u32::MAX),
        rate: 1,
        traced: false,
    };
    let _callee = answering.answer(folder)?;

    let call = |count| {
        let port = free_port()?;
        let way = filter(port, box_.sip)?;
        let uri = format!("{callee}@{}", way.front);
        let load = Load {
            scenario: &scenario("caller.xml"),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            to: way.front,
            port,
            fields: &callers,
            authentication_uri: Some(&uri),
            count,
            rate: arguments.rate,
            traced: false,
        };
        Ok::<_, BenchError>(load.run(folder)?)
    };
    let warm_up = arguments.callers.try_into().unwrap_or(u64::MAX);
    call(warm_up)?;
    let services = box_.services();
    let start = Start::now(&services);
    let outcome = call(arguments.count)?;
    let each = start.each(&services, outcome.succeeded);
    judge("calls", outcome, &each, BAR_MICROS).map(drop)
}

fn filter(port: u16, server: SocketAddr) -> Result<Filter, BenchError> {
    Ok(Filter::start(
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        server,
    )?)
}
