//! A confirmed or early session changed: re-INVITE and UPDATE, either way (RFC 3261 §14, RFC 3311).

use std::time::Duration;

use ipc::sound::Codec;
use sansio::Instant;
use sdp::AudioFault;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{HeaderName, Headers, Method, NameAddr, Request, Response, StatusClass, StatusCode, Uri};

use super::offer_answer::Offer;
use super::session_timer::{self, Due, MIN_SE};
use super::state::{
    ALLOW, Cx, First, Leg, Phase, SDP, TRANSACTION_TIME_MAX, own_address, place, supported,
};
use super::table::Purpose;
use super::uas::read_offer;
use super::{Agreement, EndCause, LegEvent};
use crate::core::event_text;

/// Glare is waited out in steps of 10 ms (RFC 3261 §14.1).
const GLARE_STEP: Duration = Duration::from_millis(10);
/// How often a change of ours is tried before it is given up.
const TRIES_MAX: u8 = 8;

/// A request of ours that changes or refreshes the session.
#[derive(Debug)]
pub(super) struct Exchange {
    client: ClientId,
    /// A re-INVITE; UPDATE otherwise.
    invite: bool,
    cseq: u32,
    /// What it was for, to be wanted again.
    wants: Wants,
    before: Agreement,
    give_up_at: Option<Instant>,
}

impl Exchange {
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.give_up_at
    }
}

/// What is to be told to the peer as soon as nothing else is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Wants {
    /// An offer of these codecs.
    pub(super) codecs: Option<Vec<Codec>>,
    /// A refresh of the session timer.
    pub(super) refresh: bool,
    /// P-Asserted-Identity.
    pub(super) identity: Option<String>,
    not_before: Option<Instant>,
    tries: u8,
}

impl Wants {
    const fn is_something(&self, update: bool) -> bool {
        self.codecs.is_some() || self.refresh || (update && self.identity.is_some())
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.not_before
    }
}

