//! A session changed in the middle: hold, codecs, glare, both ways.

use super::super::EndCause;
use super::*;

fn hold(direction: &str) -> String {
    format!("{OFFER}a={direction}\r\n")
}

#[test]
fn hold_in_every_form_is_answered_by_the_leg_alone() {
    // RFC 3264 §8.4; pbx trap 8.
    let check = |body_of_hold: &str, answered: &str, speaks: bool| {
        let mut bench = Bench::new(profile());
        let (leg, mut caller) = bench.answered("");
        bench.receive(&caller.request("INVITE", "", body_of_hold));
        let ok = bench.response(200);
        let text = body(&ok.body);
        assert!(text.contains(&format!("a={answered}\r\n")), "{text}");
        assert_eq!(bench.event(), LegEvent::Changed);
        assert!(bench.legs.agreement(leg).held_by_peer);
        let agreed = bench.agreed();
        assert!(!agreed.hears && agreed.speaks == speaks && agreed.relatch);
        bench.receive(&caller.ack(""));
        assert!(bench.events.is_empty(), "an ACK of a re-INVITE is no news");
        bench.receive(&caller.request("INVITE", "", OFFER));
        bench.response(200);
        bench.receive(&caller.ack(""));
        assert_eq!(bench.event(), LegEvent::Changed);
        assert!(!bench.legs.agreement(leg).held_by_peer);
    };
    check(&hold("sendonly"), "recvonly", true);
    check(&hold("inactive"), "inactive", false);
    let null = OFFER.replace("c=IN IP4 10.0.0.2", "c=IN IP4 0.0.0.0");
    check(&null, "recvonly", true);
}

#[test]
fn a_session_level_version_grows_only_with_a_change() {
    // RFC 3264 §8; pbx trap 8.
    let mut bench = Bench::new(profile());
    let (_, mut caller) = bench.answered("");
    let version = |ok: &Response| {
        let text = body(&ok.body);
        let line = text
            .lines()
            .find(|line| line.starts_with("o="))
            .expect("o=");
        let version = line.split(' ').nth(2).expect("a version");
        version.parse::<u64>().expect("a number")
    };
    let first = version(caller.last.as_ref().expect("a 200"));
    bench.receive(&caller.request("INVITE", "", OFFER));
    let same = version(&bench.response(200));
    bench.receive(&caller.ack(""));
    bench.receive(&caller.request("INVITE", "", &hold("sendonly")));
    let held = version(&bench.response(200));
    assert_eq!((same, held), (first, first + 1));
}

#[test]
fn a_re_invite_we_cannot_take_leaves_the_session_as_it_was() {
    // RFC 3261 §14.2; pbx trap 16. T.38 among others.
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    let fax = "v=0\r\nc=IN IP4 10.0.0.2\r\nm=image 4000 udptl t38\r\n";
    bench.receive(&caller.request("INVITE", "", fax));
    bench.response(488);
    bench.receive(&caller.ack(""));
    assert_eq!(bench.legs.agreement(leg).codecs, [codec("PCMA", 8)]);
    assert!(bench.events.is_empty());
}

#[test]
fn a_re_invite_without_an_offer_gets_ours() {
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    bench.receive(&caller.request("INVITE", "", ""));
    let ok = bench.response(200);
    let offer = body(&ok.body);
    assert!(offer.contains("RTP/AVP 8 0 9 101\r\n"), "{offer}");
    bench.receive(&caller.ack(&answer("0 101")));
    assert_eq!(bench.event(), LegEvent::Changed);
    assert_eq!(bench.legs.agreement(leg).codecs, [codec("PCMU", 0)]);
}

#[test]
fn an_offer_that_crosses_ours_is_491() {
    // RFC 3261 §14.2 and RFC 3311 §5.2; pbx trap 16.
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let ours = bench.request(Method::Invite);
    bench.receive(&caller.request("INVITE", "", OFFER));
    bench.response(491);
    bench.receive(&caller.ack(""));
    bench.receive(&caller.request("UPDATE", "", OFFER));
    bench.response(491);
    bench.receive(&caller.answer(&ours, 200, &[], &answer("0 101")));
    bench.request(Method::Ack);
    assert_eq!(bench.event(), LegEvent::Changed);
    assert_eq!(bench.legs.agreement(leg).codecs, [codec("PCMU", 0)]);
}

#[test]
fn glare_is_waited_out_longer_by_who_made_the_call_id() {
    // RFC 3261 §14.1; pbx trap 16.
    let check = |ours: bool, least: u64, most: u64| {
        let mut bench = Bench::new(profile());
        let (leg, peer) = match ours {
            true => bench.called(&[]),
            false => bench.answered(""),
        };
        bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
        let invite = bench.request(Method::Invite);
        bench.receive(&peer.answer(&invite, 491, &[], ""));
        bench.request(Method::Ack);
        bench.wait(Duration::from_millis(least));
        bench.silent();
        bench.wait(Duration::from_millis(most - least));
        let again = bench.request(Method::Invite);
        let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
        assert_eq!(number(&again), number(&invite) + 1);
    };
    check(true, 2099, 4000);
    check(false, 0, 2000);
}

#[test]
fn a_refused_change_of_ours_leaves_the_session_and_lost_dialogs_end() {
    // RFC 3261 §14.1, RFC 5057 §5.1; pbx trap 16.
    let check = |status: u16, ends: bool| {
        let mut bench = Bench::new(profile());
        let (leg, peer) = bench.answered("");
        bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
        let invite = bench.request(Method::Invite);
        bench.receive(&peer.answer(&invite, status, &[], ""));
        bench.request(Method::Ack);
        if ends {
            bench.request(Method::Bye);
            assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerLost));
        } else {
            assert_eq!(bench.legs.agreement(leg).codecs, [codec("PCMA", 8)]);
            assert!(bench.legs.is_confirmed(leg));
        }
    };
    check(488, false);
    check(500, false);
    check(481, true);
    check(408, true);
}

