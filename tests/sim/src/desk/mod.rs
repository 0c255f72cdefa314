//! A device of a whole site: a phone with several lines, or a carrier's switch, that stays right on
//! a bad network.
//!
//! Unlike [`Handset`](crate::Handset) it repeats, acknowledges again, gives up in time and comes
//! back after it was switched off, as RFC 3261 wants of any endpoint.

mod called;
mod calling;
mod watching;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Instant, Node, Rng, Transport};
use sip::digest::{Challenge, Ha1};
use sip::transaction::{ClientId, Flow, Input, Layer, Output, ServerId};
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode};

use crate::dialog::{Dialog, at_box};
use crate::world::{BOX_ADDRESS, PASSWORD};

/// How long a device lets it ring, here or there, before it gives up by itself.
const PATIENCE: Duration = Duration::from_secs(90);
/// Repetition of a 2xx: RFC 3261 §13.3.1.4.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const GIVE_UP: Duration = Duration::from_secs(32);
/// Seconds a phone registers and subscribes for.
const EXPIRES: u32 = 300;
/// Lines a device has.
const LINES_MAX: usize = 3;

/// Names a line of one device.
pub(crate) type LineId = u32;

/// What a carrier does with calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Carrier {
    /// It lets them ring and be answered, as a phone does.
    Serves,
    /// It is overloaded: 503.
    Overloaded,
    /// It knows no such number: 404.
    Refuses,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stand {
    Calling,
    /// It called, and wants it no more.
    Abandoned,
    Ringing,
    Talking,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Register,
    Answer(LineId),
    Refuse(LineId),
    Patience(LineId),
    Repeat(LineId),
    HangUp(LineId),
    Refresh(u32),
}

/// Why a request was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Register,
    Invite(LineId),
    Change(LineId),
    Bye(LineId),
    Watch(u32),
    Other,
}

#[derive(Debug)]
struct Sent {
    purpose: Purpose,
    request: Request,
    tries: u8,
    /// When it was answered for good.
    done: Option<Instant>,
}

/// A 2xx that waits for its ACK.
#[derive(Debug)]
struct Waiting {
    server: ServerId,
    response: Response,
    interval: Duration,
    until: Instant,
}

#[derive(Debug)]
struct LineState {
    stand: Stand,
    dialog: Dialog,
    client: Option<ClientId>,
    server: Option<ServerId>,
    invite: Request,
    /// A re-INVITE of ours is under way.
    changing: bool,
    waiting: Option<Waiting>,
    ack: Option<Request>,
    direction: &'static str,
}

/// A subscription to the lamp of a number (RFC 4235).
#[derive(Debug)]
struct Watch {
    number: String,
    dialog: Dialog,
    /// The dialog of the last NOTIFY, by its tag, and its CSeq: a SUBSCRIBE that is repeated to a
    /// box which has forgotten it makes another (RFC 6665 §4.1.2.4).
    heard: (Option<String>, u32),
    /// States of the dialogs in the last document.
    states: Vec<String>,
}

/// The device.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) number: String,
    /// Set when this is a carrier.
    pub(crate) carrier: Option<Carrier>,
    /// Its connection, when it does not use UDP.
    pub(crate) stream: Option<u64>,
    /// It is off or its cable is out until then.
    pub(crate) silent_until: Option<Instant>,
    /// Its cable was out, it was switched off, or its connection broke: it may have missed the end
    /// of a call, and hangs up what it hears nothing of.
    pub(crate) disturbed: bool,
    /// It answers every call soon.
    pub(crate) eager: bool,
    /// The last registration was accepted.
    pub(crate) registered: bool,
    ha1: Ha1,
    flow: Flow,
    layer: Layer,
    rng: Rng,
    lines: BTreeMap<LineId, LineState>,
    next_line: LineId,
    watches: BTreeMap<u32, Watch>,
    sent: BTreeMap<ClientId, Sent>,
    registration: Dialog,
    expires: u32,
    due: Vec<(Instant, Due)>,
    out: VecDeque<Vec<u8>>,
}

