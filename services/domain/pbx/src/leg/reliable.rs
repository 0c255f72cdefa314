//! Reliable provisional responses (RFC 3262), sent and received.

use std::time::Duration;

use sansio::Instant;
use sip::transaction::ServerId;
use sip::{HeaderName, Headers, Method, RAck, Request, Response, StatusCode};

use super::state::{Cx, Leg, SDP, T1, TRANSACTION_TIME_MAX, response};
use super::table::Purpose;
use super::{EndCause, Use};
use crate::core::Core;

/// The option tag.
pub(super) const RELIABLE: &str = "100rel";

/// Our side towards a caller: at most one response is unacknowledged at a time (RFC 3262 §3).
#[derive(Debug)]
pub(super) struct Reliable {
    supported: bool,
    required: bool,
    /// RSeq of the last response.
    rseq: u32,
    /// CSeq number of the INVITE.
    cseq: u32,
    pending: Option<Pending>,
    sent: bool,
}

/// A response that waits for its PRACK.
#[derive(Debug)]
struct Pending {
    response: Response,
    described: bool,
    interval: Duration,
    repeat_at: Instant,
    give_up_at: Instant,
}

/// What a PRACK did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Acknowledged {
    /// It acknowledges the response that waits; true when that had a description.
    Now(bool),
    /// It acknowledges one that needs none any more.
    Before,
    /// It acknowledges nothing of ours.
    Nothing,
}

impl Reliable {
    /// What a caller's INVITE says of them. RSeq begins anywhere in the lower half of its range.
    pub(super) fn new(core: &mut Core, invite: &Request) -> Self {
        let supported = invite.headers.has_option(RELIABLE);
        let random = match supported {
            true => core.secrets.number() & 0x3fff_ffff,
            false => 0,
        };
        Self {
            supported,
            required: invite.headers.requires(RELIABLE),
            rseq: u32::try_from(random).unwrap_or_default(),
            cseq: invite.headers.cseq().map_or(0, |cseq| cseq.number),
            pending: None,
            sent: false,
        }
    }

    /// Whether our provisional responses to this caller are reliable.
    pub(super) fn is_used(&self, profile: Use) -> bool {
        self.required || (self.supported && profile != Use::Off)
    }

    pub(super) const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// RFC 3262 §3: no 2xx while a description that went out has not been acknowledged.
    pub(super) fn holds_answer(&self) -> bool {
        self.pending.as_ref().is_some_and(|one| one.described)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let pending = self.pending.as_ref()?;
        Some(pending.repeat_at.min(pending.give_up_at))
    }

    /// Makes a response reliable, and remembers to repeat it.
    pub(super) fn send(&mut self, now: Instant, response: &mut Response, described: bool) {
        self.rseq = self.rseq.saturating_add(1);
        self.sent = true;
        response.headers.push(HeaderName::Require, RELIABLE);
        response
            .headers
            .push(HeaderName::RSeq, self.rseq.to_string());
        self.pending = Some(Pending {
            response: response.clone(),
            described,
            interval: T1,
            repeat_at: now + T1,
            give_up_at: now + TRANSACTION_TIME_MAX,
        });
    }

    /// A final response went out: nothing is repeated any more.
    pub(super) fn stop(&mut self) {
        self.pending = None;
    }

    /// A PRACK came.
    fn acknowledged(&mut self, rack: &RAck) -> Acknowledged {
        let ours = self.sent && rack.cseq.method == Method::Invite && rack.cseq.number == self.cseq;
        if !ours || rack.rseq != self.rseq {
            return Acknowledged::Nothing;
        }
        match self.pending.take() {
            Some(pending) => Acknowledged::Now(pending.described),
            None => Acknowledged::Before,
        }
    }
}

impl Leg {
    /// Repeats a provisional response; 504 when nobody acknowledges it (RFC 3262 §3).
    pub(super) fn repeat_reliable(&mut self, cx: &mut Cx<'_>) {
        let now = cx.core.now;
        let Some(incoming) = self.incoming() else {
            return;
        };
        let server = incoming.server;
        let Some(pending) = &mut incoming.reliable.pending else {
            return;
        };
        if now >= pending.give_up_at {
            self.refuse(cx, StatusCode::SERVER_TIME_OUT, &[]);
            self.lose(cx, EndCause::PeerLost);
        } else if now >= pending.repeat_at {
            // RFC 3262 §3: the interval doubles without end.
            pending.interval = pending.interval.saturating_mul(2);
            pending.repeat_at = now + pending.interval;
            cx.core.respond(server, pending.response.clone());
        }
    }

