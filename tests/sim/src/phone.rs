//! A phone: registers, calls, answers, hangs up, as a patient and correct SIP phone does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Datagram, Instant, Node, Rng, Transport};
use sip::digest::{Challenge, Ha1};
use sip::transaction::{ClientId, Flow, Input, Layer, Output, ServerId};
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode};

use crate::dialog::{Dialog, at_box, description};

/// Repetition of a 2xx, as RFC 3261 §13.3.1.4 has it.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const GIVE_UP: Duration = Duration::from_secs(32);
/// Seconds a phone registers for.
const EXPIRES: u32 = 600;

/// What a person does with a phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Registers, and tries again until it succeeds or is refused.
    Register,
    /// Takes its registration back.
    Unregister,
    /// Calls a number.
    Call(CallPlan),
    /// Hangs up whatever goes on.
    HangUp,
    /// Puts the call on hold with a re-INVITE.
    Hold,
    /// Presses a key, sent as INFO.
    Press,
    /// Falls silent for ever: the cable is out.
    Unplug,
}

/// How a person calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallPlan {
    /// Number to call.
    pub to: String,
    /// Gives up this long after dialling, if nobody answers.
    pub cancel_after: Option<Duration>,
    /// Hangs up this long after the answer.
    pub hang_up_after: Option<Duration>,
    /// Lets the callee make the offer.
    pub late_offer: bool,
}

/// What a phone does when it is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answering {
    /// Rings, answers, and perhaps hangs up.
    Yes {
        /// Time it rings.
        after: Duration,
        /// Time from the answer to its own hanging up.
        hang_up_after: Option<Duration>,
    },
    /// Says that it is busy.
    Busy,
    /// Rings until somebody stops it.
    Never,
}

/// What a phone went through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happened {
    /// Registration accepted.
    Registered,
    /// Registration refused.
    RegistrationRefused(u16),
    /// Its registration is taken back.
    Unregistered,
    /// The other side rings.
    Ringing,
    /// A call is up.
    Connected,
    /// A call was refused, or answered with this status to a CANCEL.
    Failed(u16),
    /// A call ended with a BYE, this phone's own if true.
    Ended(bool),
    /// A change of the media was agreed.
    Held,
    /// A change of the media was refused with this status.
    HoldRefused(u16),
    /// A key press was answered with this status.
    Pressed(u16),
    /// The other side pressed a key.
    Heard,
    /// It answered, and for 64*T1 nobody acknowledged.
    NeverAcknowledged,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    Register,
    Answer,
    HangUp,
    Cancel,
    Repeat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Inviting,
    Ringing,
    Talking,
    Closing,
}

#[derive(Debug)]
struct Call {
    dialog: Dialog,
    state: State,
    client: Option<ClientId>,
    server: Option<ServerId>,
    invite: Request,
    tries: u8,
    hang_up_after: Option<Duration>,
    ok: Option<(Response, Duration, Instant)>,
    ack: Option<Request>,
    hold: Option<ClientId>,
    press: Option<ClientId>,
}

/// A simulated phone.
#[derive(Debug)]
pub struct Phone {
    number: String,
    ha1: Ha1,
    flow: Flow,
    layer: Layer,
    rng: Rng,
    nc: u32,
    registration: Dialog,
    registering: Option<(ClientId, Request, u8)>,
    expires: u32,
    call: Option<Call>,
    bye: Option<ClientId>,
    due: Vec<(Instant, Due)>,
    unplugged: bool,
    sent: VecDeque<Datagram>,
    /// What it does when it is called.
    pub answering: Answering,
    /// Prefers the old algorithm.
    pub md5_only: bool,
    /// What it went through, in order.
    pub log: Vec<Happened>,
}

