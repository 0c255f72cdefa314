//! Call progress tones, by country (ITU-T E.180 and its supplement 2).

use std::borrow::Cow;

use crate::oscillator::{Oscillator, amplitude};
use crate::pcm::{Rate, from_float};

/// A country's tones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Plan {
    /// Brazil (Anatel resolution 252/2000, Regulamento de Sinalização para Usuários).
    #[default]
    Brazil,
    /// Argentina.
    Argentina,
    /// Chile.
    Chile,
    /// Most of Europe, with the cadences of Germany.
    Europe,
    /// France.
    France,
    /// Mexico.
    Mexico,
    /// United States and Canada.
    NorthAmerica,
    /// Portugal.
    Portugal,
    /// Spain.
    Spain,
    /// United Kingdom (BT SIN 350).
    UnitedKingdom,
}

impl Plan {
    /// The plan of a country by its code (ISO 3166-1), upper case; `None` when there is none.
    #[must_use]
    pub fn of_country(code: &str) -> Option<Self> {
        match code {
            "BR" => Some(Self::Brazil),
            "AR" => Some(Self::Argentina),
            "CL" => Some(Self::Chile),
            "FR" => Some(Self::France),
            "MX" => Some(Self::Mexico),
            "US" | "CA" => Some(Self::NorthAmerica),
            "PT" => Some(Self::Portugal),
            "ES" => Some(Self::Spain),
            "GB" => Some(Self::UnitedKingdom),
            "AT" | "BE" | "CH" | "DE" | "DK" | "FI" | "IT" | "LU" | "NL" | "NO" | "SE" => {
                Some(Self::Europe)
            }
            _ => None,
        }
    }

    const fn cadences(self) -> &'static Cadences {
        match self {
            Self::Brazil => &BRAZIL,
            Self::Argentina => &ARGENTINA,
            Self::Chile => &CHILE,
            Self::Europe => &EUROPE,
            Self::France => &FRANCE,
            Self::Mexico => &MEXICO,
            Self::NorthAmerica => &NORTH_AMERICA,
            Self::Portugal => &PORTUGAL,
            Self::Spain => &SPAIN,
            Self::UnitedKingdom => &UNITED_KINGDOM,
        }
    }
}

/// What a country's signals sound like.
struct Cadences {
    dial: &'static [Step],
    ringback: &'static [Step],
    busy: &'static [Step],
    congestion: &'static [Step],
    call_waiting: &'static [Step],
}

impl Cadences {
    const fn of(&self, signal: Signal) -> &'static [Step] {
        match signal {
            Signal::Dial => self.dial,
            Signal::Ringback => self.ringback,
            Signal::Busy => self.busy,
            Signal::Congestion => self.congestion,
            Signal::CallWaiting => self.call_waiting,
            Signal::Confirm => CONFIRM,
        }
    }
}

/// What a tone says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signal {
    /// Dial.
    Dial,
    /// The called phone rings.
    Ringback,
    /// The called phone is busy.
    Busy,
    /// The call cannot be made.
    Congestion,
    /// Another call waits.
    CallWaiting,
    /// Done: one short beep, the same everywhere, and over after it.
    Confirm,
}

/// One step of a cadence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The tones sounding together in Hz; 0 for none.
    pub hertz: [u16; 2],
    /// For how long.
    pub millis: u16,
}

const fn on(hertz: u16, millis: u16) -> Step {
    both(hertz, 0, millis)
}

const fn both(first: u16, second: u16, millis: u16) -> Step {
    let hertz = [first, second];
    Step { hertz, millis }
}

const fn off(millis: u16) -> Step {
    both(0, 0, millis)
}

/// Plays a signal.
#[derive(Clone, Debug)]
pub struct Tone {
    rate: Rate,
    signal: Signal,
    cadence: Cow<'static, [Step]>,
    next: usize,
    current: Option<Playing>,
}

#[derive(Clone, Copy, Debug)]
struct Playing {
    tones: [Option<Oscillator>; 2],
    /// Samples of the step that are played, and how many it has.
    played: usize,
    length: usize,
    /// The step is all there is, and goes on for ever.
    endless: bool,
}

