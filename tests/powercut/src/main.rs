//! `cargo run -p powercut`: any number of power cuts, from any seed.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use image::cargo::Profile;
use powercut::scenarios::ALL;
use powercut::{BoxTrace, Fault, Judge, Plan, Report, Trace, boot_state, record_box, run};

/// Cuts the power of a box at every flush and at random places in between, and judges what is left.
#[derive(Parser)]
#[command(
    name = "powercut",
    after_help = "Examples:\n  \
        cargo run -p powercut                             # 2,000 states of every scenario\n  \
        cargo run -p powercut -- --states 100000 --seed 7       # as many as you have time for\n  \
        cargo run -p powercut -- --scenario update --states 500 --seed 1 --only 321\n  \
        cargo run -p powercut -- --scenario box --record  # records a box in QEMU: 8 minutes\n  \
        cargo run -p powercut -- --scenario box --states 20000 --data-every 50\n  \
        cargo run -p powercut -- --scenario box --boot 3        # starts three of them in QEMU"
)]
struct Arguments {
    /// States of each scenario, at least; those at flushes are always all judged.
    #[arg(long, default_value_t = 2000)]
    states: usize,
    /// Chooses the states between flushes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One scenario: update, state, keys, data-key, sealed-key, table, provision, or box, which is
    /// a real one in QEMU; by default all but box.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Judge the state with this number only.
    #[arg(long, value_name = "NUMBER")]
    only: Option<usize>,
    /// How many judge at the same time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Record the box anew before its states are judged.
    #[arg(long)]
    record: bool,
    /// Check file system and database in one of so many states of the box.
    #[arg(long, default_value_t = 40, value_name = "N")]
    data_every: usize,
    /// Start so many of the states of the box in QEMU as well.
    #[arg(long, default_value_t = 0, value_name = "N")]
    boot: usize,
}

const BOX: &str = "box";

fn main() -> ExitCode {
    match all(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _shown = writeln!(std::io::stderr(), "powercut: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Judges what is asked for; how many states are broken.
fn all(arguments: &Arguments) -> Result<usize, Fault> {
    let wanted = arguments.scenario.as_deref();
    let mut broken = 0;
    for scenario in ALL
        .iter()
        .filter(|it| wanted.is_none_or(|name| name == it.name))
    {
        let (trace, judge) = (scenario.make)()?;
        broken += judge_all(arguments, scenario.name, &trace, &*judge)?;
    }
    if wanted == Some(BOX) {
        broken += judge_box(arguments)?;
    } else if let Some(name) = wanted.filter(|name| ALL.iter().all(|it| it.name != *name)) {
        return Err(Fault::broken(format!(
            "there is no scenario `{name}`; see --help"
        )));
    }
    Ok(broken)
}

fn judge_box(arguments: &Arguments) -> Result<usize, Fault> {
    let folder: PathBuf = image::build::target_folder().join("powercut/box");
    let recorded = match arguments.record || !folder.join("events").exists() {
        true => record_box(&folder, profile()?)?,
        false => BoxTrace::open(&folder)?,
    };
    let judge = recorded.judge(arguments.data_every)?;
    let broken = judge_all(arguments, BOX, &recorded.trace, &judge)?;
    let plan = plan(arguments);
    for number in 0..arguments.boot {
        // Spread over all of them, whatever their number.
        let number = (number * 2 + 1) * arguments.states / (arguments.boot * 2);
        let how = boot_state(&recorded, &plan, number)?;
        say(&format!(
            "box        state {number} ({how}) started in QEMU: ready"
        ));
    }
    Ok(broken)
}

fn profile() -> Result<Profile, Fault> {
    Profile::of_environment().map_err(|it| Fault::broken(it.to_string()))
}

const fn plan(arguments: &Arguments) -> Plan {
    Plan {
        states: arguments.states,
        seed: arguments.seed,
        only: arguments.only,
        threads: arguments.threads,
    }
}

fn judge_all(
    arguments: &Arguments,
    name: &str,
    trace: &Trace,
    judge: &dyn Judge,
) -> Result<usize, Fault> {
    let report = run(trace, judge, &plan(arguments))?;
    tell(arguments, name, trace, &report);
    Ok(report.broken_count)
}

fn tell(arguments: &Arguments, name: &str, trace: &Trace, report: &Report) {
    let (writes, flushes) = trace.counts();
    say(&format!(
        "{name:<10} {} writes, {flushes} flushes: {} states from seed {}, {} broken, {:.1} s",
        writes,
        report.count(),
        arguments.seed,
        report.broken_count,
        report.elapsed.as_secs_f64()
    ));
    for (cut, what) in &report.broken {
        say(&format!(
            "  state {} (after {} events, {}): {what}\n    cargo run -p powercut -- --scenario \
             {name} --states {} --seed {} --only {}",
            cut.number, cut.events, cut.kind, arguments.states, arguments.seed, cut.number
        ));
    }
}

fn say(line: &str) {
    // A closed pipe is no reason to stop judging.
    let _shown = writeln!(std::io::stdout(), "{line}");
}
