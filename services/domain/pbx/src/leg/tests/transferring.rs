//! REFER (RFC 3515, 4488, 3891, 3892; pbx trap 17).

use super::super::{EndCause, Replaced};
use super::*;

const REFER: &str = "Refer-To: <sip:300@10.0.0.1>\r\nReferred-By: <sip:100@10.0.0.1>\r\n";

fn notified(bench: &mut Bench, peer: &Remote) -> (String, String) {
    let notify = bench.request(Method::Notify);
    bench.receive(&peer.answer(&notify, 200, &[], ""));
    let state = text(&notify.headers, &HeaderName::SubscriptionState);
    (body(&notify.body), state)
}

#[test]
fn a_transfer_is_accepted_and_reported_to_the_end() {
    let mut bench = Bench::new(profile());
    let (leg, mut peer) = bench.answered("");
    bench.receive(&peer.request("REFER", REFER, ""));
    let LegEvent::Transfer(transfer) = bench.event() else {
        panic!("a transfer");
    };
    assert_eq!(transfer.target.to_string(), "sip:300@10.0.0.1");
    assert_eq!(transfer.replaces, None);
    bench.silent();
    bench.command(|legs, core| legs.transfer_accepted(core, leg));
    bench.response(202);
    let (fragment, state) = notified(&mut bench, &peer);
    assert_eq!(fragment, "SIP/2.0 100 Trying\r\n");
    assert!(state.starts_with("active;expires="));
    bench.command(|legs, core| legs.transfer_progress(core, leg, StatusCode::RINGING));
    assert!(notified(&mut bench, &peer).0.starts_with("SIP/2.0 180"));
    bench.command(|legs, core| legs.transfer_progress(core, leg, StatusCode::OK));
    let (fragment, state) = notified(&mut bench, &peer);
    assert!(fragment.starts_with("SIP/2.0 200"));
    assert_eq!(state, "terminated;reason=noresource");
    bench.command(|legs, core| legs.transfer_progress(core, leg, StatusCode::OK));
    bench.silent();
    assert!(
        bench.legs.is_confirmed(leg),
        "the transferor hangs up itself"
    );
}

#[test]
fn a_transferor_that_hangs_up_at_once_still_hears_how_it_went() {
    // RFC 5057 §5.2: the subscription outlives the session.
    let mut bench = Bench::new(profile());
    let (leg, mut peer) = bench.answered("");
    bench.receive(&peer.request("REFER", REFER, ""));
    bench.command(|legs, core| legs.transfer_accepted(core, leg));
    bench.response(202);
    notified(&mut bench, &peer);
    bench.receive(&peer.request("BYE", "", ""));
    bench.response(200);
    bench.event();
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerHungUp));
    assert!(matches!(bench.event(), LegEvent::Closed(_)));
    bench.wait(seconds(20));
    bench.command(|legs, core| legs.transfer_progress(core, leg, StatusCode::BUSY_HERE));
    assert!(notified(&mut bench, &peer).0.starts_with("SIP/2.0 486"));
    bench.all_gone();
}

#[test]
fn an_attended_transfer_names_the_dialog_to_take_over() {
    let mut bench = Bench::new(profile());
    let (_, mut peer) = bench.answered("");
    let refer = "Refer-To: <sip:300@10.0.0.1?Replaces=abc%40h%3Bto-tag%3D1%3Bfrom-tag%3D2\
        %3Bearly-only>\r\n";
    bench.receive(&peer.request("REFER", refer, ""));
    let LegEvent::Transfer(transfer) = bench.event() else {
        panic!("a transfer");
    };
    assert_eq!(transfer.target.to_string(), "sip:300@10.0.0.1");
    let replaced = Replaced {
        call_id: "abc@h".to_owned(),
        to_tag: "1".to_owned(),
        from_tag: "2".to_owned(),
        early_only: true,
    };
    assert_eq!(transfer.replaces, Some(replaced));
}

