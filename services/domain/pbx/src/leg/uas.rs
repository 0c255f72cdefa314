//! The first INVITE, received: progress, answer, refusal, CANCEL, ACK.

use ipc::sound::{Codec, Family};
use sdp::{AudioFault, Session};
use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, Request, Response, StatusCode};

use super::grid;
use super::media::Endpoint;
use super::offer_answer::Offer;
use super::reliable::Reliable;
use super::session_timer::{self, MIN_SE};
use super::state::{Cx, Farewell, First, Leg, Phase, SUPPORTED, own_address, place};
use super::table::{LEGS_MAX, Legs};
use super::{EndCause, HangUp, LegEvent, LegId, Peer, Profile, Use};
use crate::core::{Core, event_text};
use crate::dialog::Dialog;
use crate::interface::Limit;

/// Our first CSeq in a dialog that the peer began; the room below is for nothing.
const CSEQ_FIRST: u32 = 1;
/// How long a peer shall wait when `media` has no room, seconds.
const RETRY_AFTER: &str = "5";

/// What only an incoming leg has.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) server: ServerId,
    pub(super) invite: Request,
    /// The offer; `None` when the peer leaves it to us.
    pub(super) offer: Option<Offer>,
    /// Codecs of the offer.
    pub(super) offered: Vec<Codec>,
    pub(super) reliable: Reliable,
    /// A provisional response that waits for a port, or for the PRACK of the one before.
    pub(super) waiting: Option<(StatusCode, Option<Vec<Codec>>)>,
    /// A 2xx that waits for the same.
    answering: bool,
    /// The last provisional response, and when it is sent again.
    pub(super) again: Option<(sansio::Instant, Response)>,
    /// The answer has been told reliably, so the 2xx need not repeat it.
    pub(super) told_reliably: bool,
    /// Where it stands among those that arrive.
    pub(super) arrival: Option<(String, String)>,
}

