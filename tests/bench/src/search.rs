//! What finding a call takes among as many as the store keeps (at most 200 ms among as many).

use std::time::{Duration, Instant};

use ipc::store::{CallFilter, CallRecord, CallSearch, Reply, Request};
use native::say;
use store::Store;

use crate::BenchError;
use crate::backup::{
    OWN, RECORDS_MAX, Scratch, fill, open, processor_time, record, resident_kib, within_the_limit,
};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Call records in the store; it keeps 200,000.
    #[arg(long, default_value_t = RECORDS_MAX, value_parser = within_the_limit())]
    records: u32,
}

/// Who has few calls.
const RARE: &str = "7999";

/// One call in so many is his.
const RARE_EVERY: u32 = 50_000;

/// Each search is asked so often; the slowest counts.
const TIMES: u32 = 20;

/// What no search may take longer than.
const GOAL: Duration = Duration::from_millis(200);

pub(crate) fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let scratch = Scratch::new("search")?;
    let store = open(scratch.path())?;
    let begun = (Instant::now(), processor_time());
    fill(arguments.records, call, |calls| Ok(store.ask(OWN, calls)))?;
    let spent = processor_time() - begun.1;
    let file = scratch.path().join("ramal.redb");
    let bytes = std::fs::metadata(&file).map_err(BenchError::io("read", &file))?;
    say(&format!(
        "{} call records put in {:.0} s, {:.0} s of processor time: a file of {} MiB",
        arguments.records,
        begun.0.elapsed().as_secs_f64(),
        spent.as_secs_f64(),
        bytes.len() / 1024 / 1024,
    ));
    store.close();
    drop(store);
    let begun = (Instant::now(), processor_time());
    let store = open(scratch.path())?;
    say(&format!(
        "opened, every page verified, in {:.1} s, {:.1} s of processor time",
        begun.0.elapsed().as_secs_f64(),
        (processor_time() - begun.1).as_secs_f64(),
    ));
    let middle = call(arguments.records / 2 + 1);
    wait_for_the_index(&store, &middle)?;
    searches(&store, &middle)?;
    say(&format!("{} MiB of memory", resident_kib()? / 1024));
    Ok(())
}

/// A call as an office has it; a few are of one extension alone.
fn call(number: u32) -> CallRecord {
    let mut made = record(number);
    let inside = match number % RARE_EVERY {
        0 => RARE.to_owned(),
        _ => made.from.clone(),
    };
    made.from.clone_from(&inside);
    made.extensions = vec![inside];
    made
}

/// Until then all records are looked at.
fn wait_for_the_index(store: &Store, middle: &CallRecord) -> Result<(), BenchError> {
    let begun = Instant::now();
    let by_number = with(&middle.to);
    loop {
        let (took, _) = ask(store, &by_number)?;
        if took < GOAL {
            break;
        }
        say(&format!(
            "looking at all records: {:.1} s",
            took.as_secs_f64()
        ));
    }
    say(&format!(
        "found by the index {:.1} s after the start",
        begun.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn searches(store: &Store, middle: &CallRecord) -> Result<(), BenchError> {
    let of = |extension: &str| CallFilter {
        numbers: Some(vec![ipc::store::CallsOf {
            number: extension.to_owned(),
            since_millis: 0,
        }]),
        ..CallFilter::default()
    };
    let day = |only: CallFilter| CallFilter {
        search: CallSearch {
            from_millis: Some(middle.started_millis - 43_200_000),
            until_millis: Some(middle.started_millis + 43_200_000),
            ..only.search
        },
        ..only
    };
    let all = [
        ("a number outside", with(&middle.to)),
        ("a number that nobody called", with("+5548999999999")),
        ("an extension with few calls", of(RARE)),
        ("an extension with many calls", of(&middle.from)),
        ("a day", day(CallFilter::default())),
        ("a number on a day", day(with(&middle.to))),
        ("an extension on a day", day(of(&middle.from))),
    ];
    let mut slowest = Duration::ZERO;
    for (what, only) in all {
        let mut worst = Duration::ZERO;
        let mut calls = 0;
        for _ in 0..TIMES {
            let (took, found) = ask(store, &only)?;
            worst = worst.max(took);
            calls = found;
        }
        slowest = slowest.max(worst);
        say(&format!(
            "{what}: {calls} calls, {:.1} ms at most",
            worst.as_secs_f64() * 1000.0
        ));
    }
    match slowest <= GOAL {
        true => Ok(()),
        false => Err(BenchError::Load(format!(
            "a search took {} ms, more than {}",
            slowest.as_millis(),
            GOAL.as_millis()
        ))),
    }
}

fn with(number: &str) -> CallFilter {
    CallFilter {
        search: CallSearch {
            number: number.to_owned(),
            ..CallSearch::default()
        },
        ..CallFilter::default()
    }
}

/// How long it takes, and how many calls of a page of 100 there are.
fn ask(store: &Store, only: &CallFilter) -> Result<(Duration, usize), BenchError> {
    let begun = Instant::now();
    let reply = store.ask(
        OWN,
        Request::Calls {
            limit: 100,
            before: None,
            only: only.clone(),
        },
    );
    let took = begun.elapsed();
    match reply {
        Reply::Calls(calls) => Ok((took, calls.len())),
        other => Err(BenchError::Load(format!("the store answers {other:?}"))),
    }
}