impl Phone {
    /// A phone for an extension, at an address, of a box at another.
    #[must_use]
    pub fn new(
        number: &str,
        realm: &str,
        password: &str,
        local: SocketAddr,
        remote: SocketAddr,
        mut rng: Rng,
    ) -> Self {
        let flow = Flow {
            transport: Transport::Udp,
            local,
            remote,
            stream: None,
        };
        let own = NameAddr::new(at_box(number, flow));
        let layer = Layer::new(Rng::from_seed(rng.next_u64()));
        let registration = Dialog {
            call_id: format!("reg-{:x}", rng.next_u64()),
            local: own.clone().with_tag(&format!("{:x}", rng.next_u64())),
            remote: own,
            target: sip::Uri::sip(None, sip::Host::from_ip(remote.ip()), None),
            cseq: 0,
        };
        Self {
            number: number.to_owned(),
            ha1: Ha1::from_password(number, realm, password),
            flow,
            layer,
            rng,
            nc: 0,
            registration,
            registering: None,
            expires: EXPIRES,
            call: None,
            bye: None,
            due: Vec::new(),
            unplugged: false,
            sent: VecDeque::new(),
            answering: Answering::Yes {
                after: Duration::from_secs(2),
                hang_up_after: None,
            },
            md5_only: false,
            log: Vec::new(),
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.flow.local
    }

    /// Whether a call is on, as far as it knows.
    #[must_use]
    pub const fn is_in_call(&self) -> bool {
        self.call.is_some() && !self.unplugged
    }

    /// Does what its owner does.
    pub fn act(&mut self, now: Instant, act: &Act) {
        match act {
            Act::Register => {
                self.expires = EXPIRES;
                self.register(now);
            }
            Act::Unregister => {
                self.expires = 0;
                self.register(now);
            }
            Act::Call(plan) => self.dial(now, plan),
            Act::HangUp => self.hang_up(now),
            Act::Hold => self.hold(now),
            Act::Press => self.press(now),
            Act::Unplug => {
                self.unplugged = true;
                self.due.clear();
            }
        }
        self.drain(now);
    }

    /// A datagram arrived.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if self.unplugged {
            return;
        }
        if let Ok(message) = sip::parse_datagram(bytes) {
            self.layer.handle(
                now,
                Input::Message {
                    flow: self.flow,
                    message,
                },
            );
            self.drain(now);
        }
    }

    /// The next datagram it sends.
    pub fn poll(&mut self) -> Option<Datagram> {
        self.sent.pop_front().filter(|_| !self.unplugged)
    }

    /// When it wants [`Self::timer`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.unplugged {
            return None;
        }
        self.layer
            .deadline()
            .into_iter()
            .chain(self.due.iter().map(|(at, _)| *at))
            .min()
    }

    /// Its time has come.
    pub fn timer(&mut self, now: Instant) {
        if self.layer.deadline().is_some_and(|at| at <= now) {
            self.layer.handle(now, Input::Timer);
        }
        let (ripe, rest) = std::mem::take(&mut self.due)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.due = rest;
        let ripe: Vec<(Instant, Due)> = ripe;
        for (_, due) in ripe {
            match due {
                Due::Register => self.register(now),
                Due::Answer => self.answer(now),
                Due::HangUp => self.hang_up(now),
                Due::Cancel => self.cancel(now),
                Due::Repeat => self.repeat(now),
            }
        }
        self.drain(now);
    }

    fn after(&mut self, now: Instant, wait: Duration, due: Due) {
        self.due.push((now + wait, due));
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Transmit { flow, bytes } => {
                    let (source, destination) = (flow.local, flow.remote);
                    self.sent.push_back(Datagram {
                        source,
                        destination,
                        bytes,
                    });
                }
                Output::Request { id, request, .. } => self.requested(now, id, &request),
                Output::Ack { request, .. } => self.acked(now, &request),
                Output::Cancelled { id, .. } => self.was_cancelled(now, id),
                Output::Response { id, response } => self.response(now, id, &response),
                Output::Timeout { id } | Output::ClientFlowFailed { id } => {
                    self.timed_out(now, id);
                }
                Output::ServerFlowFailed { .. }
                | Output::AckMissing { .. }
                | Output::Fault { .. } => {}
            }
        }
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.number, self.flow.local)
    }

    fn register(&mut self, now: Instant) {
        let mut request = self.registration.request(Method::Register);
        request.headers.push(HeaderName::Contact, self.contact());
        request
            .headers
            .push(HeaderName::Expires, self.expires.to_string());
        let sent = self.layer.send_request(now, self.flow, request.clone());
        self.registering = sent.ok().map(|id| (id, request, 0));
    }

    fn registered(&mut self, now: Instant, response: &Response) {
        let Some((id, request, tries)) = self.registering.take() else {
            return;
        };
        match response.status {
            status if status.is_provisional() => self.registering = Some((id, request, tries)),
            StatusCode::UNAUTHORIZED if tries < 2 => {
                self.registration.cseq = self.registration.cseq.saturating_add(1);
                let cseq = self.registration.cseq;
                let again = self.authorised(request, response, cseq);
                if let Some(again) = again {
                    let sent = self.layer.send_request(now, self.flow, again.clone());
                    self.registering = sent.ok().map(|id| (id, again, tries.saturating_add(1)));
                }
            }
            status if status.is_success() && self.expires == 0 => {
                self.log.push(Happened::Unregistered);
            }
            status if status.is_success() => {
                self.log.push(Happened::Registered);
                self.after(
                    now,
                    Duration::from_secs(u64::from(EXPIRES) / 2),
                    Due::Register,
                );
            }
            StatusCode::SERVER_INTERNAL_ERROR | StatusCode::SERVICE_UNAVAILABLE => {
                self.after(now, Duration::from_secs(2), Due::Register);
            }
            status => self.log.push(Happened::RegistrationRefused(status.code())),
        }
    }

    /// The same request with credentials and a new CSeq.
    fn authorised(&mut self, request: Request, response: &Response, cseq: u32) -> Option<Request> {
        let values = response.headers.all(&HeaderName::WwwAuthenticate);
        let challenges: Vec<Challenge> = values.filter_map(Challenge::parse).collect();
        let wanted = |challenge: &&Challenge| {
            !self.md5_only || challenge.algorithm == sip::digest::Algorithm::Md5
        };
        let challenge = challenges.iter().find(wanted)?;
        self.nc = 1;
        let cnonce = format!("{:x}", self.rng.next_u64());
        let uri = request.uri.to_string();
        let (user, method) = (&self.number, &request.method);
        let value = challenge.answer(user, &self.ha1, method, &uri, self.nc, &cnonce);
        let mut again = request;
        again.headers.remove(&HeaderName::Via);
        again
            .headers
            .set(HeaderName::CSeq, format!("{cseq} {}", again.method));
        again.headers.set(HeaderName::Authorization, value);
        Some(again)
    }

    fn dial(&mut self, now: Instant, plan: &CallPlan) {
        if self.call.is_some() {
            return;
        }
        let target = at_box(&plan.to, self.flow);
        let own = NameAddr::new(at_box(&self.number, self.flow));
        let mut dialog = Dialog {
            call_id: format!("call-{:x}", self.rng.next_u64()),
            local: own.with_tag(&format!("{:x}", self.rng.next_u64())),
            remote: NameAddr::new(target.clone()),
            target,
            cseq: 0,
        };
        let mut invite = dialog.request(Method::Invite);
        invite.headers.push(HeaderName::Contact, self.contact());
        if !plan.late_offer {
            invite = invite.with_body("application/sdp", description(self.flow));
        }
        let client = self.layer.send_request(now, self.flow, invite.clone()).ok();
        if let Some(wait) = plan.cancel_after {
            self.after(now, wait, Due::Cancel);
        }
        self.call = Some(Call {
            dialog,
            state: State::Inviting,
            client,
            server: None,
            invite,
            tries: 0,
            hang_up_after: plan.hang_up_after,
            ok: None,
            ack: None,
            hold: None,
            press: None,
        });
    }

    fn response(&mut self, now: Instant, id: ClientId, response: &Response) {
        if self
            .registering
            .as_ref()
            .is_some_and(|(known, ..)| *known == id)
        {
            self.registered(now, response);
        } else if self.bye == Some(id) {
            if !response.status.is_provisional() {
                self.bye = None;
                self.over(Happened::Ended(true));
            }
        } else if self
            .call
            .as_ref()
            .is_some_and(|call| call.client == Some(id))
        {
            self.invited(now, response);
        } else if self.call.as_ref().is_some_and(|call| call.hold == Some(id)) {
            self.held(response);
        } else if self
            .call
            .as_ref()
            .is_some_and(|call| call.press == Some(id))
        {
            self.log.push(Happened::Pressed(response.status.code()));
        }
    }

    fn press(&mut self, now: Instant) {
        let Some(call) = self
            .call
            .as_mut()
            .filter(|call| call.state == State::Talking)
        else {
            return;
        };
        let info = call.dialog.request(Method::Info);
        let info = info.with_body("application/dtmf-relay", b"Signal=5\r\n".to_vec());
        call.press = self.layer.send_request(now, self.flow, info).ok();
    }

    fn invited(&mut self, now: Instant, response: &Response) {
        let Some(mut call) = self.call.take() else {
            return;
        };
        let status = response.status;
        if status.is_provisional() {
            if status == StatusCode::RINGING {
                self.log.push(Happened::Ringing);
            }
            self.call = Some(call);
        } else if status.is_success() {
            if let Some(ack) = &call.ack {
                self.layer.send_ack(self.flow, ack.clone());
                self.call = Some(call);
                return;
            }
            call.dialog.learn(&response.headers);
            let mut ack = call.dialog.with_cseq(Method::Ack, call.dialog.cseq);
            if call.invite.body.is_empty() {
                ack = ack.with_body("application/sdp", description(self.flow));
            }
            self.layer.send_ack(self.flow, ack.clone());
            call.ack = Some(ack);
            let given_up = call.state == State::Closing;
            let wait = call.hang_up_after;
            call.state = State::Talking;
            self.call = Some(call);
            self.log.push(Happened::Connected);
            if given_up {
                // The 200 overtook the CANCEL.
                self.hang_up(now);
            } else if let Some(wait) = wait {
                self.after(now, wait, Due::HangUp);
            }
        } else if status == StatusCode::UNAUTHORIZED && call.tries < 2 {
            call.tries = call.tries.saturating_add(1);
            call.dialog.cseq = call.dialog.cseq.saturating_add(1);
            let again = self.authorised(call.invite.clone(), response, call.dialog.cseq);
            let Some(again) = again else { return };
            call.client = self.layer.send_request(now, self.flow, again.clone()).ok();
            call.invite = again;
            if call.state == State::Closing
                && let Some(client) = call.client
            {
                self.layer.cancel(now, client, None);
            }
            self.call = Some(call);
        } else {
            self.log.push(Happened::Failed(status.code()));
            self.due.retain(|(_, due)| *due == Due::Register);
        }
    }

    fn timed_out(&mut self, now: Instant, id: ClientId) {
        if self
            .registering
            .as_ref()
            .is_some_and(|(known, ..)| *known == id)
        {
            self.registering = None;
            self.after(now, Duration::from_secs(1), Due::Register);
        } else if self.bye == Some(id) {
            self.bye = None;
            self.over(Happened::Ended(true));
        } else if self
            .call
            .as_ref()
            .is_some_and(|call| call.client == Some(id))
        {
            self.over(Happened::Failed(408));
        }
    }

    fn over(&mut self, happened: Happened) {
        if self.call.take().is_some() {
            self.log.push(happened);
        }
        self.due.retain(|(_, due)| *due == Due::Register);
    }

    fn cancel(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        if call.state == State::Inviting
            && let Some(client) = call.client
        {
            call.state = State::Closing;
            self.layer.cancel(now, client, None);
        }
    }

    fn hang_up(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        match call.state {
            State::Inviting => self.cancel(now),
            State::Ringing => {
                let tag = call.dialog.local.tag().map(str::to_owned);
                let busy = Response::to_request(&call.invite, StatusCode::DECLINE, tag.as_deref());
                if let Some(server) = call.server {
                    self.layer.respond(now, server, &busy);
                }
                self.over(Happened::Failed(603));
            }
            // RFC 3261 §15: the called side waits for the ACK before it says BYE.
            State::Talking if call.ok.is_some() => self.after(now, T1, Due::HangUp),
            State::Talking => {
                call.state = State::Closing;
                let bye = call.dialog.request(Method::Bye);
                self.bye = self.layer.send_request(now, self.flow, bye).ok();
            }
            State::Closing => {}
        }
    }

    fn hold(&mut self, now: Instant) {
        let Some(call) = self
            .call
            .as_mut()
            .filter(|call| call.state == State::Talking)
        else {
            return;
        };
        let mut invite = call.dialog.request(Method::Invite);
        invite
            .headers
            .push(HeaderName::Contact, format!("<sip:{}>", self.flow.local));
        let held = String::from_utf8_lossy(&description(self.flow)).replace("sendrecv", "sendonly");
        let invite = invite.with_body("application/sdp", held.into_bytes());
        call.hold = self.layer.send_request(now, self.flow, invite).ok();
        call.ack = None;
    }

    fn held(&mut self, response: &Response) {
        let Some(call) = &mut self.call else { return };
        if response.status.is_provisional() {
            return;
        }
        if !response.status.is_success() {
            self.log.push(Happened::HoldRefused(response.status.code()));
            return;
        }
        if call.ack.is_none() {
            let ack = call.dialog.with_cseq(Method::Ack, call.dialog.cseq);
            call.ack = Some(ack);
            self.log.push(Happened::Held);
        }
        if let Some(ack) = &call.ack {
            self.layer.send_ack(self.flow, ack.clone());
        }
    }

    fn requested(&mut self, now: Instant, id: ServerId, request: &Request) {
        let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        match &request.method {
            Method::Invite if in_dialog => self.reinvited(now, id, request),
            Method::Invite => self.called(now, id, request),
            Method::Info => {
                let heard = request.body == b"Signal=5\r\n";
                let status = if heard {
                    StatusCode::OK
                } else {
                    StatusCode::BAD_REQUEST
                };
                self.log.push(Happened::Heard);
                self.layer
                    .respond(now, id, &Response::to_request(request, status, None));
            }
            Method::Bye => {
                let known = self
                    .call
                    .as_ref()
                    .is_some_and(|call| belongs(call, request));
                let status = if known {
                    StatusCode::OK
                } else {
                    StatusCode::CALL_DOES_NOT_EXIST
                };
                self.layer
                    .respond(now, id, &Response::to_request(request, status, Some("x")));
                if known {
                    self.bye = None;
                    self.over(Happened::Ended(false));
                }
            }
            _ => {
                let ok = Response::to_request(request, StatusCode::OK, Some("x"));
                self.layer.respond(now, id, &ok);
            }
        }
    }

    fn called(&mut self, now: Instant, id: ServerId, request: &Request) {
        let tag = format!("{:x}", self.rng.next_u64());
        let respond = |layer: &mut Layer, status| {
            layer.respond(now, id, &Response::to_request(request, status, Some(&tag)));
        };
        if self.call.is_some() || self.answering == Answering::Busy {
            respond(&mut self.layer, StatusCode::BUSY_HERE);
            return;
        }
        let (Ok(from), Ok(to), Ok(call_id)) = (
            request.headers.from(),
            request.headers.to(),
            request.headers.call_id(),
        ) else {
            return;
        };
        let mut dialog = Dialog {
            call_id: call_id.to_owned(),
            local: to.with_tag(&tag),
            remote: from.clone(),
            target: from.uri.clone(),
            cseq: 0,
        };
        dialog.learn(&request.headers);
        dialog.remote = from;
        dialog.local = dialog.local.with_tag(&tag);
        respond(&mut self.layer, StatusCode::RINGING);
        let mut hang_up = None;
        if let Answering::Yes {
            after,
            hang_up_after,
        } = self.answering
        {
            hang_up = hang_up_after;
            self.after(now, after, Due::Answer);
        }
        self.call = Some(Call {
            dialog,
            state: State::Ringing,
            client: None,
            server: Some(id),
            invite: request.clone(),
            tries: 0,
            hang_up_after: hang_up,
            ok: None,
            ack: None,
            hold: None,
            press: None,
        });
    }

    fn answer(&mut self, now: Instant) {
        let flow = self.flow;
        let contact = self.contact();
        let Some(call) = self
            .call
            .as_mut()
            .filter(|call| call.state == State::Ringing)
        else {
            return;
        };
        let ok = Response::to_request(&call.invite, StatusCode::OK, call.dialog.local.tag())
            .with(HeaderName::Contact, contact)
            .with_body("application/sdp", description(flow));
        if let Some(server) = call.server {
            self.layer.respond(now, server, &ok);
        }
        call.state = State::Talking;
        call.ok = Some((ok, T1, now + GIVE_UP));
        let hang_up = call.hang_up_after;
        self.log.push(Happened::Connected);
        self.after(now, T1, Due::Repeat);
        if let Some(wait) = hang_up {
            self.after(now, wait, Due::HangUp);
        }
    }

    fn reinvited(&mut self, now: Instant, id: ServerId, request: &Request) {
        let flow = self.flow;
        let contact = self.contact();
        let Some(call) = self.call.as_mut().filter(|call| belongs(call, request)) else {
            let gone = Response::to_request(request, StatusCode::CALL_DOES_NOT_EXIST, None);
            self.layer.respond(now, id, &gone);
            return;
        };
        let answer = String::from_utf8_lossy(&description(flow)).replace("sendrecv", "recvonly");
        let ok = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, contact)
            .with_body("application/sdp", answer.into_bytes());
        self.layer.respond(now, id, &ok);
        call.server = Some(id);
        call.ok = Some((ok, T1, now + GIVE_UP));
        self.after(now, T1, Due::Repeat);
    }

    fn repeat(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        let Some((ok, interval, give_up)) = call.ok.take() else {
            return;
        };
        if now >= give_up {
            // End the dialog that may or may not exist.
            self.log.push(Happened::NeverAcknowledged);
            self.hang_up(now);
            return;
        }
        if let Some(server) = call.server {
            self.layer.respond(now, server, &ok);
        }
        let interval = interval.saturating_mul(2).min(T2);
        call.ok = Some((ok, interval, give_up));
        self.after(now, interval, Due::Repeat);
    }

    fn acked(&mut self, _now: Instant, request: &Request) {
        if let Some(call) = self.call.as_mut().filter(|call| belongs(call, request)) {
            call.ok = None;
        }
    }

    fn was_cancelled(&mut self, now: Instant, id: ServerId) {
        let Some(call) = self.call.as_ref().filter(|call| call.server == Some(id)) else {
            return;
        };
        let tag = call.dialog.local.tag();
        let end = Response::to_request(&call.invite, StatusCode::REQUEST_TERMINATED, tag);
        self.layer.respond(now, id, &end);
        self.over(Happened::Failed(487));
    }
}

fn belongs(call: &Call, request: &Request) -> bool {
    request
        .headers
        .call_id()
        .is_ok_and(|id| id == call.dialog.call_id)
}