#[test]
fn who_does_not_want_to_hear_is_not_told() {
    // RFC 4488 §4.
    let mut bench = Bench::new(profile());
    let (leg, mut peer) = bench.answered("");
    let silent = format!("{REFER}Refer-Sub: false\r\n");
    bench.receive(&peer.request("REFER", &silent, ""));
    bench.command(|legs, core| legs.transfer_accepted(core, leg));
    let accepted = bench.response(202);
    assert_eq!(text(&accepted.headers, &HeaderName::ReferSub), "false");
    bench.command(|legs, core| legs.transfer_progress(core, leg, StatusCode::OK));
    bench.silent();
}

#[test]
fn refers_that_cannot_be_followed_are_refused() {
    let check = |headers: &str, status: u16| {
        let mut bench = Bench::new(profile());
        let (_, mut peer) = bench.answered("");
        bench.receive(&peer.request("REFER", headers, ""));
        bench.response(status);
        assert!(bench.events.is_empty());
    };
    check("", 400);
    check("Refer-To: <sip:1@h>\r\nRefer-To: <sip:2@h>\r\n", 400);
    check("Refer-To: <http://h/>\r\n", 416);
    check("Refer-To: <sip:1@h;method=BYE>\r\n", 603);
    check("Refer-To: <sip:1@h?Replaces=nonsense>\r\n", 400);
}

#[test]
fn a_second_refer_waits_its_turn_and_a_refusal_is_passed_on() {
    let mut bench = Bench::new(profile());
    let (leg, mut peer) = bench.answered("");
    bench.receive(&peer.request("REFER", REFER, ""));
    bench.receive(&peer.request("REFER", REFER, ""));
    bench.response(491);
    bench.command(|legs, core| legs.transfer_refused(core, leg, StatusCode::FORBIDDEN));
    bench.response(403);
    bench.receive(&peer.request("REFER", REFER, ""));
    bench.hang_up(leg);
    bench.response(603);
    bench.request(Method::Bye);
}

#[test]
fn a_transferor_may_end_the_reports() {
    let mut bench = Bench::new(profile());
    let (leg, mut peer) = bench.answered("");
    bench.receive(&peer.request("REFER", REFER, ""));
    bench.command(|legs, core| legs.transfer_accepted(core, leg));
    bench.response(202);
    notified(&mut bench, &peer);
    let ends = "Event: refer\r\nExpires: 0\r\n";
    bench.receive(&peer.request("SUBSCRIBE", ends, ""));
    bench.response(200);
    assert!(notified(&mut bench, &peer).1.starts_with("terminated"));
    bench.receive(&peer.request("SUBSCRIBE", ends, ""));
    bench.response(481);
}

#[test]
fn a_dialog_is_found_by_both_tags_and_only_when_it_may_be_replaced() {
    // RFC 3891 §3; pbx trap 17.
    let mut bench = Bench::new(profile());
    let (leg, peer) = bench.answered("");
    let named = |ours: &str, theirs: &str, early_only| Replaced {
        call_id: peer.call_id.clone(),
        to_tag: ours.to_owned(),
        from_tag: theirs.to_owned(),
        early_only,
    };
    let ours = leg.tag();
    assert_eq!(bench.legs.find(&named(&ours, "a1", false)), Some(leg));
    assert_eq!(bench.legs.find(&named(&ours, "a2", false)), None);
    assert_eq!(bench.legs.find(&named("0", "a1", false)), None);
    assert_eq!(bench.legs.find(&named(&ours, "a1", true)), None);
    let mut early = Remote::caller();
    early.call_id = "call-2".to_owned();
    early.branch = 500;
    let ringing = bench.incoming(&mut early, "", OFFER);
    let arriving = Replaced {
        call_id: early.call_id.clone(),
        ..named(&ringing.tag(), "a1", false)
    };
    assert_eq!(
        bench.legs.find(&arriving),
        None,
        "an early dialog that we answer"
    );
}
