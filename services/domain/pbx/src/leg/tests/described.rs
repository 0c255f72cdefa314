//! What is described: each peer gets its own, nothing of another leg (pbx traps 8, 9, 20, 24).

use super::*;

#[test]
fn codecs_of_the_other_party_come_first_and_the_rest_is_left_out() {
    let check = |prefer: &[Codec], formats: &str| {
        let mut bench = Bench::new(profile());
        let mut caller = Remote::caller();
        let leg = bench.incoming(&mut caller, "", OFFER);
        bench.command(|legs, core| legs.answer(core, leg, prefer));
        let text = body(&bench.response(200).body);
        assert!(
            text.contains(&format!("RTP/AVP {formats} 101\r\n")),
            "{text}"
        );
    };
    check(&[codec("PCMU", 0), codec("PCMA", 8)], "0 8");
    check(&[codec("OPUS", 111), codec("PCMU", 0)], "0");
    check(&[codec("G722", 9)], "8 0");
    check(&[], "8 0");
}

#[test]
fn a_caller_with_nothing_for_the_other_party_is_refused() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    bench.command(|legs, core| legs.answer(core, leg, &[codec("G729", 18)]));
    bench.response(488);
}

#[test]
fn a_profile_allows_codecs() {
    let mut bench = Bench::new(Profile {
        codecs: vec!["PCMU".to_owned()],
        ..profile()
    });
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    assert_eq!(bench.legs.offered(leg), [codec("PCMU", 0)]);
    let (_, invite) = bench.outgoing(None);
    assert!(body(&invite.body).contains("RTP/AVP 0 101\r\n"));
}

#[test]
fn payload_types_are_each_sides_own() {
    // pbx traps 8 and 20.
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    assert!(body(&invite.body).contains("a=rtpmap:101 telephone-event/8000"));
    let callee = Remote::callee(&invite, "b1");
    let theirs = answer("8 97").replace("rtpmap:101", "rtpmap:97");
    bench.receive(&callee.answer(&invite, 200, &[], &theirs));
    let events = ipc::sound::Dtmf::Events {
        send: 97,
        receive: 101,
        clock: 8000,
    };
    assert_eq!(bench.agreed().dtmf, events);
}

#[test]
fn a_peer_without_events_sends_tones() {
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    bench.receive(&callee.answer(&invite, 200, &[], &answer("8")));
    assert_eq!(bench.agreed().dtmf, ipc::sound::Dtmf::InBand);
}

#[test]
fn video_and_fax_lines_are_refused_in_their_places() {
    // RFC 3264 §6; pbx trap 8.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let offer = OFFER.replace(
        "m=audio",
        "m=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=audio",
    );
    let offer = format!("{offer}m=image 6000 udptl t38\r\n");
    let leg = bench.incoming(&mut caller, "", &offer);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    let text = body(&bench.response(200).body);
    let media: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        media,
        [
            "m=video 0 RTP/AVP 99",
            "m=audio 20000 RTP/AVP 8 0 101",
            "m=image 0 udptl t38"
        ]
    );
    // A later offer of ours has as many lines (RFC 3264 §8).
    bench.receive(&caller.ack(""));
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let again = body(&bench.request(Method::Invite).body);
    let media = again.lines().filter(|line| line.starts_with("m="));
    assert_eq!(media.count(), 3);
}

#[test]
fn rtcp_and_packet_time_are_handed_to_media() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let more = "a=rtcp:4009\r\na=rtcp-mux\r\na=ptime:30\r\n";
    let leg = bench.incoming(&mut caller, "", &format!("{OFFER}{more}"));
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    assert!(body(&bench.response(200).body).contains("a=rtcp-mux\r\n"));
    let agreed = bench.agreed();
    assert_eq!(agreed.remote_rtcp, Some(address("10.0.0.2:4009")));
    assert!(agreed.rtcp_mux && agreed.packet_time == 30);
    assert_eq!(agreed.signalling, Some(flow().remote));
}

