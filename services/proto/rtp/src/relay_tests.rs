//! One test a rule of the relay.

use proptest::prelude::*;

use super::*;

const CALLER: &str = "10.0.0.2:4000";
const CALLEE: &str = "10.0.0.3:5000";
const STRANGER: &str = "10.0.0.66:4000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("a socket address")
}

fn leg(remote: &str) -> Leg {
    let remote = address(remote);
    Leg {
        remote: Some(remote),
        signalling: Some(remote.ip()),
        ..Leg::default()
    }
}

fn relay() -> Relay {
    let mut relay = Relay::new(Instant::ORIGIN);
    relay.set(Side::Caller, &leg(CALLER));
    relay.set(Side::Callee, &leg(CALLEE));
    relay
}

fn packet(payload_type: u8) -> Vec<u8> {
    vec![
        0x80,
        payload_type,
        0,
        1,
        0,
        0,
        0,
        160,
        1,
        2,
        3,
        4,
        0xd5,
        0xd5,
    ]
}

fn rtp(relay: &mut Relay, side: Side, source: &str, bytes: &mut [u8]) -> Verdict {
    relay.forward(Instant::ORIGIN, side, Channel::Rtp, address(source), bytes)
}

fn forward_to(side: Side, channel: Channel, to: &str) -> Verdict {
    Verdict::Forward {
        side,
        channel,
        to: address(to),
    }
}

#[test]
fn audio_goes_both_ways_and_is_counted() {
    let mut relay = relay();
    let verdict = rtp(&mut relay, Side::Caller, CALLER, &mut packet(8));
    assert_eq!(verdict, forward_to(Side::Callee, Channel::Rtp, CALLEE));
    let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
    assert_eq!(verdict, forward_to(Side::Caller, Channel::Rtp, CALLER));
    let stats = relay.stats();
    assert_eq!(
        (
            stats.packets_to_callee,
            stats.packets_to_caller,
            stats.dropped
        ),
        (1, 1, 0)
    );
}

#[test]
fn replies_go_to_where_a_phone_really_sends_from() {
    let mut relay = relay();
    rtp(&mut relay, Side::Caller, "10.0.0.2:61000", &mut packet(8));
    let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
    assert_eq!(
        verdict,
        forward_to(Side::Caller, Channel::Rtp, "10.0.0.2:61000")
    );
}

#[test]
fn a_stranger_gets_nothing_in_and_nothing_out() {
    let mut relay = relay();
    let refused = Verdict::Drop(DropReason::ForeignSource);
    assert_eq!(
        rtp(&mut relay, Side::Caller, STRANGER, &mut packet(8)),
        refused
    );
    rtp(&mut relay, Side::Caller, CALLER, &mut packet(8));
    assert_eq!(
        rtp(&mut relay, Side::Caller, STRANGER, &mut packet(8)),
        refused
    );
    let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
    assert_eq!(verdict, forward_to(Side::Caller, Channel::Rtp, CALLER));
    assert_eq!(relay.stats().dropped, 2);
}

#[test]
fn a_moved_phone_is_heard_only_once_told_to_latch_again() {
    let mut relay = relay();
    rtp(&mut relay, Side::Caller, CALLER, &mut packet(8));
    relay.set(Side::Caller, &leg("10.0.0.7:4000"));
    let refused = Verdict::Drop(DropReason::ForeignSource);
    assert_eq!(
        rtp(&mut relay, Side::Caller, "10.0.0.7:4000", &mut packet(8)),
        refused
    );
    relay.relatch(Side::Caller);
    let verdict = rtp(&mut relay, Side::Caller, "10.0.0.7:4000", &mut packet(8));
    assert_eq!(verdict, forward_to(Side::Callee, Channel::Rtp, CALLEE));
}

/// A router forgets its mapping while a call is held; the phone comes back from another port.
#[test]
fn a_phone_whose_router_chose_another_port_is_heard_again_after_a_reinvite() {
    let mut relay = relay();
    let old = "10.0.0.2:61000";
    rtp(&mut relay, Side::Caller, old, &mut packet(8));
    relay.relatch(Side::Caller);
    relay.set(Side::Caller, &leg(CALLER));
    // Who only listens still hears.
    let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
    assert_eq!(verdict, forward_to(Side::Caller, Channel::Rtp, old));
    let verdict = rtp(&mut relay, Side::Caller, "10.0.0.2:62000", &mut packet(8));
    assert_eq!(verdict, forward_to(Side::Callee, Channel::Rtp, CALLEE));
    let refused = Verdict::Drop(DropReason::ForeignSource);
    let verdict = rtp(&mut relay, Side::Caller, "10.0.0.2:63000", &mut packet(8));
    assert_eq!(verdict, refused);
}

#[test]
fn a_phone_that_says_where_it_moved_is_sent_to_there_at_once() {
    let mut relay = relay();
    rtp(&mut relay, Side::Caller, CALLER, &mut packet(8));
    relay.relatch(Side::Caller);
    relay.set(Side::Caller, &leg("10.0.0.7:4000"));
    let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
    let expected = forward_to(Side::Caller, Channel::Rtp, "10.0.0.7:4000");
    assert_eq!(verdict, expected);
}

#[test]
fn a_held_or_unknown_side_is_sent_nothing() {
    for held in [
        None,
        Some(address("0.0.0.0:5000")),
        Some(address("10.0.0.3:0")),
    ] {
        let mut relay = relay();
        rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
        relay.set(
            Side::Callee,
            &Leg {
                remote: held,
                ..leg(CALLEE)
            },
        );
        let verdict = rtp(&mut relay, Side::Caller, CALLER, &mut packet(8));
        assert_eq!(
            verdict,
            Verdict::Drop(DropReason::NoDestination),
            "{held:?}"
        );
        let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
        assert_eq!(
            verdict,
            forward_to(Side::Caller, Channel::Rtp, CALLER),
            "{held:?}"
        );
    }
}

