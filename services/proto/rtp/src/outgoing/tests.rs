//! What a phone sees of one stream while its source changes.

use proptest::prelude::*;

use super::*;

const SSRC: u32 = 0xabcd;
const MUSIC: u64 = 1;
const VOICE: u64 = 2;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn packet(sequence: u16, timestamp: u32) -> Header {
    Header {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp,
        ssrc: 77,
        length: 12,
        padded: false,
    }
}

fn outgoing() -> Outgoing {
    Outgoing::new(SSRC, 999, 50_000)
}

fn shown(header: Option<Header>) -> Option<(u16, u32, bool)> {
    header.map(|header| {
        assert_eq!(header.ssrc, SSRC);
        (header.sequence, header.timestamp, header.marker)
    })
}

#[test]
fn a_relayed_stream_keeps_its_gaps_and_its_order() {
    let mut stream = outgoing();
    let mut forward = |millis, sequence, timestamp| {
        shown(stream.forward(at(millis), VOICE, 8000, &packet(sequence, timestamp)))
    };
    assert_eq!(forward(0, 65_534, 0), Some((1000, 50_000, true)));
    assert_eq!(forward(20, 65_535, 160), Some((1001, 50_160, false)));
    // One is lost, the next two come in the wrong order, one comes twice.
    assert_eq!(forward(60, 2, 640), Some((1004, 50_640, false)));
    assert_eq!(forward(61, 1, 480), Some((1003, 50_480, false)));
    assert_eq!(forward(62, 2, 640), Some((1004, 50_640, false)));
}

#[test]
fn a_switch_goes_on_by_one_number_and_the_time_that_passed_with_a_marker() {
    // pbx trap 9.
    let mut stream = outgoing();
    let mut made = stream;
    assert_eq!(
        shown(Some(made.made(at(0), MUSIC, 8000, 160))),
        Some((1000, 50_000, true))
    );
    assert_eq!(
        shown(Some(made.made(at(20), MUSIC, 8000, 160))),
        Some((1001, 50_160, false))
    );
    stream = made;
    // The voice comes 50 ms later.
    let voice = packet(7, 123_456);
    assert_eq!(
        shown(stream.forward(at(70), VOICE, 8000, &voice)),
        Some((1002, 50_560, true))
    );
    // And music again at once: the packet before still lasts its 20 ms.
    assert_eq!(
        shown(Some(stream.made(at(71), MUSIC, 8000, 160))),
        Some((1003, 50_720, true))
    );
}

#[test]
fn a_packet_from_before_the_switch_is_not_sent() {
    let mut stream = outgoing();
    stream.made(at(0), MUSIC, 8000, 160);
    let mut forward = |sequence| {
        let packet = packet(sequence, u32::from(sequence) * 160);
        shown(stream.forward(at(20), VOICE, 8000, &packet)).map(|(number, ..)| number)
    };
    assert_eq!(forward(10), Some(1001));
    assert_eq!(forward(9), None);
    assert_eq!(forward(12), Some(1003));
    assert_eq!(forward(11), Some(1002));
    assert_eq!(forward(9), None);
}

#[test]
fn a_source_that_begins_anew_is_a_switch() {
    let mut stream = outgoing();
    let mut forward = |ssrc, sequence| {
        let packet = Header {
            ssrc,
            ..packet(sequence, 160)
        };
        shown(stream.forward(at(20), VOICE, 8000, &packet))
    };
    assert_eq!(forward(1, 10), Some((1000, 50_000, true)));
    assert_eq!(forward(1, 40_000), Some((1001, 50_160, true)));
    assert_eq!(forward(2, 40_001), Some((1002, 50_320, true)));
    assert_eq!(forward(2, 40_002).map(|it| it.2), Some(false));
}

#[test]
fn all_packets_of_an_event_have_its_timestamp_and_the_voice_goes_on_after_it() {
    // pbx trap 20; RFC 4733 §2.5.1.2.
    let mut stream = outgoing();
    stream.forward(at(0), VOICE, 8000, &packet(10, 0));
    let first = stream.event(at(20), 9, 8000, true);
    assert_eq!(shown(Some(first)), Some((1001, 50_160, true)));
    let next = stream.event(at(40), 9, 8000, false);
    assert_eq!(shown(Some(next)), Some((1002, 50_160, false)));
    let after = stream.forward(at(60), VOICE, 8000, &packet(13, 480));
    assert_eq!(shown(after), Some((1003, 50_480, true)));
    let another = stream.event(at(80), 9, 8000, true);
    let again = stream.event(at(200), 9, 8000, true);
    assert_eq!(again.timestamp.wrapping_sub(another.timestamp), 960);
}

#[test]
fn a_pause_in_what_is_made_shows_in_the_timestamp() {
    let mut stream = outgoing();
    let mut made = |millis| {
        let header = stream.made(at(millis), MUSIC, 8000, 160);
        (header.timestamp, header.marker)
    };
    assert_eq!(made(0), (50_000, true));
    // A timer that is a little late is none.
    assert_eq!(made(45), (50_160, false));
    assert_eq!(made(1045), (58_160, true));
}

#[test]
fn a_clock_of_48_khz_counts_its_own_ticks() {
    let mut stream = outgoing();
    stream.made(at(0), MUSIC, 48_000, 960);
    let voice = stream.forward(at(30), VOICE, 48_000, &packet(1, 1));
    assert_eq!(voice.map(|header| header.timestamp), Some(51_440));
    assert_eq!(stream.timestamp_at(at(130), 48_000), 56_240);
}

proptest! {
    #[test]
    fn no_number_is_given_to_two_packets(
        steps in proptest::collection::vec((0_u64..3, 0_u16..6, any::<bool>()), 1..200)
    ) {
        let mut stream = outgoing();
        let mut given = std::collections::BTreeMap::new();
        let mut sequence = 100_u16;
        let mut now = 0;
        for (round, (from, back, made)) in steps.into_iter().enumerate() {
            now += 20;
            sequence = sequence.wrapping_add(3);
            let number = sequence.wrapping_sub(back);
            let header = if made {
                Some((stream.made(at(now), from, 8000, 160), (from, round, 0)))
            } else {
                let packet = packet(number, u32::from(number) * 160);
                let header = stream.forward(at(now), from, 8000, &packet);
                header.map(|header| (header, (from, usize::MAX, number)))
            };
            if let Some((header, name)) = header {
                // Only a copy of the same packet may have the same number.
                let before = given.insert(header.sequence, name);
                prop_assert!(before.is_none_or(|before| before == name), "{:?}", header);
            }
        }
    }
}
