//! SIPp, baresip and Kamailio against the built image: the same plays as `plays` of the crate
//! `netns` has against the services alone, with settings that are entered by the web API.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use ipc::site::Site;
use netns::{EXTENSIONS, Need, Office};
use serde_json::json;

#[path = "../../netns/tests/plays/baresip.rs"]
mod baresip;
#[path = "../../netns/tests/plays/calls.rs"]
mod calls;
#[path = "../../netns/tests/plays/digest.rs"]
mod digest;
#[path = "../../netns/tests/plays/features.rs"]
mod features;
#[path = "../../netns/tests/plays/outside.rs"]
mod outside;
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

/// Whether a scenario with this need is played; why not, if it is not.
fn is_played(need: Need) -> bool {
    let why = match need {
        Need::Ipv6 => "the network of the lab has IPv4 only".to_owned(),
        Need::Patience if std::env::var_os(LONG_VARIABLE).is_some() => return true,
        Need::Patience => format!("it takes half a minute; {LONG_VARIABLE}=1 plays it"),
    };
    native::say(&format!("    not played: {why}"));
    false
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
