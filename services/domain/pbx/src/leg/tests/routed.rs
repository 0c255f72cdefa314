//! In-dialog requests to a trunk follow its route set and target (RFC 3261 §12.2.1.1, RFC 3263);
//! those to a phone its flow (pbx trap 10).

use super::super::EndCause;
use super::*;

const CONTACT: HeaderName = HeaderName::Contact;

/// A call of ours by a trunk that is up; what its answer says of Contact and Record-Route.
fn by_trunk(bench: &mut Bench, headers: &[(HeaderName, &str)]) -> (LegId, Remote) {
    let (leg, invite) = inviting(bench);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&reply(&callee, &invite, 200, headers));
    (leg, callee)
}

fn inviting(bench: &mut Bench) -> (LegId, Request) {
    let wanted = Outgoing {
        peer: Peer::Trunk("carrier".to_owned()),
        flow: public(),
        ..bench.wanted(None)
    };
    let leg = bench.command(|legs, core| legs.outgoing(core, wanted));
    (leg.expect("room"), bench.request(Method::Invite))
}

fn public() -> Flow {
    Flow {
        remote: address("192.0.2.1:5060"),
        ..flow()
    }
}

/// An answer with a description and no Contact but the one given.
fn reply(
    callee: &Remote,
    invite: &Request,
    status: u16,
    headers: &[(HeaderName, &str)],
) -> Vec<u8> {
    let bytes = callee.answer(invite, status, headers, &answer("8 101"));
    body(&bytes)
        .replace("Contact: <sip:200@10.0.0.2:5060>\r\n", "")
        .into_bytes()
}

fn hop(transport: Transport, remote: &str) -> Hop {
    Hop {
        transport,
        remote: address(remote),
        local: flow().local,
    }
}

/// The next request, and where it goes.
fn sent(bench: &mut Bench, method: Method) -> (SocketAddr, Request) {
    let to = bench.sent.front().expect("a message").0.remote;
    (to, bench.request(method))
}

#[test]
fn requests_to_a_trunk_go_where_its_contact_says() {
    let mut bench = Bench::new(profile());
    let (leg, _) = by_trunk(&mut bench, &[(CONTACT, "<sip:b@192.0.2.77:5070>")]);
    let (to, ack) = sent(&mut bench, Method::Ack);
    assert_eq!(to, address("192.0.2.77:5070"));
    assert_eq!(ack.uri.to_string(), "sip:b@192.0.2.77:5070");
    bench.hang_up(leg);
    let (to, _) = sent(&mut bench, Method::Bye);
    assert_eq!(to, address("192.0.2.77:5070"));
}

#[test]
fn requests_to_a_trunk_go_to_the_last_proxy_that_recorded_its_route() {
    let mut bench = Bench::new(profile());
    let (leg, _) = by_trunk(
        &mut bench,
        &[
            (CONTACT, "<sip:b@192.0.2.77>"),
            (HeaderName::RecordRoute, "<sip:192.0.2.9;lr>"),
            (HeaderName::RecordRoute, "<sip:192.0.2.8:5080;lr>"),
        ],
    );
    for method in [Method::Ack, Method::Bye] {
        if method == Method::Bye {
            bench.hang_up(leg);
        }
        let (to, request) = sent(&mut bench, method);
        assert_eq!(to, address("192.0.2.8:5080"));
        assert_eq!(request.uri.to_string(), "sip:b@192.0.2.77");
        let route: Vec<&[u8]> = request.headers.all(&HeaderName::Route).collect();
        let expected: [&[u8]; 2] = [b"<sip:192.0.2.8:5080;lr>", b"<sip:192.0.2.9;lr>"];
        assert_eq!(route, expected);
    }
}

#[test]
fn a_strict_router_is_the_request_uri_and_the_next_hop() {
    let mut bench = Bench::new(profile());
    by_trunk(
        &mut bench,
        &[
            (CONTACT, "<sip:b@192.0.2.77>"),
            (HeaderName::RecordRoute, "<sip:192.0.2.9;lr>"),
            (HeaderName::RecordRoute, "<sip:192.0.2.8>"),
        ],
    );
    let (to, ack) = sent(&mut bench, Method::Ack);
    assert_eq!(to, address("192.0.2.8:5060"));
    assert_eq!(ack.uri.to_string(), "sip:192.0.2.8");
    let route: Vec<&[u8]> = ack.headers.all(&HeaderName::Route).collect();
    let expected: [&[u8]; 2] = [b"<sip:192.0.2.9;lr>", b"<sip:b@192.0.2.77>"];
    assert_eq!(route, expected);
}

