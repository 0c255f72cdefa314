//! The exchange as a whole, under a script of what phones, a carrier and strangers send it.
//!
//! Steps are parted by a line end and `%%`. A step is a letter for what is done, a letter for who
//! does it (see [`Who`]), and bytes: the message, or its lines from the first header field on. What
//! the bytes cannot know (tags, branches, nonces) the script takes from what the exchange has sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use config::Site;
use ipc::Redacted;
use ipc::site::{Destination, Extension, Route, Source, Trunk, TrunkAccess, TrunkTransport};
use ipc::sound::{EndpointId, Event as SoundEvent, Reply, Request as Asked};
use ipc::store::Registration;
use pbx::{Hop, Input, Output, PbxNode, Stored};
use sansio::{Datagram, Entropy, Instant, Node, Rng, Transport, UnixTime};
use sip::digest::{Algorithm, Challenge, Ha1};
use sip::{HeaderName, Message, Method, Request, Response, StatusCode};

/// The wall clock, which stands still: only records are dated by it.
const WALL_MILLIS: i64 = 1_700_000_000_000;
const LOCAL: &str = "10.0.0.1:5060";
const REALM: &str = "box";
const PASSWORD: &str = "right";
const EXTENSIONS: [&str; 2] = ["100", "101"];
/// Steps of one script: more only take time.
const STEPS_MAX: usize = 48;
/// Outputs that one cause may have at most; far above what a call needs.
const OUTPUTS_MAX: usize = 4_096;
/// Longer than a registration or a subscription lives on by itself.
const LONG: Duration = Duration::from_secs(3_700);
/// Longer than the end of a call can be put off (RFC 3261 §17: 64*T1, one request after another).
const STOPPING: Duration = Duration::from_secs(120);
/// Deadlines on the way there: a timer a second would be a loop.
const DEADLINES_MAX: usize = 3_000;
/// Under this key the exchange keeps what was spent, beyond the end of every call.
const SPENT: u64 = u64::MAX >> 1;

/// Somebody the exchange speaks with.
#[derive(Default)]
struct Who {
    /// The latest request of the exchange that is not answered.
    asked: Option<Request>,
    /// The latest message of the exchange within a dialog.
    dialog: Option<Message>,
    /// The latest request of this one, to be repeated with credentials.
    sent: Option<Request>,
    cseq: u32,
}

/// The exchange and everybody around it.
struct World {
    node: PbxNode,
    now: Instant,
    people: BTreeMap<SocketAddr, Who>,
    endpoints: BTreeSet<EndpointId>,
    rows: BTreeMap<u64, Vec<u8>>,
    waiting: Vec<Input>,
    stopped: bool,
    branches: u32,
    /// What was kept is not what was written: what is sent because of it may be no message.
    rotten: bool,
}

/// A script of steps: nothing the world does makes the exchange fall, write what is no message, or
/// keep an endpoint or a call for ever.
pub fn exchange(bytes: &[u8]) {
    let mut world = World::new();
    world.begin(7, Vec::new());
    let mut rest = bytes;
    for _ in 0..STEPS_MAX {
        let end = find(rest, b"\n%%");
        let (step, after) = rest.split_at(end.unwrap_or(rest.len()));
        world.step(step);
        let Some(after) = after.get(3..).filter(|_| end.is_some()) else {
            break;
        };
        rest = after;
    }
    world.end();
}

/// What an earlier process is said to have kept: a row of a call, whatever it says, hurts nobody.
pub fn kept_rows(bytes: &[u8]) {
    let (first, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    // The key tells what is kept: a small number a parking place, the highest bit a subscription.
    let key = match first % 4 {
        0 => u64::from(*first),
        1 => SPENT,
        2 => (1 << 63) | u64::from(*first),
        _ => 0x1234_5678_9abc,
    };
    let mut world = World::new();
    world.rotten = true;
    world.begin(7, vec![(key, bytes.to_vec())]);
    world.pass(Duration::from_secs(40));
    world.end();
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|found| found == what)
}

fn address(of: u8) -> SocketAddr {
    let last = match of {
        b'p' => 9,
        b'0' => 100,
        b'1' => 101,
        _ => 66,
    };
    SocketAddr::from(([10, 0, 0, last], 5060))
}

fn local() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5060))
}

