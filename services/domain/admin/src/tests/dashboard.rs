//! The first page, and what an open one is sent (R32).

use ipc::site::{Extension, Role};
use ipc::update::{Condition, Slot};

use super::world::{OWN_PASSWORD, World, call, form, get, text};
use crate::{Body, Event, Response};

fn events(response: &Response) -> Vec<Event> {
    match &response.body {
        Body::Events(events) => events.clone(),
        _ => panic!("not a stream"),
    }
}

/// A part of an open page, as somebody sees it who reads English.
fn part(world: &mut World, session: &str, name: &str) -> String {
    let response = world.ask(&get("/events", session).with("accept-language", "en"));
    assert_eq!(response.status, 200);
    let found = events(&response).into_iter().find(|it| it.name == name);
    found.expect(name).data
}

#[test]
fn an_open_page_is_sent_the_parts_the_page_has() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = text(&world.ask(&get("/", &session)));
    let response = world.ask(&get("/events", &session));
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    let events = events(&response);
    assert_eq!(events.len(), 9);
    for event in events {
        assert!(page.contains(&event.data), "{}", event.name);
        assert!(
            event
                .data
                .contains(&format!("id=\"{}\" data-live", event.name))
        );
    }
}

#[test]
fn a_stream_does_not_keep_its_session_and_ends_with_it() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for _ in 0..4 {
        world.pass(220);
        assert_eq!(world.ask(&get("/events", &session)).status, 200);
    }
    world.pass(21);
    let over = world.ask(&get("/events", &session));
    assert_eq!(over.header("location"), Some("/login"));
    assert!(over.body.is_empty());
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.ask(&form("/logout", &session, ""));
    assert_eq!(world.ask(&get("/events", &session)).status, 303);
}

#[test]
fn who_may_not_see_a_call_is_not_sent_it_and_who_sees_it_is_in_the_trail() {
    let mut world = World::new();
    world.hire("ana", Role::Operator, "102");
    let ana = world.sign_in("ana", OWN_PASSWORD);
    let hers = part(&mut world, &ana, "part-calls");
    assert!(hers.contains("No call in progress"), "{hers}");
    let admin = world.sign_in("admin", OWN_PASSWORD);
    for _ in 0..3 {
        let seen = part(&mut world, &admin, "part-calls");
        assert!(seen.contains("data-seconds=\"5\">0:05<"), "{seen}");
    }
    let looked = world.audits.iter();
    let looked = looked.filter(|it| it.action == "calls in progress seen");
    assert_eq!(looked.count(), 1, "once in ten minutes");
}

#[test]
fn calls_are_counted_once_a_minute_however_many_pages_are_open() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.calls[0].started_millis = world.wall().as_millis() - 1000;
    let mut missed = call();
    (missed.started_millis, missed.answered_millis) = (world.calls[0].started_millis, None);
    world.calls.push(missed);
    for _ in 0..5 {
        let day = part(&mut world, &session, "part-day");
        assert!(day.contains("1 answered, 1 not answered"), "{day}");
    }
    assert_eq!(world.counted, 1);
    world.pass(60);
    part(&mut world, &session, "part-day");
    assert_eq!(world.counted, 2);
    // Counts of everybody's calls are not shown to who sees none.
    world.hire("ana", Role::Operator, "102");
    let ana = world.sign_in("ana", OWN_PASSWORD);
    let day = part(&mut world, &ana, "part-day");
    assert!(day.contains("No call in the last 24 hours"), "{day}");
}

#[test]
fn extensions_without_a_phone_are_named_and_what_to_do_next_is_said() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let next = part(&mut world, &session, "part-next");
    for place in ["/start", "/new/trunk", "/second-factor"] {
        assert!(
            next.contains(&format!("<a href=\"{place}\">")),
            "{place}: {next}"
        );
    }
    world.site.extensions.push(Extension {
        number: "100".into(),
        display_name: "Door & gate".into(),
        ha1_md5: ipc::Redacted::new("0".repeat(32)),
        ha1_sha256: ipc::Redacted::new("0".repeat(64)),
        ..Extension::default()
    });
    world.changed_elsewhere();
    let phones = part(&mut world, &session, "part-phones");
    assert!(phones.contains("<b>100</b> Door &amp; gate"), "{phones}");
    let next = part(&mut world, &session, "part-next");
    assert!(next.contains("Connect a phone") && !next.contains("Create the first"));
    // Who may change nothing is not told to.
    world.hire("ana", Role::Auditor, "102");
    let ana = world.sign_in("ana", OWN_PASSWORD);
    assert!(!part(&mut world, &ana, "part-next").contains("<a"));
}

#[test]
fn what_fails_is_said_with_what_to_do_and_where() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let headline = |world: &mut World| part(world, &session, "part-headline");
    let down = headline(&mut world);
    assert!(down.contains("trunk &quot;Carrier&quot; is not in service (no answer)"));
    assert!(down.contains("Needs attention") && down.contains("<a href=\"/trunks\">"));
    world.is_trunk_up = true;
    assert!(headline(&mut world).contains("Everything is running"));
    world.free_bytes = 300 * 1024 * 1024;
    assert!(headline(&mut world).contains("only 300 MiB are free"));
    world.free_bytes = 0;
    world.slots = vec![Slot {
        is_running: true,
        version: "0.2.0".into(),
        condition: Condition::OnTrial { tries: 2 },
        ..Slot::default()
    }];
    let trial = headline(&mut world);
    assert!(trial.contains("firmware 0.2.0 runs on trial"), "{trial}");
    assert!(
        trial.contains("Everything is running"),
        "nothing fails: {trial}"
    );
    world.slots[0].is_damaged = true;
    assert!(headline(&mut world).contains("is damaged on the disk"));
    let health = part(&mut world, &session, "part-health");
    assert!(health.contains("47 °C"), "{health}");
}
