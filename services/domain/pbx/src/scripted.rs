//! A node and a scripted peer that speaks to it, for tests of what goes over the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Site;
use ipc::site::{Extension, Site as RawSite};
use ipc::{Redacted, store::Registration};
use sansio::{Datagram, Entropy, Instant, Node, Rng, Transport, UnixTime};
use sip::digest::{Algorithm, Challenge, Ha1};
use sip::{HeaderName, Message, Method, NameAddr, Request, Response, StatusCode, Uri, Via};

use crate::interface::{Event, Input, Output, StreamId};
use crate::node::PbxNode;

pub(crate) const REALM: &str = "box";
pub(crate) const PASSWORD: &str = "right";
const LOCAL: &str = "10.0.0.1:5060";

/// A node under test, and what it has said.
pub(crate) struct Rig {
    pub(crate) node: PbxNode,
    pub(crate) now: Instant,
    pub(crate) events: Vec<Event>,
    pub(crate) outputs: Vec<Output>,
    /// With which datagrams arrive from now on, where that is known.
    pub(crate) ttl: Option<u8>,
    branches: u32,
}

/// A site with the extensions 100 to 103, of which 101 is remote; all have one password.
pub(crate) fn site(edit: impl FnOnce(&mut RawSite)) -> Site {
    let mut raw = Site::factory(REALM).to_ipc();
    for number in ["100", "101", "102", "103"] {
        let ha1 = Ha1::from_password(number, REALM, PASSWORD);
        raw.extensions.push(Extension {
            number: number.to_owned(),
            ha1_md5: Redacted::new(ha1.hex(Algorithm::Md5).to_owned()),
            ha1_sha256: Redacted::new(ha1.hex(Algorithm::Sha256).to_owned()),
            remote: number == "101",
            ..Extension::default()
        });
    }
    edit(&mut raw);
    Site::parse(&raw).expect("a valid site")
}

/// A request as a phone writes it, without Via.
pub(crate) fn request(method: Method, user: &str, call_id: &str, cseq: u32) -> Request {
    let uri = |text: &str| Uri::parse(text.as_bytes()).expect("a URI");
    let address = NameAddr::new(uri(&format!("sip:{user}@10.0.0.1")));
    let target = uri("sip:10.0.0.1");
    let from = address.clone().with_tag("phone");
    Request::new(method, target, &from, &address, call_id, cseq)
}

