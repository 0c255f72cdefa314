//! From any sampling rate to another one, by a windowed sinc: for files, which may have any rate
//! and are converted once. Voice goes through the half-band filters of [`crate::resample`].
//!
//! 16 zero crossings a side under a Kaiser window: images and aliases are 70 dB down beyond a
//! twelfth of the lower of the two bands.

use crate::pcm::from_float;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 16.0;
/// Kaiser's β: about 80 dB.
const BETA: f64 = 8.0;
/// Where the filter is half open, in parts of the lower Nyquist frequency.
const OPEN: f64 = 0.94;
/// Places in the table for each input sample; between them it is interpolated.
const PLACES: u32 = 256;
/// Samples kept before the oldest are dropped.
const KEPT: usize = 8192;

/// Turns samples of one rate into samples of another, block by block without a seam.
#[derive(Clone, Debug)]
pub struct AnyRate {
    /// Hz.
    from: u64,
    to: u64,
    /// The kernel from its middle outwards, [`PLACES`] a sample.
    table: Vec<f64>,
    /// Input samples on each side that count.
    half: u64,
    /// Input samples from `first` on.
    line: Vec<f64>,
    first: u64,
    /// The next output sample.
    next: u64,
}

impl AnyRate {
    /// A converter at rest; `from` and `to` are Hz, and not 0.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Self {
        let (from, to) = (from.max(1), to.max(1));
        let cutoff = OPEN * (f64::from(to) / f64::from(from)).min(1.0);
        let width = CROSSINGS / cutoff;
        let half = whole(width.ceil());
        let places = u32::try_from(half)
            .unwrap_or(u32::MAX)
            .saturating_mul(PLACES);
        let kernel = |place: u32| {
            let at = f64::from(place) / f64::from(PLACES);
            cutoff * sinc(cutoff * at) * kaiser(at / width)
        };
        Self {
            from: from.into(),
            to: to.into(),
            table: (0..=places).map(kernel).collect(),
            half,
            // The first sample comes behind silence.
            line: vec![0.0; usize::try_from(half).unwrap_or_default()],
            first: 0,
            next: 0,
        }
    }

    /// Appends the converted samples; the last ones wait for what comes after them.
    pub fn convert(&mut self, samples: impl IntoIterator<Item = f64>, converted: &mut Vec<i16>) {
        self.line.extend(samples);
        self.emit(self.received(), converted);
        self.forget();
    }

    /// Appends what is left, as if silence came after it.
    pub fn finish(mut self, converted: &mut Vec<i16>) {
        let silence = usize::try_from(self.half).unwrap_or_default();
        self.line
            .resize(self.line.len().saturating_add(silence), 0.0);
        self.emit(self.received(), converted);
    }

    /// Places in the line there ever were; the first `half` are the silence before.
    fn received(&self) -> u64 {
        self.first.saturating_add(self.line.len() as u64)
    }

    fn emit(&mut self, received: u64, converted: &mut Vec<i16>) {
        loop {
            // Of the sample before the output one, counted with the silence.
            let product = self.next.saturating_mul(self.from);
            let before = (product / self.to).saturating_add(self.half);
            if before.saturating_add(self.half) >= received {
                return;
            }
            let part = u32::try_from(product % self.to).unwrap_or_default();
            let part = f64::from(part) / f64::from(u32::try_from(self.to).unwrap_or(1));
            converted.push(from_float(self.at(before, part)));
            self.next = self.next.saturating_add(1);
        }
    }

    /// The signal this far behind a sample of the line.
    fn at(&self, before: u64, part: f64) -> f64 {
        let place = usize::try_from(before.saturating_sub(self.first)).unwrap_or_default();
        let (left, right) = self
            .line
            .split_at(place.saturating_add(1).min(self.line.len()));
        self.side(left.iter().rev(), part) + self.side(right.iter(), 1.0 - part)
    }

    /// One side of the kernel over samples, the nearest of which is this far away.
    fn side<'a>(&self, samples: impl Iterator<Item = &'a f64>, nearest: f64) -> f64 {
        let half = usize::try_from(self.half).unwrap_or_default();
        let mut at = nearest;
        let mut sum = 0.0;
        for sample in samples.take(half) {
            sum += sample * self.kernel(at);
            at += 1.0;
        }
        sum
    }

    fn kernel(&self, at: f64) -> f64 {
        let place = at * f64::from(PLACES);
        let floor = place.floor();
        let index = usize::try_from(whole(floor)).unwrap_or(usize::MAX);
        let value = |index: usize| self.table.get(index).copied().unwrap_or_default();
        let (one, other) = (value(index), value(index.saturating_add(1)));
        one + (other - one) * (place - floor)
    }

    /// Drops what no output sample needs any more.
    fn forget(&mut self) {
        let before = (self.next.saturating_mul(self.from) / self.to).saturating_add(1);
        let past = usize::try_from(before.saturating_sub(self.first)).unwrap_or_default();
        if past >= KEPT {
            let past = past.min(self.line.len());
            self.line.drain(..past);
            self.first = self.first.saturating_add(past as u64);
        }
    }
}