#[test]
fn ipv6_peers_get_ipv6_addresses() {
    let six = Flow {
        local: address("[fd00::1]:5060"),
        remote: address("[fd00::2]:5060"),
        ..flow()
    };
    let mut bench = Bench::new(profile());
    let wanted = Outgoing {
        flow: six,
        ..bench.wanted(None)
    };
    bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    let family = ipc::sound::Family::V6;
    assert!(
        matches!(bench.sound.first(), Some(SoundRequest::Open { family: it, .. }) if *it == family)
    );
    let invite = bench.request(Method::Invite);
    assert!(body(&invite.body).contains("c=IN IP6 fd00::1\r\n"));
    assert_eq!(
        text(&invite.headers, &HeaderName::Contact),
        "<sip:[fd00::1]:5060>"
    );
}

#[test]
fn comfort_noise_is_agreed_when_both_parties_have_it() {
    // pbx trap 24.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let offer = OFFER.replace("RTP/AVP 8 0 101", "RTP/AVP 8 0 13 101");
    let leg = bench.incoming(&mut caller, "", &offer);
    assert_eq!(bench.legs.offered(leg).len(), 3);
    let prefer = [codec("PCMA", 8), codec("CN", 13)];
    bench.command(|legs, core| legs.answer(core, leg, &prefer));
    assert!(body(&bench.response(200).body).contains("RTP/AVP 8 13 101\r\n"));
    assert_eq!(bench.agreed().receive, prefer);
}

#[test]
fn a_description_in_a_multipart_body_is_found() {
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let kind = "Content-Type: multipart/mixed;boundary=x\r\n";
    let parts = format!(
        "--x\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n\
         --x\r\nContent-Type: application/isup\r\n\r\nzz\r\n--x--\r\n"
    );
    let leg = bench.incoming(&mut caller, kind, &parts);
    assert_eq!(bench.legs.offered(leg).len(), 2);
}

#[test]
fn no_address_of_one_peer_reaches_another() {
    // pbx trap 8: what the legs describe is made afresh.
    let mut bench = Bench::new(profile());
    let mut caller = Remote::caller();
    let leg = bench.incoming(&mut caller, "", OFFER);
    let codecs = bench.legs.offered(leg).to_vec();
    let wanted = Outgoing {
        codecs,
        ..bench.wanted(None)
    };
    bench
        .command(|legs, core| legs.outgoing(core, wanted))
        .expect("room");
    let invite = bench.request(Method::Invite);
    assert!(!body(&invite.body).contains("10.0.0.2"));
}

/// A site whose tunnel leads to 10.200.0.0/24.
fn with_tunnel() -> Bench {
    let mut raw = config::Site::factory("ramal").to_ipc();
    raw.tunnel = Some(ipc::site::Tunnel {
        addresses: vec!["10.200.0.5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: "hub.example.com".into(),
        allowed: vec!["10.200.0.0/24".into()],
        ..ipc::site::Tunnel::default()
    });
    let site = config::Site::parse(&raw).expect("right");
    let mut bench = Bench::new(profile());
    bench.core.site = Some((1, site.into()));
    bench
}

#[test]
fn sound_goes_into_the_grid_only_to_who_is_there_himself() {
    let into_grid = [
        OFFER.replace("c=IN IP4 10.0.0.2", "c=IN IP4 10.200.0.9"),
        format!("{OFFER}a=rtcp:4001 IN IP4 10.200.0.9\r\n"),
    ];
    for offer in into_grid {
        let mut bench = with_tunnel();
        bench.receive(&Remote::caller().invite("", &offer));
        let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
        let there = Flow {
            remote: address("10.200.0.9:5060"),
            ..flow
        };
        for (from, wanted) in [
            (flow, Err(StatusCode::NOT_ACCEPTABLE_HERE)),
            (there, Ok(())),
        ] {
            let (peer, profile) = (Peer::Extension("100".to_owned()), bench.profile.clone());
            let let_in =
                bench.command(|legs, core| legs.incoming(core, id, from, &request, peer, profile));
            assert_eq!(let_in.map(drop), wanted, "{from:?} {offer}");
        }
    }
}

#[test]
fn an_answer_that_leads_into_the_grid_ends_the_call() {
    let mut bench = with_tunnel();
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "b1");
    let theirs = answer("8 101").replace("c=IN IP4 10.0.0.2", "c=IN IP4 10.200.0.9");
    bench.receive(&callee.answer(&invite, 200, &[], &theirs));
    bench.request(Method::Ack);
    bench.request(Method::Bye);
    let is_set = |it: &SoundRequest| matches!(it, SoundRequest::Set(..));
    assert!(!bench.sound.iter().any(is_set), "{:?}", bench.sound);
}
