//! Who is hidden by a router, at the door of the exchange (R51, R67, R70, T7).

use std::sync::atomic::{AtomicU32, Ordering};

use guard::Notice;
use ipc::guard::{Bans, Hiding};
use ipc::masquerade::{Sighting, State};
use sip::StatusCode;

use super::*;
use crate::interface::{AuthFailure, Event, Input};
use crate::scripted::{PASSWORD, Rig, register};

static CALLS: AtomicU32 = AtomicU32::new(0);

const ROUTER: &str = "10.0.0.254:40000";
const PHONE: &str = "10.0.0.2:5060";

/// An office on one cable, with a router; 100 is for the office only, 101 for anywhere.
fn office() -> Rig {
    let mut rig = Rig::new();
    let network = |text| config::Network::parse(text).expect("a network");
    rig.handle(Input::Around(Around {
        on_link: vec![network("10.0.0.0/24")],
        own: ["10.0.0.1".parse().expect("an address")].into(),
        routers: ["10.0.0.254".parse().expect("an address")].into(),
        ..Around::default()
    }));
    rig
}

fn seen(rig: &Rig) -> Vec<&Sighting> {
    let seen = rig.outputs.iter().filter_map(|it| match it {
        Output::Seen(sighting) => Some(sighting),
        _ => None,
    });
    seen.collect()
}

fn registers(rig: &mut Rig, remote: &str, user: &str) -> StatusCode {
    // Another Call-ID each time.
    let call_id = format!("phone{}", CALLS.fetch_add(1, Ordering::Relaxed));
    let request = register(user, &call_id, 1, &["<sip:x@10.0.0.2>"]);
    rig.ask_as(remote, user, PASSWORD, &request).status
}

fn say(rig: &mut Rig, addresses: &[&str], is_anew: bool) {
    let addresses = addresses.iter().map(|it| (*it).to_owned()).collect();
    let hiding = Some(Hiding { addresses, is_anew });
    let bans = Bans {
        hiding,
        ..Bans::default()
    };
    for notice in Notice::read(rig.now, &bans) {
        rig.handle(Input::Bans(notice));
    }
}

/// What arrives is told, and is no reason to refuse a phone: it may be behind the router's VPN.
#[test]
fn what_only_looks_like_masquerade_is_told_and_refuses_nobody() {
    let mut rig = office();
    for ttl in [52, 63, 64, 117] {
        rig.ttl = Some(ttl);
        assert_eq!(registers(&mut rig, ROUTER, "100"), StatusCode::OK, "{ttl}");
    }
    let [told, ..] = seen(&rig)[..] else {
        panic!("nobody is told");
    };
    assert_eq!((told.source.as_str(), told.ttl), ("10.0.0.254", Some(52)));
    let is_outsider = |it: &Output| matches!(it, Output::Outsider(_));
    assert!(!rig.outputs.iter().any(is_outsider));
}

/// T7, T8: the right password, at the first try.
#[test]
fn whom_a_router_hides_is_outside_once_it_is_proved() {
    let mut rig = office();
    say(&mut rig, &["10.0.0.254"], false);
    assert_eq!(registers(&mut rig, ROUTER, "100"), StatusCode::FORBIDDEN);
    let class = rig.events.iter().rev().find_map(|it| match it {
        Event::AuthFailure { class, .. } => Some(*class),
        _ => None,
    });
    assert_eq!(class, Some(AuthFailure::RemoteNotAllowed));
    let is_outsider = |it: &Output| matches!(it, Output::Outsider(_));
    assert!(rig.outputs.iter().any(is_outsider));
    assert_eq!(registers(&mut rig, ROUTER, "101"), StatusCode::OK, "R70");
    assert_eq!(registers(&mut rig, PHONE, "100"), StatusCode::OK);
    rig.handle(Input::Bans(Notice::default()));
    assert_eq!(registers(&mut rig, ROUTER, "100"), StatusCode::FORBIDDEN);
    say(&mut rig, &[], true);
    assert_eq!(registers(&mut rig, ROUTER, "100"), StatusCode::OK);
}

#[test]
fn a_connection_from_far_is_told_before_it_says_anything() {
    let mut rig = office();
    rig.handle(Input::Seen(Sight {
        ttl: Some(49),
        is_proven: true,
        ..Sight::of(Listener::SipTcp, "10.0.0.254".parse().expect("an address"))
    }));
    rig.open(7, ROUTER);
    assert_eq!(seen(&rig)[0].listener, Listener::SipTcp);
    let source = "10.0.0.254".parse().expect("an address");
    assert_eq!(
        rig.node.core().hiding.book.state_of(source),
        State::Confirmed
    );
}

/// P4 and P5, where the TTL is not known.
#[test]
fn sip_from_the_router_that_names_other_networks_is_told() {
    let mut rig = office();
    let request = register("100", "phone", 1, &["<sip:x@192.168.7.7>"]);
    rig.ask(ROUTER, &request);
    let [told] = seen(&rig)[..] else {
        panic!("{:?}", seen(&rig));
    };
    assert!(told.is_foreign && told.host.is_some());
    let mut rig = office();
    let request = register("100", "phone", 1, &["<sip:x@10.0.0.2>"]);
    rig.ask(ROUTER, &request);
    assert!(seen(&rig).iter().all(|told| !told.is_foreign));
}

/// A router that the box does not know, as it sends through another one: its address is told by
/// senders at several distances who had their answers, and by no others.
#[test]
fn who_has_no_answer_says_nothing_of_an_address_that_is_no_router() {
    let mut rig = office();
    for ttl in [49, 117, 240] {
        rig.ttl = Some(ttl);
        let request = register("100", "phone", 1, &["<sip:x@10.0.0.2>"]);
        rig.ask("10.0.0.253:40000", &request);
    }
    assert_eq!(seen(&rig).len(), 0);
    assert_eq!(
        registers(&mut rig, "10.0.0.253:40000", "100"),
        StatusCode::OK,
        "one distance"
    );
    rig.ttl = Some(117);
    registers(&mut rig, "10.0.0.253:40000", "100");
    assert_eq!(seen(&rig).len(), 2);
    let source = "10.0.0.253".parse().expect("an address");
    let state = rig.node.core().hiding.book.state_of(source);
    assert_eq!(state, State::Suspect);
}

/// Nobody of them can be shut out, so what all of them may ask together is bounded.
#[test]
fn hidden_senders_without_a_password_are_answered_so_many_a_second() {
    let mut rig = office();
    say(&mut rig, &["10.0.0.254"], false);
    let request = register("100", "phone", 1, &["<sip:x@10.0.0.2>"]);
    let mut asked = |count: usize| {
        let answers = (0..count).map(|_| rig.ask(ROUTER, &request).status);
        let asked = answers.filter(|it| *it == StatusCode::UNAUTHORIZED);
        let asked = asked.count();
        rig.pass(Duration::from_secs(1));
        asked
    };
    assert_eq!((asked(100), asked(100), asked(100)), (40, 20, 20));
    let answers = (0..100).map(|_| rig.ask(PHONE, &request).status);
    assert!(answers.into_iter().all(|it| it == StatusCode::UNAUTHORIZED));
}
