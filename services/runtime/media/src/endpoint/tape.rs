//! Recording: what a peer says to the left, what it hears to the right, in step with the tick.
//!
//! Both sides are played out of a buffer like a phone does, so a packet that came late is where it
//! was said. A codec that is not decoded here (G.729) is silence.

use rtp::codec::Codec;
use rtp::playout::Playout;
use rtp::resample::Resampler;
use rtp::{Header, Rate};

use super::hearing::World;
use super::leg::{Leg, format};

/// A recording of one endpoint.
#[derive(Debug)]
pub(crate) struct Tape {
    recording: u64,
    rate: Rate,
    heard: Option<Playout>,
    left: Track,
    right: Track,
    /// Interleaved samples, handed over when there are enough.
    pending: Vec<i16>,
}

/// Frames of any rate at the tape's.
#[derive(Debug)]
struct Track {
    from: Rate,
    resampler: Resampler,
    samples: Vec<i16>,
}

impl Track {
    fn new(rate: Rate) -> Self {
        Self {
            from: rate,
            resampler: Resampler::new(rate, rate),
            samples: Vec::with_capacity(rate.frame()),
        }
    }

    fn take(&mut self, to: Rate, (from, frame): (Rate, &[i16])) {
        if from != self.from {
            self.from = from;
            self.resampler = Resampler::new(from, to);
        }
        self.samples.clear();
        self.resampler.convert(frame, &mut self.samples);
    }
}

impl Leg {
    /// Begins a recording; the rate of its samples. `None` when there is one already.
    pub(crate) fn record(&mut self, recording: u64) -> Option<Rate> {
        if self.tape.is_some() {
            return None;
        }
        let rate = self.speech_rate();
        self.tape = Some(Box::new(Tape {
            recording,
            rate,
            heard: None,
            left: Track::new(rate),
            right: Track::new(rate),
            pending: Vec::with_capacity(PIECE_FRAMES * rate.frame() * 2),
        }));
        Some(rate)
    }

    /// The recording in progress.
    pub(crate) fn recording(&self) -> Option<u64> {
        self.tape.as_ref().map(|tape| tape.recording)
    }

    /// Ends the recording without a word: it has failed.
    pub(crate) fn drop_recording(&mut self) {
        self.tape = None;
    }

    /// Ends the recording with what is left of it.
    pub(crate) fn stop_recording(&mut self, world: &mut impl World) -> Option<u64> {
        let tape = self.tape.take()?;
        if !tape.pending.is_empty() {
            world.record(tape.recording, tape.pending);
        }
        Some(tape.recording)
    }

    /// Notes a packet sent to the peer.
    pub(crate) fn tape_heard(&mut self, header: &Header, payload: &[u8]) {
        let Some(tape) = &mut self.tape else { return };
        let sent = self.agreed.send.iter();
        let mut sent = sent.filter(|codec| codec.payload_type == header.payload_type);
        match sent.find_map(|codec| format(codec).codec()) {
            Some(codec) => playout_of(&mut tape.heard, codec).push(header, payload),
            // A digit: it keeps its number in the stream.
            None => {
                if let Some(playout) = &mut tape.heard {
                    playout.pass_over(header);
                }
            }
        }
    }

    /// Adds 20 ms to the recording.
    pub(crate) fn tape(&mut self, world: &mut impl World) {
        let Some(tape) = &mut self.tape else { return };
        tape.left.take(tape.rate, self.voice.said());
        let mut heard = [0; Rate::Wide.frame()];
        let rate = tape.heard.as_ref().map_or(tape.rate, Playout::rate);
        let Some(frame) = heard.get_mut(..rate.frame()) else {
            return;
        };
        if let Some(playout) = &mut tape.heard {
            playout.frame(frame);
        }
        tape.right.take(tape.rate, (rate, frame));
        let (left, right) = (tape.left.samples.iter(), tape.right.samples.iter());
        tape.pending
            .extend(left.zip(right).flat_map(|(left, right)| [*left, *right]));
        if tape.pending.len() >= PIECE_FRAMES * tape.rate.frame() * 2 {
            let room = Vec::with_capacity(tape.pending.capacity());
            let piece = std::mem::replace(&mut tape.pending, room);
            world.record(tape.recording, piece);
        }
    }
}

/// What plays a codec out; another one than before begins anew.
pub(crate) fn playout_of(playout: &mut Option<Playout>, codec: Codec) -> &mut Playout {
    let kept = playout.take().filter(|playout| playout.codec() == codec);
    playout.insert(kept.unwrap_or_else(|| Playout::new(codec)))
}

/// Frames handed over at a time: 200 ms.
const PIECE_FRAMES: usize = 10;
