//! What real devices send and parsers choke on (the table of the research on rsip 0.4 and its kin):
//! one test for each row that is not among the messages of RFC 4475.

use sip::digest::{Challenge, Credentials};
use sip::{Contacts, Framed, HeaderName, Message, Method, Response, StatusCode, StreamFramer, Uri};

use crate::{ADDRESSES, around, check_answered, request, response, wire};

const OPTIONS: &str = "OPTIONS sip:user@example.com SIP/2.0";

#[test]
fn compact_forms_are_the_full_fields() {
    let request = request(&wire(
        "REGISTER sip:b.example SIP/2.0
v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx
f: <sip:a@b.example>;tag=1
t: <sip:a@b.example>
i: x@y
m: <sip:a@192.0.2.1>
CSeq: 1 REGISTER
s: subject
k: path
e: identity
c: text/plain
l: 2

hi",
    ));
    let headers = &request.headers;
    assert!(headers.via().is_ok() && headers.from().is_ok() && headers.to().is_ok());
    assert_eq!(headers.call_id(), Ok("x@y"));
    assert!(headers.has_option("path"));
    assert_eq!(request.body, b"hi");
    let written = String::from_utf8(request.to_bytes()).expect("text");
    assert!(written.contains("\r\nVia: ") && written.contains("\r\nSubject: subject\r\n"));
}

#[test]
fn a_blank_before_the_colon_and_a_fold_lose_nothing() {
    let fields = format!("{ADDRESSES}\nCSeq : 8 OPTIONS\nSubject\t:  a\n\t b\n  c");
    let request = request(&around(OPTIONS, &fields));
    assert_eq!(request.headers.text(&HeaderName::Subject), Some("a b c"));
}

#[test]
fn telephone_addresses_keep_their_plus() {
    let bytes = around(
        "INVITE tel:+55-11-999;phone-context=b.example SIP/2.0",
        "To: <tel:+5511999>\nFrom: <tel:+5511>;tag=1\nCSeq: 8 INVITE",
    );
    let request = request(&bytes);
    assert_eq!(request.uri.user().as_deref(), Some("+5511999"));
    let from = request.headers.from().expect("From");
    assert_eq!(from.to_string(), "<tel:+5511>;tag=1");
}

#[test]
fn several_contacts_and_hops_in_one_line_are_all_seen() {
    let bytes = wire(&format!(
        "REGISTER sip:b.example SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKy
Call-ID: x
{ADDRESSES}
CSeq: 8 REGISTER
Contact: <sip:a@192.0.2.1>, \"a;b<c>, d\" <sip:b@192.0.2.1> ; expires = 1

"
    ));
    let request = request(&bytes);
    assert_eq!(request.headers.vias().expect("Vias").len(), 2);
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else {
        panic!("contacts")
    };
    assert_eq!(contacts[1].display.as_deref(), Some("a;b<c>, d"));
    assert_eq!(contacts[1].expires(), Some(1));
}

#[test]
fn an_unknown_method_and_an_unknown_token_in_allow_are_read() {
    // pbx trap 30: so that they can be answered 405 with Allow.
    let fields = format!("{ADDRESSES}\nCSeq: 8 DANCE\nAllow: INVITE, DANCE, x-y");
    let request = request(&around("DANCE sip:user@example.com SIP/2.0", &fields));
    assert_eq!(request.method, Method::Other("DANCE".into()));
    assert!(request.headers.allows(&request.method));
}

#[test]
fn digests_are_read_as_devices_write_them() {
    // pbx trap 6: hexadecimal count, RFC 8760's name, the URI as sent.
    let text =
        b"Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:b.example;transport=ws\", \
                 response=\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", \
                 algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=0000000a";
    let credentials = Credentials::parse(text).expect("legible");
    assert_eq!(credentials.uri, "sip:b.example;transport=ws");
    assert_eq!(credentials.qop.expect("there").nc, "0000000a");
    assert!(Challenge::parse(b"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256").is_some());
}

#[test]
fn a_body_ends_where_content_length_says() {
    let fields = format!("{ADDRESSES}\nCSeq: 8 OPTIONS\nContent-Type: text/plain\nl: 3");
    let mut bytes = around(OPTIONS, &fields);
    bytes.extend_from_slice(b"abc\0trailing");
    assert_eq!(request(&bytes).body, b"abc");
}

#[test]
fn a_truncated_message_is_not_taken_for_a_short_one() {
    let fields = format!("{ADDRESSES}\nCSeq: 8 OPTIONS\nl: 5");
    check_answered(&around(OPTIONS, &fields), StatusCode::BAD_REQUEST);
}

#[test]
fn a_reason_phrase_of_ones_own_goes_out_as_it_came() {
    let fields = format!("{ADDRESSES}\nCSeq: 8 OPTIONS");
    let bytes = around("SIP/2.0 486 caf\u{e9} is closed", &fields);
    let Response { reason, status, .. } = response(&bytes);
    assert_eq!(
        (status.code(), &*reason),
        (486, "caf\u{e9} is closed".as_bytes())
    );
    let written = Message::Response(response(&bytes)).to_bytes();
    assert!(written.starts_with("SIP/2.0 486 caf\u{e9} is closed\r\n".as_bytes()));
}

#[test]
fn line_ends_before_a_message_are_passed_over() {
    let message = around(OPTIONS, &format!("{ADDRESSES}\nCSeq: 8 OPTIONS\nl: 0"));
    request(&[b"\r\n\r\n", &*message].concat());
    let mut framer = StreamFramer::new();
    framer.push(&[b"\r\n\r\n\r\n", &*message, b"\r\n\r\n"].concat());
    let framed: Vec<_> = std::iter::from_fn(|| framer.poll()).collect();
    assert!(
        matches!(&*framed, [Framed::Ping, Framed::Message(_), Framed::Ping]),
        "{framed:?}"
    );
}

#[test]
fn web_phones_name_their_own_transport_and_host() {
    // pbx trap 25: the case of `transport=WS` is kept as sent.
    let bytes = wire(&format!(
        "REGISTER sip:b.example SIP/2.0
Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks
Call-ID: x
{ADDRESSES}
CSeq: 8 REGISTER
Contact: <sip:a@df7jal23ls0d.invalid;transport=WS>;+sip.ice;reg-id=1

"
    ));
    let request = request(&bytes);
    let contacts = request
        .headers
        .addresses(&HeaderName::Contact)
        .expect("legible");
    assert!(contacts[0].uri.to_string().ends_with(";transport=WS"));
    assert_eq!(request.headers.via().expect("Via").transport, "WSS");
}

#[test]
fn feature_codes_and_user_parameters_survive_their_escapes() {
    // pbx trap 31.
    let check = |text: &str, user: &str| {
        let uri = Uri::parse(text.as_bytes()).expect(text);
        assert_eq!(uri.user().as_deref(), Some(user), "{text}");
        assert_eq!(uri.to_string(), text);
    };
    check("sip:*72%23@b.example", "*72#");
    check("sip:#31#@b.example", "#31#");
    check(
        "sip:+5511;isub=1;phone-context=x@b.example;user=phone",
        "+5511;isub=1;phone-context=x",
    );
    let one = Uri::parse(b"sip:%61lice@B.Example;Transport=TCP").expect("a URI");
    let two = Uri::parse(b"sip:alice@b.example;transport=tcp").expect("a URI");
    let other = Uri::parse(b"sip:ALICE@b.example;transport=tcp").expect("a URI");
    assert!(one.matches(&two) && !one.matches(&other));
}
