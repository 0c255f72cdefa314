//! The second factor: set up, asked for, used once, slow to guess, and taken away.

use serde_json::json;

use super::world::{
    OWN_PASSWORD, World, cookie, form, get, goes_on, json as body, post, request, sign_in_from,
    text,
};
use crate::second_factor::shown;
use crate::{Method, Response};

/// A box whose `admin` has a second factor, for an hour already; its secret and codes for a lost
/// phone.
pub(super) fn office() -> (World, String, Vec<String>) {
    let mut world = World::new();
    world.hire("rui", ipc::site::Role::Administrator, "100");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let offered = world.ask(&post("/api/second-factor/new", &session, &json!({})));
    assert_eq!(offered.status, 200, "{}", text(&offered));
    let secret = body(&offered)["secret"].as_str().expect("text").to_owned();
    let uri = body(&offered)["uri"].as_str().expect("text").to_owned();
    assert!(uri.starts_with("otpauth://totp/Ramal:admin?secret=") && uri.contains(&secret));
    world.pass(90);
    let code = shown(&secret, world.wall());
    let kept = world.ask(&post(
        "/api/second-factor",
        &session,
        &json!({ "code": code }),
    ));
    assert_eq!(kept.status, 200, "{}", text(&kept));
    let codes = body(&kept)["recovery_codes"]
        .as_array()
        .expect("codes")
        .clone();
    let codes: Vec<String> = codes
        .iter()
        .map(|it| it.as_str().expect("text").into())
        .collect();
    assert_eq!(codes.len(), 10);
    world.pass(3600);
    (world, secret, codes)
}

fn say(world: &mut World, session: &str, code: &str) -> Response {
    world.ask(&post("/api/code", session, &json!({ "code": code })))
}

/// Signs in with the password alone.
fn half(world: &mut World) -> String {
    let response = world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD));
    assert_eq!(body(&response), json!({"second_factor": true}));
    cookie(&response)
}

#[test]
fn the_password_alone_opens_nothing() {
    let (mut world, secret, _) = office();
    let session = half(&mut world);
    for route in crate::ROUTES.iter().filter(|it| it.method == Method::Get) {
        let half = ["/code"].contains(&route.path);
        if half || route.access == crate::Access::Anybody {
            continue;
        }
        let response = world.ask(&get(&route.path.replace("{}", "100"), &session));
        match route.face {
            crate::Face::Api => assert_eq!(response.status, 401, "{}", route.path),
            _ => assert_eq!(response.header("location"), Some("/code"), "{}", route.path),
        }
    }
    assert_eq!(world.ask(&get("/api/nothing", &session)).status, 401);
    let change = json!({"old": OWN_PASSWORD, "new": "chuva fina no telhado"});
    assert_eq!(
        world.ask(&post("/api/password", &session, &change)).status,
        401
    );
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "password right, second factor asked for");

    let code = shown(&secret, world.wall());
    let whole = say(&mut world, &session, &code);
    assert_eq!(whole.status, 200);
    assert_eq!(world.audits.last().expect("recorded").action, "signed in");
    // Under another token: who planted the half session has nothing of it.
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
    let session = cookie(&whole);
    assert_eq!(world.ask(&get("/api/status", &session)).status, 200);
}

#[test]
fn a_code_signs_in_once() {
    let (mut world, secret, _) = office();
    let code = shown(&secret, world.wall());
    let session = half(&mut world);
    assert_eq!(say(&mut world, &session, &code).status, 200);
    let session = half(&mut world);
    let again = say(&mut world, &session, &code);
    assert_eq!(again.status, 401);
    assert!(text(&again).contains("used already"));
    assert_eq!(
        world.audits.last().expect("recorded").action,
        "sign-in refused: wrong code"
    );
    world.pass(30);
    let code = shown(&secret, world.wall());
    assert_eq!(say(&mut world, &session, &code).status, 200);
}

#[test]
fn the_code_has_five_minutes() {
    let (mut world, secret, _) = office();
    let session = half(&mut world);
    world.pass(300);
    let code = shown(&secret, world.wall());
    assert_eq!(say(&mut world, &session, &code).status, 401);
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
}

