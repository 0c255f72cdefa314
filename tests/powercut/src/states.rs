//! Every state in which a power cut may leave a disk: at each flush, and samples in between.
//!
//! ```text
//! flush  write write write  flush  write ...
//!    |      \_ any sectors of these _/ |
//!    |         may be there            |
//!  exactly what was flushed          the same
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sansio::Rng;

use crate::fault::Fault;
use crate::scenarios::Judge;
use crate::trace::{Event, Source, Trace};
use crate::view::{Sources, View};

/// How many states are judged, and which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// At least so many: the ones at flushes are always all judged.
    pub states: usize,
    /// Chooses what lies between flushes.
    pub seed: u64,
    /// Judge this one only.
    pub only: Option<usize>,
    /// How many judge at the same time.
    pub threads: usize,
}

/// A state: when the power failed and what of the unflushed sectors was there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// Which one of the plan.
    pub number: usize,
    /// So many events had happened.
    pub events: usize,
    /// How what is there was chosen.
    pub kind: Kind,
}

/// How the unflushed sectors that are there were chosen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// None of them.
    Nothing,
    /// All of them.
    Everything,
    /// All but one write.
    OneLost,
    /// Some writes, each whole.
    SomeWrites,
    /// Some sectors of some writes.
    SomeSectors,
    /// All writes up to one that is torn.
    Torn,
}

/// What judging came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// States judged, by how they were chosen.
    pub states: BTreeMap<Kind, usize>,
    /// What is broken: the first ones, in words.
    pub broken: Vec<(Cut, String)>,
    /// How many are.
    pub broken_count: usize,
    /// Processor time is not known; this is what a clock on the wall showed.
    pub elapsed: Duration,
}

impl Report {
    /// States in all.
    #[must_use]
    pub fn count(&self) -> usize {
        self.states.values().sum()
    }

    fn add(&mut self, other: Self) {
        for (kind, count) in other.states {
            *self.states.entry(kind).or_default() += count;
        }
        self.broken.extend(other.broken);
        self.broken.sort_by_key(|(cut, _)| cut.number);
        self.broken.truncate(BROKEN_SHOWN_MAX);
        self.broken_count += other.broken_count;
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing unflushed",
            Self::Everything => "everything",
            Self::OneLost => "one write lost",
            Self::SomeWrites => "some writes",
            Self::SomeSectors => "some sectors",
            Self::Torn => "a torn write",
        })
    }
}

/// Judges the states of a plan.
///
/// # Errors
/// A state could not be judged at all, which is not the same as that it is broken.
pub fn run(trace: &Trace, judge: &dyn Judge, plan: &Plan) -> Result<Report, Fault> {
    let start = Instant::now();
    let threads = plan.threads.max(1);
    let total = Mutex::new(Report::default());
    let work = |thread: usize| -> Result<(), Fault> {
        let mine = |number: usize| match plan.only {
            Some(only) => number == only && thread == 0,
            None => number % threads == thread,
        };
        let mut report = Report::default();
        each_state(trace, plan, mine, |cut, view, told| {
            *report.states.entry(cut.kind).or_default() += 1;
            match judge.judge(&view, told, cut.number) {
                Ok(()) => Ok(()),
                Err(fault @ (Fault::File { .. } | Fault::Process(_) | Fault::Box(_))) => Err(fault),
                Err(fault) => {
                    report.broken_count += 1;
                    if report.broken.len() < BROKEN_SHOWN_MAX {
                        report.broken.push((cut, fault.to_string()));
                    }
                    Ok(())
                }
            }
        })?;
        if let Ok(mut total) = total.lock() {
            total.add(report);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let lost = || Fault::broken("a judging thread ended early");
        let mut results = handles.into_iter().map(|it| it.join());
        results.try_for_each(|it| it.map_err(|_| lost())?)
    })?;
    let mut report = total.into_inner().unwrap_or_default();
    report.elapsed = start.elapsed();
    Ok(report)
}

/// Walks over a trace and makes the states that are `mine`, with what people had been told by then.
///
/// # Errors
/// What `visit` says.
pub fn each_state(
    trace: &Trace,
    plan: &Plan,
    mine: impl Fn(usize) -> bool,
    mut visit: impl FnMut(Cut, View<'_>, &[&str]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let epochs = epochs(trace);
    let shares = shares(&epochs, plan.states);
    let mut durable = Sources::new();
    let mut number = 0;
    for (epoch, share) in epochs.iter().zip(shares) {
        for choice in 0..share {
            if mine(number) {
                let mut rng = Rng::from_seed(plan.seed ^ (number as u64).wrapping_mul(STEP));
                let (events, kind) = choose(epoch, choice, &mut rng);
                let forced = forced(trace, epoch.start, events);
                let mut durable_now = &durable;
                let with_forced;
                if !forced.is_empty() {
                    let mut all = durable.clone();
                    all.extend(forced);
                    with_forced = all;
                    durable_now = &with_forced;
                }
                let kept = kept(trace, epoch.start, events, kind, &mut rng);
                let view = View::new(trace, durable_now, &kept);
                let cut = Cut {
                    number,
                    events,
                    kind,
                };
                visit(cut, view, &told(trace, events))?;
            }
            number += 1;
        }
        for event in epoch.start..epoch.end {
            durable.extend(trace.sectors_of(event));
        }
    }
    Ok(())
}

/// Events between two flushes: the flush itself is at `end`, or the trace ends there.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: usize,
    /// The first write; the end when there is none.
    first_write: usize,
    end: usize,
}

