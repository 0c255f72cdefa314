//! The trace itself: off, on for a time, or over with its messages still there for a while.
//!
//! ```text
//!   off ──begin──> on ──(its time is over, or end)──> over ──(an hour later)──> off
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ipc::Redacted;
use ipc::trace::{Filter, SECS_MAX, Trace, Traced};
use sansio::{Instant, Transport};

use crate::filter::Wanted;
use crate::lines::{is_sip, without_blank};
use crate::redact::redacted;
use crate::streams::Streams;

/// Keeps what passes by while it is on.
#[derive(Debug, Default)]
pub struct Tap {
    on: Option<On>,
    /// When it ended.
    over: Option<Instant>,
    filter: Filter,
    kept: VecDeque<Traced>,
    bytes: usize,
    next: u64,
    dropped: u64,
}

#[derive(Debug)]
struct On {
    until: Instant,
    wanted: Wanted,
    streams: Streams,
}

/// What passes by.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// Milliseconds since 1970.
    pub at_millis: i64,
    /// By the box, and not to it.
    pub is_sent: bool,
    /// How.
    pub transport: Transport,
    /// The box's end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// A message.
    pub bytes: &'a [u8],
}

impl Tap {
    /// Whether anything is to be handed in.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// Begins, and forgets what was kept before; for an hour at most.
    pub fn begin(&mut self, now: Instant, filter: Filter, secs: u32) {
        let secs = secs.clamp(1, SECS_MAX);
        *self = Self {
            on: Some(On {
                until: now + Duration::from_secs(secs.into()),
                wanted: Wanted::new(filter.clone()),
                streams: Streams::default(),
            }),
            filter,
            ..Self::default()
        };
    }

    /// Ends; what was kept stays for an hour.
    pub fn end(&mut self, now: Instant) {
        if self.on.take().is_some() {
            self.over = Some(now);
        }
    }

    /// Lets time pass: ends what has had its time, and forgets what has ended long ago.
    pub fn pass(&mut self, now: Instant) {
        if self.on.as_ref().is_some_and(|on| on.until <= now) {
            self.end(now);
        }
        if self.over.is_some_and(|over| now - over >= KEPT_FOR) {
            *self = Self::default();
        }
    }

    /// Takes a message that was sent, or came in a datagram.
    pub fn take(&mut self, passed: Passed<'_>) {
        let Some(on) = &mut self.on else { return };
        let Passed {
            bytes,
            remote,
            is_sent,
            ..
        } = passed;
        // The exchange passes over them too.
        let bytes = without_blank(bytes);
        let passed = Passed { bytes, ..passed };
        if is_sip(bytes) && on.wanted.has(bytes, remote.ip(), is_sent) {
            self.keep(passed);
        }
    }

    /// Takes bytes that came by a stream, in which messages begin and end anywhere.
    pub fn take_stream(&mut self, stream: u64, passed: Passed<'_>) {
        let Some(on) = &mut self.on else { return };
        for message in on.streams.push(stream, passed.bytes) {
            self.take(Passed {
                bytes: &message,
                ..passed
            });
        }
    }

    /// A stream has ended.
    pub fn forget_stream(&mut self, stream: u64) {
        if let Some(on) = &mut self.on {
            on.streams.forget(stream);
        }
    }

