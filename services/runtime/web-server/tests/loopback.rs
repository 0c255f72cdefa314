//! The servers on loopback with a real TLS client: what a hostile client gets, and that the box
//! still answers afterwards.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use admin::{Peer, Request, Response};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use web_server::{Answer, Handler, Identity, PROTOCOLS, limits, serve_https, serve_redirect};

/// Says what it was asked and by whom.
struct Echo;

impl Handler for Echo {
    async fn handle(&self, request: Request) -> Answer {
        let peer = match request.peer {
            Peer::Network(address) => address.to_string(),
            Peer::Local | Peer::Screen => "local".to_owned(),
        };
        let text = format!(
            "{:?} {} {peer} {}",
            request.method,
            request.path,
            request.body.len()
        );
        Response::new(200, "text/plain", text).sealed().into()
    }
}

/// Echoes to those who are not shut out.
#[derive(Default)]
struct Shutting(Mutex<BTreeSet<IpAddr>>);

impl Shutting {
    fn set(&self, source: IpAddr, is_shut: bool) {
        let mut shut = self.0.lock().expect("nobody panicked");
        if is_shut {
            shut.insert(source);
        } else {
            shut.remove(&source);
        }
    }
}

impl Handler for Shutting {
    async fn handle(&self, request: Request) -> Answer {
        Echo.handle(request).await
    }

    fn is_shut(&self, source: IpAddr) -> bool {
        self.0.lock().expect("nobody panicked").contains(&source)
    }
}

/// Begins, waits to be told, and says when it has finished.
#[derive(Default)]
struct Patient {
    begun: Notify,
    go_on: Notify,
    finished: Notify,
}

impl Handler for Patient {
    async fn handle(&self, _: Request) -> Answer {
        self.begun.notify_one();
        self.go_on.notified().await;
        self.finished.notify_one();
        Response::empty(204).into()
    }
}

/// A file that says to be longer than it is when asked by the name `short`.
struct Shelf(std::fs::File);

impl Handler for Shelf {
    async fn handle(&self, request: Request) -> Answer {
        let more = u64::from(request.path == "/short");
        let response = Response::opened(200, 100, FILE_BYTES as u64 - 100 + more);
        Answer::with_file(response.sealed(), self.0.try_clone().ok())
    }
}

/// Many pieces, the last one not whole.
const FILE_BYTES: usize = 1_000_001;

struct Box {
    https: SocketAddr,
    http: SocketAddr,
    /// The same over IPv6.
    https6: SocketAddr,
    http6: SocketAddr,
    client: TlsConnector,
    /// What is served.
    tls: watch::Sender<Arc<ServerConfig>>,
}

/// One for each IP version, and where they are.
async fn listeners() -> (Vec<TcpListener>, [SocketAddr; 2]) {
    let bind = async |any: &str| {
        let listener = TcpListener::bind(any).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    };
    let (four, at) = bind("127.0.0.1:0").await;
    let (six, at6) = bind("[::1]:0").await;
    (vec![four, six], [at, at6])
}

impl Box {
    async fn start() -> Self {
        Self::with(Arc::new(Echo)).await
    }

    async fn with(handler: Arc<impl Handler>) -> Self {
        Self::until(std::future::pending(), handler).await.0
    }

