//! SIPp, baresip and Kamailio against the built image: the same plays as `plays` of the crate
//! `netns` has against the services alone, with settings that are entered by the web API.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::net::SocketAddr;

use ipc::Redacted;
use ipc::site::Site;
use netns::{EXTENSIONS, Line, Office, Place};
use serde_json::json;

#[path = "../../netns/tests/plays/baresip.rs"]
mod baresip;
#[path = "../../netns/tests/plays/calls.rs"]
mod calls;
#[path = "../../netns/tests/plays/digest.rs"]
mod digest;
#[path = "../../netns/tests/plays/features.rs"]
mod features;
#[path = "../../netns/tests/plays/guessing.rs"]
mod guessing;
#[path = "../../netns/tests/plays/outside.rs"]
mod outside;
#[path = "../../netns/tests/plays/patience.rs"]
mod patience;
#[path = "../../netns/tests/plays/survival.rs"]
mod survival;
#[path = "../../netns/tests/plays/transfer.rs"]
mod transfer;
#[path = "../../netns/tests/plays/trunk.rs"]
mod trunk;

/// When it is set, what takes half a minute is played too.
const LONG_VARIABLE: &str = "RAMAL_LONG";

/// An office on the one box of this file; the plays take turns.
fn office(arrange: impl FnOnce(&mut Site)) -> Office {
    office_of(EXTENSIONS, arrange)
}

fn office_of(extensions: usize, arrange: impl FnOnce(&mut Site)) -> Office {
    let start = || e2e::switched_on("office");
    Office::on_the_image(start, extensions, arrange).expect("an office")
}

/// Whether what waits for half a minute is played; the reason is told if not.
fn has_patience() -> bool {
    let has = std::env::var_os(LONG_VARIABLE).is_some();
    if !has {
        native::say(&format!(
            "    not played: it takes half a minute; {LONG_VARIABLE}=1 plays it"
        ));
    }
    has
}

#[test]
fn the_pages_are_served_over_ipv6() {
    let office = office(|_| {});
    let own = office.server6().ip();
    let api = office.api().expect("a box").clone();
    let status = api
        .at(SocketAddr::new(own, 443))
        .status()
        .expect("a status");
    let shown = status["network"][0]["ipv6"].as_array().expect("addresses");
    assert!(shown.contains(&json!(format!("{own}/64"))), "{shown:?}");
}

/// R51 the other way round: nobody may be kept out of his own office because the router has given
/// him an address of the Internet.
#[test]
fn a_phone_that_the_router_gave_a_public_ipv6_address_is_inside() {
    let office = office(|_| {});
    let mut caller = office
        .telephone_in(Place::Lent, office.line(0))
        .expect("a telephone");
    let mut called = office.telephone(1).expect("a telephone");
    for telephone in [&mut caller, &mut called] {
        let answer = telephone.register().expect("an answer");
        assert_eq!(answer.status, sip::StatusCode::OK);
    }
    let call = caller.dial(&called.number).expect("a call");
    let incoming = called.ring().expect("it rings");
    called.pick_up(&incoming).expect("it is answered");
    let mut ours = caller.answered(&call).expect("an answer");
    caller.hang_up(&mut ours).expect("it is hung up");
    called.expect(&sip::Method::Bye).expect("the end");
}

/// R51: an extension is used from outside only if its flag is set, over both versions of IP.
#[test]
fn who_comes_through_the_router_registers_with_the_remote_flag_only() {
    const FLAGGED: &str = "1990";
    let office = office(|_| {});
    let api = office.api().expect("a box");
    let made = api.post(
        "/api/extensions",
        &json!({"number": FLAGGED, "remote": true}),
    );
    let made = made.expect("an extension");
    let flagged = || Line {
        number: FLAGGED.to_owned(),
        password: Redacted::new(made["password"].as_str().unwrap_or_default().to_owned()),
    };
    // Asks `pbx`, which by then has heard of it.
    api.status().expect("a status");
    for place in [Place::Internet, Place::Internet6] {
        let register = |line: Line| {
            let mut telephone = office.telephone_in(place, line).expect("a telephone");
            let answer = telephone.register().expect("an answer");
            if answer.status.is_success() {
                telephone.leave().expect("it leaves");
            }
            answer.status
        };
        let refused = register(office.line(0));
        assert_eq!(refused, sip::StatusCode::FORBIDDEN, "from {place:?}");
        assert_eq!(register(flagged()), sip::StatusCode::OK, "from {place:?}");
    }
    let mut inside = office.telephone(0).expect("a telephone");
    let answer = inside.register().expect("an answer");
    assert_eq!(answer.status, sip::StatusCode::OK);
    let deleted = api.delete(&format!("/api/extensions/{FLAGGED}"));
    deleted.expect("it is deleted");
}

/// The route simulator is asked about a call before it is made, and both come to the same; so it is
/// with the number of calls at one time that the warnings give a thief.
#[test]
fn what_the_box_explains_is_what_it_does() {
    let (office, mut caller, mut outside) = outside::with_a_line(0, |_| {});
    let api = office.api().expect("a box");
    let ask = |dialled: &str| {
        let question = json!({ "from": caller.number, "dialled": dialled, "language": "en" });
        let answer = api.post("/api/routes/explain", &question);
        answer.expect("an explanation")
    };
    let questions = ["011988887777", "190", "0900123456", "00351211234567", "77"];
    let answers = questions.map(|dialled| (dialled, ask(dialled)));
    let warned = api.get("/api/routes/warnings?language=en");
    let warned = warned.expect("warnings");
    for (dialled, answer) in answers {
        native::say(&format!("    explained: {dialled}: {}", answer["text"]));
        let outcome = &answer["outcome"];
        match outcome["kind"].as_str() {
            Some("refused") => {
                let status = outcome["status"].as_u64().and_then(|it| it.try_into().ok());
                let status = status.and_then(sip::StatusCode::new).expect("a status");
                outside::prove_refused(&mut caller, dialled, status);
            }
            Some("call" | "emergency") => {
                let attempt = &outcome["stages"][0]["attempts"][0];
                let asked = attempt["number"].as_str().expect("a number");
                outside::prove_passes(&mut caller, &mut outside, dialled, asked);
            }
            _ => panic!("{answer}"),
        }
    }
    let mut worst = warned["worst_cases"].as_array().into_iter().flatten();
    let worst = worst.find(|worst| worst["extension"] == caller.number);
    let worst = worst.expect("a worst case");
    native::say(&format!("    warned: {}", worst["text"]));
    let calls = worst["calls"].as_u64().expect("a number");
    let mut calls: Vec<_> = (0..calls)
        .map(|_| outside::talk(&mut caller, &mut outside))
        .collect();
    outside::prove_refused(&mut caller, "011988887777", sip::StatusCode::FORBIDDEN);
    for dialog in &mut calls {
        outside::end(&mut caller, dialog, &mut outside);
    }
}