impl Incoming {
    /// An INVITE that an earlier process was sent, to be refused.
    pub(super) fn restored(core: &mut Core, server: ServerId, invite: Request) -> Self {
        Self {
            server,
            reliable: Reliable::new(core, &invite),
            invite,
            offer: None,
            offered: Vec::new(),
            waiting: None,
            answering: false,
            again: None,
            told_reliably: false,
            arrival: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<sansio::Instant> {
        let again = self.again.as_ref().map(|(at, _)| *at);
        self.reliable.deadline().into_iter().chain(again).min()
    }
}

/// Why an INVITE becomes no leg.
struct Refusal(Response);

impl Legs {
    pub(super) fn arrive(
        &mut self,
        core: &mut Core,
        id: ServerId,
        flow: Flow,
        request: &Request,
        (peer, profile): (Peer, Profile),
    ) -> Result<LegId, StatusCode> {
        match self.check(core, flow, request, &profile) {
            Ok((leg, dialog, offer, arrival)) => {
                core.respond(id, Response::to_request(request, StatusCode::TRYING, None));
                let endpoint = Endpoint::open(core, leg.0, family(flow));
                let mut leg = Leg::new(
                    leg,
                    peer,
                    profile,
                    First::Incoming(Box::new(Incoming {
                        server: id,
                        invite: request.clone(),
                        offered: codecs(offer.as_ref()),
                        offer,
                        reliable: Reliable::new(core, request),
                        waiting: None,
                        answering: false,
                        again: None,
                        told_reliably: false,
                        arrival: Some(arrival.0.clone()),
                    })),
                    dialog,
                    endpoint,
                );
                leg.learn(&request.headers);
                let name = leg.id;
                self.arriving.insert(arrival.0, (arrival.1, name));
                self.shared.servers.insert(id, name);
                self.insert(core.now, leg);
                Ok(name)
            }
            Err(Refusal(response)) => {
                let status = response.status;
                core.respond(id, response);
                Err(status)
            }
        }
    }

    /// Everything that can speak against an INVITE, in the order of RFC 3261 §8.2.
    fn check(
        &self,
        core: &mut Core,
        flow: Flow,
        request: &Request,
        profile: &Profile,
    ) -> Result<(LegId, Dialog, Option<Offer>, Arrival), Refusal> {
        let id = Self::new_id(core);
        let headers = &request.headers;
        let plain = |status| Refusal(Response::to_request(request, status, Some(&id.tag())));
        let dialog = Dialog::answering(request, flow, &id.tag(), CSEQ_FIRST);
        let dialog = dialog.map_err(|_| plain(StatusCode::BAD_REQUEST))?;
        let number = dialog.remote_cseq.unwrap_or_default();
        let tag = dialog.remote.tag().unwrap_or_default().to_owned();
        let name = (dialog.call_id.clone(), tag);
        if self.is_merged(&name, number) {
            return Err(plain(StatusCode::LOOP_DETECTED));
        }
        match headers.max_forwards() {
            Ok(Some(0)) => return Err(plain(StatusCode::TOO_MANY_HOPS)),
            Ok(_) => {}
            Err(_) => return Err(plain(StatusCode::BAD_REQUEST)),
        }
        if let Some(unknown) = headers.unknown_requirements(&SUPPORTED) {
            let Refusal(response) = plain(StatusCode::BAD_EXTENSION);
            return Err(Refusal(response.with(HeaderName::Unsupported, unknown)));
        }
        if profile.reliable == Use::Required && !headers.has_option("100rel") {
            // RFC 3261 §21.4.16: 421 says what the answer could not do without.
            let status = StatusCode::new(421).unwrap_or(StatusCode::BAD_EXTENSION);
            let Refusal(response) = plain(status);
            return Err(Refusal(response.with(HeaderName::Require, "100rel")));
        }
        if session_timer::is_too_short(profile, request) {
            let status = StatusCode::new(422).unwrap_or(StatusCode::BAD_REQUEST);
            let Refusal(response) = plain(status);
            let response = response.with(HeaderName::MinSe, MIN_SE.to_string());
            return Err(Refusal(response));
        }
        // RFC 4475 §3.3.15: who reads no description cannot be answered with ours.
        if !headers.accepts("application/sdp") {
            return Err(plain(StatusCode::NOT_ACCEPTABLE));
        }
        let offer = read_offer(core, flow, request, profile, &id.tag()).map_err(Refusal)?;
        if self.legs.len() >= LEGS_MAX {
            core.limit_reached(Limit::Calls);
            let Refusal(response) = plain(StatusCode::SERVICE_UNAVAILABLE);
            let response = response.with(HeaderName::RetryAfter, RETRY_AFTER);
            return Err(Refusal(response));
        }
        Ok((id, dialog, offer, (name, number)))
    }
}

/// Call-ID and From tag, and the CSeq number.
type Arrival = ((String, String), u32);

pub(super) fn family(flow: Flow) -> Family {
    match own_address(flow).is_ipv4() {
        true => Family::V4,
        false => Family::V6,
    }
}

fn codecs(offer: Option<&Offer>) -> Vec<Codec> {
    offer.map_or_else(Vec::new, |offer| offer.audio.codecs.clone())
}

/// The offer in a request; `None` when it makes none. The response says why it cannot be used.
pub(super) fn read_offer(
    core: &mut Core,
    flow: Flow,
    request: &Request,
    profile: &Profile,
    tag: &str,
) -> Result<Option<Offer>, Response> {
    let described = sip::body::session_description(&request.headers, &request.body);
    let Some(text) = described.map_err(|fault| fault.refusal(request, tag))? else {
        return Ok(None);
    };
    let (status, reason) = match Session::parse(text) {
        Ok(session) if grid::is_led_into(core, flow, &session) => {
            (StatusCode::NOT_ACCEPTABLE_HERE, grid::REASON.to_owned())
        }
        Ok(session) => match Offer::choose(profile, own_address(flow), session) {
            Ok(offer) => return Ok(Some(offer)),
            Err(fault) => (StatusCode::NOT_ACCEPTABLE_HERE, fault.to_string()),
        },
        Err(fault) => (StatusCode::BAD_REQUEST, fault.to_string()),
    };
    // RFC 3261 §20.43: a Warning tells the phone's owner what is wrong.
    let agent = sip::Host::from_ip(own_address(flow));
    let warning = format!("399 {agent} \"{}\"", event_text(&reason));
    let reason = event_text(&reason);
    core.peer_fault(flow, crate::interface::PeerFault::BadDescription { reason });
    let response = Response::to_request(request, status, Some(tag));
    Err(response.with(HeaderName::Warning, warning))
}

impl Leg {
    pub(super) const fn incoming(&mut self) -> Option<&mut Incoming> {
        match &mut self.first {
            First::Incoming(incoming) => Some(incoming),
            First::Outgoing(_) | First::Restored { .. } => None,
        }
    }

    /// Our first description: the answer to the INVITE's offer, which `media` is told of, or an
    /// offer.
    pub(super) fn describe(&mut self, cx: &mut Cx<'_>) -> Result<Vec<u8>, AudioFault> {
        let offer = match &self.first {
            First::Incoming(incoming) => incoming.offer.as_ref(),
            First::Outgoing(_) | First::Restored { .. } => None,
        };
        let Some(offer) = offer else {
            return self.own_offer(cx).ok_or(AudioFault::NoCodec);
        };
        let place = place(&self.profile, &self.dialog, &self.endpoint, &self.peer);
        let answered = self.talk.answer(&mut cx.core.secrets, place, offer);
        if answered.is_ok() {
            self.set_media(cx, &self.talk, true);
        }
        answered
    }

    /// An offer of what the call wants, what is in force, and what `media` can convert.
    pub(super) fn own_offer(&mut self, cx: &mut Cx<'_>) -> Option<Vec<u8>> {
        let mut codecs = match self.talk.agreed.as_ref() {
            Some(agreed) => agreed.send.clone(),
            None => Vec::new(),
        };
        for codec in self.talk.prefer.iter().cloned().chain(sdp::convertible()) {
            if !codecs.iter().any(|have| sdp::same_encoding(have, &codec)) {
                codecs.push(codec);
            }
        }
        let place = place(&self.profile, &self.dialog, &self.endpoint, &self.peer);
        self.talk.offer(&mut cx.core.secrets, place, &codecs)
    }

    /// Sends 200, now or when there is a port and every description told has been heard
    /// (RFC 3262 §3).
    pub(super) fn answer(&mut self, cx: &mut Cx<'_>, prefer: &[Codec]) {
        if self.phase != Phase::Early || self.incoming().is_none() {
            return;
        }
        if self.talk.ours.is_none() && !self.talk.is_offering() {
            self.talk.prefer = prefer.to_vec();
        }
        if let Some(incoming) = self.incoming() {
            incoming.answering = true;
        }
        self.try_answer(cx);
    }

    fn try_answer(&mut self, cx: &mut Cx<'_>) {
        let open = self.endpoint.is_open();
        let Some(incoming) = self.incoming() else {
            return;
        };
        if !incoming.answering || !open || incoming.reliable.holds_answer() {
            return;
        }
        incoming.answering = false;
        incoming.waiting = None;
        incoming.again = None;
        incoming.reliable.stop();
        let told = incoming.told_reliably;
        let address = own_address(self.dialog.flow);
        let late =
            self.talk.agreed.is_none() && self.incoming().is_some_and(|one| one.offer.is_none());
        let body = match self.talk.ours.is_some() {
            true if told => Ok(None),
            true => Ok(self.talk.repeat(address)),
            false => self.describe(cx).map(Some),
        };
        let body = match body {
            Ok(body) => body,
            Err(fault) => return self.refuse_media(cx, fault),
        };
        let Some(incoming) = self.incoming() else {
            return;
        };
        let (server, invite) = (incoming.server, incoming.invite.clone());
        self.phase = Phase::Confirmed;
        self.confirm(cx, server, &invite, body, late);
    }

    /// There is no codec for the other party: 488, and the call is told.
    fn refuse_media(&mut self, cx: &mut Cx<'_>, fault: AudioFault) {
        let reason = event_text(&fault.to_string());
        cx.bad_description(self.dialog.flow, reason);
        self.refuse(cx, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
        self.lose(cx, EndCause::NoMedia);
    }

    /// What waited for a port or a PRACK goes on.
    pub(super) fn go_on(&mut self, cx: &mut Cx<'_>) {
        self.try_answer(cx);
        if self.phase != Phase::Early {
            // The call believed so since it asked for it, but could not keep it.
            if self.phase == Phase::Confirmed {
                cx.tell(LegEvent::Changed);
            }
            return;
        }
        let open = self.endpoint.is_open();
        if let Some(incoming) = self.incoming()
            && open
            && !incoming.reliable.is_pending()
            && let Some((status, early)) = incoming.waiting.take()
        {
            self.send_progress(cx, status, early.as_deref());
        }
    }

    /// Sends a final refusal.
    pub(super) fn refuse(
        &mut self,
        cx: &mut Cx<'_>,
        status: StatusCode,
        headers: &[(HeaderName, String)],
    ) {
        let tag = self.dialog.local_tag().to_owned();
        let reason = self.reason;
        self.farewell = Farewell::Said;
        let Some(incoming) = self.incoming() else {
            return;
        };
        incoming.reliable.stop();
        incoming.again = None;
        let mut response = Response::to_request(&incoming.invite, status, Some(&tag));
        for (name, value) in headers {
            response.headers.push(name.clone(), value.as_str());
        }
        if let Some(reason) = reason {
            response.headers.push(HeaderName::Reason, reason);
        }
        cx.core.respond(incoming.server, response);
    }

    /// `media` gives no port.
    pub(super) fn no_port(&mut self, cx: &mut Cx<'_>) {
        if self.phase == Phase::Early && self.incoming().is_some() {
            let headers = [(HeaderName::RetryAfter, RETRY_AFTER.to_owned())];
            self.refuse(cx, StatusCode::SERVICE_UNAVAILABLE, &headers);
        }
        self.lose(cx, EndCause::NoMedia);
    }

    /// The INVITE was taken back.
    pub(super) fn cancelled(&mut self, cx: &mut Cx<'_>) {
        if self.phase == Phase::Early {
            self.refuse(cx, StatusCode::REQUEST_TERMINATED, &[]);
            cx.tell(LegEvent::Cancelled);
            self.over(cx);
        }
    }

    /// Ends the leg in any state.
    pub(super) fn hang_up(&mut self, cx: &mut Cx<'_>, how: &HangUp) {
        if self.phase == Phase::Over {
            return;
        }
        self.reason = how.reason;
        self.refuse_transfer(cx, StatusCode::DECLINE);
        match (self.phase, &self.first) {
            (Phase::Early, First::Incoming(_)) => self.refuse(cx, how.status, &how.headers),
            (Phase::Early, First::Outgoing(_) | First::Restored { .. }) => self.cancel(cx),
            (Phase::Confirmed | Phase::Over, _) => {
                self.abandon_exchange(cx);
                self.bye(cx);
            }
        }
        self.over(cx);
    }

    /// An ACK for a 2xx of ours.
    pub(super) fn ack(&mut self, cx: &mut Cx<'_>, flow: Flow, request: &Request) {
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(at) = self.confirmations.iter().position(|one| one.cseq == number) else {
            return;
        };
        let confirmed = self.confirmations.remove(at);
        self.heard_by(flow);
        if self.farewell == Farewell::Wanted {
            self.farewell = Farewell::None;
            self.bye(cx);
            return;
        }
        if confirmed.late && !self.late_answer(cx, request) {
            self.lose(cx, EndCause::PeerLost);
            self.bye(cx);
            return;
        }
        let first = match &self.first {
            First::Incoming(one) => {
                let cseq = one.invite.headers.cseq();
                cseq.is_ok_and(|cseq| cseq.number == number)
            }
            First::Restored { .. } => confirmed.late,
            First::Outgoing(_) => false,
        };
        // What is to be asked for the way is asked before it is needed.
        self.has_way(cx);
        if first && self.phase == Phase::Confirmed {
            cx.tell(LegEvent::Acknowledged);
        } else {
            cx.shared.stale.insert(cx.id);
        }
    }

    /// Takes the answer in an ACK to the offer in our 2xx.
    fn late_answer(&mut self, cx: &mut Cx<'_>, ack: &Request) -> bool {
        let before = self.talk.agreement();
        let had = self.talk.agreed.is_some();
        let taken = self.take_answer(cx.core, &ack.headers, &ack.body);
        match taken {
            Ok(()) => {
                self.set_media(cx, &self.talk, true);
                if had && self.talk.agreement() != before {
                    cx.tell(LegEvent::Changed);
                }
                true
            }
            Err(reason) => {
                self.talk.withdraw();
                cx.bad_description(self.dialog.flow, event_text(&reason));
                // A re-INVITE's offer without a good answer leaves the session as it was.
                had
            }
        }
    }

    /// Takes the answer to an offer of ours out of a message.
    pub(super) fn take_answer(
        &mut self,
        core: &Core,
        headers: &sip::Headers,
        body: &[u8],
    ) -> Result<(), String> {
        let described = sip::body::session_description(headers, body);
        let text = described.map_err(|fault| fault.to_string())?;
        let text = text.ok_or("the answer to our offer is missing")?;
        let session = Session::parse(text).map_err(|fault| fault.to_string())?;
        if grid::is_led_into(core, self.dialog.flow, &session) {
            return Err(grid::REASON.to_owned());
        }
        let address = own_address(self.dialog.flow);
        let answered = self.talk.answered(&self.profile, address, &session);
        answered.map_err(|fault| fault.to_string())
    }
}
