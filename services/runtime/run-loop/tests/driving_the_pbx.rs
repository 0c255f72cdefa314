//! The exchange on real sockets: what strangers send must neither stop it nor hold others up.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic to fail"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use config::Site;
use ipc::pbx::{Reply as PbxReply, Request as PbxRequest, Status};
use ipc::store::{Reply, Request};
use pbx::PbxNode;
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, BlockingClient, serve};
use run_loop::notify::Notify;
use run_loop::pbx_driver::{Places, Sockets, drive};
use sansio::Rng;

/// Longest wait for an answer; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(10);

struct Exchange {
    sip: SocketAddr,
    folder: PathBuf,
}

impl Exchange {
    /// An exchange of this test's own with a store that serves the factory site, and no `media`.
    fn start() -> Self {
        let mut unique = [0; 8];
        run_loop::fill_random(&mut unique).expect("the kernel has a generator");
        let name = format!("ramal-exchange-{:x}", u64::from_le_bytes(unique));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a writable temporary folder");
        store(UnixListener::bind(folder.join("store.sock")).expect("a new path"));
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let sip = udp.local_addr().expect("bound");
        let tcp = TcpListener::bind(sip).expect("the same port is free for TCP");
        let ipc = UnixListener::bind(folder.join("pbx.sock")).expect("a new path");
        let sockets = Sockets {
            udp: vec![udp],
            tcp: vec![tcp],
            tls: Vec::new(),
            ipc,
            kept: None,
        };
        let places = Places {
            store: folder.join("store.sock"),
            media: folder.join("media.sock"),
            net: folder.join("net.sock"),
            calls: None,
        };
        let node = PbxNode::new(
            Rng::from_seed(1),
            run_loop::entropy().expect("random bytes"),
        );
        std::thread::spawn(move || {
            drive(node, Clock::start(), sockets, places, &Notify::default())
        });
        let exchange = Self { sip, folder };
        // Each question is a round trip, so this is no busy wait; until then it answers 503.
        let configured = (0..100_000).any(|_| exchange.status().config_version == 1);
        assert!(configured, "the exchange takes its configuration");
        exchange
    }

    fn status(&self) -> Status {
        let client = BlockingClient::<PbxRequest, PbxReply>::new(self.folder.join("pbx.sock"));
        match client.call(&PbxRequest::Status).expect("the exchange runs") {
            PbxReply::Status(status) => status,
            PbxReply::Refused { uid } => panic!("user id {uid} may not ask"),
        }
    }

    fn options(&self, transport: &str, local: SocketAddr) -> Vec<u8> {
        let to = self.sip;
        format!(
            "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};branch=z9hG4bK1;rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:probe@{local}>;tag=1\r\nTo: <sip:{to}>\r\n\
             Call-ID: {local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    /// Asks until it is answered, as a phone would: over UDP a question may get lost.
    fn answers_over_udp(&self) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .expect("a time-out");
        let question = self.options("UDP", socket.local_addr().expect("bound"));
        let mut buffer = [0; 2048];
        for _ in 0..20 {
            socket.send_to(&question, self.sip).expect("sent");
            if let Ok(length) = socket.recv(&mut buffer) {
                return String::from_utf8_lossy(&buffer[..length]).into_owned();
            }
        }
        panic!("no answer to OPTIONS");
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.sip).expect("listening");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    fn answers_over_tcp(&self) -> String {
        let mut stream = self.connect();
        let question = self.options("TCP", stream.local_addr().expect("connected"));
        stream.write_all(&question).expect("sent");
        let mut buffer = [0; 2048];
        let length = stream.read(&mut buffer).expect("answered");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    fn still_serves(&self) {
        let answer = self.answers_over_udp();
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        let answer = self.answers_over_tcp();
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // What stays in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn store(listener: UnixListener) {
    std::thread::spawn(move || {
        let answer = |request| match request {
            Request::Watch => Reply::Config {
                version: 1,
                site: Site::factory("site.invalid").to_ipc(),
            },
            Request::Registrations => Reply::Registrations(Vec::new()),
            _ => Reply::Stored,
        };
        serve(
            &listener,
            |_| false,
            move |connection, request: Request| {
                let watched = request == Request::Watch;
                if !watched {
                    return Answer::Reply(answer(request));
                }
                connection
                    .push(&answer(request))
                    .expect("the exchange watches");
                // A watch lasts: hold the connection for as long as the test runs.
                std::thread::park();
                Answer::Done
            },
        )
    });
}

#[test]
fn a_question_is_answered_over_udp_and_tcp() {
    Exchange::start().still_serves();
}

#[test]
fn garbage_on_the_sip_port_changes_nothing() {
    let exchange = Exchange::start();
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let noise: Vec<u8> = (0..=255).cycle().take(1500).collect();
    for garbage in [
        &b""[..],
        b"\0",
        b"\r\n\r\n",
        b"INVITE",
        b"SIP/2.0 200 OK\r\n\r\n",
        &noise,
    ] {
        stranger.send_to(garbage, exchange.sip).expect("sent");
        let mut stream = exchange.connect();
        // It may be closed while we still write.
        let _ = stream.write_all(garbage);
    }
    exchange.still_serves();
}

#[test]
fn an_oversized_message_is_refused_and_the_next_one_served() {
    let exchange = Exchange::start();
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    stranger
        .send_to(&vec![b'A'; 65_507], exchange.sip)
        .expect("sent");
    let mut stream = exchange.connect();
    let local = stream.local_addr().expect("connected");
    let mut question = exchange.options("TCP", local);
    let end = question.len() - b"Content-Length: 0\r\n\r\n".len();
    question.truncate(end);
    question.extend_from_slice(b"Content-Length: 4000000000\r\n\r\n");
    stream.write_all(&question).expect("sent");
    let mut answer = Vec::new();
    // An orderly end or a reset: either way the connection is over.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("SIP/2.0 4") || answer.starts_with("SIP/2.0 5")
    );
    exchange.still_serves();
}

#[test]
fn half_open_connections_hold_nobody_up() {
    let exchange = Exchange::start();
    let half_open: Vec<TcpStream> = (0..32)
        .map(|_| {
            let mut stream = exchange.connect();
            stream
                .write_all(b"INVITE sip:100@box SIP/2.0\r\nVia: SIP/2.0/TCP ")
                .expect("sent");
            stream
        })
        .collect();
    exchange.still_serves();
    drop(half_open);
}

#[test]
fn others_can_ask_what_phones_and_calls_there_are() {
    let exchange = Exchange::start();
    exchange.still_serves();
    let status = exchange.status();
    assert_eq!(
        (
            status.config_version,
            status.phones.len(),
            status.calls.len()
        ),
        (1, 0, 0)
    );
}
