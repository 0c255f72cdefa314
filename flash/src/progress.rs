//! Progress for a person: one line that changes on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disks::{Pace, Phase, Watcher};

/// Tells on standard error how far it is.
pub(crate) struct Progress {
    phase: Phase,
    total: u64,
    done: u64,
    began: Instant,
    told: Instant,
    is_terminal: bool,
    cancelled: Arc<AtomicBool>,
}

impl Progress {
    /// Ends when `cancelled` becomes true.
    pub(crate) fn new(cancelled: Arc<AtomicBool>) -> Self {
        let now = Instant::now();
        Self {
            phase: Phase::Check,
            total: 0,
            done: 0,
            began: now,
            told: now,
            is_terminal: io::stderr().is_terminal(),
            cancelled,
        }
    }

    fn tell(&mut self) {
        self.told = Instant::now();
        let line = line(self.phase, self.done, self.total, self.began.elapsed());
        // A closed standard error must not end it half-way.
        let _closed = if self.is_terminal {
            write!(io::stderr(), "\r{line:<60}")
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }

    /// Ends the line that changes.
    pub(crate) fn end(&mut self) {
        if self.is_terminal && self.total > 0 {
            let _closed = writeln!(io::stderr());
        }
        self.total = 0;
    }
}

impl Watcher for Progress {
    fn begin(&mut self, phase: Phase, total: u64) {
        self.end();
        (self.phase, self.total, self.done) = (phase, total, 0);
        self.began = Instant::now();
        self.tell();
    }

    fn advance(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
        let is_end = self.done == self.total;
        self.total = self.total.max(self.done);
        let pause = if self.is_terminal { OFTEN } else { SELDOM };
        if is_end || self.told.elapsed() >= pause {
            self.tell();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

fn line(phase: Phase, done: u64, total: u64, elapsed: Duration) -> String {
    let what = match phase {
        Phase::Check => "checking the image",
        Phase::Write => "writing",
        Phase::Verify => "reading back",
    };
    let percent = (done.saturating_mul(100)).checked_div(total).unwrap_or(100);
    let Some(pace) = Pace::of(done, total, elapsed) else {
        return format!("{what} {percent:>3} %");
    };
    let tenths = pace.bytes_per_second / 100_000;
    format!(
        "{what} {percent:>3} %  {}.{} MB/s  {}:{:02} left",
        tenths / 10,
        tenths % 10,
        pace.seconds_left / 60,
        pace.seconds_left % 60
    )
}

const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_much_how_fast_and_how_long() {
        let check = |done, total, millis, expected: &str| {
            let elapsed = Duration::from_millis(millis);
            assert_eq!(line(Phase::Write, done, total, elapsed), expected);
        };
        check(0, 100, 9000, "writing   0 %");
        check(50_000_000, 400_000_000, 100, "writing  12 %");
        check(
            50_000_000,
            400_000_000,
            2_000,
            "writing  12 %  25.0 MB/s  0:14 left",
        );
        check(
            1_000_000,
            400_000_000,
            4_000,
            "writing   0 %  0.2 MB/s  26:36 left",
        );
        check(5, 5, 1000, "writing 100 %  0.0 MB/s  0:00 left");
        check(0, 0, 0, "writing 100 %");
    }
}
