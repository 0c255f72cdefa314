//! Lines to the outside: registering, asking whether they are there, calls out and calls in.
//!
//! A trunk has *ways*: the hops its server's name leads to (RFC 3263). Requests take the best way
//! that works; one that fails is passed over, and every way is asked by OPTIONS whether it is back.
//!
//! Read first: [`Trunks`], then `line` for one trunk, `registration` for its account.

mod account;
mod address;
mod backoff;
mod hops;
mod identity;
mod inbound;
mod leaving;
mod line;
mod outbound;
mod profile;
mod registration;

use std::collections::BTreeMap;
use std::time::Duration;

use ipc::pbx::Trunk as Status;
use sansio::{Instant, Rng};
use sip::transaction::{ClientId, Flow};
use sip::{Request, Response, StatusCode};

pub(crate) use self::identity::{Caller, Diverted};
use self::leaving::Leaving;
pub(crate) use self::line::connect_in_dialog;
use self::line::{Context, Line, LineKey, Purpose};
pub(crate) use self::outbound::{Attempt, CallOut, Unavailable};
use crate::core::Core;
use crate::interface::{Hop, QueryId, StreamId};
use crate::leg::Profile;

/// All trunks, in the site's order.
#[derive(Debug)]
pub(crate) struct Trunks {
    lines: Vec<Line>,
    leaving: Leaving,
    clients: BTreeMap<ClientId, (LineKey, Purpose)>,
    rng: Rng,
    next_key: LineKey,
}

/// A call that comes from a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Inbound {
    /// The trunk's name.
    pub(crate) trunk: String,
    /// The called number, as routes shall see it.
    pub(crate) number: String,
    /// Who calls.
    pub(crate) caller: Caller,
    /// How the trunk is spoken to.
    pub(crate) profile: Profile,
}

/// Whether another way of the same trunk may serve a request that ended so (RFC 3263 §4.3): the
/// server did not answer, is overloaded, or the flow to it is gone (RFC 5626 §5.3.1).
pub(crate) const fn tries_next_hop(status: StatusCode) -> bool {
    matches!(status.code(), 408 | 430 | 503)
}

impl Trunks {
    /// No trunks; `rng` spreads what is sent again over time.
    pub(crate) const fn new(rng: Rng) -> Self {
        Self {
            lines: Vec::new(),
            leaving: Leaving::new(),
            clients: BTreeMap::new(),
            rng,
            next_key: 0,
        }
    }

    /// Takes the trunks of the configuration in force. What is unchanged goes on; registrations of
    /// trunks that are gone, switched off or moved are taken away.
    pub(crate) fn configure(&mut self, core: &mut Core) {
        let Some((_, site)) = core.site.clone().filter(|_| !core.stopping) else {
            return;
        };
        let mut before = std::mem::take(&mut self.lines);
        for trunk in &site.trunks {
            let known = before
                .iter()
                .position(|line| line.trunk().name == trunk.name);
            let known = known.map(|at| before.remove(at));
            let line = match known {
                Some(mut line) if line.is_adjustable(trunk) => {
                    line.adjust(trunk);
                    line
                }
                known => {
                    self.next_key = self.next_key.wrapping_add(1);
                    let line = Line::new(self.next_key, trunk, core);
                    if let Some(known) = known.filter(|known| !known.keeps_contact(&line)) {
                        self.leave(core, known);
                    }
                    line
                }
            };
            self.lines.push(line);
        }
        for line in before {
            self.leave(core, line);
        }
        self.drive(core);
    }

    /// An answer to [`Output::Resolve`](crate::Output::Resolve).
    pub(crate) fn resolved(&mut self, core: &mut Core, id: QueryId, hops: &[Hop], ttl_secs: u32) {
        let ttl = Duration::from_secs(ttl_secs.into());
        self.with(
            core,
            |line| line.query() == Some(id),
            |line, cx| {
                line.resolved(cx, hops, ttl);
            },
        );
    }

    /// A response; false when it is not to a request of a trunk.
    pub(crate) fn response(&mut self, core: &mut Core, id: ClientId, response: &Response) -> bool {
        let Some((key, purpose)) = self.clients.get(&id).copied() else {
            return false;
        };
        if response.status.is_provisional() {
            return true;
        }
        self.clients.remove(&id);
        match purpose {
            Purpose::Leave(_) => {
                let again = self.leaving.response(core, id, response);
                self.clients.extend(again);
            }
            Purpose::Register(_) | Purpose::Probe(_) => {
                self.with(
                    core,
                    |line| line.key == key,
                    |line, cx| {
                        line.response(cx, id, purpose, response);
                    },
                );
            }
        }
        true
    }

