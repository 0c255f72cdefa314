//! The recovery code of the data: shown once, to who says his password, and never unrecorded.

use ipc::init;
use serde_json::json;

use super::world::{OWN_PASSWORD, World, form, get, goes_on, json as body, post as sent, text};
use crate::{Peer, Response};

const CODE: &str = "000G-40ZZ-ZVYZ-R410-6105-0R3G-G28A-1C60";
const SHOW: &str = "/api/firmware/recovery-code";
const RENEW: &str = "/api/firmware/recovery-code/new";

fn post(world: &mut World, session: &str, path: &str, password: &str) -> Response {
    world.ask(&sent(path, session, &json!({ "password": password })))
}

fn last_audit(world: &World) -> (&str, &str) {
    let audit = world.audits.last().expect("an entry");
    (&audit.who, &audit.action)
}

#[test]
fn the_code_is_shown_once_and_that_is_on_record() {
    let mut world = World::new();
    world.recovery_code = Some(CODE);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let shown = post(&mut world, &session, SHOW, OWN_PASSWORD);
    assert_eq!(body(&shown), json!({ "recovery_code": CODE }));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(last_audit(&world), ("admin", "recovery code shown"));
    let session = goes_on(&shown, &session);
    let again = post(&mut world, &session, SHOW, OWN_PASSWORD);
    assert_eq!(again.status, 409);
    assert!(!format!("{:?} {:?}", world.audits, world.asked_init).contains("ZVYZ"));
}

#[test]
fn an_open_session_alone_does_not_get_it() {
    let mut world = World::new();
    world.recovery_code = Some(CODE);
    let session = world.sign_in("admin", OWN_PASSWORD);
    for path in [SHOW, RENEW] {
        let refused = post(&mut world, &session, path, "not his password");
        assert_eq!(refused.status, 400, "{path}");
        let why = "confirmation refused: the password was wrong";
        assert_eq!(last_audit(&world), ("admin", why));
        assert_eq!(post(&mut world, "", path, OWN_PASSWORD).status, 401);
    }
    assert!(world.asked_init.is_empty() && world.recovery_code.is_some());
    // Trying passwords is as slow as signing in.
    let tries = (0..20).map(|_| post(&mut world, &session, SHOW, "still not").status);
    let tries: Vec<u16> = tries.collect();
    assert!(tries.contains(&429), "{tries:?}");
}

#[test]
fn the_control_socket_does_not_get_it() {
    let mut world = World::new();
    world.recovery_code = Some(CODE);
    let mut asked = sent(SHOW, "", &json!({ "password": "" }));
    asked.peer = Peer::Local;
    assert_eq!(world.ask(&asked).status, 404);
    assert!(world.asked_init.is_empty());
}

#[test]
fn what_is_not_recorded_is_not_shown() {
    let mut world = World::new();
    world.recovery_code = Some(CODE);
    let mut session = world.sign_in("admin", OWN_PASSWORD);
    world.store_away = true;
    for _ in 0..=crate::admin::UNRECORDED_MAX {
        world.recovery_code = Some(CODE);
        let shown = post(&mut world, &session, SHOW, OWN_PASSWORD);
        session = goes_on(&shown, &session);
    }
    let asked = world.asked_init.len();
    assert_eq!(post(&mut world, &session, SHOW, OWN_PASSWORD).status, 503);
    assert_eq!(world.asked_init.len(), asked);
}

#[test]
fn another_code_is_made_on_request() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    assert_eq!(post(&mut world, &session, RENEW, OWN_PASSWORD).status, 200);
    assert_eq!(world.asked_init, [init::Request::RenewRecoveryCode]);
    assert_eq!(last_audit(&world), ("admin", "new recovery code asked for"));
}

#[test]
fn the_page_shows_it_in_the_place_of_the_form() {
    let mut world = World::new();
    world.recovery_code = Some(CODE);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let typed = format!("confirm_password={}", OWN_PASSWORD.replace(' ', "+"));
    let asked = form("/firmware/recovery-code", &session, &typed);
    let page = world.ask(&asked.with("accept-language", "pt-BR"));
    assert_eq!(page.status, 200);
    let page = text(&page);
    assert!(
        page.contains(CODE) && page.contains("mostrado uma única vez"),
        "{page}"
    );
}

#[test]
fn the_state_says_that_nobody_has_seen_it_until_somebody_has() {
    let mut world = World::new();
    world.recovery_code = Some(CODE);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = |world: &mut World, language| {
        let asked = get("/", &session).with("accept-language", language);
        text(&world.ask(&asked))
    };
    for (language, said) in [
        (
            "pt-BR",
            "ninguém viu o código de recuperação dos dados ainda: sem ele",
        ),
        (
            "en",
            "nobody has seen the recovery code of the data yet: without it",
        ),
    ] {
        let page = page(&mut world, language);
        let (_, rest) = page.split_once(said).expect("said");
        assert!(
            rest.contains(r#"<a href="/firmware">Firmware</a>"#),
            "{rest}"
        );
    }
    post(&mut world, &session, SHOW, OWN_PASSWORD);
    assert!(!page(&mut world, "en").contains("nobody has seen"));
}
