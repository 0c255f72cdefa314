//! Sign-in, sessions, passwords.

use ipc::Redacted;
use ipc::site::{Person, Role};
use serde_json::json;

use crate::Step;

use super::world::{
    OWN_PASSWORD, World, cookie, form, get, json as body, post, sign_in_from, text,
};

pub(super) fn one_time_password(world: &mut World) -> String {
    let moment = world.moment();
    let step = world.admin.first_sign_in(&moment);
    assert_eq!(world.run(step).status, 204);
    assert_eq!(world.screen[0], "administrator: admin");
    world.screen[1]
        .strip_prefix("one-time password: ")
        .expect("the second line")
        .to_owned()
}

#[test]
fn the_first_password_is_shown_on_the_screen_and_kept_nowhere() {
    let mut world = World::fresh();
    assert!(world.admin.is_unclaimed());
    let password = one_time_password(&mut world);
    assert_eq!(password.len(), 16);
    assert_eq!(world.version, 1, "nothing was written");
    assert!(!format!("{:?}", world.admin).contains(&password));
    let again = one_time_password(&mut world);
    assert_ne!(password, again);
    assert_eq!(
        world
            .ask(&sign_in_from("10.0.0.5", "admin", &password))
            .status,
        401
    );
    assert_eq!(
        world.ask(&sign_in_from("10.0.0.5", "admin", &again)).status,
        200
    );
}

#[test]
fn an_unclaimed_account_without_a_password_matches_nothing() {
    let mut world = World::fresh();
    for password in ["", "admin", "$argon2id$test$"] {
        assert_eq!(
            world
                .ask(&sign_in_from("10.0.0.5", "admin", password))
                .status,
            401
        );
    }
}

#[test]
fn a_one_time_password_must_be_changed_before_anything_else() {
    let mut world = World::fresh();
    let password = one_time_password(&mut world);
    let response = world.ask(&sign_in_from("10.0.0.5", "admin", &password));
    assert_eq!(body(&response), json!({"must_change_password": true}));
    let session = cookie(&response);

    let refused = world.ask(&get("/api/status", &session));
    assert_eq!(refused.status, 403);
    assert_eq!(
        body(&refused),
        json!({"error": "change your password first"})
    );
    assert_eq!(
        world.ask(&get("/", &session)).header("location"),
        Some("/password")
    );

    let change = json!({"old": password, "new": OWN_PASSWORD});
    let changed = world.ask(&post("/api/password", &session, &change));
    assert_eq!(changed.status, 200);
    let renewed = cookie(&changed);
    assert_ne!(renewed, session, "a new session");
    assert_eq!(world.ask(&get("/api/status", &renewed)).status, 200);
    assert_eq!(
        world.ask(&get("/api/status", &session)).status,
        401,
        "the old one is over"
    );
    assert!(!world.admin.is_unclaimed());
    assert!(!world.site.people[0].password_one_time);
    assert_eq!(
        world
            .ask(&sign_in_from("10.0.0.5", "admin", &password))
            .status,
        401
    );
    world.sign_in("admin", OWN_PASSWORD);
}

#[test]
fn weak_passwords_are_refused_with_the_reason() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (new, reason) in [
        ("short", "use at least 15 characters"),
        ("123456789012345678", "on the lists attackers try first"),
        ("admin1234567890123", "must not be made of the login"),
        ("ramal-admin-ramal.local", "made of names of this site"),
        (OWN_PASSWORD, "must differ from the present one"),
    ] {
        let change = json!({"old": OWN_PASSWORD, "new": new});
        let response = world.ask(&post("/api/password", &session, &change));
        assert_eq!(response.status, 400, "{new}");
        assert!(text(&response).contains(reason), "{}", text(&response));
    }
    let change = json!({"old": "not the present one", "new": "chuva fina no telhado"});
    assert_eq!(
        world.ask(&post("/api/password", &session, &change)).status,
        400
    );
    assert_eq!(world.version, 1);
}

