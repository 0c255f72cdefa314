//! Two transaction layers and a network between them that loses, repeats and reorders, in virtual
//! time: whatever is lost, both sides come to an end and agree on it.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Instant, Node, Rng, Transport};
use sip::transaction::{ClientId, Flow, Input, Layer, Output};
use sip::{
    HeaderName, Method, NameAddr, Request, Response, StatusClass, StatusCode, Uri, parse_datagram,
};

/// Nothing of a transaction is left after this long: 64*T1 to give up, 64*T1 to absorb.
const QUIET_AFTER: Duration = Duration::from_secs(140);

/// A network with a loss in percent; every packet takes 1 to 60 ms, so they overtake each other.
struct Network {
    rng: Rng,
    loss: u8,
    transport: Transport,
    packets: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: u64,
    hash: DefaultHasher,
}

/// One end: its layer, what it was told, and how it answers.
struct End {
    layer: Layer,
    flow: Flow,
    events: Vec<&'static str>,
    finals: BTreeMap<ClientId, Vec<u16>>,
    /// What it answers an INVITE with.
    answer: StatusCode,
    /// Whether it waits to be cancelled first.
    rings: bool,
    accepted: Option<(sip::transaction::ServerId, Response, Instant)>,
}

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], if end == 0 { 5061 } else { 5062 }))
}

impl End {
    fn new(index: usize, seed: u64, transport: Transport, answer: StatusCode, rings: bool) -> Self {
        let flow = Flow {
            transport,
            local: address(index),
            remote: address(1 - index),
            stream: transport.is_reliable().then_some(1),
        };
        Self {
            layer: Layer::new(Rng::from_seed(seed)),
            flow,
            events: Vec::new(),
            finals: BTreeMap::new(),
            answer,
            rings,
            accepted: None,
        }
    }

    fn request(&mut self, method: Method, cseq: u32) -> Request {
        let uri = |user| Uri::parse(format!("sip:{user}@box.example").as_bytes()).expect("a URI");
        let from = NameAddr::new(uri("100")).with_tag("from-tag");
        Request::new(
            method,
            uri("101"),
            &from,
            &NameAddr::new(uri("101")),
            "call-1",
            cseq,
        )
    }

    /// Answers at once, except for an INVITE it rings for.
    fn on_request(&mut self, now: Instant, id: sip::transaction::ServerId, request: &Request) {
        self.events.push("request");
        let invite = request.method == Method::Invite;
        if invite {
            let ringing = Response::to_request(request, StatusCode::RINGING, Some("to-tag"));
            assert!(self.layer.respond(now, id, &ringing));
        }
        if invite && self.rings {
            let busy = Response::to_request(request, self.answer, Some("to-tag"));
            self.accepted = Some((id, busy, now));
            return;
        }
        let status = if invite { self.answer } else { StatusCode::OK };
        let answer = Response::to_request(request, status, Some("to-tag"));
        assert!(self.layer.respond(now, id, &answer));
        if invite && status.is_success() {
            self.accepted = Some((id, answer, now + Duration::from_millis(500)));
        }
    }

    fn on_output(&mut self, now: Instant, output: Output, network: &mut Network, from: usize) {
        match output {
            Output::Transmit { bytes, .. } => network.send(now, from, bytes),
            Output::Request { id, request, .. } => self.on_request(now, id, &request),
            Output::Ack { .. } => {
                self.events.push("ack");
                self.accepted = None;
            }
            Output::Cancelled { id, .. } => {
                self.events.push("cancelled");
                let (_, mut response, _) = self.accepted.take().expect("it rings");
                response.status = StatusCode::REQUEST_TERMINATED;
                assert!(self.layer.respond(now, id, &response));
            }
            Output::Response { id, response } => {
                let method = response.headers.cseq().expect("CSeq").method;
                match response.status.class() {
                    StatusClass::Provisional => self.events.push("provisional"),
                    StatusClass::Success if method == Method::Invite => {
                        self.finals
                            .entry(id)
                            .or_default()
                            .push(response.status.code());
                        let ack = self.request(Method::Ack, 1);
                        self.layer.send_ack(self.flow, ack);
                    }
                    _ => self
                        .finals
                        .entry(id)
                        .or_default()
                        .push(response.status.code()),
                }
            }
            Output::Timeout { id } => self.finals.entry(id).or_default().push(0),
            Output::AckMissing { .. } => self.events.push("ack missing"),
            Output::Unasked { .. } => self.events.push("unasked"),
            Output::ClientFlowFailed { .. }
            | Output::ServerFlowFailed { .. }
            | Output::Fault { .. } => panic!("{output:?}"),
        }
    }

