//! Where requests to a trunk go within a dialog: to the first hop of its route set, else to its
//! remote target, whatever way the INVITE took (RFC 3261 §12.2.1.1, RFC 3263).
//!
//! ```text
//!   next hop --the way in force leads there--> that way
//!      |
//!      +--known--> its way
//!      +--not known--> asked; what is to be sent waits --answer--> sent
//! ```
//!
//! A phone is different: it sits behind routers, and only the flow that it keeps open leads to it
//! (RFC 5626; pbx trap 10). So is a carrier whose Contact names an address within its own house.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use sansio::{Instant, Transport};
use sip::transaction::Flow;
use sip::{HeaderName, NameAddr, Request, Uri};

use super::Peer;
use super::state::{Cx, First, Leg};
use super::table::Purpose;
use crate::core::Core;
use crate::dialog::Dialog;
use crate::interface::{Hop, Query, QueryId};
use crate::trunk;

/// Next hops remembered of one leg: that of its dialog, and of those that lost against it.
const ROUTES_MAX: usize = 4;
/// Messages that wait for a way.
const WAITING_MAX: usize = 16;
/// Servers of one name that are tried.
const HOPS_MAX: usize = 4;
/// How long a name that leads nowhere is not asked for again.
const FAILED_TIME: Duration = Duration::from_secs(60);

/// The next hops of a leg, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Routes {
    known: VecDeque<(Query, Way)>,
    waiting: Vec<(Query, Waiting)>,
}

/// What is known of a next hop.
#[derive(Debug)]
enum Way {
    Asked(QueryId),
    Leads {
        flow: Flow,
        /// Servers of the same name, to be tried when this one does not answer.
        others: VecDeque<Hop>,
        /// It was not found; asked again after this.
        until: Option<Instant>,
    },
}

/// What is to be sent once there is a way.
#[derive(Debug)]
enum Waiting {
    Ack(Request),
    Request(Request, Purpose, u8),
}

impl Routes {
    /// Nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A way leads nowhere any more.
    fn forget(&mut self, lost: Flow) {
        self.known.retain(|(_, way)| match way {
            Way::Asked(_) => true,
            Way::Leads { flow, .. } => *flow != lost,
        });
    }

    fn wait(&mut self, query: Query, what: Waiting) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push((query, what));
        }
    }

    fn learn(&mut self, query: &Query, way: Way) {
        self.known.retain(|(known, _)| known != query);
        let leads = |(_, way): &(Query, Way)| matches!(way, Way::Leads { .. });
        if self.known.len() >= ROUTES_MAX
            && let Some(oldest) = self.known.iter().position(leads)
        {
            self.known.remove(oldest);
        }
        self.known.push_back((query.clone(), way));
    }

    /// No more can be asked: something waits for each of those that are.
    fn is_full(&self) -> bool {
        let asked = |(_, way): &&(Query, Way)| matches!(way, Way::Asked(_));
        self.known.iter().filter(asked).count() >= ROUTES_MAX
    }

    fn way(&self, query: &Query) -> Option<&Way> {
        let known = self.known.iter().find(|(known, _)| known == query);
        known.map(|(_, way)| way)
    }
}

impl Leg {
    /// Whether requests in its dialogs follow route set and target.
    pub(super) const fn is_routed(&self) -> bool {
        matches!(self.peer, Peer::Trunk(_))
    }

    /// Whether the peer has proved to be where it says: who calls by datagram may have written any
    /// sender and any Contact, and has not until he acknowledges what we answered there.
    const fn is_heard(&self) -> bool {
        self.heard || !matches!(self.first, First::Incoming(_))
    }

    /// Whether a request may carry the trunk's password: never to a host that is not the carrier's,
    /// for whoever was called may have written Contact and Record-Route.
    pub(super) fn may_sign(&self, core: &Core, purpose: Purpose) -> bool {
        match (purpose, &self.first) {
            (Purpose::Invite, _) => true,
            // Who lost has nothing to ask.
            (Purpose::LateBye, _) => !self.is_routed(),
            (Purpose::Prack(fork), First::Outgoing(calling)) => {
                let fork = calling.forks.get(fork);
                fork.is_some_and(|fork| self.is_carriers(core, fork.dialog.next_hop()))
            }
            (_, _) => self.is_carriers(core, self.dialog.next_hop()),
        }
    }