    fn keep(&mut self, passed: Passed<'_>) {
        let bytes = redacted(passed.bytes);
        self.bytes = self
            .bytes
            .saturating_add(bytes.len().saturating_add(OVERHEAD));
        self.kept.push_back(Traced {
            number: self.next,
            at_millis: passed.at_millis,
            is_sent: passed.is_sent,
            transport: passed.transport.to_string(),
            local: passed.local,
            remote: passed.remote,
            bytes: Redacted::new(bytes),
        });
        self.next = self.next.saturating_add(1);
        while self.bytes > BYTES_MAX {
            let Some(old) = self.kept.pop_front() else {
                return;
            };
            let length = old.bytes.reveal().len().saturating_add(OVERHEAD);
            self.bytes = self.bytes.saturating_sub(length);
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// How it stands, with messages from a number on, or the newest; at most so many.
    #[must_use]
    pub fn read(&self, now: Instant, from: Option<u64>, most: u32) -> Trace {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let skip = match from {
            Some(from) => self.kept.iter().take_while(|it| it.number < from).count(),
            None => self.kept.len().saturating_sub(most),
        };
        let mut room = READ_BYTES_MAX;
        let mut messages: Vec<Traced> = Vec::new();
        for message in self.kept.iter().skip(skip).take(most) {
            let length = message.bytes.reveal().len();
            if length > room && !messages.is_empty() {
                break;
            }
            room = room.saturating_sub(length);
            messages.push(message.clone());
        }
        let left = self.on.as_ref().map(|on| on.until - now);
        Trace {
            left_secs: left.map(|it| u32::try_from(it.as_secs()).unwrap_or(u32::MAX)),
            filter: self.filter.clone(),
            kept: self.kept.len() as u64,
            dropped: self.dropped,
            messages,
        }
    }
}

/// Kept in memory: some thousand messages, the story of a fault.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// What a message costs besides its bytes.
const OVERHEAD: usize = 128;
/// Given out at once: whoever hands messages in waits for the copy.
const READ_BYTES_MAX: usize = 512 * 1024;
/// It is data of people: it does not lie there for ever.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS sip:box SIP/2.0\r\nFrom: <sip:101@box>\r\ni: a\r\n\r\n";

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    fn passed(bytes: &[u8]) -> Passed<'_> {
        Passed {
            at_millis: 7,
            is_sent: false,
            transport: Transport::Udp,
            local: SocketAddr::from(([10, 0, 0, 1], 5060)),
            remote: SocketAddr::from(([10, 0, 0, 2], 5062)),
            bytes,
        }
    }

    #[test]
    fn it_keeps_messages_while_it_is_on_and_forgets_them_an_hour_later() {
        let mut tap = Tap::default();
        tap.take(passed(OPTIONS));
        assert_eq!(tap.read(at(0), None, 10), Trace::default());
        tap.begin(at(0), Filter::default(), 600);
        for bytes in [
            OPTIONS,
            b"\r\n\r\n",
            b"\x00\x01stun",
            b"\r\nSIP/2.0 200 OK\r\n\r\n",
        ] {
            tap.take(passed(bytes));
        }
        tap.take_stream(3, passed(b"OPTIONS x SIP/2.0\r\n"));
        tap.take_stream(3, passed(b"\r\n"));
        let read = tap.read(at(1), None, 10);
        let numbers: Vec<_> = read.messages.iter().map(|it| it.number).collect();
        assert_eq!((numbers, read.left_secs), (vec![0, 1, 2], Some(599)));
        tap.pass(at(600));
        assert!(!tap.is_on());
        tap.take(passed(OPTIONS));
        assert_eq!(tap.read(at(601), Some(1), 1).messages.len(), 1);
        assert_eq!(tap.read(at(601), None, 1).kept, 3);
        tap.pass(at(600 + 3599));
        assert_eq!(tap.read(at(9999), None, 1).kept, 3);
        tap.pass(at(600 + 3600));
        assert_eq!(tap.read(at(9999), None, 1), Trace::default());
    }

    #[test]
    fn the_oldest_make_room_and_are_counted_and_an_answer_is_no_longer_than_it_may_be() {
        let mut tap = Tap::default();
        tap.begin(at(0), Filter::default(), u32::MAX);
        let long = [OPTIONS, &[b'x'; 100_000]].concat();
        for _ in 0..100 {
            tap.take(passed(&long));
        }
        let read = tap.read(at(0), Some(0), 1000);
        assert_eq!(read.left_secs, Some(SECS_MAX), "an hour at most");
        assert_eq!(read.kept + read.dropped, 100);
        assert!(read.kept >= 40 && tap.bytes <= BYTES_MAX, "{}", read.kept);
        assert_eq!(read.messages.len(), 5);
        assert_eq!(read.messages[0].number, read.dropped);
    }
}
