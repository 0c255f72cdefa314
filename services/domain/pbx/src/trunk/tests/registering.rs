use super::*;

fn tries(carrier: &mut Carrier, time: Duration) -> usize {
    carrier.pass(time);
    carrier.take(&Method::Register).len()
}

#[test]
fn it_registers_with_a_contact_of_its_own_and_refreshes_in_time() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    assert_eq!(first.0.remote, hop(1).remote);
    let request = &first.1;
    assert_eq!(request.uri.to_string(), format!("sip:{CARRIER}"));
    let from = request.headers.from().expect("From");
    assert_eq!(from.uri.to_string(), format!("sip:551132345678@{CARRIER}"));
    let contact = request.headers.text(&HeaderName::Contact).expect("Contact");
    assert!(
        contact.starts_with("<sip:551132345678@10.0.0.1:5060;line="),
        "{contact}"
    );
    assert_eq!(request.headers.expires(), Some(600));
    carrier.challenge(&first, CARRIER, "n1", "");
    let second = carrier.register();
    // pbx trap 6: the same registration one CSeq on.
    let facts = |request: &Request| {
        let headers = &request.headers;
        let cseq = headers.cseq().expect("CSeq").number;
        (headers.call_id().expect("Call-ID").to_owned(), cseq)
    };
    let (call_id, cseq) = facts(&first.1);
    assert_eq!(facts(&second.1), (call_id, cseq + 1));
    assert!(is_right(&second.1, CARRIER, "n1"));
    carrier.accept(&second);
    assert_eq!(carrier.state(), (true, "registered".to_owned()));
    assert!(carrier.events.contains(&Event::TrunkUp {
        trunk: "carrier".to_owned()
    }));
    let (waited, refresh) = carrier.until_register(600);
    assert!((480..=541).contains(&waited), "{waited}");
    // The nonce is used again, so that a refresh needs one request (RFC 7616 §3.4.4).
    assert!(
        credentials(&refresh.1)
            .expect("credentials")
            .contains("nc=00000002")
    );
    carrier.accept(&refresh);
    assert_eq!(carrier.state(), (true, "registered".to_owned()));
}

/// RFC 3261 §10.2.4: what the registrar grants counts, for our own contact.
#[test]
fn the_time_granted_for_our_own_contact_counts() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    let contact = first.1.headers.text(&HeaderName::Contact).expect("Contact");
    let ours = contact.replace("expires=600", "expires=60");
    let both = format!("<sip:551132345678@10.9.9.9>;expires=3000, {ours}");
    carrier.answer(
        &first,
        200,
        &[(HeaderName::Contact, &both), (HeaderName::Expires, "900")],
    );
    assert!(carrier.until_register(55).0 >= 48);
}

/// RFC 7616 §3.3: a stale nonce is renewed without a word, the password is not in doubt.
#[test]
fn a_stale_nonce_is_answered_again() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.challenge(&first, CARRIER, "n1", "");
    let second = carrier.register();
    carrier.challenge(&second, CARRIER, "n2", ", stale=true");
    let third = carrier.register();
    assert!(is_right(&third.1, CARRIER, "n2"));
    carrier.accept(&third);
    assert!(carrier.state().0);
    // A nonce from the last time that is not called stale was simply forgotten: answered as well.
    let (_, refresh) = carrier.until_register(560);
    carrier.challenge(&refresh, CARRIER, "n3", "");
    let again = carrier.register();
    assert!(is_right(&again.1, CARRIER, "n3"));
}

/// pbx trap 23: no loop of 401s, and no knocking on.
#[test]
fn a_password_that_is_not_believed_is_not_sent_again_soon() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.challenge(&first, CARRIER, "n1", "");
    let second = carrier.register();
    carrier.challenge(&second, CARRIER, "n2", "");
    carrier.no_register();
    let reason = "refused: user or password is wrong".to_owned();
    assert_eq!(carrier.state(), (false, reason.clone()));
    let trunk = "carrier".to_owned();
    assert!(carrier.events.contains(&Event::TrunkDown { trunk, reason }));
    assert!((150..=301).contains(&carrier.until_register(301).0));
}

/// pbx trap 23: a server that calls every nonce stale gets tired before we do.
#[test]
fn endless_staleness_ends() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let mut asked = 0;
    loop {
        let mut registers = carrier.take(&Method::Register);
        let Some(request) = registers.pop() else {
            break;
        };
        asked += 1;
        assert!(asked < 20, "a loop");
        carrier.challenge(&request, CARRIER, &format!("n{asked}"), ", stale=true");
    }
    assert_eq!(asked, 5);
}

/// Point 3: credentials never answer a challenge for another realm.
#[test]
fn another_realm_gets_no_credentials() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.challenge(&first, "elsewhere.example", "n1", "");
    carrier.no_register();
    let (up, state) = carrier.state();
    assert!(
        !up && state.contains("realm \"elsewhere.example\""),
        "{state}"
    );
    assert_eq!(tries(&mut carrier, secs(100)), 0);
}

