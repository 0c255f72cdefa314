//! One unbroken stream towards a peer, whatever it hears (RFC 3550 §5.1; pbx trap 9).
//!
//! ```text
//!   relayed  seq 7,8,9 ──┐ offsets: keep the source's gaps and order
//!   music    made here ──┼──> one SSRC, sequence +1 at a switch, timestamp by the time passed
//!   digits   made here ──┘    marker on the first packet after a switch
//! ```
//! A phone that sees a new SSRC, or a sequence number that jumps back, may play nothing for
//! seconds or drop the call; so a switch from music to a voice must look like one sender's talk.
//! Nothing is allocated here.

use std::time::Duration;

use sansio::Instant;

use crate::packet::Header;

/// Writes the headers of everything that is sent to one peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing {
    ssrc: u32,
    /// The highest sequence number sent.
    sequence: u16,
    /// The timestamp of the latest packet, and when it was sent.
    timestamp: u32,
    at: Option<Instant>,
    /// Ticks the latest packet lasts, as far as known.
    ticks: u32,
    speaker: Option<Speaker>,
}

/// Whose packets are sent at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Speaker {
    /// The caller's name of it.
    from: u64,
    /// Where its packets come from; `None` when they are made here.
    relayed: Option<Relayed>,
}

/// A source whose packets are passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Relayed {
    ssrc: u32,
    /// The highest sequence number received.
    highest: u16,
    /// Packets from the first since the switch to the highest.
    span: u32,
    /// What to add to a sequence number.
    sequence_offset: u16,
    /// What to add to a timestamp.
    timestamp_offset: u32,
}

