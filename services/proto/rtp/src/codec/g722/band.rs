//! One sub-band: its adaptive scale factor and its predictor (ITU-T G.722 §3.3 to §3.6).
//!
//! Arithmetic is that of the Recommendation: 16-bit values that saturate, products shifted right
//! by 15. Values are kept in `i32`, where no product of two of them can overflow.

use super::clamp16;
use super::tables::{ILB, LOWER_STEP, Q6, QM2, QM4, UPPER_STEP, at};

/// A code of one band.
#[derive(Clone, Copy, Debug)]
pub(super) enum Split {
    /// 6 bits, of which the upper 4 adapt.
    Lower(u8),
    /// 2 bits.
    Upper(u8),
}

/// The state both ends of a band keep in step.
#[derive(Clone, Debug)]
pub(super) struct Band {
    /// DETL or DETH.
    scale: i32,
    /// NBL or NBH.
    log_scale: i32,
    /// SL or SH: the prediction.
    predicted: i32,
    /// SZ: its part from the zeros.
    zero_part: i32,
    /// A1 and A2: the pole coefficients.
    poles: [i32; 2],
    /// B1 to B6: the zero coefficients.
    zeros: [i32; 6],
    /// D1 to D6: the latest quantised differences.
    differences: [i32; 6],
    /// R1: the latest reconstructed signal.
    reconstructed: i32,
    /// P1 and P2: the latest partially reconstructed signals.
    partial: [i32; 2],
}

impl Band {
    pub(super) const fn new(scale: i32) -> Self {
        Self {
            scale,
            log_scale: 0,
            predicted: 0,
            zero_part: 0,
            poles: [0; 2],
            zeros: [0; 6],
            differences: [0; 6],
            reconstructed: 0,
            partial: [0; 2],
        }
    }

    pub(super) const fn predicted(&self) -> i32 {
        self.predicted
    }

    pub(super) const fn scale(&self) -> i32 {
        self.scale
    }

    /// The signal for an output level, limited to 15 bits (LIMIT of §4.2 and §4.3).
    pub(super) fn reconstruct(&self, level: i32) -> i32 {
        (self.predicted + ((self.scale * level) >> 15)).clamp(-16_384, 16_383)
    }

    /// Takes a code in: scale factor and predictor for the next sample.
    pub(super) fn adapt(&mut self, code: Split) {
        let (level, step, log_max, shift) = match code {
            Split::Lower(code) => (at(&QM4, code >> 2), at(&LOWER_STEP, code >> 2), 18_432, 8),
            Split::Upper(code) => (at(&QM2, code), at(&UPPER_STEP, code), 22_528, 10),
        };
        let difference = (self.scale * level) >> 15;
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, log_max);
        self.scale = linear(self.log_scale, shift);
        self.predict(difference);
    }

    /// Block 4 of §3.5 and §3.6.
    fn predict(&mut self, difference: i32) {
        let reconstructed = clamp16(self.predicted + difference);
        let partial = clamp16(self.zero_part + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);

        self.differences.copy_within(..5, 1);
        let [newest, ..] = &mut self.differences;
        *newest = difference;
        let [last, before] = &mut self.partial;
        (*before, *last) = (*last, partial);
        let r2 = std::mem::replace(&mut self.reconstructed, reconstructed);

        let [a1, a2] = self.poles;
        let pole_part =
            clamp16(((a1 * clamp16(reconstructed * 2)) >> 15) + ((a2 * clamp16(r2 * 2)) >> 15));
        let sum: i32 = (self.zeros.iter().zip(&self.differences))
            .map(|(zero, difference)| (zero * clamp16(difference * 2)) >> 15)
            .sum();
        self.zero_part = clamp16(sum);
        self.predicted = clamp16(pole_part + self.zero_part);
    }

    /// UPPOL1 and UPPOL2.
    fn adapt_poles(&mut self, partial: i32) {
        let [a1, a2] = self.poles;
        let [p1, p2] = self.partial;
        let same_as = |earlier: i32| (partial < 0) == (earlier < 0);

        let quadruple = clamp16(a1 * 4);
        let towards = if same_as(p1) {
            clamp16(-quadruple)
        } else {
            quadruple
        };
        let sign = if same_as(p2) { 128 } else { -128 };
        let second = (sign + (towards >> 7) + ((a2 * 32_512) >> 15)).clamp(-12_288, 12_288);

        let sign = if same_as(p1) { 192 } else { -192 };
        let limit = clamp16(15_360 - second);
        let first = clamp16(sign + ((a1 * 32_640) >> 15)).clamp(-limit, limit);
        self.poles = [first, second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        for (zero, earlier) in self.zeros.iter_mut().zip(self.differences) {
            let step = match difference {
                0 => 0,
                _ if (earlier < 0) == (difference < 0) => 128,
                _ => -128,
            };
            *zero = clamp16(step + ((*zero * 32_640) >> 15));
        }
    }
}

/// The 6-bit code of a lower band difference (QUANTL).
pub(super) fn lower_quantise(difference: i32, scale: i32) -> u8 {
    let magnitude = magnitude(difference);
    let above = |level: &i32| magnitude >= (level * scale) >> 12;
    // The levels grow, so the number of those not above the magnitude is the interval.
    let interval = Q6.partition_point(above);
    let interval = u8::try_from(interval).unwrap_or(0);
    match (difference < 0, interval) {
        (true, 0..=1) => 63 - interval,
        (true, _) => 33 - interval,
        (false, _) => 61 - interval,
    }
}

/// The 2-bit code of an upper band difference (QUANTH).
pub(super) fn upper_quantise(difference: i32, scale: i32) -> u8 {
    let large = magnitude(difference) >= (UPPER_LEVEL * scale) >> 12;
    match (difference < 0, large) {
        (true, false) => 1,
        (true, true) => 0,
        (false, false) => 3,
        (false, true) => 2,
    }
}

/// The magnitude in ones' complement, as the Recommendation quantises it.
const fn magnitude(difference: i32) -> i32 {
    if difference < 0 {
        !difference
    } else {
        difference
    }
}

/// SCALEL and SCALEH: the linear scale factor of a log one.
fn linear(log_scale: i32, shift: i32) -> i32 {
    let fraction = u8::try_from((log_scale >> 6) & 31).unwrap_or(0);
    let by = shift - (log_scale >> 11);
    let scale = at(&ILB, fraction);
    let scale = if by < 0 { scale << -by } else { scale >> by };
    scale << 2
}

/// DETL at rest.
pub(super) const LOWER_START: i32 = 32;
/// DETH at rest.
pub(super) const UPPER_START: i32 = 8;
/// The upper band's only decision level (Q2).
const UPPER_LEVEL: i32 = 564;
