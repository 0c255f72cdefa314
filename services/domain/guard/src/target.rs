//! One extension guessed at from many places (bar E10): no address does it often enough to be
//! found by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use config::{GuardRule, Network};
use sansio::Instant;

use crate::lately::{Kept, Lately};
use crate::line::GUESSES_MAX;
use crate::window::Window;

/// Guesses at one extension from addresses it was never used at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    in_force: Guessers,
    only_told: Guessers,
    /// Whose passwords were looked at while it is slow.
    turns: Option<Turns>,
}

/// Owners of addresses whose password was looked at, and when.
#[derive(Clone, Debug)]
struct Turns {
    /// Those of whom wrong passwords have come.
    failed: Lately<Network, ()>,
    /// Those of whom none have.
    fresh: Lately<Network, ()>,
}

#[derive(Clone, Debug, Default)]
struct Guessers {
    owners: BTreeSet<Network>,
    /// Guesses of these.
    count: u16,
    /// All guesses, whoever makes them.
    guesses: Window,
    since: Option<Instant>,
    /// Until when it is slow, or would be.
    until: Option<Instant>,
}

impl Kept for Target {
    fn holds(&self, now: Instant) -> bool {
        self.in_force.until.is_some_and(|until| now < until)
    }
}

impl Target {
    /// A wrong password from a line it was never used at: how many there were, when these are too
    /// many now.
    pub(crate) fn guessed(
        &mut self,
        now: Instant,
        owner: Network,
        (rule, is_in_force): (&GuardRule, bool),
        lasts: Duration,
    ) -> Option<u16> {
        let guessers = match is_in_force {
            true => &mut self.in_force,
            false => &mut self.only_told,
        };
        let found = guessers.guessed(now, owner, rule, lasts);
        if found.is_some() && is_in_force {
            self.turns = Some(Turns {
                failed: Lately::new(LOOKED_AT_MAX),
                fresh: Lately::new(LOOKED_AT_MAX),
            });
        }
        found
    }

    /// Whether a password from such a line may be looked at: one a minute of each owner of
    /// addresses, and so many of all. Those who have failed lately have half of the turns, so that
    /// the phone's own owner on the road has his beside the guessers.
    pub(crate) fn admits(&mut self, now: Instant, owner: Network, has_failed: bool) -> bool {
        let is_slow = self.in_force.until.is_some_and(|until| now < until);
        let Some(turns) = self.turns.as_mut().filter(|_| is_slow) else {
            return true;
        };
        turns.take(now, owner, has_failed)
    }
}

impl Turns {
    /// Takes an owner's turn, if he has one.
    fn take(&mut self, now: Instant, owner: Network, has_failed: bool) -> bool {
        let is_recent = |last: Option<Instant>| last.is_some_and(|last| now - last < PAUSE);
        let has_had = is_recent(self.failed.last(&owner)) || is_recent(self.fresh.last(&owner));
        let then = Instant::from_nanos(now.as_nanos().saturating_sub(PAUSE_NANOS));
        let failed = self.failed.since(then);
        let has_room = failed.saturating_add(self.fresh.since(then)) < LOOKED_AT_MAX
            && (!has_failed || failed < FAILED_MAX);
        if has_had || !has_room {
            return false;
        }
        let turns = match has_failed {
            true => &mut self.failed,
            false => &mut self.fresh,
        };
        turns.touch(now, owner);
        true
    }
}

impl Guessers {
    fn guessed(
        &mut self,
        now: Instant,
        owner: Network,
        rule: &GuardRule,
        lasts: Duration,
    ) -> Option<u16> {
        if self.until.is_some_and(|until| now < until) {
            return None;
        }
        if self.since.is_none_or(|since| now - since >= rule.within) {
            self.owners.clear();
            self.count = 0;
            self.since = Some(now);
        }
        self.owners.insert(owner);
        self.count = self.count.saturating_add(1);
        let of_all = GuardRule {
            count: GUESSES_MAX,
            ..*rule
        };
        let count = match self.guesses.is_over(now, &of_all) {
            true => GUESSES_MAX,
            false if self.owners.len() >= OWNERS => self.count,
            false => return None,
        };
        self.owners.clear();
        self.count = 0;
        self.until = Some(now + lasts);
        Some(count)
    }
}

/// So many owners of addresses within the time of the rule are not people who mistype.
const OWNERS: usize = 8;
/// Between two passwords of one owner that are looked at.
const PAUSE: Duration = Duration::from_secs(60);
const PAUSE_NANOS: u64 = 60_000_000_000;
/// Passwords that are looked at in that time, of all together.
const LOOKED_AT_MAX: usize = 20;
/// Of these, of owners of whom wrong ones have come.
const FAILED_MAX: usize = 10;
