//! Guessing made slow, without a way for strangers to lock the owner out.
//!
//! Delays belong to an address: after a few failures the next attempt from there waits 1 s, 2 s,
//! 4 s, up to 15 minutes. Failures on one account from everywhere make every address's allowance
//! for that account smaller, but the first attempt from an address always goes through, so no
//! amount of strangers' failures stops the owner. (The rejected alternative, locking an account,
//! gives anybody who knows a sign-in name the power to keep its owner out.)
//! An attempt counts as failed when it begins, so that parallel guesses gain nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sansio::{Instant, network_of};

/// Attempts that failed, lately.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    records: BTreeMap<Key, Record>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Account(String),
    Address(IpAddr),
    Pair(IpAddr, String),
}

#[derive(Clone, Copy, Debug)]
struct Record {
    failures: u32,
    last: Instant,
    blocked_until: Instant,
}

impl Throttle {
    /// Begins an attempt, counting it as failed, or says how long to wait before the next.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        address: IpAddr,
        login: &str,
    ) -> Result<(), Duration> {
        let [account, place, pair] = keys(address, login);
        let wait = [&place, &pair]
            .into_iter()
            .filter_map(|key| self.records.get(key))
            .map(|record| record.blocked_until - now)
            .max()
            .unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        let under_attack = self.fail(now, account, u32::MAX) > ACCOUNT_FAILURES_CALM;
        self.fail(now, place, ADDRESS_FREE);
        self.fail(
            now,
            pair,
            if under_attack {
                PAIR_FREE_UNDER_ATTACK
            } else {
                PAIR_FREE
            },
        );
        Ok(())
    }

    /// The attempt that began was good: its own failures are forgotten, others' are not.
    pub(crate) fn succeed(&mut self, now: Instant, address: IpAddr, login: &str) {
        let [account, place, pair] = keys(address, login);
        self.records.remove(&pair);
        self.take_back(now, &account);
        self.take_back(now, &place);
    }

    /// The attempt that began was not looked at: it counts for nothing. Otherwise whoever keeps
    /// the box busy would have the owner wait longer each time he is told to try again.
    pub(crate) fn withdraw(&mut self, now: Instant, address: IpAddr, login: &str) {
        for key in keys(address, login) {
            self.take_back(now, &key);
        }
    }

    /// Uncounts the failure that [`Throttle::begin`] counted.
    fn take_back(&mut self, now: Instant, key: &Key) {
        if let Some(record) = self.records.get_mut(key) {
            record.failures = record.failures.saturating_sub(1);
            record.blocked_until = now;
        }
    }

    /// Counts a failure and returns how many there are now.
    fn fail(&mut self, now: Instant, key: Key, free: u32) -> u32 {
        if !self.records.contains_key(&key) {
            self.make_room(now);
        }
        let fresh = Record {
            failures: 0,
            last: now,
            blocked_until: now,
        };
        let record = self.records.entry(key).or_insert(fresh);
        if now - record.last >= FORGET_AFTER {
            *record = fresh;
        }
        record.failures = record.failures.saturating_add(1);
        record.last = now;
        record.blocked_until = now + delay(record.failures.saturating_sub(free));
        record.failures
    }

    fn make_room(&mut self, now: Instant) {
        if self.records.len() < RECORDS_MAX {
            return;
        }
        self.records
            .retain(|_, record| now - record.last < FORGET_AFTER);
        if self.records.len() >= RECORDS_MAX
            && let Some(oldest) = self
                .records
                .iter()
                .min_by_key(|(key, record)| (record.last, matches!(key, Key::Account(_))))
                .map(|(key, _)| key)
        {
            let oldest = oldest.clone();
            self.records.remove(&oldest);
        }
    }
}

/// The wait after the n-th failure beyond the free ones: 1 s, 2 s, 4 s ... 15 min.
fn delay(beyond_free: u32) -> Duration {
    let Some(doublings) = beyond_free.checked_sub(1) else {
        return Duration::ZERO;
    };
    Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(DELAY_MAX)
}

