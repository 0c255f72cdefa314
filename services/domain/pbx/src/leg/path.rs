//! By which way requests of a leg go: the flow its peer last used, a new connection when that one
//! is gone, a connection instead of a datagram that would be too long.

use std::net::SocketAddr;
use std::time::Duration;

use sansio::Transport;
use sip::transaction::{ClientId, Flow, needs_stream};
use sip::{Headers, Request, Response, StatusCode};

use super::EndCause;
use super::state::{Cx, First, Leg, Phase};
use super::table::{Purpose, Sent};
use crate::interface::{Hop, Output, Query, Trust};

/// How long a connection may take before a long request goes as a datagram after all.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a peer that takes no connection is not asked again.
const REFUSING_TIME: Duration = Duration::from_secs(3600);
/// Peers remembered to take no connection.
const REFUSING_MAX: usize = 1024;
/// Ways tried after the first is gone, until the peer is heard of again.
const REROUTES_MAX: u8 = 2;
/// INVITEs remembered whose 2xx may come again.
const ANSWERED_MAX: usize = 4;

impl Leg {
    pub(super) fn send_as_is(
        &mut self,
        cx: &mut Cx<'_>,
        request: Request,
        purpose: Purpose,
        tries: u8,
    ) -> Option<ClientId> {
        match self.way(cx, &request, purpose) {
            Ok(flow) => self.send_by(cx, flow, request, purpose, tries),
            Err(query) => {
                self.wait_for_way(query, request, purpose, tries);
                None
            }
        }
    }

    /// Sends a request by this way.
    pub(super) fn send_by(
        &mut self,
        cx: &mut Cx<'_>,
        flow: Flow,
        request: Request,
        purpose: Purpose,
        tries: u8,
    ) -> Option<ClientId> {
        let repeatable = self.challenges.is_some() || flow.stream.is_some() || self.is_routed();
        let kept = repeatable.then(|| Box::new(request.clone()));
        let client = cx.core.send(flow, request)?;
        if let Some(request) = kept.as_ref().filter(|_| purpose == Purpose::Invite) {
            self.invite_sent(client, &request.headers);
        }
        let leg = cx.id;
        let sent = Sent {
            leg,
            purpose,
            request: kept,
            flow,
            tries,
        };
        cx.shared.clients.insert(client, sent);
        self.clients.push(client);
        Some(client)
    }

    /// Sends a request once more, as a new transaction.
    pub(super) fn resend(
        &mut self,
        cx: &mut Cx<'_>,
        request: Request,
        purpose: Purpose,
        tries: u8,
    ) -> bool {
        let Some(client) = self.send_as_is(cx, request, purpose, tries) else {
            return false;
        };
        self.resent(client, purpose);
        true
    }

    /// A request went out under another name than it did first.
    pub(super) fn resent(&mut self, client: ClientId, purpose: Purpose) {
        match purpose {
            Purpose::Invite => {
                if let Some(calling) = self.calling() {
                    calling.client = Some(client);
                }
            }
            Purpose::Exchange => self.exchange_sent(client),
            Purpose::Bye
            | Purpose::LateBye
            | Purpose::Prack(_)
            | Purpose::Info
            | Purpose::Notify => {}
        }
    }

