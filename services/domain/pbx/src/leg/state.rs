//! A leg: its dialog, what is agreed, and what is owed either way.
//!
//! ```text
//!   incoming: Early --2xx sent--> Confirmed --ACK--> (told Acknowledged) --BYE--> Over --> gone
//!   outgoing: Early --2xx, ACK--> Confirmed ---------------------BYE--> Over --> gone
//!                \--- refused, cancelled, no way to the peer ---------/
//! ```
//!
//! `Over` means over for the call: what the peer is still owed (a BYE after its ACK, an ACK and a
//! BYE for a 2xx that crossed our CANCEL, reports on a transfer) is settled without it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use sansio::Instant;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::challenge::Challenges;
use super::exchange::{Exchange, Wants};
use super::media::Endpoint;
use super::next_hop::Routes;
use super::offer_answer::{Place, Talk};
use super::session_timer::SessionTimer;
use super::table::{Purpose, Shared};
use super::transfer::Referral;
use super::uac::Calling;
use super::uas::Incoming;
use super::{EndCause, LegEvent, LegId, Peer, Profile, Use};
use crate::core::Core;
use crate::dialog::Dialog;
use crate::interface::{Output, PeerFault};

/// RFC 3261 §17.1.1.1: an estimate of the round trip.
pub(super) const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2: the longest interval between two repetitions.
pub(super) const T2: Duration = Duration::from_secs(4);
/// 64*T1: after that a peer that says nothing is gone.
pub(super) const TRANSACTION_TIME_MAX: Duration = Duration::from_secs(32);
/// How long an ended leg may still settle: an INVITE's transaction, an ACK awaited, a BYE's.
pub(super) const SETTLE_TIME_MAX: Duration = Duration::from_secs(100);
/// How long the reports on a transfer may outlive the leg that asked for it (RFC 3515 §2.4.4).
pub(super) const REFERRAL_TIME_MAX: Duration = Duration::from_secs(180);
/// ACKs kept for 2xx that may be repeated; older ones were heard long ago.
const ACKS_MAX: usize = 4;

/// What we take in a dialog.
pub(super) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY";
/// Extensions we know.
pub(super) const SUPPORTED: [&str; 4] = ["100rel", "timer", "replaces", "norefersub"];
/// What we write bodies as.
pub(super) const SDP: &str = "application/sdp";

/// How far a leg has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Its first INVITE has no final answer.
    Early,
    /// 2xx.
    Confirmed,
    /// Over for the call.
    Over,
}

/// Who sent the first INVITE, with what only that one needs.
#[derive(Debug)]
pub(super) enum First {
    /// The peer.
    Incoming(Box<Incoming>),
    /// We.
    Outgoing(Box<Calling>),
    /// One of us, in an earlier process.
    Restored {
        /// We made the Call-ID.
        ours: bool,
    },
}

/// How far the end of the dialog has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Farewell {
    /// Not at its end.
    None,
    /// A BYE will go out once the peer has acknowledged our 2xx (RFC 3261 §15).
    Wanted,
    /// A BYE went either way, or the peer is beyond reach.
    Said,
}

/// What a peer said that it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Abilities {
    /// Its Allow has UPDATE.
    pub(super) update: bool,
    /// Its Allow has INFO.
    pub(super) info: bool,
}

/// A 2xx to an INVITE, repeated until its ACK (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(super) struct Confirmation {
    pub(super) response: Response,
    pub(super) server: ServerId,
    pub(super) cseq: u32,
    /// The 2xx holds an offer; the ACK brings the answer.
    pub(super) late: bool,
    interval: Duration,
    repeat_at: Instant,
    give_up_at: Instant,
}

impl Confirmation {
    /// A 2xx that was just sent.
    pub(super) fn new(now: Instant, response: Response, server: ServerId, cseq: u32) -> Self {
        Self {
            response,
            server,
            cseq,
            late: false,
            interval: T1,
            repeat_at: now + T1,
            give_up_at: now + TRANSACTION_TIME_MAX,
        }
    }

    /// The same, with an offer in it or not.
    pub(super) const fn with_offer(mut self, late: bool) -> Self {
        self.late = late;
        self
    }
}

/// Where we are, for a description.
pub(super) fn place<'a>(
    profile: &'a Profile,
    dialog: &Dialog,
    endpoint: &Endpoint,
    peer: &Peer,
) -> Place<'a> {
    Place {
        profile,
        address: own_address(dialog.flow),
        port: endpoint.port,
        // Every phone ignores what it does not know; some carriers' gateways do not.
        mux: matches!(peer, Peer::Extension(_)),
    }
}

