//! When to start a service again after it ended, and when to stop trying.

use std::collections::VecDeque;
use std::time::Duration;

use sansio::Instant;

/// What to do after a service ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Start it again after this long.
    RestartAfter(Duration),
    /// It ended [`EXITS_MAX`] times within [`EXITS_WINDOW`]: leave it.
    GiveUp,
}

/// The recent ends of one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    exits: VecDeque<Instant>,
    /// Ends in a row without a stable minute in between.
    streak: u32,
}

impl Backoff {
    /// The service ended at `now`, having run for `uptime`.
    pub(crate) fn exited(&mut self, now: Instant, uptime: Duration) -> Verdict {
        if uptime >= STABLE_AFTER {
            self.forget();
        }
        self.streak = self.streak.saturating_add(1);
        self.exits.push_back(now);
        while self
            .exits
            .front()
            .is_some_and(|exit| now - *exit > EXITS_WINDOW)
        {
            self.exits.pop_front();
        }
        if self.exits.len() >= EXITS_MAX {
            self.forget();
            return Verdict::GiveUp;
        }
        Verdict::RestartAfter(match self.streak {
            0 | 1 => FIRST_DELAY,
            more => {
                let doublings = more.saturating_sub(2).min(16);
                SECOND_DELAY.saturating_mul(1 << doublings).min(DELAY_MAX)
            }
        })
    }

    /// Starts counting anew.
    pub(crate) fn forget(&mut self) {
        self.exits.clear();
        self.streak = 0;
    }
}

/// The first restart is all but at once, so that a single fault is healed well within 1 s.
pub(crate) const FIRST_DELAY: Duration = Duration::from_millis(20);
/// The second one; each further one doubles it.
const SECOND_DELAY: Duration = Duration::from_millis(200);
/// No restart waits longer.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// A service that ran this long is taken for healthy again.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// This many ends ...
pub(crate) const EXITS_MAX: usize = 5;
/// ... within this time are a crash loop.
pub(crate) const EXITS_WINDOW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_crashes_double_the_delay_up_to_thirty_seconds() {
        let mut backoff = Backoff::default();
        let uptime = Duration::from_secs(20);
        let mut now = Instant::ORIGIN;
        let mut delays = Vec::new();
        for _ in 0..12 {
            now = now + uptime;
            match backoff.exited(now, uptime) {
                Verdict::RestartAfter(delay) => {
                    delays.push(delay.as_millis());
                    now = now + delay;
                }
                Verdict::GiveUp => panic!("a crash every 20 s is not 5 in 60 s"),
            }
        }
        assert_eq!(delays[..5], [20, 200, 400, 800, 1600]);
        assert_eq!(delays[8..], [25_600, 30_000, 30_000, 30_000]);
    }
}
