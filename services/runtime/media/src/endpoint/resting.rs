//! Port pairs that no endpoint has at the moment, kept for the next ones.
//!
//! Opening and closing the sockets of a pair takes a dozen calls of the system, more than all else
//! that a call costs here. A pair that was given back stays open for a while, and what still comes
//! to it is thrown away; once nobody has sent anything to it for [`REST`], it can have a new peer:
//! the last packets of an old call must not reach a new one.

use std::collections::VecDeque;
use std::time::Duration;

use ipc::sound::Family;
use sansio::Instant;

/// Silence before a pair is used again: whoever heard of the end of his call has stopped by then.
const REST: Duration = Duration::from_secs(2);

/// How long a pair waits to be used again: longer only in an office where nobody calls.
const KEEP: Duration = Duration::from_secs(10);

/// Pairs kept at most: as many as a hundred calls a second give back in [`REST`], and some.
const RESTING_MAX: usize = 512;

/// Datagrams thrown away, before a pair to which somebody sends on and on is closed.
const STRAYS_MAX: u8 = 200;

/// Pairs at rest, the longest first.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    pairs: VecDeque<Rested>,
}

#[derive(Clone, Copy, Debug)]
struct Rested {
    slot: usize,
    family: Family,
    port: u16,
    since: Instant,
    strays: u8,
}

impl Resting {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// A pair was given back; which slot is to be closed, because there are too many.
    pub(crate) fn put(
        &mut self,
        now: Instant,
        slot: usize,
        family: Family,
        port: u16,
    ) -> Option<usize> {
        self.pairs.push_back(Rested {
            slot,
            family,
            port,
            since: now,
            strays: 0,
        });
        let is_full = self.pairs.len() > RESTING_MAX;
        let oldest = if is_full {
            self.pairs.pop_front()
        } else {
            None
        };
        oldest.map(|oldest| oldest.slot)
    }

    /// A pair that has rested, to be used again.
    pub(crate) fn take(&mut self, now: Instant, family: Family) -> Option<usize> {
        let has_rested = |pair: &Rested| now - pair.since >= REST;
        let mut rested = self.pairs.iter().take_while(|pair| has_rested(pair));
        let at = rested.position(|pair| pair.family == family)?;
        Some(self.pairs.remove(at)?.slot)
    }

    /// A pair that has a wanted port, or the longest at rest of a family; it is to be closed.
    pub(crate) fn give_up(&mut self, family: Family, port: Option<u16>) -> Option<usize> {
        let is_wanted =
            |pair: &Rested| pair.family == family && port.is_none_or(|port| port == pair.port);
        let at = self.pairs.iter().position(is_wanted)?;
        Some(self.pairs.remove(at)?.slot)
    }

    /// A pair that nobody has wanted for long; it is to be closed.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<usize> {
        let is_old = self.pairs.front().is_some_and(|it| now - it.since >= KEEP);
        let expired = if is_old { self.pairs.pop_front() } else { None };
        expired.map(|expired| expired.slot)
    }

    /// Somebody still sends to a pair, so its rest begins anew; true when it is to be closed.
    pub(crate) fn stray(&mut self, now: Instant, slot: usize) -> bool {
        let at = self.pairs.iter().position(|pair| pair.slot == slot);
        let Some(mut pair) = at.and_then(|at| self.pairs.remove(at)) else {
            return false;
        };
        pair.since = now;
        pair.strays = pair.strays.saturating_add(1);
        if pair.strays > STRAYS_MAX {
            return true;
        }
        self.pairs.push_back(pair);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::ORIGIN;

    fn with(slots: usize) -> Resting {
        let mut resting = Resting::default();
        for slot in 0..slots {
            let port = u16::try_from(2 * slot).expect("few");
            assert_eq!(resting.put(START, slot, Family::V4, port), None);
        }
        resting
    }

    #[test]
    fn a_pair_is_used_again_only_after_a_silence() {
        let mut resting = with(2);
        let almost = START + (REST - Duration::from_millis(1));
        assert_eq!(resting.take(almost, Family::V4), None);
        assert!(!resting.stray(almost, 0), "an old peer's last packet");
        assert_eq!(resting.take(START + REST, Family::V6), None);
        assert_eq!(resting.take(START + REST, Family::V4), Some(1));
        assert_eq!(resting.take(START + REST, Family::V4), None);
        assert_eq!(resting.take(almost + REST, Family::V4), Some(0));
        assert_eq!(resting.len(), 0);
    }

    #[test]
    fn a_pair_to_which_somebody_sends_on_and_on_is_closed() {
        let mut resting = with(1);
        let closed = (0..=STRAYS_MAX).position(|_| resting.stray(START, 0));
        assert_eq!((closed, resting.len()), (Some(usize::from(STRAYS_MAX)), 0));
    }

    #[test]
    fn pairs_that_nobody_wants_are_closed_after_a_while() {
        let mut resting = with(2);
        assert_eq!(
            resting.expired(START + (KEEP - Duration::from_millis(1))),
            None
        );
        assert_eq!(resting.expired(START + KEEP), Some(0));
        assert_eq!(resting.expired(START + KEEP), Some(1));
        assert_eq!(resting.expired(START + KEEP), None);
    }

    #[test]
    fn no_more_than_a_limit_are_kept() {
        let mut resting = with(RESTING_MAX);
        assert_eq!(resting.put(START, RESTING_MAX, Family::V4, 9000), Some(0));
        assert_eq!(resting.len(), RESTING_MAX);
    }

    #[test]
    fn a_wanted_port_is_given_up_at_once() {
        let mut resting = with(3);
        assert_eq!(resting.give_up(Family::V6, Some(2)), None);
        assert_eq!(resting.give_up(Family::V4, Some(2)), Some(1));
        assert_eq!(resting.give_up(Family::V4, None), Some(0));
        assert_eq!(resting.len(), 1);
    }
}
