//! Calls of ours: forks, the CANCEL/200 race, refusals, routes.

use super::super::EndCause;
use super::*;

#[test]
fn a_call_rings_is_answered_and_hung_up() {
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    assert_eq!(text(&invite.headers, &HeaderName::MaxForwards), "69");
    let offer = body(&invite.body);
    assert!(
        offer.contains("m=audio 20000 RTP/AVP 8 0 101\r\n"),
        "{offer}"
    );
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 100, &[], ""));
    bench.receive(&callee.answer(&invite, 180, &[], ""));
    let ringing = LegEvent::Progress {
        status: StatusCode::RINGING,
        early: false,
    };
    assert_eq!(bench.event(), ringing);
    bench.receive(&callee.answer(&invite, 200, &[], &answer("0 101")));
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.uri.to_string(), "sip:200@10.0.0.2:5060");
    assert_eq!(bench.event(), LegEvent::Answered);
    assert_eq!(bench.agreed().send, [codec("PCMU", 0)]);
    bench.hang_up(leg);
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.to().expect("To").tag(), Some("b1"));
    bench.receive(&callee.answer(&bye, 200, &[], ""));
    assert!(matches!(bench.event(), LegEvent::Closed(_)));
    bench.all_gone();
}

#[test]
fn a_repeated_200_is_acknowledged_again() {
    // RFC 3261 §13.2.2.4; pbx trap 3.
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let ok = callee.answer(&invite, 200, &[], &answer("8"));
    bench.receive(&ok);
    let first = bench.request(Method::Ack);
    bench.receive(&ok);
    let second = bench.request(Method::Ack);
    assert_eq!(
        first.headers.first(&HeaderName::CSeq),
        second.headers.first(&HeaderName::CSeq)
    );
    assert_ne!(
        first.headers.via(),
        second.headers.via(),
        "a branch of its own"
    );
    assert_eq!(bench.events.len(), 1, "answered once");
}

#[test]
fn early_dialogs_are_kept_apart_and_losers_hung_up() {
    // RFC 3261 §12.1 and §13.2.2.4; pbx trap 5.
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let (one, two) = (Remote::callee(&invite, "b1"), Remote::callee(&invite, "b2"));
    let mut other = answer("0 101");
    other = other.replace("10.0.0.2", "10.0.0.3");
    bench.receive(&one.answer(&invite, 183, &[], &answer("8 101")));
    assert_eq!(bench.agreed().remote, Some(address("10.0.0.2:4000")));
    bench.receive(&two.answer(&invite, 183, &[], &other));
    assert_eq!(bench.agreed().remote, Some(address("10.0.0.3:4000")));
    let early = LegEvent::Progress {
        status: StatusCode::SESSION_PROGRESS,
        early: true,
    };
    assert_eq!(bench.event(), early);
    assert_eq!(bench.event(), early);
    bench.receive(&one.answer(&invite, 200, &[], &answer("8 101")));
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.headers.to().expect("To").tag(), Some("b1"));
    assert_eq!(bench.agreed().remote, Some(address("10.0.0.2:4000")));
    assert_eq!(bench.event(), LegEvent::Answered);
    bench.receive(&two.answer(&invite, 200, &[], &other));
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.headers.to().expect("To").tag(), Some("b2"));
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.to().expect("To").tag(), Some("b2"));
    assert!(bench.events.is_empty(), "the winner is not touched");
    bench.hang_up(leg);
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.to().expect("To").tag(), Some("b1"));
}

#[test]
fn a_180_after_a_183_keeps_early_media() {
    // pbx trap 19.
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 183, &[], &answer("8")));
    bench.receive(&callee.answer(&invite, 180, &[], ""));
    bench.event();
    let still = LegEvent::Progress {
        status: StatusCode::RINGING,
        early: true,
    };
    assert_eq!(bench.event(), still);
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    // RFC 3261 §9.1; pbx trap 4.
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let how = HangUp {
        status: StatusCode::BUSY_HERE,
        reason: Some("SIP;cause=200;text=\"Call completed elsewhere\""),
        headers: Vec::new(),
    };
    bench.command(|legs, core| legs.hang_up(core, leg, how));
    bench.silent();
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 180, &[], ""));
    let cancel = bench.request(Method::Cancel);
    assert!(cancel.headers.completed_elsewhere());
    bench.receive(&callee.answer(&cancel, 200, &[], ""));
    bench.receive(&callee.answer(&invite, 487, &[], ""));
    bench.request(Method::Ack);
    assert!(matches!(bench.event(), LegEvent::Closed(_)));
    assert!(bench.events.is_empty());
    bench.all_gone();
}