#[test]
fn every_sign_in_is_recorded_good_or_bad() {
    let mut world = World::new();
    world.ask(&sign_in_from("10.0.0.9", "admin", "wrong"));
    world.ask(&sign_in_from("10.0.0.9", "MyPassword!typed-here", "x"));
    world.sign_in("admin", OWN_PASSWORD);
    let seen: Vec<_> = world
        .audits
        .iter()
        .map(|audit| {
            (
                audit.who.as_str(),
                audit.from.as_str(),
                audit.action.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("admin", "10.0.0.9", "sign-in refused"),
            ("(unknown)", "10.0.0.9", "sign-in refused"),
            ("admin", "10.0.0.5", "signed in"),
        ]
    );
}

#[test]
fn an_unknown_login_costs_the_same_work_and_gets_the_same_answer() {
    let mut world = World::new();
    let known = world.ask(&sign_in_from("10.0.0.9", "admin", "wrong"));
    let unknown = world.ask(&sign_in_from("10.0.0.9", "nobody", "wrong"));
    assert_eq!(known, unknown);
    assert_eq!(known.status, 401);
    assert_eq!(world.verified, 2);
}

#[test]
fn guessing_is_slowed_but_never_locks_the_owner_out() {
    let mut world = World::new();
    for _ in 0..4 {
        assert_eq!(
            world
                .ask(&sign_in_from("10.9.9.9", "admin", "wrong"))
                .status,
            401
        );
    }
    let slowed = world.ask(&sign_in_from("10.9.9.9", "admin", OWN_PASSWORD));
    assert_eq!(slowed.status, 429);
    assert_eq!(slowed.header("retry-after"), Some("2"));
    for stranger in 0..250 {
        world.ask(&sign_in_from(
            &format!("10.8.0.{stranger}"),
            "admin",
            "wrong",
        ));
    }
    world.sign_in("admin", OWN_PASSWORD);
    world.pass(2);
    assert_eq!(
        world
            .ask(&sign_in_from("10.9.9.9", "admin", OWN_PASSWORD))
            .status,
        200
    );
}

#[test]
fn being_told_that_the_box_is_busy_does_not_count_as_a_failure() {
    let mut world = World::new();
    world.hasher_busy = true;
    for _ in 0..50 {
        let response = world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD));
        assert_eq!(response.status, 503);
    }
    world.hasher_busy = false;
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.hasher_busy = true;
    let change = post(
        "/api/password",
        &session,
        &json!({"old": OWN_PASSWORD, "new": "chuva fina no telhado"}),
    );
    for _ in 0..50 {
        assert_eq!(world.ask(&change).status, 503);
    }
    world.hasher_busy = false;
    assert_eq!(world.ask(&change).status, 200);
}

#[test]
fn the_present_password_cannot_be_guessed_from_a_stolen_session() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let change = json!({"old": "guess", "new": "chuva fina no telhado"});
    let statuses: Vec<u16> = (0..6)
        .map(|_| world.ask(&post("/api/password", &session, &change)).status)
        .collect();
    assert_eq!(statuses, [400, 400, 400, 400, 429, 429]);
}

#[test]
fn an_account_taken_away_meanwhile_stays_taken_away() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let change = post(
        "/api/password",
        &session,
        &json!({"old": OWN_PASSWORD, "new": "chuva fina no telhado"}),
    );
    let moment = world.moment();
    let Step::Verify(_, then) = world.admin.handle(moment, &change) else {
        panic!("the old password is compared first")
    };
    let moment = world.moment();
    let step = then(&mut world.admin, moment, Ok(true));
    // Committed by another administrator; `admin` learns of it by the conflict.
    let one_time = Redacted::new("$argon2id$of another".to_owned());
    world.site.people[0].password_hash = one_time.clone();
    world.version += 1;
    assert_eq!(world.run(step).status, 401);
    assert_eq!(world.site.people[0].password_hash, one_time);
}

#[test]
fn an_idle_session_ends_and_a_refreshing_page_does_not_prevent_it() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for _ in 0..14 {
        world.pass(60);
        let refresh = get("/", &session).with("x-background", "1");
        assert_eq!(world.ask(&refresh).status, 200);
    }
    world.pass(60);
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
}

#[test]
fn signing_out_ends_the_session() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let response = world.ask(&form("/logout", &session, ""));
    assert_eq!(response.header("location"), Some("/login"));
    assert!(
        response
            .header("set-cookie")
            .is_some_and(|text| text.contains("Max-Age=0"))
    );
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let mut world = World::new();
    let response = world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD));
    let header = response.header("set-cookie").expect("a cookie");
    for flag in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(header.contains(flag), "{header}");
    }
}

