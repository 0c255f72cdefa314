//! What holds whatever is sent.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use sansio::Node as _;

use super::*;
use crate::book::CASES_MAX;
use crate::{
    Book, Input, Leg, Mapping, MasqueradeNode, Probe, Reply, Role, Seen, Vantage, Verdict,
};

/// Addresses of the office and of elsewhere, the more of the first.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        Just(ip(ROUTER)),
        Just(ip(KIN)),
        Just(ip("fe80::1")),
        any::<u8>().prop_map(|last| IpAddr::from([192, 168, 1, last])),
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        any::<u16>().prop_map(|low| IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, low])),
    ]
}

fn listener() -> impl Strategy<Value = Listener> {
    proptest::sample::select(&Listener::ALL[..])
}

fn sight() -> impl Strategy<Value = Sight> {
    (
        (listener(), address(), any::<Option<u8>>()),
        (
            any::<Option<u16>>(),
            any::<bool>(),
            any::<Option<u32>>(),
            any::<bool>(),
        ),
    )
        .prop_map(
            |((listener, source, ttl), (mss, is_foreign, host, is_proven))| Sight {
                listener,
                source,
                ttl,
                mss,
                is_foreign,
                host,
                is_proven,
            },
        )
}

fn leg() -> impl Strategy<Value = Leg> {
    let seen = proptest::option::of((address(), any::<bool>()))
        .prop_map(|it| it.map(|(source, is_same)| Seen { source, is_same }));
    let reply = proptest::option::of((address(), any::<u16>(), any::<bool>())).prop_map(|it| {
        it.map_or(Reply::None, |(source, port, is_same)| Reply::From {
            source: (source, port).into(),
            is_same,
        })
    });
    (seen, reply).prop_map(|(seen, reply)| Leg { seen, reply })
}

fn probe() -> impl Strategy<Value = Probe> {
    let vantage =
        (address(), leg(), proptest::option::of(leg())).prop_map(|(address, opaque, invite)| {
            Vantage {
                address,
                opaque,
                invite,
            }
        });
    let mapping = prop_oneof![
        Just(Mapping::Unknown),
        Just(Mapping::Closed),
        address().prop_map(|external| Mapping::Leads { external }),
    ];
    let vantages = proptest::collection::vec(vantage, 0..5);
    (listener(), address(), any::<u16>(), vantages, mapping).prop_map(
        |(listener, public, port, vantages, mapping)| Probe {
            listener,
            public: (public, port).into(),
            vantages,
            mapping,
        },
    )
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => sight().prop_map(Input::Seen),
        1 => (listener(), address()).prop_map(|(at, from)| Input::Attack(at, from)),
        1 => listener().prop_map(Input::Outside),
        1 => probe().prop_map(|probe| Input::Probed(Box::new(probe))),
        1 => Just(Input::Timer),
        1 => Just(Input::Around(office())),
    ]
}

proptest! {
    // Each case is a hundred steps.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_is_seen_panics_or_fills_memory(
        inputs in proptest::collection::vec((0_u64..5_000, input()), 0..100),
    ) {
        let mut node = MasqueradeNode::new();
        node.handle(at(0), Input::Around(office()));
        let mut now = 0;
        for (later, input) in inputs {
            now += later;
            node.handle(at(now), input);
            while node.poll().is_some() {}
            let report = node.report(at(now));
            prop_assert!(report.cases.len() <= CASES_MAX);
            for case in &report.cases {
                prop_assert!(case.evidence.len() <= 9);
                prop_assert!(case.evidence.iter().all(|it| it.values.len() <= 8));
            }
            for outside in node.outside() {
                prop_assert!(office().role(*outside) != Role::Other, "{outside}");
            }
        }
    }

    #[test]
    fn neither_the_order_nor_the_number_of_what_is_seen_changes_what_is_concluded(
        seen in proptest::collection::vec(sight(), 0..24),
        turned in any::<prop::sample::Index>(),
    ) {
        let states = |seen: &[Sight]| {
            let mut book = Book::default();
            book.meet(office());
            for one in seen {
                book.see(at(0), *one);
            }
            book.states()
        };
        let expected = states(&seen);
        let mut other = seen.clone();
        other.reverse();
        let by = turned.index(seen.len().max(1)).min(seen.len());
        other.rotate_left(by);
        prop_assert_eq!(&states(&other), &expected);
        other.extend(seen);
        prop_assert_eq!(&states(&other), &expected);
    }

    #[test]
    fn more_that_is_far_never_lessens_what_is_thought(
        seen in proptest::collection::vec(sight(), 0..12),
        ttl in any::<u8>(),
    ) {
        let mut book = Book::default();
        book.meet(office());
        for one in seen {
            book.see(at(0), one);
        }
        let before = book.state_of(ip(ROUTER));
        book.see(at(0), datagram(ROUTER, ttl));
        if crate::distance(ttl) == crate::Distance::Far {
            prop_assert!(book.state_of(ip(ROUTER)) >= before.max(State::Confirmed));
        }
    }

    #[test]
    fn who_is_not_on_the_cable_and_who_is_not_proven_is_never_concluded_of(
        seen in proptest::collection::vec(sight(), 0..64),
    ) {
        let mut book = Book::default();
        book.meet(office());
        for mut one in seen {
            one.is_proven = false;
            book.see(at(0), one);
            let is_router = matches!(office().role(one.source), Role::Router | Role::Kin);
            prop_assert!(is_router || book.state_of(one.source) == State::None);
        }
    }

    #[test]
    fn every_probe_has_one_verdict_whichever_place_is_named_first(probe in probe()) {
        let verdict = probe.verdict(&office());
        let mut turned = probe.clone();
        turned.vantages.reverse();
        prop_assert_eq!(turned.verdict(&office()), verdict.clone());
        let is_seen = probe.vantages.iter().any(|it| {
            it.opaque.seen.is_some() || it.invite.is_some_and(|leg| leg.seen.is_some())
        });
        let is_silent = matches!(verdict, Verdict::Closed | Verdict::Blocked);
        prop_assert!(!is_seen || !is_silent);
    }

    #[test]
    fn phones_never_drive_out_what_is_known_of_routers(
        phones in proptest::collection::vec(any::<u8>(), 100..300),
    ) {
        let mut book = Book::default();
        book.meet(office());
        book.see(at(0), datagram(ROUTER, 50));
        for (later, last) in (1..).zip(phones) {
            let seen = [50, 117].map(|ttl| Sight {
                source: IpAddr::from([192, 168, 1, last]),
                is_proven: true,
                ..datagram(PHONE, ttl)
            });
            for one in seen {
                book.see(at(later), one);
            }
        }
        prop_assert!(book.len() <= CASES_MAX);
        prop_assert_eq!(book.state_of(ip(ROUTER)), State::Confirmed);
    }
}
