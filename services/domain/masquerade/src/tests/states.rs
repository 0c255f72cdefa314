//! States over time, and what others are told.

use sansio::Node as _;

use super::*;
use crate::{Input, MasqueradeNode, Output};

const DAY: u64 = 24 * 3_600;

fn node() -> MasqueradeNode {
    let mut node = MasqueradeNode::new();
    node.handle(at(0), Input::Around(office()));
    assert_eq!(node.poll(), None);
    node
}

fn outputs(node: &mut MasqueradeNode) -> Vec<Output> {
    std::iter::from_fn(|| node.poll()).collect()
}

fn changed(listener: Listener, before: State, now: State) -> Output {
    Output::Changed {
        listener,
        address: ip(ROUTER),
        before,
        now,
    }
}

#[test]
fn a_change_is_told_once_and_puts_nobody_outside() {
    let mut node = node();
    node.handle(at(1), Input::Attack(Listener::SipUdp, ip(ROUTER)));
    let suspect = changed(Listener::SipUdp, State::None, State::Suspect);
    assert_eq!(outputs(&mut node), [suspect]);
    node.handle(at(2), Input::Seen(datagram(ROUTER, 49)));
    let confirmed = changed(Listener::SipUdp, State::Suspect, State::Confirmed);
    assert_eq!(outputs(&mut node), [confirmed]);
    node.handle(at(3), Input::Seen(datagram(ROUTER, 49)));
    assert_eq!(outputs(&mut node), []);
    assert!(node.outside().is_empty());
}

#[test]
fn a_phone_beside_the_box_with_a_wrong_password_is_no_masquerade() {
    let mut node = node();
    node.handle(at(1), Input::Seen(datagram(ROUTER, 63)));
    node.handle(at(2), Input::Attack(Listener::SipUdp, ip(ROUTER)));
    node.handle(at(3), Input::Attack(Listener::SipUdp, ip(PHONE)));
    assert_eq!(outputs(&mut node), []);
}

#[test]
fn what_was_not_seen_for_a_day_counts_no_more() {
    let mut node = node();
    node.handle(at(0), Input::Seen(datagram(ROUTER, 49)));
    node.handle(at(DAY / 2), Input::Seen(datagram(ROUTER, 49)));
    assert_eq!(node.deadline(), Some(at(DAY / 2 + DAY)));
    outputs(&mut node);
    node.handle(at(DAY), Input::Timer);
    assert_eq!(outputs(&mut node), []);
    node.handle(at(DAY / 2 + DAY), Input::Timer);
    let over = changed(Listener::SipUdp, State::Confirmed, State::None);
    assert_eq!(outputs(&mut node), [over]);
    assert_eq!((node.deadline(), node.report(at(0)).cases.len()), (None, 0));
}

#[test]
fn who_wants_to_know_anew_begins_with_nothing() {
    let mut node = node();
    node.handle(at(0), Input::Seen(datagram(ROUTER, 49)));
    outputs(&mut node);
    node.handle(at(1), Input::Forget);
    let over = changed(Listener::SipUdp, State::Confirmed, State::None);
    assert_eq!(outputs(&mut node), [over]);
    node.handle(at(2), Input::Seen(datagram(ROUTER, 49)));
    assert_eq!(outputs(&mut node).len(), 1, "it is so still");
}

/// Another router is put in: what was seen of the old one's address says nothing.
#[test]
fn another_cable_forgets_addresses_of_the_old_one() {
    let mut node = node();
    node.handle(at(0), Input::Seen(datagram(ROUTER, 49)));
    outputs(&mut node);
    let mut elsewhere = office();
    elsewhere.on_link = vec![Network::parse("10.0.0.0/24").expect("a network")];
    elsewhere.routers = [ip("10.0.0.1")].into();
    elsewhere.kin.clear();
    node.handle(at(1), Input::Around(elsewhere));
    let over = changed(Listener::SipUdp, State::Confirmed, State::None);
    assert_eq!(outputs(&mut node), [over]);
}

#[test]
fn each_place_is_judged_by_itself() {
    let mut node = node();
    let web = Sight {
        ttl: Some(49),
        ..Sight::of(Listener::Web, ip(ROUTER))
    };
    node.handle(at(0), Input::Seen(web));
    let confirmed = changed(Listener::Web, State::None, State::Confirmed);
    assert_eq!(outputs(&mut node), [confirmed]);
    let report = node.report(at(0));
    assert_eq!(
        (report.state(), report.defeats_countries()),
        (State::Confirmed, true)
    );
}
