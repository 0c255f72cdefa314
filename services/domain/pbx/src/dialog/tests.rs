use std::net::SocketAddr;

use super::*;

fn flow() -> Flow {
    let local = SocketAddr::from(([10, 0, 0, 1], 5060));
    let remote = SocketAddr::from(([198, 51, 100, 7], 40_000));
    Flow {
        transport: Transport::Tcp,
        local,
        remote,
        stream: Some(1),
    }
}

fn invite(routes: &str) -> Request {
    let text = format!(
        "INVITE sip:101@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.9.9.9;branch=z9hG4bK1\r\n\
         {routes}From: <sip:100@a>;tag=theirs\r\nTo: <sip:101@a>\r\nCall-ID: c\r\n\
         CSeq: 7 INVITE\r\nContact: <sip:100@10.9.9.9>\r\nContent-Length: 0\r\n\r\n"
    );
    match sip::parse_datagram(text.as_bytes()) {
        Ok(sip::Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_carry_the_contact_as_written_and_go_by_the_flow() {
    let mut dialog = Dialog::answering(&invite(""), flow(), "ours", 20).expect("valid");
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:100@10.9.9.9");
    assert_eq!(bye.headers.text(&HeaderName::CSeq), Some("21 BYE"));
    assert_eq!(
        bye.headers.text(&HeaderName::From),
        Some("<sip:101@a>;tag=ours")
    );
    assert_eq!(
        bye.headers.text(&HeaderName::To),
        Some("<sip:100@a>;tag=theirs")
    );
    assert_eq!(dialog.contact(), "<sip:10.0.0.1:5060;transport=tcp>");
    assert_eq!(dialog.flow, flow());
}

#[test]
fn header_fields_and_method_of_a_contact_have_no_place_in_a_request_uri() {
    // RFC 3261 §19.1.1, table 1: whoever gets such a request refuses it with 400.
    let contact = "<sip:100@10.9.9.9;method=INVITE;ob?Replaces=x%3Bto-tag%3Da>";
    let mut request = invite("");
    request.headers.remove(&HeaderName::Contact);
    request.headers.push(HeaderName::Contact, contact);
    let mut dialog = Dialog::answering(&request, flow(), "ours", 20).expect("valid");
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:100@10.9.9.9;ob");
}

#[test]
fn a_route_of_loose_routers_is_followed_in_order() {
    let routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n";
    let mut dialog = Dialog::answering(&invite(routes), flow(), "ours", 0).expect("valid");
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:100@10.9.9.9");
    let hops: Vec<_> = bye.headers.values(&HeaderName::Route).collect();
    assert_eq!(hops, [&b"<sip:p1;lr>"[..], b"<sip:p2;lr>"]);
}

#[test]
fn a_strict_router_gets_its_own_uri() {
    let routes = "Record-Route: <sip:p1>, <sip:p2;lr>\r\n";
    let mut dialog = Dialog::answering(&invite(routes), flow(), "ours", 0).expect("valid");
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:p1");
    let hops: Vec<_> = bye.headers.values(&HeaderName::Route).collect();
    assert_eq!(hops, [&b"<sip:p2;lr>"[..], b"<sip:100@10.9.9.9>"]);
}
