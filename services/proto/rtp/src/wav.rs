//! WAV files: the header of what is recorded, and reading what is played.
//!
//! Written are 16-bit linear samples, mono or stereo, at 8 or 16 kHz, under a header of 44 octets
//! that is right whenever it is written: a recording cut short is [`repaired`] from the
//! file's length. Read are these and G.711, with any other chunks around.

mod incoming;

pub use incoming::{Incoming, Refused, Song};

use crate::codec::g711::Law;
use crate::pcm::{Rate, saturate};

/// Octets of the header that is written.
pub const HEADER_LENGTH: usize = 44;

/// The header of a file of 16-bit samples; `data_bytes` follow it.
#[must_use]
pub fn header(rate: Rate, channels: u16, data_bytes: u32) -> [u8; HEADER_LENGTH] {
    let block = channels.saturating_mul(2);
    let byte_rate = rate.hertz().saturating_mul(u32::from(block));
    let mut header = [0; HEADER_LENGTH];
    let fields = [
        b"RIFF".as_slice(),
        &data_bytes.saturating_add(BEFORE_DATA).to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        &PCM.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate.hertz().to_le_bytes(),
        &byte_rate.to_le_bytes(),
        &block.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &data_bytes.to_le_bytes(),
    ];
    for (place, octet) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *place = *octet;
    }
    header
}

/// The header a file of ours should have by its length, when it has another one: the recording was
/// cut off by a crash. `None` when there is nothing to repair or the file is not of our making.
#[must_use]
pub fn repaired(header: &[u8], file_length: u64) -> Option<[u8; HEADER_LENGTH]> {
    let found: &[u8; HEADER_LENGTH] = header.first_chunk()?;
    let (rate, channels) = [Rate::Narrow, Rate::Wide]
        .into_iter()
        .flat_map(|rate| [(rate, 1), (rate, 2)])
        .find(|(rate, channels)| is_like(found, &self::header(*rate, *channels, 0)))?;
    let data = file_length.checked_sub(u64::try_from(HEADER_LENGTH).ok()?)?;
    let block = u64::from(channels) * 2;
    let whole = data - data % block;
    let right = self::header(rate, channels, u32::try_from(whole).unwrap_or(u32::MAX));
    (right != *found).then_some(right)
}

/// Whether two headers differ in their lengths only.
fn is_like(found: &[u8; HEADER_LENGTH], ours: &[u8; HEADER_LENGTH]) -> bool {
    let pairs = found.iter().zip(ours).enumerate();
    pairs
        .filter(|(at, _)| !matches!(at, 4..8 | 40..44))
        .all(|(_, (found, ours))| found == ours)
}

/// A sound to play.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sound {
    /// Mono samples; of stereo, both channels together.
    pub samples: Vec<i16>,
    /// Their rate.
    pub rate: Rate,
}

/// Why a file cannot be played. Each says what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// It does not begin like a WAV file, or has no format or data in it.
    #[error("this is no WAV file: save it as WAV (RIFF)")]
    NotWav,
    /// Its samples are compressed, or have another width than 16 bits.
    #[error("the samples have another format (code {0}): save them as PCM with 16 bits")]
    Format(u16),
    /// It has more than two channels, or none.
    #[error("the file has {0} channels: save it as mono or stereo")]
    Channels(u16),
    /// It has another sampling rate.
    #[error("the sampling rate is {0} Hz: save it with 8000 or 16000 Hz")]
    Rate(u32),
}

/// Reads a whole file. Data that is said to be longer than the file is read to the file's end.
///
/// # Errors
/// [`Unreadable`], to be shown to whoever put the file there.
pub fn read(file: &[u8]) -> Result<Sound, Unreadable> {
    let (riff, chunks) = file.split_first_chunk::<12>().ok_or(Unreadable::NotWav)?;
    if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
        return Err(Unreadable::NotWav);
    }
    let mut described = None;
    for (name, body) in Chunks(chunks) {
        match name {
            b"fmt " => described = Some(Described::parse(body)?),
            b"data" => {
                let described = described.ok_or(Unreadable::NotWav)?;
                return Ok(Sound {
                    samples: described.samples(body),
                    rate: described.rate,
                });
            }
            _ => {}
        }
    }
    Err(Unreadable::NotWav)
}

/// The chunks of a file: four octets of name, four of length, the body, padded to even.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (body, rest) = rest.split_at(length.min(rest.len()));
        self.0 = rest.get(length % 2..).unwrap_or_default();
        Some((name, body))
    }
}

/// What the `fmt ` chunk says.
#[derive(Clone, Copy, Debug)]
struct Described {
    coding: Coding,
    stereo: bool,
    rate: Rate,
}

#[derive(Clone, Copy, Debug)]
enum Coding {
    Linear,
    Companded(Law),
}