#[test]
fn what_needs_a_name_waits_for_it_and_the_next_request_does_not_ask_again() {
    let mut bench = Bench::new(profile());
    let (leg, invite) = inviting(&mut bench);
    let callee = Remote::callee(&invite, "b1");
    let ok = reply(&callee, &invite, 200, &[(CONTACT, "<sip:b@edge.example>")]);
    bench.receive(&ok);
    assert_eq!(bench.event(), LegEvent::Answered);
    bench.silent();
    bench.receive(&ok);
    bench.silent();
    assert_eq!(bench.questions.len(), 1, "asked once");
    assert_eq!(bench.questions[0].1.host, "edge.example");
    bench.resolve(&[hop(Transport::Udp, "192.0.2.50:5062")]);
    let (to, _) = sent(&mut bench, Method::Ack);
    assert_eq!(to, address("192.0.2.50:5062"));
    bench.silent();
    bench.receive(&ok);
    assert_eq!(sent(&mut bench, Method::Ack).0, address("192.0.2.50:5062"));
    bench.hang_up(leg);
    assert_eq!(sent(&mut bench, Method::Bye).0, address("192.0.2.50:5062"));
    assert!(bench.questions.is_empty());
}

#[test]
fn a_change_waits_for_the_way_too() {
    let mut bench = Bench::new(profile());
    let (leg, _) = by_trunk(&mut bench, &[(CONTACT, "<sip:b@edge.example>")]);
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    bench.wait(seconds(11));
    bench.silent();
    bench.resolve(&[hop(Transport::Udp, "192.0.2.50:5060")]);
    bench.request(Method::Ack);
    assert_eq!(
        sent(&mut bench, Method::Invite).0,
        address("192.0.2.50:5060")
    );
}

#[test]
fn a_name_that_leads_to_where_we_are_changes_nothing_and_one_that_leads_nowhere_too() {
    for hops in [
        vec![
            hop(Transport::Udp, "192.0.2.50:5060"),
            hop(Transport::Udp, "192.0.2.1:5060"),
        ],
        Vec::new(),
    ] {
        let mut bench = Bench::new(profile());
        let (leg, _) = by_trunk(&mut bench, &[(CONTACT, "<sip:b@edge.example>")]);
        bench.resolve(&hops);
        assert_eq!(sent(&mut bench, Method::Ack).0, public().remote);
        bench.hang_up(leg);
        assert_eq!(sent(&mut bench, Method::Bye).0, public().remote);
        assert!(bench.questions.is_empty());
    }
}

/// RFC 3263 §4.3.
#[test]
fn a_server_that_does_not_answer_is_followed_by_the_next_of_its_name() {
    let mut bench = Bench::new(profile());
    let (leg, callee) = by_trunk(&mut bench, &[(CONTACT, "<sip:b@edge.example>")]);
    bench.resolve(&[
        hop(Transport::Udp, "192.0.2.50:5060"),
        hop(Transport::Udp, "192.0.2.51:5060"),
    ]);
    bench.request(Method::Ack);
    bench.hang_up(leg);
    bench.wait(seconds(33));
    let last = bench.sent.pop_back().expect("a BYE");
    assert_eq!(last.0.remote, address("192.0.2.51:5060"));
    let Message::Request(bye) = last.1 else {
        panic!("a BYE")
    };
    bench.receive(&callee.answer(&bye, 200, &[], ""));
    bench.all_gone();
}

#[test]
fn an_address_within_the_house_of_a_carrier_behind_a_router_is_not_followed() {
    // pbx trap 1: by flow.
    for contact in [
        "<sip:b@192.168.1.5:5060>",
        "<sip:b@127.0.0.1>",
        "<sip:b@0.0.0.0>",
        "<sip:b@0.1.2.3>",
        "<sip:b@100.64.0.1>",
        "<sip:b@224.0.0.1>",
        "<sip:b@255.255.255.255>",
    ] {
        let mut bench = Bench::new(profile());
        by_trunk(&mut bench, &[(CONTACT, contact)]);
        assert_eq!(sent(&mut bench, Method::Ack).0, public().remote);
    }
}

