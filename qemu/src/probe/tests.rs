use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use ipc::Redacted;

use super::digest::Challenge;
use super::line::take_framed;
use super::{Credentials, Ending, Probe, ProbeError, Response};

fn mufasa() -> Credentials {
    let password = Redacted::new("Circle of Life".to_owned());
    Credentials {
        extension: "Mufasa".to_owned(),
        password,
    }
}

fn unauthorized(challenges: &[&str]) -> Response {
    let mut text = "SIP/2.0 401 Unauthorized\r\n".to_owned();
    for challenge in challenges {
        text.push_str(&format!("WWW-Authenticate: {challenge}\r\n"));
    }
    Response::parse(format!("{text}\r\n").as_bytes()).unwrap()
}

/// The example of RFC 7616 §3.9.1.
#[test]
fn digests_are_those_of_the_standard() {
    let common = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                  nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                  opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    let answer = |algorithm: &str| {
        let challenge = unauthorized(&[&format!("Digest {common}, algorithm={algorithm}")]);
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        Challenge::strongest(&challenge).unwrap().answer(
            &mufasa(),
            "GET",
            "/dir/index.html",
            cnonce,
        )
    };
    assert!(answer("MD5").contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""));
    let sha = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
    assert!(answer("SHA-256").contains(&format!("response=\"{sha}\"")));
    assert!(answer("SHA-256").contains("nc=00000001"));
}

#[test]
fn the_strongest_known_challenge_is_answered() {
    let md5 = "Digest realm=\"r\", nonce=\"n\"";
    let sha = "Digest realm=\"r\",nonce=\"n\",algorithm=SHA-256,qop=auth";
    let unknown = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256";
    let strongest = |challenges: &[&str]| Challenge::strongest(&unauthorized(challenges));
    let line = strongest(&[unknown, md5, sha])
        .unwrap()
        .answer(&mufasa(), "REGISTER", "sip:x", "c");
    assert!(line.contains("algorithm=SHA-256, qop=auth"), "{line}");
    let line = strongest(&[md5])
        .unwrap()
        .answer(&mufasa(), "REGISTER", "sip:x", "c");
    assert!(
        line.contains("algorithm=MD5") && !line.contains("qop"),
        "{line}"
    );
    assert!(strongest(&[unknown, "Basic realm=\"r\""]).is_err());
    assert!(!Challenge::is_stale(&unauthorized(&[md5])));
    assert!(Challenge::is_stale(&unauthorized(&[&format!(
        "{sha}, stale=TRUE"
    )])));
}

