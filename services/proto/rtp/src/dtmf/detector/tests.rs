//! Digits of all kinds are heard, and everything else is not.

use super::super::{DIGIT_MILLIS, TonePlayer};
use super::*;
use crate::codec::g711::Law;
use crate::signal::{noise, sine, sum};

const BOTH: [Rate; 2] = [Rate::Narrow, Rate::Wide];

/// The digits heard in samples, given frame by frame.
fn heard(rate: Rate, samples: &[i16]) -> String {
    let mut detector = ToneDetector::new(rate);
    let silence = vec![0; rate.samples(60)];
    samples
        .chunks(rate.frame())
        .chain(silence.chunks(rate.frame()))
        .filter_map(|frame| detector.push(frame))
        .map(|(digit, _)| digit.as_char())
        .collect()
}

fn played(rate: Rate, digits: &str, millis: u32) -> Vec<i16> {
    let mut player = TonePlayer::new(rate);
    for digit in digits.chars() {
        assert!(player.press(Digit::from_char(digit).expect("a digit"), millis));
    }
    let mut samples = Vec::new();
    while !player.is_idle() {
        let mut frame = vec![0; rate.frame()];
        player.fill(&mut frame);
        samples.extend(frame);
    }
    samples
}

fn add(left: &mut [i16], right: &[i16]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left = left.saturating_add(*right);
    }
}

/// Two tones with amplitudes, 40 ms of silence, twice.
fn pair(rate: Rate, row: (f64, f64), column: (f64, f64), millis: usize) -> Vec<i16> {
    let mut samples = sum(rate, &[row, column], millis);
    samples.extend(vec![0; rate.samples(40)]);
    samples.repeat(2)
}

#[test]
fn every_digit_is_heard_once_also_through_g711() {
    for rate in BOTH {
        let mut samples = played(rate, "0123456789*#ABCD1155", DIGIT_MILLIS);
        assert_eq!(heard(rate, &samples), "0123456789*#ABCD1155");
        for sample in &mut samples {
            *sample = Law::A.expand(Law::A.compress(*sample));
        }
        assert_eq!(heard(rate, &samples), "0123456789*#ABCD1155");
    }
}

#[test]
fn the_shortest_digits_of_q24_are_heard_wherever_they_begin() {
    for rate in BOTH {
        for offset in (0..rate.samples(13)).step_by(5) {
            let mut samples = vec![0; offset];
            samples.extend(pair(rate, (770.0, 6000.0), (1336.0, 6000.0), 40));
            assert_eq!(heard(rate, &samples), "55", "{offset}");
        }
        let short = pair(rate, (770.0, 6000.0), (1336.0, 6000.0), 20);
        assert_eq!(heard(rate, &short), "");
    }
}

#[test]
fn how_long_a_digit_was_heard_is_told() {
    for millis in [60, 100, 500, 2000] {
        let mut detector = ToneDetector::new(Rate::Narrow);
        let samples = played(Rate::Narrow, "7", millis);
        let heard = samples.chunks(160).find_map(|frame| detector.push(frame));
        let (_, told) = heard.expect("a digit");
        assert!(told.abs_diff(millis) <= 26, "{millis}: {told}");
        assert!(!detector.is_active());
    }
}

#[test]
fn a_tone_that_never_ends_is_no_trouble() {
    let held = |blocks| Active {
        digit: Digit::from_code(1).expect("a digit"),
        blocks,
        missed: 0,
    };
    assert_eq!(held(400_000).millis(), 5_100_000);
    assert_eq!(held(u32::MAX).millis(), u32::MAX);
}

#[test]
fn frequencies_may_be_off_by_one_and_a_half_percent() {
    // ITU-T Q.24 table A-1; every digit, both tones off the same way and opposite ways.
    for rate in BOTH {
        for row in ROWS {
            for column in COLUMNS {
                for (low, high) in [(1.015, 1.015), (0.985, 0.985), (1.015, 0.985)] {
                    let (row, column) = (f64::from(row) * low, f64::from(column) * high);
                    let samples = pair(rate, (row, 5000.0), (column, 5000.0), 60);
                    assert_eq!(heard(rate, &samples).len(), 2, "{row:.0} {column:.0}");
                }
            }
        }
    }
}

