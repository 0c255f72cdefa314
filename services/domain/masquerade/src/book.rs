//! What was seen of which address, at which place.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipc::masquerade::{Case as Shown, Listener, Report, State};
use sansio::Instant;

use crate::around::{Around, Role};
use crate::case::{Case, Mark};
use crate::distance::{Distance, distance};
use crate::sight::Sight;

/// Cases by place and address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Book {
    around: Around,
    cases: BTreeMap<(Listener, IpAddr), (Instant, Case)>,
}

impl Book {
    /// Learns the box's place. What was seen of addresses that are not on its cable any more is
    /// forgotten.
    pub fn meet(&mut self, around: Around) {
        self.around = around;
        let around = &self.around;
        self.cases
            .retain(|(_, address), _| around.role(*address) != Role::Other);
    }

    /// The box's place.
    #[must_use]
    pub const fn around(&self) -> &Around {
        &self.around
    }

    /// Takes what a service saw; whether it is worth telling others.
    ///
    /// Of somebody who is no router only what is proven is taken: else one who writes the address
    /// of a phone as his sender, with several TTLs, could put the phone out.
    pub fn see(&mut self, now: Instant, seen: Sight) -> bool {
        let source = seen.source.to_canonical();
        let role = self.around.role(source);
        let is_router = matches!(role, Role::Router | Role::Kin);
        if role == Role::Other || !(is_router || seen.is_proven) {
            return false;
        }
        let came = seen.ttl.map(distance);
        let mut marks = Vec::with_capacity(MARKS_MAX);
        if let (Some(ttl), Some(Distance::Far)) = (seen.ttl, came) {
            marks.push(Mark::Far(ttl));
        }
        if is_router {
            marks.extend((came == Some(Distance::One)).then_some(Mark::Hairpin));
            // The router's own SIP may well name its outer address.
            let is_others = came != Some(Distance::Direct);
            marks.extend((seen.is_foreign && is_others).then_some(Mark::Foreign));
            // Phones beside the box that call its public address are several too.
            let is_far = came.is_none_or(|it| it == Distance::Far);
            marks.extend(seen.host.filter(|_| is_far).map(Mark::Host));
            let usual = match source.is_ipv4() {
                true => MSS_OF_A_CABLE,
                false => MSS_OF_A_CABLE - LONGER_HEADER,
            };
            let short = seen.mss.filter(|mss| *mss < usual);
            marks.extend(short.map(Mark::Short));
        }
        let mut is_news = false;
        for mark in marks {
            is_news |= self.mark(now, (seen.listener, source), mark);
        }
        is_news
    }

    /// Somebody with a router's address guesses or scans. Of others nothing follows.
    pub(crate) fn attacked(&mut self, now: Instant, listener: Listener, source: IpAddr) {
        if matches!(self.around.role(source), Role::Router | Role::Kin) {
            self.mark(now, (listener, source), Mark::Attack);
        }
    }

    pub(crate) fn mark(&mut self, now: Instant, at: (Listener, IpAddr), mark: Mark) -> bool {
        let at = (at.0, at.1.to_canonical());
        if !self.cases.contains_key(&at) && !self.make_room(at.1) {
            return false;
        }
        let (last, case) = self
            .cases
            .entry(at)
            .or_insert_with(|| (now, Case::default()));
        *last = now;
        case.mark(now, mark)
    }

    /// Makes room for a case of an address: others give way to routers, never the other way round.
    fn make_room(&mut self, of: IpAddr) -> bool {
        if self.cases.len() < CASES_MAX {
            return true;
        }
        let rank = |address: IpAddr| self.around.role(address);
        let least = self
            .cases
            .iter()
            .max_by_key(|((listener, address), (last, _))| {
                (
                    rank(*address),
                    std::cmp::Reverse(*last),
                    *listener,
                    *address,
                )
            });
        let least = least.map(|(at, _)| *at);
        match least.filter(|(_, address)| rank(*address) >= rank(of)) {
            Some(at) => self.cases.remove(&at).is_some(),
            None => false,
        }
    }

    /// Takes a mark back from all addresses at a place.
    pub(crate) fn unmark(&mut self, listener: Listener, mark: Mark) {
        for ((at, _), (_, case)) in &mut self.cases {
            if *at == listener {
                case.unmark(mark);
            }
        }
        self.cases.retain(|_, (_, case)| !case.is_empty());
    }

    /// Forgets all that was seen, at one place or everywhere.
    pub fn clear(&mut self, listener: Option<Listener>) {
        self.cases
            .retain(|(at, _), _| listener.is_some_and(|listener| *at != listener));
    }

    /// Forgets what was not seen for a day.
    pub fn forget(&mut self, now: Instant) {
        for (_, case) in self.cases.values_mut() {
            case.forget(now);
        }
        self.cases.retain(|_, (_, case)| !case.is_empty());
    }

    /// When [`Self::forget`] is next to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let all = self.cases.values();
        all.filter_map(|(_, case)| case.deadline()).min()
    }

    /// How sure it is of an address, at the place where it is surest.
    #[must_use]
    pub fn state_of(&self, address: IpAddr) -> State {
        let address = address.to_canonical();
        let states = Listener::ALL.into_iter();
        let states = states.map(|listener| self.state((listener, address)));
        states.max().unwrap_or_default()
    }

    /// Addresses that count as outside (T7): a probe has proved it of them. What only arrives may
    /// be a phone's that the router hides for good reasons, and nobody is refused for that.
    pub(crate) fn proved(&self) -> BTreeSet<IpAddr> {
        let all = self.cases.iter().filter(|(_, (_, case))| case.is_proved());
        all.map(|((_, address), _)| *address).collect()
    }

    /// The state of one case.
    pub(crate) fn state(&self, at: (Listener, IpAddr)) -> State {
        let case = self.cases.get(&at);
        case.map_or(State::None, |(_, case)| case.state(self.around.role(at.1)))
    }

    /// All cases that are more than nothing.
    pub(crate) fn states(&self) -> BTreeMap<(Listener, IpAddr), State> {
        let all = self.cases.keys().map(|at| (*at, self.state(*at)));
        all.filter(|(_, state)| *state != State::None).collect()
    }

    /// All that is known, for people.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        let cases = self
            .cases
            .iter()
            .map(|((listener, address), (_, case))| Shown {
                listener: *listener,
                address: address.to_string(),
                state: case.state(self.around.role(*address)),
                evidence: case.evidence(now),
            });
        Report {
            cases: cases.collect(),
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.cases.len()
    }
}

/// Marks that one sighting makes, at most.
const MARKS_MAX: usize = 5;
/// Cases: some routers at each place, and others that look like some.
pub(crate) const CASES_MAX: usize = 64;
/// The MSS of a host on an Ethernet that uses nothing more of a packet than it must: 1500 bytes,
/// less 20 of IPv4 and 20 of TCP (RFC 9293 §3.7.1).
const MSS_OF_A_CABLE: u16 = 1_460;
/// Bytes by which the header of IPv6 is longer than that of IPv4.
const LONGER_HEADER: u16 = 20;