#[test]
fn a_one_time_password_for_somebody_ends_their_sessions() {
    let mut world = World::new();
    world.site.people.push(Person {
        login: "ana".into(),
        role: Role::Administrator,
        password_hash: world.site.people[0].password_hash.clone(),
        ..Person::default()
    });
    world.version += 1;
    world.admin.configure(world.version, world.site.clone());
    let anas = world.sign_in("ana", OWN_PASSWORD);
    let own = world.sign_in("admin", OWN_PASSWORD);

    let response = world.ask(&post("/api/people/ana/one-time-password", &own, &json!({})));
    assert_eq!(response.status, 200);
    let password = body(&response)["one_time_password"]
        .as_str()
        .expect("text")
        .to_owned();
    assert_eq!(world.ask(&get("/api/status", &anas)).status, 401);
    let signed_in = world.ask(&sign_in_from("10.0.0.5", "ana", &password));
    assert_eq!(body(&signed_in), json!({"must_change_password": true}));

    let audit = world.audits.iter().rev().nth(1).expect("recorded");
    assert_eq!(audit.action, "one-time password for ana made");
    let missing = post("/api/people/nobody/one-time-password", &own, &json!({}));
    assert_eq!(world.ask(&missing).status, 404);
}

#[test]
fn nobody_has_a_one_time_password_made_for_themselves() {
    let mut world = World::new();
    let own = world.sign_in("admin", OWN_PASSWORD);
    let before = world.version;
    let ask = post("/api/people/admin/one-time-password", &own, &json!({}));
    let refused = world.ask(&ask);
    assert_eq!((refused.status, world.version), (403, before));
    assert!(text(&refused).contains("is for somebody else"));
    let page = get("/people", &own);
    assert!(!text(&world.ask(&page)).contains("/people/admin/one-time-password"));
}

#[test]
fn while_the_store_is_away_one_can_look_but_not_change_and_nothing_goes_unrecorded() {
    let mut world = World::new();
    world.store_away = true;
    world.is_trunk_up = true;
    let session = world.sign_in("admin", OWN_PASSWORD);
    let status = body(&world.ask(&get("/api/status", &session)));
    assert_eq!(status["store"]["warning"], "store does not answer");
    assert_eq!(status["warnings"][0], "1 audit entries wait for the store");
    let create = post("/api/extensions", &session, &json!({"number": "100"}));
    let refused = world.ask(&create);
    assert_eq!(refused.status, 503);
    assert!(
        text(&refused).contains("the store does not answer"),
        "{}",
        text(&refused)
    );

    world.store_away = false;
    let step = world.admin.overdue().expect("an entry waits");
    world.run(step);
    let kept: Vec<&str> = world.audits.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(kept, ["signed in", "calls in progress seen"]);
    assert!(world.admin.overdue().is_none());
}

#[test]
fn no_service_is_restarted_when_that_cannot_be_recorded() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.store_away = true;
    let restart = post("/api/services/pbx/restart", &session, &json!({}));
    let done = (0..1000)
        .take_while(|_| world.ask(&restart).status == 200)
        .count();
    assert_eq!(done, crate::admin::UNRECORDED_MAX);
    assert_eq!(world.asked_init.len(), done);
    assert_eq!(world.ask(&restart).status, 503);
}

#[test]
fn the_login_key_that_was_laid_down_signs_in_until_the_account_is_claimed() {
    let mut world = World::fresh();
    let key = "9f86d081884c7d659a2feaa0c55ad015";
    let sign_in = sign_in_from("10.0.0.5", "admin", key);
    assert_eq!(world.ask(&sign_in).status, 401);
    world
        .admin
        .lay_down_login_key(crate::session::fingerprint(key.as_bytes()));
    let response = world.ask(&sign_in);
    assert_eq!(body(&response), json!({"must_change_password": true}));
    let other = sign_in_from("10.0.0.6", "root", key);
    assert_eq!(world.ask(&other).status, 401);
    let session = cookie(&response);
    let new = json!({"old": key, "new": "a password of the installer"});
    let changed = world.ask(&post("/api/password", &session, &new));
    assert_eq!(changed.status, 200);
    assert_eq!(world.ask(&sign_in).status, 401, "it works once");
}
