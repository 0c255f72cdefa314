//! Session timers (RFC 4028; pbx trap 14).

use super::super::EndCause;
use super::*;

fn timed() -> Profile {
    Profile {
        timer: Use::Supported,
        ..profile()
    }
}

const ASKS: &str = "Supported: timer\r\nAllow: INVITE, UPDATE\r\n";

#[test]
fn too_short_an_interval_is_422_with_ours() {
    let mut bench = Bench::new(timed());
    let mut caller = Remote::caller();
    let headers = "Supported: timer\r\nSession-Expires: 60\r\n";
    bench.receive(&caller.invite(headers, OFFER));
    let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
    let peer = Peer::Extension("100".to_owned());
    let refused =
        bench.command(|legs, core| legs.incoming(core, id, flow, &request, peer, timed()));
    assert_eq!(refused.map_err(StatusCode::code), Err(422));
    assert_eq!(text(&bench.response(422).headers, &HeaderName::MinSe), "90");
}

#[test]
fn a_422_is_obeyed_under_the_same_call_id() {
    let mut bench = Bench::new(timed());
    let (_, invite) = bench.outgoing(None);
    assert_eq!(text(&invite.headers, &HeaderName::SessionExpires), "1800");
    let callee = Remote::callee(&invite, "b1");
    let least = [(HeaderName::MinSe, "3600")];
    bench.receive(&callee.answer(&invite, 422, &least, ""));
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    assert_eq!(text(&again.headers, &HeaderName::SessionExpires), "3600");
    assert_eq!(text(&again.headers, &HeaderName::MinSe), "3600");
    assert_eq!(again.headers.call_id(), invite.headers.call_id());
    let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert_eq!(number(&again), number(&invite) + 1);
    assert_eq!(again.body, invite.body);
}

#[test]
fn who_refreshes_is_said_in_the_2xx() {
    // RFC 4028 §9.
    let check = |headers: &str, says: &str, requires: bool| {
        let mut bench = Bench::new(timed());
        let (_, caller) = bench.answered(headers);
        let ok = caller.last.expect("a 200");
        assert_eq!(text(&ok.headers, &HeaderName::SessionExpires), says);
        assert_eq!(ok.headers.requires("timer"), requires);
    };
    check(
        "Supported: timer\r\nSession-Expires: 600\r\n",
        "600;refresher=uac",
        true,
    );
    let named = "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n";
    check(named, "600;refresher=uas", false);
    check("Supported: timer\r\n", "1800;refresher=uac", true);
    check("", "1800;refresher=uas", false);
}

#[test]
fn we_refresh_by_update_when_the_peer_takes_it() {
    let mut bench = Bench::new(timed());
    let headers = format!("{ASKS}Session-Expires: 600;refresher=uas\r\n");
    let (_, peer) = bench.answered(&headers);
    bench.wait(seconds(300));
    let update = bench.request(Method::Update);
    assert!(update.body.is_empty());
    let says = text(&update.headers, &HeaderName::SessionExpires);
    assert_eq!(says, "600;refresher=uac");
    let agrees = [(HeaderName::SessionExpires, "600;refresher=uac")];
    bench.receive(&peer.answer(&update, 200, &agrees, ""));
    bench.wait(Duration::from_millis(299_900));
    bench.silent();
    bench.wait(Duration::from_millis(100));
    bench.request(Method::Update);
}

#[test]
fn we_refresh_by_re_invite_without_changing_the_description() {
    let mut bench = Bench::new(timed());
    let headers = "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n";
    let (leg, peer) = bench.answered(headers);
    bench.wait(seconds(300));
    let invite = bench.request(Method::Invite);
    let first = peer.last.as_ref().expect("a 200");
    assert_eq!(body(&invite.body), body(&first.body));
    let agrees = [(HeaderName::SessionExpires, "600;refresher=uac")];
    bench.receive(&peer.answer(&invite, 200, &agrees, &answer("8 101")));
    bench.request(Method::Ack);
    assert!(bench.events.is_empty(), "nothing has changed");
    assert!(bench.legs.is_confirmed(leg));
}