/// Our address on a flow, for descriptions: IPv4 as IPv4, also on a socket of both versions.
pub(super) const fn own_address(flow: Flow) -> IpAddr {
    flow.local.ip().to_canonical()
}

/// The extensions we use with a peer, for Supported.
pub(super) fn supported(profile: &Profile) -> &'static str {
    match (profile.reliable, profile.timer) {
        (Use::Off, Use::Off) => "replaces, norefersub",
        (Use::Off, Use::Supported | Use::Required) => "timer, replaces, norefersub",
        (Use::Supported | Use::Required, Use::Off) => "100rel, replaces, norefersub",
        (Use::Supported | Use::Required, Use::Supported | Use::Required) => {
            "100rel, timer, replaces, norefersub"
        }
    }
}

/// A response with what makes or keeps a dialog: our tag, Contact, Allow, Supported.
pub(super) fn response(
    dialog: &Dialog,
    profile: &Profile,
    request: &Request,
    status: StatusCode,
) -> Response {
    Response::to_request(request, status, Some(dialog.local_tag()))
        .with(HeaderName::Contact, dialog.contact())
        .with(HeaderName::Allow, ALLOW)
        .with(HeaderName::Supported, supported(profile))
}

/// One leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) peer: Peer,
    pub(super) profile: Profile,
    pub(super) phase: Phase,
    pub(super) first: First,
    pub(super) dialog: Dialog,
    pub(super) talk: Talk,
    pub(super) endpoint: Endpoint,
    pub(super) abilities: Abilities,
    pub(super) confirmations: Vec<Confirmation>,
    /// A request of ours that changes or refreshes the session.
    pub(super) exchange: Option<Exchange>,
    pub(super) wants: Wants,
    pub(super) session: SessionTimer,
    pub(super) challenges: Option<Challenges>,
    pub(super) referral: Option<Referral>,
    /// INFOs that ask to be recorded, or not any more; the call answers them at once.
    pub(super) record_wishes: VecDeque<(ServerId, Box<Request>)>,
    pub(super) farewell: Farewell,
    /// Reason (RFC 3326) for the BYE.
    pub(super) reason: Option<&'static str>,
    /// The connection to the peer is gone.
    pub(super) flow_lost: bool,
    /// Ways tried since, without word from the peer.
    pub(super) reroutes: u8,
    /// Where requests to a trunk go.
    pub(super) routes: Routes,
    /// Where the first INVITE went to or came from; `None` after a restart.
    pub(super) origin: Option<IpAddr>,
    /// A request or an ACK of the peer came in the dialog.
    pub(super) heard: bool,
    /// Requests of ours that have no final answer.
    pub(super) clients: Vec<ClientId>,
    /// INVITEs of ours whose 2xx may come again.
    pub(super) repeating: Vec<ClientId>,
    /// CSeq, peer's tag and ACK of the last 2xx.
    pub(super) acks: Vec<(u32, String, Request)>,
    /// By when everything has to be settled.
    pub(super) settle_by: Option<Instant>,
    /// The call was told the figures of the endpoint.
    pub(super) closed_told: bool,
    /// When the end that an earlier process left unsaid is said.
    pub(super) end_at: Option<Instant>,
    /// When the table will look after it next.
    pub(super) scheduled: Option<Instant>,
}

/// What a leg works with: the core, what all legs share, and its own name.
pub(super) struct Cx<'a> {
    pub(super) core: &'a mut Core,
    pub(super) shared: &'a mut Shared,
    pub(super) id: LegId,
}

impl Cx<'_> {
    /// Tells the call something.
    pub(super) fn tell(&mut self, event: LegEvent) {
        self.shared.events.push_back((self.id, event));
    }

    /// Answers a request in the dialog with nothing but a status.
    pub(super) fn reply(&mut self, id: ServerId, request: &Request, status: StatusCode) {
        self.core
            .respond(id, Response::to_request(request, status, None));
    }

    /// Tells that a peer's description is of no use.
    pub(super) fn bad_description(&mut self, flow: Flow, reason: String) {
        let fault = PeerFault::BadDescription { reason };
        self.core.peer_fault(flow, fault);
    }
}