#[test]
fn codes_are_slow_to_guess_from_wherever_and_the_password_does_not_help() {
    let (mut world, ..) = office();
    let mut statuses = Vec::new();
    for address in 0..8 {
        let address = format!("10.9.0.{address}");
        let first = world.ask(&sign_in_from(&address, "admin", OWN_PASSWORD));
        let mut guess = post("/api/code", &cookie(&first), &json!({"code": "000000"}));
        guess.peer = crate::Peer::Network(address.parse().expect("an address"));
        statuses.push(world.ask(&guess).status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    // A stranger without the password makes nobody wait for his code.
    let (mut world, secret, _) = office();
    for _ in 0..30 {
        world.ask(&sign_in_from("10.9.9.9", "admin", "guess"));
    }
    let session = half(&mut world);
    let code = shown(&secret, world.wall());
    assert_eq!(say(&mut world, &session, &code).status, 200);
}

#[test]
fn a_code_for_a_lost_phone_signs_in_once_and_is_kept_as_a_hash() {
    let (mut world, secret, codes) = office();
    let kept = format!("{:?}", world.site.people);
    assert!(!kept.contains(&secret) && !kept.contains(&codes[0]));
    let hashes = &world.site.people[0]
        .second_factor
        .as_ref()
        .expect("on")
        .recovery;
    let plain = codes[0].replace('-', "");
    assert!(hashes.iter().all(|it| !it.reveal().contains(&plain)));
    let session = half(&mut world);
    let whole = say(&mut world, &session, &codes[0]);
    assert_eq!(whole.status, 200);
    let session = cookie(&whole);
    let state = body(&world.ask(&get("/api/second-factor", &session)));
    assert_eq!(state, json!({"on": true, "recovery_codes_left": 9}));
    let mut actions = world.audits.iter().rev().map(|it| it.action.as_str());
    assert_eq!(actions.next(), Some("signed in"));
    assert_eq!(actions.next(), Some("recovery code of admin used"));
    let session = half(&mut world);
    assert_eq!(say(&mut world, &session, &codes[0]).status, 401);
    assert_eq!(say(&mut world, &session, &codes[1]).status, 200);
}

#[test]
fn nothing_shows_the_secret_again() {
    let (mut world, secret, _) = office();
    let session = half(&mut world);
    let code = shown(&secret, world.wall());
    let session = cookie(&say(&mut world, &session, &code));
    for path in [
        "/api/people",
        "/api/people/admin",
        "/people/admin",
        "/api/site",
        "/api/history/3",
        "/api/audit",
        "/api/second-factor",
        "/second-factor",
    ] {
        let response = world.ask(&get(path, &session));
        assert_eq!(response.status, 200, "{path}");
        assert!(!text(&response).contains(&secret), "{path}");
    }
    assert!(!format!("{:?} {:?}", world.admin, world.audits).contains(&secret));
}

#[test]
fn it_is_taken_away_by_its_owner_or_another_administrator_and_by_nobody_else() {
    let (mut world, secret, _) = office();
    let ruis = world.sign_in("rui", OWN_PASSWORD);
    let remove = |session: &str, path: &str| request(Method::Delete, path).with("cookie", session);
    world.hire("ana", ipc::site::Role::Installer, "101");
    let anas = world.sign_in("ana", OWN_PASSWORD);
    let of_admin = "/api/people/admin/second-factor";
    assert_eq!(world.ask(&remove(&anas, of_admin)).status, 403);
    assert_eq!(
        world.ask(&remove(&ruis, "/api/second-factor")).status,
        409,
        "he has none"
    );
    assert_eq!(world.ask(&remove(&ruis, of_admin)).status, 204);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.who, &*audit.action),
        ("rui", "second factor of admin removed")
    );
    world.sign_in("admin", OWN_PASSWORD);

    let (mut world, ..) = (office().0, secret);
    let session = half(&mut world);
    assert_eq!(
        world.ask(&remove(&session, "/api/second-factor")).status,
        401,
        "half"
    );
    assert!(world.site.people[0].second_factor.is_some());
}

#[test]
fn whoever_stands_at_the_box_is_not_asked_for_a_lost_phone() {
    let (mut world, ..) = office();
    let moment = world.moment();
    let wish = ipc::init::Wish::Act(ipc::init::Act::NewPassword);
    let step = world.admin.at_box(&moment, wish);
    assert_eq!(world.run(step).status, 204);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        audit.action,
        "one-time password for admin made, second factor removed"
    );
    let line = world.screen[1].clone();
    let password = line.strip_prefix("one-time password: ").expect("shown");
    let response = world.ask(&sign_in_from("10.0.0.5", "admin", password));
    assert_eq!(body(&response), json!({"must_change_password": true}));
}

#[test]
fn a_wrong_code_sets_nothing_up() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let keep = |code: &str| post("/api/second-factor", &session, &json!({ "code": code }));
    assert_eq!(world.ask(&keep("123456")).status, 409, "nothing was shown");
    world.ask(&post("/api/second-factor/new", &session, &json!({})));
    assert_eq!(world.ask(&keep("")).status, 401);
    assert_eq!(world.version, 1);
}