    /// Whether a next hop is where the INVITE went to, or one of the trunk's own servers.
    pub(super) fn is_carriers(&self, core: &Core, hop: &Uri) -> bool {
        let Peer::Trunk(trunk) = &self.peer else {
            return true;
        };
        let Some(query) = question(hop, self.dialog.flow) else {
            return true;
        };
        let is_known = |address| self.origin == Some(address) || core.is_server(trunk, address);
        let by_flow = is_known(self.dialog.flow.remote.ip().to_canonical());
        match literal(&query) {
            Some(address) => {
                is_known(address) || (by_flow && is_within_its_house(&query, self.dialog.flow))
            }
            None => {
                let leads = |way: &Way| match way {
                    Way::Leads { flow, .. } => is_known(flow.remote.ip().to_canonical()),
                    Way::Asked(_) => false,
                };
                core.is_server_name(trunk, &query.host)
                    || self.routes.way(&query).is_some_and(leads)
            }
        }
    }

    /// Whether a request in the dialog could go out now; if not, its way is being looked up.
    pub(super) fn has_way(&mut self, cx: &mut Cx<'_>) -> bool {
        let hop = self.dialog.next_hop().clone();
        !self.is_routed() || self.way_to(cx, &hop).is_ok()
    }

    /// The way for a request, or the question that it has to wait for.
    pub(super) fn routed(
        &mut self,
        cx: &mut Cx<'_>,
        request: &Request,
        purpose: Purpose,
    ) -> Result<Flow, Query> {
        let hop = match (purpose, &self.first) {
            (Purpose::Prack(fork), First::Outgoing(calling)) => {
                calling.forks.get(fork).map(|fork| fork.dialog.next_hop())
            }
            (Purpose::LateBye, _) => None,
            (_, _) => Some(self.dialog.next_hop()),
        };
        let hop = hop.cloned().unwrap_or_else(|| first_hop(request));
        self.way_to(cx, &hop)
    }

    /// Lets a request wait for its way.
    pub(super) fn wait_for_way(
        &mut self,
        query: Query,
        request: Request,
        purpose: Purpose,
        tries: u8,
    ) {
        let what = Waiting::Request(request, purpose, tries);
        self.routes.wait(query, what);
    }

    /// Sends the ACK of a dialog, now or when there is a way.
    pub(super) fn send_ack(&mut self, cx: &mut Cx<'_>, dialog: &Dialog, ack: Request) {
        if !self.is_routed() {
            cx.core.sip.send_ack(dialog.flow, ack);
            return;
        }
        match self.way_to(cx, dialog.next_hop()) {
            Ok(flow) => cx.core.sip.send_ack(flow, ack),
            Err(query) => self.routes.wait(query, Waiting::Ack(ack)),
        }
    }

    /// Repeats an ACK; one that still waits goes out once.
    pub(super) fn repeat_ack(&mut self, cx: &mut Cx<'_>, ack: Request) {
        let own = ack.headers.to().is_ok_and(|to| self.dialog.is_from(&to));
        let hop = match own {
            true => self.dialog.next_hop().clone(),
            false => first_hop(&ack),
        };
        let way = match self.is_routed() {
            true => self.way_to(cx, &hop).ok(),
            false => Some(self.dialog.flow),
        };
        if let Some(flow) = way {
            cx.core.sip.send_ack(flow, ack);
        }
    }

