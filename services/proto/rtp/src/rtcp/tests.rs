//! Compounds read, written, and broken.

use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn report() -> Report {
    Report {
        ssrc: 0xcafe,
        fraction_lost: 12,
        lost: -3,
        highest: 0x0001_0203,
        jitter: 55,
        last_report: 0x1122_3344,
        delay: 0x5566,
    }
}

fn sent() -> Sent {
    Sent {
        ntp: 0x0102_0304_0506_0708,
        timestamp: 9,
        packets: 10,
        octets: 1600,
    }
}

fn compound(sent: Option<Sent>, goodbye: bool) -> Vec<u8> {
    let mut datagram = Vec::new();
    let reports = [report()];
    let compound = Compound {
        ssrc: 7,
        sent,
        reports: &reports,
        cname: "abcde",
        goodbye,
    };
    compound.write(&mut datagram);
    datagram
}

#[test]
fn what_is_written_is_read_back() {
    let datagram = compound(Some(sent()), true);
    assert_eq!(crate::check_rtcp(&datagram), Ok(()));
    let read: Vec<Part<'_>> = parts(&datagram)
        .collect::<Result<_, _>>()
        .expect("well formed");
    let [
        Part::SenderReport {
            ssrc: 7,
            sent: read_sent,
            reports,
        },
        Part::Other(202),
        Part::Bye(gone),
    ] = read.as_slice()
    else {
        panic!("{read:?}");
    };
    assert_eq!(*read_sent, sent());
    assert_eq!(reports.of(0xcafe), Some(report()));
    assert_eq!(reports.of(1), None);
    assert_eq!(gone.iter().collect::<Vec<_>>(), [7]);

    let datagram = compound(None, false);
    let first = parts(&datagram).next();
    assert!(matches!(
        first,
        Some(Ok(Part::ReceiverReport { ssrc: 7, .. }))
    ));
}

#[test]
fn the_canonical_name_ends_in_zeros_on_a_word() {
    // RFC 3550 §6.5: at least one, also when the name ends on a word by itself.
    for length in 0..20 {
        let name = "n".repeat(length);
        let mut datagram = Vec::new();
        let compound = Compound {
            ssrc: 7,
            sent: None,
            reports: &[],
            cname: &name,
            goodbye: false,
        };
        compound.write(&mut datagram);
        assert_eq!(datagram.len() % 4, 0);
        assert_eq!(datagram.last(), Some(&0));
        assert!(parts(&datagram).all(|part| part.is_ok()));
    }
}

#[test]
fn the_round_trip_is_what_is_left_of_the_time_away() {
    // We report at 10.000 s; they answer 500 ms after getting it; it is 10.620 s.
    let answered = Report {
        last_report: middle(ntp(at(10_000))),
        delay: 65_536 / 2,
        ..report()
    };
    let trip = answered.round_trip(at(10_620)).expect("a round trip");
    assert!(trip.as_millis().abs_diff(120) <= 1, "{trip:?}");
    // More delay than time away, no report of ours, or the answer to one we never sent.
    assert_eq!(answered.round_trip(at(10_400)), None);
    let none = Report {
        last_report: 0,
        ..answered
    };
    assert_eq!(none.round_trip(at(10_620)), None);
    assert_eq!(answered.round_trip(at(99_000)), None);
}

#[test]
fn a_reduced_size_compound_is_read() {
    // RFC 5506: no report leads. Type 205 is feedback.
    let feedback = [0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    let read: Vec<_> = parts(&feedback).collect();
    assert_eq!(read, [Ok(Part::Other(205))]);
}

#[test]
fn reading_ends_at_what_is_malformed() {
    let whole = compound(Some(sent()), true);
    for length in 0..whole.len() {
        let read: Vec<_> = parts(&whole[..length]).collect();
        let broken = read.iter().filter(|part| part.is_err()).count();
        assert!(broken <= 1 && read.len() <= 3, "{length}");
    }
    let mut more = whole.clone();
    more[0] |= 0x1f;
    assert_eq!(parts(&more).next(), Some(Err(Malformed::Short)));
    let mut rtp = whole;
    rtp[1] = 0;
    assert_eq!(parts(&rtp).next(), Some(Err(Malformed::Type)));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for part in parts(&bytes).flatten() {
            match part {
                Part::SenderReport { reports, .. } | Part::ReceiverReport { reports, .. } => {
                    for report in reports.iter() {
                        let _ = report.round_trip(at(50));
                    }
                }
                Part::Bye(sources) => prop_assert!(sources.iter().count() < 32),
                Part::Other(_) => {}
            }
        }
    }

    #[test]
    fn any_report_comes_back(
        fraction_lost: u8, lost in -0x80_0000..0x80_0000_i32, highest: u32, jitter: u32
    ) {
        let report = Report { fraction_lost, lost, highest, jitter, ..report() };
        let mut datagram = Vec::new();
        let reports = [report];
        let (sent, reports, cname) = (None, &reports[..], "");
        let compound = Compound { ssrc: 1, sent, reports, cname, goodbye: false };
        compound.write(&mut datagram);
        let Some(Ok(Part::ReceiverReport { reports, .. })) = parts(&datagram).next() else {
            panic!("not a receiver report");
        };
        prop_assert_eq!(reports.iter().next(), Some(report));
    }
}