    /// The duty of the layer's user: to repeat its 2xx until the ACK (RFC 3261 §13.3.1.4).
    fn repeat_answer(&mut self, now: Instant) {
        if let Some((id, response, at)) = &mut self.accepted
            && !self.rings
            && *at <= now
        {
            if self.layer.respond(now, *id, response) {
                *at = now + Duration::from_secs(1);
            } else {
                self.accepted = None;
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let repeat = self
            .accepted
            .as_ref()
            .filter(|_| !self.rings)
            .map(|(_, _, at)| *at);
        self.layer.deadline().into_iter().chain(repeat).min()
    }
}

impl Network {
    fn new(seed: u64, loss: u8, transport: Transport) -> Self {
        Self {
            rng: Rng::from_seed(seed),
            loss,
            transport,
            packets: BTreeMap::new(),
            sent: 0,
            hash: DefaultHasher::new(),
        }
    }

    fn send(&mut self, now: Instant, from: usize, bytes: Vec<u8>) {
        (now, from, &bytes).hash(&mut self.hash);
        self.sent += 1;
        if self.transport.is_reliable() {
            let at = now + Duration::from_millis(20);
            self.packets.insert((at, self.sent), (1 - from, bytes));
            return;
        }
        if self.rng.chance(self.loss) {
            return;
        }
        let copies = 1 + u64::from(self.rng.chance(5));
        for copy in 0..copies {
            let at = now + Duration::from_millis(1 + self.rng.below(60));
            self.packets
                .insert((at, self.sent * 2 + copy), (1 - from, bytes.clone()));
        }
    }
}

struct Pair {
    ends: [End; 2],
    network: Network,
    now: Instant,
}

impl Pair {
    fn new(seed: u64, loss: u8, transport: Transport, answer: StatusCode, rings: bool) -> Self {
        Self {
            ends: [
                End::new(0, seed.wrapping_mul(2), transport, answer, rings),
                End::new(1, seed.wrapping_mul(2) + 1, transport, answer, rings),
            ],
            network: Network::new(seed, loss, transport),
            now: Instant::ORIGIN,
        }
    }

    fn drain(&mut self) {
        for (index, end) in self.ends.iter_mut().enumerate() {
            let mut outputs: VecDeque<Output> = std::iter::from_fn(|| end.layer.poll()).collect();
            while let Some(output) = outputs.pop_front() {
                end.on_output(self.now, output, &mut self.network, index);
                outputs.extend(std::iter::from_fn(|| end.layer.poll()));
            }
        }
    }

    /// Runs until nothing is left to happen.
    fn run(&mut self) {
        loop {
            self.drain();
            let packet = self
                .network
                .packets
                .first_key_value()
                .map(|((at, _), _)| *at);
            let deadlines = self.ends.iter().filter_map(End::deadline);
            let Some(next) = deadlines.chain(packet).min() else {
                return;
            };
            self.now = self.now.max(next);
            assert!(
                self.now - Instant::ORIGIN < QUIET_AFTER,
                "still busy at {:?}",
                self.now
            );
            self.step();
        }
    }

    /// Lets a span of time pass.
    fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.drain();
            let packet = self
                .network
                .packets
                .first_key_value()
                .map(|((at, _), _)| *at);
            let deadlines = self.ends.iter().filter_map(End::deadline);
            let Some(next) = deadlines.chain(packet).min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
        }
    }

