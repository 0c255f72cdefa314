#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples are made of a sine that fits"
)]

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;

/// A WAV file of this format with these octets of samples.
fn file(code: u16, bits: u16, channels: u16, hertz: u32, data: &[u8]) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
    file.extend(code.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(hertz.to_le_bytes());
    file.extend((hertz.wrapping_mul(block.into())).to_le_bytes());
    file.extend(block.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
    file.extend(data);
    file
}

fn converted(file: &[u8], piece: usize) -> Result<(Vec<i16>, Rate), Refused> {
    let mut incoming = Incoming::new(10);
    let mut samples = Vec::new();
    for piece in file.chunks(piece) {
        incoming.take(piece, &mut samples)?;
    }
    assert_eq!(incoming.taken(), file.len() as u64);
    let rate = incoming.finish(&mut samples)?;
    Ok((samples, rate))
}

/// An eighth of a second of 440 Hz, half of full scale.
fn tone(hertz: u32) -> impl Iterator<Item = f64> {
    (0..hertz / 8).map(move |n| 0.5 * (TAU * 440.0 * f64::from(n) / f64::from(hertz)).sin())
}

#[test]
fn every_format_and_rate_becomes_the_same_sound() {
    type Write = fn(f64) -> Vec<u8>;
    let formats: [(u16, u16, Write); 5] = [
        (PCM, 8, |it| vec![(it * 127.0 + 128.0).round() as u8]),
        (PCM, 16, |it| {
            ((it * 32_768.0) as i16).to_le_bytes().to_vec()
        }),
        (PCM, 24, |it| {
            ((it * 8_388_608.0) as i32).to_le_bytes()[..3].to_vec()
        }),
        (PCM, 32, |it| {
            ((it * 2_147_483_648.0) as i32).to_le_bytes().to_vec()
        }),
        (FLOAT, 32, |it| (it as f32).to_le_bytes().to_vec()),
    ];
    for (code, bits, write) in formats {
        for hertz in [8_000, 11_025, 16_000, 44_100, 48_000] {
            for channels in [1, 2] {
                let frame = |it: f64| write(it).repeat(channels.into());
                let data: Vec<u8> = tone(hertz).flat_map(frame).collect();
                let file = file(code, bits, channels, hertz, &data);
                let (samples, rate) = converted(&file, 4_001).expect("taken");
                assert_eq!(rate == Rate::Narrow, hertz == 8_000);
                let expected = (hertz / 8 * rate.hertz()).div_ceil(hertz) as usize;
                assert_eq!(samples.len(), expected, "{bits} {hertz}");
                let pure = tone(rate.hertz()).map(|it| it * 32_768.0);
                let far = samples
                    .iter()
                    .zip(pure)
                    .skip(200)
                    .take(600)
                    .map(|(one, pure)| (f64::from(*one) - pure).abs())
                    .fold(0.0, f64::max);
                // Eight bits have steps of 256.
                let most = if bits == 8 { 500.0 } else { 60.0 };
                assert!(far < most, "{code} {bits} {hertz} {channels}: {far}");
            }
        }
    }
}

#[test]
fn two_channels_become_one_of_both() {
    let data: Vec<u8> = [1_000_i16, 3_000, -5, -7]
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .collect();
    let (samples, _) = converted(&file(PCM, 16, 2, 16_000, &data), 5).expect("taken");
    assert_eq!(samples, [2_000, -6]);
    let mut said = Incoming::said(10);
    let mut samples = Vec::new();
    let taken = said.take(&file(PCM, 16, 2, 16_000, &data), &mut samples);
    assert_eq!((taken, samples), (Ok(()), vec![1_000, -5]));
}

#[test]
fn companded_files_are_taken_and_how_they_are_cut_makes_no_difference() {
    let file = file(A_LAW, 8, 1, 8_000, &[0xd5, 0x55]);
    for piece in 1..file.len() {
        let taken = converted(&file, piece).expect("taken");
        assert_eq!(taken, (vec![8, -8], Rate::Narrow));
    }
}

#[test]
fn what_stands_behind_the_samples_is_passed_over_and_a_length_nobody_knew_reaches_to_the_end() {
    let whole = file(PCM, 16, 1, 8_000, &[1, 0, 2, 0]);
    let mut tagged = whole.clone();
    tagged.extend(b"LIST\x04\0\0\0junk");
    assert_eq!(converted(&tagged, 3).expect("taken").0, [1, 2]);
    for unknown in [0, u32::MAX] {
        let mut piped = whole.clone();
        let at = piped.len() - 8;
        piped[at..at + 4].copy_from_slice(&unknown.to_le_bytes());
        assert_eq!(converted(&piped, 7).expect("taken").0, [1, 2]);
    }
}

#[test]
fn what_is_not_taken_says_what_it_is() {
    let refused = |file: &[u8]| converted(file, 4_096).expect_err("refused");
    let padded = |mark: &[u8]| [mark, [0; 32].as_slice()].concat();
    for (mark, song) in [
        (b"ID3".as_slice(), Song::Mp3),
        (&[0xff, 0xfb], Song::Mp3),
        (b"OggS", Song::Ogg),
        (b"fLaC", Song::Flac),
        (b"\0\0\0\x20ftypM4A ", Song::Mp4),
    ] {
        assert_eq!(refused(&padded(mark)), Refused::NotWav(Some(song)));
    }
    assert_eq!(refused(b"hello, this is text"), Refused::NotWav(None));
    assert_eq!(refused(b"RIFF"), Refused::NotWav(None));
    let of = |code, bits, channels, hertz| refused(&file(code, bits, channels, hertz, &[0; 64]));
    assert_eq!(of(0x55, 0, 2, 44_100), Refused::Format(0x55, 0));
    assert_eq!(of(PCM, 12, 1, 44_100), Refused::Format(PCM, 12));
    assert_eq!(of(PCM, 16, 6, 48_000), Refused::Channels(6));
    assert_eq!(of(PCM, 16, 0, 48_000), Refused::Channels(0));
    assert_eq!(of(PCM, 16, 1, 96_000), Refused::Rate(96_000));
    assert_eq!(of(PCM, 16, 1, 0), Refused::Rate(0));
    assert_eq!(refused(&file(PCM, 16, 1, 8_000, &[])), Refused::Empty);
}

#[test]
fn a_file_that_is_too_long_is_refused_before_it_is_whole() {
    let mut incoming = Incoming::new(1);
    let long = file(MU_LAW, 8, 1, 8_000, &[0xff; 20_000]);
    let mut samples = Vec::new();
    let pieces = long.chunks(1_000);
    let refused = pieces
        .map(|it| incoming.take(it, &mut samples))
        .position(|it| it.is_err());
    assert_eq!(refused, Some(8));
}

#[test]
fn a_head_without_an_end_is_given_up() {
    let mut incoming = Incoming::new(10);
    let mut head = b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff".to_vec();
    head.resize(64 * 1024, 0);
    let taken = (0..8).map(|_| incoming.take(&head, &mut Vec::new()));
    let refused: Vec<_> = taken.filter(Result::is_err).collect();
    assert_eq!(refused.first(), Some(&Err(Refused::NotWav(None))));
}

proptest! {
    #[test]
    fn no_file_panics_or_grows(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        at in any::<proptest::sample::Index>(), value in any::<u8>(), piece in 1_usize..90,
        hertz in 0_u32..60_000,
    ) {
        let _ = converted(&bytes, piece);
        let mut changed = file(PCM, 16, 1, hertz, &bytes);
        let head = changed.len().min(60);
        changed[at.index(head)] = value;
        if let Ok((samples, _)) = converted(&changed, piece) {
            prop_assert!(samples.len() <= 2 * bytes.len() + 100);
        }
    }
}
