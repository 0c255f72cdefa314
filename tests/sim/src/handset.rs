//! A phone with several lines, worked key by key: holds, transfers, takes over and picks up.
//!
//! Unlike [`Phone`](crate::Phone) it does nothing of itself but answer what any phone answers, and
//! it expects a quiet network.

use std::net::SocketAddr;

use ipc::sound::{EndpointId, Source};
use sansio::{Instant, Node, Rng, Transport};
use sip::digest::{Challenge, Ha1};
use sip::transaction::{ClientId, Flow, Input, Layer, Output, ServerId};
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode};

use crate::dialog::{Dialog, at_box};
use crate::world::{BOX_ADDRESS, PASSWORD, World};

/// Names a line of one handset, in the order they came up.
pub type Line = usize;

/// How a line stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stand {
    /// It called and waits.
    Calling,
    /// It is called.
    Ringing,
    /// It talks.
    Talking,
    /// It is over: hung up by the other side, or refused with this status.
    Over(u16),
}

/// One line.
#[derive(Debug)]
pub struct LineState {
    /// How it stands.
    pub stand: Stand,
    /// Provisional statuses it was told.
    pub told: Vec<u16>,
    /// Answer to its last REFER.
    pub referred: Option<u16>,
    /// What it was answered when it asked to be recorded, or not any more.
    pub record_told: Vec<u16>,
    /// Status lines of the NOTIFYs that followed.
    pub notified: Vec<String>,
    /// Who the box says is at the other end: From of a call that rings, then P-Asserted-Identity.
    pub shown: String,
    /// The INVITE that called it, or made it.
    pub invite: Request,
    /// Reason of the CANCEL or BYE that ended it.
    pub reason: String,
    dialog: Dialog,
    client: Option<ClientId>,
    server: Option<ServerId>,
    /// What it describes as its direction.
    direction: &'static str,
}

/// The phone.
#[derive(Debug)]
pub struct Handset {
    number: String,
    ha1: Ha1,
    flow: Flow,
    layer: Layer,
    rng: Rng,
    /// Its lines, also those that are over.
    pub lines: Vec<LineState>,
    /// Formats it describes: payload types, and attributes for those that need them.
    pub formats: (&'static str, &'static str),
    /// Bodies of the NOTIFYs its subscriptions brought.
    pub lamps: Vec<String>,
    pending: Vec<(ClientId, Request)>,
    refers: Vec<(ClientId, Line)>,
    record_wishes: Vec<(ClientId, Line)>,
}