    fn step(&mut self) {
        if let Some(entry) = self.network.packets.first_entry()
            && entry.key().0 <= self.now
        {
            let (to, bytes) = entry.remove();
            let message = parse_datagram(&bytes).expect("what a layer sends can be read");
            let end = self.ends.get_mut(to).expect("one of two ends");
            end.layer.handle(
                self.now,
                Input::Message {
                    flow: end.flow,
                    message,
                },
            );
        }
        for end in &mut self.ends {
            if end.layer.deadline().is_some_and(|at| at <= self.now) {
                end.layer.handle(self.now, Input::Timer);
            }
            end.repeat_answer(self.now);
        }
        self.drain();
    }

    fn call(&mut self, method: Method) -> ClientId {
        let [caller, _] = &mut self.ends;
        let request = caller.request(method, 1);
        let flow = caller.flow;
        caller
            .layer
            .send_request(self.now, flow, request)
            .expect("room")
    }

    fn check_quiet(&self) {
        for end in &self.ends {
            assert!(end.layer.is_empty());
            assert_eq!(end.layer.deadline(), None);
            assert_eq!(end.layer.counters().faults, 0);
        }
    }
}

const SEEDS: u64 = 200;

#[test]
fn a_request_is_answered_once_or_times_out_under_loss() {
    let mut answered = 0;
    for seed in 0..SEEDS {
        let mut pair = Pair::new(seed, 20, Transport::Udp, StatusCode::OK, false);
        let id = pair.call(Method::Options);
        pair.run();
        pair.check_quiet();
        let [caller, callee] = &pair.ends;
        assert!(
            callee.events.len() <= 1,
            "seed {seed}: the request was handed up twice"
        );
        match &**caller.finals.get(&id).expect("an end") {
            [200] => answered += 1,
            [0] => {}
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(answered >= SEEDS - 1, "only {answered} answered");
}

#[test]
fn a_refused_invite_is_acknowledged_and_ends_on_both_sides_under_loss() {
    let mut clean = 0;
    for seed in 0..SEEDS {
        let mut pair = Pair::new(seed, 20, Transport::Udp, StatusCode::BUSY_HERE, false);
        let id = pair.call(Method::Invite);
        pair.run();
        pair.check_quiet();
        let [caller, callee] = &pair.ends;
        let finals = caller.finals.get(&id).map(Vec::as_slice);
        assert!(
            matches!(finals, Some([486] | [0])),
            "seed {seed}: {finals:?}"
        );
        clean += u64::from(finals == Some(&[486]) && !callee.events.contains(&"ack missing"));
    }
    assert!(clean >= SEEDS - 2, "only {clean} ended well");
}

#[test]
fn an_accepted_invite_gets_its_ack_under_loss() {
    let mut acknowledged = 0;
    for seed in 0..SEEDS {
        let mut pair = Pair::new(seed, 20, Transport::Udp, StatusCode::OK, false);
        let id = pair.call(Method::Invite);
        pair.run();
        pair.check_quiet();
        let [caller, callee] = &pair.ends;
        let finals = caller.finals.get(&id).expect("an end");
        assert!(
            finals.iter().all(|code| *code == 200),
            "seed {seed}: {finals:?}"
        );
        acknowledged += u64::from(callee.events.contains(&"ack"));
    }
    assert!(
        acknowledged >= SEEDS - 1,
        "only {acknowledged} acknowledged"
    );
}

#[test]
fn a_cancelled_invite_ends_with_487_under_loss() {
    let mut terminated = 0;
    for seed in 0..SEEDS {
        let mut pair = Pair::new(seed, 20, Transport::Udp, StatusCode::BUSY_HERE, true);
        let id = pair.call(Method::Invite);
        // At once for even seeds: the CANCEL then waits for the first 1xx.
        if seed % 2 == 1 {
            pair.run_for(Duration::from_secs(2));
        }
        let now = pair.now;
        pair.ends[0].layer.cancel(now, id, Some("SIP;cause=200"));
        pair.run_for(QUIET_AFTER);
        let [caller, callee] = &pair.ends;
        let finals = caller.finals.get(&id).map(Vec::as_slice);
        assert!(
            matches!(finals, Some([487] | [0])),
            "seed {seed}: {finals:?}"
        );
        assert!(
            callee
                .events
                .iter()
                .filter(|event| **event == "cancelled")
                .count()
                <= 1
        );
        terminated += u64::from(finals == Some(&[487]));
    }
    assert!(terminated >= SEEDS - 2, "only {terminated} terminated");
}

#[test]
fn nothing_is_repeated_on_a_stream() {
    for answer in [StatusCode::OK, StatusCode::BUSY_HERE] {
        let mut pair = Pair::new(1, 0, Transport::Tcp, answer, false);
        pair.call(Method::Invite);
        pair.run_for(Duration::from_millis(400));
        pair.run();
        pair.check_quiet();
        // INVITE, 180, final, ACK.
        assert_eq!(pair.network.sent, 4);
    }
}

#[test]
fn a_silent_peer_is_given_up_after_32_seconds() {
    for method in [Method::Invite, Method::Options] {
        let mut pair = Pair::new(1, 100, Transport::Udp, StatusCode::OK, false);
        let id = pair.call(method.clone());
        pair.run();
        assert_eq!(pair.now - Instant::ORIGIN, Duration::from_secs(32));
        assert_eq!(
            pair.ends[0].finals.get(&id).map(Vec::as_slice),
            Some(&[0][..])
        );
        // T1 doubling: 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s; from T2 on every 4 s for OPTIONS.
        let sent = if method == Method::Invite { 7 } else { 11 };
        assert_eq!(pair.network.sent, sent, "{method}");
    }
}

#[test]
fn a_seed_replays_to_the_same_bytes() {
    let run = |seed| {
        let mut pair = Pair::new(seed, 20, Transport::Udp, StatusCode::BUSY_HERE, false);
        pair.call(Method::Invite);
        pair.call(Method::Options);
        pair.run();
        pair.network.hash.finish()
    };
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed));
    }
    assert_ne!(run(1), run(2));
}

