//! Reliable provisional responses (RFC 3262; pbx trap 15).

use super::super::EndCause;
use super::*;

fn supported() -> Profile {
    Profile {
        reliable: Use::Supported,
        ..profile()
    }
}

const KNOWS: &str = "Supported: 100rel\r\n";

fn rack(response: &Response) -> String {
    let rseq = text(&response.headers, &HeaderName::RSeq);
    format!("RAck: {rseq} 1 INVITE\r\n")
}

#[test]
fn a_reliable_180_is_repeated_until_its_prack() {
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let first = bench.response(180);
    assert!(first.headers.requires("100rel"));
    bench.wait(seconds(2));
    assert_eq!(bench.sent.len(), 2, "after 0.5 and 1.5 s");
    bench.sent.clear();
    bench.receive(&caller.request("PRACK", &rack(&first), ""));
    bench.response(200);
    bench.wait(seconds(10));
    bench.silent();
}

#[test]
fn a_prack_for_another_response_is_481() {
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    bench.response(180);
    bench.receive(&caller.request("PRACK", "RAck: 1 1 INVITE\r\n", ""));
    bench.response(481);
    bench.receive(&caller.request("PRACK", "", ""));
    bench.response(400);
}

#[test]
fn nobody_acknowledges_and_the_call_is_504() {
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    bench.wait(seconds(33));
    let (_, last) = bench.sent.pop_back().expect("a refusal");
    assert!(matches!(last, Message::Response(refusal) if refusal.status.code() == 504));
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerLost));
    bench.all_gone();
}

#[test]
fn one_response_is_under_way_at_a_time() {
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    let pcma = [codec("PCMA", 8)];
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let ringing = bench.response(180);
    bench.command(|legs, core| {
        legs.progress(core, leg, StatusCode::SESSION_PROGRESS, Some(&pcma));
    });
    bench.silent();
    bench.receive(&caller.request("PRACK", &rack(&ringing), ""));
    bench.response(200);
    let progress = bench.response(183);
    let number = |response: &Response| response.headers.rseq().expect("RSeq").expect("RSeq");
    assert_eq!(number(&progress), number(&ringing) + 1);
    // RFC 3262 §3: no 2xx while the description has not been acknowledged.
    bench.command(|legs, core| legs.answer(core, leg, &pcma));
    bench.silent();
    bench.receive(&caller.request("PRACK", &rack(&progress), ""));
    bench.response(200);
    let ok = bench.response(200);
    assert!(ok.body.is_empty(), "the answer is known already");
}

#[test]
fn a_description_that_waits_for_a_prack_goes_out_with_a_later_status() {
    // RFC 3262 §3: the next response waits, but what it has to say is not lost.
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    let pcma = [codec("PCMA", 8)];
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let ringing = bench.response(180);
    bench.command(|legs, core| {
        legs.progress(core, leg, StatusCode::SESSION_PROGRESS, Some(&pcma));
        let queued = StatusCode::new(182).expect("a status");
        legs.progress(core, leg, queued, None);
    });
    bench.silent();
    bench.receive(&caller.request("PRACK", &rack(&ringing), ""));
    bench.response(200);
    assert!(!bench.response(182).body.is_empty());
}

#[test]
fn a_200_need_not_wait_for_a_plain_180_and_a_late_prack_is_answered() {
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let ringing = bench.response(180);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    assert!(!bench.response(200).body.is_empty());
    bench.receive(&caller.request("PRACK", &rack(&ringing), ""));
    bench.response(200);
}

#[test]
fn a_prack_after_the_cancel_does_no_harm() {
    // pbx trap 15: pjsip 845.
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    let cancel = caller.cancel();
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let ringing = bench.response(180);
    bench.receive(&cancel);
    bench.response(200);
    bench.response(487);
    bench.receive(&caller.request("PRACK", &rack(&ringing), ""));
    assert!(matches!(
        bench.sent.pop_front(),
        Some((_, Message::Response(_)))
    ));
    bench.all_gone();
}