    /// One that is stopped, and the task that serves until then.
    async fn until(
        stop: impl Future<Output = ()> + Send + 'static,
        handler: Arc<impl Handler>,
    ) -> (Self, JoinHandle<()>) {
        let identity = Identity::make("ramal", &[]).expect("a certificate");
        let tls = identity.server_config(PROTOCOLS).expect("usable");
        let (tls, served) = watch::channel(tls);
        let (https, [first, first6]) = listeners().await;
        let (http, [second, second6]) = listeners().await;
        let front = Arc::clone(&handler);
        let serving = tokio::spawn(serve_https(https, served, handler, stop));
        tokio::spawn(serve_redirect(http, front));
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(identity.certificate))
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let this = Self {
            https: first,
            http: second,
            https6: first6,
            http6: second6,
            client: TlsConnector::from(Arc::new(config)),
            tls,
        };
        (this, serving)
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_to(self.https).await
    }

    async fn connect_to(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(address).await.expect("connects");
        let name = ServerName::try_from("ramal.local").expect("a name");
        self.client
            .connect(name, stream)
            .await
            .expect("the certificate is for ramal.local")
    }

    /// Sends bytes by HTTPS and reads until the server closes.
    async fn say(&self, bytes: &[u8]) -> String {
        exchange(&mut self.connect().await, bytes).await
    }

    async fn is_well(&self) {
        let answer = self
            .say(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await;
        assert!(answer.contains("Get /x 127.0.0.1 0"), "{answer}");
    }
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) -> String {
    // The server may refuse and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

#[tokio::test]
async fn a_box_is_reached_by_ipv4_and_ipv6_alike() {
    let server = Box::start().await;
    let visits = async {
        // Twice each: nobody's turn depends on the other's.
        let (four, six) = (server.https, server.https6);
        for address in [six, six, four, four] {
            let mut stream = server.connect_to(address).await;
            let asked = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let answer = exchange(&mut stream, asked).await;
            assert_eq!(status(&answer), "200", "{address}");
        }
        for (address, host) in [(server.http, "127.0.0.1"), (server.http6, "[::1]")] {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            let asked = format!("GET /a HTTP/1.1\r\nHost: {address}\r\n\r\n");
            let answer = exchange(&mut stream, asked.as_bytes()).await;
            let location = format!("location: https://{host}/a");
            assert!(answer.contains(&location), "{answer}");
        }
    };
    let visits = tokio::time::timeout(Duration::from_secs(20), visits);
    visits.await.expect("everybody is served");
}

/// R53-R55.
#[tokio::test]
async fn who_is_shut_out_is_not_even_given_a_handshake_and_others_are_served() {
    let handler = Arc::new(Shutting::default());
    let server = Box::with(Arc::clone(&handler)).await;
    let asked = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    handler.set(server.https.ip(), true);
    let stream = TcpStream::connect(server.https).await.expect("connects");
    let name = ServerName::try_from("ramal.local").expect("a name");
    assert!(server.client.connect(name, stream).await.is_err());
    let mut plain = TcpStream::connect(server.http).await.expect("connects");
    assert_eq!(exchange(&mut plain, asked).await, "", "nor sent elsewhere");
    let mut other = server.connect_to(server.https6).await;
    assert_eq!(status(&exchange(&mut other, asked).await), "200");
    handler.set(server.https.ip(), false);
    server.is_well().await;
}

#[tokio::test]
async fn a_connection_that_stays_open_ends_when_its_client_is_shut_out() {
    let handler = Arc::new(Shutting::default());
    let server = Box::with(Arc::clone(&handler)).await;
    let mut open = server.connect().await;
    let asked = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    open.write_all(asked).await.expect("it is open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"Get /x 127.0.0.1 0") {
        let more = open.read_buf(&mut answer).await.expect("it is open");
        assert!(more > 0, "the answer comes whole");
    }
    handler.set(server.https.ip(), true);
    let again = exchange(&mut open, asked).await;
    assert_eq!(again, "", "it ends, and nothing is said");
    handler.set(server.https.ip(), false);
    server.is_well().await;
}

#[tokio::test]
async fn another_certificate_is_served_at_once_and_open_connections_go_on() {
    let server = Box::start().await;
    let mut open = server.connect().await;
    let other = Identity::make("ramal", &[]).expect("a certificate");
    let other = other.server_config(PROTOCOLS).expect("usable");
    let before = server.tls.send_replace(other);
    let stream = TcpStream::connect(server.https).await.expect("connects");
    let name = ServerName::try_from("ramal.local").expect("a name");
    let new = server.client.connect(name, stream).await;
    assert!(new.is_err(), "it is not the one that this client knows");
    let asked = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = exchange(&mut open, asked).await;
    assert_eq!(status(&answer), "200", "{answer}");
    server.tls.send_replace(before);
    server.is_well().await;
}

#[tokio::test]
async fn port_80_redirects_and_does_nothing_else() {
    let server = Box::start().await;
    for request in [
        "GET /login?a=b HTTP/1.1\r\nHost: box.example:80\r\n\r\n",
        "POST /login?a=b HTTP/1.1\r\nHost: box.example\r\nContent-Length: 5\r\n\r\na=b&c",
    ] {
        let mut stream = TcpStream::connect(server.http).await.expect("connects");
        let answer = exchange(&mut stream, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 308 "), "{head}");
        assert!(
            head.contains("\r\nlocation: https://box.example/login?a=b"),
            "{head}"
        );
        assert!(!head.to_lowercase().contains("cookie"), "{head}");
        assert_eq!(body, "");
    }
    for nonsense in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.http).await.expect("connects");
        assert_eq!(
            status(&exchange(&mut stream, nonsense.as_bytes()).await),
            "400"
        );
    }
}