impl Handset {
    /// A phone of this extension at 10.0.2.`place`.
    #[must_use]
    pub fn new(number: &str, place: u8) -> Self {
        let local = SocketAddr::from(([10, 0, 2, place], 5060));
        let flow = Flow {
            transport: Transport::Udp,
            local,
            remote: BOX_ADDRESS,
            stream: None,
        };
        Self {
            number: number.to_owned(),
            ha1: Ha1::from_password(number, "ramal", PASSWORD),
            flow,
            layer: Layer::new(Rng::from_seed(u64::from(place) + 1000)),
            rng: Rng::from_seed(u64::from(place) + 2000),
            lines: Vec::new(),
            formats: ("8 0", ""),
            lamps: Vec::new(),
            pending: Vec::new(),
            refers: Vec::new(),
            record_wishes: Vec::new(),
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Registers.
    pub fn register(&mut self, world: &mut World) {
        let own = NameAddr::new(at_box(&self.number, self.flow));
        let mut dialog = self.dialog(own);
        let mut request = dialog.request(Method::Register);
        request.headers.push(HeaderName::Contact, self.contact());
        request.headers.push(HeaderName::Expires, "3600");
        self.send(world, request);
    }

    /// Watches the calls of a number (RFC 4235).
    pub fn watch(&mut self, world: &mut World, number: &str) {
        let mut dialog = self.dialog(NameAddr::new(at_box(number, self.flow)));
        let mut request = dialog.request(Method::Subscribe);
        for (name, value) in [
            (HeaderName::Contact, self.contact()),
            (HeaderName::Event, "dialog".to_owned()),
            (HeaderName::Accept, "application/dialog-info+xml".to_owned()),
            (HeaderName::Expires, "3600".to_owned()),
        ] {
            request.headers.push(name, value);
        }
        self.send(world, request);
    }

    /// Calls a number; gives the line.
    pub fn call(&mut self, world: &mut World, to: &str) -> Line {
        self.call_with(world, to, &[])
    }

    /// Calls a number with more header fields; gives the line.
    pub fn call_with(
        &mut self,
        world: &mut World,
        to: &str,
        headers: &[(HeaderName, String)],
    ) -> Line {
        let mut dialog = self.dialog(NameAddr::new(at_box(to, self.flow)));
        let mut invite = dialog.request(Method::Invite);
        invite.headers.push(HeaderName::Contact, self.contact());
        for (name, value) in headers {
            invite.headers.push(name.clone(), value.clone());
        }
        let line = self.lines.len();
        let invite = invite.with_body(SDP, self.description(line, "sendrecv"));
        let client = self.send(world, invite.clone());
        self.lines
            .push(LineState::new(Stand::Calling, dialog, invite, client, None));
        line
    }

    /// Answers a line that rings.
    pub fn answer(&mut self, world: &mut World, line: Line) {
        let body = self.description(line, "sendrecv");
        let contact = self.contact();
        let Some(state) = self.lines.get_mut(line) else {
            return;
        };
        let ok = Response::to_request(&state.invite, StatusCode::OK, state.dialog.local.tag())
            .with(HeaderName::Contact, contact)
            .with_body(SDP, body);
        state.stand = Stand::Talking;
        if let Some(server) = state.server {
            self.layer.respond(world.now(), server, &ok);
        }
        self.flush(world);
    }

    /// Gives a line that rings a status, provisional or a refusal.
    pub fn reply(&mut self, world: &mut World, line: Line, status: StatusCode) {
        let Some(state) = self.lines.get_mut(line) else {
            return;
        };
        let response = Response::to_request(&state.invite, status, state.dialog.local.tag());
        if !status.is_provisional() {
            state.stand = Stand::Over(status.code());
        }
        if let Some(server) = state.server {
            self.layer.respond(world.now(), server, &response);
        }
        self.flush(world);
    }

    /// Puts a line on hold.
    pub fn hold(&mut self, world: &mut World, line: Line) {
        self.describe_again(world, line, "sendonly");
    }

    /// Takes a line from hold.
    pub fn resume(&mut self, world: &mut World, line: Line) {
        self.describe_again(world, line, "sendrecv");
    }

    fn describe_again(&mut self, world: &mut World, line: Line, direction: &'static str) {
        let body = self.description(line, direction);
        let contact = self.contact();
        if let Some(state) = self.lines.get_mut(line) {
            state.direction = direction;
            let mut invite = state.dialog.request(Method::Invite);
            invite.headers.push(HeaderName::Contact, contact);
            let invite = invite.with_body(SDP, body);
            state.client = self.layer.send_request(world.now(), self.flow, invite).ok();
        }
        self.flush(world);
    }

    /// Hangs up: CANCEL, refusal or BYE, as the line stands.
    pub fn hang_up(&mut self, world: &mut World, line: Line) {
        let Some(state) = self.lines.get_mut(line) else {
            return;
        };
        match state.stand {
            Stand::Calling => {
                if let Some(client) = state.client {
                    self.layer.cancel(world.now(), client, None);
                }
            }
            Stand::Ringing => return self.reply(world, line, StatusCode::DECLINE),
            Stand::Talking => {
                state.stand = Stand::Over(200);
                let bye = state.dialog.request(Method::Bye);
                self.send(world, bye);
            }
            Stand::Over(_) => {}
        }
        self.flush(world);
    }

    /// Blind transfer of a line to a number.
    pub fn transfer(&mut self, world: &mut World, line: Line, to: &str) {
        let target = format!("<{}>", at_box(to, self.flow));
        self.refer(world, line, &target);
    }

    /// Attended transfer: joins a line with another one of this phone.
    pub fn join(&mut self, world: &mut World, line: Line, other: Line) {
        let Some(state) = self.lines.get(other) else {
            return;
        };
        let replaces = self.replaces(other);
        let escaped = replaces
            .replace('@', "%40")
            .replace(';', "%3B")
            .replace('=', "%3D");
        let target = format!("<{}?Replaces={escaped}>", state.dialog.remote.uri);
        self.refer(world, line, &target);
    }

    fn refer(&mut self, world: &mut World, line: Line, target: &str) {
        let contact = self.contact();
        let Some(state) = self.lines.get_mut(line) else {
            return;
        };
        let mut refer = state.dialog.request(Method::Refer);
        refer.headers.push(HeaderName::Contact, contact);
        refer.headers.push(HeaderName::ReferTo, target);
        if let Some(id) = self.send(world, refer) {
            self.refers.push((id, line));
        }
    }

    /// Presses a key on a line, sent as INFO.
    pub fn press(&mut self, world: &mut World, line: Line, key: char) {
        if let Some(state) = self.lines.get_mut(line) {
            let info = state.dialog.request(Method::Info);
            let body = format!("Signal={key}\r\nDuration=160\r\n").into_bytes();
            self.send(world, info.with_body("application/dtmf-relay", body));
        }
    }

    /// Presses the record key of a line: an INFO with `Record: on` or `off`.
    pub fn ask_to_record(&mut self, world: &mut World, line: Line, wish: &str) {
        if let Some(state) = self.lines.get_mut(line) {
            let mut info = state.dialog.request(Method::Info);
            info.headers.push(HeaderName::Other("Record".into()), wish);
            let sent = self.send(world, info);
            self.record_wishes.extend(sent.map(|id| (id, line)));
        }
    }

    /// A Replaces value that names a line's dialog, as the box sees it.
    #[must_use]
    pub fn replaces(&self, line: Line) -> String {
        self.lines.get(line).map_or_else(String::new, |state| {
            let tag = |address: &NameAddr| address.tag().unwrap_or_default().to_owned();
            let dialog = &state.dialog;
            let (to, from) = (tag(&dialog.remote), tag(&dialog.local));
            format!("{};to-tag={to};from-tag={from}", dialog.call_id)
        })
    }

    /// How a line stands.
    #[must_use]
    pub fn stand(&self, line: Line) -> Option<Stand> {
        self.lines.get(line).map(|state| state.stand)
    }

    /// The endpoint that serves a line, and what it hears.
    #[must_use]
    pub fn hears(&self, world: &World, line: Line) -> Option<(EndpointId, Source)> {
        let here = SocketAddr::new(self.flow.local.ip(), self.port(line));
        let mut open = world.media.open.iter();
        let found = open.find(|(_, endpoint)| {
            let agreed = endpoint.agreed.as_ref();
            agreed.and_then(|agreed| agreed.remote) == Some(here)
        });
        found.map(|(id, endpoint)| (*id, endpoint.hears.clone()))
    }

    /// Works off what the network brought, and what its timers want.
    pub fn work(&mut self, world: &mut World) {
        for bytes in world.take_for(self.flow.local) {
            if let Ok(message) = sip::parse_datagram(&bytes) {
                let flow = self.flow;
                self.layer
                    .handle(world.now(), Input::Message { flow, message });
            }
        }
        if self.layer.deadline().is_some_and(|at| at <= world.now()) {
            self.layer.handle(world.now(), Input::Timer);
        }
        self.flush(world);
    }

    fn flush(&mut self, world: &mut World) {
        while let Some(output) = self.layer.poll() {
            let now = world.now();
            match output {
                Output::Transmit { bytes, .. } => world.send_to_box(self.flow.local, &bytes),
                Output::Request { id, request, .. } => self.requested(now, id, &request),
                Output::Cancelled { id, request } => self.cancelled(now, id, &request),
                Output::Response { id, response } => self.response(world, id, &response),
                Output::Ack { .. }
                | Output::Timeout { .. }
                | Output::ClientFlowFailed { .. }
                | Output::ServerFlowFailed { .. }
                | Output::Unasked { .. }
                | Output::AckMissing { .. }
                | Output::Fault { .. } => {}
            }
        }
    }

    fn requested(&mut self, now: Instant, id: ServerId, request: &Request) {
        let line = self.line_of(request);
        let status = match (&request.method, line) {
            (Method::Invite, None) => return self.called(now, id, request),
            (Method::Invite, Some(line)) => return self.reinvited(now, id, request, line),
            (Method::Options, None) => StatusCode::OK,
            (Method::Notify, None) => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                self.lamps.push(body);
                StatusCode::OK
            }
            (_, None) => StatusCode::CALL_DOES_NOT_EXIST,
            (method, Some(line)) => {
                self.told(method, request, line);
                StatusCode::OK
            }
        };
        self.layer
            .respond(now, id, &Response::to_request(request, status, None));
    }

    fn told(&mut self, method: &Method, request: &Request, line: Line) {
        let Some(state) = self.lines.get_mut(line) else {
            return;
        };
        if *method == Method::Bye {
            state.stand = Stand::Over(200);
            let reason = request.headers.text(&HeaderName::Reason);
            reason.unwrap_or_default().clone_into(&mut state.reason);
        } else if *method == Method::Notify {
            let body = String::from_utf8_lossy(&request.body);
            state
                .notified
                .push(body.lines().next().unwrap_or_default().to_owned());
        }
        if let Some(identity) = request.headers.text(&HeaderName::PAssertedIdentity) {
            identity.clone_into(&mut state.shown);
        }
    }

    fn called(&mut self, now: Instant, id: ServerId, request: &Request) {
        let (Ok(from), Ok(to)) = (request.headers.from(), request.headers.to()) else {
            return;
        };
        let tag = format!("{:x}", self.rng.next_u64());
        let mut dialog = Dialog {
            call_id: request.headers.call_id().unwrap_or_default().to_owned(),
            local: to.with_tag(&tag),
            remote: from.clone(),
            target: from.uri.clone(),
            cseq: 0,
        };
        let local = dialog.local.clone();
        dialog.learn(&request.headers);
        (dialog.local, dialog.remote) = (local, from.clone());
        let ringing = Response::to_request(request, StatusCode::RINGING, Some(&tag))
            .with(HeaderName::Contact, self.contact());
        self.layer.respond(now, id, &ringing);
        let mut state = LineState::new(Stand::Ringing, dialog, request.clone(), None, Some(id));
        state.shown = from.to_string();
        self.lines.push(state);
    }

    fn reinvited(&mut self, now: Instant, id: ServerId, request: &Request, line: Line) {
        // A phone on hold stays there when the box refreshes the session (RFC 3264 §8.4).
        let state = self.lines.get(line);
        let direction = state.map_or("inactive", |state| state.direction);
        let ok = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, self.contact())
            .with_body(SDP, self.description(line, direction));
        self.layer.respond(now, id, &ok);
    }

