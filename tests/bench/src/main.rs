//! How much processor time the box takes for a registration, a call, a relayed packet.
//!
//! It starts our services natively on loopback, puts SIPp in front of them as load, and reads their
//! processor time from `/proc/PID/stat`: what the load generator takes does not count, and a busy
//! machine changes little. Wall time is not measured: on a shared machine it says nothing.
//! What it must never do: send anything to another host.

mod backup;
mod bans;
mod call;
mod countries;
mod delay;
mod disk;
mod measure;
mod pages;
mod register;
mod relay;
mod search;
mod soak;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use kernel::poller::{Interest, Poller};
use kernel::signals::{Signal, Signals};
use native::say;

/// Measures processor time per operation, with SIPp (Debian: sip-tester) as load on loopback.
#[derive(Parser)]
#[command(after_help = "Examples:\n  \
    cargo run --release -p bench -- register\n  \
    cargo run --release -p bench -- register --peer\n  \
    cargo run --release -p bench -- call --count 2000 --rate 100\n  \
    cargo run --release -p bench -- relay --calls 100 --seconds 10 --peer\n  \
    cargo run --release -p bench -- soak --minutes 30\n  \
    cargo run --release -p bench -- backup\n  \
    cargo run --release -p bench -- bans\n  \
    cargo run --release -p bench -- countries --table target/countries\n  \
    cargo run --release -p bench -- delay\n  \
    cargo run --release -p bench -- disk\n  \
    cargo run --release -p bench -- pages\n  \
    cargo run --release -p bench -- search")]
struct Arguments {
    /// The program to measure; built with the profile `released` when not given.
    #[arg(long, value_name = "FILE", global = true)]
    ramal: Option<PathBuf>,
    /// Keep the folder of the run, with logs and SIPp's output.
    #[arg(long, global = true)]
    keep: bool,
    #[command(subcommand)]
    what: What,
}

/// What every measurement needs to know.
struct Run {
    /// The program to measure.
    ramal: PathBuf,
    /// Whether its folder stays.
    keep: bool,
}

#[derive(Subcommand)]
enum What {
    /// Authenticated registrations: REGISTER, 401, REGISTER, 200.
    Register(register::Arguments),
    /// Calls: INVITE with authentication, answered at once, BYE.
    Call(call::Arguments),
    /// Relayed RTP, 50 packets a second each way a call.
    Relay(relay::Arguments),
    /// A backup of a store at its limit: made, restored for trial, and restored.
    Backup(backup::Arguments),
    /// As many bans as come of a large attack, over a restart of the process that keeps them.
    Bans(bans::Arguments),
    /// The table of countries: memory, reading it, and one answer.
    Countries(countries::Arguments),
    /// How much later calls are answered while backups are made.
    Delay(delay::Arguments),
    /// What is written to the disk for each kind of change, and by a day of an office.
    Disk(disk::Arguments),
    /// Each page at 1,000 extensions and as many calls as the store keeps.
    Pages(pages::Arguments),
    /// Finding calls among as many as the store keeps.
    Search(search::Arguments),
    /// Registrations and calls with sound for a long time: does anything grow or stay open?
    Soak(soak::Arguments),
}

/// Why there is no figure, or a bad one.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("cannot {what} {name}: {source}")]
    Io {
        what: &'static str,
        name: String,
        source: std::io::Error,
    },
    #[error(transparent)]
    System(#[from] kernel::SystemError),
    #[error(transparent)]
    Ask(#[from] run_loop::ipc::CallError),
    #[error(transparent)]
    Native(#[from] native::NativeError),
    #[error(transparent)]
    Prepare(#[from] image::prepare::PrepareError),
    #[error("{0}")]
    Load(String),
    #[error("over the bar: {0}")]
    OverTheBar(String),
    #[error("not flat: {0}")]
    NotFlat(String),
}

impl Run {
    /// Starts the services with so many extensions.
    fn start(&self, extensions: usize) -> Result<native::Installation, BenchError> {
        let plan = native::Plan {
            keep: self.keep,
            ..native::Plan::on_loopback(self.ramal.clone(), extensions)
        };
        Ok(native::Installation::start(&plan, |_| {})?)
    }
}

/// A peer to measure beside ours, whose package is installed first when it has one. When it cannot
/// be had there is no ratio, and that and why is said.
fn beside<T>(
    package: Option<&str>,
    start: impl FnOnce() -> Result<T, native::NativeError>,
) -> Option<T> {
    let installed = package.map_or(Ok(()), image::prepare::prepare_peer);
    let installed = installed.map_err(BenchError::from);
    match installed.and_then(|()| Ok(start()?)) {
        Ok(peer) => Some(peer),
        Err(missing) => {
            say(&format!("  no ratio: {missing}"));
            None
        }
    }
}

/// The file of a scenario.
fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name)
}

/// The configuration of a peer.
fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(name)
}

impl BenchError {
    /// For `map_err`: what was tried on what.
    fn io(what: &'static str, name: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let name = name.as_ref().display().to_string();
        move |source| Self::Io { what, name, source }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match until_interrupted(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Measures on a thread of its own while this one waits for Ctrl-C, which leaves no process behind.
fn until_interrupted(arguments: Arguments) -> Result<(), BenchError> {
    let mut signals = Signals::collect()?;
    let mut poller = Poller::new()?;
    poller.add(&signals, 0, Interest::Read)?;
    let worker = std::thread::spawn(move || run(&arguments));
    while !worker.is_finished() {
        poller.wait(Some(Duration::from_millis(100)))?;
        while let Some(signal) = signals.take() {
            match signal {
                Signal::Terminate | Signal::CtrlAltDel | Signal::PowerFail => {
                    native::end_all();
                    return Err(BenchError::Load("interrupted".into()));
                }
                // SIPp or a service ended; whoever started it looks after it.
                Signal::Child => {}
            }
        }
    }
    worker
        .join()
        .unwrap_or_else(|_| Err(BenchError::Load("the measurement panicked".into())))
}

fn run(arguments: &Arguments) -> Result<(), BenchError> {
    match &arguments.what {
        What::Backup(backup) => return backup::run(backup),
        What::Countries(countries) => return countries::run(countries),
        What::Disk(disk) => return disk::run(disk),
        What::Search(search) => return search::run(search),
        _ => {}
    }
    if !matches!(arguments.what, What::Bans(_) | What::Pages(_)) {
        image::prepare::prepare_load()?;
    }
    let ramal = arguments.ramal.clone().map_or_else(build, Ok)?;
    let run = Run {
        ramal,
        keep: arguments.keep,
    };
    match &arguments.what {
        What::Register(register) => register::run(&run, register),
        What::Call(call) => call::run(&run, call),
        What::Relay(relay) => relay::run(&run, relay),
        What::Bans(bans) => bans::run(&run, bans),
        What::Delay(delay) => delay::run(&run, delay),
        What::Pages(pages) => pages::run(&run, pages),
        What::Soak(soak) => soak::run(&run, soak),
        // It needs nobody beside it.
        What::Backup(_) | What::Countries(_) | What::Disk(_) | What::Search(_) => Ok(()),
    }
}

/// Builds what runs on the box, for this machine.
fn build() -> Result<PathBuf, BenchError> {
    say("building ramal with the profile `released`");
    Ok(native::build(native::Profile::Released)?)
}
