//! What cannot be taken back asks for the password again, in one way (ASVS 7.5.1).

use serde_json::json;

use super::access::filled;
use super::world::{OWN_PASSWORD, World, cookie, form, get, json as body, post, text};
use crate::{Access, Face, Peer, ROUTES, Step};

const LATER: u64 = 300;

#[test]
fn every_such_route_refuses_an_old_session_and_does_nothing() {
    let mut seen = 0;
    for route in ROUTES
        .iter()
        .filter(|it| matches!(it.access, Access::Sure(_)))
    {
        let mut world = World::new();
        world.hire("ana", ipc::site::Role::User, "100");
        let session = world.sign_in("admin", OWN_PASSWORD);
        world.pass(LATER);
        let before = (world.version, world.audits.len());
        let response = world.ask(&filled(route).with("cookie", &session));
        assert_eq!(response.status, 403, "{}", route.path);
        if route.face == Face::Api {
            let said = "say your password again (POST /api/confirm), then repeat within five \
                        minutes";
            assert_eq!(body(&response), json!({ "error": said }), "{}", route.path);
        } else {
            assert!(
                text(&response).contains("confirm_password"),
                "{}",
                route.path
            );
        }
        assert_eq!(
            (world.version, world.audits.len()),
            before,
            "{}",
            route.path
        );
        assert!(world.asked_init.is_empty() && world.asked_update.is_empty());
        seen += 1;
    }
    assert!(seen > 12, "{seen}");
}

#[test]
fn a_program_says_it_once_for_five_minutes() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(LATER);
    let make =
        |session: &str, login: &str| post("/api/people", session, &json!({ "login": login }));
    assert_eq!(world.ask(&make(&session, "ana")).status, 403);
    let say = |password: &str| post("/api/confirm", &session, &json!({ "password": password }));
    assert_eq!(world.ask(&say("not it")).status, 400);
    let still = world.ask(&make(&session, "ana")).status;
    assert_eq!(still, 403, "a guess opens nothing");
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "confirmation refused: the password was wrong");
    let said = world.ask(&say(OWN_PASSWORD));
    assert_eq!(said.status, 200);
    let sure = cookie(&said);
    assert_eq!(world.ask(&make(&sure, "ana")).status, 201);
    world.pass(LATER - 1);
    assert_eq!(world.ask(&make(&sure, "bia")).status, 201);
    world.pass(1);
    assert_eq!(world.ask(&make(&sure, "rui")).status, 403);
    // One session says nothing for another.
    let other = world.sign_in("admin", OWN_PASSWORD);
    let make = post("/api/people", &other, &json!({"login": "rui"}));
    assert_eq!(world.ask(&make).status, 201);
}

#[test]
fn who_stole_the_session_is_not_sure_because_its_owner_was() {
    for by_page in [false, true] {
        let mut world = World::new();
        let stolen = world.sign_in("admin", OWN_PASSWORD);
        world.pass(LATER);
        let typed = OWN_PASSWORD.replace(' ', "+");
        let typed = format!("login=rui&confirm_password={typed}");
        let say = match by_page {
            false => post(
                "/api/confirm",
                &stolen,
                &json!({ "password": OWN_PASSWORD }),
            ),
            true => form("/new/person", &stolen, &typed),
        };
        let own = cookie(&world.ask(&say));
        let make = |session: &str| post("/api/people", session, &json!({"login": "ana"}));
        assert_eq!(world.ask(&make(&stolen)).status, 401, "page: {by_page}");
        assert_eq!(world.ask(&make(&own)).status, 201, "page: {by_page}");
    }
}

#[test]
fn five_wrong_answers_end_the_session() {
    for path in ["/api/confirm", "/api/password"] {
        let mut world = World::new();
        let session = world.sign_in("admin", OWN_PASSWORD);
        let wish = match path {
            "/api/confirm" => json!({"password": "guess"}),
            _ => json!({"old": "guess", "new": "chuva fina no telhado"}),
        };
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(world.ask(&post(path, &session, &wish)).status);
            world.pass(60);
        }
        assert_eq!(statuses, [400, 400, 400, 400, 401, 401], "{path}");
        let audit = world.audits.last().expect("recorded");
        assert!(audit.action.ends_with("the session was ended"), "{audit:?}");
    }
}

#[test]
fn a_password_is_not_tried_when_that_cannot_be_recorded() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let verified = world.verified;
    world.store_away = true;
    for _ in 0..crate::admin::UNRECORDED_MAX {
        let audit = world.audits.first().expect("signed in").clone();
        world.admin.note(audit);
    }
    let new = json!({"old": "guess", "new": "chuva fina no telhado"});
    for (path, wish) in [
        ("/api/confirm", json!({"password": "guess"})),
        ("/api/password", new),
    ] {
        assert_eq!(
            world.ask(&post(path, &session, &wish)).status,
            503,
            "{path}"
        );
    }
    assert_eq!(world.verified, verified);
}