    fn cancelled(&mut self, now: Instant, id: ServerId, cancel: &Request) {
        let mut lines = self.lines.iter_mut();
        if let Some(state) = lines.find(|state| state.server == Some(id)) {
            state.stand = Stand::Over(487);
            let reason = cancel.headers.text(&HeaderName::Reason);
            reason.unwrap_or_default().clone_into(&mut state.reason);
            let status = StatusCode::REQUEST_TERMINATED;
            let end = Response::to_request(&state.invite, status, state.dialog.local.tag());
            self.layer.respond(now, id, &end);
        }
    }

    fn response(&mut self, world: &mut World, id: ClientId, response: &Response) {
        let status = response.status;
        if let Some((_, line)) = self.refers.iter().find(|(refer, _)| *refer == id)
            && !status.is_provisional()
            && let Some(state) = self.lines.get_mut(*line)
        {
            state.referred = Some(status.code());
        }
        let mut wishes = self.record_wishes.iter();
        if let Some((_, line)) = wishes.find(|(wish, _)| *wish == id)
            && let Some(state) = self.lines.get_mut(*line)
        {
            state.record_told.push(status.code());
        }
        let line = self.lines.iter().position(|state| state.client == Some(id));
        if status == StatusCode::UNAUTHORIZED {
            return self.authorise(world, id, response, line);
        }
        let Some(state) = line.and_then(|line| self.lines.get_mut(line)) else {
            return;
        };
        if status.is_provisional() {
            state.told.push(status.code());
            if response.headers.to().is_ok_and(|to| to.tag().is_some()) {
                state.dialog.learn(&response.headers);
            }
            return;
        }
        if !status.is_success() {
            state.stand = Stand::Over(status.code());
            return;
        }
        state.stand = Stand::Talking;
        if let Some(identity) = response.headers.text(&HeaderName::PAssertedIdentity) {
            identity.clone_into(&mut state.shown);
        }
        state.dialog.learn(&response.headers);
        let cseq = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let ack = state.dialog.with_cseq(Method::Ack, cseq);
        self.layer.send_ack(self.flow, ack);
    }

