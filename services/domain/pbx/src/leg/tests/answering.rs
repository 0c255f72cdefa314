//! Calls to us: answer, refusal, CANCEL, lost ACK, late offer, early BYE.

use super::super::EndCause;
use super::*;

#[test]
fn a_call_is_answered_talked_and_hung_up_by_the_peer() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    assert_eq!(bench.legs.offered(leg).len(), 2);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let ringing = bench.response(180);
    assert!(ringing.body.is_empty());
    bench.command(|legs, core| legs.answer(core, leg, &[codec("PCMU", 0)]));
    let ok = bench.response(200);
    let text = body(&ok.body);
    assert!(text.contains("m=audio 20000 RTP/AVP 0 101\r\n"), "{text}");
    assert!(text.contains("c=IN IP4 10.0.0.1\r\n") && !text.contains("10.0.0.2"));
    assert_eq!(ok.headers.to().expect("To").tag(), Some(leg.tag().as_str()));
    bench.receive(&caller.ack(""));
    assert_eq!(bench.event(), LegEvent::Acknowledged);
    assert_eq!(bench.agreed().remote, Some(address("10.0.0.2:4000")));
    assert_eq!(bench.legs.agreement(leg).codecs, [codec("PCMU", 0)]);
    bench.receive(&caller.request("BYE", "", ""));
    bench.response(200);
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerHungUp));
    assert_eq!(bench.event(), LegEvent::Closed(Box::default()));
    bench.all_gone();
}

#[test]
fn a_2xx_is_repeated_until_its_ack_and_a_lost_ack_ends_in_bye() {
    // RFC 3261 §13.3.1.4; pbx trap 3.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.wait(seconds(31));
    assert_eq!(
        bench.sent.len(),
        10,
        "0, 0.5, 1.5, 3.5, 7.5, then every 4 s"
    );
    bench.sent.clear();
    bench.wait(seconds(1));
    bench.response(200);
    bench.request(Method::Bye);
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerLost));
    bench.all_gone();
}

#[test]
fn a_bye_waits_for_the_ack() {
    // RFC 3261 §15: the callee says no BYE before the ACK.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.hang_up(leg);
    bench.silent();
    bench.receive(&caller.ack(""));
    bench.request(Method::Bye);
    assert!(matches!(bench.event(), LegEvent::Closed(_)));
}

#[test]
fn a_cancel_is_told_and_a_second_one_answered_alike() {
    // pbx trap 2.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    bench.incoming(&mut caller, "", OFFER);
    bench.receive(&caller.cancel());
    bench.response(200);
    bench.response(487);
    assert_eq!(bench.event(), LegEvent::Cancelled);
    bench.receive(&caller.cancel());
    bench.response(200);
    bench.all_gone();
}

#[test]
fn a_cancel_that_crosses_our_200_changes_nothing() {
    // RFC 3261 §9.2; pbx trap 4.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    let cancel = caller.cancel();
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.receive(&cancel);
    bench.response(200);
    bench.receive(&caller.ack(""));
    assert_eq!(bench.event(), LegEvent::Acknowledged);
}

#[test]
fn a_bye_in_an_early_dialog_takes_the_call_back() {
    // RFC 3261 §15.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    bench.response(180);
    bench.receive(&caller.request("BYE", "", ""));
    bench.response(200);
    bench.response(487);
    assert_eq!(bench.event(), LegEvent::Cancelled);
    bench.all_gone();
}

#[test]
fn a_late_offer_is_ours_and_answered_in_the_ack() {
    // RFC 3261 §13.2.1; pbx trap 8.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", "");
    assert!(bench.legs.offered(leg).is_empty());
    bench.command(|legs, core| legs.answer(core, leg, &[codec("PCMA", 8)]));
    let ok = bench.response(200);
    let offer = body(&ok.body);
    assert!(offer.contains("RTP/AVP 8 0 9 101"), "{offer}");
    bench.receive(&caller.ack(&answer("0 101")));
    assert_eq!(bench.event(), LegEvent::Acknowledged);
    assert_eq!(bench.agreed().send, [codec("PCMU", 0)]);
}

#[test]
fn an_ack_without_the_answer_to_our_offer_ends_the_call() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", "");
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.receive(&caller.ack(""));
    bench.request(Method::Bye);
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerLost));
}