impl Desk {
    /// A device of this number at this address.
    pub(crate) fn new(number: &str, local: SocketAddr, transport: Transport, mut rng: Rng) -> Self {
        let flow = Flow {
            transport,
            local,
            remote: BOX_ADDRESS,
            stream: None,
        };
        let own = NameAddr::new(at_box(number, flow));
        let mut registration = dialog(&mut rng, flow, number, own);
        registration.target = sip::Uri::sip(None, sip::Host::from_ip(flow.remote.ip()), None);
        Self {
            number: number.to_owned(),
            carrier: None,
            stream: None,
            silent_until: None,
            disturbed: false,
            eager: false,
            registered: false,
            ha1: Ha1::from_password(number, "ramal", PASSWORD),
            flow,
            layer: Layer::new(Rng::from_seed(rng.next_u64())),
            rng,
            lines: BTreeMap::new(),
            next_line: 0,
            watches: BTreeMap::new(),
            sent: BTreeMap::new(),
            registration,
            expires: EXPIRES,
            due: Vec::new(),
            out: VecDeque::new(),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.flow.local
    }

    pub(crate) const fn is_stream(&self) -> bool {
        !matches!(self.flow.transport, Transport::Udp)
    }

    /// Off, or its cable is out.
    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        self.silent_until.is_some_and(|until| now < until)
    }

    /// The lines in a certain state.
    pub(crate) fn lines(&self, stand: Stand) -> Vec<LineId> {
        let lines = self.lines.iter().filter(|(_, line)| line.stand == stand);
        lines.map(|(id, _)| *id).collect()
    }

    /// Every line, for a checker to name.
    pub(crate) fn all_lines(&self) -> Vec<(LineId, Stand)> {
        let lines = self.lines.iter();
        lines.map(|(id, line)| (*id, line.stand)).collect()
    }

    /// Where the media of a line arrives.
    pub(crate) fn media(&self, line: LineId) -> SocketAddr {
        SocketAddr::new(self.flow.local.ip(), port(line))
    }