    fn authorise(
        &mut self,
        world: &mut World,
        id: ClientId,
        response: &Response,
        line: Option<Line>,
    ) {
        let at = self.pending.iter().position(|(sent, _)| *sent == id);
        let Some((_, mut request)) = at.map(|at| self.pending.remove(at)) else {
            return;
        };
        let value = response.headers.first(&HeaderName::WwwAuthenticate);
        let Some(challenge) = value.and_then(Challenge::parse) else {
            return;
        };
        let cseq = request.headers.cseq().map_or(1, |cseq| cseq.number) + 1;
        let (uri, method) = (request.uri.to_string(), request.method.clone());
        let value = challenge.answer(&self.number, &self.ha1, &method, &uri, 1, "handset");
        request.headers.remove(&HeaderName::Via);
        let text = format!("{cseq} {method}");
        request.headers.set(HeaderName::CSeq, text);
        request.headers.set(HeaderName::Authorization, value);
        let sent = self
            .layer
            .send_request(world.now(), self.flow, request.clone());
        if let Some(state) = line.and_then(|line| self.lines.get_mut(line)) {
            state.dialog.cseq = cseq;
            state.client = sent.ok();
            state.invite = request;
        }
    }

    fn line_of(&self, request: &Request) -> Option<Line> {
        let call_id = request.headers.call_id().ok()?;
        let ours = request.headers.to().ok()?;
        self.lines.iter().position(|state| {
            state.dialog.call_id == call_id && state.dialog.local.tag() == ours.tag()
        })
    }

