//! What was half done when an earlier process died: a 2xx without ACK, an ACK that was lost, a BYE
//! that nobody heard, an INVITE that rings.

use super::super::EndCause;
use super::*;

/// Another process, which finds the leg as it was kept, to go on with it or to end it.
fn next(bench: &Bench, leg: LegId, ends: bool) -> Bench {
    let kept = bench.legs.keep(&bench.core, leg).expect("kept");
    let bytes = postcard::to_stdvec(&kept).expect("a row");
    let kept: KeptLeg = postcard::from_bytes(&bytes).expect("a row");
    let mut next = Bench::new(profile());
    match kept {
        KeptLeg::Answered(row) if !ends => {
            next.command(|legs, core| legs.restore(core, *row));
            assert_eq!(next.event(), LegEvent::MediaRestored);
        }
        kept => {
            let ended = next.command(|legs, core| legs.end(core, kept));
            assert_eq!(ended, Some(leg));
        }
    }
    next
}

#[test]
fn a_2xx_that_nobody_acknowledged_is_repeated_until_its_ack() {
    // RFC 3261 §13.3.1.4.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let invite = caller.clone().invite("", OFFER);
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    let ok = bench.response(200);
    let mut next = next(&bench, leg, false);
    next.receive(&invite);
    assert!(next.arrived.is_empty(), "the INVITE is no new one");
    next.silent();
    next.wait(Duration::from_millis(500));
    let again = next.response(200);
    assert_eq!(again.to_bytes(), {
        let mut ok = ok;
        // The copy that goes out has Server, which is added when it is sent.
        ok.headers.set(HeaderName::Server, "Ramal");
        ok.to_bytes()
    });
    next.receive(&caller.ack(""));
    assert_eq!(next.legs.take_stale(), [leg], "it is to be kept without it");
    next.wait(seconds(40));
    next.silent();
    next.receive(&caller.request("BYE", "", ""));
    next.response(200);
    assert_eq!(next.event(), LegEvent::Ended(EndCause::PeerHungUp));
}

#[test]
fn a_2xx_that_stays_unacknowledged_ends_in_bye_as_ever() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    let mut next = next(&bench, leg, false);
    next.wait(seconds(31));
    let repeated = next.sent.len();
    assert_eq!(repeated, 9);
    next.sent.clear();
    next.wait(seconds(2));
    next.response(200);
    next.request(Method::Bye);
    assert_eq!(next.event(), LegEvent::Ended(EndCause::PeerLost));
    next.all_gone();
}

#[test]
fn an_offer_in_our_2xx_is_answered_by_an_ack_to_the_next_process() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", "");
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    let mut next = next(&bench, leg, false);
    next.receive(&caller.ack(&answer("8 101")));
    assert_eq!(next.event(), LegEvent::Acknowledged);
    assert_eq!(next.agreed().remote, Some(address("10.0.0.2:4000")));
    next.silent();
}

#[test]
fn a_2xx_that_is_repeated_to_the_next_process_gets_its_ack_again() {
    // RFC 3261 §13.2.2.4.
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let ok = callee.answer(&invite, 200, &[], &answer("8 101"));
    bench.receive(&ok);
    let first = bench.request(Method::Ack);
    let mut next = next(&bench, leg, false);
    next.receive(&ok);
    let again = next.request(Method::Ack);
    assert_eq!(again.uri, first.uri);
    for name in [HeaderName::CSeq, HeaderName::To, HeaderName::From] {
        assert_eq!(text(&again.headers, &name), text(&first.headers, &name));
    }
    // Of another phone, or of another call, it means nothing.
    let other = Remote::callee(&invite, "b2");
    next.receive(&other.answer(&invite, 200, &[], &answer("8 101")));
    next.silent();
}

