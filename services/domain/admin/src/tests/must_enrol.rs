//! Administrators must have a second factor, where the site says so.

use ipc::site::Role;
use serde_json::{Value, json};

use super::access::filled;
use super::second_factor::office;
use super::world::{
    OWN_PASSWORD, World, cookie, form, get, goes_on, json as body, post, sign_in_from, text,
};
use crate::second_factor::shown;
use crate::{Access, Face, Peer, Response};

/// A box that asks it; `ana` is an administrator without one.
fn asking() -> (World, String) {
    let (mut world, ..) = office();
    world.hire("ana", Role::Administrator, "100");
    world.hire("leo", Role::Installer, "101");
    world.site.sign_in.administrators_second_factor = true;
    world.changed_elsewhere();
    let session = world.sign_in("ana", OWN_PASSWORD);
    (world, session)
}

#[test]
fn it_is_off_until_an_administrator_who_has_one_switches_it_on() {
    let (mut world, secret, _) = office();
    assert!(!World::fresh().site.sign_in.administrators_second_factor);
    let on = json!({"administrators_second_factor": true});
    world.hire("eva", Role::Installer, "102");
    let rui = world.sign_in("rui", OWN_PASSWORD);
    let refused = world.ask(&post("/api/sign-in", &rui, &on));
    let said = body(&refused)["error"].to_string();
    assert!(
        refused.status == 403 && said.contains("for yourself first"),
        "{said}"
    );
    let eva = world.sign_in("eva", OWN_PASSWORD);
    assert_eq!(world.ask(&post("/api/sign-in", &eva, &on)).status, 403);

    let half = cookie(&world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD)));
    let code = json!({ "code": shown(&secret, world.wall()) });
    let admin = cookie(&world.ask(&post("/api/code", &half, &code)));
    let set = world.ask(&form(
        "/settings/sign-in",
        &admin,
        "administrators_second_factor=1",
    ));
    assert_eq!(set.status, 303, "{}", text(&set));
    assert!(world.site.sign_in.administrators_second_factor);
    let told = &world.audits.last().expect("recorded").after;
    assert!(
        told.contains("sign_in.administrators_second_factor false -> true"),
        "{told}"
    );

    // Neither an installer's file nor an earlier version takes it away.
    let file = body(&world.ask(&get("/api/site", &eva)));
    let file = file["file"].as_str().expect("text");
    assert!(!file.contains("sign_in"), "{file}");
    let back = format!("/api/history/{}/back", world.version - 1);
    let back = world.ask(&post(&back, &eva, &json!({ "current": world.version })));
    assert_eq!(back.status, 200, "{}", text(&back));
    assert!(world.site.sign_in.administrators_second_factor);
    // Switching it off asks for the password again.
    world.pass(300);
    let off = json!({"administrators_second_factor": false});
    assert_eq!(world.ask(&post("/api/sign-in", &admin, &off)).status, 403);
}

#[test]
fn an_administrator_without_one_reaches_nothing_but_its_setting_up() {
    let (mut world, _) = asking();
    let ways = [
        "/second-factor",
        "/passkeys",
        "/second-factor/new",
        "/passkeys/new",
    ];
    let mut refused = 0;
    for route in crate::ROUTES {
        let path = route.path.strip_prefix("/api").unwrap_or(route.path);
        let is_way = ways.contains(&path) && route.method != crate::Method::Delete;
        if is_way || !matches!(route.access, Access::May(_) | Access::Sure(_)) {
            continue;
        }
        let session = world.sign_in("ana", OWN_PASSWORD);
        let (version, audits) = (world.version, world.audits.len());
        let response = world.ask(&filled(route).with("cookie", &session));
        let at = format!("{:?} {}", route.method, route.path);
        match route.face {
            Face::Api => {
                assert_eq!(response.status, 403, "{at}");
                let said = body(&response)["error"].to_string();
                assert!(said.contains("need a second factor"), "{at}: {said}");
            }
            Face::Page | Face::Asset => {
                assert_eq!(response.header("location"), Some("/second-factor"), "{at}");
            }
        }
        assert_eq!(
            (world.version, world.audits.len()),
            (version, audits),
            "{at}"
        );
        world.pass(1);
        refused += 1;
    }
    assert!(refused > 150, "{refused}");
}