#[tokio::test]
async fn a_whole_configuration_may_be_longer_than_a_form_and_few_come_at_once() {
    let server = Box::start().await;
    let long = 70_000;
    let head = format!(
        "POST /api/site HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Content-Length: {long}\r\n\r\n"
    );
    let whole = format!("{head}{}", "x".repeat(long));
    let taken = server.say(whole.as_bytes()).await;
    assert!(status(&taken).starts_with('2'), "{taken:?}");
    let mut slow = Vec::new();
    for _ in 0..limits::FILES_MAX {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(b"x").await.expect("sent");
        slow.push(stream);
    }
    // The slow ones have their turns as soon as the server has read their heads.
    let mut refused = server.say(whole.as_bytes()).await;
    while status(&refused) != "503" {
        refused = server.say(whole.as_bytes()).await;
    }
    drop(slow);
    let mut taken = server.say(whole.as_bytes()).await;
    while !status(&taken).starts_with('2') {
        taken = server.say(whole.as_bytes()).await;
    }
}

#[tokio::test]
async fn doubtful_requests_are_refused_before_anybody_sees_them() {
    let server = Box::start().await;
    let long = "x".repeat(40 * 1024);
    let many = "a: b\r\n".repeat(limits::HEADERS_MAX + 1);
    for (request, expected) in [
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nx: {long}\r\n\r\n"),
            "431",
        ),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), "431"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000\r\n\r\n".into(),
            "413",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n".into(),
            "413",
        ),
        (
            "POST /api/site HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\n".into(),
            "413",
        ),
        (
            "GET /api/site HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n".into(),
            "413",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".into(),
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".into(),
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n".into(),
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            "411",
        ),
        ("GET / HTTP/1.1\r\n\r\n".into(), "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), "400"),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n".into(), "405"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nx: \u{e9}\r\n\r\n".into(),
            "400",
        ),
        ("\0\0\0\0\r\n\r\n".into(), "400"),
    ] {
        let answer = server.say(request.as_bytes()).await;
        let shown = request.get(..60).unwrap_or(&request);
        assert_eq!(status(&answer), expected, "{shown:?}: {answer:?}");
    }
    server.is_well().await;
}

#[tokio::test]
async fn what_is_refused_unread_is_refused_as_its_asker_reads_refusals() {
    let server = Box::start().await;
    let strange = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nx: \u{e9}\r\n\r\n");
    let program = server.say(strange("/api/status").as_bytes()).await;
    assert_eq!(status(&program), "400", "{program}");
    assert!(program.contains("application/json"), "{program}");
    let body = r#"{"error":"a header is not plain ASCII"}"#;
    assert!(program.ends_with(body), "{program}");
    let person = server.say(strange("/status").as_bytes()).await;
    assert!(person.contains("text/plain"), "{person}");
    assert!(
        person.ends_with("a header is not plain ASCII\n"),
        "{person}"
    );
}

#[tokio::test]
async fn a_client_that_dawdles_is_closed() {
    let server = Box::start().await;
    let begun = Instant::now();
    let slow_head = server.say(b"GET / HTTP/1.1\r\nHost: a\r\n");
    let idle_handshake = async {
        let mut stream = TcpStream::connect(server.https).await.expect("connects");
        exchange(&mut stream, b"\x16\x03\x01").await
    };
    let (head, handshake) = tokio::join!(slow_head, idle_handshake);
    assert!(["none", "408"].contains(&status(&head)), "{head}");
    assert_eq!(handshake, "");
    let took = begun.elapsed();
    let allowed = limits::HEAD_READ_MAX + Duration::from_secs(4);
    assert!((limits::HEAD_READ_MAX..allowed).contains(&took), "{took:?}");
    server.is_well().await;
}

