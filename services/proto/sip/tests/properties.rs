//! What must hold for all bytes: nothing panics, and what is written reads back the same.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use proptest::collection::vec;
use proptest::prelude::*;

use sansio::{Instant, Node, Rng, Transport};
use sip::digest::{Challenge, Credentials};
use sip::transaction::{Flow, Input, Layer};
use sip::{
    Framed, HeaderName, Headers, Message, Method, NameAddr, Request, Response, StatusCode,
    StreamFramer, Uri, Via, parse_datagram,
};

const INVITE: &[u8] = b"INVITE sip:101@192.0.2.1;user=phone SIP/2.0\r\n\
v: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKnashds8;rport, SIP/2.0/TCP [2001:db8::1];branch=x\r\n\
Max-Forwards: 70\r\nf: \"A \\\"B\\\" C\" <sip:100@192.0.2.1>;tag=1928301774\r\n\
t: <sip:101@192.0.2.1>\r\ni: a84b4c76e66710@192.0.2.7\r\nCSeq: 314159 INVITE\r\n\
m: <sip:100@192.0.2.7:5062;transport=udp>;expires=60, <tel:+55-11>;q=0.5\r\n\
Authorization: Digest username=\"100\", realm=\"ramal\", nonce=\"00\", uri=\"sip:101@192.0.2.1\", \
response=\"00\", algorithm=SHA-256, qop=auth, nc=0000000a, cnonce=\"0a\"\r\n\
Subject: one\r\n two\r\nc: application/sdp\r\nl: 7\r\n\r\nv=0\r\n\0\xff";

fn flow(transport: Transport) -> Flow {
    Flow {
        transport,
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "192.0.2.7:5062".parse().expect("an address"),
        stream: transport.is_reliable().then_some(1),
    }
}

/// Reads everything there is to read.
fn read_all(headers: &Headers) {
    let _ = (
        headers.via(),
        headers.vias(),
        headers.from(),
        headers.to(),
        headers.call_id(),
    );
    let _ = (
        headers.cseq(),
        headers.contacts(),
        headers.max_forwards(),
        headers.expires(),
    );
    let _ = (
        headers.content_type(),
        headers.addresses(&HeaderName::Route),
    );
    let _ = headers.credentials(&HeaderName::Authorization).count();
    for field in headers.iter() {
        let _ = Challenge::parse(field.value);
    }
}

fn exercise(bytes: &[u8]) {
    let parsed = parse_datagram(bytes);
    let flow = flow(Transport::Udp);
    let input = match parsed {
        Ok(message) => {
            read_all(message.headers());
            let again = parse_datagram(&message.to_bytes());
            assert_eq!(again.as_ref(), Ok(&message));
            Input::Message { flow, message }
        }
        Err(fault) => {
            if let Some(salvage) = &fault.salvage {
                read_all(&salvage.headers);
            }
            Input::Fault { flow, fault }
        }
    };
    let mut layer = Layer::new(Rng::from_seed(1));
    layer.handle(Instant::ORIGIN, input);
    while layer.poll().is_some() {}
}

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~-]{1,20}"
}

fn field() -> impl Strategy<Value = (HeaderName, Vec<u8>)> {
    let value = vec(
        any::<u8>().prop_filter("a line ends there", |b| !b"\r\n".contains(b)),
        0..40,
    );
    (token(), value).prop_map(|(name, value)| {
        (
            HeaderName::parse(format!("X-{name}").as_bytes()).expect("a token"),
            value,
        )
    })
}