    /// A PRACK: answers it, and what waited for it goes on.
    pub(super) fn pracked(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        let rack = request.headers.rack();
        let Ok(rack) = rack else {
            return cx.reply(id, request, StatusCode::BAD_REQUEST);
        };
        let acknowledged = match self.incoming() {
            Some(incoming) => incoming.reliable.acknowledged(&rack),
            None => Acknowledged::Nothing,
        };
        match acknowledged {
            Acknowledged::Nothing => cx.reply(id, request, StatusCode::CALL_DOES_NOT_EXIST),
            Acknowledged::Before => cx.reply(id, request, StatusCode::OK),
            Acknowledged::Now(described) => {
                if self.pracked_body(cx, id, request, described) {
                    self.go_on(cx);
                }
            }
        }
    }

    /// The offer or answer in a PRACK (RFC 3262 §5); false when it cannot be used: what it
    /// acknowledges is acknowledged all the same, with a 2xx as it must be (§3), and the call is
    /// refused.
    fn pracked_body(
        &mut self,
        cx: &mut Cx<'_>,
        id: ServerId,
        request: &Request,
        described: bool,
    ) -> bool {
        if described && let Some(incoming) = self.incoming() {
            incoming.told_reliably = true;
        }
        if self.talk.is_offering() {
            if let Err(reason) = self.take_answer(cx.core, &request.headers, &request.body) {
                cx.bad_description(self.dialog.flow, crate::core::event_text(&reason));
                self.refuse_after_prack(cx, id, request);
                return false;
            }
            self.set_media(cx, &self.talk, true);
            cx.reply(id, request, StatusCode::OK);
            return true;
        }
        let Ok(response) = self.answer_offer(cx, request) else {
            self.refuse_after_prack(cx, id, request);
            return false;
        };
        cx.core.respond(id, response);
        true
    }

    fn refuse_after_prack(&mut self, cx: &mut Cx<'_>, id: ServerId, prack: &Request) {
        cx.reply(id, prack, StatusCode::OK);
        self.refuse(cx, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
        self.lose(cx, EndCause::NoMedia);
    }

    /// Answers an UPDATE, which may make an offer, at once.
    pub(super) fn answer_update(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        let (Ok(response) | Err(response)) = self.answer_offer(cx, request);
        cx.core.respond(id, response);
    }

    /// The answer to a request that may make an offer and is answered at once, PRACK and UPDATE;
    /// an error is the refusal.
    fn answer_offer(&mut self, cx: &mut Cx<'_>, request: &Request) -> Result<Response, Response> {
        let tag = self.dialog.local_tag().to_owned();
        let flow = self.dialog.flow;
        let offer = super::uas::read_offer(cx.core, flow, request, &self.profile, &tag)?;
        let mut response = response(&self.dialog, &self.profile, request, StatusCode::OK);
        if request.method == Method::Update {
            self.session
                .answer(cx.core.now, &self.profile, request, &mut response);
        }
        if let Some(offer) = offer {
            let before = self.talk.agreement();
            let body = self.answer_to(cx, &offer).map_err(|_| {
                Response::to_request(request, StatusCode::NOT_ACCEPTABLE_HERE, None)
            })?;
            response = response.with_body(SDP, body);
            self.agreed_anew(cx, &before);
        }
        Ok(response)
    }

    /// A provisional response that wants to be acknowledged; false when it is a repetition, or one
    /// before it is missing, and it is to be passed over (RFC 3262 §4).
    pub(super) fn acknowledge_progress(
        &mut self,
        cx: &mut Cx<'_>,
        fork: usize,
        headers: &Headers,
    ) -> bool {
        if !headers.requires(RELIABLE) {
            return true;
        }
        let (Ok(Some(rseq)), Ok(cseq)) = (headers.rseq(), headers.cseq()) else {
            return true;
        };
        let Some(known) = self.fork(fork) else {
            return true;
        };
        if known.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
            return false;
        }
        known.rseq = Some(rseq);
        let mut prack = known.dialog.request(Method::Prack);
        let rack = RAck::of_invite(rseq, cseq.number);
        prack.headers.push(HeaderName::RAck, rack.to_string());
        self.send(cx, prack, Purpose::Prack(fork));
        true
    }
}