#[test]
fn a_peer_that_does_not_refresh_is_hung_up_in_time() {
    let mut bench = Bench::new(timed());
    bench.answered("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n");
    bench.wait(seconds(567));
    bench.silent();
    bench.wait(seconds(2));
    bench.request(Method::Bye);
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::SessionExpired));
    bench.all_gone();
}

#[test]
fn a_refresh_of_the_peer_starts_the_interval_anew() {
    let mut bench = Bench::new(timed());
    let headers = "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n";
    let (leg, mut peer) = bench.answered(headers);
    bench.wait(seconds(500));
    bench.receive(&peer.request("UPDATE", headers, ""));
    let ok = bench.response(200);
    let says = text(&ok.headers, &HeaderName::SessionExpires);
    assert_eq!(says, "600;refresher=uac");
    bench.wait(seconds(500));
    assert!(bench.legs.is_confirmed(leg));
}

#[test]
fn a_refresh_nobody_answers_ends_the_call() {
    let mut bench = Bench::new(timed());
    let headers = format!("{ASKS}Session-Expires: 600;refresher=uas\r\n");
    bench.answered(&headers);
    bench.wait(seconds(340));
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerLost));
}

#[test]
fn a_refused_refresh_is_tried_again_until_the_session_expires() {
    let mut bench = Bench::new(timed());
    let headers = format!("{ASKS}Session-Expires: 600;refresher=uas\r\n");
    let (_, peer) = bench.answered(&headers);
    bench.wait(seconds(300));
    let update = bench.request(Method::Update);
    bench.receive(&peer.answer(&update, 403, &[], ""));
    bench.wait(seconds(10));
    bench.request(Method::Update);
}

#[test]
fn a_refresh_that_meets_with_glare_for_long_is_not_given_up() {
    // RFC 4028 §10: only a session that nobody could refresh ends; RFC 3261 §14.1: 491.
    let mut bench = Bench::new(timed());
    let headers = format!("{ASKS}Session-Expires: 600;refresher=uas\r\n");
    let (_, peer) = bench.answered(&headers);
    bench.wait(seconds(300));
    for _ in 0..10 {
        let update = bench.request(Method::Update);
        bench.receive(&peer.answer(&update, 491, &[], ""));
        while bench.sent.is_empty() {
            bench.wait(Duration::from_millis(10));
        }
    }
    bench.request(Method::Update);
}

#[test]
fn a_refresh_goes_out_although_the_codecs_wanted_with_it_are_not_allowed() {
    // RFC 4028 §7.4.
    let mut bench = Bench::new(Profile {
        codecs: vec!["PCMA".to_owned()],
        ..timed()
    });
    let headers = format!("{ASKS}Session-Expires: 600;refresher=uas\r\n");
    let (leg, peer) = bench.answered(&headers);
    bench.wait(seconds(300));
    let update = bench.request(Method::Update);
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let later = [(HeaderName::RetryAfter, "1")];
    bench.receive(&peer.answer(&update, 500, &later, ""));
    bench.wait(seconds(2));
    bench.request(Method::Update);
}

#[test]
fn update_that_is_not_taken_after_all_becomes_a_re_invite() {
    let mut bench = Bench::new(timed());
    let headers = format!("{ASKS}Session-Expires: 600;refresher=uas\r\n");
    let (_, peer) = bench.answered(&headers);
    bench.wait(seconds(300));
    let update = bench.request(Method::Update);
    bench.receive(&peer.answer(&update, 405, &[], ""));
    bench.wait(seconds(1));
    bench.request(Method::Invite);
}

#[test]
fn a_callee_that_asks_for_a_timer_gets_it() {
    let mut bench = Bench::new(timed());
    let refresher = [(HeaderName::SessionExpires, "600;refresher=uac")];
    bench.called(&refresher);
    bench.wait(seconds(300));
    bench.request(Method::Invite);
}