#[test]
fn requests_to_a_phone_go_by_its_flow_whatever_its_contact_says() {
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let headers = [
        (CONTACT, "<sip:b@192.0.2.77:5070>"),
        (HeaderName::RecordRoute, "<sip:proxy.example;lr>"),
    ];
    bench.receive(&reply(&callee, &invite, 200, &headers));
    assert_eq!(sent(&mut bench, Method::Ack).0, flow().remote);
    bench.hang_up(leg);
    assert_eq!(sent(&mut bench, Method::Bye).0, flow().remote);
}

#[test]
fn a_request_by_another_proxy_of_the_carrier_is_taken_and_ours_go_on_by_the_route() {
    let mut bench = Bench::new(profile());
    let (leg, mut callee) = by_trunk(&mut bench, &[(CONTACT, "<sip:b@192.0.2.77>")]);
    bench.request(Method::Ack);
    let other = Flow {
        remote: address("198.51.100.4:5060"),
        ..flow()
    };
    let reinvite = body(&callee.request("INVITE", "", OFFER));
    let reinvite = reinvite.replace("<sip:100@10.0.0.2:5060>", "<sip:b@192.0.2.78>");
    bench.receive_by(other, reinvite.as_bytes());
    let (to, _) = (
        bench.sent.front().expect("a 200").0.remote,
        bench.response(200),
    );
    assert_eq!(to, other.remote, "the answer goes back as it came");
    bench.receive_by(other, &callee.ack(""));
    bench.hang_up(leg);
    assert_eq!(sent(&mut bench, Method::Bye).0, address("192.0.2.78:5060"));
}

#[test]
fn a_dialog_that_began_in_tls_goes_on_in_tls() {
    let mut bench = Bench::new(profile());
    let wanted = Outgoing {
        peer: Peer::Trunk("carrier".to_owned()),
        flow: Flow {
            transport: Transport::Tls,
            stream: Some(7),
            ..public()
        },
        ..bench.wanted(None)
    };
    bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    let invite = bench.request(Method::Invite);
    let callee = Remote::callee(&invite, "b1");
    let contact = [(CONTACT, "<sip:b@edge.example;transport=udp>")];
    bench.receive(&reply(&callee, &invite, 200, &contact));
    assert_eq!(bench.questions[0].1.transport, Some(Transport::Tls));
    assert!(bench.questions[0].1.secure);
    bench.resolve(&[
        hop(Transport::Udp, "192.0.2.50:5060"),
        hop(Transport::Tls, "192.0.2.51:5061"),
    ]);
    let connected = *bench.connects.last().expect("a connection");
    assert_eq!(connected.remote, address("192.0.2.51:5061"));
    assert_eq!(bench.sent.front().map(|(by, _)| *by), Some(connected));
}

#[test]
fn a_connection_to_a_trunk_that_is_lost_is_made_anew_and_not_for_ever() {
    let mut bench = Bench::new(profile());
    let contact = [(CONTACT, "<sip:b@192.0.2.77;transport=tcp>")];
    let (leg, _) = by_trunk(&mut bench, &contact);
    bench.request(Method::Ack);
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    bench.request(Method::Invite);
    for _ in 0..10 {
        let lost = *bench.connects.last().expect("a connection");
        bench.command(|legs, core| {
            core.connections.closed(lost);
            legs.flow_failed(core, lost);
            core.sip.handle(core.now, SipInput::FlowFailed(lost));
        });
    }
    assert!(bench.connects.len() <= 5, "{}", bench.connects.len());
    let ended = bench
        .events
        .iter()
        .any(|(_, event)| *event == LegEvent::Ended(EndCause::PeerLost));
    assert!(ended);
}

