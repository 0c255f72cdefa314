use std::sync::Arc;

use config::Network;
use sip::{HeaderName, Response, StatusCode};

use crate::interface::{AuthFailure, Event, Input};
use crate::scripted::{PASSWORD, REALM, Rig, answered, register, site};

const INSIDE: &str = "10.0.0.2:5060";
const OUTSIDE: &str = "203.0.113.9:5060";
const NEIGHBOUR_V4: &str = "10.0.0.3:5060";
const NEIGHBOUR: &str = "[2001:db8:0:1::9]:5060";

/// The response as sent, without what belongs to the request: its addresses and our tag.
fn face(response: &Response) -> String {
    let own = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ];
    let mut face = response.clone();
    for name in own {
        face.headers.remove(&name);
    }
    String::from_utf8(face.to_bytes()).expect("text")
}

fn classes(rig: &Rig) -> Vec<AuthFailure> {
    let failures = rig.events.iter().filter_map(|event| match event {
        Event::AuthFailure { class, .. } => Some(*class),
        _ => None,
    });
    failures.collect()
}

/// pbx trap 33, R70: the bytes are compared; that the work is the same is proved beside the digest.
#[test]
fn an_unknown_user_a_wrong_password_and_a_wrong_network_are_told_the_same_bytes() {
    let mut rig = Rig::new();
    let mut refusal = |remote: &str, user: &str, password: &str| {
        let request = register(user, "call", 1, &["<sip:x@10.0.0.2>"]);
        let response = rig.ask_as(remote, user, password, &request);
        assert_eq!(response.status, StatusCode::FORBIDDEN);
        face(&response)
    };
    let wrong = refusal(INSIDE, "100", "wrong");
    assert_eq!(refusal(INSIDE, "900", "right"), wrong);
    let outside = refusal(OUTSIDE, "100", PASSWORD);
    assert_eq!(refusal(OUTSIDE, "900", PASSWORD), outside);
    assert_eq!(refusal(OUTSIDE, "101", "wrong"), outside);
    assert_eq!(outside, wrong);
    assert_eq!(
        classes(&rig),
        [
            AuthFailure::WrongPassword,
            AuthFailure::UnknownUser,
            AuthFailure::RemoteNotAllowed,
            AuthFailure::UnknownUser,
            AuthFailure::WrongPassword,
        ]
    );
}

/// pbx trap 33: nor may the first question tell who exists.
#[test]
fn the_challenge_is_the_same_for_everybody() {
    let mut rig = Rig::new();
    let mut challenge = |remote: &str, user: &str| {
        let response = rig.ask(remote, &register(user, "call", 1, &["<sip:x@10.0.0.2>"]));
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        let text = face(&response);
        let nonce = text
            .split("nonce=\"")
            .nth(1)
            .and_then(|it| it.split('"').next());
        text.replace(nonce.expect("a nonce"), "")
    };
    let known = challenge(INSIDE, "100");
    assert_eq!(challenge(INSIDE, "900"), known);
    assert_eq!(challenge(OUTSIDE, "100"), known);
}

/// R51, R70.
#[test]
fn an_extension_without_the_remote_flag_registers_from_inside_only() {
    let mut rig = Rig::new();
    let mut check = |remote: &str, user: &str, expected| {
        let request = register(user, remote, 1, &["<sip:x@10.0.0.2>"]);
        let response = rig.ask_as(remote, user, PASSWORD, &request);
        assert_eq!(response.status, expected, "{user} from {remote}");
    };
    check(INSIDE, "100", StatusCode::OK);
    check(OUTSIDE, "100", StatusCode::FORBIDDEN);
    check(INSIDE, "101", StatusCode::OK);
    check(OUTSIDE, "101", StatusCode::OK);
}

