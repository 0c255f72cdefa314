//! Ways that are lost, long requests, and a restarted `media` (pbx traps 10 and 12).

use super::super::EndCause;
use super::*;

fn by_stream(stream: u64) -> Flow {
    Flow {
        transport: Transport::Tcp,
        stream: Some(stream),
        ..flow()
    }
}

fn close(bench: &mut Bench, flow: Flow) {
    bench.command(|legs, core| {
        legs.flow_failed(core, flow);
        let now = core.now;
        core.sip.handle(now, SipInput::FlowFailed(flow));
    });
}

/// A call by TCP that is up.
fn answered_by_tcp(bench: &mut Bench) -> (LegId, Remote) {
    let mut caller = Remote::caller();
    bench.receive_by(by_stream(5), &caller.invite("", OFFER));
    let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
    let peer = Peer::Extension("100".to_owned());
    let leg = bench
        .command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile()))
        .expect("let in");
    bench.response(100);
    caller.ours = leg.tag();
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.receive_by(by_stream(5), &caller.ack(""));
    assert_eq!(bench.event(), LegEvent::Acknowledged);
    (leg, caller)
}

#[test]
fn a_bye_finds_the_peer_by_a_new_connection() {
    let mut bench = Bench::new(profile());
    let (leg, _) = answered_by_tcp(&mut bench);
    close(&mut bench, by_stream(5));
    assert!(
        bench.legs.is_confirmed(leg),
        "a lost connection ends no call"
    );
    bench.hang_up(leg);
    let connected = *bench.connects.last().expect("a connection");
    assert_eq!(connected.remote, address("10.0.0.2:5060"));
    let (by, _) = bench.sent.front().expect("a BYE");
    assert_eq!(*by, connected);
}

#[test]
fn a_peer_that_comes_back_by_another_connection_is_answered_there() {
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = answered_by_tcp(&mut bench);
    close(&mut bench, by_stream(5));
    bench.receive_by(by_stream(6), &caller.request("OPTIONS", "", ""));
    bench.response(200);
    bench.hang_up(leg);
    let (by, _) = bench.sent.front().expect("a BYE");
    assert_eq!(*by, by_stream(6));
    assert!(bench.connects.is_empty());
}

#[test]
fn a_request_that_was_under_way_is_sent_again() {
    let mut bench = Bench::new(profile());
    let (leg, _) = answered_by_tcp(&mut bench);
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let first = bench.request(Method::Invite);
    close(&mut bench, by_stream(5));
    let again = bench.request(Method::Invite);
    assert_eq!(first.body, again.body);
    assert_ne!(first.headers.via(), again.headers.via());
    // And when that connection fails too, the peer is lost.
    for _ in 0..3 {
        let Some(flow) = bench.connects.last().copied() else {
            break;
        };
        close(&mut bench, flow);
    }
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerLost));
    bench.all_gone();
}

#[test]
fn a_caller_whose_connection_closes_has_taken_his_call_back() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    bench.receive_by(by_stream(5), &caller.invite("", OFFER));
    let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
    let peer = Peer::Extension("100".to_owned());
    bench
        .command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile()))
        .expect("let in");
    close(&mut bench, by_stream(5));
    assert_eq!(bench.event(), LegEvent::Cancelled);
    bench.all_gone();
}

#[test]
fn a_phone_that_cannot_be_reached_is_503() {
    let mut bench = Bench::new(profile());
    let wanted = Outgoing {
        flow: by_stream(5),
        target: Uri::parse(b"sip:200@phone.example").expect("a URI"),
        ..bench.wanted(None)
    };
    bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    bench.request(Method::Invite);
    close(&mut bench, by_stream(5));
    assert!(matches!(bench.event(), LegEvent::Failed { status, .. } if status.code() == 503));
    bench.all_gone();
}

fn long(bench: &Bench) -> Outgoing {
    let identity = format!("\"{}\" <sip:1@h>", "x".repeat(900));
    Outgoing {
        headers: vec![(HeaderName::PAssertedIdentity, identity)],
        ..bench.wanted(None)
    }
}

#[test]
fn an_everyday_invite_fits_a_datagram() {
    // pbx trap 12: five codecs, keys beside plain RTP, a timer, and reliable responses.
    let mut bench = Bench::new(Profile {
        srtp: Encryption::Optional,
        reliable: Use::Supported,
        timer: Use::Supported,
        ..profile()
    });
    let mut opus = codec("OPUS", 111);
    opus.parameters = "useinbandfec=1;minptime=10".to_owned();
    let wanted = Outgoing {
        codecs: vec![opus, codec("G722", 9), codec("PCMA", 8), codec("PCMU", 0)],
        ..bench.wanted(None)
    };
    bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    let invite = bench.request(Method::Invite);
    assert!(invite.wire_length() <= 1300, "{}", invite.wire_length());
    assert!(bench.connects.is_empty());
}