#[test]
fn a_late_offer_goes_out_in_the_first_reliable_response() {
    // RFC 3262 §5.
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, "");
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    let ringing = bench.response(180);
    assert!(body(&ringing.body).contains("m=audio 20000"));
    bench.receive(&caller.request("PRACK", &rack(&ringing), &answer("8 101")));
    bench.response(200);
    assert_eq!(bench.agreed().send, [codec("PCMA", 8)]);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    assert!(bench.response(200).body.is_empty());
    bench.receive(&caller.ack(""));
    assert_eq!(bench.event(), LegEvent::Acknowledged);
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200() {
    // RFC 3262 §5.
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    let pcma = [codec("PCMA", 8)];
    bench.command(|legs, core| {
        legs.progress(core, leg, StatusCode::SESSION_PROGRESS, Some(&pcma));
    });
    let progress = bench.response(183);
    let held = format!("{OFFER}a=sendonly\r\n");
    bench.receive(&caller.request("PRACK", &rack(&progress), &held));
    assert!(body(&bench.response(200).body).contains("a=recvonly"));
}

#[test]
fn an_offer_in_a_prack_that_cannot_be_used_costs_the_call_and_not_the_prack() {
    // RFC 3262 §3: a PRACK that matches is answered with a 2xx, whatever it offers.
    let mut bench = Bench::new(supported());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    let pcma = [codec("PCMA", 8)];
    bench.command(|legs, core| {
        legs.progress(core, leg, StatusCode::SESSION_PROGRESS, Some(&pcma));
    });
    let progress = bench.response(183);
    let unknown = OFFER.replace("RTP/AVP 8 0 101", "RTP/AVP 109");
    assert_ne!(unknown, OFFER);
    bench.receive(&caller.request("PRACK", &rack(&progress), &unknown));
    assert!(bench.response(200).body.is_empty());
    bench.response(488);
}

#[test]
fn it_is_used_only_when_wanted_and_given_to_who_insists() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, KNOWS, OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    assert!(!bench.response(180).headers.requires("100rel"));

    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "Require: 100rel\r\n", OFFER);
    bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
    assert!(bench.response(180).headers.requires("100rel"));
}

#[test]
fn provisional_responses_to_us_are_acknowledged_once_and_in_order() {
    // RFC 3262 §4.
    let mut bench = Bench::new(supported());
    let (_, invite) = bench.outgoing(None);
    assert!(invite.headers.has_option("100rel"));
    let callee = Remote::callee(&invite, "b1");
    let reliable = |rseq| [(HeaderName::Require, "100rel"), (HeaderName::RSeq, rseq)];
    bench.receive(&callee.answer(&invite, 180, &reliable("5"), ""));
    let prack = bench.request(Method::Prack);
    let number = invite.headers.cseq().expect("CSeq").number;
    let says = text(&prack.headers, &HeaderName::RAck);
    assert_eq!(says, format!("5 {number} INVITE"));
    bench.event();
    // Again, and out of order: passed over.
    bench.receive(&callee.answer(&invite, 180, &reliable("5"), ""));
    bench.receive(&callee.answer(&invite, 183, &reliable("7"), ""));
    bench.silent();
    assert!(bench.events.is_empty());
    bench.receive(&callee.answer(&invite, 183, &reliable("6"), &answer("8")));
    let second = bench.request(Method::Prack);
    let cseq = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert_eq!(cseq(&second), cseq(&prack) + 1);
    // The answer was reliable, so the 200 has none; requests go on counting.
    bench.receive(&callee.answer(&invite, 200, &[], ""));
    let ack = bench.request(Method::Ack);
    assert_eq!(cseq(&ack), number);
    bench.event();
    assert_eq!(bench.event(), LegEvent::Answered);
    let leg = *bench.legs.legs.keys().next().expect("a leg");
    bench.hang_up(leg);
    assert_eq!(cseq(&bench.request(Method::Bye)), cseq(&second) + 1);
}
