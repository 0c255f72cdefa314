//! The ways to a trunk's server, and which of them work (RFC 3263 §4.3).

use std::time::Duration;

use sansio::{Instant, Rng};
use sip::transaction::ClientId;

use super::backoff;
use crate::interface::{Hop, QueryId};

/// Ways kept of those a name has: more are not tried while a caller waits.
const HOPS_MAX: usize = 8;
/// A resolution is asked for again after this at the earliest, whatever its name server says.
const TTL_MIN: Duration = Duration::from_secs(30);
/// And after this at the latest: addresses of ours change too.
const TTL_MAX: Duration = Duration::from_secs(3600);
/// An answer to the question for the ways is waited for this long, and then it is asked again.
const QUERY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a way that failed a request is passed over, when nobody asks it whether it is back.
const PENALTY: Duration = Duration::from_secs(60);
/// Probes in a row that must fail before a way counts as down, and answers before it is up again:
/// one lost datagram moves no calls.
const HYSTERESIS: u32 = 2;
/// Time between the probes that decide it.
const PROBE_AGAIN: Duration = Duration::from_secs(5);

/// The ways, in the order DNS wants them tried.
#[derive(Debug, Default)]
pub(super) struct Hops {
    list: Vec<Way>,
    /// The question under way, and when it has taken too long.
    query: Option<(QueryId, Instant)>,
    /// When to ask for the ways again; `None`: now.
    again: Option<Instant>,
    failures: u32,
}

/// One way and what is known of it.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) hop: Hop,
    /// The OPTIONS under way, and when it has taken too long.
    pub(super) probe: Option<(ClientId, Instant)>,
    /// When to send the next.
    pub(super) probe_at: Instant,
    down: bool,
    /// Probes in a row that said the opposite of `down`.
    against: u32,
    /// Passed over until then.
    penalty: Option<Instant>,
}

/// What a new resolution changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// Nothing.
    Same,
    /// Some ways are gone, came, or changed their order.
    Different,
}

impl Hops {
    /// Whether to ask for the ways now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        match self.query {
            Some((_, late)) => late <= now,
            None => self.again.is_none_or(|again| again <= now),
        }
    }

    /// They have been asked for.
    pub(super) fn asked(&mut self, now: Instant, query: QueryId) {
        self.query = Some((query, now + QUERY_TIME_MAX));
    }

    pub(super) fn query(&self) -> Option<QueryId> {
        self.query.map(|(query, _)| query)
    }

    /// The answer. Without any the known ones stay: a name server that fails is no reason to stop
    /// telephoning.
    pub(super) fn resolved(
        &mut self,
        now: Instant,
        hops: &[Hop],
        ttl: Duration,
        rng: &mut Rng,
    ) -> Change {
        self.query = None;
        if hops.is_empty() {
            self.failures = self.failures.saturating_add(1);
            self.again = Some(now + backoff::after_failure(self.failures, rng));
            return Change::Same;
        }
        self.failures = 0;
        self.again = Some(now + ttl.clamp(TTL_MIN, TTL_MAX));
        let mut before = std::mem::take(&mut self.list);
        let same = before.len() == hops.len().min(HOPS_MAX)
            && before.iter().zip(hops).all(|(way, hop)| way.hop == *hop);
        for hop in hops.iter().take(HOPS_MAX) {
            let known = before.iter().position(|way| way.hop == *hop);
            self.list.push(match known {
                Some(at) => before.swap_remove(at),
                None => Way {
                    hop: *hop,
                    probe: None,
                    probe_at: now,
                    down: false,
                    against: 0,
                    penalty: None,
                },
            });
        }
        if same {
            Change::Same
        } else {
            Change::Different
        }
    }

    /// The name has not been resolved, ever.
    pub(super) const fn is_unknown(&self) -> bool {
        self.list.is_empty()
    }

    /// The last question had no answer.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn has(&self, hop: Hop) -> bool {
        self.list.iter().any(|way| way.hop == hop)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Way> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Way> {
        self.list.iter_mut()
    }

    /// The ways that are not down, in order, but those last that failed a request a moment ago.
    pub(super) fn working(&self, now: Instant) -> Vec<Hop> {
        self.ordered(now, false)
    }

    /// All ways, those that are down last: for what has to be tried whatever we believe.
    pub(super) fn all(&self, now: Instant) -> Vec<Hop> {
        self.ordered(now, true)
    }

    fn ordered(&self, now: Instant, down: bool) -> Vec<Hop> {
        let wanted = self.list.iter().filter(|way| down || !way.down);
        let mut ways: Vec<&Way> = wanted.collect();
        ways.sort_by_key(|way| (way.down, way.penalty.is_some_and(|until| until > now)));
        ways.iter().map(|way| way.hop).collect()
    }

    /// A request got no answer by this way, or 503.
    pub(super) fn failed(&mut self, now: Instant, hop: Hop) {
        if let Some(way) = self.list.iter_mut().find(|way| way.hop == hop) {
            way.penalty = Some(now + PENALTY);
            way.probe_at = now;
        }
    }

    /// When something here is due next, with or without probes.
    pub(super) fn deadline(&self, probes: bool) -> Option<Instant> {
        let query = match (self.query, self.again) {
            (Some((_, late)), _) => Some(late),
            (None, again) => Some(again.unwrap_or(Instant::ORIGIN)),
        };
        let probe = |way: &Way| way.probe.map_or(way.probe_at, |(_, due)| due);
        let probe = self.list.iter().filter(|_| probes).map(probe).min();
        let penalty = self.list.iter().filter_map(|way| way.penalty).min();
        query.into_iter().chain(probe).chain(penalty).min()
    }

    /// Forgets penalties that are over.
    pub(super) fn timer(&mut self, now: Instant) {
        for way in &mut self.list {
            way.penalty = way.penalty.filter(|until| *until > now);
        }
    }
}

