//! Watching through the whole node: at the door, and over its restart.

use super::*;
use crate::interface::Input;
use crate::scripted::{PASSWORD, Rig};

fn notifies(rig: &mut Rig) -> Vec<Request> {
    let messages = rig.take_messages().into_iter();
    let requests = messages.filter_map(|(_, message)| match message {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    });
    requests
        .filter(|request| request.method == Method::Notify)
        .collect()
}

#[test]
fn only_who_proves_who_he_is_may_watch() {
    let mut rig = Rig::new();
    let request = subscribe("101", "dialog", "a", 1, 600);
    let challenged = rig.ask(PHONE, &request);
    assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
    let wrong = rig.ask_as(PHONE, "100", "wrong", &request);
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let outside = rig.ask_as("203.0.113.9:5060", "100", PASSWORD, &request);
    assert_eq!(outside.status, StatusCode::FORBIDDEN);
    assert_eq!(notifies(&mut rig), []);
}

#[test]
fn options_tell_which_events_there_are() {
    let mut rig = Rig::new();
    let request = crate::scripted::request(Method::Options, "100", "o", 1);
    let response = rig.ask(PHONE, &request);
    assert!(response.headers.allows(&Method::Subscribe));
    let name = HeaderName::AllowEvents;
    let events: Vec<_> = response.headers.tokens(&name).collect();
    assert_eq!(events, ["dialog", "message-summary"]);
}

/// Lamps work after a restart of pbx without the phone's doing.
#[test]
fn the_next_process_tells_the_watchers_of_this_one() {
    let mut rig = Rig::new();
    let request = subscribe("101", "dialog", "a", 1, 600);
    let challenged = rig.ask(PHONE, &request);
    let request = crate::scripted::answered(&challenged, "100", PASSWORD, &request);
    let request = rig.with_via(PHONE, Transport::Udp, &request);
    rig.datagram(PHONE, request.to_bytes());
    assert_eq!(notifies(&mut rig).len(), 1, "told at once");
    let mut kept = BTreeMap::new();
    for output in std::mem::take(&mut rig.outputs) {
        if let Output::Checkpoint { key, call } = output {
            kept.insert(key, call.expect("kept, not forgotten"));
        }
    }
    let mut next = Rig::unconfigured();
    next.handle(Input::StoredCalls(kept.into_iter().collect()));
    next.handle(Input::Config(1, Arc::new(site(|_| ()))));
    next.pass(secs(4));
    let told = notifies(&mut next);
    assert!(!told.is_empty());
    assert!(told.iter().all(|it| it.headers.call_id() == Ok("a")));
}
