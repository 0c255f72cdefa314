//! Every row of the verdict matrix, and what a verdict changes.

use std::net::SocketAddr;

use sansio::Node as _;

use super::*;
use crate::{Input, Leg, Mapping, MasqueradeNode, Output, Probe, Reply, Seen, Vantage, Verdict};

const PUBLIC: &str = "198.51.100.7:5060";
const V1: &str = "203.0.113.1";
const V2: &str = "203.0.113.2";

/// A leg that arrived from `source` and was answered from `reply`, all as it was sent.
fn leg(source: &str, reply: &str) -> Leg {
    Leg {
        seen: Some(Seen {
            source: ip(source),
            is_same: true,
        }),
        reply: match reply {
            "" => Reply::None,
            from => Reply::From {
                source: from.parse().expect("an address with port"),
                is_same: true,
            },
        },
    }
}

fn probe(legs: [Leg; 2], mapping: Mapping) -> Probe {
    let vantage = |address, leg| Vantage {
        address: ip(address),
        opaque: leg,
        invite: Some(leg),
    };
    let public: SocketAddr = PUBLIC.parse().expect("an address with port");
    Probe {
        listener: Listener::SipUdp,
        public,
        vantages: vec![vantage(V1, legs[0]), vantage(V2, legs[1])],
        mapping,
    }
}

fn check(legs: [Leg; 2], mapping: Mapping, expected: Verdict) {
    let probe = probe(legs, mapping);
    assert_eq!(probe.verdict(&office()), expected, "{probe:?}");
}

const NOTHING: Leg = Leg {
    seen: None,
    reply: Reply::None,
};

#[test]
fn senders_as_they_are_and_answers_that_arrive_are_right() {
    let both = [leg(V1, PUBLIC), leg(V2, PUBLIC)];
    check(both, Mapping::Unknown, Verdict::Correct);
    let mapped = [leg("::ffff:203.0.113.1", PUBLIC), leg(V2, PUBLIC)];
    check(mapped, Mapping::Unknown, Verdict::Correct);
}

#[test]
fn an_address_of_the_boxs_own_cable_is_masquerade_whatever_else_is() {
    for (source, reply) in [
        (ROUTER, PUBLIC),
        (KIN, ""),
        ("fe80::1", PUBLIC),
        (PHONE, ""),
    ] {
        let address = ip(source);
        let legs = [leg(source, reply), leg("100.64.0.9", "")];
        check(legs, Mapping::Closed, Verdict::Masquerade { address });
    }
}

#[test]
fn another_private_address_is_a_nat_before_the_router() {
    for source in ["10.99.0.1", "172.16.4.1", "198.51.100.99"] {
        let address = ip(source);
        let legs = [leg(source, PUBLIC), leg(source, PUBLIC)];
        check(legs, Mapping::Unknown, Verdict::DoubleNat { address });
    }
    for source in ["100.64.0.1", "100.127.255.254"] {
        let address = ip(source);
        let legs = [leg(source, PUBLIC), leg(source, PUBLIC)];
        check(legs, Mapping::Unknown, Verdict::CarrierNat { address });
    }
}

#[test]
fn sip_that_arrives_otherwise_than_it_was_sent_is_an_alg() {
    let right = leg(V1, PUBLIC);
    let verdict = |invite: Option<Leg>| {
        let mut probe = probe([right, leg(V2, PUBLIC)], Mapping::Unknown);
        probe.vantages[0].invite = invite;
        probe.verdict(&office())
    };
    let mut question = right;
    question.seen = Some(Seen {
        source: ip(V1),
        is_same: false,
    });
    let mut answer = right;
    answer.reply = Reply::From {
        source: PUBLIC.parse().expect("an address with port"),
        is_same: false,
    };
    assert_eq!(verdict(Some(question)), Verdict::SipAlg);
    assert_eq!(verdict(Some(answer)), Verdict::SipAlg);
    assert_eq!(verdict(Some(NOTHING)), Verdict::SipAlg, "it is swallowed");
    assert_eq!(verdict(None), Verdict::Correct, "that place speaks no SIP");
}

#[test]
fn answers_from_elsewhere_or_none_leave_through_another_router() {
    for reply in ["", "198.51.100.9:5060", "198.51.100.7:40000"] {
        let legs = [leg(V1, reply), leg(V2, reply)];
        check(legs, Mapping::Unknown, Verdict::AsymmetricReturn);
    }
}

