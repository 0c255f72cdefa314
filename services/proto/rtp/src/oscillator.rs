//! A sine, sample by sample.

use std::f64::consts::TAU;

use crate::pcm::Rate;

/// A sine by its two last samples: `y(n) = 2 d cos(w) y(n-1) - d^2 y(n-2)`, which dies away when d
/// is below 1. In 64 bits an undamped one stays within a step of 16 bits for a year.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oscillator {
    factor: f64,
    damping: f64,
    last: f64,
    before: f64,
}

impl Oscillator {
    /// A sine from phase zero with this amplitude.
    pub(crate) fn new(rate: Rate, hertz: f64, amplitude: f64) -> Self {
        Self::dying(rate, hertz, amplitude, f64::INFINITY)
    }

    /// A sine that falls to 1/e of its amplitude every so many seconds.
    pub(crate) fn dying(rate: Rate, hertz: f64, amplitude: f64, seconds: f64) -> Self {
        let step = TAU * hertz / f64::from(rate.hertz());
        let decay = (-1.0 / (seconds * f64::from(rate.hertz()))).exp();
        Self {
            factor: 2.0 * decay * step.cos(),
            damping: decay * decay,
            last: 0.0,
            before: -amplitude * step.sin() / decay,
        }
    }

    /// The next sample; the first is zero.
    pub(crate) fn sample(&mut self) -> f64 {
        let sample = self.last;
        let next = self.factor * self.last - self.damping * self.before;
        (self.before, self.last) = (self.last, next);
        sample
    }
}

/// The amplitude of a sine of a level in dBm0.
pub(crate) fn amplitude(dbm0: f64) -> f64 {
    FULL_SCALE * 10_f64.powf(dbm0 / 20.0)
}

/// The amplitude of 0 dBm0, 3.14 dB below the largest sine of A-law (ITU-T G.711 §4).
const FULL_SCALE: f64 = 22_827.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcm::from_float;
    use crate::signal::sine;

    #[test]
    fn it_is_a_sine_and_stays_one() {
        let mut oscillator = Oscillator::new(Rate::Narrow, 425.0, 10_000.0);
        let made: Vec<i16> = (0..80_000)
            .map(|_| from_float(oscillator.sample()))
            .collect();
        let exact = sine(Rate::Narrow, 425.0, 10_000.0, 10_000);
        let far = |at: usize| (made[at] - exact[at]).abs();
        assert!((0..80_000).all(|at| far(at) <= 1));
    }

    #[test]
    fn a_dying_one_loses_its_strength_in_time() {
        let mut oscillator = Oscillator::dying(Rate::Narrow, 440.0, 10_000.0, 0.5);
        let peak = |samples: &[f64]| samples.iter().fold(0.0, |peak: f64, it| peak.max(it.abs()));
        let made: Vec<f64> = (0..8000).map(|_| oscillator.sample()).collect();
        assert!((peak(&made[..80]) - 10_000.0).abs() < 300.0);
        assert!((peak(&made[4000..4080]) - 3679.0).abs() < 100.0);
    }

    #[test]
    fn levels_are_those_of_g711() {
        assert!((amplitude(0.0) * 10_f64.powf(0.157) - 32_767.0).abs() < 10.0);
        assert!((amplitude(-13.0) - 5_110.0).abs() < 10.0);
    }
}
