//! Codecs: what SDP calls them, and turning those we know into samples and back.
//!
//! G.711, G.722, L16 and Opus are decoded here. Any other codec passes through undecoded where both
//! ends have it.
//! Read first: [`Format`], then [`Decoder`] and [`Encoder`].

mod format;
pub mod g711;
pub mod g722;
mod opus;

pub use format::{Codec, Format};
use g711::Law;

use crate::pcm::Rate;

/// From payloads of one codec to samples at its [`Codec::rate`].
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    g722: g722::Decoder,
    opus: Option<opus::Decoder>,
}

impl Decoder {
    /// A decoder at rest; `None` when the format [is not transcodable](Format::is_transcodable).
    #[must_use]
    pub fn new(format: &Format) -> Option<Self> {
        format.codec().map(Self::of)
    }

    /// A decoder at rest.
    #[must_use]
    pub fn of(codec: Codec) -> Self {
        Self {
            codec,
            g722: g722::Decoder::new(),
            opus: (codec == Codec::Opus).then(opus::Decoder::new),
        }
    }

    /// The codec it decodes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The rate of the samples it makes.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.codec.rate()
    }

    /// Appends the samples of a payload. Any bytes give samples; only Opus has malformed payloads,
    /// which give none.
    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        match self.codec {
            Codec::Pcma => samples.extend(payload.iter().map(|octet| Law::A.expand(*octet))),
            Codec::Pcmu => samples.extend(payload.iter().map(|octet| Law::Mu.expand(*octet))),
            Codec::G722 => self.g722.decode(payload, samples),
            Codec::Opus => {
                if let Some(opus) = &mut self.opus {
                    opus.decode(payload, samples);
                }
            }
            Codec::L16(_) => {
                let pairs = payload.as_chunks::<2>().0;
                samples.extend(pairs.iter().map(|pair| i16::from_be_bytes(*pair)));
            }
        }
    }
}

/// From samples at a codec's [`Codec::rate`] to payloads.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    g722: g722::Encoder,
    opus: Option<opus::Encoder>,
}

impl Encoder {
    /// An encoder at rest; `None` when the format [is not transcodable](Format::is_transcodable).
    #[must_use]
    pub fn new(format: &Format) -> Option<Self> {
        format.codec().map(Self::of)
    }

    /// An encoder at rest.
    #[must_use]
    pub fn of(codec: Codec) -> Self {
        Self {
            codec,
            g722: g722::Encoder::new(),
            opus: (codec == Codec::Opus).then(opus::Encoder::new),
        }
    }

    /// The codec it encodes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The rate of the samples it takes.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.codec.rate()
    }

    /// Appends the payload of a frame of samples: for Opus, of [a length that it
    /// has](Codec::packet_millis), or nothing is appended.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        match self.codec {
            Codec::Pcma => payload.extend(samples.iter().map(|sample| Law::A.compress(*sample))),
            Codec::Pcmu => payload.extend(samples.iter().map(|sample| Law::Mu.compress(*sample))),
            Codec::G722 => self.g722.encode(samples, payload),
            Codec::Opus => {
                if let Some(opus) = &mut self.opus {
                    opus.encode(samples, payload);
                }
            }
            Codec::L16(_) => payload.extend(samples.iter().flat_map(|sample| sample.to_be_bytes())),
        }
    }
}

#[cfg(test)]
mod tests;