#[test]
fn one_place_that_gets_in_and_one_that_does_not_is_a_restriction() {
    let legs = [leg(V1, PUBLIC), NOTHING];
    check(legs, Mapping::Unknown, Verdict::RestrictedBySource);
}

#[test]
fn nothing_that_arrives_is_closed_or_kept_back_by_what_the_router_says() {
    let nothing = [NOTHING; 2];
    let leads = |external| Mapping::Leads {
        external: ip(external),
    };
    check(nothing, Mapping::Unknown, Verdict::Closed);
    check(nothing, Mapping::Closed, Verdict::Closed);
    check(nothing, leads("198.51.100.7"), Verdict::Blocked);
    let address = ip("100.70.1.2");
    check(
        nothing,
        leads("100.70.1.2"),
        Verdict::CarrierNat { address },
    );
    let address = ip("192.168.100.2");
    check(
        nothing,
        leads("192.168.100.2"),
        Verdict::DoubleNat { address },
    );
}

fn told(node: &mut MasqueradeNode) -> Vec<Output> {
    std::iter::from_fn(|| node.poll()).collect()
}

#[test]
fn a_probe_proves_masquerade_and_a_right_one_clears_what_was_thought() {
    let mut node = MasqueradeNode::new();
    node.handle(at(0), Input::Around(office()));
    let masquerade = probe([leg(KIN, PUBLIC), leg(KIN, PUBLIC)], Mapping::Unknown);
    node.handle(at(1), Input::Probed(Box::new(masquerade)));
    let outputs = told(&mut node);
    assert!(
        outputs.contains(&Output::Outside(vec![ip(KIN)])),
        "{outputs:?}"
    );
    assert_eq!(node.report(at(1)).state(), State::Confirmed);
    let mut one_router = office();
    one_router.routers = [ip(ROUTER)].into();
    node.handle(at(2), Input::Around(one_router));
    let right = probe([leg(V1, PUBLIC), leg(V2, PUBLIC)], Mapping::Unknown);
    node.handle(at(3), Input::Probed(Box::new(right)));
    let outputs = told(&mut node);
    assert!(
        outputs.contains(&Output::Verdict(Verdict::Correct)),
        "{outputs:?}"
    );
    assert_eq!(node.report(at(3)).state(), State::None);
}

#[test]
fn one_right_router_of_two_clears_nothing() {
    let mut node = MasqueradeNode::new();
    let mut around = office();
    around.routers.insert(ip("192.168.1.254"));
    node.handle(at(0), Input::Around(around));
    node.handle(at(1), Input::Seen(datagram("192.168.1.254", 49)));
    let right = probe([leg(V1, PUBLIC), leg(V2, PUBLIC)], Mapping::Unknown);
    node.handle(at(2), Input::Probed(Box::new(right)));
    assert_eq!(node.report(at(2)).state(), State::Confirmed);
}

/// P9: the router leads the port to the box, and in a day nobody came from the Internet.
#[test]
fn a_port_that_is_open_and_never_seen_from_outside_makes_routers_suspect() {
    const DAY: u64 = 24 * 3_600;
    let leads = Mapping::Leads {
        external: ip("198.51.100.7"),
    };
    let begun = || {
        let mut node = MasqueradeNode::new();
        let mut around = office();
        around.routers = [ip(ROUTER)].into();
        node.handle(at(0), Input::Around(around));
        let open = probe([NOTHING; 2], leads);
        node.handle(at(0), Input::Probed(Box::new(open)));
        assert_eq!(told(&mut node), [Output::Verdict(Verdict::Blocked)]);
        node
    };
    let mut node = begun();
    assert_eq!(node.deadline(), Some(at(DAY)));
    node.handle(at(DAY), Input::Timer);
    assert_eq!(node.report(at(DAY)).state(), State::Suspect);
    node.handle(at(2 * DAY), Input::Timer);
    told(&mut node);
    assert_eq!(
        node.report(at(2 * DAY)).state(),
        State::Suspect,
        "it is so still"
    );
    node.handle(at(2 * DAY), Input::Outside(Listener::SipUdp));
    assert_eq!(node.report(at(2 * DAY)).state(), State::None);
    let mut node = begun();
    node.handle(at(9), Input::Outside(Listener::SipUdp));
    assert_eq!(node.deadline(), None);
}
