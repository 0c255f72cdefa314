//! What each signal weighs, alone and with others; P1 to P9.

use super::*;
use crate::Book;

/// What a book concludes of these, in this order.
fn concluded(seen: &[Sight]) -> Option<(State, Vec<Signal>)> {
    let mut book = Book::default();
    book.meet(office());
    for one in seen {
        book.see(at(0), *one);
    }
    only(&book)
}

#[test]
fn a_far_sender_with_the_routers_address_is_masquerade_from_one_packet() {
    for (source, ttl) in [(ROUTER, 52), (ROUTER, 62), (ROUTER, 126), ("fe80::1", 57)] {
        let expected = (State::Confirmed, vec![Signal::Far]);
        assert_eq!(concluded(&[datagram(source, ttl)]), Some(expected), "{ttl}");
    }
}

#[test]
fn the_routers_own_packets_are_nothing() {
    for ttl in [32, 64, 128, 255] {
        assert_eq!(concluded(&[datagram(ROUTER, ttl)]), None, "{ttl}");
    }
}

#[test]
fn phones_that_call_the_public_address_are_nothing_however_many() {
    let phones: Vec<_> = (0..50)
        .map(|number| Sight {
            host: Some(number),
            ..datagram(ROUTER, 63)
        })
        .collect();
    let expected = (State::None, vec![Signal::Hairpin]);
    assert_eq!(concluded(&phones), Some(expected));
}

/// A phone behind a VPN of the router's, which masquerades it: one hop, and a Via of its own.
#[test]
fn one_phone_behind_the_routers_vpn_is_nothing() {
    let phone = Sight {
        is_foreign: true,
        ..datagram(ROUTER, 63)
    };
    let expected = (State::None, vec![Signal::Hairpin, Signal::Foreign]);
    assert_eq!(concluded(&[phone]), Some(expected));
}

#[test]
fn a_router_with_another_address_of_its_own_is_suspected_first_and_found_by_two_distances() {
    let first = concluded(&[datagram(KIN, 52)]);
    assert_eq!(first, Some((State::Suspect, vec![Signal::Far])));
    let second = concluded(&[datagram(KIN, 52), datagram(KIN, 117)]);
    assert_eq!(second, Some((State::Confirmed, vec![Signal::Distances])));
}

#[test]
fn a_phone_that_begins_with_a_ttl_of_its_own_is_nothing() {
    for ttl in [60, 100, 200, 30] {
        let phone = Sight {
            is_proven: true,
            ..datagram(PHONE, ttl)
        };
        assert!(
            concluded(&[phone; 20]).is_none_or(|(state, _)| state == State::None),
            "{ttl}"
        );
    }
}

#[test]
fn a_router_that_the_box_does_not_know_is_found_by_the_distances_of_who_is_behind_it() {
    let seen = [49, 117, 240].map(|ttl| Sight {
        is_proven: true,
        ..datagram(PHONE, ttl)
    });
    let two = concluded(&seen[..2]);
    assert_eq!(two, Some((State::Suspect, vec![Signal::Distances])));
    let three = concluded(&seen);
    assert_eq!(three, Some((State::Confirmed, vec![Signal::Distances])));
}

/// Anybody can write the address of a phone as his sender, and any TTL.
#[test]
fn what_is_not_proven_puts_no_phone_out() {
    let seen: Vec<_> = (2..250).map(|ttl| datagram(PHONE, ttl)).collect();
    assert_eq!(concluded(&seen), None);
}

#[test]
fn who_is_far_does_not_look_near_by_another_ttl() {
    let expected = Some((State::Confirmed, vec![Signal::Far]));
    assert_eq!(
        concluded(&[datagram(ROUTER, 63), datagram(ROUTER, 50)]),
        expected
    );
    assert_eq!(
        concluded(&[datagram(ROUTER, 50), datagram(ROUTER, 63)]),
        expected
    );
}

#[test]
fn who_is_behind_a_router_of_another_network_is_told_as_he_is() {
    for source in [
        "192.168.20.7",
        "10.8.0.3",
        "203.0.113.7",
        "2001:db8:2::9",
        "127.0.0.1",
    ] {
        let seen = [50, 117].map(|ttl| Sight {
            is_proven: true,
            ..datagram(source, ttl)
        });
        assert_eq!(concluded(&seen), None, "{source}");
    }
    assert_eq!(
        concluded(&[datagram("192.168.1.5", 50)]),
        None,
        "the box itself"
    );
}

#[test]
fn sip_that_names_another_network_makes_a_router_suspect() {
    let over_tcp = Sight {
        is_foreign: true,
        ..Sight::of(Listener::SipTcp, ip(ROUTER))
    };
    assert_eq!(
        concluded(&[over_tcp]),
        Some((State::Suspect, vec![Signal::Foreign]))
    );
    let own = Sight {
        is_foreign: true,
        ..datagram(ROUTER, 64)
    };
    assert_eq!(
        concluded(&[own]),
        None,
        "its own SIP may name its outer address"
    );
}

#[test]
fn several_programs_at_the_routers_address_make_it_suspect() {
    let seen: Vec<_> = (0..9)
        .map(|host| Sight {
            host: Some(host),
            ..Sight::of(Listener::SipTcp, ip(ROUTER))
        })
        .collect();
    let hosts = |count: usize| concluded(&seen[..count]).map(|(state, _)| state);
    assert_eq!(hosts(2), Some(State::None));
    assert_eq!(hosts(3), Some(State::Suspect));
    assert_eq!(hosts(9), Some(State::Suspect));
}

#[test]
fn short_segments_make_a_router_suspect() {
    let of = |source: &str, mss| {
        let seen = Sight {
            mss: Some(mss),
            ..Sight::of(Listener::Web, ip(source))
        };
        concluded(&[seen]).map(|(state, _)| state)
    };
    assert_eq!(of(ROUTER, 1_452), Some(State::Suspect));
    assert_eq!(of(ROUTER, 1_460), None);
    assert_eq!(of("fe80::1", 1_440), None);
    assert_eq!(of("fe80::1", 1_420), Some(State::Suspect));
    assert_eq!(of(PHONE, 1_400), None, "Wi-Fi and VPNs of phones");
}

#[test]
fn evidence_says_how_often_and_with_which_values() {
    let mut book = Book::default();
    book.meet(office());
    assert!(book.see(at(0), datagram(ROUTER, 52)), "new");
    assert!(!book.see(at(1), datagram(ROUTER, 52)), "told already");
    assert!(book.see(at(2), datagram(ROUTER, 117)), "another value");
    assert!(book.see(at(700), datagram(ROUTER, 52)), "told long ago");
    let case = &book.report(at(800)).cases[0];
    let evidence = &case.evidence[0];
    assert_eq!(evidence.values, [52, 117]);
    assert_eq!(
        (evidence.count, evidence.first_secs, evidence.last_secs),
        (4, 800, 100)
    );
    assert_eq!(
        (case.address.as_str(), case.listener),
        (ROUTER, Listener::SipUdp)
    );
}