impl Tone {
    /// A signal from its beginning.
    #[must_use]
    pub const fn new(plan: Plan, signal: Signal, rate: Rate) -> Self {
        Self {
            rate,
            signal,
            cadence: Cow::Borrowed(plan.cadences().of(signal)),
            next: 0,
            current: None,
        }
    }

    /// A signal of no country, from its beginning: its steps over and over, or silence without any.
    #[must_use]
    pub const fn of_steps(steps: Vec<Step>, signal: Signal, rate: Rate) -> Self {
        Self {
            rate,
            signal,
            cadence: Cow::Owned(steps),
            next: 0,
            current: None,
        }
    }

    /// Fills a frame. False when the signal ended within it, as only [`Signal::Confirm`] ever does;
    /// the rest of the frame is silence then.
    pub fn fill(&mut self, frame: &mut [i16]) -> bool {
        for place in frame {
            *place = from_float(self.sample());
        }
        self.signal != Signal::Confirm || self.current.is_some()
    }

    fn sample(&mut self) -> f64 {
        let over = |playing: &Playing| playing.played >= playing.length && !playing.endless;
        if self.current.as_ref().is_none_or(over) {
            self.current = self.next_step();
        }
        let rate = self.rate;
        self.current
            .as_mut()
            .map_or(0.0, |playing| playing.sample(rate))
    }

    fn next_step(&mut self) -> Option<Playing> {
        if self.next >= self.cadence.len() && self.signal != Signal::Confirm {
            self.next = 0;
        }
        let step = *self.cadence.get(self.next)?;
        self.next += 1;
        let oscillator = |hertz: u16| {
            (hertz > 0).then(|| Oscillator::new(self.rate, f64::from(hertz), amplitude(LEVEL)))
        };
        Some(Playing {
            tones: step.hertz.map(oscillator),
            played: 0,
            length: self.rate.samples(usize::from(step.millis)),
            endless: self.cadence.len() == 1 && self.signal != Signal::Confirm,
        })
    }
}

impl Playing {
    fn sample(&mut self, rate: Rate) -> f64 {
        let tones = self.tones.iter_mut().flatten();
        let sum: f64 = tones.map(Oscillator::sample).sum();
        let ramp = rate.samples(RAMP_MILLIS);
        let left = if self.endless {
            ramp
        } else {
            self.length.saturating_sub(self.played)
        };
        let edge = self.played.min(left).min(ramp);
        self.played = self.played.saturating_add(1);
        let part =
            u16::try_from(edge).map_or(1.0, f64::from) / u16::try_from(ramp).map_or(1.0, f64::from);
        sum * part
    }
}

