//! A phone: registers, calls, answers, hangs up, as a patient and correct SIP phone does.

mod called;
mod calling;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Datagram, Instant, Node, Rng, Transport};
use sip::digest::{Challenge, Ha1};
use sip::transaction::{ClientId, Flow, Input, Layer, Output, ServerId};
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode};

use crate::dialog::{Dialog, at_box};

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
    /// The dialog exists: a 2xx was sent or seen.
    confirmed: bool,
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
                        ttl: None,
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
                | Output::Unasked { .. }
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
}

fn belongs(call: &Call, request: &Request) -> bool {
    request
        .headers
        .call_id()
        .is_ok_and(|id| id == call.dialog.call_id)
}
