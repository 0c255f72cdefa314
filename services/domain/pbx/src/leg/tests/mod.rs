//! One leg and a scripted peer on virtual time. The peer speaks raw SIP; `media` answers at once.

mod answering;
mod calling;
mod challenged;
mod changing;
mod described;
mod encrypted;
mod kept;
mod lost;
mod pair;
mod refreshing;
mod reliable;
mod restored;
mod routed;
mod transferring;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ipc::sound::{Agreed, Codec, Reply, Request as SoundRequest};
use sansio::{Entropy, Node, Rng, Transport};
use sip::transaction::{Flow, Input as SipInput, Output as SipOutput, ServerId};
use sip::{HeaderName, Message, Method, NameAddr, Request, Response, StatusCode, Uri};

use super::{
    DtmfMode, Encryption, HangUp, KeptLeg, LegEvent, LegId, LegRow, Legs, Login, Outgoing, Peer,
    Profile, Use,
};
use crate::core::Core;
use crate::interface::{Hop, Output, Query, QueryId};

/// What a phone offers.
pub(super) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\n\
    t=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

/// Everything around one or two legs.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) legs: Legs,
    pub(super) sent: VecDeque<(Flow, Message)>,
    pub(super) sound: Vec<SoundRequest>,
    pub(super) events: VecDeque<(LegId, LegEvent)>,
    pub(super) connects: Vec<Flow>,
    /// Names that were asked for and not answered; addresses are answered at once.
    pub(super) questions: Vec<(QueryId, Query)>,
    /// INVITEs outside of a dialog that came.
    pub(super) arrived: VecDeque<(ServerId, Flow, Request)>,
    /// `media` says nothing.
    pub(super) mute: bool,
    /// The port `media` gives next.
    pub(super) port: u16,
    /// The call takes events as they come; false leaves them.
    pub(super) profile: Profile,
}

pub(super) fn profile() -> Profile {
    Profile {
        codecs: Vec::new(),
        dtmf: DtmfMode::Automatic,
        srtp: Encryption::Off,
        reliable: Use::Off,
        timer: Use::Off,
        session_interval: 1800,
    }
}