impl Leg {
    /// A leg at its beginning.
    pub(super) fn new(
        id: LegId,
        peer: Peer,
        profile: Profile,
        first: First,
        dialog: Dialog,
        endpoint: Endpoint,
    ) -> Self {
        let origin = dialog.flow.remote.ip().to_canonical();
        Self {
            id,
            peer,
            profile,
            phase: Phase::Early,
            first,
            dialog,
            talk: Talk::new(id.0),
            endpoint,
            abilities: Abilities::default(),
            confirmations: Vec::new(),
            exchange: None,
            wants: Wants::default(),
            session: SessionTimer::default(),
            challenges: None,
            referral: None,
            record_wishes: VecDeque::new(),
            farewell: Farewell::None,
            reason: None,
            flow_lost: false,
            reroutes: 0,
            routes: Routes::default(),
            origin: Some(origin),
            heard: false,
            clients: Vec::new(),
            repeating: Vec::new(),
            acks: Vec::new(),
            settle_by: None,
            closed_told: false,
            end_at: None,
            scheduled: None,
        }
    }

    /// Notes what a peer's message says that it takes.
    pub(super) fn learn(&mut self, headers: &sip::Headers) {
        if headers.first(&HeaderName::Allow).is_some() {
            self.abilities = Abilities {
                update: headers.allows(&Method::Update),
                info: headers.allows(&Method::Info),
            };
        }
    }

    /// Tells `media` what was agreed.
    pub(super) fn set_media(&self, cx: &mut Cx<'_>, talk: &Talk, relatch: bool) {
        let rollover = self.endpoint.stats.rollover;
        let remote = self.dialog.flow.remote;
        let site = cx.core.site.as_ref();
        let tones = site.map(|(_, site)| site.dialling.tones());
        let tones = tones.unwrap_or_default();
        if let Some(request) = talk.set(self.id.0, remote, relatch, rollover, tones) {
            cx.core.emit(Output::Sound(request));
        }
    }

    /// A negotiation has ended: `media` hears of it, and the call if it matters to it.
    pub(super) fn agreed_anew(&self, cx: &mut Cx<'_>, before: &super::Agreement) {
        self.set_media(cx, &self.talk, true);
        if self.phase == Phase::Confirmed && self.talk.agreement() != *before {
            cx.tell(LegEvent::Changed);
        }
    }

