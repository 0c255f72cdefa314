//! What the box plays: tones, music, files, digits.

use std::sync::Arc;

use ipc::sound::{Clip, ToneStep, Tones};
use rtp::Rate;
use rtp::music::Music;
use rtp::tone::{Plan, Signal, Step, Tone};
use sansio::Instant;

use super::hearing::{Hearing, World};
use super::leg::Leg;
use super::sounds::Loaded;

/// Something being played to one peer.
#[derive(Debug)]
pub(crate) struct Player {
    rate: Rate,
    /// What it is, when it has no end.
    endless: Option<Clip>,
    piece: Piece,
}

#[derive(Debug)]
enum Piece {
    Tone(Tone),
    Music(Box<Music>),
    /// Beeps, as many as each digit says, ten for 0: no language is needed to count them.
    Beeps(Beeps),
    Sound {
        samples: Arc<Vec<i16>>,
        at: usize,
    },
    /// Over and over.
    Round {
        samples: Arc<Vec<i16>>,
        at: usize,
    },
}

#[derive(Debug)]
struct Beeps {
    tone: Option<Tone>,
    /// Beeps left of the digit, and the digits after it.
    left: u32,
    digits: Vec<u32>,
    /// Frames of silence before the next beep.
    pause: u32,
}

impl Player {
    /// What plays a clip at the rate its hearer takes; `None` for a file, which must be
    /// [loaded](Self::of_file) first.
    pub(crate) fn of_clip(clip: &Clip, tones: &Tones, rate: Rate) -> Option<Self> {
        let tone = |signal| Piece::Tone(signalled(tones, signal, rate));
        let piece = match clip {
            Clip::Ringback => tone(Signal::Ringback),
            Clip::Busy => tone(Signal::Busy),
            Clip::Congestion => tone(Signal::Congestion),
            Clip::Confirm => tone(Signal::Confirm),
            Clip::MusicOnHold => Piece::Music(Box::new(Music::new(rate))),
            Clip::Digits(digits) => Piece::Beeps(Beeps::new(digits)),
            Clip::Music(_) | Clip::File(_) => return None,
        };
        let endless = match clip {
            Clip::Ringback | Clip::Busy | Clip::Congestion | Clip::MusicOnHold | Clip::Music(_) => {
                Some(clip.clone())
            }
            Clip::Confirm | Clip::Digits(_) | Clip::File(_) => None,
        };
        Some(Self {
            rate,
            endless,
            piece,
        })
    }

    /// What plays a file.
    pub(crate) fn of_file(sound: Loaded) -> Self {
        Self {
            rate: sound.rate,
            endless: None,
            piece: Piece::Sound {
                samples: sound.samples,
                at: 0,
            },
        }
    }

    /// What plays a file over and over for whoever waits, by its name; it has a sample at least.
    pub(crate) fn of_music(name: String, sound: Loaded) -> Self {
        Self {
            rate: sound.rate,
            endless: Some(Clip::Music(name)),
            piece: Piece::Round {
                samples: sound.samples,
                at: 0,
            },
        }
    }

    /// Whether both go on for ever and at the same, so that the other need not begin.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.endless.is_some() && self.endless == other.endless && self.rate == other.rate
    }

    /// The rate it plays at.
    pub(crate) const fn rate(&self) -> Rate {
        self.rate
    }

    /// Fills a frame; false when it is over, and `frame` is not to be sent.
    pub(crate) fn fill(&mut self, frame: &mut [i16]) -> bool {
        match &mut self.piece {
            Piece::Tone(tone) => tone.fill(frame),
            Piece::Music(music) => {
                music.fill(frame);
                true
            }
            Piece::Beeps(beeps) => beeps.fill(self.rate, frame),
            Piece::Sound { samples, at } => {
                let rest = samples.get(*at..).unwrap_or_default();
                frame.fill(0);
                for (place, sample) in frame.iter_mut().zip(rest) {
                    *place = *sample;
                }
                *at = at.saturating_add(frame.len());
                !rest.is_empty()
            }
            Piece::Round { samples, at } => {
                for place in frame.iter_mut() {
                    *place = samples.get(*at).copied().unwrap_or_default();
                    *at = at.saturating_add(1);
                    if *at >= samples.len() {
                        *at = 0;
                    }
                }
                true
            }
        }
    }
}

/// A signal as a peer hears it: of its own, else that of the country.
fn signalled(tones: &Tones, signal: Signal, rate: Rate) -> Tone {
    let own = tones.own.as_deref().and_then(|own| match signal {
        Signal::Ringback => Some(&own.ringback),
        Signal::Busy => Some(&own.busy),
        Signal::Congestion => Some(&own.congestion),
        Signal::Dial | Signal::CallWaiting | Signal::Confirm => None,
    });
    let step = |step: &ToneStep| Step {
        hertz: step.hertz,
        millis: step.millis,
    };
    match own.filter(|steps| !steps.is_empty()) {
        Some(steps) => Tone::of_steps(steps.iter().map(step).collect(), signal, rate),
        None => {
            let plan = Plan::of_country(&tones.country).unwrap_or_default();
            Tone::new(plan, signal, rate)
        }
    }
}

impl Beeps {
    fn new(digits: &str) -> Self {
        let count = |digit| if digit == 0 { 10 } else { digit };
        let mut digits: Vec<u32> = digits
            .chars()
            .filter_map(|written| written.to_digit(10))
            .take(DIGITS_MAX)
            .map(count)
            .collect();
        digits.reverse();
        Self {
            tone: None,
            left: digits.pop().unwrap_or(0),
            digits,
            pause: 0,
        }
    }

    fn fill(&mut self, rate: Rate, frame: &mut [i16]) -> bool {
        frame.fill(0);
        if let Some(left) = self.pause.checked_sub(1) {
            self.pause = left;
            return true;
        }
        if self.left == 0 {
            return false;
        }
        let beep = || Tone::new(Plan::default(), Signal::Confirm, rate);
        if self.tone.get_or_insert_with(beep).fill(frame) {
            return true;
        }
        self.tone = None;
        self.left -= 1;
        self.pause = BETWEEN_BEEPS;
        if self.left == 0 {
            self.left = self.digits.pop().unwrap_or(0);
            self.pause = BETWEEN_DIGITS;
        }
        true
    }
}

impl Leg {
    /// Sends the next frame of what is played; whether it ended with it.
    pub(crate) fn play(
        &mut self,
        now: Instant,
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) -> bool {
        let Hearing::Clip(player) = &mut self.ear.hears else {
            return false;
        };
        let mut samples = [0; Rate::Wide.frame()];
        let rate = player.rate();
        let Some(frame) = samples.get_mut(..rate.frame()) else {
            return false;
        };
        if !player.fill(frame) {
            self.ear.hears = Hearing::Silence;
            return true;
        }
        if !self.is_pressing() {
            self.say(now, CLIPS, (rate, frame), packet, world);
        }
        false
    }
}

/// Frames of silence between two beeps: 160 ms.
const BETWEEN_BEEPS: u32 = 8;
/// Frames of silence between two digits: 700 ms.
const BETWEEN_DIGITS: u32 = 35;
/// Names clips as a speaker of [`rtp::Outgoing`].
const CLIPS: u64 = 2;
/// Digits beeped: more than any number or address has.
const DIGITS_MAX: usize = 32;
