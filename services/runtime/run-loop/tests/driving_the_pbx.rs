//! The exchange on real sockets: what strangers send must neither stop it nor hold others up.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic to fail"
)]

use std::io::{IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::Site;
use ipc::guard;
use ipc::pbx::{Reply as PbxReply, Request as PbxRequest, Status};
use ipc::store::{Reply, Request};
use ipc::trace::{Ask, Filter, Trace};
use pbx::PbxNode;
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, BlockingClient, serve};
use run_loop::notify::Notify;
use run_loop::pbx_driver::{Kept, Places, Sockets, drive};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, sendmsg,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sansio::Rng;

/// Longest wait for an answer; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(10);

struct Exchange {
    sip: SocketAddr,
    sip6: SocketAddr,
    tls: SocketAddr,
    folder: PathBuf,
}

impl Exchange {
    /// An exchange of this test's own with a store that serves the factory site, and no `media`.
    fn start() -> Self {
        Self::start_with(None, false, |_| ())
    }

    /// The same, after another that has left connections; with bans on or off, and with what
    /// listens in its folder.
    fn start_with(kept: Option<Kept>, is_banning: bool, beside: impl FnOnce(&Path)) -> Self {
        let mut unique = [0; 8];
        run_loop::fill_random(&mut unique).expect("the kernel has a generator");
        let name = format!("ramal-exchange-{:x}", u64::from_le_bytes(unique));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a writable temporary folder");
        let listener = UnixListener::bind(folder.join("store.sock")).expect("a new path");
        store(listener, is_banning);
        beside(&folder);
        let (udp, tcp) = one_port_for_both();
        let sip = udp.local_addr().expect("bound");
        let udp6 = UdpSocket::bind("[::1]:0").expect("a port is free");
        let sip6 = udp6.local_addr().expect("bound");
        let tls = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let secure = tls.local_addr().expect("bound");
        let ipc = UnixListener::bind(folder.join("pbx.sock")).expect("a new path");
        let sockets = Sockets {
            udp: vec![udp, udp6],
            tcp: vec![tcp],
            tls: vec![tls],
            ipc,
            kept,
        };
        let places = Places {
            store: folder.join("store.sock"),
            media: folder.join("media.sock"),
            net: folder.join("net.sock"),
            guard: folder.join("guard.sock"),
            calls: None,
        };
        let node = PbxNode::new(
            Rng::from_seed(1),
            run_loop::entropy().expect("random bytes"),
        );
        std::thread::spawn(move || {
            drive(node, Clock::start(), sockets, places, &Notify::default())
        });
        let exchange = Self {
            sip,
            sip6,
            tls: secure,
            folder,
        };
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
            PbxReply::Trace(_) => panic!("not asked for"),
        }
    }

    fn options(&self, transport: &str, local: SocketAddr) -> Vec<u8> {
        let to = if local.is_ipv4() { self.sip } else { self.sip6 };
        format!(
            "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};branch=z9hG4bK1;rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:probe@{local}>;tag=1\r\nTo: <sip:{to}>\r\n\
             Call-ID: {local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    /// Asks until it is answered, as a phone would: over UDP a question may get lost.
    fn answers_over_udp(&self, from: &str) -> String {
        let socket = UdpSocket::bind(from).expect("a port is free");
        let to = match socket.local_addr().expect("bound") {
            SocketAddr::V4(_) => self.sip,
            SocketAddr::V6(_) => self.sip6,
        };
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .expect("a time-out");
        let question = self.options("UDP", socket.local_addr().expect("bound"));
        let mut buffer = [0; 2048];
        for _ in 0..20 {
            socket.send_to(&question, to).expect("sent");
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
        let stream = self.connect();
        let local = stream.local_addr().expect("connected");
        self.answers_on(stream, "TCP", local)
    }

    /// Asks on a connection that is there.
    fn answers_on(
        &self,
        mut stream: impl std::io::Read + std::io::Write,
        transport: &str,
        local: SocketAddr,
    ) -> String {
        let question = self.options(transport, local);
        stream.write_all(&question).expect("sent");
        let mut buffer = [0; 2048];
        let length = stream.read(&mut buffer).expect("answered");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    fn still_serves(&self) {
        let answer = self.answers_over_udp("127.0.0.1:0");
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

/// A port that is free for both; another test's connection may have the same number over TCP alone.
fn one_port_for_both() -> (UdpSocket, TcpListener) {
    let sockets = (0..1000).find_map(|_| {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
        Some((udp, tcp))
    });
    sockets.expect("a port is free")
}

fn store(listener: UnixListener, is_banning: bool) {
    std::thread::spawn(move || {
        let mut site = Site::factory("site.invalid").to_ipc();
        site.guard.on = is_banning;
        let answer = move |request| match request {
            Request::Watch => Reply::Config {
                version: 1,
                site: site.clone(),
            },
            Request::Registrations => Reply::Registrations(Vec::new()),
            Request::Secret(_) => Reply::Secret(None),
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
fn a_question_over_ipv6_is_answered_with_its_addresses_in_brackets() {
    let exchange = Exchange::start();
    let answer = exchange.answers_over_udp("[::1]:0");
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(
        answer.contains(";received=[::1]") || answer.contains("UDP [::1]"),
        "{answer}"
    );
}

/// A guard that says who is banned when it is let: 127.0.0.1.
fn late_guard(folder: &Path, let_speak: Receiver<()>) {
    let listener = UnixListener::bind(folder.join("guard.sock")).expect("a new path");
    let let_speak = Mutex::new(let_speak);
    std::thread::spawn(move || {
        serve(
            &listener,
            |_| false,
            move |connection, request: guard::Request| {
                if request != guard::Request::Watch {
                    return Answer::Reply(guard::Reply::Taken);
                }
                let _told = let_speak.lock().expect("whole").recv();
                let bans = guard::Bans {
                    is_whole: true,
                    banned: vec![("127.0.0.1/32".into(), 60_000)],
                    ..guard::Bans::default()
                };
                let told = connection.push(&guard::Reply::Bans(bans));
                told.expect("the exchange watches");
                std::thread::park();
                Answer::Done
            },
        )
    });
}

/// E3: a ban of before is in force from the first datagram on.
#[test]
fn nobody_is_heard_before_it_is_known_who_is_banned() {
    let (speak, let_speak) = channel();
    let exchange = Exchange::start_with(None, true, |folder| late_guard(folder, let_speak));
    let banned = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    banned
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a time-out");
    let question = exchange.options("UDP", banned.local_addr().expect("bound"));
    let mut stream = exchange.connect();
    let over_tcp = exchange.options("TCP", stream.local_addr().expect("connected"));
    stream.write_all(&over_tcp).expect("sent");
    let is_answered = || {
        banned.send_to(&question, exchange.sip).expect("sent");
        banned.recv(&mut [0; 2048]).is_ok()
    };
    assert!(!is_answered() && !is_answered());
    speak.send(()).expect("it waits");
    let answer = exchange.answers_over_udp("[::1]:0");
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(!is_answered(), "what came meanwhile either");
    assert!(!matches!(stream.read(&mut [0; 2048]), Ok(1..)));
}

#[test]
fn a_guard_that_is_dead_holds_up_a_start_by_three_seconds_at_most() {
    let begun = std::time::Instant::now();
    let exchange = Exchange::start_with(None, true, |_| ());
    exchange.still_serves();
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
}

/// A client that believes any certificate: what is tested is the exchange's side.
fn tls_client(version: &'static rustls::SupportedProtocolVersion) -> rustls::ClientConfig {
    #[derive(Debug)]
    struct Anybody(rustls::crypto::CryptoProvider);
    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = rustls::crypto::ring::default_provider();
    rustls::ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_protocol_versions(&[version])
        .expect("a version of ours")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth()
}

#[test]
fn a_question_is_answered_over_tls_in_both_versions() {
    let exchange = Exchange::start();
    for version in rustls::ALL_VERSIONS {
        let socket = TcpStream::connect(exchange.tls).expect("listening");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let local = socket.local_addr().expect("connected");
        let name = ServerName::try_from("ramal.local").expect("a name");
        let client = rustls::ClientConnection::new(Arc::new(tls_client(version)), name);
        let stream = rustls::StreamOwned::new(client.expect("a client"), socket);
        let answer = exchange.answers_on(stream, "TLS", local);
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        assert!(answer.contains("SIP/2.0/TLS"), "{answer}");
    }
}

/// The class of service of the next packet with something in it that leaves a TCP port.
fn class_of_what_leaves(wire: &OwnedFd, port: u16) -> u8 {
    let mut packet = [0; 4096];
    loop {
        let received = rustix::net::recv(wire, &mut packet, RecvFlags::empty());
        let (length, _) = received.expect("a packet within the time-out");
        // RFC 791 §3.1, RFC 9293 §3.1.
        let words = |octet: u8| usize::from(octet & 15) * 4;
        let tcp = &packet[words(packet[0])..length];
        if tcp[..2] == port.to_be_bytes() && tcp.len() > words(tcp[12] >> 4) {
            return packet[1];
        }
    }
}

#[test]
fn answers_over_tcp_and_tls_are_packets_marked_cs3() {
    let tcp = Some(rustix::net::ipproto::TCP);
    let wire = rustix::net::socket(AddressFamily::INET, SocketType::RAW, tcp);
    let Ok(wire) = wire else {
        println!("skipped: only root can look at packets");
        return;
    };
    let receive = rustix::net::sockopt::Timeout::Recv;
    let limited = rustix::net::sockopt::set_socket_timeout(&wire, receive, Some(PATIENCE));
    limited.expect("a time-out");
    let exchange = Exchange::start();
    exchange.answers_over_tcp();
    assert_eq!(class_of_what_leaves(&wire, exchange.sip.port()), 24 << 2);
    let socket = TcpStream::connect(exchange.tls).expect("listening");
    let local = socket.local_addr().expect("connected");
    let name = ServerName::try_from("ramal.local").expect("a name");
    let client = tls_client(&rustls::version::TLS13);
    let client = rustls::ClientConnection::new(Arc::new(client), name).expect("a client");
    exchange.answers_on(rustls::StreamOwned::new(client, socket), "TLS", local);
    // The handshake is marked, and so is what follows.
    for _ in 0..2 {
        assert_eq!(class_of_what_leaves(&wire, exchange.tls.port()), 24 << 2);
    }
}

#[test]
fn strangers_in_the_middle_of_tls_handshakes_hold_nobody_up() {
    let exchange = Exchange::start();
    let half_done: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = TcpStream::connect(exchange.tls).expect("listening");
            // It may be closed at once: one address has few places.
            let _ = stream.write_all(&[22, 3, 1, 2, 0]);
            stream
        })
        .collect();
    exchange.still_serves();
    drop(half_done);
}

#[test]
fn a_connection_that_an_earlier_process_left_is_served_on() {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let pair = rustix::net::socketpair(family, kind, SocketFlags::CLOEXEC, None);
    let (into, out) = pair.expect("a pair of sockets");
    let before = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let phone = TcpStream::connect(before.local_addr().expect("bound")).expect("listening");
    let (ours, _) = before.accept().expect("connected");
    ours.set_nonblocking(true)
        .expect("a socket of the driver's");
    // As the process before did it.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let descriptors = [ours.as_fd()];
    rights.push(SendAncillaryMessage::ScmRights(&descriptors));
    let name = IoSlice::new(&[5, 0, 0, 0, 0, 0, 0, 0]);
    sendmsg(&into, &[name], &mut rights, SendFlags::empty()).expect("it fits");
    drop(ours);
    let exchange = Exchange::start_with(Some(Kept { into, out }), false, |_| ());
    phone.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let local = phone.local_addr().expect("connected");
    let answer = exchange.answers_on(phone, "TCP", local);
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
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

fn traced(exchange: &Exchange, ask: Ask) -> Trace {
    let client = BlockingClient::<PbxRequest, PbxReply>::new(exchange.folder.join("pbx.sock"));
    match client
        .call(&PbxRequest::Trace(ask))
        .expect("the exchange runs")
    {
        PbxReply::Trace(trace) => trace,
        other => panic!("no trace: {other:?}"),
    }
}

fn options(call: &str, transport: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:box SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{call};rport\r\n\
         From: <sip:77@box>;tag=1\r\nTo: <sip:box>\r\nCall-ID: {call}\r\nCSeq: 1 OPTIONS\r\n\
         Authorization: Digest username=\"77\", response=\"5ec2e7\"\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// What goes by is traced over UDP and TCP, both ways, without what proves a password; nothing is
/// before it begins and after it ends.
#[test]
fn a_trace_has_what_came_and_what_was_sent_while_it_was_on() {
    let exchange = Exchange::start();
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    phone.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut line = TcpStream::connect(exchange.sip).expect("listening");
    line.set_read_timeout(Some(PATIENCE)).expect("set");
    line.set_nodelay(true).expect("set");
    let mut ask = |call: &str| {
        phone
            .send_to(&options(call, "UDP"), exchange.sip)
            .expect("sent");
        phone.recv(&mut [0; 2000]).expect("an answer");
        // In two pieces, where the kernel leaves them so.
        let message = options(&format!("{call}t"), "TCP");
        let (one, two) = message.split_at(100);
        line.write_all(one).expect("written");
        line.write_all(two).expect("written");
        assert!(line.read(&mut [0; 2000]).expect("an answer") > 0);
    };
    ask("before");
    let filter = Filter {
        extension: Some("77".to_owned()),
        trunk: None,
    };
    let begun = traced(&exchange, Ask::Begin { filter, secs: 60 });
    assert!(begun.left_secs.is_some_and(|it| it > 50), "{begun:?}");
    ask("within");
    let read = Ask::Read {
        of: None,
        from: None,
        most: 100,
    };
    let trace = traced(&exchange, read.clone());
    let told = trace.messages.iter().map(|it| {
        let text = String::from_utf8_lossy(it.bytes.reveal()).into_owned();
        assert!(
            !text.contains("5ec2e7") && text.contains("within"),
            "{text}"
        );
        let is_ours = it.local == exchange.sip && it.remote != exchange.sip;
        (it.is_sent, it.transport.as_str(), is_ours)
    });
    let told: Vec<_> = told.collect();
    let both = |transport| [(false, transport, true), (true, transport, true)];
    assert_eq!(told, [both("UDP"), both("TCP")].concat());
    assert_eq!(traced(&exchange, Ask::End).left_secs, None);
    ask("after");
    assert_eq!(traced(&exchange, read).messages.len(), 4);
}
