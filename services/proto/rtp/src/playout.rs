//! From a peer's packets to frames of samples, one every 20 ms: where audio is mixed, transcoded,
//! recorded or listened to for digits. A packet that is only relayed never comes here.
//!
//! ```text
//!   packets ──> Buffer (in order, some 40 ms held back) ──> Decoder ──> frames
//!                 a gap ──────────────────────────────> concealed: the last 20 ms, fading
//!                 nothing at all ─────────────────────> comfort noise, or silence
//! ```
//! Read first: [`Playout::frame`], then `buffer`.

mod buffer;

use buffer::{Buffer, Kind, Popped};

use crate::codec::{Codec, Decoder};
use crate::noise::ComfortNoise;
use crate::packet::Header;
use crate::pcm::{FRAME_MILLIS, Rate, from_float};

/// What a frame was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// What the peer sent.
    Audio,
    /// A guess at what was lost.
    Concealed,
    /// Comfort noise, as the peer asked.
    Noise,
    /// Nothing came.
    Silence,
}

/// Plays out the packets of one peer in one codec.
#[derive(Debug)]
pub struct Playout {
    decoder: Decoder,
    buffer: Buffer,
    /// Decoded and not played: less than a frame and a packet.
    samples: Vec<i16>,
    concealment: Concealment,
    noise: Option<ComfortNoise>,
}

impl Playout {
    /// Nothing received yet.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self {
            decoder: Decoder::of(codec),
            buffer: Buffer::new(),
            samples: Vec::new(),
            concealment: Concealment::new(codec.rate()),
            noise: None,
        }
    }

    /// The codec it decodes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// The rate of its frames.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.decoder.rate()
    }

    /// Takes in a packet of this codec. One that is too late, a copy or empty is let go.
    pub fn push(&mut self, header: &Header, payload: &[u8]) {
        let samples = self.codec().samples(payload);
        let millis = samples / self.rate().samples(1);
        if millis > 0 && millis <= PACKET_MILLIS_MAX {
            self.buffer.push(header, Kind::Audio, payload, millis);
        }
    }

    /// Takes in a comfort noise packet: the peer says it is silent from here on.
    pub fn comfort_noise(&mut self, header: &Header, payload: &[u8]) {
        let payload = payload.get(..1).unwrap_or(payload);
        self.buffer.push(header, Kind::Noise, payload, FRAME_MILLIS);
    }

    /// Takes in a packet that is not heard, such as a telephone event, so that its number does
    /// not count as lost.
    pub fn pass_over(&mut self, header: &Header) {
        self.buffer.push(header, Kind::Other, &[], FRAME_MILLIS);
    }

    /// Fills the next frame, [`Rate::frame`] samples long; to be asked every
    /// [`FRAME_MILLIS`].
    pub fn frame(&mut self, frame: &mut [i16]) -> Heard {
        let mut heard = Heard::Audio;
        while self.samples.len() < frame.len() {
            match self.buffer.pop(self.noise.is_some()) {
                Popped::Audio(payload) => {
                    self.noise = None;
                    self.decoder.decode(&payload, &mut self.samples);
                    self.buffer.give_back(payload);
                    self.concealment.remember(&self.samples);
                }
                Popped::Noise(payload) => {
                    self.noise = ComfortNoise::parse(&payload);
                    self.buffer.give_back(payload);
                    heard = self.fill_rest(frame.len());
                    break;
                }
                Popped::Lost(millis) => {
                    heard = Heard::Concealed;
                    let samples = self.rate().samples(millis);
                    self.concealment.conceal(samples, &mut self.samples);
                }
                Popped::Nothing => {
                    heard = self.fill_rest(frame.len());
                    break;
                }
            }
        }
        let length = frame.len();
        for (place, sample) in frame.iter_mut().zip(self.samples.drain(..length)) {
            *place = sample;
        }
        heard
    }

    /// Adds noise or silence up to a frame.
    fn fill_rest(&mut self, length: usize) -> Heard {
        let from = self.samples.len();
        self.samples.resize(length, 0);
        match (&mut self.noise, self.samples.get_mut(from..)) {
            (Some(noise), Some(rest)) => {
                noise.fill(rest);
                Heard::Noise
            }
            (Some(_) | None, _) => Heard::Silence,
        }
    }
}

/// Stands in for what is lost: the last 20 ms again, each time fainter.
#[derive(Clone, Debug)]
struct Concealment {
    last: [i16; Rate::Wide.frame()],
    length: usize,
    /// Where in the last 20 ms to go on, and how loud.
    at: usize,
    gain: f64,
    fade: f64,
}

impl Concealment {
    const fn new(rate: Rate) -> Self {
        Self {
            last: [0; Rate::Wide.frame()],
            length: rate.frame(),
            at: 0,
            gain: 0.0,
            fade: match rate {
                Rate::Narrow => FADE_NARROW,
                Rate::Wide => FADE_NARROW / 2.0,
            },
        }
    }

    /// Keeps the end of what was decoded.
    fn remember(&mut self, samples: &[i16]) {
        let Some(place) = self.last.get_mut(..self.length) else {
            return;
        };
        let end = samples.len().saturating_sub(place.len());
        let end = samples.get(end..).unwrap_or_default();
        place.rotate_left(end.len());
        let kept = place.len() - end.len();
        for (place, sample) in place.iter_mut().skip(kept).zip(end) {
            *place = *sample;
        }
        (self.at, self.gain) = (0, 1.0);
    }

    fn conceal(&mut self, count: usize, samples: &mut Vec<i16>) {
        for _ in 0..count {
            let sample = self.last.get(self.at).copied().unwrap_or(0);
            samples.push(from_float(f64::from(sample) * self.gain));
            self.gain = (self.gain - self.fade).max(0.0);
            self.at = (self.at + 1) % self.length.max(1);
        }
    }
}

/// What the gain loses a sample at 8 kHz: all of it in 60 ms.
const FADE_NARROW: f64 = 1.0 / 480.0;
/// A packet of more audio than this is none: phones send 10 to 60 ms.
const PACKET_MILLIS_MAX: usize = 200;

#[cfg(test)]
mod tests;
