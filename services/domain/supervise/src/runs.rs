//! How the runs of the box began and ended: what its owner and the operator want to know of a box
//! that was away.
//!
//! One text keeps the last of them, a line each, the one that is on last. A run is written down
//! when it begins, so one that ends without a word is told from one that ended in order.

use std::fmt::Write as _;

/// The last runs, the one that is on last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Runs(Vec<Run>);

/// From a start to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// When it began, seconds since 1970.
    pub began: i64,
    /// How it ended.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RunEnd {
    /// It is on.
    Running,
    /// The services were stopped in order; why.
    Ordered(String),
    /// The watchdog ended it: PID 1 hung, or a critical service that could not be killed.
    Watchdog,
    /// The power failed, somebody reset it, or the kernel stopped.
    Unexpected,
}

impl Runs {
    /// Reads the text; what cannot be read of it counts as nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut runs: Vec<Run> = text.lines().filter_map(Run::parse).collect();
        let surplus = runs.len().saturating_sub(RUNS_MAX);
        runs.drain(..surplus);
        Self(runs)
    }

    /// The text that keeps them.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, run| {
            let (name, detail) = run.end.parts();
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} {name} {detail}", run.began);
            text
        })
    }

    /// A run begins. Of the one before, the end is known now: `by_watchdog` tells whether the
    /// hardware says that it was its watchdog.
    pub fn begin(&mut self, now: i64, by_watchdog: bool) {
        if let Some(before) = self.0.last_mut() {
            before.end = match std::mem::replace(&mut before.end, RunEnd::Unexpected) {
                RunEnd::Running if by_watchdog => RunEnd::Watchdog,
                RunEnd::Running => RunEnd::Unexpected,
                told => told,
            };
        }
        self.0.push(Run {
            began: now,
            end: RunEnd::Running,
        });
        let surplus = self.0.len().saturating_sub(RUNS_MAX);
        self.0.drain(..surplus);
    }

    /// The run that is on ends in order; whether that was not known yet. Why is what was said
    /// first.
    pub fn end(&mut self, why: &str) -> bool {
        let on = self.0.last_mut().filter(|it| it.end == RunEnd::Running);
        on.map(|run| run.end = RunEnd::Ordered(line(why))).is_some()
    }

    /// All of them, the one that is on last.
    #[must_use]
    pub fn all(&self) -> &[Run] {
        &self.0
    }

    /// The one before the one that is on.
    #[must_use]
    pub fn before(&self) -> Option<&Run> {
        self.0.iter().rev().nth(1)
    }
}

impl Run {
    fn parse(line: &str) -> Option<Self> {
        let (began, rest) = line.split_once(' ')?;
        let (name, detail) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Self {
            began: began.parse().ok()?,
            end: RunEnd::of_parts(name, detail)?,
        })
    }
}

impl RunEnd {
    /// Its name, and more of why: one line, whoever said it.
    #[must_use]
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Running => ("running", String::new()),
            Self::Ordered(why) => ("ordered", line(why)),
            Self::Watchdog => ("watchdog", String::new()),
            Self::Unexpected => ("unexpected", String::new()),
        }
    }

    fn of_parts(name: &str, detail: &str) -> Option<Self> {
        let detail = line(detail);
        Some(match name {
            "running" => Self::Running,
            "ordered" => Self::Ordered(detail),
            "watchdog" => Self::Watchdog,
            "unexpected" => Self::Unexpected,
            _ => return None,
        })
    }
}

fn line(text: &str) -> String {
    let plain = text.chars().filter(|it| !it.is_control());
    plain.take(DETAIL_MAX).collect()
}

/// Enough to see a box that restarts again and again.
const RUNS_MAX: usize = 16;
/// Characters of a reason.
const DETAIL_MAX: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(runs: &Runs) -> Vec<RunEnd> {
        runs.all().iter().map(|it| it.end.clone()).collect()
    }

    /// What the next start makes of what is written down.
    fn next(runs: &Runs, by_watchdog: bool) -> RunEnd {
        let mut runs = Runs::parse(&runs.to_text());
        runs.begin(2, by_watchdog);
        runs.before().expect("one").end.clone()
    }

    #[test]
    fn a_run_that_said_nothing_ended_by_the_watchdog_or_unexpectedly() {
        let mut runs = Runs::default();
        runs.begin(1, true);
        assert_eq!(ends(&runs), [RunEnd::Running]);
        assert_eq!(runs.before(), None);
        assert_eq!(next(&runs, false), RunEnd::Unexpected);
        assert_eq!(next(&runs, true), RunEnd::Watchdog);
    }

    #[test]
    fn a_run_that_ended_in_order_says_why() {
        let mut runs = Runs::default();
        runs.begin(1, false);
        assert!(runs.end("asked at the box\n9 running"));
        assert!(!runs.end("somebody pressed the button again"));
        let why = RunEnd::Ordered("asked at the box9 running".into());
        // A watchdog that ended what did not come to its end in order changes nothing of why.
        for by_watchdog in [false, true] {
            assert_eq!(next(&runs, by_watchdog), why);
        }
    }

    #[test]
    fn the_last_are_kept_and_what_cannot_be_read_is_left_out() {
        let mut runs = Runs::default();
        for start in 0..40 {
            runs.begin(start, false);
        }
        assert_eq!(runs.all().len(), RUNS_MAX);
        assert_eq!(runs.all().last().map(|it| it.began), Some(39));
        assert_eq!(Runs::parse(&runs.to_text()), runs);
        let damaged = "x\n\u{fffd} running \n7 unheard of\n8\n9 watchdog\n10 running";
        let read = Runs::parse(damaged);
        let expected = [RunEnd::Watchdog, RunEnd::Running];
        assert_eq!(ends(&read), expected);
    }
}
