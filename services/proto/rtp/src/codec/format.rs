//! A payload format by the name SDP gives it.

use std::fmt;

use super::opus;
use crate::pcm::Rate;

/// What SDP says of a payload type: `a=rtpmap:9 G722/8000` and its `a=fmtp`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Format {
    /// The encoding name, as written; compared without case (RFC 8866 §6.6).
    pub name: String,
    /// The RTP clock in Hz. G.722 says 8000 (RFC 3551 §4.5.2).
    pub clock: u32,
    /// Audio channels; 1 when SDP says nothing.
    pub channels: u8,
    /// The format's parameters as written after the payload type; empty when there are none.
    pub fmtp: String,
}

impl Format {
    /// A mono format without parameters.
    #[must_use]
    pub fn new(name: &str, clock: u32) -> Self {
        Self {
            name: name.to_owned(),
            clock,
            channels: 1,
            fmtp: String::new(),
        }
    }

    /// The codec, when it is one that is decoded and encoded here.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        let named = |name: &str| self.name.eq_ignore_ascii_case(name);
        match self.clock {
            // `opus/48000/2`, whatever is sent (RFC 7587 §4.1).
            48_000 if named("OPUS") => Some(Codec::Opus),
            _ if self.channels > 1 => None,
            8_000 if named("PCMA") => Some(Codec::Pcma),
            8_000 if named("PCMU") => Some(Codec::Pcmu),
            8_000 if named("G722") => Some(Codec::G722),
            8_000 if named("L16") => Some(Codec::L16(Rate::Narrow)),
            16_000 if named("L16") => Some(Codec::L16(Rate::Wide)),
            _ => None,
        }
    }

    /// Whether a [`Decoder`](super::Decoder) and an [`Encoder`](super::Encoder) exist for it.
    #[must_use]
    pub fn is_transcodable(&self) -> bool {
        self.codec().is_some()
    }

    /// Whether it carries telephone events (RFC 4733), at any clock.
    #[must_use]
    pub fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// Whether it carries comfort noise (RFC 3389).
    #[must_use]
    pub fn is_comfort_noise(&self) -> bool {
        self.name.eq_ignore_ascii_case("CN")
    }

    /// Whether both are the same codec, so that payloads of one pass as the other
    /// (RFC 3264 §6.1). Parameters are not compared: they say what a receiver likes.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock == other.clock
            && self.channels.max(1) == other.channels.max(1)
    }
}

impl fmt::Display for Format {
    /// As in an rtpmap: `opus/48000/2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.clock)?;
        if self.channels > 1 {
            write!(f, "/{}", self.channels)?;
        }
        Ok(())
    }
}

/// A codec that is decoded and encoded here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 mu-law.
    Pcmu,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, as mono at 16 kHz.
    Opus,
    /// Linear samples, big endian (RFC 3551 §4.5.11).
    L16(Rate),
}

impl Codec {
    /// The rate of its samples.
    #[must_use]
    pub const fn rate(self) -> Rate {
        match self {
            Self::Pcma | Self::Pcmu => Rate::Narrow,
            Self::G722 | Self::Opus => Rate::Wide,
            Self::L16(rate) => rate,
        }
    }

    /// The clock of its RTP timestamps in Hz: not its sampling rate for G.722 (RFC 3551 §4.5.2).
    #[must_use]
    pub const fn clock(self) -> u32 {
        match self {
            Self::Pcma | Self::Pcmu | Self::G722 => 8_000,
            Self::Opus => 48_000,
            Self::L16(rate) => rate.hertz(),
        }
    }

    /// Samples in a payload; 0 when it is malformed.
    #[must_use]
    pub fn samples(self, payload: &[u8]) -> usize {
        let octets = payload.len();
        match self {
            Self::Pcma | Self::Pcmu => octets,
            Self::G722 => octets.saturating_mul(2),
            Self::Opus => opus::length(payload),
            Self::L16(_) => octets / 2,
        }
    }

    /// The packet time to send, milliseconds, when this one is wanted: Opus has not every one.
    #[must_use]
    pub const fn packet_millis(self, wanted: usize) -> usize {
        match self {
            Self::Opus => opus::frame_millis(wanted),
            Self::Pcma | Self::Pcmu | Self::G722 | Self::L16(_) => wanted,
        }
    }

    /// Whether a payload may hold any number of samples, so that what came in one packet may leave
    /// in one.
    #[must_use]
    pub const fn takes_any_length(self) -> bool {
        !matches!(self, Self::Opus)
    }
}