#[test]
fn the_pages_do_the_same() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = text(&world.ask(&get("/second-factor", &session)));
    assert!(page.contains("action=\"/second-factor/new\""), "{page}");
    let offered = world.ask(&form("/second-factor/new", &session, ""));
    let offered = text(&offered);
    assert!(offered.contains("<svg class=\"qr\"") && !offered.contains(" style="));
    let (_, rest) = offered
        .split_once("<code class=\"secret\">")
        .expect("shown");
    let (secret, _) = rest.split_once('<').expect("text");
    let wrong = world.ask(&form("/second-factor", &session, "code=000000"));
    assert_eq!(wrong.status, 401);
    assert!(text(&wrong).contains(secret), "shown again");
    world.pass(90);
    let code = shown(secret, world.wall());
    let kept = world.ask(&form("/second-factor", &session, &format!("code={code}")));
    assert_eq!(text(&kept).matches("<li><code>").count(), 10);

    world.pass(60);
    let typed = format!("login=admin&password={}", OWN_PASSWORD.replace(' ', "+"));
    let first = world.ask(&form("/login", "", &typed));
    assert_eq!(first.header("location"), Some("/code"));
    let session = cookie(&first);
    for (language, word) in [("en", "second factor"), ("pt-BR", "segundo fator")] {
        let page = get("/code", &session).with("accept-language", language);
        assert!(text(&world.ask(&page)).contains(word));
    }
    assert_eq!(world.ask(&form("/code", &session, "code=1")).status, 401);
    let code = shown(secret, world.wall());
    let typed = format!("code={}+{}", &code[..3], &code[3..]);
    let second = world.ask(&form("/code", &session, &typed));
    assert_eq!(second.header("location"), Some("/"), "{}", text(&second));
    let session = cookie(&second);
    let off = world.ask(&form("/second-factor/off", &session, ""));
    assert_eq!(off.header("location"), Some("/second-factor"));
    world.sign_in("admin", OWN_PASSWORD);
}

#[test]
fn whoever_finds_the_session_is_not_shown_what_its_owner_left_half_set_up() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let offered = world.ask(&post("/api/second-factor/new", &session, &json!({})));
    let secret = body(&offered)["secret"].as_str().expect("text").to_owned();
    world.pass(300);
    for code in ["000000", &shown(&secret, world.wall())] {
        let page = world.ask(&form("/second-factor", &session, &format!("code={code}")));
        let page = text(&page);
        assert!(page.contains("name=\"confirm_password\""), "{page}");
        assert!(!page.contains(&secret), "{page}");
        let kept = post("/api/second-factor", &session, &json!({ "code": code }));
        assert_eq!(world.ask(&kept).status, 403);
    }
    assert_eq!(world.site.people[0].second_factor, None);

    // Its owner says the password, and goes on where he was.
    let password = json!({ "password": OWN_PASSWORD });
    let sure = world.ask(&post("/api/confirm", &session, &password));
    let session = goes_on(&sure, &session);
    let code = json!({ "code": shown(&secret, world.wall()) });
    let kept = world.ask(&post("/api/second-factor", &session, &code));
    assert_eq!(kept.status, 200, "{}", text(&kept));
}

#[test]
fn the_rule_is_not_met_with_what_was_found_half_set_up() {
    let (mut world, ..) = office();
    let session = world.sign_in("rui", OWN_PASSWORD);
    world.site.sign_in.administrators_second_factor = true;
    world.changed_elsewhere();
    let offered = world.ask(&post("/api/second-factor/new", &session, &json!({})));
    let secret = body(&offered)["secret"].as_str().expect("text").to_owned();
    world.pass(300);
    let code = json!({ "code": shown(&secret, world.wall()) });
    let kept = post("/api/second-factor", &session, &code);
    assert_eq!(world.ask(&kept).status, 403);
    assert_eq!(world.ask(&get("/api/people", &session)).status, 403);
}

#[test]
fn what_was_shown_and_not_proved_is_forgotten_after_ten_minutes() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let offered = world.ask(&post("/api/second-factor/new", &session, &json!({})));
    let secret = body(&offered)["secret"].as_str().expect("text").to_owned();
    world.pass(600);
    let password = json!({ "password": OWN_PASSWORD });
    let sure = world.ask(&post("/api/confirm", &session, &password));
    let session = goes_on(&sure, &session);
    let code = json!({ "code": shown(&secret, world.wall()) });
    let kept = world.ask(&post("/api/second-factor", &session, &code));
    assert_eq!(kept.status, 409, "{}", text(&kept));
}
