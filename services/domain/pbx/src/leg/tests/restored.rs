//! Legs over a restart of this process.

use super::super::EndCause;
use super::*;

/// The same leg in a new process.
fn restart(bench: &Bench, leg: LegId) -> Bench {
    let row = saved(bench, leg).expect("confirmed");
    let bytes = postcard::to_stdvec(&row).expect("a row");
    let row: LegRow = postcard::from_bytes(&bytes).expect("a row");
    let mut next = Bench::new(profile());
    assert_eq!(row.leg(), leg);
    next.command(|legs, core| legs.restore(core, row));
    assert_eq!(next.event(), LegEvent::MediaRestored);
    next
}

#[test]
fn a_restored_leg_is_held_and_hung_up_by_its_peer() {
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    let agreed = bench.agreed();
    let mut bench = restart(&bench, leg);
    let told = bench.agreed();
    assert_eq!((told.send, told.receive), (agreed.send, agreed.receive));
    assert!(!told.relatch, "the media has not moved");
    bench.receive(&caller.request("INVITE", "", &format!("{OFFER}a=sendonly\r\n")));
    let ok = bench.response(200);
    assert!(body(&ok.body).contains("m=audio 20000 ") && body(&ok.body).contains("a=recvonly"));
    bench.receive(&caller.ack(""));
    assert_eq!(bench.event(), LegEvent::Changed);
    bench.receive(&caller.request("BYE", "", ""));
    bench.response(200);
    assert_eq!(bench.event(), LegEvent::Ended(EndCause::PeerHungUp));
    bench.all_gone();
}

#[test]
fn a_restored_leg_is_hung_up_by_us_with_a_number_never_used() {
    let mut bench = Bench::new(profile());
    let (leg, _) = bench.called(&[(HeaderName::RecordRoute, "<sip:p1;lr>")]);
    let row = saved(&bench, leg).expect("confirmed");
    // Used after the row was written.
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let used = bench.request(Method::Invite).headers.cseq().expect("CSeq");
    let mut next = Bench::new(profile());
    next.command(|legs, core| legs.restore(core, row));
    next.hang_up(leg);
    let bye = next.request(Method::Bye);
    assert!(bye.headers.cseq().expect("CSeq").number > used.number);
    assert_eq!(bye.headers.to().expect("To").tag(), Some("b1"));
    assert_eq!(text(&bye.headers, &HeaderName::Route), "<sip:p1;lr>");
}

#[test]
fn a_restored_leg_can_be_transferred() {
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    let mut bench = restart(&bench, leg);
    bench.receive(&caller.request("REFER", "Refer-To: <sip:300@h>\r\n", ""));
    assert!(matches!(bench.event(), LegEvent::Transfer(_)));
    bench.command(|legs, core| legs.transfer_accepted(core, leg));
    bench.response(202);
    bench.request(Method::Notify);
}

#[test]
fn a_restored_session_of_ours_to_refresh_is_refreshed_soon() {
    // The peer may have waited for it since; and it tells whether the peer is still there.
    let mut bench = Bench::new(Profile {
        timer: Use::Supported,
        ..profile()
    });
    let headers = "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n";
    let (leg, caller) = bench.answered(headers);
    let first = caller.last.expect("a 200").body;
    let mut bench = restart(&bench, leg);
    bench.wait(Duration::from_millis(1900));
    bench.silent();
    bench.wait(seconds(31));
    let refresh = bench.request(Method::Invite);
    assert_eq!(body(&refresh.body), body(&first), "word for word");
}

#[test]
fn keys_survive_and_never_show() {
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let line = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n");
    let offer = OFFER.replace("RTP/AVP", "RTP/SAVP") + &line;
    let leg = bench.incoming(&mut caller, "", &offer);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.receive(&caller.ack(""));
    let before = bench.agreed().crypto;
    let row = saved(&bench, leg).expect("confirmed");
    let shown = format!("{row:?}{:?}", bench.legs);
    assert!(!shown.contains("119, 68, 102"), "the key's first bytes");
    let bench = restart(&bench, leg);
    assert_eq!(bench.agreed().crypto, before);
}

#[test]
fn a_leg_by_tcp_is_reached_by_a_new_connection_or_heard_of_again() {
    let mut bench = Bench::new(profile());
    let (leg, mut caller) = bench.answered("");
    let stream = Flow {
        transport: Transport::Tcp,
        stream: Some(9),
        ..flow()
    };
    bench.receive_by(stream, &caller.request("OPTIONS", "", ""));
    bench.response(200);
    let mut next = restart(&bench, leg);
    next.hang_up(leg);
    assert_eq!(next.connects.len(), 1);
    next.request(Method::Bye);

    // The connection outlived the process.
    let mut next = restart(&bench, leg);
    next.command(|legs, _| legs.flow_opened(stream));
    next.hang_up(leg);
    assert!(next.connects.is_empty());
    assert_eq!(next.sent.front().map(|(by, _)| *by), Some(stream));
}

#[test]
fn what_is_not_confirmed_is_not_kept() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    assert_eq!(saved(&bench, leg), None);
}
