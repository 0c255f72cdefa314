//! Pure tones: making them, and finding them again in a recording.
//!
//! Levels are in dBFS where a sine that just reaches full scale is 0 dBFS.
//! A recording is measured over its steady middle, in windowed blocks whose powers are averaged:
//! a lost packet or a jump of the jitter buffer then costs a little level and no frequency.

use std::f64::consts::TAU;
use std::fmt;
use std::time::Duration;

use super::wav::Wav;

/// A pure tone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// Its frequency in Hz.
    pub hertz: f64,
    /// Its level in dBFS, 0 or less.
    pub dbfs: f64,
}

impl Tone {
    /// This tone as sound.
    pub fn sound(self, rate: u32, length: Duration) -> Wav {
        let amplitude = FULL_SCALE * 10_f64.powf(self.dbfs.min(0.0) / 20.0);
        let step = TAU * self.hertz / f64::from(rate);
        let count = whole(length.as_secs_f64() * f64::from(rate));
        let samples = (0..count)
            .map(|at| sample(amplitude * (step * at as f64).sin()))
            .collect();
        Wav { rate, samples }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} Hz at {:.1} dBFS", self.hertz, self.dbfs)
    }
}

/// What a recording should contain, for a phone that hears another and must not hear itself.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The tone that the other side plays.
    pub theirs: Tone,
    /// The frequency this side plays, in Hz.
    pub own_hertz: f64,
}

/// What a recording does contain.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// The strongest tone.
    pub strongest: Tone,
    /// The frequency this side plays, in Hz.
    pub own_hertz: f64,
    /// How far that is below the strongest tone, in dB.
    pub own_below_db: f64,
    /// How much was recorded.
    pub length: Duration,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            strongest,
            own_hertz,
            own_below_db,
            length,
        } = self;
        let seconds = length.as_secs_f64();
        write!(f, "heard {strongest} for {seconds:.1} s; ")?;
        write!(f, "its own {own_hertz:.0} Hz is {own_below_db:.0} dB below")
    }
}

/// Why a recording does not prove that the other side was heard.
#[derive(Debug, thiserror::Error)]
pub enum SoundFault {
    /// There is too little of it to measure.
    #[error("only {0:?} recorded, at least {RECORDING_MIN:?} are needed: too little sound arrived")]
    TooShort(Duration),
    /// Nothing but silence.
    #[error("silence: the strongest tone is {0}")]
    Silent(Tone),
    /// Another frequency than the one played.
    #[error("{heard}, but the other side plays {:.0} Hz", .expected.hertz)]
    WrongFrequency {
        /// What was heard.
        heard: Heard,
        /// What the other side plays.
        expected: Tone,
    },
    /// The right frequency, too weak or too strong: sound is missing or damaged.
    #[error("{heard}, but the other side plays at {:.1} dBFS", .expected.dbfs)]
    WrongLevel {
        /// What was heard.
        heard: Heard,
        /// What the other side plays.
        expected: Tone,
    },
    /// The phone hears itself: the two directions are mixed.
    #[error("{0}: that is an echo")]
    Echo(Heard),
}

impl Expected {
    /// Whether the recording has the other side's tone, at its level, and not our own.
    ///
    /// # Errors
    /// What is wrong with the recording.
    pub fn judge(&self, recording: &Wav) -> Result<Heard, SoundFault> {
        let (expected, length) = (self.theirs, recording.length());
        let strongest = recording.strongest().ok_or(SoundFault::TooShort(length))?;
        if strongest.dbfs < SILENT_BELOW_DBFS {
            return Err(SoundFault::Silent(strongest));
        }
        let own_below_db = strongest.dbfs - recording.level(self.own_hertz);
        let heard = Heard {
            strongest,
            own_hertz: self.own_hertz,
            own_below_db,
            length,
        };
        if (strongest.hertz - expected.hertz).abs() > TOLERANCE_HERTZ {
            return Err(SoundFault::WrongFrequency { heard, expected });
        }
        if (strongest.dbfs - expected.dbfs).abs() > TOLERANCE_DB {
            return Err(SoundFault::WrongLevel { heard, expected });
        }
        if own_below_db < ECHO_BELOW_DB_MIN {
            return Err(SoundFault::Echo(heard));
        }
        Ok(heard)
    }
}

impl Wav {
    /// The strongest tone between 100 Hz and just below half the rate (at most 3.9 kHz, the
    /// telephone band), over the steady middle part. None when too short to measure.
    pub fn strongest(&self) -> Option<Tone> {
        let blocks = Blocks::of(self)?;
        let top = (f64::from(self.rate) / 2.0 - 100.0).min(SEARCH_HERTZ_MAX);
        let coarse = blocks.peak(SEARCH_HERTZ_MIN, top, BLOCKS_A_SECOND)?;
        let around =
            |near: f64, step: f64| blocks.peak(near - step * 10.0, near + step * 10.0, step);
        let fine = around(coarse, BLOCKS_A_SECOND / 10.0)?;
        let hertz = around(fine, BLOCKS_A_SECOND / 100.0)?;
        Some(Tone {
            hertz,
            dbfs: blocks.level(hertz),
        })
    }

