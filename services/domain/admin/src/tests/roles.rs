//! What each role reaches (R4), whose calls it sees (R5, R6), and that nobody sees those of others
//! unseen.

use ipc::site::{Grant, Group, Member, Person, Role, Whose};
use ipc::store::CallRecord;
use serde_json::json;

use super::access::filled;
use super::world::{
    OWN_PASSWORD, RECORDING, World, call, get, json as body, live_call, request, text,
};
use crate::{Access, Face, Method, Peer, ROUTES, Route};

/// Who may use which address: one letter a role, in the order of [`Role::ALL`], or a dot. A route
/// that is not in it fails the test: somebody has to say here who may use it.
const EXPECTED: &str = include_str!("roles.txt");

fn expected(route: &Route, role: Role) -> bool {
    let method = format!("{:?}", route.method).to_uppercase();
    let mut lines = EXPECTED.lines().map(|line| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect("three words");
        (word(), word(), word())
    });
    let found = lines.find(|(_, by, path)| *by == method && *path == route.path);
    let (letters, ..) = found.unwrap_or_else(|| panic!("{method} {} is new", route.path));
    let place = Role::ALL.into_iter().position(|it| it == role);
    letters.as_bytes()[place.expect("a role")] != b'.'
}

#[test]
fn every_role_reaches_what_the_table_says_and_nothing_else() {
    for role in Role::ALL {
        for route in ROUTES.iter().filter(|it| it.access != Access::Anybody) {
            let mut world = World::new();
            world.hire("ana", role, "102");
            let session = world.sign_in("ana", OWN_PASSWORD);
            let (version, audits) = (world.version, world.audits.len());
            let response = world.ask(&filled(route).with("cookie", &session));
            let at = format!("{role:?} {:?} {}", route.method, route.path);
            if expected(route, role) {
                assert!(![401, 403].contains(&response.status), "{at}");
                let elsewhere = ["/login", "/calls"].map(Some);
                let to = response.header("location");
                assert!(route.path == "/logout" || !elsewhere.contains(&to), "{at}");
                continue;
            }
            match route.path {
                "/" => assert_eq!(response.header("location"), Some("/calls"), "{at}"),
                _ => assert_eq!(response.status, 403, "{at}"),
            }
            if route.face == Face::Api {
                let refusal = "your role does not allow this; ask an administrator to do it or \
                               to give you another role";
                assert_eq!(body(&response), json!({ "error": refusal }), "{at}");
            }
            let after = (world.version, world.audits.len(), world.asked_init.len());
            assert_eq!(after, (version, audits, 0), "{at} did something");
        }
    }
}

#[test]
fn the_table_names_no_address_that_does_not_exist() {
    for line in EXPECTED.lines() {
        let path = line.split_whitespace().last().expect("an address");
        assert!(ROUTES.iter().any(|route| route.path == path), "{path}");
    }
}

#[test]
fn pages_lead_nobody_where_they_may_not_go() {
    for role in Role::ALL {
        let mut world = World::new();
        world.hire("ana", role, "102");
        let session = world.sign_in("ana", OWN_PASSWORD);
        let mut seen = 0;
        for route in ROUTES.iter().filter(|it| it.method == Method::Get) {
            if route.face != Face::Page
                || route.path.contains("{}")
                || route.path == "/login"
                || route.path.ends_with("/events")
            {
                continue;
            }
            let page = world.ask(&get(route.path, &session));
            if page.status != 200 || page.header("content-disposition").is_some() {
                continue;
            }
            let page = text(&page);
            for link in page.split("href=\"").skip(1) {
                let link = link.split(['"', '?', '#']).next().unwrap_or_default();
                if link.is_empty() || link.starts_with("/assets/") {
                    continue;
                }
                seen += 1;
                let there = world.ask(&get(link, &session)).status;
                let brand = link == "/" && there == 303;
                assert!(there == 200 || brand, "{role:?} {}: {link}", route.path);
            }
        }
        assert!(seen > 2, "{role:?}: {seen}");
    }
}

/// A box on which 100 called 101 and 101 called 102; its recordings are of the first.
fn office() -> World {
    let mut world = World::new();
    let mut second = call();
    second.id = "1795351502000-00000002".into();
    (second.from, second.to) = ("101".into(), "102".into());
    second.extensions = vec!["101".into(), "102".into()];
    second.recordings = vec!["1795351600000-0000002b.wav".into()];
    world.calls.insert(0, second);
    world
}

