//! Versions of the site, going back to one, and two people at once.

use ipc::site::Role;
use serde_json::{Value, json};

use super::telephony::{Desk, route};
use super::world::{OWN_PASSWORD, World, form, get, goes_on, json as body, post, request, text};
use crate::Method;

impl Desk {
    /// Changes something as it was seen in a version.
    fn post_if(&mut self, path: &str, tag: &str, wish: &Value) -> u16 {
        let request = post(&format!("/api/{path}"), &self.session, wish).with("if-match", tag);
        self.world.ask(&request).status
    }

    fn tag(&mut self, path: &str) -> String {
        let answer = self.world.ask(&get(&format!("/api/{path}"), &self.session));
        answer.header("etag").expect("a version").to_owned()
    }
}

#[test]
fn versions_are_listed_and_say_what_changed() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.post("trunks/Carrier", &json!({"channels_max": 4})).0,
        200
    );
    let listed = desk.get("history?limit=2");
    let numbers: Vec<_> = listed
        .as_array()
        .expect("rows")
        .iter()
        .map(|it| &it["version"])
        .collect();
    assert_eq!(numbers, [&json!(5), &json!(4)]);
    assert_eq!(desk.get("history?before=2")[0]["version"], json!(1));
    let shown = desk.get("history/5");
    assert_eq!(
        shown["changes"],
        json!(["trunk Carrier: channels_max 30 -> 4"])
    );
    assert_eq!((&shown["back"], &shown["current"]), (&json!([]), &json!(5)));
    let shown = desk.get("history/4");
    assert_eq!(
        shown["back"],
        json!(["trunk Carrier: channels_max 4 -> 30"])
    );
    assert_eq!(desk.get("history/1")["changes"], Value::Null);
    for (version, status) in [("6", 404), ("0", 404), ("x", 400)] {
        let answer = desk
            .world
            .ask(&get(&format!("/api/history/{version}"), &desk.session));
        assert_eq!(answer.status, status, "{version}");
    }
}

#[test]
fn a_version_is_gone_back_to_as_a_new_one() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.post("trunks/Carrier", &json!({"channels_max": 4})).0,
        200
    );
    let (status, answer) = desk.post("history/4/back?reason=too%20few", &json!({"current": 5}));
    assert_eq!((status, answer), (200, json!({"version": 6})));
    assert_eq!(desk.world.site.trunks[0].channels_max, 30);
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(
        audit.action,
        "configuration taken back to version 4 (too few)"
    );
    assert_eq!(audit.after, "trunk Carrier: channels_max 4 -> 30");
}

#[test]
fn going_back_to_before_somebodys_extension_takes_it_from_him_and_says_so() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("extensions", &json!({"number": "105"})).0, 201);
    let rui = json!({"login": "rui", "extensions": ["105"]});
    assert_eq!(desk.post("people", &rui).0, 201);
    let (status, answer) = desk.post("history/4/back", &json!({"current": 6}));
    assert_eq!(status, 200, "{answer}");
    let rui = desk.world.site.people.iter().find(|it| it.login == "rui");
    assert!(rui.expect("he stays").extensions.is_empty());
    let told = &desk.world.audits.last().expect("recorded").after;
    assert!(told.contains("person rui: extensions"), "{told}");
}

#[test]
fn going_back_is_refused_when_something_changed_since_it_was_looked_at() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("limits", &json!({"per_country": 2})).0, 200);
    assert_eq!(desk.post("history/4/back", &json!({"current": 4})).0, 409);
    assert_eq!(desk.post("history/4/back", &json!({})).0, 400);
    assert_eq!(desk.world.site.limits.per_country, 2);
}

#[test]
fn the_page_of_a_version_goes_back_with_a_reason() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("routes", &route("mobile", "9XXXXXXXX")).0, 201);
    let page = text(
        &desk
            .world
            .ask(&get("/history/4", &desk.session).with("accept-language", "en")),
    );
    assert!(page.contains("route mobile deleted"), "{page}");
    assert!(page.contains("name=\"current\" value=\"5\""), "{page}");
    let wish = form(
        "/history/4/back",
        &desk.session,
        "current=5&reason=por+engano%0a",
    );
    let answer = desk.world.ask(&wish);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/history"))
    );
    assert_eq!(desk.world.site.routes.len(), 1);
    let audit = desk.world.audits.last().expect("recorded");
    assert!(audit.action.ends_with("(por engano)"), "{}", audit.action);
}