pub(super) fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: address("10.0.0.1:5060"),
        remote: address("10.0.0.2:5060"),
        stream: None,
    }
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(super) fn codec(name: &str, payload_type: u8) -> Codec {
    Codec {
        payload_type,
        name: name.to_owned(),
        clock: if name == "OPUS" { 48000 } else { 8000 },
        channels: if name == "OPUS" { 2 } else { 1 },
        parameters: String::new(),
    }
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Bench {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            core: Core::new(Rng::from_seed(1), Entropy::new([7; 32])),
            legs: Legs::default(),
            sent: VecDeque::new(),
            sound: Vec::new(),
            events: VecDeque::new(),
            connects: Vec::new(),
            questions: Vec::new(),
            arrived: VecDeque::new(),
            mute: false,
            port: 20_000,
            profile,
        }
    }

    /// The peer sends a message.
    pub(super) fn receive_by(&mut self, flow: Flow, bytes: &[u8]) {
        let message = sip::parse_datagram(bytes)
            .unwrap_or_else(|_| panic!("the peer sends SIP: {}", String::from_utf8_lossy(bytes)));
        let now = self.core.now;
        self.core
            .sip
            .handle(now, SipInput::Message { flow, message });
        self.settle();
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.receive_by(flow(), bytes);
    }

    /// A command of the call.
    pub(super) fn command<R>(&mut self, command: impl FnOnce(&mut Legs, &mut Core) -> R) -> R {
        let result = command(&mut self.legs, &mut self.core);
        self.settle();
        result
    }

    /// What the node does after every cause.
    pub(super) fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.core.sip.poll() {
                quiet = false;
                self.route(output);
            }
            while let Some(output) = self.core.take_output() {
                quiet = false;
                self.obey(output);
            }
            while let Some(event) = self.legs.poll() {
                self.events.push_back(event);
            }
            if quiet {
                return;
            }
        }
    }

    fn route(&mut self, output: SipOutput) {
        let Self { core, legs, .. } = self;
        match output {
            SipOutput::Transmit { flow, bytes } => {
                let message = sip::parse_datagram(&bytes).expect("we send SIP");
                self.sent.push_back((flow, message));
            }
            SipOutput::Request { id, flow, request } => {
                let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
                if !in_dialog {
                    self.arrived.push_back((id, flow, request));
                    return;
                }
                let leg = legs.named(&request.headers);
                if !leg.is_some_and(|leg| legs.in_dialog(core, id, flow, &request, leg)) {
                    core.reject(id, &request, StatusCode::CALL_DOES_NOT_EXIST);
                }
            }
            SipOutput::Ack { flow, request } => {
                legs.ack(core, flow, &request);
            }
            SipOutput::Cancelled { id, request } => {
                legs.cancelled(core, id, &request);
            }
            SipOutput::Response { id, response } => {
                legs.response(core, id, &response);
            }
            SipOutput::Unasked { response } => legs.unasked(core, &response),
            SipOutput::Timeout { id } | SipOutput::ClientFlowFailed { id } => {
                legs.no_response(core, id);
            }
            SipOutput::ServerFlowFailed { id } => {
                legs.server_lost(core, id);
            }
            SipOutput::AckMissing { .. } | SipOutput::Fault { .. } => {}
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Sound(request) => {
                let reply = match &request {
                    SoundRequest::Open { id, port, .. } => Some((
                        *id,
                        Reply::Opened {
                            port: port.unwrap_or(self.port),
                        },
                    )),
                    SoundRequest::Set(id, _) => Some((*id, Reply::Done)),
                    SoundRequest::Close(id) => Some((*id, Reply::Closed(Box::default()))),
                    _ => None,
                };
                self.sound.push(request);
                if let Some((id, reply)) = reply.filter(|_| !self.mute) {
                    self.legs.sound(&mut self.core, id, &reply);
                }
            }
            Output::Connect { stream, hop, .. } => self.connects.push(Flow {
                transport: hop.transport,
                local: hop.local,
                remote: hop.remote,
                stream: Some(stream),
            }),
            Output::Resolve { id, query } => match query.host.parse() {
                Ok(ip) => {
                    let transport = query.transport.unwrap_or(Transport::Udp);
                    let hop = Hop {
                        transport,
                        remote: SocketAddr::new(ip, query.port.unwrap_or(5060)),
                        local: flow().local,
                    };
                    self.legs.resolved(&mut self.core, id, &[hop]);
                }
                Err(_) => self.questions.push((id, query)),
            },
            _ => {}
        }
    }

    /// Answers the question for a name that was asked first.
    pub(super) fn resolve(&mut self, hops: &[Hop]) {
        let (id, _) = self.questions.remove(0);
        self.command(|legs, core| legs.resolved(core, id, hops));
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.core.now + time;
        loop {
            let due = self.core.sip.deadline();
            let due = due.into_iter().chain(self.legs.deadline()).min();
            let Some(at) = due.filter(|at| *at <= until) else {
                break;
            };
            self.core.now = at.max(self.core.now);
            let now = self.core.now;
            if self.core.sip.deadline().is_some_and(|at| at <= now) {
                self.core.sip.handle(now, SipInput::Timer);
            }
            self.legs.timer(&mut self.core);
            self.settle();
        }
        self.core.now = until;
    }

    /// The next message sent, which must be this request.
    pub(super) fn request(&mut self, method: Method) -> Request {
        match self.sent.pop_front() {
            Some((_, Message::Request(request))) if request.method == method => request,
            other => panic!("{method} was expected, not {}", shown(other.as_ref())),
        }
    }

    /// The next message sent, which must be a response with this status.
    pub(super) fn response(&mut self, status: u16) -> Response {
        match self.sent.pop_front() {
            Some((_, Message::Response(response))) if response.status.code() == status => response,
            other => panic!("{status} was expected, not {}", shown(other.as_ref())),
        }
    }

    /// Nothing was sent.
    pub(super) fn silent(&self) {
        let first = self.sent.front();
        assert!(first.is_none(), "nothing expected, not {}", shown(first));
    }

    /// The next event.
    pub(super) fn event(&mut self) -> LegEvent {
        self.events.pop_front().expect("an event").1
    }

    /// What `media` was last told to be agreed.
    pub(super) fn agreed(&self) -> Agreed {
        let last = self.sound.iter().rev().find_map(|request| match request {
            SoundRequest::Set(_, agreed) => Some((**agreed).clone()),
            _ => None,
        });
        last.expect("media was told")
    }

    /// The leg has left nothing behind: no leg, no timer, no endpoint.
    pub(super) fn all_gone(&mut self) {
        self.wait(seconds(200));
        assert!(self.legs.legs.is_empty(), "{:?}", self.legs);
        assert_eq!(self.legs.deadline(), None);
        assert!(self.legs.shared.clients.is_empty() && self.legs.shared.servers.is_empty());
        assert!(self.legs.arriving.is_empty());
    }

    /// The peer calls; the leg is there and 100 is sent.
    pub(super) fn incoming(&mut self, caller: &mut Remote, headers: &str, body: &str) -> LegId {
        self.receive(&caller.invite(headers, body));
        let (id, flow, request) = self.arrived.pop_front().expect("an INVITE");
        let profile = self.profile.clone();
        let peer = Peer::Extension("100".to_owned());
        let leg = self.command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile));
        let leg = leg.expect("let in");
        self.response(100);
        caller.ours = leg.tag();
        leg
    }

    /// We call; the INVITE is out.
    pub(super) fn outgoing(&mut self, login: Option<Login>) -> (LegId, Request) {
        let wanted = self.wanted(login);
        let leg = self.command(|legs, core| legs.outgoing(core, wanted));
        (leg.expect("room"), self.request(Method::Invite))
    }

    pub(super) fn wanted(&self, login: Option<Login>) -> Outgoing {
        let uri = |text: &str| NameAddr::parse(text.as_bytes()).expect("an address");
        Outgoing {
            peer: Peer::Extension("200".to_owned()),
            flow: flow(),
            target: Uri::parse(b"sip:200@10.0.0.2:5060").expect("a URI"),
            route: Vec::new(),
            from: uri("\"Ana\" <sip:100@10.0.0.1>"),
            to: uri("<sip:200@10.0.0.1>"),
            hops: 69,
            headers: Vec::new(),
            profile: self.profile.clone(),
            login,
            codecs: vec![codec("PCMA", 8), codec("PCMU", 0)],
        }
    }

    /// A call to us that is up.
    pub(super) fn answered(&mut self, headers: &str) -> (LegId, Remote) {
        let mut caller = Remote::caller();
        let leg = self.incoming(&mut caller, headers, OFFER);
        self.command(|legs, core| legs.answer(core, leg, &[codec("PCMA", 8)]));
        let ok = self.response(200);
        self.receive(&caller.ack(""));
        assert_eq!(self.event(), LegEvent::Acknowledged);
        caller.last = Some(ok);
        (leg, caller)
    }

    /// A call of ours that is up.
    pub(super) fn called(&mut self, headers: &[(HeaderName, &str)]) -> (LegId, Remote) {
        let (leg, invite) = self.outgoing(None);
        let callee = Remote::callee(&invite, "b1");
        self.receive(&callee.answer(&invite, 200, headers, &answer("8 101")));
        self.request(Method::Ack);
        assert_eq!(self.event(), LegEvent::Answered);
        (leg, callee)
    }

    pub(super) fn hang_up(&mut self, leg: LegId) {
        let how = HangUp {
            status: StatusCode::BUSY_HERE,
            reason: None,
            headers: Vec::new(),
        };
        self.command(|legs, core| legs.hang_up(core, leg, how));
    }
}