fn calls(world: &mut World, session: &str) -> Vec<String> {
    let seen = body(&world.ask(&get("/api/calls", session)));
    let ids = seen.as_array().expect("a list").iter();
    ids.map(|call| call["to"].as_str().expect("a number").to_owned())
        .collect()
}

#[test]
fn a_new_person_sees_their_own_calls_and_no_others() {
    for role in [
        Role::User,
        Role::Operator,
        Role::Supervisor,
        Role::Installer,
    ] {
        let mut world = office();
        world.hire("ana", role, "102");
        world.hire("rui", role, "100");
        let session = world.sign_in("ana", OWN_PASSWORD);
        assert_eq!(calls(&mut world, &session), ["102"], "{role:?}");
        let page = text(&world.ask(&get("/calls", &session)));
        assert!(!page.contains(">100<"), "{page}");
        let last = world.audits.last().expect("signed in");
        assert_eq!(last.action, "signed in", "their own are not recorded");
        let session = world.sign_in("rui", OWN_PASSWORD);
        assert_eq!(calls(&mut world, &session), ["101"], "{role:?}");
    }
    let mut world = office();
    world.hire("nobody", Role::User, "100");
    world
        .site
        .people
        .last_mut()
        .expect("hired")
        .extensions
        .clear();
    world.changed_elsewhere();
    let session = world.sign_in("nobody", OWN_PASSWORD);
    assert!(calls(&mut world, &session).is_empty());
    let listed = body(&world.ask(&get("/api/recordings", &session)));
    assert_eq!(listed, json!([]));
    assert!(world.asked_calls.is_empty(), "the store is not asked");
}

#[test]
fn calls_of_others_are_seen_by_grant_and_whoever_sees_them_is_recorded() {
    let mut world = office();
    world.hire("ana", Role::Supervisor, "100");
    let by = "admin".to_owned();
    world.site.groups.push(Group {
        number: "600".into(),
        members: vec![Member {
            extension: "102".into(),
            ..Member::default()
        }],
        ..Group::default()
    });
    let ana = world.site.people.last_mut().expect("hired");
    ana.grants.push(Grant {
        of: Whose::Group("600".into()),
        by,
        since_millis: 0,
    });
    world.changed_elsewhere();
    let session = world.sign_in("ana", OWN_PASSWORD);
    assert_eq!(calls(&mut world, &session), ["102", "101"]);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.who, "ana");
    assert_eq!(audit.action, "call records seen");
    assert_eq!(audit.after, "1 of others, from 1795351502000-00000002 on");
    let count = world.audits.len();
    calls(&mut world, &session);
    assert_eq!(world.audits.len(), count, "not again for every look");
    let mut older = world.calls[0].clone();
    older.id = "1795351400000-00000002".into();
    world.calls.push(older);
    calls(&mut world, &session);
    assert_eq!(world.audits.len(), count + 1, "but for one further back");
    world.pass(600);
    calls(&mut world, &session);
    assert_eq!(world.audits.len(), count + 2, "and after ten minutes");
    let mut world = office();
    let admin = world.sign_in("admin", OWN_PASSWORD);
    assert_eq!(calls(&mut world, &admin), ["102", "101"]);
    let audit = world.audits.last().expect("recorded");
    assert!(audit.after.starts_with("2 of others"), "{audit:?}");
    world.store_away = true;
    world.pass(600);
    assert_eq!(world.ask(&get("/api/calls", &admin)).status, 503);
}

#[test]
fn a_look_at_an_old_call_of_others_does_not_hide_looks_at_newer_ones() {
    let mut world = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let told = |world: &mut World, query: &str| {
        let before = world.audits.len();
        let answer = world.ask(&get(&format!("/api/calls{query}"), &session));
        assert_eq!(answer.status, 200);
        let new = world.audits.iter().skip(before);
        new.map(|it| it.after.clone()).collect::<Vec<_>>()
    };
    let first = "1795351501000-00000001";
    let second = "1795351502000-00000002";
    assert_eq!(
        told(&mut world, &format!("?limit=1&before={second}")),
        [format!("1 of others, from {first} to {first}")]
    );
    assert_eq!(
        told(&mut world, ""),
        [format!("2 of others, from {first} on")]
    );
    assert!(told(&mut world, "").is_empty());
    assert!(told(&mut world, &format!("?before={second}")).is_empty());
}

