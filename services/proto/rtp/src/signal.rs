//! Signals for tests: sines, noise, and what is measured of them.

use std::f64::consts::TAU;

use crate::pcm::Rate;

/// `millis` of a sine.
pub(crate) fn sine(rate: Rate, hertz: f64, amplitude: f64, millis: usize) -> Vec<i16> {
    sum(rate, &[(hertz, amplitude)], millis)
}

/// `millis` of several sines, each (hertz, amplitude).
pub(crate) fn sum(rate: Rate, parts: &[(f64, f64)], millis: usize) -> Vec<i16> {
    (0..rate.samples(millis))
        .map(|at| {
            let seconds = at as f64 / f64::from(rate.hertz());
            let value: f64 = parts
                .iter()
                .map(|(hertz, amplitude)| (TAU * hertz * seconds).sin() * amplitude)
                .sum();
            crate::pcm::from_float(value)
        })
        .collect()
}

/// White noise of a peak amplitude.
pub(crate) fn noise(seed: u64, amplitude: u64, samples: usize) -> Vec<i16> {
    let mut rng = sansio::Rng::from_seed(seed);
    let mut draw = || rng.below(2 * amplitude + 1).cast_signed() - amplitude.cast_signed();
    (0..samples)
        .map(|_| i16::try_from(draw()).unwrap_or(i16::MIN))
        .collect()
}

/// Mean square.
pub(crate) fn power(samples: &[i16]) -> f64 {
    let sum: f64 = samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum();
    sum / samples.len() as f64
}

/// Signal over error in dB, at the delay that fits best within `delay_max` samples.
pub(crate) fn fidelity(original: &[i16], copy: &[i16], delay_max: usize) -> f64 {
    let length = original.len().min(copy.len()) - delay_max;
    (0..delay_max)
        .map(|delay| {
            let error: f64 = copy[delay..delay + length]
                .iter()
                .zip(&original[..length])
                .map(|(copy, original)| (f64::from(*copy) - f64::from(*original)).powi(2))
                .sum();
            10.0 * (power(&original[..length]) / (error / length as f64)).log10()
        })
        .fold(f64::MIN, f64::max)
}
