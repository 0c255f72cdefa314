use std::time::Duration;

use super::{Expected, SILENCE_DBFS, SoundFault, Tone, Wav, WavError};

const LOW: Tone = Tone {
    hertz: 440.0,
    dbfs: -12.0,
};
const HIGH: Tone = Tone {
    hertz: 1_000.0,
    dbfs: -12.0,
};
const EXPECTED: Expected = Expected {
    theirs: LOW,
    own_hertz: HIGH.hertz,
};

fn check_strongest(wav: &Wav, expected: Tone) {
    let found = wav.strongest().unwrap();
    assert!(
        (found.hertz - expected.hertz).abs() < 0.5,
        "{found}, expected {expected}"
    );
    assert!(
        (found.dbfs - expected.dbfs).abs() < 0.2,
        "{found}, expected {expected}"
    );
}

fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

fn mixed(one: &Wav, other: &Wav) -> Wav {
    let pairs = one.samples.iter().zip(&other.samples);
    Wav {
        rate: one.rate,
        samples: pairs.map(|(a, b)| a.saturating_add(*b)).collect(),
    }
}

/// Noise that is the same every time (Knuth's linear congruential generator).
fn noise(peak: i16, count: usize) -> Wav {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let high = i64::try_from(state >> 33).unwrap() % (2 * i64::from(peak) + 1);
        i16::try_from(high - i64::from(peak)).unwrap()
    };
    Wav {
        rate: 8_000,
        samples: (0..count).map(|_| next()).collect(),
    }
}

#[test]
fn a_tone_is_found_again_at_its_frequency_and_level() {
    for hertz in [150.0, 440.0, 441.7, 1_000.0, 2_345.6, 3_400.0] {
        for dbfs in [0.0, -12.0, -40.0] {
            let tone = Tone { hertz, dbfs };
            check_strongest(&tone.sound(8_000, seconds(2.0)), tone);
        }
    }
    check_strongest(&LOW.sound(48_000, seconds(1.0)), LOW);
    check_strongest(&LOW.sound(8_000, seconds(60.0)), LOW);
}

#[test]
fn a_weak_tone_is_measured_beside_a_strong_one() {
    let weak = Tone {
        hertz: 1_000.0,
        dbfs: -62.0,
    };
    let both = mixed(
        &LOW.sound(8_000, seconds(2.0)),
        &weak.sound(8_000, seconds(2.0)),
    );
    check_strongest(&both, LOW);
    let level = both.level(1_000.0);
    assert!((level + 62.0).abs() < 1.5, "{level}");
}

#[test]
fn a_tone_is_found_under_noise_and_with_a_hole_and_late_start() {
    let clean = LOW.sound(8_000, seconds(4.0));
    check_strongest(&mixed(&clean, &noise(1_000, 32_000)), LOW);

    let mut late = clean.clone();
    late.samples[..6_000].fill(0);
    check_strongest(&late, LOW);

    // Three packets of 20 ms lost, and the phase jumps.
    let mut holed = clean;
    holed.samples.drain(12_000..12_480);
    let heard = EXPECTED.judge(&holed).unwrap();
    assert!((heard.strongest.hertz - 440.0).abs() < 2.0, "{heard}");
}

#[test]
fn the_other_side_heard_is_told_in_one_line() {
    let heard = EXPECTED.judge(&LOW.sound(8_000, seconds(3.0))).unwrap();
    let told = heard.to_string();
    assert!(told.starts_with("heard 440.0 Hz at -12.0 dBFS for 3.0 s; its own 1000 Hz is "));
    assert!(heard.own_below_db > 60.0);
}

#[test]
fn a_recording_that_proves_nothing_is_refused() {
    let judge = |wav: &Wav| EXPECTED.judge(wav).unwrap_err();
    let silence = Wav {
        rate: 8_000,
        samples: vec![0; 16_000],
    };
    assert!(matches!(judge(&silence), SoundFault::Silent(_)));
    assert!(silence.level(440.0) <= SILENCE_DBFS);
    assert!(matches!(judge(&noise(20, 16_000)), SoundFault::Silent(_)));
    let short = LOW.sound(8_000, seconds(0.5));
    assert!(matches!(judge(&short), SoundFault::TooShort(_)));
    let own = HIGH.sound(8_000, seconds(2.0));
    assert!(matches!(judge(&own), SoundFault::WrongFrequency { .. }));
    let weak = Tone { dbfs: -30.0, ..LOW }.sound(8_000, seconds(2.0));
    assert!(matches!(judge(&weak), SoundFault::WrongLevel { .. }));
    let echo = Tone {
        dbfs: -30.0,
        ..HIGH
    }
    .sound(8_000, seconds(2.0));
    let echo = mixed(&LOW.sound(8_000, seconds(2.0)), &echo);
    assert!(matches!(judge(&echo), SoundFault::Echo(_)));
}

#[test]
fn a_wav_file_is_read_as_written() {
    let wav = LOW.sound(16_000, seconds(0.1));
    assert_eq!(Wav::parse(&wav.bytes().unwrap()).unwrap(), wav);
    assert_eq!(wav.length(), Duration::from_millis(100));
}

#[test]
fn unknown_chunks_are_skipped_and_a_cut_recording_is_read() {
    let bytes = LOW.sound(8_000, seconds(0.1)).bytes().unwrap();
    let mut with_list = bytes[..12].to_vec();
    with_list.extend_from_slice(b"LIST\x03\0\0\0abc\0");
    with_list.extend_from_slice(&bytes[12..]);
    assert_eq!(Wav::parse(&with_list).unwrap().samples.len(), 800);
    assert_eq!(Wav::parse(&bytes[..44 + 101]).unwrap().samples.len(), 50);
}

#[test]
fn what_is_not_a_16_bit_wav_file_is_refused() {
    let good = LOW.sound(8_000, seconds(0.1)).bytes().unwrap();
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        Wav::parse(&bytes).unwrap_err()
    };
    assert!(matches!(Wav::parse(b""), Err(WavError::NotWav)));
    assert!(matches!(with(0, b'X'), WavError::NotWav));
    assert!(matches!(
        with(20, 7),
        WavError::Unsupported { format: 7, .. }
    ));
    assert!(matches!(
        with(22, 3),
        WavError::Unsupported { channels: 3, .. }
    ));
    assert!(matches!(with(34, 8), WavError::Unsupported { bits: 8, .. }));
    assert!(matches!(with(25, 0), WavError::Rate(64)));
    assert!(matches!(
        Wav::parse(&good[..36]),
        Err(WavError::MissingChunk("data"))
    ));
    assert!(matches!(
        Wav::parse(&good[..30]),
        Err(WavError::MissingChunk("fmt "))
    ));
    for end in 0..good.len().min(60) {
        let _no_panic = Wav::parse(&good[..end]);
    }
}