/// Everything that shows what others do, once in ten minutes (R5, R6).
#[test]
fn whoever_looks_at_what_is_about_others_is_recorded_wherever_it_is_shown() {
    for (path, action, after) in [
        ("/api/status", "calls in progress seen", "1 of others"),
        ("/", "calls in progress seen", "1 of others"),
        ("/api/recordings", "list of recordings seen", "2 of others"),
        ("/api/spending", "spending seen", ""),
    ] {
        let mut world = office();
        let session = world.sign_in("admin", OWN_PASSWORD);
        let count = world.audits.len();
        for _ in 0..2 {
            assert_eq!(world.ask(&get(path, &session)).status, 200, "{path}");
        }
        let audit = world.audits.last().expect("recorded").clone();
        assert_eq!((&*audit.action, &*audit.after), (action, after), "{path}");
        assert_eq!(world.audits.len(), count + 1, "{path}: once");
        world.pass(600);
        world.ask(&get(path, &session));
        assert_eq!(
            world.audits.len(),
            count + 2,
            "{path}: and after ten minutes"
        );
    }
    let mut world = office();
    world.hire("rui", Role::Supervisor, "101");
    let session = world.sign_in("rui", OWN_PASSWORD);
    for path in ["/api/status", "/api/recordings"] {
        assert_eq!(world.ask(&get(path, &session)).status, 200);
    }
    let last = world.audits.last().expect("signed in");
    assert_eq!(last.action, "signed in", "their own are not recorded");
}

#[test]
fn calls_in_progress_of_others_are_not_shown_when_that_cannot_be_recorded() {
    let mut world = World::new();
    world.hire("ana", Role::Administrator, "101");
    let sessions = ["admin", "ana"].map(|it| world.sign_in(it, OWN_PASSWORD));
    world.store_away = true;
    for _ in 0..crate::admin::UNRECORDED_MAX {
        let audit = world.audits.first().expect("signed in").clone();
        world.admin.note(audit);
    }
    let shown = sessions.map(|session| {
        let status = world.ask(&get("/api/status", &session));
        assert_eq!(status.status, 200, "the state of the box is");
        body(&status)["calls"].as_array().map(Vec::len)
    });
    assert_eq!(shown, [Some(0), Some(1)]);
}

#[test]
fn recordings_follow_their_calls() {
    let mut world = office();
    world.hire("ana", Role::User, "100");
    let session = world.sign_in("ana", OWN_PASSWORD);
    let listed = body(&world.ask(&get("/api/recordings", &session)));
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["name"], RECORDING);
    let own = format!("/api/recordings/{RECORDING}");
    assert_eq!(world.ask(&get(&own, &session)).status, 200);
    let others = "/api/recordings/1795351600000-0000002b.wav";
    let missing = "/api/recordings/1795351600000-0000002c.wav";
    for path in [others, missing] {
        assert_eq!(world.ask(&get(path, &session)).status, 404, "{path}");
    }
    // The store looks at no more than it must.
    let one = (1, Some("1795351503000-~".to_owned()));
    assert_eq!(world.asked_calls.get(1), Some(&one));
    let delete = request(Method::Delete, &own).with("cookie", &session);
    assert_eq!(world.ask(&delete).status, 403);
    assert_eq!(world.recordings.len(), 2);
}

#[test]
fn calls_in_progress_are_shown_to_whoever_may_see_them() {
    let mut world = World::new();
    world.hire("ana", Role::Operator, "102");
    world.hire("rui", Role::Operator, "101");
    let mut live = |login: &str| {
        let session = world.sign_in(login, OWN_PASSWORD);
        let status = body(&world.ask(&get("/api/status", &session)));
        status["calls"].as_array().map(Vec::len)
    };
    assert_eq!(live("ana"), Some(0));
    assert_eq!(live("rui"), Some(1));
    assert_eq!(live("admin"), Some(1));
}