#[test]
fn the_second_of_two_people_is_told_that_the_first_changed_the_same() {
    let mut desk = Desk::new();
    for path in [
        "trunks/Carrier",
        "routes/out",
        "limits",
        "extensions/100/settings",
    ] {
        let seen = desk.tag(path);
        // A change of something else is none of this.
        assert_eq!(desk.post("parking", &json!({"timeout_secs": 90})).0, 200);
        assert_eq!(desk.post_if(path, &seen, &json!({})), 200, "{path}");
        let change = match path {
            "trunks/Carrier" => json!({"channels_max": 7}),
            "routes/out" => json!({"pin": true}),
            "limits" => json!({"per_country": 9}),
            _ => json!({"pickup_group": "a"}),
        };
        assert_eq!(desk.post_if(path, &seen, &change), 200, "{path}");
        let version = desk.world.version;
        assert_eq!(desk.post_if(path, &seen, &change), 412, "{path}");
        for foreign in ["\"0\"", "\"x\"", "W/\"4\"", "4"] {
            assert_eq!(
                desk.post_if(path, foreign, &change),
                412,
                "{path} {foreign}"
            );
        }
        assert_eq!(desk.world.version, version, "nothing was changed");
        let newest = desk.tag(path);
        assert_eq!(desk.post_if(path, &newest, &change), 200, "{path}");
        assert_eq!(desk.post_if(path, "*", &change), 200, "{path}");
    }
}

#[test]
fn a_change_of_a_password_alone_is_seen_by_the_second_person() {
    let mut desk = Desk::new();
    let seen = desk.tag("trunks/Carrier");
    let password = json!({"access": {"registering": {"password": "another-one-1"}}});
    assert_eq!(desk.post("trunks/Carrier", &password).0, 200);
    assert_eq!(
        desk.post_if("trunks/Carrier", &seen, &json!({"enabled": false})),
        412
    );
    let request = get("/api/trunks/Carrier", &desk.session);
    assert_eq!(body(&desk.world.ask(&request))["enabled"], json!(true));
}

#[test]
fn the_trail_tells_what_a_change_did_to_the_site_it_was_made_on() {
    let mut desk = Desk::new();
    // Somebody else was faster, and this service has not heard of it.
    desk.world.site.trunks[0].channels_max = 10;
    desk.world.version += 1;
    let changed = desk.post("trunks/Carrier", &json!({"channels_max": 4}));
    assert_eq!(changed.0, 200);
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.after, "trunk Carrier: channels_max 10 -> 4");
}

/// All that changes an account, in the name of `zoraide`, who is nobody's word.
#[test]
fn people_are_not_shown_to_whoever_may_not_see_them() {
    let mut world = World::new();
    world.hire("rui", Role::Installer, "100");
    let admin = world.sign_in("admin", OWN_PASSWORD);
    let ask = |world: &mut World, session: &str, path: &str, wish: Value| {
        let answer = world.ask(&post(path, session, &wish));
        assert!(answer.status < 300, "{path}: {}", text(&answer));
        answer
    };
    let zoraide = json!({"login": "zoraide", "extensions": ["101"]});
    let made = ask(&mut world, &admin, "/api/people", zoraide);
    let password = body(&made)["one_time_password"].clone();
    let one_time = password.as_str().expect("text");
    let own = world.sign_in("zoraide", one_time);
    let wish = json!({"old": one_time, "new": OWN_PASSWORD});
    let own = goes_on(&ask(&mut world, &own, "/api/password", wish), &own);
    let offered = ask(&mut world, &own, "/api/second-factor/new", json!({}));
    let secret = body(&offered)["secret"].clone();
    world.pass(60);
    let wall = world.wall();
    let code = crate::second_factor::shown(secret.as_str().expect("text"), wall);
    ask(
        &mut world,
        &own,
        "/api/second-factor",
        json!({ "code": code }),
    );
    for name in ["one", "two"] {
        let wish = json!({"name": name, "permissions": ["see-calls"]});
        ask(&mut world, &own, "/api/tokens", wish);
    }
    let delete = |world: &mut World, session: &str, path: &str| {
        let request = request(Method::Delete, path).with("cookie", session);
        assert_eq!(world.ask(&request).status, 204, "{path}");
    };
    delete(&mut world, &own, "/api/tokens/one");
    delete(&mut world, &admin, "/api/people/zoraide/tokens");
    delete(&mut world, &admin, "/api/people/zoraide/second-factor");
    let anew = "/api/people/zoraide/one-time-password";
    ask(&mut world, &admin, anew, json!({}));
    let role = json!({"role": "operator"});
    ask(&mut world, &admin, "/api/people/zoraide", role);
    delete(&mut world, &admin, "/api/people/zoraide");
    ask(&mut world, &admin, "/api/limits", json!({"per_country": 3}));

    let session = world.sign_in("rui", OWN_PASSWORD);
    let mut seen = 0;
    for version in 1..=world.version {
        for path in ["/api/history", "/history"] {
            let page = |session: &str| get(&format!("{path}/{version}"), session);
            let page_of_admin = text(&world.ask(&page(&admin)));
            seen += usize::from(page_of_admin.contains("zoraide"));
            let page = text(&world.ask(&page(&session)));
            assert!(!page.contains("zoraide"), "{version}: {page}");
        }
    }
    assert!(seen > 10, "{seen}");
    for path in ["/api/history", "/history"] {
        let list = text(&world.ask(&get(path, &session)));
        assert!(!list.contains("zoraide"), "{list}");
        assert!(list.contains("limits"), "{list}");
        assert!(text(&world.ask(&get(path, &admin))).contains("zoraide"));
    }
}
