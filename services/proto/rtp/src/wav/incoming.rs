//! A WAV file as a person has it, made piece by piece into samples the box plays: mono, 16 bits, at
//! 8 kHz where it had no more than that, else at 16 kHz.
//!
//! Of the file no more is held than its head and the samples the filter needs. Whatever the bytes
//! are, it ends in samples or in a [`Refused`] that says what to do.

use super::{A_LAW, EXTENSIBLE, MU_LAW, PCM};
use crate::any_rate::AnyRate;
use crate::codec::g711::Law;
use crate::pcm::{Rate, from_float};

/// Octets before the samples, at most: programs put a picture or their history there.
const HEAD_MAX: usize = 256 * 1024;
/// Samples of 32 bits with a point.
const FLOAT: u16 = 3;
/// Rates that are taken, Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// What somebody has taken for a WAV file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Song {
    /// MPEG audio.
    Mp3,
    /// Ogg: Vorbis or Opus, as messengers send it.
    Ogg,
    /// FLAC.
    Flac,
    /// MPEG-4: M4A, AAC, as telephones record it.
    Mp4,
}

/// Why a file is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is something else; what, where that can be told.
    NotWav(Option<Song>),
    /// A WAV file whose samples have another format: its code, and bits a sample.
    Format(u16, u16),
    /// It has so many channels.
    Channels(u16),
    /// It has so many samples a second.
    Rate(u32),
    /// It lasts longer than so many seconds.
    TooLong(u32),
    /// There is no sample in it.
    Empty,
}

/// A file that comes in.
#[derive(Clone, Debug)]
pub struct Incoming {
    secs_max: u32,
    /// Of two channels only the first is taken.
    is_left: bool,
    taken: u64,
    /// Samples that were given out.
    given: u64,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// What came before the samples.
    Head(Vec<u8>),
    Sound(Box<Sound>),
}

/// The samples of a file.
#[derive(Clone, Debug)]
struct Sound {
    format: Format,
    rate: Rate,
    /// `None` where the file has the rate already.
    filter: Option<AnyRate>,
    /// Octets of samples that are still to come.
    left: u64,
    /// The beginning of a frame.
    rest: Vec<u8>,
}

/// How samples are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Format {
    coding: Coding,
    channels: usize,
    is_left: bool,
    hertz: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    /// Eight bits, 128 being silence.
    Unsigned,
    /// So many octets each.
    Signed(usize),
    /// 32 bits.
    Float,
    Companded(Law),
}

impl Incoming {
    /// Takes a file that lasts no longer than so many seconds.
    #[must_use]
    pub const fn new(secs_max: u32) -> Self {
        Self {
            secs_max,
            is_left: false,
            taken: 0,
            given: 0,
            state: State::Head(Vec::new()),
        }
    }

    /// The same of one of our recordings: what a peer said, without what it heard.
    #[must_use]
    pub fn said(secs_max: u32) -> Self {
        Self {
            is_left: true,
            ..Self::new(secs_max)
        }
    }

    /// Octets of the file that were taken so far.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the next piece, and appends the samples there are now.
    ///
    /// # Errors
    /// [`Refused`]; nothing further is to be taken then.
    pub fn take(&mut self, piece: &[u8], samples: &mut Vec<i16>) -> Result<(), Refused> {
        self.taken = self.taken.saturating_add(piece.len() as u64);
        let first;
        let piece = match &mut self.state {
            State::Sound(_) => piece,
            State::Head(head) => {
                head.extend_from_slice(piece);
                let Some(beginning) = beginning(head)? else {
                    return match head.len() > HEAD_MAX {
                        true => Err(Refused::NotWav(None)),
                        false => Ok(()),
                    };
                };
                first = head.split_off(beginning.at.min(head.len()));
                let mut sound = beginning.sound();
                sound.format.is_left = self.is_left;
                self.state = State::Sound(Box::new(sound));
                &first
            }
        };
        let before = samples.len();
        if let State::Sound(sound) = &mut self.state {
            sound.take(piece, samples);
        }
        self.count(before, samples)
    }

    /// The file is whole: appends what is left, and says at which rate the samples are.
    ///
    /// # Errors
    /// There was no sample in it, or too many.
    pub fn finish(mut self, samples: &mut Vec<i16>) -> Result<Rate, Refused> {
        let before = samples.len();
        let rate = match &mut self.state {
            State::Head(head) => return Err(Refused::NotWav(song(head))),
            State::Sound(sound) => {
                if let Some(filter) = sound.filter.take() {
                    filter.finish(samples);
                }
                sound.rate
            }
        };
        self.count(before, samples)?;
        match self.given {
            0 => Err(Refused::Empty),
            _ => Ok(rate),
        }
    }

    fn count(&mut self, before: usize, samples: &[i16]) -> Result<(), Refused> {
        let more = samples.len().saturating_sub(before);
        self.given = self.given.saturating_add(more as u64);
        let rate = match &self.state {
            State::Sound(sound) => sound.rate,
            State::Head(_) => return Ok(()),
        };
        let most = u64::from(self.secs_max).saturating_mul(rate.hertz().into());
        match self.given > most {
            true => Err(Refused::TooLong(self.secs_max)),
            false => Ok(()),
        }
    }
}

impl Sound {
    fn take(&mut self, piece: &[u8], samples: &mut Vec<i16>) {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let piece = piece.get(..most.min(piece.len())).unwrap_or_default();
        self.left = self.left.saturating_sub(piece.len() as u64);
        self.rest.extend_from_slice(piece);
        let format = self.format;
        let frame = format.coding.width().saturating_mul(format.channels);
        let whole = self
            .rest
            .len()
            .saturating_sub(self.rest.len() % frame.max(1));
        let after = self.rest.split_off(whole);
        let frames = std::mem::replace(&mut self.rest, after);
        let frames = frames.chunks_exact(frame.max(1));
        let mono = frames.map(|frame| format.mono(frame));
        match &mut self.filter {
            Some(filter) => filter.convert(mono, samples),
            None => samples.extend(mono.map(from_float)),
        }
    }
}