#[test]
fn early_media_is_described_once_and_the_200_says_the_same() {
    // pbx trap 19.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    let ringback = [codec("PCMA", 8)];
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    bench.response(180);
    let early = |legs: &mut Legs, core: &mut Core| {
        legs.progress(core, leg, StatusCode::SESSION_PROGRESS, Some(&ringback));
    };
    bench.command(early);
    let first = bench.response(183).body;
    assert!(bench.agreed().hears);
    bench.command(early);
    assert_eq!(bench.response(183).body, first);
    bench.command(|legs, core| legs.answer(core, leg, &[codec("PCMU", 0)]));
    assert_eq!(bench.response(200).body, first);
}

#[test]
fn what_waits_for_a_port_goes_out_with_it() {
    let mut bench = Bench::new(profile());
    bench.mute = true;
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.silent();
    bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Opened { port: 30_000 }));
    assert!(body(&bench.response(200).body).contains("m=audio 30000 "));
}

#[test]
fn without_media_the_caller_is_asked_to_come_back() {
    for silent in [false, true] {
        let mut bench = Bench::new(profile());
        bench.mute = true;
        let mut caller = Remote::caller();
        let leg = bench.incoming(&mut caller, "", OFFER);
        if silent {
            bench.wait(seconds(6));
        } else {
            let reason = String::new();
            bench.command(|legs, core| legs.sound(core, leg.0, &Reply::Failed { reason }));
        }
        let refusal = bench.response(503);
        assert_eq!(text(&refusal.headers, &HeaderName::RetryAfter), "5");
        assert_eq!(bench.event(), LegEvent::Ended(EndCause::NoMedia));
        assert!(matches!(bench.event(), LegEvent::Closed(_)));
        bench.all_gone();
    }
}

#[test]
fn what_speaks_against_an_invite_is_answered_at_once() {
    // pbx traps 11 and 30; RFC 3261 §8.2.
    let check = |from: &str, to: &str, headers: &str, status: u16, name: HeaderName, says: &str| {
        let mut bench = Bench::new(profile());
        let mut caller = Remote::caller();
        let invite = body(&caller.invite(headers, OFFER)).replace(from, to);
        bench.receive(invite.as_bytes());
        let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
        let peer = Peer::Extension("100".to_owned());
        let refused =
            bench.command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile()));
        assert_eq!(refused.map_err(StatusCode::code), Err(status));
        let response = bench.response(status);
        assert!(
            text(&response.headers, &name).contains(says),
            "{response:?}"
        );
        bench.all_gone();
    };
    let forwards = HeaderName::MaxForwards;
    check("Max-Forwards: 70", "Max-Forwards: 0", "", 483, forwards, "");
    let require = "Require: 100rel, teleport\r\n";
    check("", "", require, 420, HeaderName::Unsupported, "teleport");
    let kind = "Content-Type: text/plain\r\n";
    check("", "", kind, 415, HeaderName::Accept, "application/sdp");
    let accept = "Accept: text/nobodyKnowsThis\r\n";
    check("", "", accept, 406, HeaderName::To, "");
    let (warning, codec) = (HeaderName::Warning, "codec");
    check(
        "RTP/AVP 8 0 101",
        "RTP/AVP 98 99 97",
        "",
        488,
        warning,
        codec,
    );
    check("v=0", "x=0", "", 400, HeaderName::Warning, "v=0");
}

#[test]
fn a_merged_request_is_a_loop() {
    // RFC 3261 §8.2.2.2; pbx trap 11.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    bench.incoming(&mut caller, "", OFFER);
    caller.ours.clear();
    bench.receive(&caller.invite("", OFFER));
    let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
    let peer = Peer::Extension("100".to_owned());
    let refused =
        bench.command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile()));
    assert_eq!(refused, Err(StatusCode::LOOP_DETECTED));
}

