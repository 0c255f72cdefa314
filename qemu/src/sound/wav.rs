//! WAV files: PCM, 16 bits, one channel; the only kind the phones read and write.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a WAV file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not start as a RIFF WAVE file does.
    #[error("not a WAV file")]
    NotWav,
    /// It has no `fmt ` chunk before its `data` chunk, or no `data` chunk.
    #[error("the WAV file has no {0:?} chunk")]
    MissingChunk(&'static str),
    /// It is a WAV file, but not PCM with 16 bits and one channel.
    #[error("WAV format {format}, {bits} bits, {channels} channels; we read PCM, 16 bits, mono")]
    Unsupported {
        /// The format tag: 1 is PCM.
        format: u16,
        /// Bits in a sample.
        bits: u16,
        /// Channels.
        channels: u16,
    },
    /// The sampling rate is none a phone uses.
    #[error("WAV file with {0} samples a second; we read {RATE_MIN} to {RATE_MAX}")]
    Rate(u32),
    /// More samples than the 32-bit lengths of the format can tell.
    #[error("too long for a WAV file")]
    TooLong,
}

/// One channel of sound, 16 bits a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples in a second, 8000 to 48000.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

impl Wav {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read or is not of the kind this module reads.
    pub fn read(path: &Path) -> Result<Self, WavError> {
        let file = |source| WavError::File {
            path: path.to_owned(),
            source,
        };
        Self::parse(&std::fs::read(path).map_err(file)?)
    }

    /// Writes a file, replacing it.
    ///
    /// # Errors
    /// It cannot be written, or is too long for the format.
    pub fn write(&self, path: &Path) -> Result<(), WavError> {
        let file = |source| WavError::File {
            path: path.to_owned(),
            source,
        };
        std::fs::write(path, self.bytes()?).map_err(file)
    }

    /// Reads the bytes of a WAV file, of two channels the first. A `data` chunk that claims more
    /// than there is (a recording cut short) gives what there is.
    ///
    /// # Errors
    /// The bytes are not of the kind this module reads.
    pub fn parse(bytes: &[u8]) -> Result<Self, WavError> {
        Self::parse_channel(bytes, 0)
    }

    /// The same of the second channel of two; of one, that one.
    ///
    /// # Errors
    /// The bytes are not of the kind this module reads.
    pub fn parse_right(bytes: &[u8]) -> Result<Self, WavError> {
        Self::parse_channel(bytes, 1)
    }

    fn parse_channel(bytes: &[u8], wanted: usize) -> Result<Self, WavError> {
        let Some((b"RIFF", rest)) = bytes.split_first_chunk::<4>() else {
            return Err(WavError::NotWav);
        };
        let Some(b"WAVE") = rest.get(4..8) else {
            return Err(WavError::NotWav);
        };
        let mut chunks = rest.get(8..).unwrap_or_default();
        let mut format = None;
        while let Some((name, body, following)) = next_chunk(chunks) {
            match name {
                b"fmt " => format = Some(parse_format(body)?),
                b"data" => {
                    let (rate, channels) = format.ok_or(WavError::MissingChunk("fmt "))?;
                    let (pairs, _half) = body.as_chunks::<2>();
                    let samples = pairs.iter().map(|pair| i16::from_le_bytes(*pair));
                    // A phone hears Opus on both ears alike.
                    let channels = usize::from(channels);
                    let wanted = wanted.min(channels.saturating_sub(1));
                    let samples = samples.skip(wanted).step_by(channels).collect();
                    return Ok(Self { rate, samples });
                }
                _other => {}
            }
            chunks = following;
        }
        Err(WavError::MissingChunk("data"))
    }

    /// The bytes of a WAV file with these samples.
    ///
    /// # Errors
    /// [`WavError::TooLong`]
    pub fn bytes(&self) -> Result<Vec<u8>, WavError> {
        let data = self
            .samples
            .len()
            .checked_mul(2)
            .and_then(|size| u32::try_from(size).ok());
        let data = data
            .filter(|size| *size <= u32::MAX - HEADER_BYTES)
            .ok_or(WavError::TooLong)?;
        let mut bytes = Vec::with_capacity(self.samples.len() * 2 + 44);
        bytes.extend_from_slice(b"RIFF");
        bytes.extend_from_slice(&(data + HEADER_BYTES - 8).to_le_bytes());
        bytes.extend_from_slice(b"WAVEfmt ");
        bytes.extend_from_slice(&16_u32.to_le_bytes());
        bytes.extend_from_slice(&PCM.to_le_bytes());
        bytes.extend_from_slice(&1_u16.to_le_bytes());
        bytes.extend_from_slice(&self.rate.to_le_bytes());
        bytes.extend_from_slice(&self.rate.saturating_mul(2).to_le_bytes());
        bytes.extend_from_slice(&2_u16.to_le_bytes());
        bytes.extend_from_slice(&16_u16.to_le_bytes());
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&data.to_le_bytes());
        bytes.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        Ok(bytes)
    }

    /// How long it plays.
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(self.rate.max(1)))
    }
}

/// The name of the first chunk, its body, and what follows. Chunks are padded to an even length.
fn next_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (name, rest) = bytes.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    let body = rest.get(..size.min(rest.len()))?;
    let following = rest
        .get(size.saturating_add(size % 2)..)
        .unwrap_or_default();
    Some((name, body, following))
}

/// The sampling rate and the channels, when the format is ours.
fn parse_format(body: &[u8]) -> Result<(u32, u16), WavError> {
    let short = |at: usize| body.get(at..at + 2).and_then(|two| two.try_into().ok());
    let short = |at| {
        short(at)
            .map(u16::from_le_bytes)
            .ok_or(WavError::MissingChunk("fmt "))
    };
    let (format, channels, bits) = (short(0)?, short(2)?, short(14)?);
    if (format, bits) != (PCM, 16) || !(1..=2).contains(&channels) {
        return Err(WavError::Unsupported {
            format,
            bits,
            channels,
        });
    }
    let rate = u32::from(short(4)?) | u32::from(short(6)?) << 16;
    if !(RATE_MIN..=RATE_MAX).contains(&rate) {
        return Err(WavError::Rate(rate));
    }
    Ok((rate, channels))
}

/// The format tag of plain samples.
const PCM: u16 = 1;
/// RIFF header, `fmt ` chunk and the header of `data`.
const HEADER_BYTES: u32 = 44;
/// G.711.
const RATE_MIN: u32 = 8_000;
/// Opus.
const RATE_MAX: u32 = 48_000;