/// What waits for a password, and then for a hash, while somebody takes the rights away.
#[test]
fn rights_that_were_lost_while_a_request_waited_are_lost_to_it() {
    fn ask(world: &mut World, session: &str, path: &str, wish: &serde_json::Value) -> Step {
        let moment = world.moment();
        world.admin.handle(moment, &post(path, session, wish))
    }
    fn fall(world: &mut World) {
        let rui = world.site.people.last_mut().expect("hired");
        rui.role = ipc::site::Role::User;
        world.changed_elsewhere();
    }
    let new = || {
        let mut world = World::new();
        world.hire("rui", ipc::site::Role::Administrator, "100");
        let session = world.sign_in("rui", OWN_PASSWORD);
        (world, session)
    };
    let (mut world, session) = new();
    let wish = json!({ "password": OWN_PASSWORD });
    let step = ask(&mut world, &session, "/api/confirm", &wish);
    assert!(matches!(step, Step::Verify(..)));
    fall(&mut world);
    let said = world.run(step);
    assert_eq!((said.status, said.header("set-cookie")), (401, None));

    let (mut world, session) = new();
    let step = ask(
        &mut world,
        &session,
        "/api/people",
        &json!({"login": "ana"}),
    );
    assert!(matches!(step, Step::Hash(..)));
    fall(&mut world);
    assert_eq!(world.run(step).status, 401);
    assert!(world.site.people.iter().all(|it| it.login != "ana"));

    // The store has a newer site than the one that was asked about.
    let (mut world, session) = new();
    let wish = json!({"number": "103"});
    let step = ask(&mut world, &session, "/api/extensions", &wish);
    let rui = world.site.people.last_mut().expect("hired");
    rui.role = ipc::site::Role::User;
    world.version += 1;
    assert_eq!(world.run(step).status, 401);
}

#[test]
fn a_page_asks_in_place_and_loses_nothing_that_was_typed() {
    let mut world = World::new();
    world.hire("ana", ipc::site::Role::User, "100");
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(LATER);
    let typed = "login=rui&role=operator&extensions=101&extensions=102";
    for (language, words) in [
        ("en", "Your password again"),
        ("pt-BR", "Sua senha de novo"),
    ] {
        let ask = form("/new/person", &session, typed).with("accept-language", language);
        let asked = text(&world.ask(&ask));
        assert!(asked.contains(words), "{asked}");
        for field in [
            "name=\"login\" value=\"rui\"",
            "name=\"extensions\" value=\"101\"",
            "name=\"extensions\" value=\"102\"",
            "action=\"/new/person\"",
        ] {
            assert!(asked.contains(field), "{field}: {asked}");
        }
    }
    let again = |password: &str| format!("{typed}&username=admin&confirm_password={password}");
    let wrong = world.ask(&form("/new/person", &session, &again("nope")));
    assert_eq!(wrong.status, 400);
    let wrong = text(&wrong);
    assert!(
        wrong.contains("value=\"rui\"") && !wrong.contains("nope"),
        "{wrong}"
    );
    let password = OWN_PASSWORD.replace(' ', "+");
    let made = world.ask(&form("/new/person", &session, &again(&password)));
    assert_eq!(made.status, 201, "{}", text(&made));
    let rui = world.site.people.last().expect("made");
    assert_eq!((&*rui.login, rui.extensions.len()), ("rui", 2));
    let kept = format!("{:?} {:?}", world.site, world.audits);
    assert!(
        !kept.contains(OWN_PASSWORD.split(' ').next().expect("a word")),
        "{kept}"
    );
}

#[test]
fn guessing_it_is_as_slow_as_signing_in() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let say = post("/api/confirm", &session, &json!({"password": "guess"}));
    let statuses: Vec<u16> = (0..6).map(|_| world.ask(&say).status).collect();
    assert_eq!(statuses, [400, 400, 400, 400, 429, 429]);
}

#[test]
fn what_can_be_taken_back_asks_nothing() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(LATER);
    let extension = post("/api/extensions", &session, &json!({"number": "100"}));
    assert_eq!(world.ask(&extension).status, 201);
    assert_eq!(world.ask(&get("/people", &session)).status, 200);
}

#[test]
fn a_program_on_the_box_itself_has_no_password_to_say() {
    let mut world = World::new();
    let mut make = post("/api/people", "", &json!({"login": "ana"}));
    make.peer = Peer::Local;
    assert_eq!(world.ask(&make).status, 201);
    let mut say = post("/api/confirm", "", &json!({ "password": OWN_PASSWORD }));
    say.peer = Peer::Local;
    assert_eq!(world.ask(&say).status, 404);
}