#[test]
fn a_response_is_read_with_compact_and_folded_headers() {
    let text =
        "SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP h;branch=b\r\nSubject: one\r\n two\r\n\r\nbody";
    let response = Response::parse(text.as_bytes()).unwrap();
    assert_eq!(
        (response.status, response.reason.as_str()),
        (180, "Ringing")
    );
    assert_eq!(response.header("via"), Some("SIP/2.0/UDP h;branch=b"));
    assert_eq!(response.header("Subject"), Some("one two"));
    assert_eq!(response.body, "body");
    for broken in [
        "",
        "SIP/2.0 20 OK\r\n\r\n",
        "SIP/2.0 200 OK\r\nVia\r\n\r\n",
        "SIP/2.0 200 OK",
    ] {
        assert!(Response::parse(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn messages_of_a_stream_are_taken_one_by_one() {
    let mut received = b"\r\n\r\nSIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhiSIP/2.0".to_vec();
    let message = take_framed(&mut received).unwrap().unwrap();
    assert!(message.ends_with(b"\r\n\r\nhi"));
    assert!(take_framed(&mut received).unwrap().is_none());
    received.extend_from_slice(b" 200 OK\r\nContent-Length: x\r\n\r\n");
    assert!(take_framed(&mut received).is_err());
}

/// The value of a header of a request.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request
        .lines()
        .find(|line| line.starts_with(&format!("{name}: ")))
        .unwrap();
    &line[name.len() + 2..]
}

/// A response to that request, with what else it should have.
fn reply(request: &str, status: &str, more: &str) -> String {
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
    let copied: String = copied
        .iter()
        .map(|name| format!("{name}: {}\r\n", header(request, name)))
        .collect();
    format!("SIP/2.0 {status}\r\n{copied}{more}Content-Length: 0\r\n\r\n")
}

/// A server that answers each request it gets by a script; gives the requests.
fn serve(
    script: impl Fn(usize, &str) -> Vec<String> + Send + 'static,
    requests: usize,
) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while seen.len() < requests {
            let (count, peer) = socket.recv_from(&mut buffer).unwrap();
            let request = String::from_utf8(buffer[..count].to_vec()).unwrap();
            for answer in script(seen.len(), &request) {
                socket.send_to(answer.as_bytes(), peer).unwrap();
            }
            seen.push(request);
        }
        seen
    });
    (address, server)
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";

#[test]
fn a_lost_question_is_repeated_and_a_challenge_answered() {
    let script = |number: usize, request: &str| match number {
        0 => vec![],
        1 => vec![reply(request, "401 Unauthorized", CHALLENGE)],
        _ => vec![reply(request, "200 OK", "")],
    };
    let (address, server) = serve(script, 3);
    let outcome = Probe::udp(address)
        .unwrap()
        .register(&mufasa(), 60)
        .unwrap();
    assert_eq!((outcome.status(), outcome.statuses), (200, vec![401, 200]));
    let requests = server.join().unwrap();
    assert_eq!(requests[0], requests[1]);
    assert!(header(&requests[2], "Authorization").starts_with("Digest username=\"Mufasa\""));
    assert_ne!(header(&requests[1], "Via"), header(&requests[2], "Via"));
    assert_eq!(
        header(&requests[1], "Call-ID"),
        header(&requests[2], "Call-ID")
    );
    assert!(!requests[2].contains("Circle of Life"));
}

#[test]
fn wrong_credentials_are_not_tried_for_ever() {
    let script = |_: usize, request: &str| vec![reply(request, "401 Unauthorized", CHALLENGE)];
    let (address, server) = serve(script, 2);
    let outcome = Probe::udp(address)
        .unwrap()
        .register(&mufasa(), 60)
        .unwrap();
    assert_eq!(outcome.statuses, [401]);
    assert_eq!(server.join().unwrap().len(), 2);
}

#[test]
fn a_refused_call_is_acknowledged_in_its_transaction() {
    let script = |number: usize, request: &str| match number {
        0 => vec![
            reply(request, "100 Trying", ""),
            reply(request, "404 Not Found", ""),
        ],
        _ => vec![],
    };
    let (address, server) = serve(script, 2);
    let outcome = Probe::udp(address)
        .unwrap()
        .invite_as_stranger("100", "999")
        .unwrap();
    assert_eq!(outcome.statuses, [100, 404]);
    let requests = server.join().unwrap();
    assert!(requests[1].starts_with("ACK sip:999@"));
    assert_eq!(header(&requests[0], "Via"), header(&requests[1], "Via"));
    assert_eq!(header(&requests[1], "CSeq"), "1 ACK");
}

#[test]
fn an_answered_call_is_hung_up_at_its_contact() {
    let script = |_: usize, request: &str| match request.split(' ').next().unwrap() {
        "INVITE" => vec![reply(
            request,
            "200 OK",
            "Contact: <sip:there@127.0.0.1:9>\r\n",
        )],
        "BYE" => vec![reply(request, "200 OK", "")],
        _ack => vec![],
    };
    let (address, server) = serve(script, 3);
    let outcome = Probe::udp(address)
        .unwrap()
        .invite(&mufasa(), "101", Ending::HangUp)
        .unwrap();
    assert_eq!(outcome.statuses, [200]);
    let requests = server.join().unwrap();
    assert!(requests[1].starts_with("ACK sip:there@127.0.0.1:9 "));
    assert!(requests[2].starts_with("BYE sip:there@127.0.0.1:9 "));
    assert_ne!(header(&requests[0], "Via"), header(&requests[1], "Via"));
}

#[test]
fn a_ringing_call_is_cancelled() {
    let script = |_: usize, request: &str| match request.split(' ').next().unwrap() {
        "INVITE" => vec![reply(request, "180 Ringing", "")],
        "CANCEL" => {
            let invite = request.replace("CANCEL", "INVITE");
            let cancelled = reply(&invite, "487 Request Terminated", "");
            vec![reply(request, "200 OK", ""), cancelled]
        }
        _ack => vec![],
    };
    let (address, server) = serve(script, 3);
    let mut probe = Probe::udp(address).unwrap();
    let outcome = probe
        .invite(&mufasa(), "101", Ending::CancelWhenRinging)
        .unwrap();
    assert_eq!(outcome.statuses, [180, 487]);
    let requests = server.join().unwrap();
    assert!(requests[1].starts_with("CANCEL ") && requests[2].starts_with("ACK "));
}

#[test]
fn a_server_that_is_silent_or_absent_is_told() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut probe = Probe::udp(address)
        .unwrap()
        .patient_for(Duration::from_millis(20));
    assert!(matches!(
        probe.options(),
        Err(ProbeError::NoAnswer {
            method: "OPTIONS",
            ..
        })
    ));
    drop(silent);
    assert!(matches!(probe.options(), Err(ProbeError::Socket { .. })));
}

#[test]
fn questions_over_tcp_are_framed_and_not_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        let request = String::from_utf8(buffer[..count].to_vec()).unwrap();
        let answer = reply(&request, "200 OK", "");
        let (first, second) = answer.split_at(30);
        stream.write_all(first.as_bytes()).unwrap();
        stream.write_all(second.as_bytes()).unwrap();
        request
    });
    let mut probe = Probe::tcp(address).unwrap();
    assert_eq!(probe.options().unwrap().status(), 200);
    assert!(header(&server.join().unwrap(), "Via").starts_with("SIP/2.0/TCP 127.0.0.1:"));
    let next = probe.next_response(Duration::from_secs(5));
    assert!(matches!(next, Err(ProbeError::Closed { .. })));
}
