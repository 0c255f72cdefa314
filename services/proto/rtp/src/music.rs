//! Music on hold: a quiet piece of our own, played from its score as it is heard.
//!
//! Sixteen bars for a bass, broken chords and a tune, each note three partials that die away. It
//! needs no file, nobody's licence and no memory, and lies where a telephone hears: from 170 Hz
//! up, with the tune between 500 and 1050 Hz.

use crate::oscillator::{Oscillator, amplitude};
use crate::pcm::{Rate, from_float};

/// Plays the piece over and over.
#[derive(Clone, Debug)]
pub struct Music {
    rate: Rate,
    /// Which eighth of the piece comes next, and the samples until it.
    eighth: usize,
    wait: usize,
    notes: [Option<Note>; NOTES_MAX],
    /// Where the next note goes: over the oldest.
    place: usize,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    partials: [Oscillator; 3],
    /// Samples since its beginning, up to the end of its attack.
    age: u16,
    attack: u16,
}

impl Music {
    /// The piece from its beginning.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self {
            rate,
            eighth: 0,
            wait: 0,
            notes: [None; NOTES_MAX],
            place: 0,
        }
    }

    /// Fills a frame.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for place in frame {
            if self.wait == 0 {
                self.play_eighth();
                self.wait = self.rate.samples(EIGHTH_MILLIS);
            }
            self.wait -= 1;
            let notes = self.notes.iter_mut().flatten();
            *place = from_float(notes.map(Note::sample).sum());
        }
    }

    /// Begins the notes of one eighth.
    fn play_eighth(&mut self) {
        let (bar, eighth) = (self.eighth / 8, self.eighth % 8);
        self.eighth = (self.eighth + 1) % (SCORE.len() * 8);
        let Some((chord, tune)) = SCORE.get(bar) else {
            return;
        };
        let [bass, ..] = *chord;
        if eighth == 0 {
            self.begin(bass, BASS);
        }
        let broken = BROKEN.get(eighth).and_then(|at| chord.get(*at)).copied();
        if let Some(note) = broken {
            self.begin(note, CHORD);
        }
        let tune = tune.get(eighth / 2).copied().filter(|_| eighth % 2 == 0);
        if let Some(note) = tune.filter(|note| *note > 0) {
            self.begin(note, TUNE);
        }
    }

    fn begin(&mut self, note: u8, voice: Voice) {
        if let Some(place) = self.notes.get_mut(self.place) {
            *place = Some(Note::new(self.rate, note, voice));
        }
        self.place = (self.place + 1) % NOTES_MAX;
    }
}

impl Note {
    fn new(rate: Rate, note: u8, voice: Voice) -> Self {
        // Equal temperament: note 69 is A at 440 Hz.
        let hertz = 440.0 * 2_f64.powf((f64::from(note) - 69.0) / 12.0);
        let strength = amplitude(voice.level);
        let partial = |nth: f64, part: f64| {
            Oscillator::dying(rate, hertz * nth, strength * part, voice.seconds / nth)
        };
        Self {
            partials: [partial(1.0, 1.0), partial(2.0, 0.3), partial(3.0, 0.1)],
            age: 0,
            attack: u16::try_from(rate.samples(ATTACK_MILLIS)).unwrap_or(u16::MAX),
        }
    }

    fn sample(&mut self) -> f64 {
        let sum: f64 = self.partials.iter_mut().map(Oscillator::sample).sum();
        if self.age >= self.attack {
            return sum;
        }
        self.age += 1;
        sum * f64::from(self.age) / f64::from(self.attack)
    }
}

/// How a part sounds.
#[derive(Clone, Copy, Debug)]
struct Voice {
    /// Level at the beginning of a note in dBm0.
    level: f64,
    /// Time in which a note falls to 1/e.
    seconds: f64,
}

const BASS: Voice = Voice {
    level: -20.0,
    seconds: 1.1,
};
const CHORD: Voice = Voice {
    level: -23.0,
    seconds: 0.5,
};
const TUNE: Voice = Voice {
    level: -17.0,
    seconds: 0.9,
};

