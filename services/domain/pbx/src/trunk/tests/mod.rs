//! Trunks against a scripted carrier, in virtual time.

mod calls;
mod registering;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use ipc::Redacted;
use ipc::site::{Site as RawSite, Trunk as RawTrunk, TrunkAccess};
use sansio::{Entropy, Instant, Node, Rng, Transport};
use sip::transaction::{Flow, Input as SipInput, Output as SipOutput};
use sip::{HeaderName, Message, Method, Request, Response, StatusCode};

use super::Trunks;
use crate::core::Core;
use crate::interface::{Event, Hop, Output, QueryId};
use crate::scripted::site;

const CARRIER: &str = "sip.example.com";

/// Trunks, and the carrier at the other end.
struct Carrier {
    core: Core,
    trunks: Trunks,
    /// Requests that came, without repetitions.
    requests: Vec<(Flow, Request)>,
    outputs: Vec<Output>,
    events: Vec<Event>,
    branches: Vec<String>,
}

/// A trunk with an account at the carrier.
fn registering() -> RawTrunk {
    RawTrunk {
        name: "carrier".to_owned(),
        access: TrunkAccess::Registering {
            server: CARRIER.to_owned(),
            user: "551132345678".to_owned(),
            auth_user: "login".to_owned(),
            password: Redacted::new("geheim".to_owned()),
            realm: String::new(),
            expires_secs: 600,
            contact_user: String::new(),
        },
        qualify_secs: 0,
        ..RawTrunk::default()
    }
}

/// A trunk known by its address.
fn peer(name: &str, server: &str, networks: &[&str]) -> RawTrunk {
    RawTrunk {
        name: name.to_owned(),
        access: TrunkAccess::Peer {
            server: server.to_owned(),
            networks: networks.iter().map(|it| (*it).to_owned()).collect(),
        },
        qualify_secs: 0,
        ..RawTrunk::default()
    }
}

fn hop(host: u8) -> Hop {
    Hop {
        transport: Transport::Udp,
        remote: ([192, 0, 2, host], 5060).into(),
        local: ([10, 0, 0, 1], 5060).into(),
    }
}

