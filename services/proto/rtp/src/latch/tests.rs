//! Who may send into an endpoint, packet by packet.

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("a socket address")
}

fn expecting(remote: &str, signalling: &str) -> Latch {
    let mut latch = Latch::default();
    latch.expect(expected(remote, signalling));
    latch
}

fn expected(remote: &str, signalling: &str) -> Expected {
    Expected {
        remote: Some(address(remote)),
        signalling: Some(address(signalling)),
        ..Expected::default()
    }
}

/// As for a stream without SRTP: what may come in locks at once.
fn admit_rtp(latch: &mut Latch, source: SocketAddr) -> bool {
    let admitted = latch.admits_rtp(source);
    if admitted {
        latch.lock_rtp(source);
    }
    admitted
}

fn admit_rtcp(latch: &mut Latch, source: SocketAddr) -> bool {
    let admitted = latch.admits_rtcp(source);
    if admitted {
        latch.lock_rtcp(source);
    }
    admitted
}

/// RTP sources in order, each with whether it must pass.
fn check(mut latch: Latch, sources: &[(&str, bool)]) {
    for (source, passes) in sources {
        assert_eq!(admit_rtp(&mut latch, address(source)), *passes, "{source}");
    }
}

#[test]
fn the_first_source_on_the_named_host_locks_and_others_are_dropped() {
    check(
        expecting("10.0.0.2:4000", "10.0.0.2:5060"),
        &[
            ("10.0.0.9:4000", false),
            ("10.0.0.2:4000", true),
            ("10.0.0.2:4002", false),
            ("10.0.0.9:4000", false),
            ("10.0.0.2:4000", true),
        ],
    );
}

#[test]
fn a_phone_behind_a_router_is_known_by_its_signalling_address() {
    check(
        expecting("192.168.1.5:4000", "203.0.113.7:5060"),
        &[
            ("203.0.113.7:61000", true),
            ("203.0.113.7:61001", false),
            ("192.0.2.1:9", false),
        ],
    );
}

#[test]
fn the_address_in_the_sdp_takes_over_from_a_straggler_on_the_same_host_only() {
    check(
        expecting("10.0.0.2:4000", "10.0.0.2:5060"),
        &[
            ("10.0.0.2:3000", true),
            ("10.0.0.2:4000", true),
            ("10.0.0.2:3000", false),
        ],
    );
    check(
        expecting("192.168.1.5:4000", "203.0.113.7:5060"),
        &[("203.0.113.7:61000", true), ("192.168.1.5:4000", false)],
    );
}

#[test]
fn nobody_passes_before_anything_is_known() {
    check(Latch::default(), &[("10.0.0.2:4000", false)]);
    let held = expecting("0.0.0.0:4000", "10.0.0.3:5060");
    assert_eq!(held.rtp_destination(), None);
}

#[test]
fn asking_locks_nothing() {
    // An SRTP packet is admitted by its address first and locks once it proved authentic.
    let latch = expecting("10.0.0.2:4000", "10.0.0.2:5060");
    assert!(latch.admits_rtp(address("10.0.0.2:1")));
    assert!(latch.admits_rtp(address("10.0.0.2:2")));
    assert_eq!(latch.rtp(), None);
}

#[test]
fn a_new_negotiation_locks_again_and_meanwhile_sends_where_it_was() {
    // pbx trap 9: again after a re-INVITE only.
    let mut latch = expecting("192.168.1.5:4000", "203.0.113.7:5060");
    assert!(admit_rtp(&mut latch, address("203.0.113.7:61000")));
    latch.reopen();
    latch.expect(expected("192.168.1.5:4000", "203.0.113.7:5060"));
    assert_eq!(latch.rtp_destination(), Some(address("203.0.113.7:61000")));
    assert!(admit_rtp(&mut latch, address("203.0.113.7:61008")));
    assert!(!admit_rtp(&mut latch, address("203.0.113.7:61000")));
    latch.reopen();
    latch.expect(expected("10.0.0.9:7000", "203.0.113.7:5060"));
    assert_eq!(latch.rtp_destination(), Some(address("10.0.0.9:7000")));
}