#[test]
fn each_early_dialog_has_its_own_way() {
    // RFC 3262: PRACK follows the route set of its own dialog.
    let mut bench = Bench::new(Profile {
        reliable: Use::Supported,
        ..profile()
    });
    let (_, invite) = inviting(&mut bench);
    for (tag, host) in [("b1", "192.0.2.71"), ("b2", "192.0.2.72")] {
        let callee = Remote::callee(&invite, tag);
        let contact = format!("<sip:b@{host}>");
        let headers = [
            (CONTACT, contact.as_str()),
            (HeaderName::Require, "100rel"),
            (HeaderName::RSeq, "1"),
        ];
        bench.receive(&reply(&callee, &invite, 183, &headers));
        let (to, _) = sent(&mut bench, Method::Prack);
        assert_eq!(to.ip().to_string(), host);
    }
    // One wins; the other is acknowledged and hung up where it is.
    let winner = Remote::callee(&invite, "b1");
    bench.receive(&reply(
        &winner,
        &invite,
        200,
        &[(CONTACT, "<sip:b@192.0.2.71>")],
    ));
    assert_eq!(
        sent(&mut bench, Method::Ack).0.ip().to_string(),
        "192.0.2.71"
    );
    let late = Remote::callee(&invite, "b2");
    bench.receive(&reply(
        &late,
        &invite,
        200,
        &[(CONTACT, "<sip:b@192.0.2.72>")],
    ));
    assert_eq!(
        sent(&mut bench, Method::Ack).0.ip().to_string(),
        "192.0.2.72"
    );
    assert_eq!(
        sent(&mut bench, Method::Bye).0.ip().to_string(),
        "192.0.2.72"
    );
}

#[test]
fn after_a_restart_a_trunk_is_reached_by_its_route_too() {
    let mut bench = Bench::new(profile());
    let route = [
        (CONTACT, "<sip:b@192.0.2.77>"),
        (HeaderName::RecordRoute, "<sip:edge.example;lr>"),
    ];
    let (leg, _) = by_trunk(&mut bench, &route);
    let row = saved(&bench, leg).expect("confirmed");
    let mut next = Bench::new(profile());
    next.command(|legs, core| legs.restore(core, row));
    next.hang_up(leg);
    next.silent();
    assert_eq!(next.questions[0].1.host, "edge.example");
    next.resolve(&[hop(Transport::Udp, "192.0.2.60:5060")]);
    let (to, bye) = sent(&mut next, Method::Bye);
    assert_eq!(to, address("192.0.2.60:5060"));
    assert_eq!(bye.uri.to_string(), "sip:b@192.0.2.77");
    assert_eq!(
        text(&bye.headers, &HeaderName::Route),
        "<sip:edge.example;lr>"
    );
}

/// Whoever can write a name into a Contact can let it lead anywhere.
#[test]
fn a_name_that_leads_into_a_house_is_not_followed() {
    for inside in [
        "127.0.0.1:8080",
        "192.168.1.1:5060",
        "169.254.1.1:5060",
        "100.64.0.1:5060",
    ] {
        let mut bench = Bench::new(profile());
        let contact = [(CONTACT, "<sip:b@a.example:8080;transport=tcp>")];
        by_trunk(&mut bench, &contact);
        bench.resolve(&[hop(Transport::Tcp, inside)]);
        assert!(bench.connects.is_empty(), "{inside}");
        assert_eq!(sent(&mut bench, Method::Ack).0, public().remote);
    }
}

/// A datagram may have any sender: until somebody acknowledges our answer nobody is there.
#[test]
fn the_contact_of_a_caller_by_trunk_is_not_followed_before_his_ack() {
    for acknowledged in [false, true] {
        let mut bench = Bench::new(profile());
        let mut caller = Remote::caller();
        let invite = body(&caller.invite("", OFFER));
        let invite = invite.replace("<sip:100@10.0.0.2:5060>", "<sip:x@192.0.2.66:8080>");
        bench.receive_by(public(), invite.as_bytes());
        let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
        let peer = Peer::Trunk("carrier".to_owned());
        let leg = bench
            .command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile()))
            .expect("let in");
        bench.response(100);
        caller.ours = leg.tag();
        bench.command(|legs, core| legs.answer(core, leg, &[]));
        bench.response(200);
        if acknowledged {
            bench.receive_by(public(), &caller.ack(""));
            bench.hang_up(leg);
        } else {
            bench.wait(seconds(32));
            bench
                .sent
                .retain(|(_, message)| matches!(message, Message::Request(_)));
        }
        let expected = match acknowledged {
            true => address("192.0.2.66:8080"),
            false => public().remote,
        };
        assert_eq!(sent(&mut bench, Method::Bye).0, expected);
    }
}

