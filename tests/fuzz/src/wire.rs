//! SIP messages, streams and header fields.

use std::net::{IpAddr, SocketAddr};

use sansio::{Entropy, Instant, Node, Rng, Transport};
use sip::digest::{Authenticator, Challenge, Credentials, Ha1};
use sip::transaction::{Flow, Input, Layer};
use sip::{
    DatagramKind, Diversion, Event, FaultKind, Framed, HeaderName, Headers, InfoUri, Join, Message,
    Method, NameAddr, RAck, Reason, RemotePartyId, Replaces, RetryAfter, SessionExpires,
    StreamFramer, SubscriptionState, Uri, Via, parse_datagram,
};

const SOURCE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060);

/// A datagram: what is read and written reads the same again; what is faulty is answered with
/// something that can be read; a transaction layer takes either.
pub fn sip_message(bytes: &[u8]) {
    let flow = Flow {
        transport: Transport::Udp,
        local: SOURCE,
        remote: SOURCE,
        stream: None,
    };
    let stun = DatagramKind::of(bytes) == DatagramKind::Stun;
    assert!(!stun || stun::is_stun(bytes), "two ideas of what STUN is");
    let input = match parse_datagram(bytes) {
        Ok(message) => {
            read_all(message.headers());
            let written = message.to_bytes();
            assert_eq!(
                parse_datagram(&written).as_ref(),
                Ok(&message),
                "writing loses"
            );
            if let Message::Request(request) = &message {
                assert_eq!(request.wire_length(), written.len(), "the length is wrong");
                let body = sip::body::session_description(&request.headers, &request.body);
                if let Err(fault) = body {
                    answer_reads(&fault.refusal(request, "t"));
                }
            }
            Input::Message { flow, message }
        }
        Err(fault) => {
            if let Some(answer) = fault.response(SOURCE, "t") {
                answer_reads(&answer);
            }
            let silent = fault.kind == FaultKind::KeepAlive;
            assert_eq!(silent, DatagramKind::of(bytes) != DatagramKind::Sip);
            Input::Fault { flow, fault }
        }
    };
    let mut layer = Layer::new(Rng::from_seed(1));
    layer.handle(Instant::ORIGIN, input);
    while layer.poll().is_some() {}
}

/// Our answer to a faulty message repeats the peer's own fields, which may be why it was faulty:
/// it has to be a message in shape, with our status, not one without a fault.
fn answer_reads(answer: &sip::Response) {
    let bytes = answer.to_bytes();
    let line = format!("SIP/2.0 {} ", answer.status.code());
    assert!(
        bytes.starts_with(line.as_bytes()),
        "the status line is wrong"
    );
    match parse_datagram(&bytes) {
        Ok(read) => assert_eq!(
            read.headers().len(),
            answer.headers.len(),
            "a field came in"
        ),
        Err(fault) => assert!(
            matches!(fault.kind, FaultKind::Header(_) | FaultKind::TooLarge),
            "our answer is no message: {fault}"
        ),
    }
}

fn read_all(headers: &Headers) {
    let _ = (headers.vias(), headers.contacts(), headers.max_forwards());
    let _ = (headers.expires(), headers.content_type(), headers.rseq());
    let _ = (headers.rack(), headers.session_expires(), headers.min_se());
    let _ = (
        headers.refer_to(),
        headers.referred_by(),
        headers.refer_sub(),
    );
    let _ = (headers.replaces(), headers.join(), headers.event());
    let _ = (headers.subscription_state(), headers.retry_after());
    let _ = (headers.min_expires(), headers.flow_timer(), headers.path());
    let _ = (headers.service_route(), headers.asserted_identities());
    let _ = (headers.preferred_identities(), headers.remote_party_ids());
    let _ = (headers.diversions(), headers.history());
    let _ = headers.privacy().hides_caller();
    let _ = (headers.completed_elsewhere(), headers.asks_auto_answer());
    let _ = headers.unknown_requirements(&["100rel"]);
    let _ = headers.credentials(&HeaderName::Authorization).count();
}

/// A stream: what comes out does not depend on how the bytes were cut.
pub fn sip_stream(bytes: &[u8]) {
    let (cut, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let whole = frames(&[bytes]);
    let sizes = usize::from(*cut % 61) + 1;
    let cut: Vec<&[u8]> = bytes.chunks(sizes).collect();
    assert_eq!(frames(&cut), whole, "cut every {sizes} bytes");
}

fn frames(chunks: &[&[u8]]) -> Vec<Framed> {
    let mut framer = StreamFramer::new();
    let mut framed = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        framed.extend(std::iter::from_fn(|| framer.poll()));
    }
    framed
}

/// What is written is read again, and is written the same from then on.
fn settles<T: ToString>(name: &str, bytes: &[u8], read: impl Fn(&[u8]) -> Option<T>) {
    let Some(first) = read(bytes) else { return };
    let written = first.to_string();
    let again = read(written.as_bytes()).map(|second| second.to_string());
    assert_eq!(again, Some(written), "{name}");
}

/// The bytes as the value of each field we have a type for.
pub fn sip_headers(bytes: &[u8]) {
    settles("Uri", bytes, |text| Uri::parse(text).ok());
    settles("NameAddr", bytes, NameAddr::parse);
    settles("Via", bytes, Via::parse);
    settles("RAck", bytes, RAck::parse);
    settles("Session-Expires", bytes, SessionExpires::parse);
    settles("Replaces", bytes, Replaces::parse);
    settles("Join", bytes, Join::parse);
    settles("Event", bytes, Event::parse);
    settles("Subscription-State", bytes, SubscriptionState::parse);
    settles("Reason", bytes, Reason::parse);
    settles("Retry-After", bytes, RetryAfter::parse);
    settles("Alert-Info", bytes, InfoUri::parse);
    settles("Content-Type", bytes, sip::body::MediaType::parse);
    let one = |name: HeaderName, text: &[u8]| {
        let mut headers = Headers::new();
        headers.push(name, text);
        headers
    };
    settles("Diversion", bytes, |text| -> Option<Diversion> {
        one(HeaderName::Diversion, text).diversions().ok()?.pop()
    });
    settles("Remote-Party-ID", bytes, |text| -> Option<RemotePartyId> {
        one(HeaderName::RemotePartyId, text)
            .remote_party_ids()
            .ok()?
            .pop()
    });
    if let Ok(uri) = Uri::parse(bytes) {
        assert!(uri.matches(&uri), "a URI is not itself");
        if let Some(sip) = uri.as_sip() {
            let _ = (
                sip.wire_transport(),
                Replaces::in_uri(sip),
                sip.user_decoded(),
            );
            assert!(
                sip.header_fields()
                    .all(|(_, value)| !value.contains(&b'\n'))
            );
        }
    }
}

/// Challenges and credentials; and nobody gets in by luck.
pub fn digest(bytes: &[u8]) {
    settles("Challenge", bytes, Challenge::parse);
    let Some(credentials) = Credentials::parse(bytes) else {
        return;
    };
    let mut server = Authenticator::new("ramal", &Entropy::new([7; 32]));
    let ha1 = Ha1::from_password("100", "ramal", "the right one");
    for user in [Some(&ha1), None] {
        let verdict = server.check(
            Instant::ORIGIN,
            SOURCE.ip(),
            &Method::Register,
            &credentials,
            user,
        );
        assert_ne!(
            verdict,
            sip::digest::Verdict::Accepted,
            "a digest without a password"
        );
    }
    let mut other = credentials.clone();
    other.response = "another digest".to_owned();
    assert_eq!(
        format!("{other:?}"),
        format!("{credentials:?}"),
        "the digest is shown"
    );
}
