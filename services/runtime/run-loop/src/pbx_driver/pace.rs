//! Many datagrams in one turn while many come: they are let gather for five milliseconds.
//!
//! A turn has a cost of its own, whatever it carries: the thread is woken, the kernel asked three
//! times, whoever is answered is woken, and code fetched into caches that others have used
//! meanwhile. On a machine with time to spare, every datagram wakes the loop at once and pays all
//! of that alone. Network cards have the same trouble and the same remedy: while the load is low
//! each packet is told at once, under load a moment later together with its neighbours. A call is
//! set up in half a dozen turns; that it then takes some thirty milliseconds more, nobody hears.

use std::time::Duration;

use sansio::Instant;

/// Turns after which the load is looked at.
const TURNS: usize = 32;

/// The load is high when that many turns take less than this: four hundred a second and more, so
/// that a pause gathers two datagrams. Many datagrams that come in bursts, each with a turn of its
/// own, are gathered already: a pause would only wake the loop once more.
const SPAN: Duration = Duration::from_millis(80);

/// What a pause must gather for the next one to be worth its own wake-up.
const GATHERED: usize = 2;

/// How long datagrams gather then.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// How long that many turns may take with pauses between them: a pause each, and as long again for
/// what they wait for and do.
const SPAN_WITH_PAUSES: Duration = Duration::from_millis(320);

/// Watches how often datagrams turn the loop.
#[derive(Debug, Default)]
pub(super) struct Pace {
    since: Instant,
    turns: usize,
    datagrams: usize,
    is_high: bool,
}

impl Pace {
    /// A turn took so many datagrams.
    pub(super) fn took(&mut self, now: Instant, datagrams: usize) {
        self.turns += 1;
        self.datagrams += datagrams;
        let passed = now - self.since;
        if self.turns < TURNS && passed <= SPAN_WITH_PAUSES {
            return;
        }
        self.is_high = match self.is_high {
            true => passed <= SPAN_WITH_PAUSES && self.datagrams >= GATHERED * self.turns,
            false => passed <= SPAN,
        };
        self.since = now;
        (self.turns, self.datagrams) = (0, 0);
    }

    /// Whether to let datagrams gather before the next are taken.
    pub(super) const fn is_high(&self) -> bool {
        self.is_high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds of bursts of so many datagrams; the turns, and how many of them were followed
    /// by a pause.
    fn turns(gap: Duration, burst: usize) -> (usize, usize) {
        let mut pace = Pace::default();
        let mut now = Instant::ORIGIN;
        let end = now + Duration::from_secs(10);
        let (mut turns, mut paused) = (0, 0);
        while now < end {
            let mut datagrams = 0;
            let until = now + PAUSE;
            loop {
                now = now + gap;
                datagrams += burst;
                if !pace.is_high() || now >= until {
                    break;
                }
            }
            pace.took(now, datagrams);
            turns += 1;
            paused += usize::from(pace.is_high());
        }
        (turns, paused)
    }

    #[test]
    fn only_four_hundred_turns_a_second_are_let_gather() {
        assert_eq!(turns(Duration::from_micros(2_600), 1).1, 0);
        let (all, paused) = turns(Duration::from_micros(2_400), 1);
        assert!(all < 2_000 && paused + TURNS >= all, "{paused} of {all}");
    }

    #[test]
    fn bursts_that_are_gathered_already_are_not_let_wait() {
        assert_eq!(turns(PAUSE, 16).1, 0);
    }

    #[test]
    fn the_first_datagram_after_a_flood_is_followed_at_once() {
        let mut pace = Pace::default();
        for _ in 0..TURNS {
            pace.took(Instant::ORIGIN, 1);
        }
        assert!(pace.is_high());
        pace.took(Instant::ORIGIN + SPAN_WITH_PAUSES * 2, 1);
        assert!(!pace.is_high());
    }
}