fn keys(address: IpAddr, login: &str) -> [Key; 3] {
    let place = network_of(address);
    [
        Key::Account(login.to_owned()),
        Key::Address(place),
        Key::Pair(place, login.to_owned()),
    ]
}

/// Typing errors allowed for one person at one address before any delay.
const PAIR_FREE: u32 = 3;
/// The same while the account is being guessed at from many places.
const PAIR_FREE_UNDER_ATTACK: u32 = 1;
/// Failures of all people behind one address (an office behind NAT) before any delay.
const ADDRESS_FREE: u32 = 20;
/// Failures on one account from everywhere, within [`FORGET_AFTER`], that are still ordinary.
const ACCOUNT_FAILURES_CALM: u32 = 20;
/// The longest wait: an owner who got it wrong for an hour can still try four times an hour.
const DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// A failure is forgotten this long after the last one.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);
/// About 150 bytes each.
const RECORDS_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    fn stranger(number: u32) -> IpAddr {
        IpAddr::V4((0xc000_0200 + number).into())
    }

    #[test]
    fn the_wait_doubles_and_stops_at_fifteen_minutes() {
        let mut throttle = Throttle::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..20 {
            if let Err(wait) = throttle.begin(now, stranger(1), "admin") {
                waits.push(wait.as_secs());
                now = now + wait;
                throttle
                    .begin(now, stranger(1), "admin")
                    .expect("after the wait");
            }
        }
        assert_eq!(waits[..5], [1, 2, 4, 8, 16]);
        assert_eq!(waits.last(), Some(&900));
    }

    #[test]
    fn strangers_never_stop_the_owners_first_attempt() {
        let mut throttle = Throttle::default();
        for number in 0..5000 {
            let _ = throttle.begin(at(1), stranger(number), "admin");
        }
        let owner: IpAddr = "10.0.0.5".parse().expect("an address");
        assert_eq!(throttle.begin(at(1), owner, "admin"), Ok(()));
        assert!(
            throttle.begin(at(1), owner, "admin").is_ok(),
            "one typing error is free"
        );
        assert!(
            throttle.begin(at(1), owner, "admin").is_err(),
            "but the account is under attack"
        );
        throttle.succeed(at(1), owner, "admin");
        assert_eq!(throttle.begin(at(1), owner, "admin"), Ok(()));
    }

    #[test]
    fn an_attempt_that_was_not_looked_at_counts_for_nothing() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            throttle.begin(at(1), stranger(1), "admin").expect("free");
            throttle.withdraw(at(1), stranger(1), "admin");
        }
        for _ in 0..=PAIR_FREE {
            throttle.begin(at(1), stranger(1), "admin").expect("free");
        }
        assert!(
            throttle.begin(at(1), stranger(1), "admin").is_err(),
            "real failures still count"
        );
    }

    #[test]
    fn many_names_from_one_address_are_slowed_too() {
        let mut throttle = Throttle::default();
        let tries = (0..100)
            .take_while(|n| {
                throttle
                    .begin(at(0), stranger(1), &format!("user{n}"))
                    .is_ok()
            })
            .count();
        assert_eq!(tries, 21);
    }

    #[test]
    fn one_ipv6_network_is_one_place() {
        let mut throttle = Throttle::default();
        for host in 1..=4_u16 {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
            throttle.begin(at(0), address, "admin").expect("free");
        }
        let other = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        assert!(throttle.begin(at(0), other, "admin").is_err());
    }

    #[test]
    fn the_table_is_bounded() {
        let mut throttle = Throttle::default();
        for number in 0..9000 {
            let _ = throttle.begin(at(number.into()), stranger(number), "admin");
        }
        assert!(throttle.records.len() <= RECORDS_MAX);
    }
}