impl Described {
    fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let (fixed, more) = body.split_first_chunk::<16>().ok_or(Unreadable::NotWav)?;
        let [f0, f1, c0, c1, r0, r1, r2, r3, .., b0, b1] = *fixed;
        let mut format = u16::from_le_bytes([f0, f1]);
        if let (EXTENSIBLE, [_, _, _, _, _, _, _, _, s0, s1, ..]) = (format, more) {
            format = u16::from_le_bytes([*s0, *s1]);
        }
        let coding = match (format, u16::from_le_bytes([b0, b1])) {
            (PCM, 16) => Coding::Linear,
            (A_LAW, 8) => Coding::Companded(Law::A),
            (MU_LAW, 8) => Coding::Companded(Law::Mu),
            _ => return Err(Unreadable::Format(format)),
        };
        let stereo = match u16::from_le_bytes([c0, c1]) {
            1 => false,
            2 => true,
            other => return Err(Unreadable::Channels(other)),
        };
        let rate = match u32::from_le_bytes([r0, r1, r2, r3]) {
            8_000 => Rate::Narrow,
            16_000 => Rate::Wide,
            other => return Err(Unreadable::Rate(other)),
        };
        Ok(Self {
            coding,
            stereo,
            rate,
        })
    }

    fn samples(self, data: &[u8]) -> Vec<i16> {
        let samples: Vec<i16> = match self.coding {
            Coding::Linear => {
                let pairs = data.as_chunks::<2>().0;
                pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
            }
            Coding::Companded(law) => data.iter().map(|octet| law.expand(*octet)).collect(),
        };
        if !self.stereo {
            return samples;
        }
        let pairs = samples.as_chunks::<2>().0;
        let mean = |[left, right]: &[i16; 2]| (i32::from(*left) + i32::from(*right)) / 2;
        pairs.iter().map(|pair| saturate(mean(pair))).collect()
    }
}

/// Octets the RIFF chunk counts before the data.
const BEFORE_DATA: u32 = 36;
/// Format codes (RFC 2361).
const PCM: u16 = 1;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The code is in the format's extension.
const EXTENSIBLE: u16 = 0xfffe;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(rate: Rate, channels: u16, samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
        let length = u32::try_from(data.len()).expect("small");
        [header(rate, channels, length).as_slice(), &data].concat()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for rate in [Rate::Narrow, Rate::Wide] {
            let read_back = read(&file(rate, 1, &[1, -2, 3])).expect("a WAV file");
            assert_eq!((read_back.samples, read_back.rate), (vec![1, -2, 3], rate));
            let stereo = read(&file(rate, 2, &[100, 200, -5, -7])).expect("a WAV file");
            assert_eq!(stereo.samples, [150, -6]);
        }
    }

    #[test]
    fn the_header_is_that_of_other_programs() {
        // Of FFmpeg 5.1: `-f s16le -ar 16000 -ac 2 -i /dev/zero -bitexact` with 400 octets of data.
        assert_eq!(
            hex::encode(header(Rate::Wide, 2, 400)),
            "52494646b401000057415645666d74201000000001000200803e000000fa0000\
             0400100064617461900100 00"
                .replace(' ', "")
        );
    }

    #[test]
    fn chunks_around_the_data_and_g711_are_read() {
        let mut riff = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x12\0\0\0".to_vec();
        riff.extend([
            6, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0, 0, 0,
        ]);
        riff.extend(b"data\xff\xff\xff\xff\xd5\x55");
        let sound = read(&riff).expect("a WAV file");
        assert_eq!(sound.samples, [8, -8]);
        assert_eq!(sound.rate, Rate::Narrow);
    }

    #[test]
    fn what_cannot_be_played_says_what_to_do() {
        assert_eq!(read(b"ID3"), Err(Unreadable::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0WAVE"), Err(Unreadable::NotWav));
        let with = |at: usize, octet: u8| {
            let mut file = file(Rate::Narrow, 1, &[1]);
            file[at] = octet;
            read(&file)
        };
        assert_eq!(with(20, 0x55), Err(Unreadable::Format(0x55)));
        assert_eq!(with(34, 24), Err(Unreadable::Format(1)));
        assert_eq!(with(22, 6), Err(Unreadable::Channels(6)));
        assert_eq!(with(24, 0x44), Err(Unreadable::Rate(0x1f44)));
        let text = Unreadable::Rate(44_100).to_string();
        assert!(text.contains("8000 or 16000"), "{text}");
    }

    #[test]
    fn a_recording_that_was_cut_off_is_repaired_by_its_length() {
        let begun = header(Rate::Narrow, 2, 0);
        assert_eq!(repaired(&begun, 44), None);
        assert_eq!(
            repaired(&begun, 44 + 402),
            Some(header(Rate::Narrow, 2, 400))
        );
        assert_eq!(repaired(&header(Rate::Narrow, 2, 400), 444), None);
        assert_eq!(repaired(b"RIFF", 444), None);
        let mut other = header(Rate::Wide, 1, 0);
        other[20] = 6;
        assert_eq!(repaired(&other, 444), None);
    }

    proptest! {
        #[test]
        fn no_file_panics(
            start in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..120)
        ) {
            let mut file = if start { header(Rate::Narrow, 1, 50).to_vec() } else { Vec::new() };
            file.extend(&bytes);
            let _ = read(&file);
            for at in 12..file.len().min(44) {
                let mut changed = file.clone();
                changed[at] = bytes.first().copied().unwrap_or(0);
                let _ = read(&changed);
            }
            let _ = repaired(&bytes, 77);
        }
    }
}