impl Way {
    /// A probe was answered, or not; the next one is due after `interval`, or sooner while there is
    /// doubt.
    pub(super) fn probed(&mut self, now: Instant, answered: bool, interval: Duration) {
        self.probe = None;
        if answered {
            self.penalty = None;
        }
        if answered == self.down {
            self.against = self.against.saturating_add(1);
        } else {
            self.against = 0;
        }
        if self.against >= HYSTERESIS {
            self.down = !answered;
            self.against = 0;
        }
        let doubtful = self.against > 0;
        let wait = if doubtful {
            interval.min(PROBE_AGAIN)
        } else {
            interval
        };
        self.probe_at = now + wait;
    }
}

#[cfg(test)]
mod tests {
    use sansio::Transport;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn hop(host: u8) -> Hop {
        Hop {
            transport: Transport::Udp,
            remote: ([192, 0, 2, host], 5060).into(),
            local: ([10, 0, 0, 1], 5060).into(),
        }
    }

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    fn resolved(hosts: &[u8]) -> Hops {
        let mut hops = Hops::default();
        let list: Vec<Hop> = hosts.iter().map(|host| hop(*host)).collect();
        hops.resolved(at(0), &list, MINUTE, &mut Rng::from_seed(1));
        hops
    }

    #[test]
    fn a_way_is_down_after_two_failures_and_up_after_two_answers() {
        let mut hops = resolved(&[1, 2]);
        let mut probe = |secs, answered| {
            let way = hops.iter_mut().next().expect("a way");
            way.probed(at(secs), answered, MINUTE);
            let next = (way.probe_at - at(secs)).as_secs();
            (hops.working(at(secs)).first().copied(), next)
        };
        assert_eq!(probe(0, true), (Some(hop(1)), 60));
        assert_eq!(probe(60, false), (Some(hop(1)), 5));
        assert_eq!(probe(65, true), (Some(hop(1)), 60));
        assert_eq!(probe(70, false), (Some(hop(1)), 5));
        assert_eq!(probe(75, false), (Some(hop(2)), 60));
        assert_eq!(probe(80, true), (Some(hop(2)), 5));
        assert_eq!(probe(85, true), (Some(hop(1)), 60));
    }

    #[test]
    fn a_way_that_failed_is_passed_over_for_a_while() {
        let mut hops = resolved(&[1, 2]);
        hops.failed(at(0), hop(1));
        assert_eq!(hops.working(at(1)), [hop(2), hop(1)]);
        assert_eq!(hops.deadline(false), Some(at(60)));
        assert_eq!(hops.working(at(60)), [hop(1), hop(2)]);
    }

    /// pbx trap 23: addresses change while we are registered, and name servers fail.
    #[test]
    fn a_failed_resolution_keeps_what_is_known_and_a_good_one_its_health() {
        let mut rng = Rng::from_seed(1);
        let mut hops = resolved(&[1, 2]);
        hops.failed(at(10), hop(2));
        assert_eq!(hops.resolved(at(20), &[], MINUTE, &mut rng), Change::Same);
        assert_eq!(hops.working(at(20)), [hop(1), hop(2)]);
        let later = hops.deadline(false).expect("asked again");
        assert!(later > at(20) && later <= at(25), "{later:?}");
        let change = hops.resolved(at(30), &[hop(3), hop(2)], MINUTE, &mut rng);
        assert_eq!(change, Change::Different);
        assert_eq!(hops.working(at(30)), [hop(3), hop(2)], "still penalised");
        assert_eq!(
            hops.resolved(at(30), &[hop(2), hop(3)], MINUTE, &mut rng),
            change
        );
        assert_eq!(hops.working(at(30)), [hop(3), hop(2)], "still penalised");
        let again = hops.resolved(at(31), &[hop(2), hop(3)], Duration::ZERO, &mut rng);
        assert_eq!(again, Change::Same);
        assert!(!hops.is_due(at(60)) && hops.is_due(at(61)));
    }
}
