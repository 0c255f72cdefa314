//! The messages of RFC 5118 §4: everything an IPv6 address can do to a SIP message.

use std::net::{IpAddr, SocketAddr};

use sdp::Session;
use sip::body::session_description;
use sip::{Request, StatusCode, Uri};

use crate::{check_answered, request, wire};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn message(method: &str, uri: &str, fields: &str) -> Vec<u8> {
    wire(&format!(
        "{method} {uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 98176 {method}
{fields}
Content-Length: 0

"
    ))
}

const VIA: &str = "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Contact: \"Caller\" <sip:caller@[2001:db8::1]>";

fn host_and_port(uri: &Uri) -> (Option<IpAddr>, Option<u16>) {
    let uri = uri.as_sip().expect("a SIP URI");
    (uri.host.ip(), uri.port)
}

/// RFC 5118 §4.1 (ipv6-good).
#[test]
fn references_are_read_wherever_a_host_may_stand() {
    let request = request(&message("REGISTER", "sip:[2001:db8::10]", VIA));
    assert_eq!(
        host_and_port(&request.uri),
        (Some(ip("2001:db8::10")), None)
    );
    let via = request.headers.via().expect("Via");
    assert_eq!((via.host.ip(), via.port), (Some(ip("2001:db8::9:1")), None));
    let contacts = request.headers.addresses(&sip::HeaderName::Contact);
    let contacts = contacts.expect("legible");
    assert_eq!(
        contacts[0].uri.host().and_then(sip::Host::ip),
        Some(ip("2001:db8::1"))
    );
}

/// RFC 5118 §4.2 (ipv6-bad): 400.
#[test]
fn an_address_without_brackets_is_answered_400() {
    let bytes = message("REGISTER", "sip:2001:db8::10", VIA);
    check_answered(&bytes, StatusCode::BAD_REQUEST);
}

/// RFC 5118 §4.3 (port-ambiguous) and §4.4 (port-unambiguous).
#[test]
fn only_what_stands_behind_the_brackets_is_a_port() {
    let inside = request(&message("REGISTER", "sip:[2001:db8::10:5070]", VIA));
    assert_eq!(
        host_and_port(&inside.uri),
        (Some(ip("2001:db8::10:5070")), None)
    );
    let behind = request(&message("REGISTER", "sip:[2001:db8::10]:5070", VIA));
    assert_eq!(
        host_and_port(&behind.uri),
        (Some(ip("2001:db8::10")), Some(5070))
    );
}

/// RFC 5118 §4.5 (via-received-param-with-delim, via-received-param-no-delim).
#[test]
fn received_is_read_with_and_without_brackets_and_written_without() {
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let via = format!("Via: SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3");
        let mut request = request(&message("BYE", "sip:[2001:db8::10]", &via));
        let read = request.headers.via().expect("Via");
        assert_eq!(read.received(), Some(ip("2001:db8::9:255")));
        let source: SocketAddr = "[2001:db8::7]:5070".parse().expect("an address");
        request.headers.stamp_source(source);
        let written = request.headers.via().expect("Via");
        assert_eq!(written.params.get("received"), Some("2001:db8::7"));
    }
}

fn description(request: &Request) -> Session {
    let body = session_description(&request.headers, &request.body);
    Session::parse(body.expect("taken").expect("there")).expect("legible")
}

fn invite(via: &str, body: &str) -> Request {
    let body = body.replace('\n', "\r\n");
    let head = wire(&format!(
        "INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
{via}
Call-ID: SSG9559905523997077@hlau_4100
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: {}

",
        body.len()
    ));
    request(&[&*head, body.as_bytes()].concat())
}

/// RFC 5118 §4.6 (ipv6-in-sdp).
#[test]
fn a_description_has_its_addresses_without_brackets() {
    let request = invite(
        "Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111",
        "v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
",
    );
    let session = description(&request);
    assert_eq!(
        session.address_of(&session.media[0]),
        Some(ip("2001:db8::20"))
    );
}

/// RFC 5118 §4.7 (mult-ip-in-header).
#[test]
fn hops_of_both_families_stand_in_one_message() {
    let request = request(&message(
        "BYE",
        "sip:user@host.example.net",
        "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
    ));
    let vias = request.headers.vias().expect("Vias");
    let hosts: Vec<_> = vias.iter().map(|via| via.host.ip()).collect();
    let expected = ["2001:db8::9:1", "192.0.2.1", "2001:db8::9:255"];
    assert_eq!(hosts, expected.map(|text| Some(ip(text))));
    assert_eq!(vias[0].port, Some(6050));
    assert_eq!(vias[2].received(), Some(ip("192.0.2.200")));
}

/// RFC 5118 §4.8 (mult-ip-in-sdp).
#[test]
fn media_of_both_families_stand_in_one_description() {
    let request = invite(
        "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111",
        "v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1
a=rtpmap:107 H263-1998/90000
",
    );
    let session = description(&request);
    assert_eq!(session.address_of(&session.media[0]), Some(ip("192.0.2.1")));
    assert_eq!(
        session.address_of(&session.media[1]),
        Some(ip("2001:db8::1"))
    );
}

/// RFC 5118 §4.9 (ipv4-mapped-ipv6).
#[test]
fn ipv4_mapped_addresses_are_read() {
    let request = invite(
        "Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Contact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>",
        "v=0
o=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2
s=Call me soon, please!
c=IN IP6 ::ffff:192.0.2.2
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
",
    );
    let vias = request.headers.vias().expect("Vias");
    assert_eq!(vias[0].host.ip(), Some(ip("::ffff:192.0.2.10")));
    assert_eq!(vias[0].port, Some(19823));
    let session = description(&request);
    assert_eq!(
        session.address_of(&session.media[0]),
        Some(ip("::ffff:192.0.2.2"))
    );
}

/// RFC 5118 §4.10 (ipv6-bug-abnf-3-colons, ipv6-correct-abnf-2-colons): what the faulty grammar of
/// RFC 3261 allowed is read, and never written.
#[test]
fn three_colons_before_an_ipv4_tail_are_read_as_two() {
    for host in ["[2001:db8:::192.0.2.1]", "[2001:db8::192.0.2.1]"] {
        let via = "Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111";
        let request = request(&message("OPTIONS", &format!("sip:user@{host}"), via));
        assert_eq!(
            host_and_port(&request.uri),
            (Some(ip("2001:db8::192.0.2.1")), None)
        );
        assert_eq!(request.uri.to_string(), "sip:user@[2001:db8::192.0.2.1]");
    }
    assert!(Uri::parse(b"sip:user@[2001:db8:::1:::2]").is_err());
}
