//! An estimate of how a call sounds: the E-model of ITU-T G.107, reduced to what is measured.
//!
//! `R = 93.2 - Id - Ie,eff` with all of G.107 at its defaults (table 2), where
//! - `Id`, the delay, is `0.024 d + 0.11 (d - 177.3) H(d - 177.3)`: Cole and Rosenbluth, "Voice
//!   over IP performance monitoring", ACM SIGCOMM CCR 31/2 (2001), a fit of G.107 §7.4;
//! - `Ie,eff`, the codec under loss, is `Ie + (95 - Ie) Ppl / (Ppl + Bpl)`: G.107 §7.5, for random
//!   losses; `Ie` and `Bpl` are those of ITU-T G.113 appendix I;
//! - and the MOS is `1 + 0.035 R + R (R - 60) (100 - R) 7e-6`: G.107 annex B.
//!
//! It is a scale to compare calls on, not a measurement: nobody listened.

use std::time::Duration;

/// What was measured of one direction.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Measured {
    /// Packets lost of those expected, 0 to 1.
    pub loss: f32,
    /// Interarrival jitter; a receiver is taken to hold back twice as much.
    pub jitter: Duration,
    /// Round trip on the network; zero while unknown.
    pub round_trip: Duration,
}

/// How a codec sounds, and how it bears losses (ITU-T G.113 appendix I).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Impairment {
    /// `Ie`: equipment impairment without loss.
    pub codec: f32,
    /// `Bpl`: robustness against loss.
    pub robustness: f32,
}

impl Impairment {
    /// By a codec's name in SDP. Phones conceal losses, so G.711 is counted with concealment; an
    /// unknown codec counts as that.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = KNOWN
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let (codec, robustness) =
            known.map_or((0.0, 25.1), |(_, codec, robustness)| (*codec, *robustness));
        Self { codec, robustness }
    }
}

/// The estimated MOS times 100: 100 (bad) to 450 (excellent).
#[must_use]
pub fn mos(measured: Measured, impairment: Impairment) -> u16 {
    let millis = |time: Duration| time.as_secs_f32() * 1000.0;
    let delay = millis(measured.round_trip) / 2.0 + 2.0 * millis(measured.jitter) + PACKET_MILLIS;
    let late = (delay - 177.3).max(0.0);
    let delay_impairment = 0.024 * delay + 0.11 * late;
    let percent = measured.loss.clamp(0.0, 1.0) * 100.0;
    let loss_impairment =
        impairment.codec + (95.0 - impairment.codec) * percent / (percent + impairment.robustness);
    let r = (93.2 - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    let mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 100..=450"
    )]
    let hundredths = (mos * 100.0).round().clamp(100.0, 450.0) as u16;
    hundredths
}

/// A packet is sent once it is full.
const PACKET_MILLIS: f32 = 20.0;

/// Name, Ie and Bpl: G.113 appendix I.
const KNOWN: [(&str, f32, f32); 4] = [
    ("PCMA", 0.0, 25.1),
    ("PCMU", 0.0, 25.1),
    ("G729", 11.0, 19.0),
    ("G723", 15.0, 16.1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, loss: f32, jitter: u64, round_trip: u64, expected: u16) {
        let measured = Measured {
            loss,
            jitter: Duration::from_millis(jitter),
            round_trip: Duration::from_millis(round_trip),
        };
        let mos = mos(measured, Impairment::of(name));
        assert!(mos.abs_diff(expected) <= 3, "{name} {loss}: {mos}");
    }

    #[test]
    fn calls_are_rated_as_by_the_formula() {
        // Worked by hand: R 92.7, 89.1, 76.2, 57.8 and 81.7.
        check("PCMA", 0.0, 0, 0, 440);
        check("PCMA", 0.01, 0, 0, 432);
        check("pcmu", 0.05, 5, 40, 387);
        check("PCMA", 0.0, 20, 700, 298);
        check("G729", 0.0, 0, 0, 409);
    }

    #[test]
    fn worse_is_never_rated_better() {
        let rate = |loss: f32, millis| {
            let time = Duration::from_millis(millis);
            let measured = Measured {
                loss,
                jitter: time / 20,
                round_trip: time,
            };
            mos(measured, Impairment::of("PCMA"))
        };
        for step in 0..100_u8 {
            let loss = f32::from(step) / 100.0;
            let millis = u64::from(step) * 20;
            assert!(rate(loss, millis) >= rate(loss + 0.01, millis));
            assert!(rate(loss, millis) >= rate(loss, millis + 20));
        }
        assert_eq!(rate(1.0, 60_000), 100);
    }
}
