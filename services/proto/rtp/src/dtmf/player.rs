//! Digits as tones in the audio (ITU-T Q.23), for peers that know nothing else.

use std::collections::VecDeque;

use super::event::Digit;
use super::{COLUMNS, DIGITS_MAX, GAP_MILLIS, ROWS};
use crate::oscillator::{Oscillator, amplitude};
use crate::pcm::{Rate, from_float};

/// Plays digits as tones over a stream of frames.
#[derive(Clone, Debug)]
pub struct TonePlayer {
    rate: Rate,
    waiting: VecDeque<(Digit, u32)>,
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    row: Oscillator,
    column: Oscillator,
    /// Samples of tone left, then of the gap after it.
    tone: usize,
    gap: usize,
}

impl TonePlayer {
    /// A player with nothing to play.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self {
            rate,
            waiting: VecDeque::new(),
            current: None,
        }
    }

    /// Adds a digit to be played for `millis`, within 40 ms and 5 s. False when [`DIGITS_MAX`]
    /// wait already.
    pub fn press(&mut self, digit: Digit, millis: u32) -> bool {
        if self.waiting.len() >= DIGITS_MAX {
            return false;
        }
        self.waiting.push_back((digit, millis.clamp(40, 5_000)));
        true
    }

    /// Whether everything is played.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.current.is_none()
    }

    /// Fills a frame with tones and gaps; with silence once everything is played.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for place in frame {
            *place = self.sample();
        }
    }

    fn sample(&mut self) -> i16 {
        if self.current.is_none() {
            self.current = self.next();
        }
        let Some(current) = &mut self.current else {
            return 0;
        };
        if let Some(left) = current.tone.checked_sub(1) {
            current.tone = left;
            return from_float(current.row.sample() + current.column.sample());
        }
        match current.gap.checked_sub(1) {
            Some(left) => current.gap = left,
            None => self.current = None,
        }
        0
    }

    fn next(&mut self) -> Option<Current> {
        let (digit, millis) = self.waiting.pop_front()?;
        let (row, column) = digit.keypad();
        let hertz = |table: &[u16; 4], at: usize| table.get(at).copied().map_or(0.0, f64::from);
        let samples = |millis| self.rate.samples(usize::try_from(millis).unwrap_or(0));
        Some(Current {
            row: Oscillator::new(self.rate, hertz(&ROWS, row), amplitude(ROW_LEVEL)),
            column: Oscillator::new(self.rate, hertz(&COLUMNS, column), amplitude(COLUMN_LEVEL)),
            tone: samples(millis),
            gap: samples(GAP_MILLIS),
        })
    }
}

/// Level of the lower tone in dBm0; the upper is 2 dB above it, as lines dampen it more
/// (ETSI ES 201 235-2).
const ROW_LEVEL: f64 = -11.0;
/// Level of the upper tone in dBm0.
const COLUMN_LEVEL: f64 = -9.0;
