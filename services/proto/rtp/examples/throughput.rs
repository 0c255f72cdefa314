//! What each step of media costs, in nanoseconds for a packet of 20 ms.
//!
//! `cargo run --release -p rtp --example throughput [-- part-of-a-name]`. It asserts nothing:
//! compare two runs on one machine. 1,000 ns are 0.005 % of a core for one direction of one call.
#![expect(
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a stopwatch needs a clock and somewhere to show it"
)]

use std::hint::black_box;
use std::time::Instant as Clock;

use rtp::codec::{Codec, Decoder, Encoder};
use rtp::dtmf::ToneDetector;
use rtp::mixer::Mix;
use rtp::music::Music;
use rtp::playout::Playout;
use rtp::resample::Resampler;
use rtp::srtp::{Master, Receiver, Sender, Suite};
use rtp::{Header, Outgoing, Rate, Reception};
use sansio::Instant;

fn main() {
    relay();
    srtp();
    codecs();
    audio();
}

/// Prints the time of one call of `step`, which is told how often it was called before.
fn measure(name: &str, mut step: impl FnMut(u32)) {
    if std::env::args()
        .nth(1)
        .is_some_and(|part| !name.contains(&part))
    {
        return;
    }
    for round in 0..ROUNDS / 10 {
        step(round);
    }
    let start = Clock::now();
    for round in 0..ROUNDS {
        step(round);
    }
    let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{nanos:>7} ns  {name}");
}

fn header(round: u32) -> Header {
    let [.., high, low] = round.to_be_bytes();
    Header {
        marker: false,
        payload_type: 8,
        sequence: u16::from_be_bytes([high, low]),
        timestamp: round.wrapping_mul(160),
        ssrc: 0xcafe,
        length: 12,
        padded: false,
    }
}

/// A packet of 160 octets of payload with room for a tag.
fn packet(round: u32) -> Vec<u8> {
    let mut packet = Vec::with_capacity(200);
    packet.extend(header(round).to_bytes());
    packet.extend([0x55; 160]);
    packet
}

fn relay() {
    let mut bytes = packet(0);
    measure("read a header", |_| {
        black_box(Header::parse(black_box(&bytes)).ok());
    });
    let mut outgoing = Outgoing::new(1, 1, 1);
    let mut reception = Reception::new(8_000);
    measure("relay: read, count, rewrite", |round| {
        let now = Instant::from_nanos(u64::from(round) * 20_000_000);
        header(round).write_over(&mut bytes);
        let Ok(header) = Header::parse(&bytes) else {
            return;
        };
        reception.packet(now, &header);
        if let Some(sent) = outgoing.forward(now, 7, 8_000, &header) {
            sent.write_over(&mut bytes);
        }
        black_box(&bytes);
    });
}

fn srtp() {
    for suite in Suite::ALL {
        let key: Vec<u8> = vec![7; suite.master_length()];
        let Ok(master) = Master::new(suite, &key) else {
            continue;
        };
        let mut sender = Sender::new(&master);
        let mut receiver = Receiver::new(&master, 0);
        let mut bytes = packet(0);
        let mut round = 0;
        measure(&format!("{suite}: protect and unprotect"), |_| {
            round += 1;
            header(round).write_over(&mut bytes);
            let sent = sender.protect_rtp(&mut bytes);
            let received = receiver.unprotect_rtp(&mut bytes);
            assert_eq!((sent, received), (Ok(()), Ok(())));
        });
        let mut sender = Sender::new(&master);
        let mut round = 0;
        measure(&format!("{suite}: protect alone"), |_| {
            round += 1;
            header(round).write_over(&mut bytes);
            let sent = sender.protect_rtp(&mut bytes);
            bytes.truncate(172);
            assert_eq!(sent, Ok(()));
        });
    }
}

fn codecs() {
    let voice: Vec<i16> = voice(320);
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        let frame = &voice[..codec.rate().frame()];
        let (mut encoder, mut decoder) = (Encoder::of(codec), Decoder::of(codec));
        let (mut payload, mut samples) = (Vec::new(), Vec::new());
        measure(&format!("{codec:?}: encode"), |_| {
            payload.clear();
            encoder.encode(black_box(frame), &mut payload);
        });
        measure(&format!("{codec:?}: decode"), |_| {
            samples.clear();
            decoder.decode(black_box(&payload), &mut samples);
        });
    }
    let mut converted = Vec::new();
    let mut up = Resampler::new(Rate::Narrow, Rate::Wide);
    measure("8 to 16 kHz", |_| {
        converted.clear();
        up.convert(black_box(&voice[..160]), &mut converted);
    });
    let mut down = Resampler::new(Rate::Wide, Rate::Narrow);
    measure("16 to 8 kHz", |_| {
        converted.clear();
        down.convert(black_box(&voice), &mut converted);
    });
}

fn audio() {
    let voice = voice(320);
    let mut playout = Playout::new(Codec::Pcma);
    let mut frame = [0; 160];
    measure("playout of PCMA: push and a frame", |round| {
        playout.push(&header(round), &[0x55; 160]);
        black_box(playout.frame(&mut frame));
    });
    let mut mix = Mix::new(Rate::Narrow);
    measure("mix: one of them added and heard", |_| {
        mix.add(black_box(&voice[..160]));
        mix.without(&voice[..160], &mut frame);
    });
    let mut detector = ToneDetector::new(Rate::Narrow);
    measure("listen for tones at 8 kHz", |_| {
        black_box(detector.push(black_box(&voice[..160])));
    });
    let mut music = Music::new(Rate::Narrow);
    measure("music at 8 kHz", |_| music.fill(black_box(&mut frame)));
}

/// Something like a voice: a sawtooth with an odd period.
fn voice(samples: usize) -> Vec<i16> {
    let ramp = (0..67_i16).map(|at| at * 200 - 6_700);
    ramp.cycle().take(samples).collect()
}

/// Calls of each step.
const ROUNDS: u32 = 60_000;