#[test]
fn of_several_challenges_ours_is_answered_in_the_servers_order() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    let challenge = |realm: &str, rest: &str| format!("Digest realm=\"{realm}\", {rest}");
    let values = [
        challenge(
            "elsewhere.example",
            "nonce=\"a\", qop=\"auth\", algorithm=MD5",
        ),
        challenge(CARRIER, "nonce=\"b\", qop=\"auth\", algorithm=SHA-512-256"),
        challenge(CARRIER, "nonce=\"c\", qop=\"auth\", algorithm=SHA-256"),
        challenge(CARRIER, "nonce=\"d\", qop=\"auth\", algorithm=MD5"),
    ];
    let fields = values
        .each_ref()
        .map(|value| (HeaderName::WwwAuthenticate, &**value));
    carrier.answer(&first, 401, &fields);
    let second = carrier.register().1;
    let name = HeaderName::Authorization;
    let sent: Vec<_> = second.headers.credentials(&name).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent.iter().all(|it| it.nonce == "c" && it.realm == CARRIER));
}

/// RFC 3261 §22.3: a proxy on the way may ask too, and is answered beside the registrar.
#[test]
fn a_proxy_and_the_registrar_may_both_ask() {
    let mut trunk = registering();
    if let TrunkAccess::Registering { realm, .. } = &mut trunk.access {
        *realm = "voice".to_owned();
    }
    let mut carrier = Carrier::at(trunk, &[hop(1)]);
    let first = carrier.register();
    let value = "Digest realm=\"voice\", nonce=\"p\", qop=\"auth\"";
    carrier.answer(&first, 407, &[(HeaderName::ProxyAuthenticate, value)]);
    let second = carrier.register();
    assert!(
        second
            .1
            .headers
            .first(&HeaderName::ProxyAuthorization)
            .is_some()
    );
    carrier.challenge(&second, "voice", "n", "");
    let third = carrier.register();
    assert!(
        third
            .1
            .headers
            .first(&HeaderName::ProxyAuthorization)
            .is_some()
    );
    assert!(is_right(&third.1, "voice", "n"));
    carrier.accept(&third);
    assert!(carrier.state().0);
}

/// RFC 3261 §10.2.8.
#[test]
fn a_longer_time_is_asked_for_when_the_registrar_wants_one() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.answer(&first, 423, &[(HeaderName::MinExpires, "1800")]);
    let second = carrier.register();
    assert_eq!(second.1.headers.expires(), Some(1800));
    // What makes no sense is a refusal, not a loop.
    carrier.answer(&second, 423, &[(HeaderName::MinExpires, "60")]);
    carrier.no_register();
    assert!(!carrier.state().0);
}

/// pbx trap 23: who is blocked must not make it worse.
#[test]
fn a_403_is_followed_by_ever_longer_silence() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let mut longest = 0;
    let mut request = carrier.register();
    for _ in 0..6 {
        carrier.answer(&request, 403, &[]);
        assert_eq!(
            carrier.state(),
            (false, "refused: 403 Forbidden".to_owned())
        );
        let waited;
        (waited, request) = carrier.until_register(3601);
        assert!(waited >= 150, "{waited}");
        longest = longest.max(waited);
    }
    assert!(longest > 1800, "{longest}");
}

#[test]
fn retry_after_is_honoured() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.answer(&first, 503, &[(HeaderName::RetryAfter, "120 (busy)")]);
    assert_eq!(tries(&mut carrier, secs(119)), 0);
    assert_eq!(tries(&mut carrier, secs(2)), 1);
}

/// RFC 3263 §4.3: the ways in the order of DNS, on 503 and on silence; then a pause.
#[test]
fn the_next_way_is_tried_when_one_fails() {
    let mut carrier = Carrier::at(registering(), &[hop(1), hop(2), hop(3)]);
    let first = carrier.register();
    assert_eq!(first.0.remote, hop(1).remote);
    carrier.answer(&first, 503, &[]);
    let second = carrier.register();
    assert_eq!(second.0.remote, hop(2).remote);
    carrier.pass(secs(33));
    let third = carrier.register();
    assert_eq!(
        third.0.remote,
        hop(3).remote,
        "nobody answered within 64*T1"
    );
    carrier.answer(&third, 500, &[]);
    carrier.no_register();
    carrier.pass(secs(6));
    let again = carrier.register();
    carrier.answer(&again, 500, &[]);
    let again = carrier.register();
    assert_eq!(again.0.remote, hop(2).remote);
    carrier.accept(&again);
    assert!(carrier.state().0);
    // A refresh goes where the registration is, as long as that works.
    let (_, refresh) = carrier.until_register(550);
    assert_eq!(refresh.0.remote, again.0.remote);
}