    /// It was switched off and on: it remembers nothing, and registers again.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.layer = Layer::new(Rng::from_seed(self.rng.next_u64()));
        self.lines.clear();
        self.watches.clear();
        self.sent.clear();
        self.due.clear();
        self.out.clear();
        self.registered = false;
        self.after(now, Duration::from_secs(2), Due::Register);
    }

    /// Registers, and keeps registered.
    pub(crate) fn register(&mut self, now: Instant) {
        self.expires = EXPIRES;
        self.send_registration(now);
    }

    /// Takes its registration and subscriptions back.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.unwatch(now);
        self.expires = 0;
        self.due.retain(|(_, due)| *due != Due::Register);
        self.send_registration(now);
    }

    fn send_registration(&mut self, now: Instant) {
        if self.carrier.is_some() {
            return;
        }
        let mut request = self.registration.request(Method::Register);
        request.headers.push(HeaderName::Contact, self.contact());
        let expires = self.expires.to_string();
        request.headers.push(HeaderName::Expires, expires);
        self.send(now, request, Purpose::Register);
    }

    fn registration_answered(&mut self, now: Instant, success: bool) {
        self.registered = success && self.expires > 0;
        self.due.retain(|(_, due)| *due != Due::Register);
        if !success {
            self.after(now, Duration::from_secs(3), Due::Register);
        } else if self.expires > 0 {
            let wait = Duration::from_secs(u64::from(EXPIRES) / 2);
            self.after(now, wait, Due::Register);
        }
    }

    /// A datagram or message came.
    pub(crate) fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if let Ok(message) = sip::parse_datagram(bytes) {
            let flow = self.flow;
            self.layer.handle(now, Input::Message { flow, message });
            self.drain(now);
        }
    }

    /// What it sends next.
    pub(crate) fn poll(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// When it wants [`Self::timer`].
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = self.due.iter().map(|(at, _)| *at);
        due.chain(self.layer.deadline()).min()
    }

    /// Its time has come.
    pub(crate) fn timer(&mut self, now: Instant) {
        if self.layer.deadline().is_some_and(|at| at <= now) {
            self.layer.handle(now, Input::Timer);
            self.drain(now);
        }
        let ripe: Vec<_> = self.due.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, due) in ripe {
            match due {
                Due::Register => self.send_registration(now),
                Due::Answer(line) => self.answer(now, line),
                Due::Refuse(line) => self.refuse(now, line, StatusCode::BUSY_HERE),
                Due::Patience(line) => self.lose_patience(now, line),
                Due::Repeat(line) => self.repeat(now, line),
                Due::HangUp(line) => self.hang_up(now, line),
                Due::Refresh(watch) => self.refresh(now, watch),
            }
        }
        self.sent.retain(|_, sent| {
            sent.done
                .is_none_or(|at| now < at + Duration::from_secs(70))
        });
        self.drain(now);
    }

    fn after(&mut self, now: Instant, wait: Duration, due: Due) {
        self.due.push((now + wait, due));
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Transmit { bytes, .. } => self.out.push_back(bytes),
                Output::Request { id, request, .. } => self.requested(now, id, &request),
                Output::Ack { request, .. } => self.acknowledged(&request),
                Output::Cancelled { id, .. } => self.cancelled(now, id),
                Output::Response { id, response } => self.response(now, id, &response),
                Output::Timeout { id } | Output::ClientFlowFailed { id } => {
                    self.unanswered(now, id);
                }
                Output::ServerFlowFailed { .. }
                | Output::Unasked { .. }
                | Output::AckMissing { .. }
                | Output::Fault { .. } => {}
            }
        }
    }

    fn send(&mut self, now: Instant, request: Request, purpose: Purpose) -> Option<ClientId> {
        let flow = self.flow;
        let sent = self.layer.send_request(now, flow, request.clone());
        let id = sent.ok()?;
        let sent = Sent {
            purpose,
            request,
            tries: 0,
            done: None,
        };
        self.sent.insert(id, sent);
        Some(id)
    }

    /// The same request with credentials.
    fn send_authorised(&mut self, now: Instant, sent: &Sent, response: &Response) -> bool {
        let value = response.headers.first(&HeaderName::WwwAuthenticate);
        let Some(challenge) = value.and_then(Challenge::parse).filter(|_| sent.tries < 3) else {
            return false;
        };
        let mut again = sent.request.clone();
        let cseq = again.headers.cseq().map_or(1, |cseq| cseq.number);
        let cseq = cseq.saturating_add(1);
        match sent.purpose {
            Purpose::Register => self.registration.cseq = cseq,
            Purpose::Invite(line) | Purpose::Change(line) | Purpose::Bye(line) => {
                if let Some(line) = self.lines.get_mut(&line) {
                    line.dialog.cseq = line.dialog.cseq.max(cseq);
                }
            }
            Purpose::Watch(watch) => {
                if let Some(watch) = self.watches.get_mut(&watch) {
                    watch.dialog.cseq = watch.dialog.cseq.max(cseq);
                }
            }
            Purpose::Other => {}
        }
        let cnonce = format!("{:x}", self.rng.next_u64());
        let uri = again.uri.to_string();
        let value = challenge.answer(&self.number, &self.ha1, &again.method, &uri, 1, &cnonce);
        again.headers.remove(&HeaderName::Via);
        let line = format!("{cseq} {}", again.method);
        again.headers.set(HeaderName::CSeq, line);
        again.headers.set(HeaderName::Authorization, value);
        let Some(id) = self.send(now, again, sent.purpose) else {
            return false;
        };
        if let Some(next) = self.sent.get_mut(&id) {
            next.tries = sent.tries.saturating_add(1);
        }
        if let Purpose::Invite(line) = sent.purpose
            && let Some(line) = self.lines.get_mut(&line)
        {
            line.client = Some(id);
        }
        true
    }

    fn line_of(&self, request: &Request) -> Option<LineId> {
        let call_id = request.headers.call_id().ok()?;
        let ours = request.headers.to().ok()?;
        let mut lines = self.lines.iter();
        let of = |line: &LineState| {
            line.dialog.call_id == call_id && line.dialog.local.tag() == ours.tag()
        };
        lines.find(|(_, line)| of(line)).map(|(id, _)| *id)
    }

    fn contact(&self) -> String {
        let transport = if self.is_stream() {
            ";transport=tcp"
        } else {
            ""
        };
        format!("<sip:{}@{}{transport}>", self.number, self.flow.local)
    }

    fn description(&self, line: LineId, direction: &str) -> Vec<u8> {
        let (address, port) = (self.flow.local.ip(), port(line));
        format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8 0\r\na={direction}\r\n"
        )
        .into_bytes()
    }

    fn new_dialog(&mut self, remote: NameAddr) -> Dialog {
        dialog(&mut self.rng, self.flow, &self.number, remote)
    }
}

fn dialog(rng: &mut Rng, flow: Flow, number: &str, remote: NameAddr) -> Dialog {
    let own = NameAddr::new(at_box(number, flow));
    Dialog {
        call_id: format!("{:x}@{}", rng.next_u64(), flow.local.ip()),
        local: own.with_tag(&format!("{:x}", rng.next_u64())),
        target: remote.uri.clone(),
        remote,
        cseq: 0,
    }
}

/// Every line has its own port, until they come round again.
fn port(line: LineId) -> u16 {
    u16::try_from(line % 10_000)
        .unwrap_or_default()
        .saturating_mul(2)
        .saturating_add(4000)
}

const SDP: &str = "application/sdp";