    /// Sends a request in a dialog, or the first INVITE, by the way that leads to the peer.
    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        mut request: Request,
        purpose: Purpose,
    ) -> Option<ClientId> {
        let may_sign = self.may_sign(cx.core, purpose);
        if let Some(challenges) = self.challenges.as_mut().filter(|_| may_sign) {
            challenges.authorize(&mut cx.core.secrets, &mut request);
        }
        self.send_as_is(cx, request, purpose, 0)
    }

    /// Answers an INVITE of the peer with 200 and starts to repeat it.
    pub(super) fn confirm(
        &mut self,
        cx: &mut Cx<'_>,
        server: ServerId,
        invite: &Request,
        body: Option<Vec<u8>>,
        late: bool,
    ) {
        let mut response = response(&self.dialog, &self.profile, invite, StatusCode::OK);
        self.session
            .answer(cx.core.now, &self.profile, invite, &mut response);
        self.identify_in(&mut response.headers);
        if let Some(body) = body {
            response = response.with_body(SDP, body);
        }
        cx.core.respond(server, response.clone());
        let cseq = invite.headers.cseq().map_or(0, |cseq| cseq.number);
        let confirmation = Confirmation::new(cx.core.now, response, server, cseq);
        self.confirmations.push(confirmation.with_offer(late));
    }

    /// Repeats what is unacknowledged; ends the leg when the peer has been silent for too long.
    fn repeat_confirmations(&mut self, cx: &mut Cx<'_>) {
        let now = cx.core.now;
        let lost = |one: &Confirmation| now >= one.give_up_at;
        if self.confirmations.iter().any(lost) {
            // RFC 3261 §13.3.1.4: no ACK within 64*T1, so the session ends with a BYE.
            self.confirmations.clear();
            self.lose(cx, EndCause::PeerLost);
            self.bye(cx);
            return;
        }
        for pending in &mut self.confirmations {
            if now >= pending.repeat_at {
                pending.interval = pending.interval.saturating_mul(2).min(T2);
                pending.repeat_at = now + pending.interval;
                cx.core.respond(pending.server, pending.response.clone());
            }
        }
    }

    /// Acknowledges a 2xx of the peer in the dialog at hand.
    pub(super) fn acknowledge(
        &mut self,
        cx: &mut Cx<'_>,
        dialog: &Dialog,
        cseq: u32,
        credentials: &[(HeaderName, Vec<u8>)],
    ) {
        let mut ack = dialog.ack(cseq);
        let may_sign = self.is_carriers(cx.core, dialog.next_hop());
        for (name, value) in credentials.iter().filter(|_| may_sign) {
            // RFC 3261 §22.1: the ACK has the credentials of its INVITE.
            ack.headers.push(name.clone(), value.clone());
        }
        self.send_ack(cx, dialog, ack.clone());
        if self.acks.len() >= ACKS_MAX {
            self.acks.remove(0);
        }
        let tag = dialog.remote.tag().unwrap_or_default().to_owned();
        self.acks.push((cseq, tag, ack));
    }

    /// Repeats an ACK because the peer repeats its 2xx; false when it has had none.
    pub(super) fn acknowledge_again(&mut self, cx: &mut Cx<'_>, response: &Response) -> bool {
        let Ok(cseq) = response.headers.cseq() else {
            return false;
        };
        let to = response.headers.to().ok();
        let tag = to.as_ref().and_then(sip::NameAddr::tag).unwrap_or_default();
        let known = |(number, of, _): &&(u32, String, Request)| *number == cseq.number && of == tag;
        let Some((_, _, ack)) = self.acks.iter().find(known) else {
            return false;
        };
        let ack = ack.clone();
        self.repeat_ack(cx, ack);
        true
    }

    /// Says good-bye, now or as soon as the peer may hear it.
    pub(super) fn bye(&mut self, cx: &mut Cx<'_>) {
        if self.farewell == Farewell::Said {
            return;
        }
        if !self.confirmations.is_empty() {
            self.farewell = Farewell::Wanted;
            return;
        }
        self.farewell = Farewell::Said;
        let mut bye = self.dialog.request(Method::Bye);
        if let Some(reason) = self.reason {
            bye.headers.push(HeaderName::Reason, reason);
        }
        self.send(cx, bye, Purpose::Bye);
    }

    /// The leg is over without the call's doing: the call is told why.
    pub(super) fn lose(&mut self, cx: &mut Cx<'_>, cause: EndCause) {
        if self.phase != Phase::Over {
            cx.tell(LegEvent::Ended(cause));
            self.over(cx);
        }
    }

    /// Over for the call; the endpoint goes, the rest settles.
    pub(super) fn over(&mut self, cx: &mut Cx<'_>) {
        self.phase = Phase::Over;
        self.wants = Wants::default();
        self.session.start(cx.core.now, 0, false);
        let open = self.referral.as_ref().is_some_and(Referral::is_active);
        let time = match open {
            true => REFERRAL_TIME_MAX,
            false => SETTLE_TIME_MAX,
        };
        self.settle_by = Some(cx.core.now + time);
        self.endpoint.close(cx.core);
        self.told_closed(cx);
    }

    /// The last event: what passed through the endpoint, once that is known.
    pub(super) fn told_closed(&mut self, cx: &mut Cx<'_>) {
        if self.phase == Phase::Over && self.endpoint.is_closed() && !self.closed_told {
            self.closed_told = true;
            let stats = Box::new(std::mem::take(&mut self.endpoint.stats));
            cx.tell(LegEvent::Closed(stats));
        }
    }

    /// Whether nothing is left to wait for.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        if self.phase != Phase::Over || !self.closed_told {
            return false;
        }
        let overdue = self.settle_by.is_some_and(|by| by <= now);
        let referring = self.referral.as_ref().is_some_and(Referral::is_active);
        let waiting = self.farewell == Farewell::Wanted
            || !self.confirmations.is_empty()
            || self.end_at.is_some();
        overdue || (self.clients.is_empty() && self.routes.is_idle() && !referring && !waiting)
    }

    /// When [`Self::timer`] is wanted.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let repeats = self.confirmations.iter();
        let repeats = repeats.map(|one| one.repeat_at.min(one.give_up_at));
        let first = match &self.first {
            First::Incoming(incoming) => incoming.deadline(),
            First::Outgoing(calling) => calling.deadline(),
            First::Restored { .. } => None,
        };
        let exchange = self.exchange.as_ref().and_then(Exchange::deadline);
        let others = [
            self.endpoint.deadline(),
            self.settle_by,
            self.end_at,
            self.session.deadline(),
            self.wants.deadline(),
            exchange,
            first,
        ];
        repeats.chain(others.into_iter().flatten()).min()
    }

    /// Time has passed.
    pub(super) fn timer(&mut self, cx: &mut Cx<'_>) {
        let heard = self.endpoint.timer(cx.core);
        self.heard(cx, heard);
        self.repeat_confirmations(cx);
        self.repeat_reliable(cx);
        self.repeat_progress(cx);
        self.calling_timer(cx);
        self.exchange_timer(cx);
        self.session_due(cx);
        self.end_due(cx);
    }
}
