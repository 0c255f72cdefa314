//! Packets in every order, on time and late, and what is heard of them.

use proptest::prelude::*;

use super::*;
use crate::signal::{noise, power};

fn header(sequence: u16) -> Header {
    Header {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp: 0,
        ssrc: 1,
        length: 12,
        padded: false,
    }
}

/// A packet of a millisecond's worth of one level each, so that frames tell which they were.
struct Peer {
    playout: Playout,
}

impl Peer {
    fn new() -> Self {
        let playout = Playout::new(Codec::L16(Rate::Narrow));
        Self { playout }
    }

    fn send(&mut self, sequence: u16) {
        self.send_long(sequence, 20);
    }

    fn send_long(&mut self, sequence: u16, millis: usize) {
        let header = header(sequence);
        let level = i16::try_from(sequence % 1000 + 1)
            .expect("small")
            .to_be_bytes();
        self.playout.push(&header, &level.repeat(millis * 8));
    }

    /// The next frame: its number, or `c`oncealed, `n`oise, `.` for silence.
    fn hear(&mut self) -> String {
        let mut frame = [0; 160];
        match self.playout.frame(&mut frame) {
            Heard::Audio => (frame[159] - 1).to_string(),
            Heard::Concealed => "c".to_owned(),
            Heard::Noise => "n".to_owned(),
            Heard::Silence => ".".to_owned(),
        }
    }

    /// A packet sent and a frame heard, for each.
    fn talk(&mut self, sequences: impl IntoIterator<Item = u16>) -> String {
        let mut heard = Vec::new();
        for sequence in sequences {
            self.send(sequence);
            heard.push(self.hear());
        }
        heard.join(" ")
    }
}

#[test]
fn three_packets_are_held_back_and_then_played_in_order() {
    let mut peer = Peer::new();
    assert_eq!(peer.talk([0, 1, 2, 3, 4]), ". . 0 1 2");
    assert_eq!(peer.talk([6, 5, 7, 7]), "3 4 5 6");
}

#[test]
fn a_lost_packet_is_concealed_and_a_late_copy_let_go() {
    let mut peer = Peer::new();
    assert_eq!(peer.talk([0, 1, 3, 4]), ". . 0 1");
    assert_eq!(peer.talk([5, 6]), "c 3");
    assert_eq!(peer.talk([2, 7]), "4 5");
}

#[test]
fn running_dry_waits_and_a_long_silence_begins_anew() {
    let mut peer = Peer::new();
    peer.talk([0, 1, 2]);
    let heard: Vec<String> = (0..7).map(|_| peer.hear()).collect();
    assert_eq!(heard.join(" "), "1 2 c c c . .");
    assert_eq!(peer.talk([3, 4, 5, 6]), ". . 3 4");
    // What came late within the wait is played, 20 ms later than before.
    let mut peer = Peer::new();
    peer.talk([0, 1, 2]);
    assert_eq!(
        (peer.hear(), peer.hear(), peer.hear()),
        ("1".into(), "2".into(), "c".into())
    );
    assert_eq!(peer.talk([3, 4]), "3 4");
}

#[test]
fn the_numbers_may_wrap_and_a_leap_or_a_new_source_begins_anew() {
    let mut peer = Peer::new();
    assert_eq!(peer.talk([65_534, 65_535, 0, 1]), ". . 534 535");
    assert_eq!(peer.talk([30_000, 30_001, 30_002]), ". . 0");
}

#[test]
fn too_much_to_spare_is_let_go_in_time_and_far_too_much_at_once() {
    let mut peer = Peer::new();
    for sequence in 0..8 {
        peer.send(sequence);
    }
    let heard = peer.talk(8..700);
    let last: u16 = heard
        .rsplit(' ')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("audio");
    assert!(!heard.contains('c'));
    // Nine packets were there; in fourteen seconds it is down to four.
    assert_eq!(last, 699 - 3);
    for sequence in 700..800 {
        peer.send(sequence);
    }
    let next: u16 = peer.hear().parse().expect("audio");
    assert_eq!(next, 788);
}

