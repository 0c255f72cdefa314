//! Numbers of people outside: whole for whoever may see them so, masked for others (R18).

use ipc::site::{Grant, Role, Whose};
use ipc::store::CallRecord;

use super::world::{OWN_PASSWORD, World, call, get, json as body, live_call, text};

const MARIA: &str = "+5548999990021";
const MASKED: &str = "+55489••••••21";

/// Extension 100 has called MARIA, and does so now; extension 102 nobody.
fn office() -> World {
    let mut world = World::new();
    world.calls = vec![CallRecord {
        to: MARIA.into(),
        extensions: vec!["100".into()],
        ..call()
    }];
    world.live_calls = vec![live_call("100", MARIA, &["100"], &[])];
    world
}

/// Somebody who sees the calls of 100 by a grant, or by his role.
fn hire(world: &mut World, role: Role, sees_whole: bool) -> String {
    world.hire("ana", role, "102");
    let ana = world.site.people.last_mut().expect("hired");
    ana.whole_numbers = sees_whole;
    ana.grants.push(Grant {
        of: Whose::Extension("100".into()),
        by: "admin".into(),
        since_millis: 0,
    });
    world.changed_elsewhere();
    world.sign_in("ana", OWN_PASSWORD)
}

fn to_of_first(world: &mut World, session: &str, path: &str) -> String {
    let seen = body(&world.ask(&get(path, session)));
    let calls = seen.get("calls").unwrap_or(&seen);
    calls[0]["to"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn numbers_in_calls_of_others_are_masked_unless_somebody_was_allowed_them() {
    for (role, sees_whole, shown) in [
        (Role::Supervisor, false, MASKED),
        (Role::Supervisor, true, MARIA),
        (Role::Operator, false, MASKED),
        (Role::Auditor, false, MASKED),
        (Role::Auditor, true, MARIA),
        (Role::Administrator, false, MARIA),
    ] {
        let mut world = office();
        let session = hire(&mut world, role, sees_whole);
        for path in ["/api/calls", "/api/status"] {
            let seen = to_of_first(&mut world, &session, path);
            assert_eq!(seen, shown, "{role:?} {path}");
            let told = &world.audits.last().expect("recorded").after;
            let is_told = told.ends_with(", whole numbers");
            assert_eq!(is_told, shown == MARIA, "{role:?} {path}: {told}");
        }
        for path in ["/calls", "/"] {
            let page = text(&world.ask(&get(path, &session)));
            assert!(page.contains(shown), "{role:?} {path}");
            assert_eq!(page.contains("99990021"), shown == MARIA, "{role:?} {path}");
        }
    }
}

#[test]
fn ones_own_calls_are_whole() {
    let mut world = office();
    world.hire("rui", Role::User, "100");
    let session = world.sign_in("rui", OWN_PASSWORD);
    assert_eq!(to_of_first(&mut world, &session, "/api/calls"), MARIA);
    let last = &world.audits.last().expect("signed in").action;
    assert_eq!(last, "signed in");
}

#[test]
fn whoever_sees_numbers_masked_finds_nobody_elses_calls_by_them() {
    let mut world = office();
    let search = "/api/calls?number=(48)%2099999-0021";
    let session = hire(&mut world, Role::Supervisor, false);
    assert_eq!(
        body(&world.ask(&get(search, &session))),
        serde_json::json!([])
    );
    let by_extension = to_of_first(&mut world, &session, "/api/calls?number=100");
    assert_eq!(by_extension, MASKED);

    let mut world = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    assert_eq!(to_of_first(&mut world, &session, search), MARIA);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "call records searched");
    assert!(
        audit.after.contains("with (48) 9••••-••21"),
        "{}",
        audit.after
    );
    // Another number is another search, and all calls are another look.
    let count = world.audits.len();
    to_of_first(&mut world, &session, search);
    assert_eq!(world.audits.len(), count);
    to_of_first(&mut world, &session, "/api/calls?number=100");
    assert_eq!(world.audits.len(), count + 1);
    to_of_first(&mut world, &session, "/api/calls");
    assert_eq!(world.audits.len(), count + 2);
    let page = text(&world.ask(&get("/calls?number=%22%3E", &session)));
    assert!(page.contains("value=\"&quot;&gt;\""), "{page}");
}

#[test]
fn a_program_sees_whole_numbers_where_its_token_says_so() {
    for (permissions, shown) in [
        (&["see-calls", "see-every-call"][..], MASKED),
        (&["see-calls", "see-every-call", "see-whole-numbers"], MARIA),
    ] {
        let mut world = office();
        let session = world.sign_in("admin", OWN_PASSWORD);
        let wish = serde_json::json!({"name": "bi", "permissions": permissions, "days": 30});
        let made = world.ask(&super::world::post("/api/tokens", &session, &wish));
        let secret = body(&made)["token"].as_str().expect("a token").to_owned();
        let ask = super::world::request(crate::Method::Get, "/api/calls")
            .with("authorization", &format!("Bearer {secret}"));
        assert_eq!(body(&world.ask(&ask))[0]["to"], shown, "{permissions:?}");
    }
}