#[test]
fn the_header_fields_of_an_ack_to_a_refusal_are_those_of_its_invite() {
    let mut pair = Pair::new(1, 0, Transport::Udp, StatusCode::BUSY_HERE, false);
    let [caller, _] = &mut pair.ends;
    let mut invite = caller.request(Method::Invite, 7);
    invite
        .headers
        .push(HeaderName::Route, "<sip:proxy.example;lr>");
    let flow = caller.flow;
    caller
        .layer
        .send_request(Instant::ORIGIN, flow, invite)
        .expect("room");
    let Some(Output::Transmit { bytes, .. }) = caller.layer.poll() else {
        panic!("an INVITE")
    };
    let Ok(sip::Message::Request(invite)) = parse_datagram(&bytes) else {
        panic!("an INVITE")
    };
    let busy = Response::to_request(&invite, StatusCode::BUSY_HERE, Some("theirs"));
    let message = sip::Message::Response(busy);
    caller
        .layer
        .handle(Instant::ORIGIN, Input::Message { flow, message });
    let Some(Output::Transmit { bytes, .. }) = caller.layer.poll() else {
        panic!("an ACK")
    };
    let Ok(sip::Message::Request(ack)) = parse_datagram(&bytes) else {
        panic!("an ACK")
    };
    assert_eq!(ack.method, Method::Ack);
    assert_eq!(ack.uri, invite.uri);
    assert_eq!(
        ack.headers.vias().expect("Via"),
        vec![invite.headers.via().expect("Via")]
    );
    assert_eq!(ack.headers.to().expect("To").tag(), Some("theirs"));
    assert_eq!(ack.headers.cseq().expect("CSeq").number, 7);
    assert_eq!(
        ack.headers.first(&HeaderName::Route),
        invite.headers.first(&HeaderName::Route)
    );
}
