//! The node: what services saw in, what is concluded out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use ipc::masquerade::{Listener, Report, State};
use sansio::{Instant, Node};

use crate::around::Around;
use crate::book::Book;
use crate::case::{KEPT, Mark};
use crate::probe::{Mapping, Probe, Verdict};
use crate::sight::Sight;

/// One cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The box's place on the network.
    Around(Around),
    /// A service saw this.
    Seen(Sight),
    /// Somebody with this address was found guessing or scanning.
    Attack(Listener, IpAddr),
    /// Somebody came there from an address of the Internet.
    Outside(Listener),
    /// A probe has ended.
    Probed(Box<Probe>),
    /// Somebody wants to know anew: what was seen counts no more.
    Forget,
    /// The deadline has passed.
    Timer,
}

/// One wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// It is now so sure of an address at a place.
    Changed {
        /// The place.
        listener: Listener,
        /// The address.
        address: IpAddr,
        /// What was thought before.
        before: State,
        /// What is thought now.
        now: State,
    },
    /// Who has one of these addresses counts as outside from now on, and nobody else (T7).
    Outside(Vec<IpAddr>),
    /// What a probe has shown.
    Verdict(Verdict),
}

/// Says whether a router hides who comes in.
#[derive(Debug, Default)]
pub struct MasqueradeNode {
    book: Book,
    states: BTreeMap<(Listener, IpAddr), State>,
    outside: Vec<IpAddr>,
    /// Places of which the router says that it leads to them, and since when that is known, where
    /// nobody came from outside ever since (P9).
    open: BTreeMap<Listener, Instant>,
    outputs: VecDeque<Output>,
}

impl MasqueradeNode {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All that is known, for people.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        self.book.report(now)
    }

    /// Who counts as outside.
    #[must_use]
    pub fn outside(&self) -> &[IpAddr] {
        &self.outside
    }

    fn probed(&mut self, now: Instant, probe: &Probe) {
        let listener = probe.listener;
        let verdict = probe.verdict(self.book.around());
        match &verdict {
            Verdict::Masquerade { address } => {
                self.book.mark(now, (listener, *address), Mark::Probed);
            }
            // It came with its own address: what was seen before is of before. Where there are more
            // routers it tells of one of them only.
            Verdict::Correct
            | Verdict::RestrictedBySource
            | Verdict::SipAlg
            | Verdict::AsymmetricReturn
                if self.book.around().routers.len() <= 1 =>
            {
                self.book.clear(Some(listener));
            }
            _ => {}
        }
        if matches!(probe.mapping, Mapping::Leads { .. }) {
            self.open.entry(listener).or_insert(now);
        }
        self.outputs.push_back(Output::Verdict(verdict));
    }

    /// A place is open for a day, and nobody came from outside: it is the routers that hide them.
    fn look_at_open(&mut self, now: Instant) {
        let is_due = |since: &Instant| now - *since >= KEPT;
        let due = self.open.iter().filter(|(_, since)| is_due(since));
        let due: Vec<Listener> = due.map(|(listener, _)| *listener).collect();
        for listener in due {
            for router in self.book.around().routers.clone() {
                self.book.mark(now, (listener, router), Mark::NeverOutside);
            }
            // A day later it is looked at anew, as what is seen is forgotten by then.
            self.open.insert(listener, now);
        }
    }

    fn tell(&mut self) {
        let states = self.book.states();
        let before = std::mem::replace(&mut self.states, states);
        let keys: BTreeSet<_> = before.keys().chain(self.states.keys()).copied().collect();
        let state = |of: &BTreeMap<_, State>, at| of.get(&at).copied().unwrap_or_default();
        for (listener, address) in keys {
            let at = (listener, address);
            let (before, now) = (state(&before, at), state(&self.states, at));
            if before != now {
                self.outputs.push_back(Output::Changed {
                    listener,
                    address,
                    before,
                    now,
                });
            }
        }
        let outside: Vec<_> = self.book.proved().into_iter().collect();
        if self.outside != outside {
            self.outside.clone_from(&outside);
            self.outputs.push_back(Output::Outside(outside));
        }
    }
}

impl Node for MasqueradeNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Around(around) => self.book.meet(around),
            Input::Seen(seen) => {
                self.book.see(now, seen);
            }
            Input::Attack(listener, source) => self.book.attacked(now, listener, source),
            Input::Outside(listener) => {
                self.open.remove(&listener);
                self.book.unmark(listener, Mark::NeverOutside);
            }
            Input::Probed(probe) => self.probed(now, &probe),
            Input::Forget => {
                self.book.clear(None);
                self.open.clear();
            }
            Input::Timer => {
                self.book.forget(now);
                self.look_at_open(now);
            }
        }
        self.tell();
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let open = self.open.values().map(|since| *since + KEPT);
        open.chain(self.book.deadline()).min()
    }
}
