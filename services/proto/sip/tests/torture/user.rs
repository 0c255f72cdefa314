//! RFC 4475 §3.2 and §3.3: messages that parse, and what their user then finds wrong.

use sip::body::{BodyFault, session_description};
use sip::{Contacts, HeaderFault, HeaderName, Method, StatusCode, Uri};

use crate::{SDP, check_answered, request, response, wire};

/// RFC 4475 §3.1.2.11 (escruri).
#[test]
fn a_request_uri_with_headers_is_answered_400() {
    let bytes = wire(
        "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=341518
Max-Forwards: 7
Contact: <sip:caller@host39923.example.net>
Call-ID: escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5
CSeq: 149209342 INVITE
Via: SIP/2.0/UDP host-of-the-hour.example.com;branch=z9hG4bKkdjuw
Content-Length: 0

",
    );
    check_answered(&bytes, StatusCode::BAD_REQUEST);
}

/// RFC 4475 §3.2.1 (badbranch): the bare magic cookie names no transaction; it is told apart by
/// the rules of RFC 2543 (tested with the transactions).
#[test]
fn a_branch_that_is_only_the_cookie_is_read() {
    let request = request(&wire(
        "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK
Accept: application/sdp
Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n
CSeq: 8 OPTIONS
l: 0

",
    ));
    let via = request.headers.via().expect("Via");
    assert_eq!(via.branch(), Some("z9hG4bK"));
}

/// RFC 4475 §3.3.5 (bext01): 420 with the names, unless the extension is known (pbx trap 30).
#[test]
fn required_extensions_that_nobody_has_are_named() {
    let request = request(&wire(
        "OPTIONS sip:user@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.net;tag=242etr
Max-Forwards: 6
Call-ID: bext01.0ha0isndaksdj
Require: nothingSupportsThis, nothingSupportsThisEither
Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis
CSeq: 8 OPTIONS
Via: SIP/2.0/TLS fold-and-staple.example.com;branch=z9hG4bKkdjuw
Content-Length: 0

",
    ));
    assert_eq!(
        request.headers.unknown_requirements(&["100rel"]).as_deref(),
        Some("nothingSupportsThis, nothingSupportsThisEither")
    );
    let proxies = request.headers.tokens(&HeaderName::ProxyRequire);
    assert_eq!(proxies.count(), 2);
}