fn tcp(host: u8) -> Hop {
    Hop {
        transport: Transport::Tcp,
        ..hop(host)
    }
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Carrier {
    fn new(trunks: Vec<RawTrunk>) -> Self {
        let mut carrier = Self {
            core: Core::new(Rng::from_seed(11), Entropy::new([3; 32])),
            trunks: Trunks::new(Rng::from_seed(12)),
            requests: Vec::new(),
            outputs: Vec::new(),
            events: Vec::new(),
            branches: Vec::new(),
        };
        carrier.core.now = Instant::ORIGIN + secs(1);
        carrier.configure(|raw| raw.trunks = trunks);
        carrier
    }

    /// With one trunk that is known by these ways.
    fn at(trunk: RawTrunk, hops: &[Hop]) -> Self {
        let mut carrier = Self::new(vec![trunk]);
        carrier.resolve(hops, 3600);
        carrier
    }

    fn configure(&mut self, edit: impl FnOnce(&mut RawSite)) {
        self.core.configure(1, Arc::new(site(edit)));
        self.trunks.configure(&mut self.core);
        self.settle();
    }

    /// Answers the question that was asked last.
    fn resolve(&mut self, hops: &[Hop], ttl_secs: u32) {
        let id = self.questions().last().copied().expect("a question");
        self.trunks.resolved(&mut self.core, id, hops, ttl_secs);
        self.settle();
    }

    fn questions(&self) -> Vec<QueryId> {
        let questions = self.outputs.iter().filter_map(|output| match output {
            Output::Resolve { id, .. } => Some(*id),
            _ => None,
        });
        questions.collect()
    }

    /// Works off what the SIP stack and the trunks say.
    fn settle(&mut self) {
        while let Some(output) = self.core.sip.poll() {
            match output {
                SipOutput::Transmit { flow, bytes } => self.sent(flow, &bytes),
                SipOutput::Response { id, response } => {
                    self.trunks.response(&mut self.core, id, &response);
                }
                SipOutput::Timeout { id } | SipOutput::ClientFlowFailed { id } => {
                    self.trunks.no_response(&mut self.core, id);
                }
                _ => {}
            }
        }
        while let Some(output) = self.core.take_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                output => self.outputs.push(output),
            }
        }
    }

    fn sent(&mut self, flow: Flow, bytes: &[u8]) {
        let Ok(Message::Request(request)) = sip::parse_datagram(bytes) else {
            panic!("trunks send requests")
        };
        let branch = request.headers.via().expect("a Via");
        let branch = branch.branch().expect("a branch").to_owned();
        if !self.branches.contains(&branch) {
            self.branches.push(branch);
            self.requests.push((flow, request));
        }
    }

    /// Takes the requests with this method.
    fn take(&mut self, method: &Method) -> Vec<(Flow, Request)> {
        let all = std::mem::take(&mut self.requests);
        let (taken, left) = all.into_iter().partition(|(_, it)| it.method == *method);
        self.requests = left;
        taken
    }

    /// Takes the one REGISTER that came.
    fn register(&mut self) -> (Flow, Request) {
        let mut registers = self.take(&Method::Register);
        assert_eq!(registers.len(), 1, "one REGISTER");
        registers.remove(0)
    }

    /// Lets time pass until a REGISTER comes; gives how long that took, and the REGISTER.
    fn until_register(&mut self, longest: u64) -> (u64, (Flow, Request)) {
        for waited in 0..=longest {
            if self
                .requests
                .iter()
                .any(|(_, it)| it.method == Method::Register)
            {
                return (waited, self.register());
            }
            self.pass(secs(1));
        }
        panic!("no REGISTER within {longest} s");
    }

    fn no_register(&mut self) {
        assert_eq!(self.take(&Method::Register), [], "no REGISTER");
    }

    fn answer(&mut self, request: &(Flow, Request), code: u16, fields: &[(HeaderName, &str)]) {
        let status = StatusCode::new(code).expect("a status");
        let mut response = Response::to_request(&request.1, status, Some("carrier"));
        for (name, value) in fields {
            response.headers.push(name.clone(), *value);
        }
        let message = Message::Response(response);
        let flow = request.0;
        self.core
            .sip
            .handle(self.core.now, SipInput::Message { flow, message });
        self.settle();
    }

    /// Accepts a REGISTER for as long as it asks.
    fn accept(&mut self, request: &(Flow, Request)) {
        let contact = request.1.headers.text(&HeaderName::Contact);
        let contact = contact.expect("a Contact").to_owned();
        self.answer(request, 200, &[(HeaderName::Contact, &contact)]);
    }

    fn challenge(&mut self, request: &(Flow, Request), realm: &str, nonce: &str, more: &str) {
        let value = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\"{more}");
        self.answer(request, 401, &[(HeaderName::WwwAuthenticate, &value)]);
    }

    /// Lets time pass, with every deadline on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.core.now + time;
        let mut turns = 0;
        loop {
            let due = self.core.deadline().into_iter();
            let due = due.chain(self.trunks.deadline()).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            turns += 1;
            assert!(turns < 10_000, "the deadline does not move");
            self.core.now = self.core.now.max(due);
            self.trunks.timer(&mut self.core);
            self.core.sip.handle(self.core.now, SipInput::Timer);
            self.settle();
        }
        self.core.now = end;
    }

    fn state(&self) -> (bool, String) {
        let status = self.trunks.status(self.core.now);
        let first = status.first().expect("a trunk");
        (first.up, first.state.clone())
    }
}

/// The Authorization a request carries.
fn credentials(request: &Request) -> Option<String> {
    let value = request.headers.text(&HeaderName::Authorization);
    value.map(str::to_owned)
}

/// The digest a carrier expects for its challenge.
fn is_right(request: &Request, realm: &str, nonce: &str) -> bool {
    use sip::digest::{Challenge, Ha1};
    let challenge = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\"");
    let challenge = Challenge::parse(challenge.as_bytes()).expect("legible");
    let name = HeaderName::Authorization;
    let sent = request
        .headers
        .credentials(&name)
        .next()
        .expect("credentials");
    let qop = sent.qop.clone().expect("qop");
    let nc = u32::from_str_radix(&qop.nc, 16).expect("hex");
    let ha1 = Ha1::from_password("login", realm, "geheim");
    let uri = request.uri.to_string();
    let wanted = challenge.answer("login", &ha1, &request.method, &uri, nc, &qop.cnonce);
    wanted.contains(&format!("response=\"{}\"", sent.response))
}