    /// The request with this id has its final answer.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_>, id: ClientId) {
        cx.shared.clients.remove(&id);
        self.clients.retain(|known| *known != id);
        self.repeating.retain(|known| *known != id);
    }

    /// The INVITE with this id has its 2xx, which may come again.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, id: ClientId) {
        let before = self.clients.len();
        self.clients.retain(|known| *known != id);
        if self.clients.len() == before {
            return;
        }
        self.repeating.push(id);
        if self.repeating.len() > ANSWERED_MAX {
            let oldest = self.repeating.remove(0);
            cx.shared.clients.remove(&oldest);
        }
    }

    fn way(&mut self, cx: &mut Cx<'_>, request: &Request, purpose: Purpose) -> Result<Flow, Query> {
        let flow = if self.is_routed() && purpose != Purpose::Invite {
            self.routed(cx, request, purpose)?
        } else {
            if self.flow_lost {
                self.reroute(cx);
            }
            self.dialog.flow
        };
        Ok(self.for_length(cx, flow, request, purpose))
    }

    /// The same way, or a connection to its end when the request is too long for it
    /// (RFC 3261 §18.1.1).
    pub(super) fn for_length(
        &mut self,
        cx: &mut Cx<'_>,
        flow: Flow,
        request: &Request,
        purpose: Purpose,
    ) -> Flow {
        if !needs_stream(request, &flow) {
            return flow;
        }
        let now = cx.core.now;
        if cx
            .shared
            .refusing
            .get(&flow.remote)
            .is_some_and(|until| *until > now)
        {
            return flow;
        }
        let hop = Hop {
            transport: Transport::Tcp,
            remote: flow.remote,
            local: flow.local,
        };
        if purpose == Purpose::Invite
            && let Some(calling) = self.calling()
        {
            calling.by_datagram_at = Some(now + CONNECT_TIME_MAX);
        }
        cx.core.connect(hop, "", &Trust::Public)
    }

    /// The connection is gone: the peer's Contact or its proxy may take another. False when there
    /// is no other way.
    pub(super) fn reroute(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.reroutes >= REROUTES_MAX {
            return false;
        }
        let before = self.dialog.flow;
        let Some(uri) = self.dialog.next_hop().as_sip() else {
            return false;
        };
        let named = uri.transport();
        let transport = match named.as_deref() {
            _ if uri.secure => Transport::Tls,
            Some("tls") => Transport::Tls,
            Some("tcp") if before.transport != Transport::Tls => Transport::Tcp,
            // Never out of TLS: what follows may carry the keys of the media.
            Some("udp") if before.transport != Transport::Tls => Transport::Udp,
            Some(_) | None => before.transport,
        };
        let port = uri.port.unwrap_or(match transport {
            Transport::Tls => 5061,
            Transport::Udp | Transport::Tcp => 5060,
        });
        let Some(address) = uri.host.ip() else {
            return false;
        };
        if address.is_ipv4() != before.local.is_ipv4() {
            return false;
        }
        self.reroutes = self.reroutes.saturating_add(1);
        self.flow_lost = false;
        let hop = Hop {
            transport,
            remote: SocketAddr::new(address, port),
            local: before.local,
        };
        self.dialog.flow = cx.core.connect(hop, "", &Trust::Public);
        true
    }

    /// Whether the next hop of a lost connection is looked up once more.
    fn looks_again(&mut self) -> bool {
        let again = self.flow_lost && self.reroutes < REROUTES_MAX;
        self.reroutes = self.reroutes.saturating_add(u8::from(again));
        again
    }

    /// The peer was heard of: its requests come by this way, ours go back by it, unless they have
    /// a way of their own.
    pub(super) fn heard_by(&mut self, flow: Flow) {
        self.heard = true;
        if !self.may_follow(flow) {
            return;
        }
        self.dialog.flow = flow;
        self.flow_lost = false;
        self.reroutes = 0;
    }

    /// A long INVITE has waited long enough for a connection.
    pub(super) fn calling_timer(&mut self, cx: &mut Cx<'_>) {
        let now = cx.core.now;
        let Some(calling) = self.calling() else {
            return;
        };
        if calling.by_datagram_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        let Some(client) = calling.client else { return };
        let Some(sent) = cx.shared.clients.get(&client) else {
            return;
        };
        if let Some(stream) = sent.flow.stream {
            cx.core.emit(Output::CloseStream(stream));
        }
        self.no_response(cx, client);
    }

    /// No final answer to a request of ours, or no way to the peer.
    pub(super) fn no_response(&mut self, cx: &mut Cx<'_>, id: ClientId) {
        let Some(mut sent) = cx.shared.clients.remove(&id) else {
            return;
        };
        self.forget(cx, id);
        let over_stream = sent.flow.stream.is_some();
        let upgraded = over_stream && self.dialog.flow.transport == Transport::Udp;
        if upgraded {
            note_refusing(cx, sent.flow.remote);
        }
        let routed = self.is_routed() && sent.purpose != Purpose::Invite;
        let again = upgraded
            || match routed {
                true => self.next_way(cx, sent.flow) || self.looks_again(),
                false => self.flow_lost && self.reroute(cx),
            };
        if again && let Some(mut request) = sent.request.take() {
            request.headers.remove(&sip::HeaderName::Via);
            let sent_again = self.resend(cx, *request, sent.purpose, sent.tries);
            if sent_again || !self.routes.is_idle() {
                return;
            }
        }
        match sent.purpose {
            Purpose::Invite => {
                let status = match self.flow_lost || over_stream {
                    true => StatusCode::SERVICE_UNAVAILABLE,
                    false => StatusCode::REQUEST_TIMEOUT,
                };
                self.fail(cx, status, &Headers::new());
            }
            Purpose::Exchange => self.exchange_lost(cx),
            Purpose::Notify => self.referral_over(),
            Purpose::Bye | Purpose::LateBye | Purpose::Prack(_) | Purpose::Info => {}
        }
    }

    /// A response to a request of ours.
    pub(super) fn response(&mut self, cx: &mut Cx<'_>, id: ClientId, response: &Response) {
        let Some(purpose) = cx.shared.clients.get(&id).map(|sent| sent.purpose) else {
            return;
        };
        match purpose {
            Purpose::Invite => return self.invite_response(cx, id, response),
            Purpose::Exchange => return self.exchange_response(cx, id, response),
            Purpose::Bye
            | Purpose::LateBye
            | Purpose::Prack(_)
            | Purpose::Info
            | Purpose::Notify => {}
        }
        if response.status.is_provisional() || self.answer_challenge(cx, id, response) {
            return;
        }
        self.forget(cx, id);
        let gone = response.status == StatusCode::CALL_DOES_NOT_EXIST;
        match purpose {
            // RFC 5057 §5.1: 481 ends the dialog, whatever was asked.
            Purpose::Info if gone => {
                self.farewell = super::state::Farewell::Said;
                self.lose(cx, EndCause::PeerLost);
            }
            Purpose::Notify if !response.status.is_success() => self.referral_over(),
            Purpose::Invite
            | Purpose::Exchange
            | Purpose::Bye
            | Purpose::LateBye
            | Purpose::Prack(_)
            | Purpose::Info
            | Purpose::Notify => {}
        }
    }

    /// The flow by which an INVITE waits for our answer is gone, and with it the caller.
    pub(super) fn server_lost(&mut self, cx: &mut Cx<'_>, id: sip::transaction::ServerId) {
        let first = matches!(&self.first, First::Incoming(incoming) if incoming.server == id);
        if first && self.phase == Phase::Early {
            self.farewell = super::state::Farewell::Said;
            cx.tell(super::LegEvent::Cancelled);
            self.over(cx);
        }
    }
}

fn note_refusing(cx: &mut Cx<'_>, peer: SocketAddr) {
    let now = cx.core.now;
    let refusing = &mut cx.shared.refusing;
    if refusing.len() >= REFUSING_MAX {
        refusing.retain(|_, until| *until > now);
    }
    if refusing.len() < REFUSING_MAX {
        refusing.insert(peer, now + REFUSING_TIME);
    }
}