fn sinc(at: f64) -> f64 {
    let angle = std::f64::consts::PI * at;
    if angle.abs() < 1e-9 {
        return 1.0;
    }
    angle.sin() / angle
}

/// The window, from its middle (0) to its end (1).
fn kaiser(at: f64) -> f64 {
    let root = (1.0 - at * at).max(0.0).sqrt();
    bessel(BETA * root) / bessel(BETA)
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel(at: f64) -> f64 {
    let square = at * at / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for step in 1..40_u32 {
        term *= square / (f64::from(step) * f64::from(step));
        sum += term;
    }
    sum
}

/// A number that is whole and not negative.
fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from float to integer `as` saturates, and the number is whole already"
    )]
    let whole = number as u64;
    whole
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn sine(rate: u32, hertz: f64, count: u32) -> Vec<f64> {
        let at = |n: u32| 10_000.0 * (TAU * hertz * f64::from(n) / f64::from(rate)).sin();
        (0..count).map(at).collect()
    }

    fn convert(from: u32, to: u32, samples: &[f64], block: usize) -> Vec<i16> {
        let mut converted = Vec::new();
        let mut any = AnyRate::new(from, to);
        for piece in samples.chunks(block) {
            any.convert(piece.iter().copied(), &mut converted);
        }
        any.finish(&mut converted);
        converted
    }

    fn power(samples: &[i16]) -> f64 {
        let sum: f64 = samples.iter().map(|it| f64::from(*it).powi(2)).sum();
        sum / samples.len() as f64
    }

    #[test]
    fn the_voice_band_passes_from_every_rate_at_its_pitch_and_level() {
        for from in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000] {
            let samples = sine(from, 1000.0, from / 2);
            let converted = convert(from, 16_000, &samples, 1000);
            assert_eq!(converted.len(), 8_000, "{from}");
            let pure: Vec<i16> = sine(16_000, 1000.0, 8_000)
                .iter()
                .map(|it| from_float(*it))
                .collect();
            let far = converted[500..7500]
                .iter()
                .zip(&pure[500..7500])
                .map(|(one, other)| (i32::from(*one) - i32::from(*other)).abs())
                .max();
            assert!(far < Some(60), "{from}: {far:?}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_taken_out() {
        for (from, to, hertz) in [
            (48_000, 16_000, 9_000.0),
            (44_100, 16_000, 15_000.0),
            (48_000, 8_000, 4_500.0),
        ] {
            let converted = convert(from, to, &sine(from, hertz, from / 2), 997);
            let gain = 10.0 * (power(&converted[500..3500]) / 5e7).log10();
            assert!(gain < -60.0, "{from} {hertz}: {gain}");
        }
    }

    #[test]
    fn blocks_of_any_size_leave_no_seam() {
        let samples = sine(44_100, 700.0, 30_000);
        let whole = convert(44_100, 16_000, &samples, 30_000);
        for block in [1, 37, 4_096] {
            assert_eq!(convert(44_100, 16_000, &samples, block), whole, "{block}");
        }
    }

    #[test]
    fn nothing_in_is_nothing_out() {
        assert_eq!(convert(48_000, 16_000, &[], 1), [0; 0]);
        assert_eq!(convert(48_000, 16_000, &[0.0], 1).len(), 1);
    }
}
