//! Why rsip 0.4 gives us words and not messages: what real phones send, read by it and by us.
//!
//! When one of these fails after an upgrade, rsip has become better and the reason is gone.

use sip::digest::Credentials;
use sip::{HeaderName, Message, Request, parse_datagram};

/// A REGISTER with this start line, these fields, and this after the header block.
fn message(start: &str, fields: &str, rest: &[u8]) -> Vec<u8> {
    let head = format!(
        "{start} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:100@192.0.2.1>;tag=f\r\nTo: <sip:100@192.0.2.1>\r\n\
         Call-ID: c\r\n{fields}\r\n"
    );
    [head.as_bytes(), rest].concat()
}

fn ours(bytes: &[u8]) -> Request {
    match parse_datagram(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn theirs(bytes: &[u8]) -> Result<rsip::Request, rsip::Error> {
    rsip::Request::try_from(bytes)
}

/// Read by us, refused by rsip.
fn check_refused(start: &str, fields: &str) {
    let bytes = message(start, fields, b"");
    ours(&bytes);
    assert!(theirs(&bytes).is_err(), "rsip reads {start} {fields}");
}

const REGISTER: &str = "REGISTER sip:192.0.2.1";
const CSEQ: &str = "CSeq: 1 REGISTER\r\n";

#[test]
fn an_unknown_method_loses_the_message() {
    check_refused("FROBNICATE sip:192.0.2.1", "CSeq: 1 FROBNICATE\r\n");
}

#[test]
fn a_telephone_number_as_request_uri_loses_the_message() {
    check_refused("INVITE tel:+5511999", "CSeq: 1 INVITE\r\n");
}

#[test]
fn an_ipv6_host_loses_the_message() {
    check_refused("REGISTER sip:[2001:db8::1]", CSEQ);
}

#[test]
fn a_folded_field_loses_the_message() {
    check_refused(REGISTER, &format!("{CSEQ}Subject: one\r\n two\r\n"));
}

#[test]
fn compact_forms_are_not_found() {
    let bytes = String::from_utf8(message(REGISTER, CSEQ, b"")).expect("text");
    let bytes = bytes
        .replace("Via:", "v:")
        .replace("From:", "f:")
        .into_bytes();
    assert!(ours(&bytes).headers.via().is_ok());
    use rsip::prelude::HeadersExt;
    let request = theirs(&bytes).expect("it reads as much");
    assert!(request.via_header().is_err());
    assert!(request.from_header().is_err());
}

#[test]
fn content_length_is_ignored() {
    let bytes = message(
        REGISTER,
        &format!("{CSEQ}Content-Length: 2\r\n"),
        b"hi and more",
    );
    assert_eq!(ours(&bytes).body, b"hi");
    assert_eq!(theirs(&bytes).expect("legible").body, b"hi and more");
}

#[test]
fn a_binary_body_is_damaged_when_written() {
    let bytes = message(REGISTER, CSEQ, b"\xff\0\xfe");
    assert!(ours(&bytes).to_bytes().ends_with(b"\xff\0\xfe"));
    let written: Vec<u8> = theirs(&bytes).expect("legible").into();
    assert!(!written.ends_with(b"\xff\0\xfe"));
}

#[test]
fn the_tenth_digest_of_a_nonce_cannot_be_read() {
    let digest = |algorithm: &str, nc: &str| {
        format!(
            "Digest username=\"100\", realm=\"r\", nonce=\"n\", uri=\"sip:192.0.2.1\", \
             response=\"00\", algorithm={algorithm}, qop=auth, nc={nc}, cnonce=\"c\""
        )
    };
    let reads = |value: &str| {
        let header =
            <rsip::headers::Authorization as rsip::headers::UntypedHeader>::new(value.to_owned());
        use rsip::prelude::ToTypedHeader;
        header.typed().is_ok()
    };
    assert!(reads(&digest("MD5", "00000009")));
    for value in [digest("MD5", "0000000a"), digest("SHA-256", "00000001")] {
        assert!(!reads(&value));
        let bytes = message(REGISTER, &format!("{CSEQ}Authorization: {value}\r\n"), b"");
        let request = ours(&bytes);
        let field = request
            .headers
            .first(&HeaderName::Authorization)
            .expect("there");
        assert!(Credentials::parse(field).is_some());
    }
}
