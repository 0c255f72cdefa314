//! Requests in an answered call: a re-INVITE is passed on and its answer back, INFO too.
//!
//! Hold, resume and a change of codec or address are all one exchange of offer and answer
//! (RFC 3264 §8). Until the other leg has agreed, what was agreed before stays in force.

use ipc::store::Outcome;
use sansio::Instant;
use sdp::{Session, Side};
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::fork::description;
use super::incoming::read_offer;
use super::leg::SDP;
use super::table::{Index, Purpose};
use super::{Call, EXCHANGES_REMEMBERED, End, Phase, TRANSACTION_TIME_MAX};
use crate::core::Core;
use crate::interface::PeerFault;
use crate::requests::{ALLOW, allowing, bad_extension};

/// A re-INVITE between the two legs.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Who wants something else.
    from: End,
    server: ServerId,
    request: Request,
    /// `None` when it wants an offer from the other leg.
    offer: Option<(Session, Side)>,
    client: ClientId,
    /// CSeq of the INVITE passed on.
    cseq: u32,
    /// When it is taken back: a 1xx stops the transaction's own clock. `None` once it has been.
    pub(super) give_up_at: Option<Instant>,
}

impl Call {
    /// A request in one of the call's dialogs.
    pub(super) fn request(
        &mut self,
        core: &mut Core,
        index: &mut Index,
        end: End,
        id: ServerId,
        flow: Flow,
        request: &Request,
    ) {
        let Some(leg) = self.leg(end) else { return };
        let Ok(cseq) = request.headers.cseq() else {
            self.reply(core, id, request, StatusCode::BAD_REQUEST);
            return;
        };
        if leg
            .dialog
            .remote_cseq
            .is_some_and(|known| cseq.number <= known)
        {
            core.peer_fault(flow, PeerFault::CSeqTooLow);
            self.reply(core, id, request, StatusCode::SERVER_INTERNAL_ERROR);
            return;
        }
        leg.dialog.remote_cseq = Some(cseq.number);
        // The tags of the dialog prove the peer; where it is now, the next request shall go.
        leg.dialog.flow = flow;
        match request.method {
            Method::Bye => {
                self.reply(core, id, request, StatusCode::OK);
                self.bye(core, end);
            }
            Method::Invite => self.reinvite(core, index, end, id, request),
            Method::Info => self.pass(core, index, end, id, request),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Message
            | Method::Notify
            | Method::Prack
            | Method::Publish
            | Method::Refer
            | Method::Subscribe
            | Method::Update
            | Method::Other(_) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                core.respond(id, allowing(Response::to_request(request, status, None)));
            }
        }
    }

    fn reinvite(
        &mut self,
        core: &mut Core,
        index: &mut Index,
        end: End,
        id: ServerId,
        request: &Request,
    ) {
        let Some(other) = self.other(end) else {
            let status = match self.phase {
                Phase::Ending => StatusCode::CALL_DOES_NOT_EXIST,
                Phase::Opening | Phase::Calling { .. } | Phase::Talking { .. } => {
                    StatusCode::REQUEST_PENDING
                }
            };
            self.reply(core, id, request, status);
            return;
        };
        if self.is_busy(core, end, other, id, request) {
            return;
        }
        if let Some(response) = bad_extension(core, request) {
            core.respond(id, response);
            return;
        }
        let Some(leg) = self.leg(end) else { return };
        let offer = match read_offer(core, leg.dialog.flow, request) {
            Ok(offer) => offer,
            Err(response) => {
                core.respond(id, response);
                return;
            }
        };
        leg.dialog.refresh(&request.headers);
        core.respond(id, Response::to_request(request, StatusCode::TRYING, None));
        let passed = self.pass_offer(core, other, offer.as_ref());
        let Some((client, cseq, side)) = passed else {
            self.reply(core, id, request, StatusCode::SERVICE_UNAVAILABLE);
            return;
        };
        self.remember(index, client, id);
        let (request, offer) = (request.clone(), offer.zip(side));
        self.exchange = Some(Exchange {
            from: end,
            server: id,
            request,
            offer,
            client,
            cseq,
            give_up_at: Some(core.now + TRANSACTION_TIME_MAX),
        });
    }

    /// Notes whose answers belong to this call, and forgets those of long ago.
    fn remember(&mut self, index: &mut Index, client: ClientId, server: ServerId) {
        index.clients.insert(client, (self.key, Purpose::Exchange));
        index.servers.insert(server, self.key);
        self.exchanges.push_back((client, server));
        if self.exchanges.len() > EXCHANGES_REMEMBERED
            && let Some((client, server)) = self.exchanges.pop_front()
        {
            index.clients.remove(&client);
            index.servers.remove(&server);
        }
    }

    /// RFC 3261 §14.2: one offer at a time. A second one from the same side comes too early, one
    /// from the other side has crossed with the first.
    fn is_busy(
        &mut self,
        core: &mut Core,
        end: End,
        other: End,
        id: ServerId,
        request: &Request,
    ) -> bool {
        let owes = |call: &mut Self, end| call.leg(end).is_some_and(|leg| leg.owed.is_some());
        let unconfirmed =
            |call: &mut Self, end| call.leg(end).is_some_and(|leg| leg.confirmation.is_some());
        let same = self
            .exchange
            .as_ref()
            .is_some_and(|pending| pending.from == end)
            || unconfirmed(self, end);
        let crossed = self.exchange.is_some() || unconfirmed(self, other) || owes(self, end);
        if same {
            let status = StatusCode::SERVER_INTERNAL_ERROR;
            let response = Response::to_request(request, status, None);
            core.respond(id, response.with(HeaderName::RetryAfter, "1"));
        } else if crossed {
            self.reply(core, id, request, StatusCode::REQUEST_PENDING);
        }
        same || crossed
    }

    /// Sends a re-INVITE with our form of an offer, or without one.
    fn pass_offer(
        &mut self,
        core: &mut Core,
        other: End,
        offer: Option<&Session>,
    ) -> Option<(ClientId, u32, Option<Side>)> {
        let port = self.port(other);
        let leg = self.leg(other)?;
        let rewritten = match offer {
            Some(offer) => Some(sdp::rewrite_offer(offer, leg.place(port)).ok()?),
            None => None,
        };
        let mut invite = leg.dialog.request(Method::Invite);
        invite
            .headers
            .push(HeaderName::Contact, leg.dialog.contact());
        invite.headers.push(HeaderName::Allow, ALLOW);
        let mut side = None;
        if let Some((ours, said)) = rewritten {
            side = Some(said);
            invite = invite.with_body(SDP, leg.describe(ours));
        }
        let cseq = leg.dialog.local_cseq;
        let client = core.send(leg.dialog.flow, invite)?;
        Some((client, cseq, side))
    }

    /// An answer to a re-INVITE passed on.
    pub(super) fn exchange_response(
        &mut self,
        core: &mut Core,
        _index: &mut Index,
        id: ClientId,
        response: &Response,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let current = self.exchange.take_if(|pending| pending.client == id);
        let Some(exchange) = current else {
            self.exchange_again(core, response);
            return;
        };
        if !response.status.is_success() {
            self.exchange = Some(exchange);
            self.exchange_failed(core, response.status);
            return;
        }
        if self.agreed(core, &exchange, response).is_none() {
            // The legs now disagree about the media, and only a new call can mend that.
            let status = StatusCode::NOT_ACCEPTABLE_HERE;
            self.reply(core, exchange.server, &exchange.request, status);
            if let Some(other) = self.other(exchange.from)
                && let Some(leg) = self.leg(other)
            {
                leg.acknowledge(core, exchange.cseq, None);
            }
            self.hang_up(core, Outcome::EndedByBox);
        }
    }

    /// A 2xx came again; its ACK was lost.
    fn exchange_again(&mut self, core: &mut Core, response: &Response) {
        let ends: Vec<End> = (0..self.branches.len()).map(End::Branch).collect();
        for end in ends.into_iter().chain([End::Caller]) {
            let Some(leg) = self.leg(end) else { continue };
            let same_call = response
                .headers
                .call_id()
                .is_ok_and(|id| id == leg.dialog.call_id);
            if same_call && response.status.is_success() && leg.owed.is_none() {
                leg.repeat_ack(core);
            }
        }
    }

    /// The other leg agreed: put both descriptions in force and pass the answer back.
    fn agreed(&mut self, core: &mut Core, exchange: &Exchange, response: &Response) -> Option<()> {
        let other = self.other(exchange.from)?;
        let said = description(response)?;
        let port = self.port(exchange.from);
        let place = self.leg(exchange.from)?.place(port);
        let (ours, other_side) = match &exchange.offer {
            Some((offer, _)) => sdp::rewrite_answer(offer, &said, place).ok()?,
            None => sdp::rewrite_offer(&said, place).ok()?,
        };
        if let Some((_, side)) = exchange.offer {
            self.set_media(core, exchange.from, side, true);
        }
        self.set_media(core, other, other_side, true);
        let leg = self.leg(other)?;
        leg.dialog.refresh(&response.headers);
        let pending_offer = match exchange.offer {
            Some(_) => {
                leg.acknowledge(core, exchange.cseq, None);
                None
            }
            None => {
                leg.owe(exchange.cseq, said.clone());
                Some(said)
            }
        };
        let leg = self.leg(exchange.from)?;
        let body = leg.describe(ours);
        leg.confirm(
            core,
            exchange.server,
            &exchange.request,
            body,
            pending_offer,
        );
        Some(())
    }

    /// The other leg did not agree: what was agreed before stays (RFC 3261 §14.1), unless the
    /// other leg is gone.
    pub(super) fn exchange_failed(&mut self, core: &mut Core, status: StatusCode) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        self.reply(core, exchange.server, &exchange.request, status);
        if matches!(
            status,
            StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT
        ) {
            self.hang_up(core, Outcome::EndedByBox);
        }
    }

    /// Who asked took it back.
    pub(super) fn exchange_cancelled(&mut self, core: &mut Core, id: ServerId) {
        if let Some(exchange) = &self.exchange
            && exchange.server == id
        {
            // Its final answer, mostly 487, is passed back like any other.
            core.sip.cancel(core.now, exchange.client, None);
        }
    }

    /// The other leg has not answered in time. What comes of the CANCEL is passed back.
    pub(super) fn exchange_overdue(&mut self, core: &mut Core) {
        if let Some(exchange) = &mut self.exchange
            && exchange.give_up_at.take_if(|at| *at <= core.now).is_some()
        {
            core.sip.cancel(core.now, exchange.client, None);
        }
    }

    /// The call ends while a re-INVITE is on its way.
    pub(super) fn exchange_abandoned(&mut self, core: &mut Core) {
        if let Some(exchange) = self.exchange.take() {
            let status = StatusCode::REQUEST_TERMINATED;
            self.reply(core, exchange.server, &exchange.request, status);
            core.sip.cancel(core.now, exchange.client, None);
        }
    }

    /// INFO (DTMF of phones that do not send it as RTP) goes to the other leg.
    fn pass(
        &mut self,
        core: &mut Core,
        index: &mut Index,
        end: End,
        id: ServerId,
        request: &Request,
    ) {
        let key = self.key;
        let Some(leg) = self.other(end).and_then(|other| self.leg(other)) else {
            self.reply(core, id, request, StatusCode::CALL_DOES_NOT_EXIST);
            return;
        };
        let mut passed = leg.dialog.request(request.method.clone());
        for name in [
            HeaderName::ContentType,
            HeaderName::Other("Info-Package".into()),
        ] {
            if let Some(value) = request.headers.first(&name) {
                passed.headers.push(name.clone(), value);
            }
        }
        passed.body.clone_from(&request.body);
        match core.send(leg.dialog.flow, passed) {
            Some(client) => {
                let purpose = Purpose::Pass(id, Box::new(request.clone()));
                index.clients.insert(client, (key, purpose));
            }
            None => self.reply(core, id, request, StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The other leg answered what was passed on.
    pub(super) fn passed(
        &self,
        core: &mut Core,
        index: &mut Index,
        (client, server): (ClientId, ServerId),
        request: &Request,
        status: StatusCode,
    ) {
        if !status.is_provisional() {
            index.clients.remove(&client);
            self.reply(core, server, request, status);
        }
    }
}
