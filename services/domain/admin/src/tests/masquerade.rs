//! People see that a router hides who comes in, why it is thought, and what to do (R67, R68, T7).

use ipc::guard::Request as Ask;
use ipc::masquerade::{Case, Evidence, Listener, Report, Signal, State};
use ipc::site::Role;
use serde_json::json;

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, text};
use crate::Body;

fn evidence(signal: Signal, values: &[u32]) -> Evidence {
    Evidence {
        signal,
        count: 3,
        first_secs: 600,
        last_secs: 61,
        values: values.to_vec(),
    }
}

pub(super) fn report(state: State) -> Report {
    Report {
        cases: vec![Case {
            listener: Listener::SipUdp,
            address: "192.168.1.1".into(),
            state,
            evidence: vec![
                evidence(Signal::Distances, &[52, 117]),
                evidence(Signal::Attack, &[]),
            ],
        }],
    }
}

fn page(world: &mut World, session: &str, language: &str) -> String {
    let asked = get("/masquerade", session).with("accept-language", language);
    let page = text(&world.ask(&asked));
    assert_eq!(super::markup::wrong(&page), [""; 0]);
    page
}

#[test]
fn a_router_that_hides_who_comes_in_is_said_in_red_with_why_and_what_to_do() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let quiet = page(&mut world, &session, "en");
    assert!(quiet.contains("No router hides who comes in"), "{quiet}");
    assert!(!quiet.contains("headline"), "{quiet}");
    world.guard.status.masquerade = report(State::Confirmed);
    let red = page(&mut world, &session, "en");
    for wanted in [
        "headline bad",
        "A router hides who comes in from outside",
        "52, 117",
        "(3 ×, last ago 2 min)",
        "SIP (UDP)",
        "his country is not known",
        "MikroTik",
        "Out. Interface",
        "Test again",
    ] {
        assert!(red.contains(wanted), "{wanted}: {red}");
    }
    let portuguese = page(&mut world, &session, "pt-BR");
    for wanted in [
        "Um roteador esconde quem chega de fora",
        "Testar de novo",
        "regra de hairpin",
    ] {
        assert!(portuguese.contains(wanted), "{wanted}: {portuguese}");
    }
    let seen = body(&world.ask(&get("/api/masquerade", &session)));
    assert_eq!(seen["state"], "confirmed");
    assert_eq!(seen["defeats_countries"], true);
    assert_eq!(seen["outside"], json!([]), "nothing has proved it");
    assert_eq!(seen["cases"][0]["evidence"][0]["values"], json!([52, 117]));
    let events = world.ask(&get("/masquerade/events", &session).with("accept-language", "en"));
    let Body::Events(events) = &events.body else {
        panic!("not a stream");
    };
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|it| red.contains(&it.data)));
    world.guard.status.masquerade = report(State::Confirmed);
    world.guard.status.masquerade.cases[0].evidence[0].signal = Signal::Probed;
    let proved = page(&mut world, &session, "en");
    assert!(proved.contains("<strong>192.168.1.1</strong>"), "{proved}");
    world.guard.status.masquerade = report(State::Suspect);
    let doubt = page(&mut world, &session, "en");
    assert!(
        doubt.contains("headline busy") && !doubt.contains("his country"),
        "{doubt}"
    );
}

#[test]
fn every_signal_has_words_of_its_own() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for signal in Signal::ALL {
        world.guard.status.masquerade = report(State::Suspect);
        world.guard.status.masquerade.cases[0].evidence = vec![evidence(signal, &[])];
        for language in ["en", "pt-BR"] {
            let page = page(&mut world, &session, language);
            let is_unknown = page.contains("something else") || page.contains("outra coisa");
            assert!(!is_unknown, "{signal:?}");
        }
    }
}

#[test]
fn the_first_page_and_the_api_warn_of_it() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let warnings =
        |world: &mut World| body(&world.ask(&get("/api/status", &session)))["warnings"].to_string();
    world.admin.take_masquerade(&report(State::None));
    assert!(!warnings(&mut world).contains("router"));
    world.admin.take_masquerade(&report(State::Suspect));
    assert!(warnings(&mut world).contains("seems to write its own address"));
    world.admin.take_masquerade(&report(State::Confirmed));
    assert!(warnings(&mut world).contains("(masquerade)"));
    world.admin.take_masquerade(&Report::default());
    assert!(!warnings(&mut world).contains("router"));
}

#[test]
fn a_change_goes_into_the_trail_once() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let told = |world: &World| {
        let all = world.audits.iter().filter(|it| it.who == "the box");
        let all = all.map(|it| (it.action.clone(), it.before.clone(), it.after.clone()));
        all.collect::<Vec<_>>()
    };
    world.guard.status.masquerade = report(State::Confirmed);
    for _ in 0..2 {
        world.ask(&get("/api/masquerade", &session));
        world.ask(&post("/api/masquerade/again", &session, &json!({})));
    }
    let action = "masquerade at sip-udp by 192.168.1.1".to_owned();
    let why = "confirmed (distances 52 117, attack)".to_owned();
    let began = (action.clone(), "none".to_owned(), why);
    assert_eq!(told(&world), [began]);
    world.guard.status.masquerade = Report::default();
    world.ask(&get("/api/masquerade", &session));
    world.ask(&post("/api/masquerade/again", &session, &json!({})));
    let ended = (action, "confirmed".to_owned(), "none".to_owned());
    assert_eq!(told(&world)[1..], [ended]);
}

#[test]
fn who_mended_a_router_has_it_looked_at_anew_and_the_trail_says_who() {
    let mut world = World::new();
    world.hire("rui", Role::Installer, "100");
    let session = world.sign_in("rui", OWN_PASSWORD);
    let done = world.ask(&form("/masquerade/again", &session, ""));
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/masquerade"))
    );
    assert_eq!(world.guard.asked, [Ask::LookAnew]);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.who, &*audit.action),
        ("rui", "masquerade: looked at anew")
    );
    let done = world.ask(&post("/api/masquerade/again", &session, &json!({})));
    assert_eq!((done.status, body(&done)), (200, json!({})));
    world.hire("eva", Role::Auditor, "101");
    let auditor = world.sign_in("eva", OWN_PASSWORD);
    assert!(!page(&mut world, &auditor, "en").contains("/masquerade/again"));
    world.guard.is_away = true;
    let refused = world.ask(&post("/api/masquerade/again", &session, &json!({})));
    assert_eq!(refused.status, 503);
}
