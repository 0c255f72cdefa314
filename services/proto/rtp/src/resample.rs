//! From 8 to 16 kHz and back, by one half-band filter.
//!
//! 63 taps, Kaiser window: flat to 3.4 kHz, 75 dB down above 4.6 kHz, 2 ms of delay. Every second
//! tap of a half-band filter is zero and the middle one a half, so a sample costs 16 products.

use crate::pcm::{Rate, saturate};

/// Turns samples of one rate into samples of another, block by block without a seam.
#[derive(Clone, Debug)]
pub enum Resampler {
    /// Both rates are the same.
    Same,
    /// 8 to 16 kHz.
    Up(Up),
    /// 16 to 8 kHz.
    Down(Down),
}

impl Resampler {
    /// A resampler at rest.
    #[must_use]
    pub const fn new(from: Rate, to: Rate) -> Self {
        match (from, to) {
            (Rate::Narrow, Rate::Wide) => Self::Up(Up { line: [0; 32] }),
            (Rate::Wide, Rate::Narrow) => Self::Down(Down {
                odd: [0; 32],
                even: [0; 17],
            }),
            (Rate::Narrow, Rate::Narrow) | (Rate::Wide, Rate::Wide) => Self::Same,
        }
    }

    /// Appends the converted samples. Of an odd number going down, the last is left out.
    pub fn convert(&mut self, samples: &[i16], converted: &mut Vec<i16>) {
        match self {
            Self::Same => converted.extend_from_slice(samples),
            Self::Up(up) => {
                converted.reserve(samples.len().saturating_mul(2));
                for sample in samples {
                    converted.extend(up.sample(*sample));
                }
            }
            Self::Down(down) => {
                converted.reserve(samples.len() / 2);
                for pair in samples.as_chunks::<2>().0 {
                    converted.push(down.pair(*pair));
                }
            }
        }
    }
}

/// The delay line of 8 to 16 kHz.
#[derive(Clone, Debug)]
pub struct Up {
    line: [i16; 32],
}

impl Up {
    fn sample(&mut self, sample: i16) -> [i16; 2] {
        push(&mut self.line, sample);
        let [.., middle, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.line;
        [saturate(side_sum(&self.line) >> 14), middle]
    }
}

/// The delay lines of 16 to 8 kHz.
#[derive(Clone, Debug)]
pub struct Down {
    odd: [i16; 32],
    even: [i16; 17],
}

impl Down {
    fn pair(&mut self, [odd, even]: [i16; 2]) -> i16 {
        push(&mut self.odd, odd);
        push(&mut self.even, even);
        let [middle, ..] = self.even;
        saturate((side_sum(&self.odd) + i32::from(middle) * 16_384) >> 15)
    }
}

fn push<const N: usize>(line: &mut [i16; N], sample: i16) {
    line.copy_within(1.., 0);
    if let Some(newest) = line.last_mut() {
        *newest = sample;
    }
}

/// The filter's non-zero taps over a line, its middle tap left out; scaled by 2^15, with rounding.
fn side_sum(line: &[i16; 32]) -> i32 {
    let (left, right) = line.split_at(16);
    let pairs = left.iter().rev().zip(right).zip(&TAPS);
    let sum: i32 = pairs
        .map(|((left, right), tap)| (i32::from(*left) + i32::from(*right)) * tap)
        .sum();
    sum + 8_192
}

/// Taps 1, 3, ... 31 from the middle; they add up to a quarter of 2^15.
const TAPS: [i32; 16] = [
    10_398, -3_375, 1_919, -1_265, 882, -628, 448, -316, 219, -148, 96, -59, 34, -18, 8, -3,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{power, sine};

    fn convert(from: Rate, to: Rate, samples: &[i16]) -> Vec<i16> {
        let mut converted = Vec::new();
        Resampler::new(from, to).convert(samples, &mut converted);
        converted
    }

    /// Power after over power before, in dB, once the filter is full.
    fn gain(from: Rate, to: Rate, hertz: f64) -> f64 {
        let before = sine(from, hertz, 10_000.0, 400);
        let after = convert(from, to, &before);
        10.0 * (power(&after[200..]) / power(&before[200..])).log10()
    }

    #[test]
    fn the_voice_band_passes_untouched_both_ways() {
        for hertz in [300.0, 1000.0, 2000.0, 3000.0, 3400.0] {
            assert!(gain(Rate::Narrow, Rate::Wide, hertz).abs() < 0.1, "{hertz}");
            assert!(gain(Rate::Wide, Rate::Narrow, hertz).abs() < 0.1, "{hertz}");
        }
    }

    #[test]
    fn what_would_alias_is_taken_out() {
        for hertz in [4600.0, 5000.0, 6000.0, 7000.0, 7700.0] {
            assert!(gain(Rate::Wide, Rate::Narrow, hertz) < -60.0, "{hertz}");
        }
    }

    #[test]
    fn going_up_adds_no_mirror_image() {
        let up = convert(
            Rate::Narrow,
            Rate::Wide,
            &sine(Rate::Narrow, 1000.0, 10_000.0, 400),
        );
        let pure = sine(Rate::Wide, 1000.0, 10_000.0, 400);
        // Up again and down is a delay: the sum of the wanted sine and an image would not be.
        let down = convert(Rate::Wide, Rate::Narrow, &up);
        let again = convert(Rate::Narrow, Rate::Wide, &down);
        let far = again[1000..]
            .iter()
            .zip(&up[1000 - 62..])
            .map(|(again, up)| (i32::from(*again) - i32::from(*up)).abs())
            .max();
        assert!(far < Some(40), "{far:?}");
        assert!((power(&up[200..]) / power(&pure[200..]) - 1.0).abs() < 0.02);
    }

    #[test]
    fn blocks_of_any_size_leave_no_seam() {
        let samples = sine(Rate::Narrow, 700.0, 9000.0, 100);
        let whole = convert(Rate::Narrow, Rate::Wide, &samples);
        let mut pieces = Vec::new();
        let mut resampler = Resampler::new(Rate::Narrow, Rate::Wide);
        for piece in samples.chunks(37) {
            resampler.convert(piece, &mut pieces);
        }
        assert_eq!(pieces, whole);
    }

    #[test]
    fn full_scale_does_not_wrap() {
        let square: Vec<i16> = (0..800)
            .map(|at| if at % 16 < 8 { i16::MAX } else { i16::MIN })
            .collect();
        let up = convert(Rate::Narrow, Rate::Wide, &square);
        for pair in up[100..].windows(2) {
            // A step of more than the whole range less the overshoot would be a wrap.
            assert!((i32::from(pair[0]) - i32::from(pair[1])).abs() < 60_000);
        }
    }
}
