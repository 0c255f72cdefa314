//! Tones of a country that the box does not know, in the way installers write them:
//! `440+480/2000,0/4000` is two tones together for two seconds and silence for four.

use ipc::site::Cadences as RawCadences;
use ipc::sound::{Cadences as Sounded, ToneStep};

use crate::wrong::{Report, Wrong};

/// Most steps of one signal: no country has half as many.
const STEPS_MAX: usize = 16;
/// Lowest and highest tone that a telephone carries, Hz.
const HERTZ: std::ops::RangeInclusive<u16> = 100..=3_400;
/// Shortest and longest step, milliseconds.
const MILLIS: std::ops::RangeInclusive<u16> = 10..=60_000;
/// A tone without a length has no end: it is said in steps of one second.
const ENDLESS: u16 = 1_000;

/// The signals of a site, where it has some of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cadences {
    written: RawCadences,
    sounded: Sounded,
}

impl Cadences {
    /// As `media` plays them.
    #[must_use]
    pub const fn sounded(&self) -> &Sounded {
        &self.sounded
    }

    pub(crate) fn parse(raw: &RawCadences, report: &mut Report<'_>) -> Self {
        let mut signal = |field, text: &String| {
            let steps = report.take_any(field, text, steps, Wrong::NotACadence);
            steps.unwrap_or_default()
        };
        let sounded = Sounded {
            ringback: signal("cadences.ringback", &raw.ringback),
            busy: signal("cadences.busy", &raw.busy),
            congestion: signal("cadences.congestion", &raw.congestion),
        };
        Self {
            written: raw.clone(),
            sounded,
        }
    }

    pub(crate) fn to_ipc(&self) -> RawCadences {
        self.written.clone()
    }
}

fn steps(text: &str) -> Option<Vec<ToneStep>> {
    let alone = !text.contains(',');
    let steps: Vec<ToneStep> = text
        .split(',')
        .map(|text| step(text.trim(), alone))
        .collect::<Option<_>>()?;
    // A signal of silence would be none.
    let heard = steps.iter().any(|step| step.hertz != [0, 0]);
    (steps.len() <= STEPS_MAX && heard).then_some(steps)
}

fn step(text: &str, alone: bool) -> Option<ToneStep> {
    let (tones, millis) = match text.split_once('/') {
        Some((tones, millis)) => (tones, millis.parse().ok()?),
        None if alone => (text, ENDLESS),
        None => return None,
    };
    let hertz = match tones.split_once('+') {
        Some((first, second)) => [tone(first)?, tone(second)?],
        None if tones == "0" => [0, 0],
        None => [tone(tones)?, 0],
    };
    MILLIS
        .contains(&millis)
        .then_some(ToneStep { hertz, millis })
}

fn tone(text: &str) -> Option<u16> {
    text.parse().ok().filter(|hertz| HERTZ.contains(hertz))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<([u16; 2], u16)>> {
        let pair = |step: ToneStep| (step.hertz, step.millis);
        steps(text).map(|steps| steps.into_iter().map(pair).collect())
    }

    #[test]
    fn signals_are_read_as_installers_write_them() {
        let japan = [([384, 416], 1_000), ([0, 0], 2_000)];
        assert_eq!(read("384+416/1000,0/2000"), Some(japan.to_vec()));
        assert_eq!(read("400/500, 0/500").map(|it| it.len()), Some(2));
        assert_eq!(read("425"), Some(vec![([425, 0], 1_000)]));
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        let many = vec!["400/100"; 17].join(",");
        for text in [
            "",
            "0/500",
            "tone",
            "400/5",
            "400/70000",
            "99/500",
            "3401/500",
            "400/500,0",
            "400+/500",
            "400/500,",
            "1+2+3/500",
            "!400/500",
            &many,
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