fn epochs(trace: &Trace) -> Vec<Epoch> {
    let epoch = |start: usize, end: usize| {
        let is_write = |at: &usize| matches!(trace.events.get(*at), Some(Event::Write { .. }));
        let first_write = (start..end).find(is_write).unwrap_or(end);
        Epoch {
            start,
            first_write,
            end,
        }
    };
    let mut epochs = Vec::new();
    let mut start = 0;
    for (place, event) in trace.events.iter().enumerate() {
        if *event == Event::Flush {
            epochs.push(epoch(start, place));
            start = place + 1;
        }
    }
    let end = trace.events.len();
    epochs.push(epoch(start, end));
    epochs
}

/// How many states each epoch gets: two at its ends, and its part of the rest when it wrote
/// anything.
fn shares(epochs: &[Epoch], states: usize) -> Vec<usize> {
    let has_writes = |epoch: &Epoch| epoch.first_write < epoch.end;
    let writing = epochs.iter().filter(|it| has_writes(it)).count();
    let ends = epochs.len().saturating_add(writing);
    let rest = states.saturating_sub(ends);
    let (each, mut more) = (rest / writing.max(1), rest % writing.max(1));
    let share = |epoch: &Epoch| {
        if !has_writes(epoch) {
            return 1;
        }
        let extra = usize::from(more > 0);
        more -= extra;
        2 + each + extra
    };
    epochs.iter().map(share).collect()
}

/// When the power fails in an epoch, and how what is there is chosen.
fn choose(epoch: &Epoch, choice: usize, rng: &mut Rng) -> (usize, Kind) {
    let kind = match choice {
        // With all that people were told since the flush.
        0 => return (epoch.first_write, Kind::Nothing),
        1 => return (epoch.end, Kind::Everything),
        _ => match rng.below(8) {
            0 => Kind::OneLost,
            1 | 2 => Kind::SomeWrites,
            3..=5 => Kind::SomeSectors,
            _ => Kind::Torn,
        },
    };
    let length = (epoch.end - epoch.start) as u64;
    // Half of the cuts have the whole epoch to choose from.
    let events = match rng.chance(50) {
        true => length,
        false => 1 + rng.below(length),
    };
    (epoch.start + usize::try_from(events).unwrap_or(0), kind)
}

/// What was written with force in these events.
fn forced(trace: &Trace, start: usize, end: usize) -> Vec<(u64, Source)> {
    let is_forced = |event: &usize| {
        let event = trace.events.get(*event);
        matches!(
            event,
            Some(Event::Write {
                is_forced: true,
                ..
            })
        )
    };
    let events = (start..end).filter(is_forced);
    events.flat_map(|event| trace.sectors_of(event)).collect()
}

/// The unflushed sectors that are there.
fn kept(trace: &Trace, start: usize, end: usize, kind: Kind, rng: &mut Rng) -> Sources {
    let mut kept = Sources::new();
    let is_open = |event: &usize| {
        let event = trace.events.get(*event);
        matches!(
            event,
            Some(Event::Write {
                is_forced: false,
                ..
            })
        )
    };
    let writes: Vec<usize> = (start..end).filter(is_open).collect();
    let one = usize::try_from(rng.below(writes.len() as u64)).unwrap_or(0);
    let odds = [10, 50, 90];
    let percent = odds.get(usize::try_from(rng.below(3)).unwrap_or(0));
    let percent = percent.copied().unwrap_or(50);
    for (place, event) in writes.into_iter().enumerate() {
        let sectors = trace.sectors_of(event);
        match kind {
            Kind::Nothing => {}
            Kind::Everything => kept.extend(sectors),
            Kind::OneLost => kept.extend(sectors.filter(|_| place != one)),
            Kind::SomeWrites => {
                let is_there = rng.chance(percent);
                kept.extend(sectors.filter(|_| is_there));
            }
            Kind::SomeSectors => kept.extend(sectors.filter(|_| rng.chance(percent))),
            Kind::Torn if place < one => kept.extend(sectors),
            Kind::Torn if place == one => {
                let count = trace.sectors_of(event).count() as u64;
                let until = usize::try_from(rng.below(count)).unwrap_or(0);
                // Disks do not promise to write from the front.
                match rng.chance(70) {
                    true => kept.extend(sectors.take(until)),
                    false => kept.extend(sectors.skip(until)),
                }
            }
            Kind::Torn => {}
        }
    }
    kept
}

fn told(trace: &Trace, events: usize) -> Vec<&str> {
    let happened = trace.events.iter().take(events);
    let told = happened.filter_map(|event| match event {
        Event::Mark(what) => Some(what.as_str()),
        Event::Write { .. } | Event::Flush => None,
    });
    told.collect()
}

/// Of what is broken, so many are shown.
const BROKEN_SHOWN_MAX: usize = 10;

/// Sets the generators of neighbouring states far apart: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests;
