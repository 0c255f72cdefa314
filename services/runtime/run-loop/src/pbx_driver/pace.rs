//! Many datagrams in one turn while many come: they are let gather for a millisecond.
//!
//! A turn has a cost of its own, whatever it carries: the thread is woken, the kernel asked three
//! times, and code fetched into caches that others have used meanwhile. On a machine with time to
//! spare, every datagram wakes the loop at once and pays all of that alone. Network cards have the
//! same trouble and the same remedy: while the load is low each packet is told at once, under load
//! a moment later together with its neighbours. A millisecond is less than a phone, or a router on
//! the way to it, takes itself.

use std::time::Duration;

use sansio::Instant;

/// Datagrams after which the rate is looked at.
const COUNT: usize = 32;

/// The load is high when that many take less than this: a thousand a second.
const SPAN: Duration = Duration::from_millis(32);

/// How long datagrams gather then.
pub(super) const PAUSE: Duration = Duration::from_millis(1);

/// Watches the rate of datagrams.
#[derive(Debug, Default)]
pub(super) struct Pace {
    since: Instant,
    count: usize,
    is_high: bool,
}

impl Pace {
    /// A turn took so many datagrams.
    pub(super) fn took(&mut self, now: Instant, count: usize) {
        self.count += count;
        let late = now - self.since > SPAN;
        if self.count >= COUNT || late {
            self.is_high = !late;
            self.since = now;
            self.count = 0;
        }
    }

    /// Whether to let datagrams gather before the next are taken.
    pub(super) const fn is_high(&self) -> bool {
        self.is_high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds of one datagram at a time; how many of them were followed by a pause.
    fn paused(gap: Duration) -> usize {
        let mut pace = Pace::default();
        let mut now = Instant::ORIGIN;
        let end = now + Duration::from_secs(10);
        let mut paused = 0;
        while now < end {
            now = now + gap;
            pace.took(now, 1);
            paused += usize::from(pace.is_high());
        }
        paused
    }

    #[test]
    fn only_a_thousand_datagrams_a_second_are_let_gather() {
        assert_eq!(paused(Duration::from_micros(1100)), 0);
        assert!(paused(Duration::from_micros(500)) > 19_900);
    }

    #[test]
    fn the_first_datagram_after_a_flood_is_followed_at_once() {
        let mut pace = Pace::default();
        pace.took(Instant::ORIGIN, COUNT);
        assert!(pace.is_high());
        pace.took(Instant::ORIGIN + SPAN * 2, 1);
        assert!(!pace.is_high());
    }
}