#[test]
fn tones_may_be_unequal_within_bounds() {
    let with = |row, column| heard(Rate::Narrow, &pair(Rate::Narrow, row, column, 60));
    // 5 dB either way pass, 12 dB do not.
    assert_eq!(with((697.0, 8000.0), (1209.0, 4500.0)), "11");
    assert_eq!(with((697.0, 4500.0), (1209.0, 8000.0)), "11");
    assert_eq!(with((697.0, 12_000.0), (1209.0, 3000.0)), "");
    assert_eq!(with((697.0, 3000.0), (1209.0, 12_000.0)), "");
}

#[test]
fn faint_digits_are_heard_and_fainter_ones_are_not() {
    let with = |amplitude| {
        let (row, column) = ((852.0, amplitude), (1477.0, amplitude));
        heard(Rate::Narrow, &pair(Rate::Narrow, row, column, 60))
    };
    assert_eq!(with(600.0), "99");
    assert_eq!(with(200.0), "");
}

#[test]
fn digits_are_heard_through_noise_and_a_dropout() {
    let mut samples = played(Rate::Narrow, "1472580369", DIGIT_MILLIS);
    // Tones of 11 600 peak together, white noise 18 dB below their power.
    add(&mut samples, &noise(3, 1700, 40_000));
    assert_eq!(heard(Rate::Narrow, &samples), "1472580369");
    let mut samples = sum(Rate::Narrow, &[(941.0, 6000.0), (1336.0, 6000.0)], 200);
    samples[700..760].fill(0);
    assert_eq!(heard(Rate::Narrow, &samples), "0");
}

#[test]
fn noise_is_no_digit() {
    for rate in BOTH {
        let samples = noise(5, 9000, rate.samples(30_000));
        assert_eq!(heard(rate, &samples), "");
    }
}

#[test]
fn single_tones_and_call_progress_are_no_digits() {
    for hertz in (300..3300).step_by(15) {
        let samples = sine(Rate::Narrow, f64::from(hertz), 9000.0, 100);
        assert_eq!(heard(Rate::Narrow, &samples), "", "{hertz}");
    }
    for pair in [
        (350.0, 440.0),
        (440.0, 480.0),
        (480.0, 620.0),
        (400.0, 450.0),
    ] {
        let parts = [(pair.0, 6000.0), (pair.1, 6000.0)];
        assert_eq!(heard(Rate::Narrow, &sum(Rate::Narrow, &parts, 500)), "");
    }
}

/// Minutes of something like a voice: a gliding pitch whose harmonics pass moving formants.
fn speech(seed: u64, rate: Rate, seconds: usize) -> Vec<i16> {
    let mut rng = sansio::Rng::from_seed(seed);
    let mut draw = move |low: u64, high: u64| {
        f64::from(u32::try_from(low + rng.below(high - low)).expect("small"))
    };
    let mut samples = Vec::new();
    let mut phase = 0.0_f64;
    for _ in 0..seconds * 8 {
        let (pitch, glide) = (draw(80, 350), draw(0, 80) - 40.0);
        let formants = [draw(300, 900), draw(900, 2300), draw(2300, 3300)];
        let widths = [draw(60, 120), draw(80, 160), draw(100, 250)];
        let length = rate.samples(125);
        for at in 0..length {
            let part = at as f64 / length as f64;
            let hertz = pitch + glide * part;
            phase += hertz / f64::from(rate.hertz());
            let mut value = 0.0;
            for harmonic in 1..12 {
                let harmonic = f64::from(harmonic);
                let strength: f64 = formants
                    .iter()
                    .zip(widths)
                    .map(|(formant, width)| {
                        1.0 / (1.0 + ((hertz * harmonic - formant) / width).powi(2))
                    })
                    .sum();
                value += strength * (std::f64::consts::TAU * phase * harmonic).sin();
            }
            let envelope = (std::f64::consts::PI * part).sin();
            samples.push(crate::pcm::from_float(value * envelope * 7000.0));
        }
    }
    samples
}

#[test]
fn speech_is_no_digit() {
    let mut talked_off = String::new();
    for seed in 0..4 {
        talked_off += &heard(Rate::Narrow, &speech(seed, Rate::Narrow, 20));
    }
    talked_off += &heard(Rate::Wide, &speech(9, Rate::Wide, 20));
    assert_eq!(talked_off, "");
}