#[test]
fn a_busy_peer_is_asked_again_when_it_says() {
    let mut bench = Bench::new(profile());
    let (leg, peer) = bench.answered("");
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let invite = bench.request(Method::Invite);
    let after = [(HeaderName::RetryAfter, "7")];
    bench.receive(&peer.answer(&invite, 500, &after, ""));
    bench.request(Method::Ack);
    bench.wait(Duration::from_millis(6900));
    bench.silent();
    bench.wait(Duration::from_millis(200));
    bench.request(Method::Invite);
}

#[test]
fn a_re_invite_before_our_answer_is_500_with_retry_after() {
    // RFC 3261 §14.2; pbx trap 16.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    bench.incoming(&mut caller, "", OFFER);
    bench.receive(&caller.request("INVITE", "", OFFER));
    let busy = bench.response(500);
    let after: u64 = text(&busy.headers, &HeaderName::RetryAfter)
        .parse()
        .expect("a number");
    assert!(after <= 10);
}

#[test]
fn an_update_changes_a_session_in_one_round() {
    // RFC 3311 §5.2.
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    bench.receive(&caller.request("UPDATE", "", &hold("sendonly")));
    let ok = bench.response(200);
    assert!(body(&ok.body).contains("a=recvonly"));
    assert_eq!(bench.event(), LegEvent::Changed);
    assert!(bench.legs.agreement(leg).held_by_peer);
    bench.receive(&caller.request("UPDATE", "", ""));
    assert!(bench.response(200).body.is_empty());
    assert!(bench.events.is_empty());
}

#[test]
fn an_update_during_the_early_dialog() {
    // RFC 3311 §5.2; pbx trap 16: before our answer it is too early, after it it is taken.
    let mut bench = Bench::new(Profile {
        reliable: Use::Supported,
        ..profile()
    });
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "Supported: 100rel\r\n", OFFER);
    bench.receive(&caller.request("UPDATE", "", OFFER));
    bench.response(500);
    let prefer = [codec("PCMA", 8)];
    bench.command(|legs, core| {
        legs.progress(core, leg, StatusCode::SESSION_PROGRESS, Some(&prefer));
    });
    let progress = bench.response(183);
    let rseq = text(&progress.headers, &HeaderName::RSeq);
    let rack = format!("RAck: {rseq} 1 INVITE\r\n");
    bench.receive(&caller.request("PRACK", &rack, ""));
    bench.response(200);
    bench.receive(&caller.request("UPDATE", "", &hold("sendonly")));
    assert!(body(&bench.response(200).body).contains("a=recvonly"));
    assert!(!bench.agreed().hears);
}

#[test]
fn an_update_of_a_ringing_phone_is_answered_in_its_own_early_dialog() {
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let mut one = Remote::callee(&invite, "b1");
    let two = Remote::callee(&invite, "b2");
    bench.receive(&two.answer(&invite, 183, &[], &answer("8 101")));
    bench.receive(&one.answer(&invite, 183, &[], &answer("8 101")));
    bench.receive(&one.request("UPDATE", "", &answer("0")));
    let ok = bench.response(200);
    assert!(body(&ok.body).contains("RTP/AVP 0\r\n"));
    bench.receive(&two.answer(&invite, 200, &[], &answer("8 101")));
    bench.request(Method::Ack);
    assert_eq!(bench.agreed().send, [codec("PCMA", 8)]);
}

#[test]
fn a_re_invite_we_send_may_be_rung_at_but_not_for_ever() {
    let mut bench = Bench::new(profile());
    let (leg, peer) = bench.answered("");
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let invite = bench.request(Method::Invite);
    bench.receive(&peer.answer(&invite, 180, &[], ""));
    bench.wait(seconds(32));
    let cancel = bench.request(Method::Cancel);
    bench.receive(&peer.answer(&cancel, 200, &[], ""));
    bench.receive(&peer.answer(&invite, 487, &[], ""));
    bench.request(Method::Ack);
    assert!(bench.legs.is_confirmed(leg));
}

#[test]
fn the_peer_is_told_who_it_is_connected_to() {
    let mut bench = Bench::new(profile());
    let (leg, peer) = bench.answered("Allow: INVITE, UPDATE\r\n");
    bench.command(|legs, core| legs.identify(core, leg, "Bea", "300"));
    let update = bench.request(Method::Update);
    let who = text(&update.headers, &HeaderName::PAssertedIdentity);
    assert_eq!(who, "\"Bea\" <sip:300@10.0.0.1>");
    assert!(update.body.is_empty());
    bench.receive(&peer.answer(&update, 200, &[], ""));
    bench.silent();

    let mut bench = Bench::new(profile());
    let (leg, _) = bench.answered("");
    bench.command(|legs, core| legs.identify(core, leg, "Bea", "300"));
    bench.silent();
}

#[test]
fn a_change_that_waits_for_something_else_asks_for_no_timer() {
    // A deadline that has passed and stays would keep the processor busy.
    let mut bench = Bench::new(profile());
    let (leg, mut peer) = bench.answered("");
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let invite = bench.request(Method::Invite);
    bench.receive(&peer.answer(&invite, 491, &[], ""));
    bench.request(Method::Ack);
    bench.receive(&peer.request("INVITE", "", OFFER));
    bench.response(200);
    bench.wait(seconds(3));
    assert!(bench.legs.deadline().is_some_and(|at| at > bench.core.now));
    bench.sent.clear();
    bench.receive(&peer.ack(""));
    bench.request(Method::Invite);
}