/// Two phones, a carrier known by its address, and routes both ways.
fn site() -> Arc<Site> {
    static SITE: OnceLock<Arc<Site>> = OnceLock::new();
    let made = || {
        let mut raw = Site::factory(REALM).to_ipc();
        raw.extensions.extend(EXTENSIONS.map(|number| {
            let ha1 = Ha1::from_password(number, REALM, PASSWORD);
            Extension {
                number: number.to_owned(),
                ha1_md5: Redacted::new(ha1.hex(Algorithm::Md5).to_owned()),
                ha1_sha256: Redacted::new(ha1.hex(Algorithm::Sha256).to_owned()),
                remote: true,
                ..Extension::default()
            }
        }));
        raw.trunks = vec![Trunk {
            name: "carrier".into(),
            access: TrunkAccess::Peer {
                server: address(b'p').to_string(),
                networks: vec!["10.0.0.9/32".into()],
            },
            transport: TrunkTransport::Udp,
            qualify_secs: 0,
            ..Trunk::default()
        }];
        let route = |name: &str, source, pattern: &str, destination| Route {
            name: name.into(),
            enabled: true,
            sources: vec![source],
            pattern: pattern.into(),
            destinations: vec![destination],
            ..Route::default()
        };
        let out = Destination::Trunk("carrier".into());
        let inward = Destination::Extension("100".into());
        let mut back = route("in", Source::Trunks, "5.", inward);
        back.call_back.enabled = true;
        raw.routes = vec![route("out", Source::Extensions, "0.", out), back];
        Site::parse(&raw).map_or_else(|faults| panic!("{faults:?}"), Arc::new)
    };
    Arc::clone(SITE.get_or_init(made))
}

/// Both phones as registered by an earlier process.
fn registrations() -> Vec<Registration> {
    let row = |number: &str, who| Registration {
        extension: number.into(),
        contact: format!("sip:{number}@{}", address(who)),
        source: format!("udp {}", address(who)),
        local: LOCAL.into(),
        expires_secs: 3600,
        kept_millis: WALL_MILLIS,
        call_id: number.into(),
        cseq: 1,
        user_agent: "phone".into(),
        params: String::new(),
        path: String::new(),
        reg_id: 0,
    };
    vec![row("100", b'0'), row("101", b'1')]
}

impl World {
    fn new() -> Self {
        Self {
            node: PbxNode::new(Rng::from_seed(0), Entropy::new([0; 32])),
            now: Instant::ORIGIN + Duration::from_secs(1),
            people: BTreeMap::new(),
            endpoints: BTreeSet::new(),
            rows: BTreeMap::new(),
            waiting: Vec::new(),
            stopped: false,
            branches: 0,
            rotten: false,
        }
    }

    /// A process begins, with what an earlier one has kept of calls.
    fn begin(&mut self, seed: u8, rows: Vec<(u64, Vec<u8>)>) {
        self.node = PbxNode::new(Rng::from_seed(seed.into()), Entropy::new([seed; 32]));
        self.rows = rows.iter().cloned().collect();
        self.handle(Input::WallClock(UnixTime::from_millis(WALL_MILLIS)));
        self.handle(Input::StoredCalls(rows));
        self.handle(Input::StoredRegistrations(registrations()));
        self.handle(Input::Config(1, site()));
    }

    /// What is done, by whom, with what.
    fn step(&mut self, step: &[u8]) {
        let [what, who, bytes @ ..] = step else {
            return;
        };
        let (from, of) = (address(*who), *who);
        match what {
            b'=' => self.datagram(from, bytes.to_vec()),
            b'$' => self.ask(from, bytes),
            b'^' => self.ask_again(from, of),
            b'>' => self.answer(from, bytes),
            b'@' => self.ask_in_dialog(from, bytes),
            b'~' => self.stream(of, from, bytes),
            b'+' => self.pass(Duration::from_secs(u64::from(of))),
            b'!' => self.sound(of),
            b'#' => self.crash(),
            _ => {}
        }
    }

    fn datagram(&mut self, source: SocketAddr, bytes: Vec<u8>) {
        let destination = local();
        self.handle(Input::Datagram(Datagram {
            source,
            destination,
            ttl: None,
            bytes,
        }));
    }

    /// A whole request that waits to be challenged.
    fn ask(&mut self, from: SocketAddr, bytes: &[u8]) {
        if let Ok(Message::Request(request)) = sip::parse_datagram(bytes) {
            let who = self.people.entry(from).or_default();
            who.sent = Some(request);
            who.dialog = None;
        }
        self.datagram(from, bytes.to_vec());
    }

    /// The same once more, with the credentials that were asked for.
    fn ask_again(&mut self, from: SocketAddr, of: u8) {
        let who = self.people.entry(from).or_default();
        let (Some(mut request), Some(Message::Response(challenged))) =
            (who.sent.clone(), who.dialog.clone())
        else {
            return;
        };
        let challenges = challenged.headers.all(&HeaderName::WwwAuthenticate);
        let Some(challenge) = challenges.filter_map(Challenge::parse).next() else {
            return;
        };
        let Ok(cseq) = request.headers.cseq() else {
            return;
        };
        let number = if of == b'1' { "101" } else { "100" };
        let ha1 = Ha1::from_password(number, &challenge.realm, PASSWORD);
        let uri = request.uri.to_string();
        let value = challenge.answer(number, &ha1, &request.method, &uri, 1, "c");
        request.headers.push(HeaderName::Authorization, value);
        let next = format!("{} {}", cseq.number.saturating_add(1), cseq.method);
        request.headers.set(HeaderName::CSeq, next);
        self.send(from, request);
    }