    /// A request that got no final response; false when it was none of a trunk.
    pub(crate) fn no_response(&mut self, core: &mut Core, id: ClientId) -> bool {
        let Some((key, purpose)) = self.clients.remove(&id) else {
            return false;
        };
        self.leaving.no_response(id);
        self.with(
            core,
            |line| line.key == key,
            |line, cx| {
                line.no_response(cx, id, purpose);
            },
        );
        true
    }

    /// A connection is gone.
    pub(crate) fn stream_closed(&mut self, core: &mut Core, stream: StreamId) {
        self.with(core, |_| true, |line, cx| line.stream_closed(cx, stream));
    }

    /// The deadline has passed.
    pub(crate) fn timer(&mut self, core: &mut Core) {
        self.leaving.timer(core.now);
        if self.deadline().is_some_and(|due| due <= core.now) {
            self.drive(core);
        }
    }

    /// When [`Self::timer`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let lines = self.lines.iter().filter_map(Line::deadline);
        lines.chain(self.leaving.deadline()).min()
    }

    /// Takes every registration away.
    pub(crate) fn shut_down(&mut self, core: &mut Core) {
        for line in std::mem::take(&mut self.lines) {
            self.leave(core, line);
        }
    }

    /// Whether every carrier has heard that we left, or had time enough to.
    pub(crate) const fn is_settled(&self) -> bool {
        self.leaving.is_empty()
    }

    /// The trunks for the status page; whoever counts calls fills these in.
    pub(crate) fn status(&self, now: Instant) -> Vec<Status> {
        let status = |line: &Line| Status {
            name: line.trunk().name.clone(),
            up: line.is_up(now),
            state: line.state(now),
            calls: 0,
        };
        self.lines.iter().map(status).collect()
    }

    /// Calls the trunk carries at one time, both directions together; 0 when there is none.
    pub(crate) fn channels_max(&self, trunk: &str) -> usize {
        self.line(trunk).map_or(0, |line| line.trunk().channels_max)
    }

    /// The trunk that an INVITE outside of a dialog comes from, and what it wants; `None` when it
    /// comes from a phone or a stranger, who has to prove who he is.
    pub(crate) fn identify(&self, core: &Core, flow: Flow, request: &Request) -> Option<Inbound> {
        let line = inbound::identify(core, &self.lines, flow, request)?;
        let trunk = line.trunk();
        Some(Inbound {
            trunk: trunk.name.clone(),
            number: inbound::called(trunk, request),
            caller: identity::incoming(trunk, request),
            profile: profile::profile(trunk),
        })
    }

    /// The attempts to make for a call out by this trunk, in order.
    ///
    /// # Errors
    /// When the trunk cannot carry it now: take the next one.
    pub(crate) fn outgoing(
        &self,
        core: &Core,
        trunk: &str,
        call: &CallOut<'_>,
    ) -> Result<Vec<Attempt>, Unavailable> {
        let line = self.line(trunk).ok_or(Unavailable::Unknown)?;
        outbound::attempts(line, core.now, call)
    }

    /// A call by this way ended with a status that [`tries_next_hop`].
    pub(crate) fn hop_failed(&mut self, core: &mut Core, trunk: &str, hop: Hop) {
        self.with(
            core,
            |line| line.trunk().name == trunk,
            |line, cx| {
                line.hop_failed(cx.core.now, hop);
                line.drive(cx);
            },
        );
    }

    fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.trunk().name == name)
    }

    fn drive(&mut self, core: &mut Core) {
        self.with(core, |_| true, Line::drive);
    }

    fn leave(&mut self, core: &mut Core, line: Line) {
        self.clients.retain(|_, (key, _)| *key != line.key);
        if let Some((registration, trunk, hop)) = line.leave(core.now) {
            let sent = self.leaving.add(core, registration, trunk, hop);
            self.clients.extend(sent);
        }
    }

    /// Works with every line that `which` picks.
    fn with(
        &mut self,
        core: &mut Core,
        which: impl Fn(&Line) -> bool,
        mut work: impl FnMut(&mut Line, &mut Context<'_>),
    ) {
        let mut cx = Context {
            core,
            clients: &mut self.clients,
            rng: &mut self.rng,
        };
        for line in self.lines.iter_mut().filter(|line| which(line)) {
            work(line, &mut cx);
        }
    }
}

#[cfg(test)]
mod tests;
