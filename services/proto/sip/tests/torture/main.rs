//! The messages of RFC 4475 and RFC 5118, written from the RFCs' text and named by what they do.
//! rsip 0.4 reads 6 of the 13 valid ones; all of them must be read here.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

mod devices;
mod invalid;
mod ipv6;
mod user;
mod valid;

use sip::{FaultKind, Message, ParseFault, Request, Response, StatusCode, parse_datagram};

const SDP: &str = "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\n\
                   c=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\n";

/// Lines as in the RFC to bytes as on the wire.
fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn request(bytes: &[u8]) -> Request {
    match parse_datagram(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn response(bytes: &[u8]) -> Response {
    match parse_datagram(bytes) {
        Ok(Message::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

fn fault(bytes: &[u8]) -> ParseFault {
    parse_datagram(bytes).expect_err("a fault")
}

/// A request that must be answered with `status`, along its Via.
fn check_answered(bytes: &[u8], status: StatusCode) -> FaultKind {
    let fault = fault(bytes);
    let source = "192.0.2.99:5062".parse().expect("an address");
    let response = fault.response(source, "our-tag").expect("an answer");
    assert_eq!(response.status, status, "{fault}");
    let via = response.headers.via().expect("Via");
    assert_eq!(via.received(), Some(source.ip()));
    fault.kind
}

fn check_dropped(bytes: &[u8]) {
    let fault = fault(bytes);
    assert_eq!(
        fault.response("192.0.2.99:5062".parse().expect("an address"), "t"),
        None
    );
}

/// A request of our own making around the start line and fields of a test.
fn around(start: &str, fields: &str) -> Vec<u8> {
    wire(&format!(
        "{start}
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKkdjuw;rport
Max-Forwards: 7
Call-ID: torture.0ha0isndaksdj
{fields}

"
    ))
}

const ADDRESSES: &str = "To: <sip:j.user@example.com>\nFrom: <sip:caller@example.net>;tag=134161";

/// The 49 messages of RFC 4475: section, then the names in their order.
const RFC_4475: [(&str, &[&str]); 5] = [
    (
        "3.1.1",
        &[
            "wsinv",
            "intmeth",
            "esc01",
            "escnull",
            "esc02",
            "lwsdisp",
            "longreq",
            "dblreq",
            "semiuri",
            "transports",
            "mpart01",
            "unreason",
            "noreason",
        ],
    ),
    (
        "3.1.2",
        &[
            "badinv01",
            "clerr",
            "ncl",
            "scalar02",
            "scalarlg",
            "quotbal",
            "ltgtruri",
            "lwsruri",
            "lwsstart",
            "trws",
            "escruri",
            "baddate",
            "regbadct",
            "badaspec",
            "baddn",
            "badvers",
            "mismatch01",
            "mismatch02",
            "bigcode",
        ],
    ),
    ("3.2", &["badbranch"]),
    (
        "3.3",
        &[
            "insuf", "unkscm", "novelsc", "unksm2", "bext01", "invut", "regaut01", "multi01",
            "mcl01", "bcast", "zeromf", "cparam01", "cparam02", "regescrt", "sdp01",
        ],
    ),
    ("3.4", &["inv2543"]),
];

#[test]
fn every_message_of_rfc_4475_has_its_test() {
    let tests = [
        include_str!("valid.rs"),
        include_str!("invalid.rs"),
        include_str!("user.rs"),
    ];
    let mut count = 0;
    for (section, names) in RFC_4475 {
        for (index, name) in names.iter().enumerate() {
            let cited = format!("§{section}.{} ({name})", index + 1);
            assert!(tests.iter().any(|text| text.contains(&cited)), "{cited}");
            count += 1;
        }
    }
    assert_eq!(count, 49);
}
