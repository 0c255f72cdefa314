//! Each codec against a round trip, and the names SDP gives them.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::signal::{fidelity, power, sum};

/// Those in which every sample has its place in the payload.
const ALL: [Codec; 5] = [
    Codec::Pcma,
    Codec::Pcmu,
    Codec::G722,
    Codec::L16(Rate::Narrow),
    Codec::L16(Rate::Wide),
];

#[test]
fn a_voice_like_signal_survives_a_round_trip() {
    for (codec, decibels) in ALL.into_iter().zip([34.0, 34.0, 18.0, 90.0, 90.0]) {
        let parts = [(300.0, 3000.0), (950.0, 4000.0), (2100.0, 1500.0)];
        let samples = sum(codec.rate(), &parts, 400);
        let (mut payload, mut back) = (Vec::new(), Vec::new());
        Encoder::of(codec).encode(&samples, &mut payload);
        assert_eq!(codec.samples(&payload), samples.len());
        Decoder::of(codec).decode(&payload, &mut back);
        assert_eq!(back.len(), samples.len());
        let fidelity = fidelity(&samples, &back, 30);
        assert!(fidelity > decibels, "{codec:?}: {fidelity:.1} dB");
    }
}

/// It keeps the tones of a voice, not their waveform: compared by what is loud in them.
#[test]
fn a_voice_like_signal_is_still_itself_after_opus() {
    let samples = sum(Rate::Wide, &[(300.0, 3000.0), (950.0, 4000.0)], 400);
    let (mut encoder, mut decoder) = (Encoder::of(Codec::Opus), Decoder::of(Codec::Opus));
    let mut back = Vec::new();
    for frame in samples.chunks(Rate::Wide.frame()) {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload);
        assert_eq!(Codec::Opus.samples(&payload), frame.len());
        assert!(payload.len() < 160, "{}", payload.len());
        decoder.decode(&payload, &mut back);
    }
    assert_eq!(back.len(), samples.len());
    let settled = &back[back.len() / 4..];
    let mut tones = 0.0;
    for hertz in [300.0, 950.0] {
        let kept = amplitude(settled, hertz);
        let ratio = kept / amplitude(&samples, hertz);
        assert!((0.9..1.1).contains(&ratio), "{hertz} Hz: {ratio:.2}");
        tones += kept.powi(2) / 2.0;
    }
    // And nothing else is as loud as a hundredth of them.
    let others = 1.0 - tones / power(settled);
    assert!(others < 0.01, "{others:.4}");
}

/// How loud one tone is in samples at 16 kHz.
fn amplitude(samples: &[i16], hertz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = TAU * hertz * at as f64 / f64::from(Rate::Wide.hertz());
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    2.0 * f64::hypot(real, imaginary) / samples.len() as f64
}

#[test]
fn g722_keeps_an_rtp_clock_of_8000_while_sampling_at_16000() {
    // RFC 3551 §4.5.2: 20 ms are 160 octets and 160 ticks, but 320 samples.
    assert_eq!(Codec::G722.clock(), 8_000);
    assert_eq!(Codec::G722.rate().frame(), 320);
    assert_eq!(Codec::G722.samples(&[0; 160]), 320);
}

#[test]
fn formats_are_told_by_name_clock_and_channels_without_case() {
    let transcodable = |format: &Format| format.is_transcodable();
    assert!(transcodable(&Format::new("pcma", 8_000)));
    assert!(transcodable(&Format::new("G722", 8_000)));
    assert!(!transcodable(&Format::new("G722", 16_000)));
    let mut opus = Format::new("opus", 48_000);
    opus.channels = 2;
    assert!(transcodable(&opus));
    assert!(!transcodable(&Format::new("L16", 44_100)));
    let mut stereo = Format::new("L16", 16_000);
    stereo.channels = 2;
    assert!(!transcodable(&stereo));
    assert_eq!(stereo.to_string(), "L16/16000/2");
    assert!(Format::new("Telephone-Event", 48_000).is_telephone_event());
    assert!(Format::new("cn", 8_000).is_comfort_noise());
}

#[test]
fn formats_match_whatever_their_parameters() {
    let mut opus = Format::new("opus", 48_000);
    let mut other = Format::new("OPUS", 48_000);
    opus.fmtp = "useinbandfec=1".to_owned();
    assert!(opus.matches(&other));
    other.channels = 2;
    assert!(!opus.matches(&other));
}

proptest! {
    #[test]
    fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..400)) {
        for codec in ALL {
            let mut samples = Vec::new();
            Decoder::of(codec).decode(&payload, &mut samples);
            prop_assert_eq!(samples.len(), codec.samples(&payload));
        }
        let mut samples = Vec::new();
        Decoder::of(Codec::Opus).decode(&payload, &mut samples);
        prop_assert!(samples.is_empty() || samples.len() == Codec::Opus.samples(&payload));
    }

    #[test]
    fn no_samples_panic(samples in proptest::collection::vec(any::<i16>(), 0..700)) {
        for codec in ALL {
            let mut payload = Vec::new();
            Encoder::of(codec).encode(&samples, &mut payload);
            prop_assert_eq!(codec.samples(&payload) / 2, samples.len() / 2);
        }
    }
}
