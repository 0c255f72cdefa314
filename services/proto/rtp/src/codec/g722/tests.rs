//! G.722 against another implementation, and against itself.
//!
//! The sums are of what FFmpeg 5.1 makes of the same input (`-c:a g722`); it is bit-exact with
//! the Recommendation, and the two agreed on every octet and every sample.

use super::*;
use crate::pcm::Rate;
use crate::signal::{noise, power, sine, sum};

fn encode(samples: &[i16]) -> Vec<u8> {
    let mut octets = Vec::new();
    Encoder::new().encode(samples, &mut octets);
    octets
}

fn decode(octets: &[u8]) -> Vec<i16> {
    let mut samples = Vec::new();
    Decoder::new().decode(octets, &mut samples);
    samples
}

/// FNV-1a of 64 bits.
fn checksum(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Two seconds of noise at full scale, which saturates every adder, then a second of a tone.
fn input() -> Vec<i16> {
    let mut samples = noise(7, 32_767, 32_000);
    samples.extend(sine(Rate::Wide, 440.0, 12_000.0, 1000));
    samples
}

#[test]
fn every_octet_is_what_the_reference_makes() {
    assert_eq!(checksum(encode(&input())), 0x0415_30cb_b5b9_0f78);
}

#[test]
fn every_sample_is_what_the_reference_makes() {
    let samples = decode(&encode(&input()));
    assert_eq!(
        checksum(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        0x9b26_0b38_3257_c175
    );
}

#[test]
fn both_bands_are_heard() {
    for hertz in [200.0, 1000.0, 3000.0, 5000.0, 6500.0] {
        let samples = sine(Rate::Wide, hertz, 8000.0, 300);
        let back = decode(&encode(&samples));
        let gain = 10.0 * (power(&back[500..]) / power(&samples[500..])).log10();
        assert!(gain.abs() < 1.0, "{hertz} Hz: {gain:.1} dB");
    }
}

#[test]
fn silence_stays_quiet() {
    let back = decode(&encode(&[0; 3200]));
    assert!(back.iter().all(|sample| sample.abs() < 16));
}

#[test]
fn a_decoder_that_joins_late_finds_its_way() {
    // A stream that is switched in is decoded by a decoder at rest (pbx trap 9).
    let octets = encode(&sum(Rate::Wide, &[(440.0, 6000.0), (2500.0, 3000.0)], 1000));
    let whole = decode(&octets);
    let late = decode(&octets[4000..]);
    let error: Vec<i16> = late[3000..]
        .iter()
        .zip(&whole[11_000..])
        .map(|(late, whole)| late.saturating_sub(*whole))
        .collect();
    assert!(power(&error) < power(&whole) / 1000.0);
}