    fn way_to(&mut self, cx: &mut Cx<'_>, hop: &Uri) -> Result<Flow, Query> {
        let flow = self.dialog.flow;
        let Some(query) = question(hop, flow).filter(|_| self.is_heard()) else {
            return Ok(flow);
        };
        if is_within_its_house(&query, flow) {
            if self.flow_lost {
                self.reroute(cx);
            }
            return Ok(self.dialog.flow);
        }
        if !self.flow_lost && leads_to(flow, &query) {
            return Ok(flow);
        }
        match self.routes.way(&query) {
            Some(Way::Leads {
                flow: known, until, ..
            }) if until.is_none_or(|until| until > cx.core.now)
                && !(self.flow_lost && *known == flow) =>
            {
                Ok(*known)
            }
            Some(Way::Asked(_)) => Err(query),
            Some(Way::Leads { .. }) | None if self.routes.is_full() => Ok(flow),
            Some(Way::Leads { .. }) | None => {
                let id = cx.core.resolve(query.clone());
                cx.shared.queries.insert(id, cx.id);
                self.routes.learn(&query, Way::Asked(id));
                Err(query)
            }
        }
    }

    /// The answer to a question of ours: what waited for it goes out.
    pub(super) fn resolved(&mut self, cx: &mut Cx<'_>, id: QueryId, hops: &[Hop]) {
        let asked = |(_, way): &&(Query, Way)| matches!(way, Way::Asked(known) if *known == id);
        let Some((query, _)) = self.routes.known.iter().find(asked) else {
            return;
        };
        let query = query.clone();
        let before = self.dialog.flow;
        // Never out of TLS: what follows may carry the keys of the media.
        // And not to where only the peer's own house is, or ours.
        let fits = |hop: &&Hop| {
            (before.transport != Transport::Tls || hop.transport == before.transport)
                && is_reachable(hop.remote.ip(), before)
        };
        let mut others: VecDeque<Hop> = hops.iter().filter(fits).take(HOPS_MAX).copied().collect();
        let in_force = |hop: &Hop| {
            let same = match before.stream {
                Some(_) => hop.remote.ip() == before.remote.ip(),
                None => hop.remote == before.remote,
            };
            same && hop.transport == before.transport
        };
        let stays = !self.flow_lost && others.iter().any(in_force);
        let (flow, until) = match others.pop_front() {
            Some(_) if stays => (before, None),
            Some(hop) => (self.connect(cx, hop, &query), None),
            None => (before, Some(cx.core.now + FAILED_TIME)),
        };
        let way = Way::Leads {
            flow,
            others,
            until,
        };
        self.routes.learn(&query, way);
        self.take_way(&query, flow);
        self.send_waiting(cx, &query, flow);
    }

    /// The next server of the name a request went to, when it did not answer (RFC 3263 §4.3).
    /// False when there is no other; the name is asked for anew by the next request.
    pub(super) fn next_way(&mut self, cx: &mut Cx<'_>, failed: Flow) -> bool {
        let mut found = None;
        for (query, way) in &mut self.routes.known {
            if let Way::Leads { flow, others, .. } = way
                && *flow == failed
            {
                found = others.pop_front().map(|hop| (query.clone(), hop));
            }
        }
        let Some((query, hop)) = found else {
            self.routes.forget(failed);
            return false;
        };
        let next = self.connect(cx, hop, &query);
        if let Some((_, Way::Leads { flow, .. })) = self
            .routes
            .known
            .iter_mut()
            .find(|(known, _)| *known == query)
        {
            *flow = next;
        }
        self.take_way(&query, next);
        true
    }

    /// A way to the next hop of the dialog is its way from now on.
    fn take_way(&mut self, query: &Query, flow: Flow) {
        let own = question(self.dialog.next_hop(), self.dialog.flow);
        if own.as_ref() == Some(query) && self.dialog.flow != flow {
            self.dialog.flow = flow;
            self.flow_lost = false;
        }
    }

    fn send_waiting(&mut self, cx: &mut Cx<'_>, query: &Query, flow: Flow) {
        let (ready, waiting) = std::mem::take(&mut self.routes.waiting)
            .into_iter()
            .partition(|(wanted, _)| wanted == query);
        self.routes.waiting = waiting;
        let ready: Vec<(Query, Waiting)> = ready;
        for (_, what) in ready {
            match what {
                Waiting::Ack(ack) => cx.core.sip.send_ack(flow, ack),
                Waiting::Request(request, purpose, tries) => {
                    let flow = self.for_length(cx, flow, &request, purpose);
                    if let Some(client) = self.send_by(cx, flow, request, purpose, tries) {
                        self.resent(client, purpose);
                    }
                }
            }
        }
    }