#[test]
fn rtcp_that_came_before_the_rtp_from_another_host_is_let_go() {
    let mut latch = expecting("10.0.0.2:4000", "10.0.0.3:5060");
    assert!(admit_rtcp(&mut latch, address("10.0.0.3:4001")));
    assert!(admit_rtp(&mut latch, address("10.0.0.2:4000")));
    assert_eq!(latch.rtcp(), None);
    assert!(!admit_rtcp(&mut latch, address("10.0.0.3:4001")));
    assert!(admit_rtcp(&mut latch, address("10.0.0.2:4001")));
}

#[test]
fn rtcp_follows_the_host_of_the_rtp() {
    let mut latch = expecting("10.0.0.2:4000", "10.0.0.3:5060");
    assert!(!latch.admits_muxed(address("10.0.0.2:4000")));
    assert!(admit_rtp(&mut latch, address("10.0.0.2:4000")));
    assert!(latch.admits_muxed(address("10.0.0.2:4000")));
    assert!(!admit_rtcp(&mut latch, address("10.0.0.3:4001")));
    assert!(admit_rtcp(&mut latch, address("10.0.0.2:4001")));
    assert!(!admit_rtcp(&mut latch, address("10.0.0.2:4003")));
    assert_eq!(latch.rtcp(), Some(address("10.0.0.2:4001")));
}

#[test]
fn rtcp_goes_where_it_is_agreed_to() {
    // RFC 3605: a=rtcp may name any port, even another host.
    let mut told = expected("10.0.0.2:4000", "10.0.0.2:5060");
    let mut latch = Latch::default();
    latch.expect(told);
    assert_eq!(latch.rtcp_destination(), Some(address("10.0.0.2:4001")));
    told.remote_rtcp = Some(address("10.0.0.8:5555"));
    latch.expect(told);
    assert_eq!(latch.rtcp_destination(), Some(address("10.0.0.8:5555")));
    assert!(admit_rtcp(&mut latch, address("10.0.0.8:5555")));
    told.rtcp_mux = true;
    latch.expect(told);
    assert_eq!(latch.rtcp_destination(), Some(address("10.0.0.2:4000")));
}

#[test]
fn a_private_rtcp_address_is_not_used_once_the_rtp_came_from_elsewhere() {
    let mut told = expected("192.168.1.5:4000", "203.0.113.7:5060");
    told.remote_rtcp = Some(address("192.168.1.5:4009"));
    let mut latch = Latch::default();
    latch.expect(told);
    assert!(admit_rtp(&mut latch, address("203.0.113.7:61000")));
    assert_eq!(latch.rtcp_destination(), Some(address("203.0.113.7:61001")));
}

#[test]
fn with_mux_agreed_rtcp_may_come_first_and_locks_nothing() {
    let mut told = expected("10.0.0.2:4000", "10.0.0.2:5060");
    told.rtcp_mux = true;
    let mut latch = Latch::default();
    latch.expect(told);
    assert!(latch.admits_muxed(address("10.0.0.2:4000")));
    assert!(!latch.admits_muxed(address("10.0.0.9:4000")));
    assert!(admit_rtp(&mut latch, address("10.0.0.2:4444")));
    assert!(!latch.admits_muxed(address("10.0.0.2:4000")));
}

#[test]
fn a_flow_label_is_no_part_of_an_ipv6_address_and_a_scope_is() {
    let mut latch = expecting("[2001:db8::2]:4000", "[2001:db8::2]:5060");
    assert!(admit_rtp(&mut latch, address("[2001:db8::2]:4000")));
    let labelled =
        std::net::SocketAddrV6::new("2001:db8::2".parse().expect("an address"), 4000, 77, 0);
    assert!(admit_rtp(&mut latch, labelled.into()));

    let latch = expecting("[fe80::2]:4000", "[fe80::2%3]:5060");
    assert_eq!(latch.rtp_destination(), Some(address("[fe80::2%3]:4000")));
}

#[test]
fn strangers_are_remembered_once_and_not_more_than_four() {
    let mut latch = Latch::default();
    for port in [1, 1, 2, 3, 4, 5, 6] {
        latch.turned_away(SocketAddr::from(([192, 0, 2, 1], port)));
    }
    let ports: Vec<u16> = latch.strangers().map(|it| it.port()).collect();
    assert_eq!(ports, [1, 2, 3, 4]);
}
