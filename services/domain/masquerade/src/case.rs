//! What was seen of one address, and what it weighs.

use std::collections::BTreeMap;
use std::time::Duration;

use ipc::masquerade::{Evidence, Signal, State};
use sansio::Instant;

use crate::around::Role;

/// One thing that was seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Mark {
    /// A packet from far with this TTL.
    Far(u8),
    /// A packet that had passed one router.
    Hairpin,
    Foreign,
    /// A program that can be told from others.
    Host(u32),
    /// This MSS.
    Short(u16),
    Attack,
    NeverOutside,
    Probed,
}

/// How often something was seen, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Times {
    first: Instant,
    last: Instant,
    count: u32,
}

/// What was seen of one address at one place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Case(BTreeMap<Mark, Times>);

impl Case {
    /// Notes a thing; whether it is worth telling others: it is new, or was not told for a while.
    pub(crate) fn mark(&mut self, now: Instant, mark: Mark) -> bool {
        if let Some(times) = self.0.get_mut(&mark) {
            let is_due = now - times.last >= TELL_PAUSE;
            // Between two times that it is told, it only counts: the others do not know better.
            if is_due {
                times.last = now;
            }
            times.count = times.count.saturating_add(1);
            return is_due;
        }
        let of_its_kind = self.0.keys().filter(|it| it.is_like(mark)).count();
        if of_its_kind >= mark.kept_max() {
            return false;
        }
        let times = Times {
            first: now,
            last: now,
            count: 1,
        };
        self.0.insert(mark, times);
        true
    }

    pub(crate) fn unmark(&mut self, mark: Mark) {
        self.0.remove(&mark);
    }

    /// Whether a probe from outside has proved it.
    pub(crate) fn is_proved(&self) -> bool {
        self.0.contains_key(&Mark::Probed)
    }

    /// Forgets what was not seen for a day.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.0.retain(|_, times| now - times.last < KEPT);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the next thing is to be forgotten.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.values().map(|times| times.last + KEPT).min()
    }

    pub(crate) fn state(&self, role: Role) -> State {
        let signals = self.signals();
        let of = |signal: &(Signal, Vec<u32>)| weight(role, signal.0, signal.1.len());
        let odds: i32 = signals.iter().map(of).sum();
        match odds {
            CONFIRMED.. => State::Confirmed,
            SUSPECT.. => State::Suspect,
            _ => State::None,
        }
    }

    pub(crate) fn evidence(&self, now: Instant) -> Vec<Evidence> {
        let signals = self.signals().into_iter();
        let all = signals.filter_map(|(signal, values)| {
            let times: Vec<_> = self
                .0
                .iter()
                .filter(|(mark, _)| mark.is_of(signal))
                .map(|(_, times)| times)
                .collect();
            let first = times.iter().map(|it| it.first).min()?;
            let last = times.iter().map(|it| it.last).max()?;
            let count = times
                .iter()
                .fold(0_u32, |sum, it| sum.saturating_add(it.count));
            let values = match signal {
                Signal::Hosts => vec![u32::try_from(values.len()).unwrap_or(u32::MAX)],
                _ => values,
            };
            Some(Evidence {
                signal,
                count,
                first_secs: (now - first).as_secs(),
                last_secs: (now - last).as_secs(),
                values,
            })
        });
        all.collect()
    }

    /// What there is, each signal once, with the values of it.
    fn signals(&self) -> Vec<(Signal, Vec<u32>)> {
        let mut all: BTreeMap<Signal, Vec<u32>> = BTreeMap::new();
        for mark in self.0.keys() {
            let (signal, value) = mark.signal();
            all.entry(signal).or_default().extend(value);
        }
        if let Some(values) = all.get(&Signal::Far).filter(|it| it.len() > 1).cloned() {
            all.remove(&Signal::Far);
            all.insert(Signal::Distances, values);
        }
        // Who comes from far proves it: that somebody else is near says nothing against it, and who
        // is far may choose a TTL by which he looks near.
        if all.contains_key(&Signal::Distances) || all.contains_key(&Signal::Far) {
            all.remove(&Signal::Hairpin);
        } else if all.contains_key(&Signal::Hairpin) {
            // Phones beside the box that call its public address are several.
            all.remove(&Signal::Hosts);
        }
        all.into_iter().collect()
    }
}

impl Mark {
    const fn signal(self) -> (Signal, Option<u32>) {
        match self {
            Self::Far(ttl) => (Signal::Far, Some(ttl as u32)),
            Self::Hairpin => (Signal::Hairpin, None),
            Self::Foreign => (Signal::Foreign, None),
            Self::Host(host) => (Signal::Hosts, Some(host)),
            Self::Short(mss) => (Signal::Short, Some(mss as u32)),
            Self::Attack => (Signal::Attack, None),
            Self::NeverOutside => (Signal::NeverOutside, None),
            Self::Probed => (Signal::Probed, None),
        }
    }

    fn is_of(self, signal: Signal) -> bool {
        let own = self.signal().0;
        own == signal || (own == Signal::Far && signal == Signal::Distances)
    }

    fn is_like(self, other: Self) -> bool {
        self.signal().0 == other.signal().0
    }

    /// Different ones that are kept: as many as change what follows, and some for people.
    const fn kept_max(self) -> usize {
        match self {
            Self::Far(_) => 8,
            Self::Host(_) => 6,
            Self::Short(_) => 4,
            Self::Hairpin | Self::Foreign | Self::Attack | Self::NeverOutside | Self::Probed => 1,
        }
    }
}

/// Thousandths of the natural logarithm of the odds for masquerade; `values` are how many different
/// ones there are.
const fn weight(role: Role, signal: Signal, values: usize) -> i32 {
    match (signal, role) {
        (Signal::Probed, _) => CERTAIN,
        (_, Role::Other) => 0,
        // A whole day without anybody from outside, and so on, is told of routers alone. Of others
        // one distance says nothing, as some phones begin with a TTL of their own; several do, as
        // one machine has but one or two.
        (Signal::Distances, Role::Neighbour) => match values {
            ..=2 => P90,
            _ => P97,
        },
        (_, Role::Neighbour) => 0,
        (Signal::Far, Role::Router) => P95,
        (Signal::Distances, Role::Router) => P99,
        // It may be a machine that the router answers for: it has one distance.
        (Signal::Far, Role::Kin) => P80,
        (Signal::Distances, Role::Kin) => P97,
        (Signal::Hairpin, _) => P20,
        (Signal::Foreign, _) => P80,
        (Signal::Hosts, _) => match values {
            ..=2 => 0,
            3..=5 => P60,
            _ => P90,
        },
        (Signal::Short, _) => P60,
        (Signal::Attack, _) => P85,
        (Signal::NeverOutside, _) => P70,
    }
}

const P20: i32 = -1_386;
const P60: i32 = 405;
const P70: i32 = 847;
const P80: i32 = 1_386;
const P85: i32 = 1_735;
const P90: i32 = 2_197;
const P95: i32 = 2_944;
const P97: i32 = 3_476;
const P99: i32 = 4_595;
/// More than all others together.
const CERTAIN: i32 = 100_000;
/// From here on it is suspected.
const SUSPECT: i32 = P60;
/// From here on it is so.
const CONFIRMED: i32 = P95;
/// How long a thing is kept that is not seen any more: who has mended his router sees so by the
/// next day at the latest.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Between two times that the same is told.
pub(crate) const TELL_PAUSE: Duration = Duration::from_secs(600);