#[test]
fn it_is_not_switched_on_under_a_clock_that_cannot_be_right() {
    let (mut world, secret, _) = office();
    let half = cookie(&world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD)));
    let code = json!({ "code": shown(&secret, world.wall()) });
    let admin = cookie(&world.ask(&post("/api/code", &half, &code)));
    let mut built = |days: i64| {
        let secs = world.wall().as_millis() / 1000 + days * 24 * 60 * 60;
        let about = ipc::about::About {
            built: u64::try_from(secs).expect("after 1970"),
            ..ipc::about::About::default()
        };
        world.admin.runs(crate::Running {
            about: Some(about),
            ..crate::Running::default()
        });
        let wish = |on: bool| json!({ "administrators_second_factor": on });
        let on = world.ask(&post("/api/sign-in", &admin, &wish(true)));
        (on.status, body(&on)["error"].to_string())
    };
    let (status, why) = built(2);
    assert!(status == 409 && why.contains("clock of the box"), "{why}");
    assert_eq!(built(-2).0, 200);
    // Off it goes under any clock.
    built(2);
    let off = json!({ "administrators_second_factor": false });
    assert_eq!(world.ask(&post("/api/sign-in", &admin, &off)).status, 200);
}

fn welcome(world: &mut World, login: &str) -> Value {
    body(&world.ask(&sign_in_from("10.0.0.5", login, OWN_PASSWORD)))
}

#[test]
fn who_sets_one_up_goes_on_and_others_are_not_asked() {
    let (mut world, session) = asking();
    let must = json!({"must_change_password": false, "must_set_up_second_factor": true});
    assert_eq!(welcome(&mut world, "ana"), must);
    let free = json!({"must_change_password": false});
    assert_eq!(welcome(&mut world, "leo"), free);
    let page = world.ask(&get("/second-factor", &session).with("accept-language", "en"));
    let page = text(&page);
    assert!(page.contains("Set one up to go on"), "{page}");
    assert!(
        page.contains("href=\"/passkeys\"") && !page.contains("<nav"),
        "{page}"
    );
    // The password is asked for again where it was not said lately, and may be changed.
    world.pass(300);
    let offer = post("/api/second-factor/new", &session, &json!({}));
    assert_eq!(world.ask(&offer).status, 403);
    let proof = json!({ "password": OWN_PASSWORD });
    let sure = world.ask(&post("/api/confirm", &session, &proof));
    let session = goes_on(&sure, &session);
    let offered: Response = world.ask(&post("/api/second-factor/new", &session, &json!({})));
    let secret = body(&offered)["secret"].as_str().expect("text").to_owned();
    let code = json!({ "code": shown(&secret, world.wall()) });
    let kept = world.ask(&post("/api/second-factor", &session, &code));
    assert_eq!(kept.status, 200, "{}", text(&kept));
    assert_eq!(world.ask(&get("/api/people", &session)).status, 200);
}

#[test]
fn tokens_and_the_box_itself_are_not_asked() {
    let (mut world, ..) = office();
    world.hire("ana", Role::Administrator, "100");
    let session = world.sign_in("ana", OWN_PASSWORD);
    let wish = json!({"name": "crm", "permissions": ["see-status"], "days": 30});
    let made = world.ask(&post("/api/tokens", &session, &wish));
    let token = body(&made)["token"].as_str().expect("a token").to_owned();
    world.site.sign_in.administrators_second_factor = true;
    let people = &mut world.site.people;
    let ana = people.iter_mut().find(|it| it.login == "ana");
    let made = world.admin.person("ana").expect("there").tokens.clone();
    ana.expect("there").tokens = made;
    world.changed_elsewhere();
    let by_token = get("/api/status", "").with("authorization", &format!("Bearer {token}"));
    assert_eq!(world.ask(&by_token).status, 200);
    let mut at_box = post(
        "/api/sign-in",
        "",
        &json!({"administrators_second_factor": false}),
    );
    at_box.peer = Peer::Local;
    let off = world.ask(&at_box);
    assert_eq!(off.status, 200, "{}", text(&off));
    assert!(!world.site.sign_in.administrators_second_factor);
    assert_eq!(world.ask(&get("/api/people", &session)).status, 200);
}