impl Leg {
    /// Sends what is wanted if nothing else is under way.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) {
        let now = cx.core.now;
        let free = self.phase == Phase::Confirmed
            && self.farewell == super::state::Farewell::None
            && self.exchange.is_none()
            && self.confirmations.is_empty()
            && self.endpoint.is_open()
            && !self.talk.is_offering();
        if !free || !self.wants.is_something(self.abilities.update) {
            return;
        }
        if self.wants.not_before.is_some_and(|at| at > now) {
            return;
        }
        if !self.has_way(cx) {
            return;
        }
        self.wants.not_before = None;
        self.start_exchange(cx);
    }

    fn start_exchange(&mut self, cx: &mut Cx<'_>) {
        let mut wants = std::mem::take(&mut self.wants);
        let before = self.talk.agreement();
        let address = own_address(self.dialog.flow);
        let offered = wants.codecs.as_ref().and_then(|codecs| {
            let place = place(&self.profile, &self.dialog, &self.endpoint, &self.peer);
            self.talk.offer(&mut cx.core.secrets, place, codecs)
        });
        if offered.is_none() {
            // The profile allows none of them; what else is wanted is still to be said.
            wants.codecs = None;
            if !wants.is_something(self.abilities.update) {
                self.wants.identity = wants.identity;
                return;
            }
        }
        let body = match offered {
            None if !self.abilities.update => self.talk.offer_again(address),
            offered => offered,
        };
        let method = match body {
            Some(_) => Method::Invite,
            None => Method::Update,
        };
        let invite = method == Method::Invite;
        let mut request = self.dialog.request(method);
        let headers = &mut request.headers;
        headers.push(HeaderName::Contact, self.dialog.contact());
        headers.push(HeaderName::Allow, ALLOW);
        headers.push(HeaderName::Supported, supported(&self.profile));
        if let Some(identity) = &wants.identity {
            headers.push(HeaderName::PAssertedIdentity, identity.as_str());
        }
        self.session.ask_again(&mut request);
        if let Some(body) = body {
            request = request.with_body(SDP, body);
        }
        let cseq = self.dialog.local_cseq;
        let Some(client) = self.send(cx, request, Purpose::Exchange) else {
            self.talk.withdraw();
            self.want_again(wants, cx.core.now + Duration::from_secs(1));
            return;
        };
        self.exchange = Some(Exchange {
            client,
            invite,
            cseq,
            wants,
            before,
            give_up_at: invite.then(|| cx.core.now + TRANSACTION_TIME_MAX),
        });
    }

    /// The exchange went out again: with credentials, or by another way.
    pub(super) fn exchange_sent(&mut self, client: ClientId) {
        let cseq = self.dialog.local_cseq;
        if let Some(exchange) = &mut self.exchange {
            exchange.client = client;
            exchange.cseq = cseq;
        }
    }

    fn want_again(&mut self, wants: Wants, not_before: Instant) {
        if wants.tries >= TRIES_MAX {
            if wants.refresh {
                // A session does not end because its refresh met with glare (RFC 4028 §10).
                self.session.refused(not_before);
            }
            return;
        }
        let newer = std::mem::take(&mut self.wants);
        self.wants = Wants {
            codecs: newer.codecs.or(wants.codecs),
            refresh: newer.refresh || wants.refresh,
            identity: newer.identity.or(wants.identity),
            not_before: Some(not_before),
            tries: wants.tries.saturating_add(1),
        };
    }

    /// An answer to our re-INVITE or UPDATE.
    pub(super) fn exchange_response(&mut self, cx: &mut Cx<'_>, id: ClientId, response: &Response) {
        if response.status.is_provisional() {
            return;
        }
        let current = self.exchange.take_if(|exchange| exchange.client == id);
        let Some(exchange) = current else {
            // A 2xx came again, or after the end; it must be acknowledged all the same.
            if response.status.is_success() && !self.acknowledge_again(cx, response) {
                self.acknowledge_own(cx, response);
            }
            self.answered(cx, id);
            return;
        };
        match response.status.class() {
            StatusClass::Success => {
                self.answered(cx, id);
                self.exchange_agreed(cx, &exchange, response);
            }
            StatusClass::Provisional
            | StatusClass::Redirection
            | StatusClass::RequestFailure
            | StatusClass::ServerFailure
            | StatusClass::GlobalFailure => {
                self.exchange = Some(exchange);
                if self.answer_challenge(cx, id, response) {
                    return;
                }
                self.forget(cx, id);
                if let Some(exchange) = self.exchange.take() {
                    self.exchange_refused(cx, exchange, response.status, &response.headers);
                }
            }
        }
    }

    fn acknowledge_own(&mut self, cx: &mut Cx<'_>, response: &Response) {
        let cseq = response.headers.cseq();
        if let Ok(cseq) = cseq
            && cseq.method == Method::Invite
        {
            let dialog = self.dialog.clone();
            self.acknowledge(cx, &dialog, cseq.number, &[]);
        }
    }

    fn exchange_agreed(&mut self, cx: &mut Cx<'_>, exchange: &Exchange, response: &Response) {
        self.dialog.refresh(&response.headers);
        self.learn(&response.headers);
        if exchange.invite {
            let dialog = self.dialog.clone();
            self.acknowledge(cx, &dialog, exchange.cseq, &[]);
            match self.take_answer(cx.core, &response.headers, &response.body) {
                Ok(()) => self.agreed_anew(cx, &exchange.before),
                Err(reason) => {
                    // What was agreed before stays (RFC 3261 §14.1).
                    self.talk.withdraw();
                    cx.bad_description(self.dialog.flow, event_text(&reason));
                }
            }
        }
        if self.session.interval > 0
            || response
                .headers
                .session_expires()
                .is_ok_and(|it| it.is_some())
        {
            self.session.agreed(cx.core.now, &response.headers);
        }
    }

    /// The peer did not agree: what was agreed before stays (RFC 3261 §14.1), unless the dialog is
    /// gone (RFC 5057 §5.1).
    fn exchange_refused(
        &mut self,
        cx: &mut Cx<'_>,
        exchange: Exchange,
        status: StatusCode,
        headers: &Headers,
    ) {
        self.talk.withdraw();
        let now = cx.core.now;
        let after = headers.retry_after().ok().flatten();
        let after = after.map(|it| Duration::from_secs(u64::from(it.seconds)));
        match status.code() {
            408 | 481 => {
                self.lose(cx, EndCause::PeerLost);
                self.bye(cx);
            }
            491 => {
                let wait = self.glare_wait(cx);
                self.want_again(exchange.wants, now + wait);
            }
            422 if exchange.wants.refresh => {
                let least = headers.min_se().ok().flatten().unwrap_or(0);
                self.session.least = self.session.least.max(least);
                self.want_again(exchange.wants, now);
            }
            500 | 503 if after.is_some() => {
                self.want_again(exchange.wants, now + after.unwrap_or_default());
            }
            405 | 501 if !exchange.invite => {
                // It said that it takes UPDATE, but does not.
                self.abilities.update = false;
                self.want_again(exchange.wants, now);
            }
            _ => {
                if exchange.wants.refresh {
                    self.session.refused(now);
                }
            }
        }
    }

    /// RFC 3261 §14.1: 2.1 to 4 seconds for who made the Call-ID, 0 to 2 for the other.
    fn glare_wait(&self, cx: &mut Cx<'_>) -> Duration {
        let owner = match &self.first {
            First::Outgoing(_) => true,
            First::Incoming(_) => false,
            First::Restored { ours } => *ours,
        };
        let (least, steps) = match owner {
            true => (Duration::from_millis(2100), 191),
            false => (Duration::ZERO, 201),
        };
        let step = u32::try_from(cx.core.secrets.number() % steps).unwrap_or_default();
        least + GLARE_STEP * step
    }

    /// No answer, or no way to the peer.
    pub(super) fn exchange_lost(&mut self, cx: &mut Cx<'_>) {
        if self.exchange.take().is_some() {
            self.talk.withdraw();
            self.lose(cx, EndCause::PeerLost);
            self.bye(cx);
        }
    }

    /// The peer rings instead of answering a re-INVITE: it is taken back.
    pub(super) fn exchange_timer(&mut self, cx: &mut Cx<'_>) {
        // Whatever else is still under way: what waits for that needs no timer.
        self.wants.not_before.take_if(|at| *at <= cx.core.now);
        if let Some(exchange) = &mut self.exchange
            && exchange
                .give_up_at
                .take_if(|at| *at <= cx.core.now)
                .is_some()
        {
            let client = exchange.client;
            cx.core.sip.cancel(cx.core.now, client, None);
        }
    }

    /// The leg ends while a request of ours is under way.
    pub(super) fn abandon_exchange(&mut self, cx: &mut Cx<'_>) {
        if let Some(exchange) = self.exchange.take()
            && exchange.invite
        {
            cx.core.sip.cancel(cx.core.now, exchange.client, None);
        }
        self.talk.withdraw();
    }

    /// The session timer.
    pub(super) fn session_due(&mut self, cx: &mut Cx<'_>) {
        match self.session.timer(cx.core.now) {
            Due::Nothing => {}
            Due::Refresh => self.wants.refresh = true,
            Due::Expired => {
                self.abandon_exchange(cx);
                self.lose(cx, EndCause::SessionExpired);
                self.bye(cx);
            }
        }
    }

    /// Answers an offer of the peer.
    pub(super) fn answer_to(
        &mut self,
        cx: &mut Cx<'_>,
        offer: &Offer,
    ) -> Result<Vec<u8>, AudioFault> {
        let place = place(&self.profile, &self.dialog, &self.endpoint, &self.peer);
        self.talk.answer(&mut cx.core.secrets, place, offer)
    }

    /// A re-INVITE of the peer: answered at once, by this leg alone.
    pub(super) fn reinvited(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        if !self.may_offer(cx, id, request) || self.asks_too_short(cx, id, request) {
            return;
        }
        let tag = self.dialog.local_tag().to_owned();
        let flow = self.dialog.flow;
        let offer = match read_offer(cx.core, flow, request, &self.profile, &tag) {
            Ok(offer) => offer,
            Err(response) => {
                cx.core.respond(id, response);
                return;
            }
        };
        let before = self.talk.agreement();
        let described = match &offer {
            Some(offer) => self.answer_to(cx, offer).ok(),
            None => self.own_offer(cx),
        };
        let Some(body) = described else {
            return cx.reply(id, request, StatusCode::NOT_ACCEPTABLE_HERE);
        };
        self.dialog.refresh(&request.headers);
        self.confirm(cx, id, request, Some(body), offer.is_none());
        if offer.is_some() {
            self.agreed_anew(cx, &before);
        }
    }

    /// An UPDATE of the peer.
    pub(super) fn updated(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        if self.asks_too_short(cx, id, request) {
            return;
        }
        if !request.body.is_empty() && !self.may_offer(cx, id, request) {
            return;
        }
        self.dialog.refresh(&request.headers);
        self.answer_update(cx, id, request);
    }

    /// One offer at a time (RFC 3261 §14.2, RFC 3311 §5.2): one that crosses ours gets 491, one
    /// that comes before we have answered the last gets 500.
    fn may_offer(&self, cx: &mut Cx<'_>, id: ServerId, request: &Request) -> bool {
        let ours = self.talk.is_offering();
        let theirs = match &self.first {
            First::Incoming(incoming) => {
                self.phase == Phase::Early
                    && (request.method == Method::Invite
                        || (incoming.offer.is_some() && self.talk.ours.is_none()))
            }
            First::Outgoing(_) | First::Restored { .. } => false,
        };
        if theirs {
            let wait = cx.core.secrets.number() % 11;
            let status = StatusCode::SERVER_INTERNAL_ERROR;
            let response = Response::to_request(request, status, None)
                .with(HeaderName::RetryAfter, wait.to_string());
            cx.core.respond(id, response);
        } else if ours || (self.phase == Phase::Early && request.method == Method::Invite) {
            cx.reply(id, request, StatusCode::REQUEST_PENDING);
        }
        !(ours || theirs || (self.phase == Phase::Early && request.method == Method::Invite))
    }

    fn asks_too_short(&self, cx: &mut Cx<'_>, id: ServerId, request: &Request) -> bool {
        let short = session_timer::is_too_short(&self.profile, request);
        if short {
            let status = StatusCode::new(422).unwrap_or(StatusCode::BAD_REQUEST);
            let response = Response::to_request(request, status, None)
                .with(HeaderName::MinSe, MIN_SE.to_string());
            cx.core.respond(id, response);
        }
        short
    }

    /// Offers other codecs.
    pub(super) fn renegotiate(&mut self, prefer: &[Codec]) {
        if self.phase == Phase::Confirmed {
            self.talk.prefer = prefer.to_vec();
            self.wants.codecs = Some(prefer.to_vec());
            self.wants.tries = 0;
        }
    }

    /// Notes who the peer is connected to.
    pub(super) fn identify(&mut self, name: &str, number: &str) {
        if self.phase == Phase::Over {
            return;
        }
        let flow: Flow = self.dialog.flow;
        let host = sip::Host::from_ip(flow.local.ip());
        let mut who = NameAddr::new(Uri::sip(Some(number), host, None));
        who.display = (!name.is_empty()).then(|| name.to_owned());
        self.wants.identity = Some(who.to_string());
    }

    /// Puts the identity that waits into a message.
    pub(super) fn identify_in(&mut self, headers: &mut Headers) {
        if let Some(identity) = self.wants.identity.take() {
            headers.push(HeaderName::PAssertedIdentity, identity);
        }
    }

    /// What was asked of `media` came back.
    pub(super) fn heard(&mut self, cx: &mut Cx<'_>, heard: super::media::Heard) {
        use super::media::Heard;
        match heard {
            Heard::Nothing => {}
            Heard::Opened => match (&self.first, self.phase) {
                (First::Outgoing(_), Phase::Early) => self.invite(cx),
                (First::Incoming(_), Phase::Early) => self.go_on(cx),
                (First::Outgoing(_) | First::Incoming(_) | First::Restored { .. }, _) => {}
            },
            Heard::Reopened(moved) => {
                self.set_media(cx, &self.talk, false);
                if moved && let Some(ours) = &self.talk.ours {
                    // The peer has to be told where we listen now.
                    self.wants.codecs = Some(ours.codecs.clone());
                }
                cx.tell(LegEvent::MediaRestored);
            }
            Heard::Failed if self.phase == Phase::Over => self.told_closed(cx),
            Heard::Failed => self.no_port(cx),
            Heard::Closed => self.told_closed(cx),
        }
    }
}
