//! What is measured of a stream that comes in (RFC 3550 A.1, A.3, A.8).

use std::time::Duration;

use sansio::Instant;

use crate::outgoing::ticks;
use crate::packet::Header;
use crate::rtcp::{Report, Sent, middle};

/// Counts one peer's stream. A new SSRC, or a leap of its sequence number, goes on counting.
#[derive(Clone, Debug)]
pub struct Reception {
    clock: u32,
    stream: Option<Stream>,
    /// Losses of streams that ended.
    lost_before: u64,
    expected_before: u64,
    /// The last sender report: its middle bits, and when it came.
    last_report: Option<(u32, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    /// The first sequence number.
    base: u32,
    /// The highest, with its wraps above.
    highest: u32,
    received: u32,
    /// One more than the last number that leapt; a second in a row means a new beginning.
    bad: Option<u16>,
    /// Arrival less timestamp, of the latest packet.
    transit: Option<(u32, u32)>,
    /// Jitter in 1/16 of a timestamp unit.
    jitter: u32,
    /// Expected and received at the last report.
    reported: (u32, u32),
}

impl Reception {
    /// Nothing received yet, of a stream with this clock in Hz.
    #[must_use]
    pub const fn new(clock: u32) -> Self {
        Self {
            clock,
            stream: None,
            lost_before: 0,
            expected_before: 0,
            last_report: None,
        }
    }

    /// The stream's clock is another from now on: the codec changed.
    pub fn set_clock(&mut self, clock: u32) {
        if self.clock != clock
            && let Some(stream) = &mut self.stream
        {
            (stream.transit, stream.jitter) = (None, 0);
        }
        self.clock = clock;
    }

    /// Counts a packet of the stream's own clock. Copies count as received (RFC 3550 A.3).
    pub fn packet(&mut self, now: Instant, header: &Header) {
        let sequence = header.sequence;
        let known = self.stream.filter(|stream| stream.ssrc == header.ssrc);
        let Some(mut stream) = known else {
            self.begin(header.ssrc, sequence);
            self.time(now, header);
            return;
        };
        let last = low(stream.highest);
        let ahead = sequence.wrapping_sub(last);
        if ahead < DROPOUT_MAX {
            stream.highest = stream.highest.wrapping_add(u32::from(ahead));
            stream.bad = None;
        } else if ahead < MISORDER_FROM {
            if stream.bad != Some(sequence) {
                stream.bad = Some(sequence.wrapping_add(1));
                self.stream = Some(stream);
                return;
            }
            self.begin(header.ssrc, sequence);
            self.time(now, header);
            return;
        }
        stream.received = stream.received.saturating_add(1);
        self.stream = Some(stream);
        self.time(now, header);
    }

    /// Counts a packet whose timestamp says nothing of when it was sent: a telephone event, or
    /// comfort noise under another clock.
    pub fn untimed(&mut self, now: Instant, header: &Header) {
        let kept = self.stream.map(|stream| (stream.transit, stream.jitter));
        self.packet(now, header);
        if let (Some(stream), Some((transit, jitter))) = (&mut self.stream, kept) {
            (stream.transit, stream.jitter) = (transit, jitter);
        }
    }

    /// Notes a sender report of the peer, for the peer to measure the round trip.
    pub fn sender_report(&mut self, now: Instant, sent: &Sent) {
        self.last_report = Some((middle(sent.ntp), now));
    }

    /// What to report to the peer; the fraction lost is since the last time. `None` before the
    /// first packet.
    pub fn report(&mut self, now: Instant) -> Option<Report> {
        let stream = self.stream.as_mut()?;
        let expected = stream.expected();
        let (expected_before, received_before) = stream.reported;
        let due = expected.wrapping_sub(expected_before);
        let came = stream.received.wrapping_sub(received_before);
        stream.reported = (expected, stream.received);
        let lost = due.saturating_sub(came);
        let fraction = (u64::from(lost) << 8)
            .checked_div(u64::from(due))
            .unwrap_or(0);
        let (last_report, delay) = self.last_report.map_or((0, 0), |(report, at)| {
            (report, ticks(now.saturating_since(at), 65_536))
        });
        Some(Report {
            ssrc: stream.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(i64::from(expected) - i64::from(stream.received))
                .unwrap_or(i32::MAX),
            highest: stream.highest,
            jitter: stream.jitter >> 4,
            last_report,
            delay,
        })
    }

    /// Packets that never came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let now = self.stream.map_or(0, |stream| {
            u64::from(stream.expected().saturating_sub(stream.received))
        });
        self.lost_before.saturating_add(now)
    }

    /// Packets that never came, of those that should have: 0 to 1.
    #[must_use]
    pub fn loss(&self) -> f32 {
        let now = self.stream.map_or(0, |stream| u64::from(stream.expected()));
        let expected = self.expected_before.saturating_add(now);
        if expected == 0 {
            return 0.0;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ratio of two counts is wanted to a few digits"
        )]
        let ratio = self.lost() as f32 / expected as f32;
        ratio
    }

    /// The jitter of RFC 3550 A.8.
    #[must_use]
    pub fn jitter(&self) -> Duration {
        let sixteenths = self.stream.map_or(0, |stream| stream.jitter);
        let nanos = u64::from(sixteenths) * 62_500_000 / u64::from(self.clock.max(1));
        Duration::from_nanos(nanos)
    }

    /// Begins a stream, after the last one if there was one.
    fn begin(&mut self, ssrc: u32, sequence: u16) {
        self.lost_before = self.lost();
        if let Some(ended) = self.stream {
            let expected = u64::from(ended.expected());
            self.expected_before = self.expected_before.saturating_add(expected);
        }
        self.stream = Some(Stream {
            ssrc,
            base: u32::from(sequence),
            highest: u32::from(sequence),
            received: 1,
            bad: None,
            transit: None,
            jitter: 0,
            reported: (0, 0),
        });
    }

    /// Takes a packet's arrival into the jitter.
    fn time(&mut self, now: Instant, header: &Header) {
        let arrival = ticks(Duration::from_nanos(now.as_nanos()), self.clock);
        let clock = self.clock;
        let Some(stream) = &mut self.stream else {
            return;
        };
        let transit = arrival.wrapping_sub(header.timestamp);
        let before = stream.transit.replace((transit, header.timestamp));
        let Some((before, timestamp)) = before else {
            return;
        };
        let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
        // A timestamp that leaps is a new source behind the same SSRC; one that stands still is a
        // frame sent in pieces. Neither says anything of the network.
        if difference > clock || header.timestamp == timestamp {
            return;
        }
        // A.8 in integers: J += |D| - (J + 8) / 16, with J in 1/16.
        let decayed = stream
            .jitter
            .saturating_sub(stream.jitter.saturating_add(8) >> 4);
        stream.jitter = decayed.saturating_add(difference);
    }
}

impl Stream {
    const fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }
}

/// The sequence number of one with its wraps above.
const fn low(extended: u32) -> u16 {
    let [.., high, low] = extended.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// MAX_DROPOUT of RFC 3550 A.1.
const DROPOUT_MAX: u16 = 3_000;
/// 2^16 less MAX_MISORDER of RFC 3550 A.1.
const MISORDER_FROM: u16 = u16::MAX - 99;

#[cfg(test)]
mod tests;