    /// An answer to what the exchange asked: a status and, from the second line on, header fields
    /// and a body.
    fn answer(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Some(asked) = self.people.entry(from).or_default().asked.clone() else {
            return;
        };
        let (status, rest) = split_line(bytes);
        let status = str::from_utf8(status).ok();
        let status = status.and_then(|status| status.trim().parse().ok());
        let Some(status) = status.and_then(StatusCode::new) else {
            return;
        };
        let response = Response::to_request(&asked, status, Some("theirs"));
        let mut whole = head(&response.to_bytes()).to_vec();
        whole.extend_from_slice(rest);
        self.datagram(from, whole);
    }

    /// A request in the newest dialog: a method and, from the second line on, header fields and a
    /// body.
    fn ask_in_dialog(&mut self, from: SocketAddr, bytes: &[u8]) {
        let (method, rest) = split_line(bytes);
        let Some(method) = Method::parse(method.trim_ascii()) else {
            return;
        };
        let who = self.people.entry(from).or_default();
        let Some(message) = &who.dialog else { return };
        let headers = message.headers();
        let (Ok(one), Ok(other), Ok(call_id)) = (headers.from(), headers.to(), headers.call_id())
        else {
            return;
        };
        let (ours, theirs, cseq) = match message {
            Message::Request(_) => (other.with_tag("theirs"), one, who.cseq),
            Message::Response(_) => {
                let last = headers.cseq().map_or(1, |cseq| cseq.number);
                (one, other, who.cseq.max(last))
            }
        };
        let cseq = match method {
            Method::Ack | Method::Cancel => cseq,
            _ => cseq.saturating_add(1),
        };
        let uri = theirs.uri.clone();
        let call_id = call_id.to_owned();
        let mut request = Request::new(method, uri, &ours, &theirs, &call_id, cseq);
        who.cseq = cseq;
        self.branch(from, &mut request);
        let mut whole = head(&request.to_bytes()).to_vec();
        whole.extend_from_slice(rest);
        self.datagram(from, whole);
    }

    /// A connection that brings these bytes and, for one of them, ends.
    fn stream(&mut self, of: u8, remote: SocketAddr, bytes: &[u8]) {
        let stream = u64::from(of);
        self.handle(Input::StreamOpened {
            stream,
            transport: Transport::Tcp,
            remote,
            local: local(),
        });
        let bytes = bytes.to_vec();
        self.handle(Input::StreamBytes { stream, bytes });
        self.handle(Input::StreamClosed { stream });
    }

    /// `media` tells of something.
    fn sound(&mut self, of: u8) {
        let ids: Vec<EndpointId> = self.endpoints.iter().copied().collect();
        for id in ids {
            self.handle(Input::SoundEvent(match of {
                b'i' => SoundEvent::Idle { id, seconds: 3600 },
                b'c' => SoundEvent::ClipEnded { id },
                digit => SoundEvent::Digit {
                    id,
                    digit: char::from(digit),
                    millis: 100,
                },
            }));
        }
    }

    /// The process dies; the next one has what was kept.
    fn crash(&mut self) {
        self.waiting.clear();
        let rows = std::mem::take(&mut self.rows).into_iter().collect();
        self.begin(8, rows);
    }

    fn send(&mut self, from: SocketAddr, mut request: Request) {
        self.branch(from, &mut request);
        self.datagram(from, request.to_bytes());
    }

    fn branch(&mut self, from: SocketAddr, request: &mut Request) {
        self.branches += 1;
        let via = format!("SIP/2.0/UDP {from};branch=z9hG4bKf{}", self.branches);
        request.headers.set(HeaderName::Via, via);
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..DEADLINES_MAX {
            let Some(due) = self.node.deadline().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            self.handle(Input::Timer);
        }
        panic!("timers without end");
    }

    /// The process can be stopped, and nothing is left of its calls.
    fn end(&mut self) {
        self.pass(LONG);
        self.handle(Input::Shutdown);
        self.pass(STOPPING);
        assert!(self.stopped, "it does not stop");
        assert_eq!(self.endpoints, BTreeSet::new(), "endpoints without a call");
        let left: Vec<u64> = self.rows.keys().copied().collect();
        assert!(left.iter().all(|key| *key == SPENT), "kept: {left:x?}");
    }