#[test]
fn an_answer_to_a_change_of_the_process_before_is_acknowledged_and_asked_for_anew() {
    let mut bench = Bench::new(profile());
    let (leg, callee) = bench.called(&[]);
    let mut next = next(&bench, leg, false);
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let change = bench.request(Method::Invite);
    next.receive(&callee.answer(&change, 200, &[], &answer("0 101")));
    let ack = next.request(Method::Ack);
    let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert_eq!(number(&ack), number(&change));
    let anew = next.request(Method::Invite);
    assert!(number(&anew) > number(&change));
}

#[test]
fn a_bye_that_nobody_heard_is_said_again() {
    let mut bench = Bench::new(profile());
    let (leg, callee) = bench.called(&[]);
    bench.hang_up(leg);
    let bye = bench.request(Method::Bye);
    let mut next = next(&bench, leg, true);
    next.silent();
    next.wait(Duration::from_millis(600));
    let again = next.request(Method::Bye);
    let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert!(number(&again) > number(&bye));
    next.receive(&callee.answer(&again, 200, &[], ""));
    assert!(next.sound.is_empty(), "it has no endpoint");
    assert_eq!(next.legs.take_stale(), [leg]);
    assert_eq!(next.legs.keep(&next.core, leg), None);
    next.all_gone();

    // Heard, it is not to be kept.
    bench.receive(&callee.answer(&bye, 200, &[], ""));
    assert_eq!(bench.legs.keep(&bench.core, leg), None);
}

#[test]
fn a_bye_that_waits_for_an_ack_waits_for_it_in_the_next_process_too() {
    // RFC 3261 §15.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.hang_up(leg);
    let mut next = next(&bench, leg, true);
    next.wait(Duration::from_millis(600));
    next.response(200);
    next.silent();
    next.receive(&caller.ack(""));
    next.request(Method::Bye);
}

#[test]
fn a_phone_that_rings_is_cancelled_and_one_that_answers_is_hung_up() {
    for answers in [false, true] {
        let mut bench = Bench::new(profile());
        let (leg, invite) = bench.outgoing(None);
        let callee = Remote::callee(&invite, "b1");
        bench.receive(&callee.answer(&invite, 180, &[], ""));
        let mut next = next(&bench, leg, true);
        if answers {
            // RFC 3261 §13.2.2.4: before the CANCEL reaches it.
            next.receive(&callee.answer(&invite, 200, &[], &answer("8 101")));
            next.request(Method::Ack);
            let bye = next.request(Method::Bye);
            let kept = next.legs.keep(&next.core, leg);
            assert!(matches!(kept, Some(KeptLeg::Answered(_))), "{kept:?}");
            next.receive(&callee.answer(&bye, 200, &[], ""));
        } else {
            next.wait(Duration::from_millis(600));
            let cancel = next.request(Method::Cancel);
            let via = HeaderName::Via;
            assert_eq!(text(&cancel.headers, &via), text(&invite.headers, &via));
            next.receive(&callee.answer(&cancel, 200, &[], ""));
            next.receive(&callee.answer(&invite, 487, &[], ""));
            next.request(Method::Ack);
        }
        next.silent();
        next.all_gone();
    }
}

#[test]
fn a_caller_who_hears_it_ring_is_refused_or_may_cancel() {
    for cancels in [false, true] {
        let mut bench = Bench::new(profile());
        let mut caller = Remote::caller();
        let leg = bench.incoming(&mut caller, "", OFFER);
        bench.command(|legs, core| legs.progress(core, leg, StatusCode::RINGING, None));
        let ringing = bench.response(180);
        let mut next = next(&bench, leg, true);
        if cancels {
            next.receive(&caller.cancel());
            next.response(200);
            next.response(487);
        } else {
            next.wait(Duration::from_millis(600));
            let refused = next.response(480);
            let to = HeaderName::To;
            assert_eq!(text(&refused.headers, &to), text(&ringing.headers, &to));
        }
        next.sent.clear();
        next.events.clear();
        next.all_gone();
    }
}
