//! RTCP: reading what a peer reports and writing our own reports (RFC 3550 §6).
//!
//! Read first: [`parts`], then [`Compound`]. Numbers for reports come from
//! [`Reception`](crate::Reception).

mod write;

use std::time::Duration;

use sansio::Instant;
pub use write::Compound;

use crate::packet::{Malformed, VERSION};

/// One packet of a compound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// A sender report: what a peer sent and heard.
    SenderReport {
        /// The peer.
        ssrc: u32,
        /// What it sent.
        sent: Sent,
        /// What it heard.
        reports: Reports<'a>,
    },
    /// A receiver report: what a peer heard that sends nothing.
    ReceiverReport {
        /// The peer.
        ssrc: u32,
        /// What it heard.
        reports: Reports<'a>,
    },
    /// A goodbye: these sources are gone.
    Bye(Sources<'a>),
    /// A packet of another type: descriptions, feedback, extended reports.
    Other(u8),
}

/// What a sender report says of its sender (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When, on the sender's clock: 32 bits of seconds, 32 of their fraction.
    pub ntp: u64,
    /// The same instant in the stream's timestamps.
    pub timestamp: u32,
    /// RTP packets so far.
    pub packets: u32,
    /// Payload octets so far.
    pub octets: u32,
}

/// What one receiver says of one stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The stream.
    pub ssrc: u32,
    /// Packets lost since the last report, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost so far; negative when copies outnumber losses. 24 bits on the wire.
    pub lost: i32,
    /// The highest sequence number, with its wraps above.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time; 0 when there was none.
    pub last_report: u32,
    /// How long ago that was, in 1/65536 s.
    pub delay: u32,
}

impl Report {
    fn parse(block: &[u8; REPORT_LENGTH]) -> Option<Self> {
        let ([s, l, highest, jitter, last_report, delay], []) = block.as_chunks::<4>() else {
            return None;
        };
        let [fraction_lost, high, middle, low] = *l;
        // Sign extension of 24 bits.
        let lost = i32::from_be_bytes([high, middle, low, 0]) >> 8;
        Some(Self {
            ssrc: u32::from_be_bytes(*s),
            fraction_lost,
            lost,
            highest: u32::from_be_bytes(*highest),
            jitter: u32::from_be_bytes(*jitter),
            last_report: u32::from_be_bytes(*last_report),
            delay: u32::from_be_bytes(*delay),
        })
    }

    /// The round trip it shows at `now`, to the millisecond (RFC 3550 §6.4.1). `None` when the
    /// reporter has not had a sender report of ours, or says what cannot be.
    #[must_use]
    pub fn round_trip(&self, now: Instant) -> Option<Duration> {
        if self.last_report == 0 {
            return None;
        }
        let away = middle(ntp(now)).wrapping_sub(self.last_report);
        let trip = away.checked_sub(self.delay)?;
        // Above half a minute it is no round trip, but an answer to someone else's report.
        (trip < 30 << 16).then(|| Duration::from_millis((u64::from(trip) * 1000) >> 16))
    }
}

/// The reports of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reports<'a>(&'a [[u8; REPORT_LENGTH]]);

impl Reports<'_> {
    /// Each of them, 31 at most.
    pub fn iter(&self) -> impl Iterator<Item = Report> {
        self.0.iter().filter_map(Report::parse)
    }

    /// What it says of one stream.
    #[must_use]
    pub fn of(&self, ssrc: u32) -> Option<Report> {
        self.iter().find(|report| report.ssrc == ssrc)
    }
}

/// The sources of a goodbye.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sources<'a>(&'a [[u8; 4]]);

impl Sources<'_> {
    /// Each of them, 31 at most.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }
}

/// The packets of a compound, in order; ends at the first that is malformed.
///
/// Reduced-size compounds (RFC 5506), which begin with any type, are read alike.
pub const fn parts(datagram: &[u8]) -> Parts<'_> {
    Parts(datagram)
}

/// What [`parts`] gives.
#[derive(Clone, Debug)]
pub struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        match part(self.0) {
            Ok((part, rest)) => {
                self.0 = rest;
                Some(Ok(part))
            }
            Err(malformed) => {
                self.0 = &[];
                Some(Err(malformed))
            }
        }
    }
}

/// The first packet of a compound, and what follows it.
fn part(bytes: &[u8]) -> Result<(Part<'_>, &[u8]), Malformed> {
    let (header, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed::Short)?;
    let [first, packet_type, high, low] = *header;
    if first >> 6 != VERSION {
        return Err(Malformed::Version);
    }
    let length = usize::from(u16::from_be_bytes([high, low])) * 4;
    let (body, rest) = rest.split_at_checked(length).ok_or(Malformed::Length)?;
    let count = usize::from(first & 0x1f);
    let part = match packet_type {
        SENDER_REPORT => {
            let (ssrc, body) = word(body)?;
            let (sent, body) = body.split_first_chunk::<20>().ok_or(Malformed::Short)?;
            Part::SenderReport {
                ssrc,
                sent: sent_of(sent),
                reports: reports(body, count)?,
            }
        }
        RECEIVER_REPORT => {
            let (ssrc, body) = word(body)?;
            Part::ReceiverReport {
                ssrc,
                reports: reports(body, count)?,
            }
        }
        GOODBYE => {
            let sources = body.as_chunks::<4>().0;
            Part::Bye(Sources(sources.get(..count).ok_or(Malformed::Short)?))
        }
        192..=223 => Part::Other(packet_type),
        _ => return Err(Malformed::Type),
    };
    Ok((part, rest))
}

fn word(bytes: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let (word, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed::Short)?;
    Ok((u32::from_be_bytes(*word), rest))
}

fn reports(body: &[u8], count: usize) -> Result<Reports<'_>, Malformed> {
    let blocks = body.as_chunks::<REPORT_LENGTH>().0;
    Ok(Reports(blocks.get(..count).ok_or(Malformed::Short)?))
}

const fn sent_of(bytes: &[u8; 20]) -> Sent {
    let [
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        t0,
        t1,
        t2,
        t3,
        p0,
        p1,
        p2,
        p3,
        o0,
        o1,
        o2,
        o3,
    ] = *bytes;
    Sent {
        ntp: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        packets: u32::from_be_bytes([p0, p1, p2, p3]),
        octets: u32::from_be_bytes([o0, o1, o2, o3]),
    }
}

/// The NTP form of an instant. Its origin is that of the clock given, as RFC 3550 §4 lets those do
/// who have no wall clock: ours may jump, and only differences are used.
#[must_use]
pub fn ntp(now: Instant) -> u64 {
    let nanos = u128::from(now.as_nanos());
    u64::try_from((nanos << 32) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// The middle 32 bits of an NTP time, as reports repeat them.
pub(crate) fn middle(ntp: u64) -> u32 {
    u32::try_from((ntp >> 16) & 0xffff_ffff).unwrap_or(0)
}

/// Octets of a report block.
const REPORT_LENGTH: usize = 24;
/// Packet types of RFC 3550 §12.1.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

#[cfg(test)]
mod tests;