    fn handle(&mut self, input: Input) {
        self.node.handle(self.now, input);
        let mut outputs = 0;
        loop {
            while let Some(output) = self.node.poll() {
                outputs += 1;
                assert!(outputs < OUTPUTS_MAX, "outputs without end");
                self.take(output);
            }
            if self.waiting.is_empty() {
                return;
            }
            let next = self.waiting.remove(0);
            self.node.handle(self.now, next);
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Transmit { flow, bytes } => self.transmitted(flow.remote, &bytes),
            Output::Connect { stream, .. } | Output::CloseStream(stream) => {
                self.waiting.push(Input::StreamClosed { stream });
            }
            Output::Resolve { id, .. } => self.waiting.push(Input::Resolved {
                id,
                hops: vec![Hop {
                    transport: Transport::Udp,
                    remote: address(b'p'),
                    local: local(),
                }],
                ttl_secs: 60,
            }),
            Output::Sound(asked) => self.asked_for_sound(&asked),
            Output::Checkpoint { key, call } => match call {
                Some(row) => drop(self.rows.insert(key, row)),
                None => drop(self.rows.remove(&key)),
            },
            Output::Persist(records) => {
                let ids = records.into_iter().map(|record| record.id).collect();
                self.waiting.push(Input::Stored(Stored::Calls(ids)));
            }
            Output::PersistRegistrations(_) => {
                self.waiting.push(Input::Stored(Stored::Registrations));
            }
            Output::PersistSpent(_) => self.waiting.push(Input::Stored(Stored::Spent)),
            Output::Event(event) => {
                let text = format!("{event:?}");
                assert!(text.len() < 4_096, "an event that is not bounded");
            }
            Output::LastWith { id, .. } => self.waiting.push(Input::LastWith {
                id,
                extension: Some("101".to_owned()),
            }),
            // Nobody keeps bans or changes settings here.
            Output::Change(_)
            | Output::Found(_)
            | Output::Outsider(_)
            | Output::Seen(_)
            | Output::Protect(_) => {}
            Output::Stopped => self.stopped = true,
        }
    }

    fn transmitted(&mut self, remote: SocketAddr, bytes: &[u8]) {
        // Keep-alives are no messages.
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) || bytes.first() == Some(&1) {
            return;
        }
        let message = match sip::parse_datagram(bytes) {
            Ok(message) => message,
            // Our answer to a faulty message repeats what was faulty about it.
            Err(_) if self.rotten || is_refusal(bytes) => return,
            Err(fault) => panic!("no message: {fault}: {}", bytes.escape_ascii()),
        };
        let who = self.people.entry(remote).or_default();
        if let Message::Request(request) = &message
            && request.method != Method::Ack
        {
            who.asked = Some(request.clone());
        }
        who.dialog = Some(message);
    }

    fn asked_for_sound(&mut self, asked: &Asked) {
        let (endpoint, reply) = match asked {
            Asked::Open { id, port, .. } => {
                self.endpoints.insert(*id);
                let port = port.unwrap_or(20_000);
                (*id, Reply::Opened { port })
            }
            Asked::Close(id) => {
                let reply = match self.endpoints.remove(id) {
                    true => Reply::Closed(Box::default()),
                    false => Reply::Unknown,
                };
                (*id, reply)
            }
            Asked::KeepOnly(kept) => {
                self.endpoints.retain(|id| kept.contains(id));
                (0, Reply::Done)
            }
            Asked::Set(id, _)
            | Asked::Hear(id, _)
            | Asked::Dial { id, .. }
            | Asked::Record { id, .. }
            | Asked::StopRecording(id) => {
                let known = self.endpoints.contains(id);
                let reply = if known { Reply::Done } else { Reply::Unknown };
                (*id, reply)
            }
            Asked::Status => (0, Reply::Endpoints(Vec::new())),
            Asked::KeepRecordings(_) => (0, Reply::Done),
            Asked::Recordings
            | Asked::DeleteRecording(_)
            | Asked::ReadRecording { .. }
            | Asked::Watch => return,
        };
        self.waiting.push(Input::Sound { endpoint, reply });
    }
}

/// The first line without its end, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    (line, rest.get(1..).unwrap_or_default())
}

/// A message of ours without its Content-Length and the empty line: what the script gives follows.
fn head(message: &[u8]) -> &[u8] {
    let end = find(message, b"Content-Length:").or_else(|| find(message, b"\r\n\r\n"));
    message
        .get(..end.unwrap_or(message.len()))
        .unwrap_or_default()
}

/// An answer to what could not be read, was of another version, or was too large to be.
fn is_refusal(bytes: &[u8]) -> bool {
    let statuses = [&b"SIP/2.0 4"[..], b"SIP/2.0 505", b"SIP/2.0 513"];
    statuses.iter().any(|start| bytes.starts_with(start))
}