    fn send(&mut self, world: &mut World, request: Request) -> Option<ClientId> {
        let sent = self
            .layer
            .send_request(world.now(), self.flow, request.clone());
        let id = sent.ok();
        self.pending.extend(id.map(|id| (id, request)));
        self.flush(world);
        id
    }

    fn dialog(&mut self, remote: NameAddr) -> Dialog {
        let own = NameAddr::new(at_box(&self.number, self.flow));
        Dialog {
            call_id: format!("{:x}@{}", self.rng.next_u64(), self.flow.local.ip()),
            local: own.with_tag(&format!("{:x}", self.rng.next_u64())),
            target: remote.uri.clone(),
            remote,
            cseq: 0,
        }
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.number, self.flow.local)
    }

    fn port(&self, line: Line) -> u16 {
        4000 + 2 * u16::try_from(line).unwrap_or_default()
    }

    fn description(&self, line: Line, direction: &str) -> Vec<u8> {
        let (address, port) = (self.flow.local.ip(), self.port(line));
        let (formats, attributes) = self.formats;
        format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {formats}\r\n{attributes}a={direction}\r\n"
        )
        .into_bytes()
    }
}

const SDP: &str = "application/sdp";

impl LineState {
    fn new(
        stand: Stand,
        dialog: Dialog,
        invite: Request,
        client: Option<ClientId>,
        server: Option<ServerId>,
    ) -> Self {
        Self {
            stand,
            told: Vec::new(),
            referred: None,
            record_told: Vec::new(),
            notified: Vec::new(),
            shown: String::new(),
            invite,
            reason: String::new(),
            dialog,
            client,
            server,
            direction: "sendrecv",
        }
    }
}
