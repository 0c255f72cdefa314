//! Streams with known losses and known jitter.

use proptest::prelude::*;

use super::*;
use crate::rtcp::ntp;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn header(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
    Header {
        marker: false,
        payload_type: 0,
        sequence,
        timestamp,
        ssrc,
        length: 12,
        padded: false,
    }
}

/// A stream of 20 ms packets with these sequence numbers, each arriving on time.
fn counted(sequences: &[u16]) -> Reception {
    let mut reception = Reception::new(8000);
    let first = sequences[0];
    for sequence in sequences {
        let nth = u32::from(sequence.wrapping_sub(first));
        let header = header(1, *sequence, nth * 160);
        reception.packet(at(u64::from(nth) * 20), &header);
    }
    reception
}

#[test]
fn losses_are_counted_across_a_wrap_and_late_packets_are_none() {
    assert_eq!(counted(&[65_534, 65_535, 0, 1]).lost(), 0);
    assert_eq!(counted(&[65_534, 1, 2]).lost(), 2);
    assert_eq!(counted(&[10, 12, 11, 13]).lost(), 0);
    assert_eq!(counted(&[10, 10, 10, 11]).lost(), 0);
    let mut wrapped = counted(&[65_534, 1]);
    let report = wrapped.report(at(100)).expect("packets came");
    assert_eq!(report.highest, 0x1_0001);
    assert_eq!(report.lost, 2);
}

#[test]
fn the_fraction_lost_is_since_the_last_report() {
    let mut reception = counted(&[0, 1, 3, 4]);
    let report = reception.report(at(100)).expect("packets came");
    assert_eq!((report.fraction_lost, report.lost), (51, 1));
    for sequence in 5..15 {
        reception.packet(at(200), &header(1, sequence, 0));
    }
    let report = reception.report(at(300)).expect("packets came");
    assert_eq!((report.fraction_lost, report.lost), (0, 1));
    // No packet at all since: nothing was due, nothing was lost.
    let report = reception.report(at(400)).expect("packets came");
    assert_eq!(report.fraction_lost, 0);
    assert_eq!(Reception::new(8000).report(at(0)), None);
}

#[test]
fn a_single_stray_number_changes_nothing_and_two_in_a_row_begin_anew() {
    // RFC 3550 A.1.
    let mut reception = counted(&[1, 2, 4]);
    reception.packet(at(80), &header(1, 30_000, 640));
    assert_eq!(reception.lost(), 1);
    reception.packet(at(100), &header(1, 5, 800));
    assert_eq!(reception.lost(), 1);
    reception.packet(at(120), &header(1, 30_000, 960));
    reception.packet(at(140), &header(1, 30_001, 1120));
    reception.packet(at(160), &header(1, 30_003, 1440));
    assert_eq!(reception.lost(), 2);
    reception.packet(at(180), &header(2, 9, 1600));
    assert_eq!(reception.lost(), 2);
}

#[test]
fn steady_arrival_has_no_jitter_and_alternating_arrival_has_its_own() {
    let mut steady = Reception::new(8000);
    let mut uneven = Reception::new(8000);
    for nth in 0..500_u16 {
        let header = header(1, nth, u32::from(nth) * 160);
        let due = u64::from(nth) * 20;
        steady.packet(at(due), &header);
        uneven.packet(at(due + u64::from(nth % 2) * 10), &header);
    }
    assert_eq!(steady.jitter(), Duration::ZERO);
    let jitter = uneven.jitter().as_micros();
    assert!((9_000..11_000).contains(&jitter), "{jitter}");
    let report = uneven.report(at(10_000)).expect("packets came");
    assert!((75..85).contains(&report.jitter), "{}", report.jitter);
}

#[test]
fn events_and_leaps_of_the_timestamp_are_no_jitter() {
    let mut reception = counted(&[0, 1, 2]);
    for nth in 3..10_u16 {
        reception.untimed(at(u64::from(nth) * 20), &header(1, nth, 480));
    }
    reception.packet(at(200), &header(1, 10, 1600));
    assert_eq!(reception.jitter(), Duration::ZERO);
    reception.packet(at(220), &header(1, 11, 0xdead_beef));
    reception.packet(at(240), &header(1, 12, 0xdead_beef + 160));
    assert_eq!(reception.jitter(), Duration::ZERO);
    assert_eq!(reception.lost(), 0);
}

#[test]
fn the_peer_learns_the_round_trip_from_its_own_report() {
    let mut reception = counted(&[0, 1]);
    let sent = Sent {
        ntp: ntp(at(5_000)),
        timestamp: 0,
        packets: 0,
        octets: 0,
    };
    reception.sender_report(at(70_000), &sent);
    let report = reception.report(at(71_000)).expect("packets came");
    assert_eq!(report.delay, 65_536);
    // The peer's clock has gone on 1.1 s since it reported.
    let trip = report.round_trip(at(6_100)).expect("a round trip");
    assert!(trip.as_millis().abs_diff(100) <= 1, "{trip:?}");
}

proptest! {
    #[test]
    fn no_stream_panics(
        packets in proptest::collection::vec(any::<(u64, u16, u32, u8)>(), 0..100)
    ) {
        let mut reception = Reception::new(u32::MAX);
        for (nanos, sequence, timestamp, ssrc) in packets {
            let header = header(u32::from(ssrc & 1), sequence, timestamp);
            if ssrc & 2 == 0 {
                reception.packet(Instant::from_nanos(nanos), &header);
            } else {
                reception.untimed(Instant::from_nanos(nanos), &header);
            }
            let _ = reception.report(Instant::from_nanos(nanos));
            let loss = reception.loss();
            prop_assert!((0.0..=1.0).contains(&loss));
        }
        let _ = (reception.jitter(), reception.lost());
    }
}
