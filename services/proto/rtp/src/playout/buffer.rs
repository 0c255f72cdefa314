//! The jitter buffer: packets in order, held back a little.
//!
//! ```text
//!             START_MILLIS are there                nothing came for DRY_MAX frames
//!   filling ───────────────────────────> playing ─────────────────────────────────> filling
//! ```
//! It plays on a fixed delay and moves it only as needed: when it runs dry it waits, so that late
//! packets play later, and the delay has grown; when more than [`SPARE_MAX`] was to spare all
//! through a [`REVIEW`], one packet is let go, and the delay has shrunk.

use std::collections::VecDeque;

use crate::packet::Header;

/// What is to be played next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Popped {
    /// A payload of audio; to be given back.
    Audio(Vec<u8>),
    /// A payload of comfort noise; to be given back.
    Noise(Vec<u8>),
    /// So many milliseconds that did not come.
    Lost(usize),
    /// The peer is silent, sends a digit, or has just begun.
    Nothing,
}

/// Packets of one stream.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    ssrc: u32,
    packets: VecDeque<Waiting>,
    /// The sequence number after the last one played; what is before it is too late.
    next: Option<u16>,
    /// Not filling.
    playing: bool,
    /// Length of the latest packet.
    packet_millis: usize,
    /// Frames in a row without a packet.
    dry: u32,
    /// The least to spare since the last review, and packets since then.
    spare: usize,
    reviewed: u32,
    /// Payloads to use again.
    used: Vec<Vec<u8>>,
}

/// What a packet carries. They all have their place in one sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Audio,
    Noise,
    /// A digit, or anything else that is not heard.
    Other,
}

#[derive(Clone, Debug)]
struct Waiting {
    sequence: u16,
    kind: Kind,
    millis: usize,
    payload: Vec<u8>,
}

impl Buffer {
    pub(super) const fn new() -> Self {
        Self {
            ssrc: 0,
            packets: VecDeque::new(),
            next: None,
            playing: false,
            packet_millis: 0,
            dry: 0,
            spare: usize::MAX,
            reviewed: 0,
            used: Vec::new(),
        }
    }

    /// Puts a packet in its place. `millis` is how long it lasts.
    pub(super) fn push(&mut self, header: &Header, kind: Kind, payload: &[u8], millis: usize) {
        let (ssrc, sequence) = (header.ssrc, header.sequence);
        if self.is_new_stream(ssrc, sequence) {
            self.begin(ssrc);
        }
        if self.next.is_some_and(|next| is_before(sequence, next)) {
            return;
        }
        let later = self.packets.iter().rev();
        let behind = later
            .take_while(|it| is_before(sequence, it.sequence))
            .count();
        let at = self.packets.len() - behind;
        let before = at.checked_sub(1).and_then(|at| self.packets.get(at));
        if before.is_some_and(|before| before.sequence == sequence) {
            return;
        }
        let mut kept = self.used.pop().unwrap_or_default();
        kept.extend_from_slice(payload);
        self.packets.insert(
            at,
            Waiting {
                sequence,
                kind,
                millis,
                payload: kept,
            },
        );
        self.packet_millis = millis;
        while self.packets.len() > 1 && self.depth() > DEPTH_MAX {
            self.let_go();
        }
    }

    /// What to play next; with `silence`, running dry is nothing lost.
    pub(super) fn pop(&mut self, silence: bool) -> Popped {
        let Some(next) = self.next.filter(|_| self.playing) else {
            return self.start();
        };
        match self.packets.front() {
            None if silence || self.dry >= DRY_MAX => {
                (self.playing, self.dry) = (false, 0);
                Popped::Nothing
            }
            None => {
                // Not counted as played: what comes late is played late.
                self.dry += 1;
                Popped::Lost(self.packet_millis)
            }
            Some(front) if front.sequence != next => {
                self.next = Some(next.wrapping_add(1));
                Popped::Lost(self.packet_millis)
            }
            Some(_) => self.take(),
        }
    }

    /// Takes a payload back for its memory.
    pub(super) fn give_back(&mut self, mut payload: Vec<u8>) {
        if self.used.len() < USED_MAX {
            payload.clear();
            self.used.push(payload);
        }
    }

    fn start(&mut self) -> Popped {
        let noise = self
            .packets
            .front()
            .is_some_and(|it| it.kind == Kind::Noise);
        if noise || self.depth() >= START_MILLIS {
            self.take()
        } else {
            Popped::Nothing
        }
    }

    fn take(&mut self) -> Popped {
        self.review();
        let Some(front) = self.packets.pop_front() else {
            return Popped::Nothing;
        };
        self.next = Some(front.sequence.wrapping_add(1));
        // Audio after a silence is held back anew.
        self.playing = front.kind != Kind::Noise;
        self.dry = 0;
        match front.kind {
            Kind::Audio => Popped::Audio(front.payload),
            Kind::Noise => Popped::Noise(front.payload),
            Kind::Other => {
                self.give_back(front.payload);
                Popped::Nothing
            }
        }
    }

    /// Lets a packet go when there was too much to spare for long.
    fn review(&mut self) {
        self.spare = self.spare.min(self.depth());
        self.reviewed += 1;
        if self.reviewed < REVIEW {
            return;
        }
        if self.spare > SPARE_MAX {
            self.let_go();
        }
        (self.reviewed, self.spare) = (0, usize::MAX);
    }

    fn let_go(&mut self) {
        if let Some(front) = self.packets.pop_front() {
            self.next = Some(front.sequence.wrapping_add(1));
            self.give_back(front.payload);
        }
    }

    fn depth(&self) -> usize {
        self.packets.iter().map(|packet| packet.millis).sum()
    }

    /// Another SSRC, or a leap of the sequence number.
    fn is_new_stream(&self, ssrc: u32, sequence: u16) -> bool {
        let latest = self.packets.back().map(|packet| packet.sequence);
        let latest = latest.or_else(|| self.next.map(|next| next.wrapping_sub(1)));
        let distance = latest.map_or(0, |latest| {
            sequence.wrapping_sub(latest).cast_signed().unsigned_abs()
        });
        ssrc != self.ssrc || distance > LEAP
    }

    fn begin(&mut self, ssrc: u32) {
        self.ssrc = ssrc;
        while let Some(waiting) = self.packets.pop_front() {
            self.give_back(waiting.payload);
        }
        (self.next, self.playing, self.dry) = (None, false, 0);
    }
}

/// Whether `sequence` is before `other` on the 16-bit circle.
const fn is_before(sequence: u16, other: u16) -> bool {
    sequence.wrapping_sub(other) > u16::MAX / 2
}

/// What must be there before playing: three packets of most phones, the first of which is played
/// at once. So 40 ms are held back.
const START_MILLIS: usize = 60;
/// What may be there at most; older packets are let go, for a call is no recording.
const DEPTH_MAX: usize = 240;
/// What may be to spare all the time before a packet is let go.
const SPARE_MAX: usize = 80;
/// Packets between two looks at what was to spare: some two seconds.
const REVIEW: u32 = 100;
/// Frames without a packet after which the peer counts as silent.
const DRY_MAX: u32 = 3;
/// A sequence number this far off begins a new stream.
const LEAP: u16 = 100;
/// Payloads kept for use again.
const USED_MAX: usize = 8;