fn shown(message: Option<&(Flow, Message)>) -> String {
    message.map_or_else(|| "nothing".to_owned(), |(_, one)| body(&one.to_bytes()))
}

/// A description of the peer's with these payload types.
pub(super) fn answer(formats: &str) -> String {
    format!(
        "v=0\r\no=- 2 2 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP {formats}\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
}

/// The peer's end of a dialog.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) call_id: String,
    pub(super) theirs: String,
    pub(super) ours: String,
    pub(super) cseq: u32,
    invite_cseq: u32,
    branch: u32,
    pub(super) last: Option<Response>,
}

impl Remote {
    pub(super) fn caller() -> Self {
        Self {
            call_id: "call-1@10.0.0.2".to_owned(),
            theirs: "a1".to_owned(),
            ours: String::new(),
            cseq: 1,
            invite_cseq: 1,
            branch: 0,
            last: None,
        }
    }

    /// Who was called by this INVITE, under this tag.
    pub(super) fn callee(invite: &Request, tag: &str) -> Self {
        let from = invite.headers.from().expect("From");
        Self {
            call_id: invite.headers.call_id().expect("Call-ID").to_owned(),
            theirs: tag.to_owned(),
            ours: from.tag().expect("a tag").to_owned(),
            cseq: 10,
            invite_cseq: 0,
            branch: 100,
            last: None,
        }
    }

