//! The log of the box: who reads it, what of it, and that nobody does so unseen.

use ipc::init::LogLine;
use ipc::site::Role;

use super::world::{OWN_PASSWORD, World, get, json as body, text};
use crate::Body;

fn line(service: &str, at_millis: u64, text: &str) -> LogLine {
    LogLine {
        service: service.into(),
        at_millis,
        text: text.into(),
    }
}

/// A box that is up for ten seconds.
fn chatty() -> World {
    let mut world = World::new();
    world.log = vec![
        line("init", 1000, "service pbx runs"),
        line("pbx", 4000, " INFO call started call=\"7\""),
        line("pbx", 5500, "DEBUG its numbers from=\"48999990021\""),
        line("web", 9000, " WARN <b>late</b>"),
    ];
    world
}

#[test]
fn lines_are_chosen_by_service_and_level_and_come_newest_first() {
    let mut world = chatty();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut told = |query: &str| {
        let answer = world.ask(&get(&format!("/api/logs{query}"), &session));
        let lines = body(&answer);
        let lines = lines.as_array().expect("lines").iter();
        let text = |it: &serde_json::Value| it["text"].as_str().map(str::to_owned);
        lines.filter_map(text).collect::<Vec<_>>()
    };
    let all = ["<b>late</b>", "call started call=\"7\"", "service pbx runs"];
    assert_eq!(told(""), all);
    assert_eq!(told("?limit=1"), all[..1]);
    assert_eq!(told("?service=pbx"), all[1..2]);
    assert_eq!(told("?level=warn"), all[..1]);
    assert_eq!(told("?level=debug&service=pbx").len(), 2);
    let first = body(&world.ask(&get("/api/logs?limit=1", &session)));
    assert_eq!(first[0]["level"], "warn");
    let at = crate::log_view::with_millis(world.wall().as_millis() - 1000);
    assert_eq!(first[0]["at"], at, "the box is up for ten seconds");
    let page = text(&world.ask(&get("/logs", &session)));
    assert!(page.contains("&lt;b&gt;late"), "{page}");
    assert_eq!(super::markup::wrong(&page), [""; 0]);
}

#[test]
fn whole_numbers_in_the_finest_lines_are_for_whoever_may_see_them() {
    for (whole, seen) in [(false, 0), (true, 1)] {
        let mut world = chatty();
        world.hire("rui", Role::Installer, "101");
        world.site.people.last_mut().expect("hired").whole_numbers = whole;
        world.changed_elsewhere();
        let session = world.sign_in("rui", OWN_PASSWORD);
        for path in [
            "/api/logs?level=debug",
            "/logs?level=debug",
            "/logs.txt?level=trace",
        ] {
            let answer = text(&world.ask(&get(path, &session)));
            assert_eq!(answer.matches("48999990021").count(), seen, "{path}");
        }
    }
}

#[test]
fn whoever_reads_the_log_or_takes_it_along_is_in_the_audit_trail() {
    let mut world = chatty();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let before = world.audits.len();
    for path in [
        "/logs",
        "/api/logs",
        "/logs/events",
        "/logs.txt",
        "/logs.txt",
    ] {
        assert_eq!(world.ask(&get(path, &session)).status, 200, "{path}");
    }
    let told = world.audits.iter().skip(before);
    let told: Vec<_> = told.map(|it| (&*it.action, &*it.after)).collect();
    let taken = ("log downloaded", "3 lines");
    assert_eq!(told, [("log seen", ""), taken, taken]);
    let file = world.ask(&get("/logs.txt", &session));
    assert!(
        text(&file).ends_with(" web warn <b>late</b>\n"),
        "oldest first"
    );
    world.store_away = true;
    world.pass(600);
    for _ in 0..crate::admin::UNRECORDED_MAX {
        let audit = world.audits.first().expect("signed in").clone();
        world.admin.note(audit);
    }
    for path in ["/logs", "/logs.txt"] {
        assert_eq!(
            world.ask(&get(path, &session)).status,
            503,
            "{path}: unseen"
        );
    }
}

#[test]
fn an_open_page_gets_the_lines_that_came() {
    let mut world = chatty();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let part = |world: &mut World| {
        let answer = world.ask(&get("/logs/events?service=web", &session));
        let Body::Events(events) = answer.body else {
            panic!("no stream")
        };
        events[0].data.clone()
    };
    let before = part(&mut world);
    assert!(before.contains("late") && !before.contains("call started"));
    world.log.push(line("web", 9500, "ERROR gone"));
    assert!(part(&mut world).contains("gone"));
    // A page that is open does not keep its session alive.
    let mut asked = (0..20).map(|_| {
        world.pass(600);
        world.ask(&get("/logs/events", &session)).status
    });
    assert_eq!(asked.next(), Some(200));
    assert_eq!(asked.last(), Some(303));
}