#[test]
fn a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up() {
    // pbx trap 4.
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 180, &[], ""));
    bench.hang_up(leg);
    let cancel = bench.request(Method::Cancel);
    bench.receive(&callee.answer(&invite, 200, &[], &answer("8")));
    let ack = bench.request(Method::Ack);
    let bye = bench.request(Method::Bye);
    assert!(bye.headers.cseq().expect("CSeq").number > ack.headers.cseq().expect("CSeq").number);
    bench.receive(&callee.answer(&cancel, 200, &[], ""));
    bench.receive(&callee.answer(&bye, 200, &[], ""));
    bench.all_gone();
}

#[test]
fn a_phone_that_never_answers_the_cancel_is_forgotten() {
    // pbx trap 4: 64*T1.
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 180, &[], ""));
    bench.hang_up(leg);
    bench.all_gone();
}

#[test]
fn a_refusal_says_why_and_where_else() {
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let later = [(HeaderName::RetryAfter, "30 (lunch)")];
    bench.receive(&callee.answer(&invite, 503, &later, ""));
    bench.request(Method::Ack);
    let failed = LegEvent::Failed {
        status: StatusCode::SERVICE_UNAVAILABLE,
        retry_after: Some(seconds(30)),
        moved: Vec::new(),
    };
    assert_eq!(bench.event(), failed);
    bench.event();
    bench.all_gone();

    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 302, &[], ""));
    bench.request(Method::Ack);
    let LegEvent::Failed { moved, .. } = bench.event() else {
        panic!("it failed");
    };
    assert_eq!(moved.len(), 1);
}

#[test]
fn a_peer_that_says_nothing_is_408() {
    let mut bench = Bench::new(profile());
    bench.outgoing(None);
    bench.wait(seconds(33));
    let LegEvent::Failed { status, .. } = bench.event() else {
        panic!("it failed");
    };
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    bench.all_gone();
}

#[test]
fn an_answer_without_a_codec_of_ours_is_hung_up() {
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 200, &[], &answer("18")));
    bench.request(Method::Ack);
    bench.request(Method::Bye);
    let LegEvent::Failed { status, .. } = bench.event() else {
        panic!("it failed");
    };
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE_HERE);
    bench.all_gone();
}

#[test]
fn the_route_of_the_answer_is_reversed_and_then_frozen() {
    // RFC 3261 §12.1.2 and §12.2.1.1; pbx trap 10.
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let routes = [
        (HeaderName::RecordRoute, "<sip:p2;lr>"),
        (HeaderName::RecordRoute, "<sip:p1;lr>"),
    ];
    bench.receive(&callee.answer(&invite, 200, &routes, &answer("8")));
    let ack = bench.request(Method::Ack);
    let hops: Vec<String> = ack.headers.all(&HeaderName::Route).map(body).collect();
    assert_eq!(hops, ["<sip:p1;lr>", "<sip:p2;lr>"]);
    bench.hang_up(leg);
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.all(&HeaderName::Route).count(), 2);
}

#[test]
fn a_strict_router_gets_its_own_uri() {
    // RFC 3261 §12.2.1.1; pbx trap 10.
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let strict = [(HeaderName::RecordRoute, "<sip:strict.example>")];
    bench.receive(&callee.answer(&invite, 200, &strict, &answer("8")));
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.uri.to_string(), "sip:strict.example");
    assert_eq!(
        text(&ack.headers, &HeaderName::Route),
        "<sip:200@10.0.0.2:5060>"
    );
}

#[test]
fn no_port_no_call() {
    let mut bench = Bench::new(profile());
    bench.mute = true;
    let wanted = bench.wanted(None);
    let leg = bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    bench.silent();
    let reason = String::new();
    bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Failed { reason }));
    bench.silent();
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::NoMedia));
    bench.all_gone();
}

#[test]
fn a_digit_goes_as_the_peer_takes_it() {
    let mut bench = Bench::new(profile());
    let (leg, _) = bench.called(&[]);
    bench.command(|legs, core| legs.send_digit(core, leg, '5', 100));
    bench.silent();
    assert!(matches!(bench.sound.last(), Some(SoundRequest::Dial { digits, .. }) if digits == "5"));

    let mut bench = Bench::new(Profile {
        dtmf: DtmfMode::Info,
        ..profile()
    });
    let (leg, invite) = bench.outgoing(None);
    assert!(!body(&invite.body).contains("telephone-event"));
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 200, &[], &answer("8")));
    bench.request(Method::Ack);
    assert!(bench.legs.takes_info(leg));
    bench.command(|legs, core| legs.send_digit(core, leg, '5', 100));
    let info = bench.request(Method::Info);
    assert_eq!(body(&info.body), "Signal=5\r\nDuration=100\r\n");
}