/// A digest is something to guess a password by: it is for the carrier, not for who was called.
#[test]
fn the_password_of_a_trunk_goes_to_no_host_that_only_the_called_party_names() {
    let proxy = (HeaderName::RecordRoute, "<sip:192.0.2.1;lr>");
    let stranger = (HeaderName::RecordRoute, "<sip:192.0.2.9;lr>");
    let strict = (
        HeaderName::RecordRoute,
        "<sip:192.0.2.1;lr>, <sip:192.0.2.9>",
    );
    for (contact, route, signs) in [
        ("<sip:b@192.0.2.66>", None, false),
        ("<sip:b@192.0.2.1>", None, true),
        ("<sip:b@192.0.2.66>", Some(proxy), true),
        ("<sip:b@192.0.2.1>", Some(stranger), false),
        ("<sip:b@192.0.2.1>", Some(strict), false),
    ] {
        let mut bench = Bench::new(profile());
        let login = Login {
            user: "login".to_owned(),
            password: ipc::Redacted::new("geheim".to_owned()),
            realm: None,
        };
        let wanted = Outgoing {
            peer: Peer::Trunk("carrier".to_owned()),
            flow: public(),
            ..bench.wanted(Some(login))
        };
        let leg = bench.command(|legs, core| legs.outgoing(core, wanted));
        let leg = leg.expect("room");
        let first = bench.request(Method::Invite);
        let callee = Remote::callee(&first, "b1");
        let asks = "Digest realm=\"carrier\", nonce=\"n\", qop=\"auth\"";
        let challenge = [(HeaderName::ProxyAuthenticate, asks)];
        bench.receive(&callee.answer(&first, 407, &challenge, ""));
        bench.request(Method::Ack);
        let invite = bench.request(Method::Invite);
        let field = HeaderName::ProxyAuthorization;
        assert!(invite.headers.first(&field).is_some());
        let headers: Vec<(HeaderName, &str)> = [(CONTACT, contact)]
            .into_iter()
            .chain(route.clone())
            .collect();
        bench.receive(&reply(&callee, &invite, 200, &headers));
        let ack = bench.request(Method::Ack);
        assert_eq!(
            ack.headers.first(&field).is_some(),
            signs,
            "{contact} {route:?}"
        );
        bench.hang_up(leg);
        let bye = bench.request(Method::Bye);
        assert_eq!(
            bye.headers.first(&field).is_some(),
            signs,
            "{contact} {route:?}"
        );
        let chosen = asks.replace("\"n\"", "\"mine\"");
        let other = [(HeaderName::ProxyAuthenticate, chosen.as_str())];
        bench.receive(&callee.answer(&bye, 407, &other, ""));
        assert_eq!(
            bench.sent.is_empty(),
            !signs,
            "a chosen nonce is answered for no stranger"
        );
    }
}

/// Every phone of a group behind a carrier may have a name of its own.
#[test]
fn nothing_that_waits_for_a_name_is_lost_to_another_name() {
    let mut bench = Bench::new(Profile {
        reliable: Use::Supported,
        ..profile()
    });
    let (_, invite) = inviting(&mut bench);
    for number in 0..8 {
        let callee = Remote::callee(&invite, &format!("b{number}"));
        let contact = format!("<sip:b@phone-{number}.example>");
        let headers = [
            (CONTACT, contact.as_str()),
            (HeaderName::Require, "100rel"),
            (HeaderName::RSeq, "1"),
        ];
        bench.receive(&reply(&callee, &invite, 183, &headers));
    }
    assert!(bench.questions.len() <= 4, "bounded");
    while !bench.questions.is_empty() {
        bench.resolve(&[hop(Transport::Udp, "192.0.2.50:5060")]);
    }
    let pracks = bench.sent.iter().filter(|(_, message)| {
        matches!(message, Message::Request(request) if request.method == Method::Prack)
    });
    assert_eq!(pracks.count(), 8);
}