const BRAZIL: Cadences = Cadences {
    dial: &[on(425, 1000)],
    ringback: &[on(425, 1000), off(4000)],
    busy: &[on(425, 250), off(250)],
    congestion: &[on(425, 250), off(250), on(425, 750), off(250)],
    call_waiting: &[on(425, 50), off(1000)],
};
const NORTH_AMERICA: Cadences = Cadences {
    dial: &[both(350, 440, 1000)],
    ringback: &[both(440, 480, 2000), off(4000)],
    busy: &[both(480, 620, 500), off(500)],
    congestion: &[both(480, 620, 250), off(250)],
    call_waiting: &[on(440, 300), off(10_000)],
};
const EUROPE: Cadences = Cadences {
    dial: &[on(425, 1000)],
    ringback: &[on(425, 1000), off(4000)],
    busy: &[on(425, 480), off(480)],
    congestion: &[on(425, 240), off(240)],
    call_waiting: &[on(425, 200), off(200), on(425, 200), off(5000)],
};
const UNITED_KINGDOM: Cadences = Cadences {
    dial: &[both(350, 440, 1000)],
    ringback: &[
        both(400, 450, 400),
        off(200),
        both(400, 450, 400),
        off(2000),
    ],
    busy: &[on(400, 375), off(375)],
    congestion: &[on(400, 400), off(350), on(400, 225), off(525)],
    call_waiting: &[on(400, 100), off(2000)],
};
const ARGENTINA: Cadences = Cadences {
    dial: &[on(425, 1000)],
    ringback: &[on(425, 1000), off(4000)],
    busy: &[on(425, 300), off(200)],
    congestion: &[on(425, 300), off(400)],
    call_waiting: &[on(425, 400), off(200), on(425, 400), off(4000)],
};
const CHILE: Cadences = Cadences {
    dial: &[on(400, 1000)],
    ringback: &[on(400, 1000), off(3000)],
    busy: &[on(400, 500), off(500)],
    congestion: &[on(400, 200), off(200)],
    call_waiting: &[on(400, 250), off(8750)],
};
const FRANCE: Cadences = Cadences {
    dial: &[on(440, 1000)],
    ringback: &[on(440, 1500), off(3500)],
    busy: &[on(440, 500), off(500)],
    congestion: &[on(440, 250), off(250)],
    call_waiting: &[on(440, 300), off(10_000)],
};
const MEXICO: Cadences = Cadences {
    dial: &[on(425, 1000)],
    ringback: &[on(425, 1000), off(4000)],
    busy: &[on(425, 250), off(250)],
    congestion: &[on(425, 250), off(250)],
    call_waiting: &[on(425, 200), off(600), on(425, 200), off(10_000)],
};
const PORTUGAL: Cadences = Cadences {
    dial: &[on(425, 1000)],
    ringback: &[on(425, 1000), off(5000)],
    busy: &[on(425, 500), off(500)],
    congestion: &[on(425, 200), off(200)],
    call_waiting: &[on(425, 200), off(200), on(425, 200), off(5000)],
};
const SPAIN: Cadences = Cadences {
    dial: &[on(425, 1000)],
    ringback: &[on(425, 1500), off(3000)],
    busy: &[on(425, 200), off(200)],
    congestion: &[
        on(425, 200),
        off(200),
        on(425, 200),
        off(200),
        on(425, 200),
        off(600),
    ],
    call_waiting: &[on(425, 175), off(175), on(425, 175), off(3500)],
};
/// The beep of a confirmation.
const CONFIRM: &[Step] = &[on(880, 150)];
/// Level of each tone in dBm0: E.180 recommends -10 within 5 for what is heard.
const LEVEL: f64 = -13.0;
/// A tone swells and fades over this, so that it does not click.
const RAMP_MILLIS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::power;

    fn played(plan: Plan, signal: Signal, millis: usize) -> Vec<i16> {
        let mut tone = Tone::new(plan, signal, Rate::Narrow);
        let mut samples = Vec::new();
        for _ in 0..millis / 20 {
            let mut frame = [0; 160];
            tone.fill(&mut frame);
            samples.extend(frame);
        }
        samples
    }

    /// When it sounds: `#` or `.` for each 50 ms.
    fn shown(plan: Plan, signal: Signal, millis: usize) -> String {
        played(plan, signal, millis)
            .chunks(400)
            .map(|part| if power(part) > 1e5 { '#' } else { '.' })
            .collect()
    }

    #[test]
    fn brazil_sounds_as_anatel_says() {
        let brazil = |signal, millis| shown(Plan::Brazil, signal, millis);
        assert_eq!(brazil(Signal::Dial, 3000), "#".repeat(60));
        let ring = "#".repeat(20) + &".".repeat(80);
        assert_eq!(brazil(Signal::Ringback, 10_000), ring.repeat(2));
        assert_eq!(brazil(Signal::Busy, 1000), "#####.....".repeat(2));
        assert_eq!(
            brazil(Signal::Congestion, 1500),
            "#####.....###############....."
        );
    }

    #[test]
    fn a_signal_of_no_country_is_played_by_its_steps() {
        let step = |hertz, millis| Step { hertz, millis };
        let steps = vec![step([400, 0], 300), step([0, 0], 200)];
        let mut tone = Tone::of_steps(steps, Signal::Busy, Rate::Narrow);
        let mut samples = vec![0; 8 * 1000];
        assert!(tone.fill(&mut samples));
        let loud = |from: usize, to: usize| power(&samples[from * 8..to * 8]) > 1_000.0;
        assert_eq!(
            [
                loud(50, 250),
                loud(350, 450),
                loud(550, 750),
                loud(850, 950)
            ],
            [true, false, true, false]
        );
        let mut silent = Tone::of_steps(Vec::new(), Signal::Busy, Rate::Narrow);
        let mut frame = [1; 160];
        assert!(silent.fill(&mut frame));
        assert_eq!(frame, [0; 160]);
    }

    #[test]
    fn other_countries_have_their_own_plan() {
        let ring = |plan| shown(plan, Signal::Ringback, 3000);
        assert_eq!(Plan::of_country("GB"), Some(Plan::UnitedKingdom));
        let double = "########....########";
        assert_eq!(
            ring(Plan::UnitedKingdom),
            format!("{double}{}", ".".repeat(40))
        );
        assert!(ring(Plan::NorthAmerica).starts_with(&"#".repeat(40)));
        assert_eq!(Plan::of_country("DE"), Some(Plan::Europe));
        assert_eq!(Plan::of_country("XX"), None);
        assert_eq!(Plan::default(), Plan::Brazil);
    }

    #[test]
    fn each_country_rings_and_is_busy_in_its_own_time() {
        // Milliseconds of sound and silence of the ringing, and of busy.
        let check = |code, ring: (usize, usize), busy: (usize, usize)| {
            let plan = Plan::of_country(code).expect(code);
            let cadence = |(sound, silence): (usize, usize)| {
                format!("{}{}", "#".repeat(sound / 50), ".".repeat(silence / 50))
            };
            let whole = |signal, one: (usize, usize)| shown(plan, signal, one.0 + one.1);
            assert_eq!(whole(Signal::Ringback, ring), cadence(ring), "{code}");
            assert_eq!(whole(Signal::Busy, busy), cadence(busy), "{code}");
        };
        check("BR", (1000, 4000), (250, 250));
        check("AR", (1000, 4000), (300, 200));
        check("CL", (1000, 3000), (500, 500));
        check("ES", (1500, 3000), (200, 200));
        check("FR", (1500, 3500), (500, 500));
        check("MX", (1000, 4000), (250, 250));
        check("PT", (1000, 5000), (500, 500));
        check("US", (2000, 4000), (500, 500));
    }

    #[test]
    fn the_tone_is_425_hz_at_its_level_and_does_not_drift() {
        let samples = played(Plan::Brazil, Signal::Dial, 20_000);
        let exact = amplitude(LEVEL).powi(2) / 2.0;
        assert!((power(&samples[80_000..]) / exact - 1.0).abs() < 0.02);
        let crossings = samples[8000..16_000]
            .windows(2)
            .filter(|pair| pair[0] < 0 && pair[1] >= 0)
            .count();
        assert!(crossings.abs_diff(425) <= 1, "{crossings}");
    }

    #[test]
    fn tones_do_not_click() {
        for signal in [Signal::Busy, Signal::Confirm] {
            let samples = played(Plan::Brazil, signal, 2000);
            let step = samples
                .windows(2)
                .map(|pair| pair[0].abs_diff(pair[1]))
                .max();
            // A sine of 880 Hz and 5110 has no step above 3500, nor may its edges.
            assert!(step < Some(3600), "{step:?}");
        }
    }

    #[test]
    fn only_the_confirmation_ends() {
        let mut tone = Tone::new(Plan::Europe, Signal::Confirm, Rate::Wide);
        let mut frame = [0; 320];
        let frames = (0..50).take_while(|_| tone.fill(&mut frame)).count();
        // 150 ms: the eighth frame is half a frame.
        assert_eq!(frames, 7);
        let mut tone = Tone::new(Plan::Europe, Signal::Busy, Rate::Wide);
        assert!((0..500).all(|_| tone.fill(&mut frame)));
    }
}