#[test]
fn a_long_request_goes_by_a_connection() {
    // RFC 3261 §18.1.1; pbx trap 12.
    let mut bench = Bench::new(profile());
    let wanted = long(&bench);
    bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    let connected = *bench.connects.first().expect("a connection");
    let (by, _) = bench.sent.front().expect("an INVITE");
    assert_eq!(*by, connected);
    let invite = bench.request(Method::Invite);
    let callee = Remote::callee(&invite, "b1");
    bench.receive_by(connected, &callee.answer(&invite, 180, &[], ""));
    bench.wait(seconds(10));
    bench.silent();
    assert!(matches!(bench.event(), LegEvent::Progress { .. }));
}

#[test]
fn a_long_request_goes_as_a_datagram_where_no_connection_is_taken() {
    // RFC 3261 §18.1.1: refused, or simply never answered, as behind a router.
    for refused in [true, false] {
        let mut bench = Bench::new(profile());
        let wanted = long(&bench);
        bench
            .command(|legs, core| legs.outgoing(core, wanted))
            .expect("room");
        let first = bench.request(Method::Invite);
        let connected = *bench.connects.first().expect("a connection");
        if refused {
            close(&mut bench, connected);
        } else {
            bench.wait(seconds(2));
        }
        let (by, _) = bench.sent.front().expect("an INVITE");
        assert_eq!(*by, flow());
        let again = bench.request(Method::Invite);
        assert_eq!(again.headers.cseq(), first.headers.cseq());
        // Next time it is not asked.
        let wanted = long(&bench);
        bench
            .command(|legs, core| legs.outgoing(core, wanted))
            .expect("room");
        bench.request(Method::Invite);
        assert_eq!(bench.connects.len(), 1);
    }
}

#[test]
fn an_endpoint_that_came_back_on_another_port_is_told_to_the_peer() {
    // The way to `media` tells a restarted one what it had; only the port may be another.
    let mut bench = Bench::new(profile());
    let (leg, _) = bench.answered("");
    let same = Reply::Opened { port: 20_000 };
    bench.command(|legs, core| legs.sound(core, leg.0, &same));
    bench.silent();
    assert!(bench.events.is_empty());
    bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Opened { port: 32_000 }));
    let invite = bench.request(Method::Invite);
    assert!(body(&invite.body).contains("m=audio 32000 "));
    assert_eq!(bench.event(), LegEvent::MediaRestored);
}

#[test]
fn an_unknown_endpoint_is_opened_again_and_another_port_told_to_the_peer() {
    let mut bench = Bench::new(profile());
    let (leg, _) = bench.answered("");
    bench.mute = true;
    bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Unknown));
    assert!(matches!(
        bench.sound.last(),
        Some(SoundRequest::Open { .. })
    ));
    let reason = String::new();
    bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Failed { reason }));
    bench.wait(Duration::from_millis(300));
    assert!(
        matches!(bench.sound.last(), Some(SoundRequest::Open { .. })),
        "asked again"
    );
    bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Opened { port: 31_000 }));
    let invite = bench.request(Method::Invite);
    assert!(body(&invite.body).contains("m=audio 31000 "));
}

/// A description with the keys of the media must not follow in the clear (RFC 4568 §7).
#[test]
fn who_came_by_tls_is_never_reached_in_the_clear_whatever_his_contact_says() {
    let by_tls = Flow {
        transport: Transport::Tls,
        stream: Some(5),
        ..flow()
    };
    for asked in ["udp", "tcp"] {
        let mut bench = Bench::new(profile());
        let mut caller = Remote::caller();
        let invite = body(&caller.invite("", OFFER));
        let contact = format!("10.0.0.2:5060;transport={asked}>");
        let invite = invite.replace("10.0.0.2:5060>", &contact);
        bench.receive_by(by_tls, invite.as_bytes());
        let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
        let peer = Peer::Extension("100".to_owned());
        let leg = bench
            .command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile()))
            .expect("let in");
        bench.response(100);
        caller.ours = leg.tag();
        bench.command(|legs, core| legs.answer(core, leg, &[]));
        bench.response(200);
        bench.receive_by(by_tls, &caller.ack(""));
        close(&mut bench, by_tls);
        bench.hang_up(leg);
        let connected = bench.connects.last().expect("a connection");
        assert_eq!(connected.transport, Transport::Tls, "{asked}");
    }
}