impl Format {
    /// One moment, of all channels together.
    fn mono(self, frame: &[u8]) -> f64 {
        let each = frame.chunks_exact(self.coding.width());
        let mut each = each.map(|sample| self.coding.sample(sample));
        match self.channels {
            2 if !self.is_left => each.sum::<f64>() / 2.0,
            _ => each.next().unwrap_or_default(),
        }
    }

    fn read(body: &[u8]) -> Result<Self, Refused> {
        let (fixed, more) = body
            .split_first_chunk::<16>()
            .ok_or(Refused::NotWav(None))?;
        let [f0, f1, c0, c1, r0, r1, r2, r3, .., b0, b1] = *fixed;
        let mut code = u16::from_le_bytes([f0, f1]);
        if let (EXTENSIBLE, [_, _, _, _, _, _, _, _, s0, s1, ..]) = (code, more) {
            code = u16::from_le_bytes([*s0, *s1]);
        }
        let bits = u16::from_le_bytes([b0, b1]);
        let coding = match (code, bits) {
            (PCM, 8) => Coding::Unsigned,
            (PCM, 16) => Coding::Signed(2),
            (PCM, 24) => Coding::Signed(3),
            (PCM, 32) => Coding::Signed(4),
            (FLOAT, 32) => Coding::Float,
            (A_LAW, 8) => Coding::Companded(Law::A),
            (MU_LAW, 8) => Coding::Companded(Law::Mu),
            _ => return Err(Refused::Format(code, bits)),
        };
        let channels = match u16::from_le_bytes([c0, c1]) {
            one @ (1 | 2) => usize::from(one),
            other => return Err(Refused::Channels(other)),
        };
        let hertz = u32::from_le_bytes([r0, r1, r2, r3]);
        if !RATES.contains(&hertz) {
            return Err(Refused::Rate(hertz));
        }
        Ok(Self {
            coding,
            channels,
            is_left: false,
            hertz,
        })
    }
}

impl Coding {
    const fn width(self) -> usize {
        match self {
            Self::Unsigned | Self::Companded(_) => 1,
            Self::Signed(width) => width,
            Self::Float => 4,
        }
    }

    /// A sample as if it had 16 bits.
    fn sample(self, octets: &[u8]) -> f64 {
        match (self, octets) {
            (Self::Unsigned, [octet]) => (f64::from(*octet) - 128.0) * 256.0,
            (Self::Companded(law), [octet]) => law.expand(*octet).into(),
            (Self::Signed(_), octets) => {
                let mut high = [0; 4];
                let places = high.iter_mut().rev();
                for (place, octet) in places.zip(octets.iter().rev()) {
                    *place = *octet;
                }
                f64::from(i32::from_le_bytes(high)) / 65_536.0
            }
            (Self::Float, octets) => {
                let sample = octets
                    .first_chunk()
                    .map_or(0.0, |it| f32::from_le_bytes(*it));
                match sample.is_nan() {
                    true => 0.0,
                    false => f64::from(sample.clamp(-1.0, 1.0)) * 32_768.0,
                }
            }
            (Self::Unsigned | Self::Companded(_), _) => 0.0,
        }
    }
}

/// Where the samples begin.
struct Beginning {
    format: Format,
    /// Octets of samples that are said to follow.
    length: u64,
    at: usize,
}

impl Beginning {
    fn sound(&self) -> Sound {
        let hertz = self.format.hertz;
        let rate = match hertz <= Rate::Narrow.hertz() {
            true => Rate::Narrow,
            false => Rate::Wide,
        };
        let differs = hertz != rate.hertz();
        Sound {
            format: self.format,
            rate,
            filter: differs.then(|| AnyRate::new(hertz, rate.hertz())),
            left: self.length,
            rest: Vec::new(),
        }
    }
}

/// What the head of a file says; `None` until it is whole.
fn beginning(head: &[u8]) -> Result<Option<Beginning>, Refused> {
    let Some((riff, mut rest)) = head.split_first_chunk::<12>() else {
        return Ok(None);
    };
    if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
        return Err(Refused::NotWav(song(head)));
    }
    let mut format = None;
    loop {
        let Some(([n0, n1, n2, n3, length @ ..], body)) = rest.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length);
        let name = [*n0, *n1, *n2, *n3];
        if name == *b"data" {
            let format = format.ok_or(Refused::NotWav(None))?;
            // Who writes to a pipe cannot say how much comes.
            let length = match length {
                0 | u32::MAX => u64::MAX,
                length => length.into(),
            };
            let at = head.len().saturating_sub(body.len());
            return Ok(Some(Beginning { format, length, at }));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body_itself) = body.get(..length) else {
            return Ok(None);
        };
        if name == *b"fmt " {
            format = Some(Format::read(body_itself)?);
        }
        rest = body
            .get(length.saturating_add(length % 2)..)
            .unwrap_or_default();
    }
}

/// What a file is that is no WAV file.
fn song(head: &[u8]) -> Option<Song> {
    let has = |at: usize, mark: &[u8]| head.get(at..).is_some_and(|it| it.starts_with(mark));
    let is_frame = matches!(head, [0xff, second, ..] if second & 0xe0 == 0xe0);
    if has(0, b"ID3") || is_frame {
        Some(Song::Mp3)
    } else if has(0, b"OggS") {
        Some(Song::Ogg)
    } else if has(0, b"fLaC") {
        Some(Song::Flac)
    } else if has(4, b"ftyp") {
        Some(Song::Mp4)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
