//! All legs, and the ways to find one: by our tag, by transaction, by time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sansio::Instant;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{Headers, Request};

use super::ended::Ended;
use super::state::{Cx, First, Leg, Phase};
use super::{LegEvent, LegId};
use crate::core::Core;
use crate::interface::QueryId;

/// Legs at a time: three for each call of the largest site, and those that are settling.
pub(crate) const LEGS_MAX: usize = 4000;

/// All legs, the ways to find one, and what they have to tell.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    pub(super) legs: BTreeMap<LegId, Box<Leg>>,
    pub(super) shared: Shared,
    /// When each leg wants its timer, soonest first.
    timers: BTreeSet<(Instant, LegId)>,
    /// Call-ID and From tag of INVITEs that are not answered yet (RFC 3261 §8.2.2.2).
    pub(super) arriving: BTreeMap<(String, String), (u32, LegId)>,
    pub(super) ended: Ended,
}

/// What all legs share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) events: VecDeque<(LegId, LegEvent)>,
    /// Requests of ours.
    pub(super) clients: BTreeMap<ClientId, Sent>,
    /// INVITEs and REFERs to us that wait for an answer.
    pub(super) servers: BTreeMap<ServerId, LegId>,
    /// Next hops that are being looked up.
    pub(super) queries: BTreeMap<QueryId, LegId>,
    /// Legs that changed without an event, so that what was kept of them is out of date.
    pub(super) stale: BTreeSet<LegId>,
    /// Peers that take no connection, and until when we believe so.
    pub(super) refusing: BTreeMap<std::net::SocketAddr, Instant>,
}

/// A request of ours.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) leg: LegId,
    pub(super) purpose: Purpose,
    /// The request, where it may have to be sent again: with credentials, or by another way.
    pub(super) request: Option<Box<Request>>,
    /// The way it went.
    pub(super) flow: Flow,
    /// How often it was answered with a challenge.
    pub(super) tries: u8,
}

/// What a request of ours is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The first INVITE.
    Invite,
    /// A re-INVITE or UPDATE: the exchange.
    Exchange,
    /// The end.
    Bye,
    /// The end of a dialog that lost against another answer.
    LateBye,
    /// To acknowledge a provisional response, in the early dialog with this index.
    Prack(usize),
    /// A digit.
    Info,
    /// A report on a transfer.
    Notify,
}

impl Legs {
    /// Does something with a leg, and looks after it: what waited may go out now, its timer may
    /// have changed, it may be gone.
    pub(super) fn with<R>(
        &mut self,
        core: &mut Core,
        id: LegId,
        work: impl FnOnce(&mut Leg, &mut Cx<'_>) -> R,
    ) -> Option<R> {
        let leg = self.legs.get_mut(&id)?;
        let mut cx = Cx {
            core,
            shared: &mut self.shared,
            id,
        };
        let result = work(leg, &mut cx);
        leg.pump(&mut cx);
        self.look_after(core.now, id);
        Some(result)
    }

    fn look_after(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let settled = leg.is_settled(now);
        let due = leg.deadline().filter(|_| !settled);
        if leg.phase != Phase::Early
            && let First::Incoming(incoming) = &mut leg.first
            && let Some(name) = incoming.arrival.take()
        {
            self.arriving.remove(&name);
        }
        if due != leg.scheduled {
            if let Some(before) = leg.scheduled.take() {
                self.timers.remove(&(before, id));
            }
            leg.scheduled = due;
            self.timers.extend(due.map(|at| (at, id)));
        }
        if settled && let Some(leg) = self.legs.remove(&id) {
            self.ended.add(now, &leg);
            self.forget(&leg);
            self.shared.stale.insert(id);
        }
    }

    fn forget(&mut self, leg: &Leg) {
        for client in leg.clients.iter().chain(&leg.repeating) {
            self.shared.clients.remove(client);
        }
        self.shared.servers.retain(|_, owner| *owner != leg.id);
        self.shared.queries.retain(|_, owner| *owner != leg.id);
    }

    /// Adds a leg.
    pub(super) fn insert(&mut self, now: Instant, leg: Leg) {
        let id = leg.id;
        self.legs.insert(id, Box::new(leg));
        self.look_after(now, id);
    }

    /// A name that no leg has or had.
    pub(super) fn new_id(core: &mut Core) -> LegId {
        LegId(core.secrets.number())
    }

    /// The leg in whose dialog a request was sent: our tag names it. `None` when it has none; the
    /// node goes on looking then, and in the end answers 481.
    pub(crate) fn named(&self, headers: &Headers) -> Option<LegId> {
        let id = LegId::of_tag(headers.to_tag()?)?;
        let leg = self.legs.get(&id)?;
        let from = headers.from().ok()?;
        let ours = headers.call_id().ok()? == leg.dialog.call_id
            && (leg.dialog.is_from(&from) || leg.fork_of(from.tag()).is_some());
        ours.then_some(id)
    }

    /// Whether an INVITE is another copy, by another way, of one that is being worked off
    /// (RFC 3261 §8.2.2.2).
    pub(super) fn is_merged(&self, name: &(String, String), cseq: u32) -> bool {
        self.arriving
            .get(name)
            .is_some_and(|(number, _)| *number == cseq)
    }

    /// Every leg whose time has come.
    pub(super) fn due(&self, now: Instant) -> Vec<LegId> {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, id)| *id).collect()
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }
}

impl LegId {
    /// Our tag in the leg's dialogs.
    pub(super) fn tag(self) -> String {
        format!("{:016x}", self.0)
    }

    /// The leg that a tag of ours names.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        let canonical = tag.len() == 16 && !tag.starts_with('+');
        let number = u64::from_str_radix(tag, 16).ok()?;
        canonical.then_some(Self(number))
    }
}
