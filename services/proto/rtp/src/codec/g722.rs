//! G.722 at 64 kbit/s: 16 kHz audio in two sub-bands, 6 bits for the lower, 2 for the upper.
//!
//! Written after the block diagrams of ITU-T G.722 (09/2012) §3 and §4; names in comments are the
//! Recommendation's. One octet carries two samples. In SDP its clock is 8000 although it samples
//! at 16 kHz: an error of RFC 1890 that RFC 3551 §4.5.2 keeps.
//! Read first: [`Encoder::encode`], then `band`.

mod band;
mod tables;

use band::{Band, Split, UPPER_START, lower_quantise, upper_quantise};
use tables::{QM2, QM6, QMF};

use crate::pcm::saturate;

/// From 16 kHz samples to octets.
#[derive(Clone, Debug)]
pub struct Encoder {
    lower: Band,
    upper: Band,
    history: History,
}

impl Encoder {
    /// An encoder at rest.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lower: Band::new(band::LOWER_START),
            upper: Band::new(UPPER_START),
            history: History::new(),
        }
    }

    /// Appends an octet for every two samples. An odd last sample is left out; frames are even.
    pub fn encode(&mut self, samples: &[i16], octets: &mut Vec<u8>) {
        octets.reserve(samples.len() / 2);
        for pair in samples.as_chunks::<2>().0 {
            octets.push(self.pair(*pair));
        }
    }

    fn pair(&mut self, [first, second]: [i16; 2]) -> u8 {
        self.history.push(i32::from(first), i32::from(second));
        let (odd, even) = self.history.filter();
        // QMF gain 2^12, the sum of two filters 2^1, and 15 bits inside: RECA and RECB of §3.1.
        let (low, high) = ((even + odd) >> 14, (even - odd) >> 14);
        let low_code = lower_quantise(clamp16(low - self.lower.predicted()), self.lower.scale());
        self.lower.adapt(Split::Lower(low_code));
        let high_code = upper_quantise(clamp16(high - self.upper.predicted()), self.upper.scale());
        self.upper.adapt(Split::Upper(high_code));
        (high_code << 6) | low_code
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// From octets to 16 kHz samples.
#[derive(Clone, Debug)]
pub struct Decoder {
    lower: Band,
    upper: Band,
    history: History,
}

impl Decoder {
    /// A decoder at rest.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lower: Band::new(band::LOWER_START),
            upper: Band::new(UPPER_START),
            history: History::new(),
        }
    }

    /// Appends two samples for every octet.
    pub fn decode(&mut self, octets: &[u8], samples: &mut Vec<i16>) {
        samples.reserve(octets.len().saturating_mul(2));
        for octet in octets {
            samples.extend(self.octet(*octet));
        }
    }

    fn octet(&mut self, octet: u8) -> [i16; 2] {
        let (low_code, high_code) = (octet & 0x3f, octet >> 6);
        let low = self.lower.reconstruct(tables::at(&QM6, low_code));
        self.lower.adapt(Split::Lower(low_code));
        let high = self.upper.reconstruct(tables::at(&QM2, high_code));
        self.upper.adapt(Split::Upper(high_code));
        self.history.push(low + high, low - high);
        let (first, second) = self.history.filter();
        // QMF gain 2^12 less the doubling of the interpolation: §4.4.
        [saturate(second >> 11), saturate(first >> 11)]
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// The delay line of the quadrature mirror filter, in two phases (§3.1, §4.4).
///
/// Newest first, so that taking in a pair is one move of memory.
#[derive(Clone, Debug)]
struct History {
    first: [i32; 12],
    second: [i32; 12],
}

impl History {
    const fn new() -> Self {
        Self {
            first: [0; 12],
            second: [0; 12],
        }
    }

    fn push(&mut self, first: i32, second: i32) {
        self.first.copy_within(..11, 1);
        self.second.copy_within(..11, 1);
        let ([newest_first, ..], [newest_second, ..]) = (&mut self.first, &mut self.second);
        *newest_first = first;
        *newest_second = second;
    }

    /// The two phases' filter sums.
    fn filter(&self) -> (i32, i32) {
        let odd = self.first.iter().zip(QMF.iter().rev());
        let even = self.second.iter().zip(&QMF);
        (
            odd.map(|(sample, tap)| sample * tap).sum(),
            even.map(|(sample, tap)| sample * tap).sum(),
        )
    }
}

/// The 16-bit saturation of the Recommendation's arithmetic, kept in 32 bits.
fn clamp16(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

#[cfg(test)]
mod tests;