    /// The level of one frequency over the steady middle part, in dBFS; [`SILENCE_DBFS`] when there
    /// is nothing, or too little to measure.
    pub fn level(&self, hertz: f64) -> f64 {
        Blocks::of(self).map_or(SILENCE_DBFS, |blocks| blocks.level(hertz))
    }

    /// Without the first and the last fifth, where a call is set up and torn down.
    fn middle(&self) -> &[i16] {
        let edge = self.samples.len() / 5;
        self.samples
            .get(edge..self.samples.len() - edge)
            .unwrap_or_default()
    }
}

/// The middle of a recording, cut into blocks under a window (Hann), so that a strong tone does not
/// hide a weak one at another frequency.
struct Blocks {
    windowed: Vec<Vec<f64>>,
    window_sum: f64,
    rate: f64,
}

impl Blocks {
    fn of(wav: &Wav) -> Option<Self> {
        if wav.length() < RECORDING_MIN {
            return None;
        }
        let rate = f64::from(wav.rate);
        let size = whole(rate / BLOCKS_A_SECOND);
        let turn = TAU / size as f64;
        let window: Vec<f64> = (0..size)
            .map(|at| 0.5 - 0.5 * (turn * at as f64).cos())
            .collect();
        let apply = |block: &[i16]| {
            block
                .iter()
                .zip(&window)
                .map(|(sample, weight)| f64::from(*sample) * weight)
                .collect()
        };
        let windowed: Vec<Vec<f64>> = wav
            .middle()
            .chunks_exact(size)
            .take(BLOCKS_MAX)
            .map(apply)
            .collect();
        Some(Self {
            windowed,
            window_sum: window.iter().sum(),
            rate,
        })
    }

    /// The frequency of the highest level from `low` to `high`, in steps.
    fn peak(&self, low: f64, high: f64, step: f64) -> Option<f64> {
        let count = whole((high - low) / step);
        let at = |number: usize| low + step * number as f64;
        let levels = (0..=count).map(|number| (at(number), self.power(at(number))));
        levels
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map(|(hertz, _power)| hertz)
    }

    /// The level of a sine of this frequency, in dBFS.
    fn level(&self, hertz: f64) -> f64 {
        let amplitude = 2.0 * self.power(hertz).sqrt() / self.window_sum;
        (20.0 * (amplitude / FULL_SCALE).log10()).max(SILENCE_DBFS)
    }

    /// The mean power of this frequency over the blocks.
    fn power(&self, hertz: f64) -> f64 {
        let turn = TAU * hertz / self.rate;
        let total: f64 = self
            .windowed
            .iter()
            .map(|block| goertzel(block, turn))
            .sum();
        total / self.windowed.len().max(1) as f64
    }
}

/// Goertzel's algorithm: the power of one frequency, given as the angle it turns in one sample.
fn goertzel(samples: &[f64], turn: f64) -> f64 {
    let coefficient = 2.0 * turn.cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + coefficient * last - before, last);
    }
    // Rounding can give a power just below zero where there is nothing.
    (last * last + before * before - coefficient * last * before).max(0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and every caller gives a small positive number"
)]
fn whole(number: f64) -> usize {
    number.round() as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, as a sample should"
)]
fn sample(value: f64) -> i16 {
    value.round() as i16
}

/// The largest sample.
const FULL_SCALE: f64 = 32_767.0;
/// What we call the level of nothing at all: below the smallest step of 16 bits.
pub const SILENCE_DBFS: f64 = -120.0;
/// No tone of ours is this weak; noise of a silent line is.
const SILENT_BELOW_DBFS: f64 = -50.0;
/// Blocks of a quarter of a second: a resolution of 4 Hz, doubled by the window.
const BLOCKS_A_SECOND: f64 = 4.0;
/// Two seconds of blocks are enough to be sure, and soon computed.
const BLOCKS_MAX: usize = 8;
/// Its middle part, three fifths, then holds two blocks.
const RECORDING_MIN: Duration = Duration::from_millis(900);
/// Below this there is hum, not speech.
const SEARCH_HERTZ_MIN: f64 = 100.0;
/// Above this G.711 has nothing.
const SEARCH_HERTZ_MAX: f64 = 3_900.0;
/// Clocks differ by parts in a thousand at the very most.
const TOLERANCE_HERTZ: f64 = 5.0;
/// G.711 changes the level by a tenth; a tenth of the packets lost changes it by one dB.
const TOLERANCE_DB: f64 = 3.0;
/// The quantisation noise of G.711 is 38 dB down and spread over the band.
const ECHO_BELOW_DB_MIN: f64 = 40.0;