#[test]
fn the_site_says_what_is_inside_and_an_extension_may_be_bound_to_networks() {
    let mut rig = Rig::with_site(site(|raw| {
        raw.networks.internal = vec!["203.0.113.0/24".to_owned()];
        for extension in &mut raw.extensions {
            match extension.number.as_str() {
                "101" => extension.settings.networks = vec!["198.51.100.0/24".to_owned()],
                "102" => extension.settings.networks = vec!["203.0.113.8/29".to_owned()],
                _ => {}
            }
        }
    }));
    let mut check = |remote: &str, user: &str, expected| {
        let request = register(user, remote, 1, &["<sip:x@10.0.0.2>"]);
        let response = rig.ask_as(remote, user, PASSWORD, &request);
        assert_eq!(response.status, expected, "{user} from {remote}");
    };
    check(OUTSIDE, "100", StatusCode::OK);
    check(INSIDE, "100", StatusCode::FORBIDDEN);
    check("198.51.100.7:5060", "101", StatusCode::OK);
    check(OUTSIDE, "101", StatusCode::FORBIDDEN);
    check(OUTSIDE, "102", StatusCode::OK);
    check("203.0.113.99:5060", "102", StatusCode::FORBIDDEN);
}

/// pbx trap 6: `auth-int` was not on offer; that is no guess at a password.
#[test]
fn a_quality_of_protection_not_offered_is_refused_cleanly() {
    let mut rig = Rig::new();
    let request = register("100", "call", 1, &["<sip:x@10.0.0.2>"]);
    let challenged = rig.ask(INSIDE, &request);
    let mut request = answered(&challenged, "100", PASSWORD, &request);
    let value = request.headers.text(&HeaderName::Authorization);
    let value = value
        .expect("credentials")
        .replace("qop=auth", "qop=auth-int");
    request.headers.set(HeaderName::Authorization, value);
    assert_eq!(rig.ask(INSIDE, &request).status, StatusCode::FORBIDDEN);
    assert_eq!(classes(&rig), [AuthFailure::Malformed]);
}

/// RFC 3261 §22.3: credentials for other realms travel beside ours.
#[test]
fn of_several_credentials_those_for_our_realm_count() {
    let mut rig = Rig::new();
    let request = register("100", "call", 1, &["<sip:x@10.0.0.2>"]);
    let challenged = rig.ask(INSIDE, &request);
    let mut request = answered(&challenged, "100", PASSWORD, &request);
    let ours = request.headers.text(&HeaderName::Authorization);
    let ours = ours.expect("credentials").to_owned();
    let other = ours.replace(&format!("realm=\"{REALM}\""), "realm=\"elsewhere\"");
    request.headers.set(HeaderName::Authorization, other);
    request
        .headers
        .push(HeaderName::Authorization, "Basic eDp5");
    request.headers.push(HeaderName::Authorization, ours);
    assert_eq!(rig.ask(INSIDE, &request).status, StatusCode::OK);
}

/// RFC 8760 §2.4: the strongest first, and each a field of its own.
#[test]
fn sha_256_is_offered_before_md5() {
    let mut rig = Rig::new();
    let response = rig.ask(INSIDE, &register("100", "call", 1, &[]));
    let offered = response.headers.all(&HeaderName::WwwAuthenticate);
    let offered: Vec<_> = offered
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect();
    assert_eq!(offered.len(), 2);
    for (value, algorithm) in offered.iter().zip(["SHA-256", "MD5"]) {
        assert!(
            value.contains(&format!("algorithm={algorithm},")),
            "{value}"
        );
    }
}

/// R51 where the router gives the phones addresses of the Internet: they sit on the box's cable.
#[test]
fn a_phone_of_the_boxs_own_public_network_registers_as_one_inside() {
    let mut rig = Rig::new();
    let check = |rig: &mut Rig, call_id: &str, expected| {
        let request = register("100", call_id, 1, &["<sip:x@10.0.0.2>"]);
        let response = rig.ask_as(NEIGHBOUR, "100", PASSWORD, &request);
        assert_eq!(response.status, expected, "{call_id}");
    };
    check(&mut rig, "unknown", StatusCode::FORBIDDEN);
    rig.handle(Input::Neighbours(vec![network("2001:db8:0:2::/64")]));
    check(&mut rig, "elsewhere", StatusCode::FORBIDDEN);
    rig.handle(Input::Neighbours(vec![network("2001:db8:0:1::/64")]));
    check(&mut rig, "here", StatusCode::OK);
}