fn headers(method: &str) -> impl Strategy<Value = Headers> + use<> {
    let method = method.to_owned();
    (
        token(),
        token(),
        token(),
        0..1_u32 << 31,
        vec(field(), 0..10),
        any::<bool>(),
    )
        .prop_map(move |(branch, tag, call_id, cseq, fields, rport)| {
            let mut headers = Headers::new();
            let flag = if rport { ";rport" } else { "" };
            headers.push(
                HeaderName::Via,
                format!("SIP/2.0/UDP h.example:1;branch={branch}{flag}"),
            );
            headers.push(HeaderName::From, format!("<sip:a@b.example>;tag={tag}"));
            headers.push(HeaderName::To, "\"x,;<>\" <sip:c@[::1]>");
            headers.push(HeaderName::CallId, call_id);
            headers.push(HeaderName::CSeq, format!("{cseq} {method}"));
            for (name, value) in fields {
                headers.push(name, value);
            }
            headers
        })
}

fn request() -> impl Strategy<Value = Message> {
    let user = "[a-zA-Z0-9.!*_+&=$,;?/-]{1,20}";
    (token(), user, vec(any::<u8>(), 0..200)).prop_flat_map(|(method, user, body)| {
        let uri = Uri::parse(format!("sip:{user}@example.com;lr").as_bytes()).expect("a URI");
        headers(&method).prop_map(move |headers| {
            let method = Method::parse(method.as_bytes()).expect("a token");
            Message::Request(Request {
                method,
                uri: uri.clone(),
                headers,
                body: body.clone(),
            })
        })
    })
}

fn response() -> impl Strategy<Value = Message> {
    let reason = vec(
        any::<u8>().prop_filter("a line ends there", |b| !b"\r\n".contains(b)),
        0..30,
    );
    (100..700_u16, reason, vec(any::<u8>(), 0..200)).prop_flat_map(|(code, reason, body)| {
        headers("INVITE").prop_map(move |headers| {
            let status = StatusCode::new(code).expect("in range");
            Message::Response(Response {
                status,
                reason: reason.clone(),
                headers,
                body: body.clone(),
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_panic_the_parser(bytes in vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
        let _ = Uri::parse(&bytes);
        let _ = NameAddr::parse(&bytes);
        let _ = Via::parse(&bytes);
        let _ = Credentials::parse(&bytes);
        let _ = Challenge::parse(&bytes);
    }

    #[test]
    fn no_damaged_message_panics_the_parser(
        cuts in vec((0..INVITE.len(), 0..4_usize, vec(any::<u8>(), 0..4)), 1..6),
    ) {
        let mut bytes = INVITE.to_vec();
        for (at, drop, insert) in cuts {
            let at = at.min(bytes.len());
            let end = (at + drop).min(bytes.len());
            bytes.splice(at..end, insert);
        }
        exercise(&bytes);
    }

    #[test]
    fn every_written_request_reads_back_the_same(message in request()) {
        prop_assert_eq!(parse_datagram(&message.to_bytes()), Ok(message));
    }

    #[test]
    fn every_written_response_reads_back_the_same(message in response()) {
        prop_assert_eq!(parse_datagram(&message.to_bytes()), Ok(message));
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_messages(
        messages in vec(request(), 1..4),
        cuts in vec(1..60_usize, 1..40),
    ) {
        let mut bytes: Vec<u8> = Vec::new();
        for message in &messages {
            bytes.extend(message.to_bytes());
            bytes.extend(b"\r\n\r\n");
        }
        let mut framer = StreamFramer::new();
        let mut framed = Vec::new();
        let mut rest = &*bytes;
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            framer.push(now);
            framed.extend(std::iter::from_fn(|| framer.poll()));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let expected: Vec<Framed> =
            messages.into_iter().flat_map(|one| [Framed::Message(one), Framed::Ping]).collect();
        prop_assert_eq!(framed, expected);
        prop_assert!(!framer.is_partial());
    }

    #[test]
    fn no_bytes_panic_the_framer(bytes in vec(vec(any::<u8>(), 0..100), 0..10)) {
        let mut framer = StreamFramer::new();
        for bytes in bytes {
            framer.push(&bytes);
            while framer.poll().is_some() {}
        }
    }
}

#[test]
fn the_message_that_is_damaged_here_is_whole_at_first() {
    assert!(parse_datagram(INVITE).is_ok());
    exercise(INVITE);
}