/// RFC 4475 §3.3.6 (invut): 415 with Accept.
#[test]
fn a_body_of_an_unknown_type_is_answered_415_with_what_would_be_taken() {
    let body = "<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n";
    let head = wire(&format!(
        "INVITE sip:user@example.com SIP/2.0
Contact: <sip:caller@host5.example.net>
To: sip:j.user@example.com
From: sip:caller@example.net;tag=8392034
Max-Forwards: 70
Call-ID: invut.0ha0isndaksdjadsfij34n23d
CSeq: 235448 INVITE
Via: SIP/2.0/UDP somehost.example.com;branch=z9hG4bKkdjuw
Content-Type: application/unknownformat
Content-Length: {}

",
        body.len()
    ));
    let request = request(&[&*head, body.as_bytes()].concat());
    let fault = session_description(&request.headers, &request.body).expect_err("unknown");
    assert_eq!(fault, BodyFault::Unsupported);
    let refusal = fault.refusal(&request, "t");
    assert_eq!(refusal.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(
        refusal
            .headers
            .lists(&HeaderName::Accept, "application/sdp")
    );
}

/// RFC 4475 §3.3.7 (regaut01): credentials of an unknown scheme are as good as none.
#[test]
fn credentials_of_an_unknown_scheme_are_passed_over() {
    let request = request(&wire(
        "REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=87321hj23128
Max-Forwards: 8
Call-ID: regaut01.0ha0isndaksdj
CSeq: 9338 REGISTER
Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bKkdjuw
Authorization: NoOneKnowsThisScheme opaque-data=here
Content-Length:0

",
    ));
    let name = HeaderName::Authorization;
    assert_eq!(request.headers.credentials(&name).count(), 0);
}

/// RFC 4475 §3.3.10 (bcast): it answers nothing of ours, and the transaction layer drops it by its
/// Via, so no broadcast is ever forwarded.
#[test]
fn a_response_with_a_foreign_top_via_is_read_for_what_it_is() {
    let response = response(&wire(
        "SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 0
Contact: <sip:user@host28.example.com>

",
    ));
    let vias = response.headers.vias().expect("Vias");
    assert_eq!(vias[0].host.as_str(), "192.0.2.198");
    assert_eq!(vias[1].host.as_str(), "255.255.255.255");
}

/// RFC 4475 §3.3.11 (zeromf): 483 is for who would forward it; who is meant answers.
#[test]
fn a_request_with_no_hops_left_is_read() {
    let request = request(&wire(
        "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=3ghsd41
Call-ID: zeromf.jfasdlfnm2o2l43r5u0asdfas
CSeq: 39234321 OPTIONS
Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw2349i
Max-Forwards: 0
Content-Length: 0

",
    ));
    assert_eq!(request.headers.max_forwards(), Ok(Some(0)));
}

/// A REGISTER with this Contact.
fn register(call_id: &str, contact: &str) -> sip::Request {
    request(&wire(&format!(
        "REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards: 70
From: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe
To: sip:watson@example.com
Call-ID: {call_id}
CSeq: 2 REGISTER
{contact}
l: 0

"
    )))
}

fn only_contact(request: &sip::Request) -> sip::NameAddr {
    match request.headers.contacts() {
        Ok(Contacts::List(mut contacts)) if contacts.len() == 1 => contacts.remove(0),
        other => panic!("one contact: {other:?}"),
    }
}

/// RFC 4475 §3.3.12 (cparam01): without brackets the parameter is the field's.
#[test]
fn a_parameter_of_an_unbracketed_contact_belongs_to_the_field() {
    let text = "Contact: sip:+19725552222@gw1.example.net;unknownparam";
    let contact = only_contact(&register("cparam01.70710@saturn.example.com", text));
    assert!(contact.params.has("unknownparam"));
    assert_eq!(contact.uri.to_string(), "sip:+19725552222@gw1.example.net");
}

/// RFC 4475 §3.3.13 (cparam02): within brackets it is the URI's and is kept.
#[test]
fn a_parameter_within_the_brackets_of_a_contact_belongs_to_the_uri() {
    let text = "Contact: <sip:+19725552222@gw1.example.net;unknownparam>";
    let contact = only_contact(&register("cparam02.70710@saturn.example.com", text));
    assert!(contact.params.is_empty());
    let uri = contact.uri.as_sip().expect("a SIP URI");
    assert!(uri.params.has("unknownparam"));
    assert_eq!(
        contact.to_string(),
        "<sip:+19725552222@gw1.example.net;unknownparam>"
    );
}

/// RFC 4475 §3.3.14 (regescrt): the escaped Route is part of the contact's URI.
#[test]
fn headers_of_a_contacts_uri_are_kept() {
    let text = "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>";
    let contact = only_contact(&register("regescrt.k345asrl3fdbv@192.0.2.1", text));
    let uri = contact.uri.as_sip().expect("a SIP URI");
    let fields: Vec<_> = uri.header_fields().collect();
    assert_eq!(
        fields,
        [(HeaderName::Route, b"<sip:sip.example.com>".to_vec())]
    );
    assert!(
        contact
            .to_string()
            .contains("?Route=%3Csip:sip.example.com%3E")
    );
}

/// RFC 4475 §3.3.15 (sdp01): a phone that takes only another type of answer. It is answered 406,
/// which is tested with the calls.
#[test]
fn an_invite_says_what_bodies_its_answers_may_have() {
    let head = wire(&format!(
        "INVITE sip:user@example.com SIP/2.0
To: sip:j_user@example.com
Contact: <sip:caller@host15.example.net>
From: sip:caller@example.net;tag=234
Max-Forwards: 5
Call-ID: sdp01.ndaksdj9342dasdd
Accept: text/nobodyKnowsThis
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw
Content-Length: {}
Content-Type: application/sdp

",
        SDP.len()
    ));
    let request = request(&[&*head, SDP.as_bytes()].concat());
    assert_eq!(request.method, Method::Invite);
    assert!(!request.headers.accepts("application/sdp"));
    let found = session_description(&request.headers, &request.body);
    assert_eq!(found, Ok(Some(SDP.as_bytes())));
}

/// Other schemes in From and To say nothing about ours (§3.3.2 to §3.3.4), and a broken field that
/// nobody needs hurts nobody.
#[test]
fn an_address_of_an_unknown_scheme_is_kept_as_sent() {
    let bytes = crate::around(
        "OPTIONS sip:user@example.com SIP/2.0",
        "To: isbn:2983792873\nFrom: <http://www.example.com>;tag=3\nCSeq: 8 OPTIONS\nRoute: x",
    );
    let request = request(&bytes);
    let to = request.headers.to().expect("To");
    assert_eq!(to.uri, Uri::Other("isbn:2983792873".into()));
    assert_eq!(
        request.headers.addresses(&HeaderName::Route),
        Err(HeaderFault::Malformed(HeaderName::Route))
    );
}