#[tokio::test]
async fn what_was_asked_is_done_even_when_the_client_hangs_up() {
    let patient = Arc::new(Patient::default());
    let server = Box::with(Arc::clone(&patient)).await;
    let mut client = server.connect().await;
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("sent");
    patient.begun.notified().await;
    client.shutdown().await.expect("closed");
    // The server has let go of the connection when it closes its own end.
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    patient.go_on.notify_one();
    let finished = tokio::time::timeout(Duration::from_secs(5), patient.finished.notified());
    assert!(finished.await.is_ok());
}

#[tokio::test]
async fn what_was_asked_before_a_stop_is_answered_and_nobody_is_let_in_after_it() {
    let (patient, stop) = (Arc::new(Patient::default()), Arc::new(Notify::new()));
    let stopped = Arc::clone(&stop);
    let until = async move { stopped.notified().await };
    let (server, serving) = Box::until(until, Arc::clone(&patient)).await;
    let mut idle = server.connect().await;
    let mut asking = server.connect().await;
    let ask = b"POST /api/restart HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    asking.write_all(ask).await.expect("the server reads");
    patient.begun.notified().await;
    stop.notify_one();
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing)
        .await
        .expect("closed in order");
    assert_eq!(nothing, b"", "nothing was asked on it");
    let refused = TcpStream::connect(server.https).await;
    assert!(refused.is_err(), "it still lets people in");
    assert!(!serving.is_finished(), "it ends before it has answered");

    patient.go_on.notify_one();
    let mut answer = String::new();
    let read = asking.read_to_string(&mut answer).await;
    read.expect("closed in order");
    assert_eq!(status(&answer), "204", "{answer}");
    serving.await.expect("it ends");
}

#[tokio::test]
async fn what_is_no_tls_is_dropped_and_the_box_goes_on() {
    let server = Box::start().await;
    // The last is a close_notify before the handshake (RUSTSEC-2024-0336 in older rustls).
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0",
        b"\x15\x03\x03\0\x02\x01\0",
    ] {
        let mut stream = TcpStream::connect(server.https).await.expect("connects");
        stream.write_all(garbage).await.expect("sent");
        stream.shutdown().await.expect("half closed");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(
            !String::from_utf8_lossy(&rest).contains("HTTP"),
            "no plain HTTP answer"
        );
    }
    server.is_well().await;
}

#[tokio::test]
async fn one_address_gets_a_bounded_number_of_connections() {
    let server = Box::start().await;
    let mut held = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_ADDRESS_MAX {
        held.push(server.connect().await);
    }
    let mut one_more = TcpStream::connect(server.https)
        .await
        .expect("the kernel accepts");
    let mut byte = [0];
    let seen = one_more.read(&mut byte).await;
    assert!(matches!(seen, Ok(0) | Err(_)), "closed at once: {seen:?}");
    for stream in &mut held {
        // Closed in order, and seen closed, so the server has counted it.
        stream.shutdown().await.expect("closed");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
    drop(held);
    server.is_well().await;
}

#[tokio::test]
async fn every_answer_is_sealed() {
    let server = Box::start().await;
    let answer = server
        .say(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    for header in [
        "content-security-policy: default-src 'none'",
        "strict-transport-security",
        "nosniff",
    ] {
        assert!(answer.contains(header), "{answer}");
    }
}

/// A file of its own for a test, gone with it.
fn file(bytes: &[u8]) -> std::fs::File {
    let path = std::env::temp_dir().join(format!("ramal-body-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("written");
    let file = std::fs::File::open(&path).expect("there");
    std::fs::remove_file(&path).expect("removed");
    file
}

#[tokio::test]
async fn a_file_is_sent_from_where_it_was_asked_and_one_that_is_too_short_ends_the_connection() {
    let text: Vec<u8> = (b'a'..b'x').cycle().take(FILE_BYTES).collect();
    let server = Box::with(Arc::new(Shelf(file(&text)))).await;
    let ask = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = server.say(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_owned(), body.to_owned())
    };
    let (head, body) = ask("/whole").await;
    assert!(head.contains("content-length: 999901"), "{head}");
    assert!(
        text.get(100..) == Some(body.as_bytes()),
        "{} bytes",
        body.len()
    );
    let (head, body) = ask("/short").await;
    assert!(head.contains("content-length: 999902"), "{head}");
    assert_eq!(body.len(), 999_901, "what is there, and no end");
    let (head, body) = ask("/whole").await;
    assert_eq!((status(&head), body.len()), ("200", 999_901), "again");
}