/// A REGISTER of these contacts.
pub(crate) fn register(user: &str, call_id: &str, cseq: u32, contacts: &[&str]) -> Request {
    let mut request = request(Method::Register, user, call_id, cseq);
    for contact in contacts {
        request.headers.push(HeaderName::Contact, *contact);
    }
    request
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with_site(site(|_| ()))
    }

    pub(crate) fn with_site(site: Site) -> Self {
        let mut rig = Self::unconfigured();
        rig.handle(Input::Config(1, Arc::new(site)));
        rig
    }

    /// A node that has only been told the time.
    pub(crate) fn unconfigured() -> Self {
        let mut rig = Self {
            node: PbxNode::new(Rng::from_seed(7), Entropy::new([7; 32])),
            now: Instant::ORIGIN + Duration::from_secs(1),
            events: Vec::new(),
            outputs: Vec::new(),
            ttl: None,
            branches: 0,
        };
        let wall = UnixTime::from_millis(1_700_000_000_000);
        rig.handle(Input::WallClock(wall));
        rig
    }

    /// Hands the node a cause; keeps what comes of it.
    pub(crate) fn handle(&mut self, input: Input) {
        self.node.handle(self.now, input);
        while let Some(output) = self.node.poll() {
            match output {
                Output::Event(event) => self.events.push(event),
                output => self.outputs.push(output),
            }
        }
    }

    /// Lets time pass, with every deadline on the way.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.node.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.handle(Input::Timer);
        }
        self.now = end;
    }

    /// Takes the messages that were sent since this was last asked, with their remote ends.
    pub(crate) fn take_messages(&mut self) -> Vec<(SocketAddr, Message)> {
        let mut messages = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Transmit { flow, bytes } => {
                let message = sip::parse_datagram(bytes).expect("a message of ours");
                messages.push((flow.remote, message));
                false
            }
            _ => true,
        });
        messages
    }

    /// Sends bytes in a datagram.
    pub(crate) fn datagram(&mut self, remote: &str, bytes: Vec<u8>) {
        let ttl = self.ttl;
        self.handle(Input::Datagram(Datagram {
            source: remote.parse().expect("an address"),
            destination: LOCAL.parse().expect("an address"),
            ttl,
            bytes,
        }));
    }

    /// Sends a request in a datagram; gives the last response to it.
    pub(crate) fn ask(&mut self, remote: &str, request: &Request) -> Response {
        let request = self.with_via(remote, Transport::Udp, request);
        self.datagram(remote, request.to_bytes());
        self.response()
    }

    /// The same over a connection.
    pub(crate) fn ask_on(&mut self, stream: StreamId, remote: &str, request: &Request) -> Response {
        let bytes = self.with_via(remote, Transport::Tcp, request).to_bytes();
        self.handle(Input::StreamBytes { stream, bytes });
        self.response()
    }

    /// A phone connects.
    pub(crate) fn open(&mut self, stream: StreamId, remote: &str) {
        self.handle(Input::StreamOpened {
            stream,
            transport: Transport::Tcp,
            remote: remote.parse().expect("an address"),
            local: LOCAL.parse().expect("an address"),
        });
    }

    /// Sends a request, answers the challenge with the password and gives the final response.
    pub(crate) fn ask_as(
        &mut self,
        remote: &str,
        user: &str,
        password: &str,
        request: &Request,
    ) -> Response {
        let challenged = self.ask(remote, request);
        assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
        let request = answered(&challenged, user, password, request);
        self.ask(remote, &request)
    }

    /// The registrations handed to the store last.
    pub(crate) fn kept(&mut self) -> Vec<Registration> {
        self.pass(Duration::from_secs(6));
        let kept = self.outputs.iter().rev().find_map(|output| match output {
            Output::PersistRegistrations(rows) => Some(rows.clone()),
            _ => None,
        });
        kept.expect("something was kept")
    }

    pub(crate) fn with_via(
        &mut self,
        remote: &str,
        transport: Transport,
        request: &Request,
    ) -> Request {
        self.branches += 1;
        let branch = format!("z9hG4bK{}", self.branches);
        let via = Via::new(transport, remote.parse().expect("an address"), &branch);
        let mut request = request.clone();
        request.headers.push_first(HeaderName::Via, via.to_string());
        request
    }

    fn response(&mut self) -> Response {
        let messages = self.take_messages();
        let mut responses = messages
            .into_iter()
            .filter_map(|(_, message)| match message {
                Message::Response(response) => Some(response),
                Message::Request(_) => None,
            });
        responses.next_back().expect("an answer")
    }
}

/// The request again with credentials for the first challenge, one CSeq later.
pub(crate) fn answered(
    challenged: &Response,
    user: &str,
    password: &str,
    request: &Request,
) -> Request {
    let challenge = challenged.headers.first(&HeaderName::WwwAuthenticate);
    let challenge = Challenge::parse(challenge.expect("a challenge")).expect("legible");
    let mut request = request.clone();
    let cseq = request.headers.cseq().expect("a CSeq").number + 1;
    let method = request.method.clone();
    request
        .headers
        .set(HeaderName::CSeq, format!("{cseq} {method}"));
    let ha1 = Ha1::from_password(user, &challenge.realm, password);
    let uri = request.uri.to_string();
    let value = challenge.answer(user, &ha1, &method, &uri, 1, "cnonce");
    request.headers.push(HeaderName::Authorization, value);
    request
}