    pub(super) fn invite(&mut self, headers: &str, body: &str) -> Vec<u8> {
        self.text("INVITE", self.cseq, headers, body)
    }

    /// CANCEL of the first INVITE.
    pub(super) fn cancel(&self) -> Vec<u8> {
        let mut same = self.clone();
        same.ours.clear();
        same.branch -= 1;
        same.text("CANCEL", self.invite_cseq, "", "")
    }

    pub(super) fn ack(&mut self, body: &str) -> Vec<u8> {
        self.text("ACK", self.invite_cseq, "", body)
    }

    /// The next request in the dialog.
    pub(super) fn request(&mut self, method: &str, headers: &str, body: &str) -> Vec<u8> {
        self.cseq += 1;
        if method == "INVITE" {
            self.invite_cseq = self.cseq;
        }
        self.text(method, self.cseq, headers, body)
    }

    fn text(&mut self, method: &str, cseq: u32, headers: &str, body: &str) -> Vec<u8> {
        let branch = self.branch;
        self.branch += 1;
        let to = match self.ours.as_str() {
            "" => String::new(),
            tag => format!(";tag={tag}"),
        };
        let kind = match body {
            "" => "",
            _ if headers.contains("Content-Type") => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} sip:100@10.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:100@10.0.0.1>;tag={}\r\n\
             To: <sip:200@10.0.0.1>{to}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:100@10.0.0.2:5060>\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            self.theirs,
            self.call_id,
            body.len()
        )
        .into_bytes()
    }

    /// An answer to a request of ours.
    pub(super) fn answer(
        &self,
        request: &Request,
        status: u16,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Vec<u8> {
        let status = StatusCode::new(status).expect("a status");
        let mut response = Response::to_request(request, status, Some(&self.theirs))
            .with(HeaderName::Contact, "<sip:200@10.0.0.2:5060>");
        for (name, value) in headers {
            response = response.with(name.clone(), *value);
        }
        if !body.is_empty() {
            response = response.with_body("application/sdp", body.as_bytes().to_vec());
        }
        response.to_bytes()
    }
}

pub(super) fn body(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

pub(super) fn text(headers: &sip::Headers, name: &HeaderName) -> String {
    headers.text(name).unwrap_or_default().to_owned()
}

/// A leg as the next process finds it, when it was answered.
fn saved(bench: &Bench, leg: LegId) -> Option<LegRow> {
    match bench.legs.keep(&bench.core, leg)? {
        KeptLeg::Answered(row) => Some(*row),
        KeptLeg::Invite(_) => None,
    }
}
