//! Who has an address, roughly: a /24, or the /48 of a site (RFC 6177). Its owner has as many lines
//! as he likes, and guesses a few times by each.

use std::net::IpAddr;
use std::time::Duration;

use config::{GuardRule, Network};
use sansio::Instant;

use crate::lately::Kept;
use crate::line::GUESSES_MAX;
use crate::window::Window;

/// Wrong passwords from all strange lines of one owner of addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owner {
    in_force: Counted,
    only_told: Counted,
}

#[derive(Clone, Debug, Default)]
struct Counted {
    guesses: Window,
    until: Option<Instant>,
}

impl Kept for Owner {
    fn holds(&self, now: Instant) -> bool {
        !self.admits(now)
    }
}

impl Owner {
    /// A wrong password: whether there are too many of them now.
    pub(crate) fn guessed(
        &mut self,
        now: Instant,
        (rule, is_in_force): (&GuardRule, bool),
        lasts: Duration,
    ) -> bool {
        let counted = match is_in_force {
            true => &mut self.in_force,
            false => &mut self.only_told,
        };
        let of_all = GuardRule {
            count: GUESSES_MAX,
            ..*rule
        };
        let is_told = counted.until.is_some_and(|until| now < until);
        let is_found = !is_told && counted.guesses.is_over(now, &of_all);
        if is_found {
            counted.until = Some(now + lasts);
        }
        is_found
    }

    /// Whether it was found that there are too many.
    pub(crate) const fn is_held(&self) -> bool {
        self.in_force.until.is_some()
    }

    /// Whether passwords from his strange lines are looked at.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        self.in_force.until.is_none_or(|until| now >= until)
    }
}

/// All addresses of whoever has this line. In the customer's own networks each desk has one and has
/// not chosen it: there, which is `is_near`, nobody answers for his neighbours.
pub(crate) fn owner(line: IpAddr, is_near: bool) -> Network {
    let one = Network::of(line);
    if is_near {
        return one;
    }
    let length = if line.is_ipv4() { 24 } else { 48 };
    Network::around(line, length).unwrap_or(one)
}