    fn connect(&self, cx: &mut Cx<'_>, hop: Hop, query: &Query) -> Flow {
        let trunk = match &self.peer {
            Peer::Trunk(name) => name.as_str(),
            Peer::Extension(_) => "",
        };
        trunk::connect_in_dialog(cx.core, trunk, hop, &query.host)
    }

    /// Whether requests of ours may go by the way that one of the peer's came by: a trunk's come
    /// from every proxy of the route set, ours go to the first.
    pub(super) fn may_follow(&self, flow: Flow) -> bool {
        if !self.is_routed() || self.flow_lost {
            return true;
        }
        let before = self.dialog.flow;
        question(self.dialog.next_hop(), before)
            .is_none_or(|query| is_within_its_house(&query, before) || leads_to(flow, &query))
    }
}

/// What RFC 3263 is asked for a next hop; `None` for one that is no SIP address.
fn question(hop: &Uri, flow: Flow) -> Option<Query> {
    let uri = hop.as_sip()?;
    let asked = uri.wire_transport().ok().flatten();
    // Never out of TLS, and not out of a connection without being told to.
    let transport = match (flow.transport, asked) {
        (Transport::Tls, _) => Some(Transport::Tls),
        (_, Some(asked)) => Some(asked),
        (Transport::Tcp, None) => Some(Transport::Tcp),
        (Transport::Udp, None) => None,
    };
    let host = match uri.params.get("maddr") {
        Some(maddr) => maddr.to_owned(),
        None => uri.host.as_str().to_owned(),
    };
    Some(Query {
        host,
        port: uri.port,
        transport,
        secure: transport == Some(Transport::Tls),
    })
}

/// The first hop of a request to a loose router, or without any.
fn first_hop(request: &Request) -> Uri {
    let route = request.headers.first(&HeaderName::Route);
    let route = route.and_then(NameAddr::parse);
    route.map_or_else(|| request.uri.clone(), |route| route.uri)
}

fn literal(query: &Query) -> Option<IpAddr> {
    let host = query.host.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = host.parse().ok()?;
    Some(address.to_canonical())
}

/// Whether a flow ends at this hop: at its address and port, or by a connection from its address
/// (RFC 5923).
fn leads_to(flow: Flow, query: &Query) -> bool {
    let transport = query.transport.unwrap_or(Transport::Udp);
    let port = query.port.unwrap_or(match transport {
        Transport::Tls => 5061,
        Transport::Udp | Transport::Tcp => 5060,
    });
    literal(query) == Some(flow.remote.ip().to_canonical())
        && transport == flow.transport
        && (flow.stream.is_some() || port == flow.remote.port())
}

/// Whether the hop has an address that means something only where the peer stands: it sits behind
/// a router and does not know its own address.
fn is_within_its_house(query: &Query, flow: Flow) -> bool {
    literal(query).is_some_and(|address| !is_reachable(address, flow))
}

/// Whether an address can be meant for us, who speak with the peer by this way.
fn is_reachable(address: IpAddr, flow: Flow) -> bool {
    let own = reach(flow.remote.ip()).unwrap_or(0);
    reach(address).is_some_and(|reach| reach >= own)
}

/// From how far an address can be reached: its own host, its link, its house, everywhere; `None`
/// for one that is nobody's.
fn reach(address: IpAddr) -> Option<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            match (first, second) {
                (0, _) => None,
                _ if v4.is_multicast() || v4.is_broadcast() => None,
                _ if v4.is_loopback() => Some(0),
                _ if v4.is_link_local() => Some(1),
                // RFC 6598: between a carrier and its customers.
                (100, 64..=127) => Some(2),
                _ if v4.is_private() => Some(2),
                _ => Some(3),
            }
        }
        IpAddr::V6(v6) if v6.is_unspecified() || v6.is_multicast() => None,
        IpAddr::V6(v6) if v6.is_loopback() => Some(0),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(1),
        IpAddr::V6(v6) if v6.is_unique_local() => Some(2),
        IpAddr::V6(_) => Some(3),
    }
}