/// An eighth: 76 quarters a minute.
const EIGHTH_MILLIS: usize = 395;
/// A note swells over this.
const ATTACK_MILLIS: usize = 8;
/// Notes that sound together at most. Eleven begin in a bar, the oldest is inaudible by then.
const NOTES_MAX: usize = 14;

/// Which note of the chord each eighth of a bar plays.
const BROKEN: [usize; 8] = [1, 2, 3, 2, 1, 2, 3, 2];

/// The bars: a chord from its bass up, and the tune's quarters; 0 lets the last note sound.
const SCORE: [([u8; 4], [u8; 4]); 16] = [
    (C, [76, 0, 79, 0]),
    (A_MINOR, [81, 0, 79, 76]),
    (F, [77, 0, 72, 0]),
    (G, [74, 0, 0, 0]),
    (C, [76, 0, 79, 0]),
    (E_MINOR, [83, 0, 79, 0]),
    (F, [81, 0, 84, 0]),
    (G, [79, 0, 0, 0]),
    (A_MINOR, [84, 0, 81, 0]),
    (E_MINOR, [79, 0, 76, 0]),
    (F, [77, 0, 81, 79]),
    (C, [79, 0, 76, 0]),
    (D_MINOR, [74, 0, 77, 0]),
    (G, [74, 0, 71, 0]),
    (C, [72, 0, 76, 0]),
    (C, [79, 0, 0, 0]),
];

const C: [u8; 4] = [60, 64, 67, 72];
const D_MINOR: [u8; 4] = [57, 62, 65, 69];
const E_MINOR: [u8; 4] = [55, 64, 67, 71];
const F: [u8; 4] = [53, 65, 69, 72];
const G: [u8; 4] = [55, 62, 67, 71];
const A_MINOR: [u8; 4] = [57, 64, 69, 72];

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::dtmf::ToneDetector;
    use crate::signal::power;

    fn played(rate: Rate, seconds: usize) -> Vec<i16> {
        let mut music = Music::new(rate);
        let mut samples = vec![0; rate.samples(seconds * 1000)];
        samples
            .chunks_mut(rate.frame())
            .for_each(|frame| music.fill(frame));
        samples
    }

    /// Two rounds and a bit, for all to look at.
    static PLAYED: LazyLock<Vec<i16>> = LazyLock::new(|| played(Rate::Narrow, 103));

    #[test]
    fn it_is_gentle_throughout_and_never_silent() {
        let samples = &PLAYED;
        let level =
            |samples: &[i16]| 10.0 * (power(samples) / (amplitude(0.0).powi(2) / 2.0)).log10();
        for (second, part) in samples.chunks(8000).enumerate() {
            let level = level(part);
            assert!(
                (-30.0..-14.0).contains(&level),
                "{second} s: {level:.1} dBm0"
            );
        }
        let peak = samples.iter().map(|it| it.unsigned_abs()).max();
        assert!(peak < Some(16_000), "{peak:?}");
    }

    #[test]
    fn it_goes_round_after_sixteen_bars() {
        let bars = Rate::Narrow.samples(EIGHTH_MILLIS) * 8 * 16;
        let samples = &PLAYED;
        let (second, third) = (
            &samples[bars..bars + 8000],
            &samples[2 * bars..2 * bars + 8000],
        );
        let far = second.iter().zip(third).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far <= Some(1), "{far:?}");
    }

    #[test]
    fn both_rates_play_the_same() {
        let wide = played(Rate::Wide, 10);
        assert!((power(&PLAYED[..80_000]) / power(&wide) - 1.0).abs() < 0.02);
    }

    #[test]
    fn nobody_mistakes_it_for_digits() {
        let mut detector = ToneDetector::new(Rate::Narrow);
        assert!(
            PLAYED
                .chunks(160)
                .all(|frame| detector.push(frame).is_none())
        );
    }
}