impl Outgoing {
    /// A stream that has sent nothing. All three are to be random (RFC 3550 §5.1), the sequence
    /// number below 2^15: SRTP then knows the round it began in, should its first packets be lost.
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            at: None,
            ticks: 0,
            speaker: None,
        }
    }

    /// The stream's SSRC.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The highest sequence number sent.
    #[must_use]
    pub const fn sequence(&self) -> u16 {
        self.sequence
    }

    /// The timestamp that `now` has in this stream, for sender reports (RFC 3550 §6.4.1).
    #[must_use]
    pub fn timestamp_at(&self, now: Instant, clock: u32) -> u32 {
        self.timestamp.wrapping_add(self.elapsed(now, clock))
    }

    /// The header to send a packet of `from` under; the caller puts its own payload type in.
    ///
    /// `from` names who speaks: another one than last time is a switch. So are another SSRC and a
    /// leap of the sequence number (RFC 3550 A.1). `None` for a packet from before the switch that
    /// came late: its number is another packet's by now.
    pub fn forward(
        &mut self,
        now: Instant,
        from: u64,
        clock: u32,
        packet: &Header,
    ) -> Option<Header> {
        let current = self.speaker.filter(|speaker| speaker.from == from);
        let relayed = current.and_then(|speaker| speaker.relayed);
        let relayed = relayed.filter(|relayed| relayed.ssrc == packet.ssrc);
        let known = relayed.and_then(|relayed| Some((relayed, relayed.step(packet.sequence)?)));
        let Some((mut relayed, step)) = known else {
            return Some(self.switch_to(now, from, clock, packet));
        };
        let sequence = packet.sequence.wrapping_add(relayed.sequence_offset);
        let timestamp = packet.timestamp.wrapping_add(relayed.timestamp_offset);
        match step {
            Step::Late => return None,
            Step::Behind => {}
            Step::Ahead(by) => {
                relayed.highest = packet.sequence;
                relayed.span = relayed.span.saturating_add(u32::from(by));
                (self.sequence, self.timestamp) = (sequence, timestamp);
                (self.at, self.ticks) = (Some(now), clock / USUAL_PACKETS);
                let relayed = Some(relayed);
                self.speaker = Some(Speaker { from, relayed });
            }
        }
        Some(Header {
            sequence,
            timestamp,
            ssrc: self.ssrc,
            ..*packet
        })
    }

    /// The header of a packet made here that lasts `ticks` of the clock; the caller puts the
    /// payload type in. A packet after a pause, like one after a switch, has its marker set.
    pub fn made(&mut self, now: Instant, from: u64, clock: u32, ticks: u32) -> Header {
        let speaker = Speaker {
            from,
            relayed: None,
        };
        let goes_on = self.speaker == Some(speaker);
        let paused = self.elapsed(now, clock) > self.ticks.saturating_add(clock / PAUSE);
        let step = if goes_on && !paused {
            self.ticks
        } else {
            self.step(now, clock)
        };
        self.speaker = Some(speaker);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(step);
        (self.at, self.ticks) = (Some(now), ticks);
        self.header(!goes_on || paused)
    }

    /// The header of a packet of one telephone event: the first has a timestamp of its own and the
    /// marker, all others repeat that timestamp (RFC 4733 §2.5.1.2; pbx trap 20).
    pub fn event(&mut self, now: Instant, from: u64, clock: u32, first: bool) -> Header {
        if first || self.speaker.is_none_or(|speaker| speaker.from != from) {
            self.speaker = None;
            let header = self.made(now, from, clock, clock / USUAL_PACKETS);
            return Header {
                marker: true,
                ..header
            };
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.header(false)
    }

    fn switch_to(&mut self, now: Instant, from: u64, clock: u32, packet: &Header) -> Header {
        self.timestamp = self.timestamp.wrapping_add(self.step(now, clock));
        self.sequence = self.sequence.wrapping_add(1);
        (self.at, self.ticks) = (Some(now), clock / USUAL_PACKETS);
        let relayed = Some(Relayed {
            ssrc: packet.ssrc,
            highest: packet.sequence,
            span: 0,
            sequence_offset: self.sequence.wrapping_sub(packet.sequence),
            timestamp_offset: self.timestamp.wrapping_sub(packet.timestamp),
        });
        self.speaker = Some(Speaker { from, relayed });
        Header {
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            marker: true,
            ..*packet
        }
    }

    /// How far the timestamp moves at a switch: by the time that passed, and past the last packet.
    fn step(&self, now: Instant, clock: u32) -> u32 {
        if self.at.is_none() {
            return 0;
        }
        self.elapsed(now, clock).max(self.ticks)
    }

    fn elapsed(&self, now: Instant, clock: u32) -> u32 {
        let since = |at| now.saturating_since(at);
        ticks(self.at.map_or(Duration::ZERO, since), clock)
    }

    const fn header(&self, marker: bool) -> Header {
        Header {
            marker,
            payload_type: 0,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            length: 12,
            padded: false,
        }
    }
}

/// Where a packet stands to those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// It is the newest, so much ahead.
    Ahead(u16),
    /// It was overtaken, or is a copy.
    Behind,
    /// It is from before the switch.
    Late,
}

impl Relayed {
    /// `None` when the source began anew.
    fn step(&self, sequence: u16) -> Option<Step> {
        let ahead = sequence.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(sequence);
        if ahead != 0 && ahead <= DROPOUT_MAX {
            Some(Step::Ahead(ahead))
        } else if behind > MISORDER_MAX {
            None
        } else if u32::from(behind) > self.span {
            Some(Step::Late)
        } else {
            Some(Step::Behind)
        }
    }
}

/// Ticks of a clock in a time, on the 32-bit circle.
pub(crate) fn ticks(time: Duration, clock: u32) -> u32 {
    let ticks = time.as_nanos() * u128::from(clock) / 1_000_000_000;
    u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0)
}

/// Packets a second of nearly every phone: 20 ms each.
const USUAL_PACKETS: u32 = 50;
/// The part of a second by which a made packet may be late before that counts as a pause.
const PAUSE: u32 = 10;
/// A leap ahead of more than this is a new beginning (MAX_DROPOUT of RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3_000;
/// A packet further behind than this is a new beginning (MAX_MISORDER of RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;

#[cfg(test)]
mod tests;