#[test]
fn packets_of_any_length_make_frames_of_20_ms() {
    for millis in [10, 30, 40, 60] {
        let mut peer = Peer::new();
        let mut audio = 0;
        let (mut sent, mut sequence) = (0, 0);
        for frame in 0..300 {
            while sent < (frame + 1) * 20 {
                peer.send_long(sequence, millis);
                sequence += 1;
                sent += millis;
            }
            let heard = peer.hear();
            assert!(heard != "c", "{millis} ms, frame {frame}");
            audio += usize::from(heard != ".");
        }
        assert!(audio > 290, "{millis} ms: {audio}");
    }
}

#[test]
fn comfort_noise_fills_a_silence_the_peer_announced() {
    // pbx trap 24; RFC 3389.
    let mut peer = Peer::new();
    peer.talk([0, 1, 2]);
    peer.playout.comfort_noise(&header(3), &[50]);
    assert_eq!(
        (peer.hear(), peer.hear(), peer.hear()),
        ("1".into(), "2".into(), "n".into())
    );
    assert_eq!(peer.talk([4, 5, 6, 7]), "n n 4 5");
}

#[test]
fn a_digit_among_the_audio_is_not_concealed() {
    let mut peer = Peer::new();
    peer.talk([0, 1, 2]);
    for sequence in 3..7 {
        peer.playout.pass_over(&header(sequence));
    }
    peer.send(7);
    let heard: Vec<String> = (0..7).map(|_| peer.hear()).collect();
    assert_eq!(heard.join(" "), "1 2 . . . . 7");
}

#[test]
fn what_is_concealed_fades_out() {
    let mut concealment = Concealment::new(Rate::Narrow);
    let last = noise(1, 8000, 400);
    concealment.remember(&last);
    let mut guessed = Vec::new();
    concealment.conceal(800, &mut guessed);
    assert_eq!(guessed[0], last[240]);
    let levels: Vec<f64> = guessed.chunks(160).map(power).collect();
    assert!(levels[0] > levels[1] && levels[1] > levels[2]);
    assert_eq!(levels[3..], [0.0, 0.0]);
}

#[test]
fn short_packets_are_remembered_together() {
    let mut concealment = Concealment::new(Rate::Narrow);
    concealment.remember(&[1; 80]);
    concealment.remember(&[2; 80]);
    let mut guessed = Vec::new();
    concealment.gain = 1.0;
    concealment.fade = 0.0;
    concealment.conceal(160, &mut guessed);
    assert_eq!(guessed, [[1; 80], [2; 80]].concat());
}

proptest! {
    #[test]
    fn no_packets_panic_and_no_number_is_heard_out_of_order(
        steps in proptest::collection::vec((0_u16..8, 0_usize..3, 0_usize..3), 0..200)
    ) {
        let mut peer = Peer::new();
        let (mut sequence, mut last) = (100_u16, 0);
        for (back, sent, heard) in steps {
            for _ in 0..sent {
                sequence += 1;
                peer.send(sequence - back);
            }
            for _ in 0..heard {
                if let Ok(number) = peer.hear().parse::<i32>() {
                    prop_assert!(number > last, "{} after {}", number, last);
                    last = number;
                }
            }
        }
    }

    #[test]
    fn no_payload_panics(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 0..30)
    ) {
        for codec in [Codec::Pcma, Codec::G722, Codec::L16(Rate::Wide)] {
            let mut playout = Playout::new(codec);
            let mut frame = vec![0; codec.rate().frame()];
            for (sequence, payload) in (0..).zip(&payloads) {
                let header = header(sequence);
                playout.push(&header, payload);
                playout.comfort_noise(&header, payload);
                playout.pass_over(&header);
                playout.frame(&mut frame);
                prop_assert!(playout.samples.len() <= 2 * 16 * PACKET_MILLIS_MAX);
            }
        }
    }
}