/// A box that starts is told by its router a moment later; a cable may be out for a while.
#[test]
fn a_neighbour_is_not_lost_while_the_box_does_not_know_its_network() {
    let (here, elsewhere) = (network("2001:db8:0:1::/64"), network("2001:db8:0:2::/64"));
    let mut rig = Rig::new();
    rig.handle(Input::Neighbours(vec![here]));
    let request = register("100", "here", 1, &["<sip:x@10.0.0.2>"]);
    rig.ask_as(NEIGHBOUR, "100", PASSWORD, &request);
    let mut next = Rig::unconfigured();
    next.handle(Input::StoredRegistrations(rig.kept()));
    next.handle(Input::Config(1, Arc::new(site(|_| ()))));
    let mut check = |networks: &[Network]| {
        next.handle(Input::Neighbours(networks.to_vec()));
        let version = 2 + networks.len() as u64;
        next.handle(Input::Config(version, Arc::new(site(|_| ()))));
        let bindings = next.node.core().registrar.bindings("100");
        assert_eq!(bindings.len(), 1, "{networks:?}");
    };
    check(&[]);
    check(&[here]);
    check(&[]);
    check(&[elsewhere]);
    check(&[here, elsewhere]);
}

/// Who was never a neighbour of the box is not kept as one.
#[test]
fn a_registration_from_outside_ends_with_the_remote_flag() {
    let mut rig = Rig::new();
    rig.handle(Input::Neighbours(vec![network("2001:db8:0:2::/64")]));
    let with_remote = |is_remote| {
        Arc::new(site(|raw| {
            raw.extensions[0].remote = is_remote;
        }))
    };
    rig.handle(Input::Config(2, with_remote(true)));
    let request = register("100", "outside", 1, &["<sip:x@10.0.0.2>"]);
    let response = rig.ask_as(NEIGHBOUR, "100", PASSWORD, &request);
    assert_eq!(response.status, StatusCode::OK);
    rig.handle(Input::Config(3, with_remote(false)));
    assert_eq!(rig.node.core().registrar.bindings("100").len(), 0);
}

fn network(text: &str) -> Network {
    Network::parse(text).expect(text)
}

/// Otherwise the answer to a nonce that cannot be used would say whether the password is right, and
/// nothing would count the guess.
#[test]
fn a_nonce_that_cannot_be_used_is_told_alike_to_every_password_and_user() {
    let mut rig = Rig::new();
    let asked = register("100", "asked", 1, &["<sip:x@10.0.0.2>"]);
    let elsewhere = rig.ask(NEIGHBOUR_V4, &asked);
    let mut faces = Vec::new();
    for (turn, (user, password)) in [("100", PASSWORD), ("100", "wrong"), ("900", "wrong")]
        .into_iter()
        .enumerate()
    {
        let request = register(user, &format!("guess{turn}"), 1, &["<sip:x@10.0.0.2>"]);
        let guess = answered(&elsewhere, user, password, &request);
        let response = rig.ask(INSIDE, &guess);
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        let text = face(&response);
        assert!(text.contains("stale=true"), "{text}");
        let nonce = text
            .split("nonce=\"")
            .nth(1)
            .and_then(|it| it.split('"').next());
        faces.push(text.replace(nonce.expect("a nonce"), ""));
    }
    assert!(faces.iter().all(|it| *it == faces[0]), "{faces:?}");
    assert_eq!(classes(&rig), [], "nothing was guessed");
}