/// A box on which an outside caller who shows 100 talks with 102, who took a call to the main
/// number that rang at the whole group 600; the same call is on record.
fn call_to_a_group() -> World {
    let mut world = World::new();
    world.hire("ana", Role::Operator, "100");
    world.hire("bia", Role::Operator, "101");
    world.hire("rui", Role::Operator, "102");
    world.hire("eva", Role::Supervisor, "100");
    let of = Whose::Group("600".into());
    let by = "admin".to_owned();
    let grant = Grant {
        of,
        by,
        since_millis: 0,
    };
    let eva = world.site.people.last_mut().expect("hired");
    (eva.extensions, eva.grants) = (Vec::new(), vec![grant]);
    world.site.groups.push(Group {
        number: "600".into(),
        members: vec![Member {
            extension: "101".into(),
            ..Member::default()
        }],
        ..Group::default()
    });
    world.changed_elsewhere();
    let (to, joined, rung) = ("33334444", ["102"], ["600", "101", "102"]);
    world.live_calls = vec![live_call("100", to, &joined, &rung)];
    let strings = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    world.calls = vec![CallRecord {
        from: "100".into(),
        to: to.into(),
        extensions: strings(&joined),
        rung: strings(&rung),
        ..call()
    }];
    world
}

/// What a caller shows as his number may be anything, and the number that was dialled need not be
/// that of anybody who talks: both faces of a call go by who takes part in it.
#[test]
fn a_call_to_a_group_is_shown_to_its_people_and_not_to_whose_number_the_caller_shows() {
    let mut world = call_to_a_group();
    for (login, count) in [("ana", 0), ("bia", 1), ("rui", 1), ("eva", 1), ("admin", 1)] {
        let session = world.sign_in(login, OWN_PASSWORD);
        let live = body(&world.ask(&get("/api/status", &session)));
        let live = live["calls"].as_array().map(Vec::len);
        let kept = calls(&mut world, &session).len();
        assert_eq!((live, kept), (Some(count), count), "{login}");
    }
}

/// A phone that rang gives no right to what was said at another.
#[test]
fn a_recording_is_not_heard_by_whoever_did_not_take_the_call() {
    let mut world = call_to_a_group();
    for (login, expected) in [("bia", 404), ("rui", 200), ("eva", 404)] {
        let supervisor = world.site.people.iter_mut().find(|it| it.login == login);
        supervisor.expect("hired").role = Role::Supervisor;
        world.changed_elsewhere();
        let session = world.sign_in(login, OWN_PASSWORD);
        let listed = body(&world.ask(&get("/api/recordings", &session)));
        let listed = listed.as_array().map(Vec::len);
        assert_eq!(listed, Some(usize::from(expected == 200)), "{login}");
        let path = format!("/api/recordings/{RECORDING}");
        assert_eq!(world.ask(&get(&path, &session)).status, expected, "{login}");
    }
}

#[test]
fn another_role_or_none_ends_the_sessions_of_before() {
    let change = |change: fn(&mut Person)| {
        let mut world = World::new();
        world.hire("ana", Role::Supervisor, "100");
        let session = world.sign_in("ana", OWN_PASSWORD);
        change(world.site.people.last_mut().expect("hired"));
        world.changed_elsewhere();
        world.ask(&get("/api/status", &session)).status
    };
    assert_eq!(change(|_| {}), 200);
    assert_eq!(change(|ana| ana.role = Role::Operator), 401);
    assert_eq!(change(|ana| ana.disabled = true), 401);
    assert_eq!(change(|ana| ana.login = "bia".into()), 401);
}

#[test]
fn whoever_is_switched_off_is_answered_like_a_stranger() {
    let mut world = World::new();
    world.hire("ana", Role::Administrator, "100");
    world.site.people.last_mut().expect("hired").disabled = true;
    world.changed_elsewhere();
    let sign_in = |login, password| super::world::sign_in_from("10.0.0.9", login, password);
    let disabled = world.ask(&sign_in("ana", OWN_PASSWORD));
    let unknown = world.ask(&sign_in("nobody", OWN_PASSWORD));
    assert_eq!((disabled.status, &disabled), (401, &unknown));
    assert_eq!(world.verified, 2, "the same work");
}

#[test]
fn a_program_on_the_box_itself_may_do_all_of_it() {
    let mut world = office();
    let mut look = get("/api/calls", "");
    look.peer = Peer::Local;
    assert_eq!(body(&world.ask(&look)).as_array().map(Vec::len), Some(2));
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.who, &*audit.action),
        ("local", "call records seen")
    );
}
