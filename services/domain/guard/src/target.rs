//! One extension guessed at from many places (bar E10): no address does it often enough to be
//! found by itself.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use config::{GuardRule, Network};
use sansio::Instant;

use crate::lately::Lately;
use crate::line::GUESSES_MAX;
use crate::owner::owner;
use crate::window::Window;

/// Guesses at one extension from addresses it was never used at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    in_force: Guessers,
    only_told: Guessers,
    /// Owners of addresses whose passwords were looked at while it is slow.
    looked_at: Option<Lately<Network, ()>>,
}

#[derive(Clone, Debug, Default)]
struct Guessers {
    owners: BTreeSet<Network>,
    /// All guesses, whoever makes them.
    guesses: Window,
    since: Option<Instant>,
    /// Until when it is slow, or would be.
    until: Option<Instant>,
}

impl Target {
    /// A wrong password from a line it was never used at: whether there are too many of them now.
    pub(crate) fn guessed(
        &mut self,
        now: Instant,
        line: IpAddr,
        (rule, is_in_force): (&GuardRule, bool),
        lasts: Duration,
    ) -> bool {
        let guessers = match is_in_force {
            true => &mut self.in_force,
            false => &mut self.only_told,
        };
        let is_found = guessers.guessed(now, owner(line), rule, lasts);
        if is_found && is_in_force {
            self.looked_at = Some(Lately::new(LOOKED_AT_MAX));
        }
        is_found
    }

    /// Whether a password from such a line may be looked at: one a minute of each owner of
    /// addresses, so that the phone's own owner has his turn beside the guessers, and so many of
    /// all.
    pub(crate) fn admits(&mut self, now: Instant, line: IpAddr) -> bool {
        let is_slow = self.in_force.until.is_some_and(|until| now < until);
        let Some(looked_at) = self.looked_at.as_mut().filter(|_| is_slow) else {
            return true;
        };
        let owner = owner(line);
        let recently = |last| now - last < PAUSE;
        let has_had = looked_at.last(&owner).is_some_and(recently);
        let then = Instant::from_nanos(now.as_nanos().saturating_sub(PAUSE_NANOS));
        let is_admitted = !has_had && looked_at.since(then) < LOOKED_AT_MAX;
        if is_admitted {
            looked_at.touch(now, owner);
        }
        is_admitted
    }
}

impl Guessers {
    fn guessed(&mut self, now: Instant, owner: Network, rule: &GuardRule, lasts: Duration) -> bool {
        if self.until.is_some_and(|until| now < until) {
            return false;
        }
        if self.since.is_none_or(|since| now - since >= rule.within) {
            self.owners.clear();
            self.since = Some(now);
        }
        self.owners.insert(owner);
        let of_all = GuardRule {
            count: GUESSES_MAX,
            ..*rule
        };
        let is_found = self.guesses.is_over(now, &of_all) || self.owners.len() >= OWNERS;
        if is_found {
            self.owners.clear();
            self.until = Some(now + lasts);
        }
        is_found
    }
}

/// So many owners of addresses within the time of the rule are not people who mistype.
pub(crate) const OWNERS: usize = 8;
/// Between two passwords of one owner that are looked at.
const PAUSE: Duration = Duration::from_secs(60);
const PAUSE_NANOS: u64 = 60_000_000_000;
/// Passwords that are looked at in that time, of all together.
const LOOKED_AT_MAX: usize = 20;