#[test]
fn payload_types_are_rewritten_towards_the_side_that_numbers_differently() {
    let mut relay = relay();
    let map = vec![(101, 96), (200, 1)];
    relay.set(
        Side::Callee,
        &Leg {
            payload_map: map,
            ..leg(CALLEE)
        },
    );
    let mut bytes = packet(0x80 | 101);
    rtp(&mut relay, Side::Caller, CALLER, &mut bytes);
    assert_eq!(bytes[1], 0x80 | 96, "the marker stays");
    let mut bytes = packet(101);
    rtp(&mut relay, Side::Callee, CALLEE, &mut bytes);
    assert_eq!(bytes[1], 101, "the map works one way");
    let mut bytes = packet(13);
    rtp(&mut relay, Side::Caller, CALLER, &mut bytes);
    assert_eq!(bytes[1], 13, "comfort noise passes as it is");
}

#[test]
fn digits_are_counted_by_each_senders_own_payload_type() {
    let mut relay = relay();
    relay.set(
        Side::Caller,
        &Leg {
            telephone_event: Some(101),
            ..leg(CALLER)
        },
    );
    relay.set(
        Side::Callee,
        &Leg {
            telephone_event: Some(96),
            ..leg(CALLEE)
        },
    );
    let event = |payload_type, timestamp| {
        vec![
            0x80,
            payload_type,
            0,
            1,
            0,
            0,
            timestamp,
            0,
            1,
            2,
            3,
            4,
            5,
            0x8a,
            3,
            0x20,
        ]
    };
    for _ in 0..3 {
        rtp(&mut relay, Side::Caller, CALLER, &mut event(101, 1));
        rtp(&mut relay, Side::Callee, CALLEE, &mut event(96, 1));
        rtp(&mut relay, Side::Callee, CALLEE, &mut event(101, 2));
    }
    assert_eq!(relay.stats().dtmf_digits, 2);
}

#[test]
fn rtcp_takes_the_odd_ports_or_shares_the_even_one() {
    let mut relay = relay();
    let mut report = vec![0x80, 200, 0, 1, 1, 2, 3, 4];
    let to_callee = forward_to(Side::Callee, Channel::Rtcp, "10.0.0.3:5001");
    let odd = address("10.0.0.2:4001");
    let verdict = relay.forward(
        Instant::ORIGIN,
        Side::Caller,
        Channel::Rtcp,
        odd,
        &mut report,
    );
    assert_eq!(verdict, to_callee);
    let refused = Verdict::Drop(DropReason::ForeignSource);
    assert_eq!(rtp(&mut relay, Side::Caller, CALLER, &mut report), refused);
    rtp(&mut relay, Side::Caller, CALLER, &mut packet(8));
    assert_eq!(
        rtp(&mut relay, Side::Caller, CALLER, &mut report),
        to_callee
    );
    let verdict = relay.forward(
        Instant::ORIGIN,
        Side::Callee,
        Channel::Rtcp,
        address("10.0.0.3:9"),
        &mut report,
    );
    assert_eq!(
        verdict,
        forward_to(Side::Caller, Channel::Rtcp, "10.0.0.2:4001")
    );
    assert_eq!(
        relay.stats().packets_to_callee,
        1,
        "RTCP is not counted as media"
    );
}

#[test]
fn noise_is_dropped_and_does_not_lock() {
    let mut relay = relay();
    let verdict = rtp(&mut relay, Side::Caller, "10.0.0.2:7", &mut [0, 1, 2]);
    assert_eq!(
        verdict,
        Verdict::Drop(DropReason::Malformed(Malformed::Short))
    );
    rtp(&mut relay, Side::Caller, "10.0.0.2:8", &mut packet(8));
    let verdict = rtp(&mut relay, Side::Callee, CALLEE, &mut packet(8));
    assert_eq!(
        verdict,
        forward_to(Side::Caller, Channel::Rtp, "10.0.0.2:8")
    );
}

#[test]
fn idle_runs_from_the_last_packet_of_the_two_sides() {
    let mut relay = relay();
    let later = Instant::ORIGIN + Duration::from_secs(5);
    assert_eq!(relay.idle(later), Duration::from_secs(5));
    let source = address(CALLER);
    relay.forward(later, Side::Caller, Channel::Rtp, source, &mut packet(8));
    relay.forward(
        later,
        Side::Caller,
        Channel::Rtp,
        address(STRANGER),
        &mut packet(8),
    );
    assert_eq!(
        relay.idle(later + Duration::from_secs(1)),
        Duration::from_secs(1)
    );
}

proptest! {
    #[test]
    fn no_datagram_panics_or_changes_length(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        rtcp: bool,
        caller: bool,
        map: Vec<(u8, u8)>,
    ) {
        let mut relay = relay();
        let heard = Leg { payload_map: map, telephone_event: Some(101), ..leg(CALLEE) };
        relay.set(Side::Callee, &heard);
        let side = if caller { Side::Caller } else { Side::Callee };
        let channel = if rtcp { Channel::Rtcp } else { Channel::Rtp };
        let mut sent = bytes.clone();
        relay.forward(Instant::ORIGIN, side, channel, address(CALLER), &mut sent);
        prop_assert_eq!(sent.len(), bytes.len());
        prop_assert_eq!(sent.iter().zip(&bytes).filter(|(a, b)| a != b).count() <= 1, true);
    }
}
