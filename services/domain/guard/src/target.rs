//! One extension guessed at from many places (bar E10): no address does it often enough to be
//! found by itself.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use config::GuardRule;
use sansio::Instant;

/// Guesses at one extension from addresses it was never used at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    lines: BTreeSet<IpAddr>,
    since: Option<Instant>,
    slow: Option<Slow>,
}

#[derive(Clone, Copy, Debug)]
struct Slow {
    until: Instant,
    /// When the next password from such an address is looked at.
    next: Instant,
    is_in_force: bool,
}

impl Target {
    /// A wrong password from a line it was never used at: whether there are too many of them now.
    pub(crate) fn guessed(
        &mut self,
        now: Instant,
        line: IpAddr,
        rule: &GuardRule,
        is_in_force: bool,
        lasts: Duration,
    ) -> bool {
        if self.slow.is_some_and(|slow| now < slow.until) {
            return false;
        }
        if self.since.is_none_or(|since| now - since >= rule.within) {
            self.lines.clear();
            self.since = Some(now);
        }
        self.lines.insert(line);
        let is_found = self.lines.len() >= LINES;
        if is_found {
            self.lines.clear();
            self.slow = Some(Slow {
                until: now + lasts,
                next: now,
                is_in_force,
            });
        }
        is_found
    }

    /// Whether a password from such a line may be looked at.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        match &mut self.slow {
            Some(slow) if slow.is_in_force && now < slow.until => {
                let is_next = now >= slow.next;
                if is_next {
                    slow.next = now + PAUSE;
                }
                is_next
            }
            _ => true,
        }
    }
}

/// So many lines within the time of the rule are not people who mistype.
pub(crate) const LINES: usize = 8;
/// Between two passwords that are looked at.
const PAUSE: Duration = Duration::from_secs(60);