#[test]
fn failures_in_a_row_are_followed_by_longer_pauses_and_success_forgets_them() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let mut request = carrier.register();
    for least in [2, 5, 10, 20, 40, 80, 150] {
        carrier.answer(&request, 500, &[]);
        let waited;
        (waited, request) = carrier.until_register(301);
        assert!(
            (least..=2 * least + 2).contains(&waited),
            "{least}: {waited}"
        );
    }
    carrier.accept(&request);
    let (_, refresh) = carrier.until_register(550);
    carrier.answer(&refresh, 500, &[]);
    assert!(carrier.until_register(6).0 <= 6);
}

/// A registration that is not renewed is not believed in.
#[test]
fn what_was_granted_runs_out() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.accept(&first);
    carrier.pass(secs(601));
    assert!(!carrier.state().0);
    let down = carrier
        .events
        .iter()
        .any(|event| matches!(event, Event::TrunkDown { .. }));
    assert!(down);
}

#[test]
fn switching_off_takes_the_registration_away_and_waits_a_moment_for_it() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.accept(&first);
    carrier.trunks.shut_down(&mut carrier.core);
    carrier.settle();
    let bye = carrier.register();
    assert_eq!(bye.1.headers.expires(), Some(0));
    let contact = |request: &Request| {
        let contact = request.headers.text(&HeaderName::Contact).expect("Contact");
        contact
            .split(";expires")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(contact(&bye.1), contact(&first.1));
    assert!(!carrier.trunks.is_settled());
    carrier.challenge(&bye, CARRIER, "n9", "");
    let bye = carrier.register();
    assert!(is_right(&bye.1, CARRIER, "n9"));
    carrier.answer(&bye, 200, &[]);
    assert!(carrier.trunks.is_settled());
}

#[test]
fn a_configuration_that_comes_while_switching_off_registers_nothing() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.accept(&first);
    carrier.core.stopping = true;
    carrier.trunks.shut_down(&mut carrier.core);
    carrier.settle();
    carrier.register();
    carrier.configure(|raw| raw.trunks = vec![registering()]);
    assert_eq!(carrier.questions().len(), 1);
}

#[test]
fn a_carrier_that_does_not_hear_us_leave_does_not_hold_us_back() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.accept(&first);
    carrier.trunks.shut_down(&mut carrier.core);
    carrier.settle();
    carrier.pass(secs(4));
    assert!(carrier.trunks.is_settled());
}

#[test]
fn a_configuration_touches_only_what_it_changes() {
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    let first = carrier.register();
    carrier.accept(&first);
    // Codecs and channels need no new registration.
    let mut changed = registering();
    changed.channels_max = 2;
    carrier.configure(|raw| raw.trunks = vec![changed]);
    carrier.no_register();
    assert!(carrier.state().0);
    assert_eq!(carrier.trunks.channels_max("carrier"), 2);
    // Another user does: the old one leaves.
    let mut changed = registering();
    if let TrunkAccess::Registering { user, .. } = &mut changed.access {
        *user = "other".to_owned();
    }
    carrier.configure(|raw| raw.trunks = vec![changed]);
    let bye = carrier.register();
    assert_eq!(bye.1.headers.expires(), Some(0));
    carrier.resolve(&[hop(1)], 60);
    let new = carrier.register();
    assert_eq!(
        new.1
            .headers
            .from()
            .ok()
            .and_then(|it| it.uri.user())
            .as_deref(),
        Some("other")
    );
}

/// The Contact is the same after a restart, so that the carrier has one binding and not two.
#[test]
fn a_restart_registers_the_same_contact() {
    let contact = |seed| {
        let mut carrier = Carrier::new(vec![registering()]);
        carrier.core = Core::new(Rng::from_seed(seed), Entropy::new([9; 32]));
        carrier.configure(|raw| raw.trunks = Vec::new());
        carrier.configure(|raw| raw.trunks = vec![registering()]);
        carrier.resolve(&[hop(1)], 60);
        let (_, request) = carrier.register();
        request
            .headers
            .text(&HeaderName::Contact)
            .expect("Contact")
            .to_owned()
    };
    assert_eq!(contact(1), contact(2));
}

/// RFC 3261 §8.1.2, RFC 3608 §5.
#[test]
fn an_outbound_proxy_is_resolved_and_named_in_route() {
    let mut trunk = registering();
    trunk.outbound_proxy = "proxy.example.net:5080".to_owned();
    let mut carrier = Carrier::new(vec![trunk]);
    let asked = carrier.outputs.iter().find_map(|output| match output {
        Output::Resolve { query, .. } => Some((query.host.clone(), query.port)),
        _ => None,
    });
    assert_eq!(asked, Some(("proxy.example.net".to_owned(), Some(5080))));
    carrier.resolve(&[hop(1)], 60);
    let request = carrier.register();
    let route = request.1.headers.text(&HeaderName::Route);
    assert_eq!(route, Some("<sip:proxy.example.net:5080;lr>"));
    assert_eq!(request.1.uri.to_string(), format!("sip:{CARRIER}"));
}