#[test]
fn digits_by_info_are_told_and_other_infos_refused() {
    // pbx trap 20.
    let mut bench = Bench::new(profile());
    let (_, mut caller) = bench.answered("");
    let relay = "Content-Type: application/dtmf-relay\r\n";
    bench.receive(&caller.request("INFO", relay, "Signal=5\r\nDuration=160\r\n"));
    bench.response(200);
    let pressed = LegEvent::Digit {
        digit: '5',
        millis: 160,
    };
    assert_eq!(bench.event(), pressed);
    bench.receive(&caller.request("INFO", "Content-Type: text/plain\r\n", "5"));
    bench.response(415);
    bench.receive(&caller.request("INFO", "Info-Package: x\r\n", ""));
    bench.response(469);
    bench.receive(&caller.request("INFO", "", ""));
    bench.response(200);
    assert!(bench.events.is_empty());
}

#[test]
fn a_wish_to_be_recorded_is_told_and_answered_by_the_call() {
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    for (wish, wanted, status) in [
        ("Record: on", true, StatusCode::OK),
        ("record: OFF ", false, StatusCode::FORBIDDEN),
    ] {
        bench.receive(&caller.request("INFO", &format!("{wish}\r\n"), ""));
        bench.silent();
        assert_eq!(bench.event(), LegEvent::Record(wanted));
        bench.command(|legs, core| legs.record_answered(core, leg, status));
        bench.response(status.code());
    }
    bench.receive(&caller.request("INFO", "Record: \r\n", ""));
    bench.response(400);
    bench.command(|legs, core| legs.record_answered(core, leg, StatusCode::OK));
    bench.silent();
    assert!(bench.events.is_empty());
}

#[test]
fn requests_out_of_order_and_of_strangers_touch_nothing() {
    // RFC 3261 §12.2.2.
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    caller.cseq = 0;
    bench.receive(&caller.request("BYE", "", ""));
    bench.response(500);
    let mut stranger = caller.clone();
    stranger.theirs = "guess".to_owned();
    bench.receive(&stranger.request("BYE", "", ""));
    bench.response(481);
    assert!(bench.legs.is_confirmed(leg));
}

#[test]
fn requests_go_back_by_the_flow_the_peer_last_used() {
    // pbx trap 10: a phone behind a router comes from another port now.
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    let moved = Flow {
        remote: address("203.0.113.9:1024"),
        ..flow()
    };
    bench.receive_by(moved, &caller.request("OPTIONS", "", ""));
    let options = bench.response(200);
    assert!(text(&options.headers, &HeaderName::Allow).contains("UPDATE"));
    bench.hang_up(leg);
    let (by, _) = bench.sent.front().expect("a BYE");
    assert_eq!(by.remote, moved.remote);
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:100@10.0.0.2:5060");
}

/// RFC 3261 §13.3.1.1: a proxy on the way gives up after three minutes without word.
#[test]
fn a_caller_who_waits_long_is_told_again_every_minute() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let first = bench.response(180);
    bench.wait(seconds(59));
    bench.silent();
    for _ in 0..3 {
        bench.wait(seconds(60));
        assert_eq!(bench.response(180), first);
        bench.silent();
    }
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.receive(&caller.ack(""));
    bench.wait(seconds(130));
    bench.silent();
}

/// RFC 3262 §3: what has to be acknowledged is a response of its own each time.
#[test]
fn a_caller_who_acknowledges_progress_is_told_again_reliably() {
    let mut bench = Bench::new(Profile {
        reliable: Use::Supported,
        ..profile()
    });
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "Supported: 100rel\r\n", OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let rseq = |response: &Response| response.headers.rseq().expect("legible").expect("RSeq");
    let first = rseq(&bench.response(180));
    bench.receive(&caller.request("PRACK", &format!("RAck: {first} 1 INVITE\r\n"), ""));
    bench.response(200);
    bench.wait(seconds(60));
    assert_eq!(rseq(&bench.response(180)), first + 1);
}

#[test]
fn what_a_call_has_no_use_for_does_not_end_it() {
    // RFC 5057 §5.1: 481 would.
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    bench.receive(&caller.request("MESSAGE", "", ""));
    assert!(bench.response(405).headers.allows(&Method::Invite));
    bench.receive(&caller.request("SUBSCRIBE", "Event: kpml\r\n", ""));
    let refused = bench.response(489);
    assert!(refused.headers.first(&HeaderName::AllowEvents).is_some());
    bench.receive(&caller.request("NOTIFY", "Event: kpml\r\n", ""));
    bench.response(489);
    assert!(bench.legs.is_confirmed(leg));
}
