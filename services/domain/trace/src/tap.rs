//! The trace itself: off, on for a time, or over with its messages still there for a while.
//!
//! ```text
//!   off ──begin──> on ──(its time is over, or end)──> over ──(an hour later)──> off
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use ipc::Redacted;
use ipc::trace::{Filter, Of, SECS_MAX, Trace, Traced};
use sansio::{Instant, Transport};

use crate::filter::Wanted;
use crate::lines::{is_sip, value, without_blank};
use crate::redact::redacted;
use crate::streams::Streams;
use crate::together::Together;

/// Keeps what passes by while it is on.
#[derive(Debug, Default)]
pub struct Tap {
    on: Option<On>,
    /// When it ended.
    over: Option<Instant>,
    filter: Filter,
    kept: Ring,
    together: Together,
    next: u64,
    dropped: u64,
}

#[derive(Debug)]
struct On {
    until: Instant,
    wanted: Wanted,
    streams: Streams,
    /// What is not wanted as yet: a call may turn out to be by its other leg.
    waiting: Ring,
}

/// Messages, the oldest first, and what they take.
#[derive(Debug, Default)]
struct Ring {
    messages: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    call_id: Vec<u8>,
    message: Traced,
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
                waiting: Ring::default(),
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
        if !is_sip(bytes) {
            return;
        }
        let kept = Kept::new(passed);
        let was_followed = on.wanted.follows(&kept.call_id);
        if !on.wanted.has(bytes, remote.ip(), is_sent) {
            on.waiting.push(kept, WAITING_BYTES_MAX);
            return;
        }
        if !was_followed {
            self.follow(&kept.call_id.clone());
        }
        self.keep(kept);
    }

    /// A leg with this Call-ID is part of the call with this record: they are one to whoever looks
    /// at a call, and wanted together.
    pub fn join(&mut self, call: &str, call_id: &[u8]) {
        let Some(on) = &self.on else { return };
        self.together.join(call, call_id);
        let ids = self.together.with(call_id);
        if ids.iter().any(|id| on.wanted.follows(id)) {
            self.follow(call_id);
        }
    }

    /// Follows what belongs together with a Call-ID, and keeps what has passed of it.
    fn follow(&mut self, call_id: &[u8]) {
        let Some(on) = self.on.as_mut().filter(|on| !on.wanted.is_all()) else {
            return;
        };
        let ids = self.together.with(call_id);
        for id in &ids {
            on.wanted.follow(id);
        }
        for kept in on.waiting.take(|kept| ids.contains(&kept.call_id)) {
            self.keep(kept);
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

    fn keep(&mut self, mut kept: Kept) {
        kept.message.number = self.next;
        self.next = self.next.saturating_add(1);
        let dropped = self.kept.push(kept, BYTES_MAX);
        self.dropped = self.dropped.saturating_add(dropped);
    }

    /// How it stands, with messages of a call or all, from a number on or the newest; at most so
    /// many.
    #[must_use]
    pub fn read(&self, now: Instant, of: Option<&Of>, from: Option<u64>, most: u32) -> Trace {
        let ids = of.map(|of| match of {
            Of::Call(call) => self.together.of_call(call),
            Of::Message(number) => {
                let mut kept = self.kept.messages.iter();
                let found = kept.find(|it| it.message.number == *number);
                found.map_or_else(BTreeSet::new, |it| self.together.with(&it.call_id))
            }
        });
        let is_of = |it: &&Kept| ids.as_ref().is_none_or(|ids| ids.contains(&it.call_id));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let all = || self.kept.messages.iter().filter(is_of);
        let skip = match from {
            Some(from) => all().take_while(|it| it.message.number < from).count(),
            None => all().count().saturating_sub(most),
        };
        let mut room = READ_BYTES_MAX;
        let mut messages: Vec<Traced> = Vec::new();
        for kept in all().skip(skip).take(most) {
            let length = kept.message.bytes.reveal().len();
            if length > room && !messages.is_empty() {
                break;
            }
            room = room.saturating_sub(length);
            let calls = self.together.calls(&kept.call_id);
            let message = kept.message.clone();
            messages.push(Traced { calls, ..message });
        }
        let left = self.on.as_ref().map(|on| on.until - now);
        Trace {
            left_secs: left.map(|it| u32::try_from(it.as_secs()).unwrap_or(u32::MAX)),
            filter: self.filter.clone(),
            kept: self.kept.messages.len() as u64,
            dropped: self.dropped,
            messages,
        }
    }
}

impl Kept {
    /// A message without what is secret in it; its number comes when it is kept.
    fn new(passed: Passed<'_>) -> Self {
        let call_id = value(passed.bytes, "Call-ID", "i").unwrap_or_default();
        Self {
            call_id: call_id.to_vec(),
            message: Traced {
                number: 0,
                at_millis: passed.at_millis,
                is_sent: passed.is_sent,
                transport: passed.transport.to_string(),
                local: passed.local,
                remote: passed.remote,
                calls: Vec::new(),
                bytes: Redacted::new(redacted(passed.bytes)),
            },
        }
    }

    fn bytes(&self) -> usize {
        let message = self.message.bytes.reveal().len();
        let both = message.saturating_add(self.call_id.len());
        both.saturating_add(OVERHEAD)
    }
}

impl Ring {
    /// Adds one; the oldest make room, and it says how many.
    fn push(&mut self, kept: Kept, bytes_max: usize) -> u64 {
        self.bytes = self.bytes.saturating_add(kept.bytes());
        self.messages.push_back(kept);
        let mut dropped = 0;
        while self.bytes > bytes_max {
            let Some(old) = self.messages.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(old.bytes());
            dropped += 1;
        }
        dropped
    }

    /// Takes out those that are meant.
    fn take(&mut self, is_meant: impl Fn(&Kept) -> bool) -> Vec<Kept> {
        let all = std::mem::take(&mut self.messages);
        let (meant, others) = all.into_iter().partition(is_meant);
        self.messages = others;
        self.bytes = self.messages.iter().map(Kept::bytes).sum();
        Vec::from(meant)
    }
}

/// Kept in memory: some thousand messages, the story of a fault.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Of messages that are not wanted as yet: those of the last calls that began.
const WAITING_BYTES_MAX: usize = 256 * 1024;
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
        assert_eq!(tap.read(at(0), None, None, 10), Trace::default());
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
        let read = tap.read(at(1), None, None, 10);
        let numbers: Vec<_> = read.messages.iter().map(|it| it.number).collect();
        assert_eq!((numbers, read.left_secs), (vec![0, 1, 2], Some(599)));
        tap.pass(at(600));
        assert!(!tap.is_on());
        tap.take(passed(OPTIONS));
        assert_eq!(tap.read(at(601), None, Some(1), 1).messages.len(), 1);
        assert_eq!(tap.read(at(601), None, None, 1).kept, 3);
        tap.pass(at(600 + 3599));
        assert_eq!(tap.read(at(9999), None, None, 1).kept, 3);
        tap.pass(at(600 + 3600));
        assert_eq!(tap.read(at(9999), None, None, 1), Trace::default());
    }

    #[test]
    fn the_oldest_make_room_and_are_counted_and_an_answer_is_no_longer_than_it_may_be() {
        let mut tap = Tap::default();
        tap.begin(at(0), Filter::default(), u32::MAX);
        let long = [OPTIONS, &[b'x'; 100_000]].concat();
        for _ in 0..100 {
            tap.take(passed(&long));
        }
        let read = tap.read(at(0), None, Some(0), 1000);
        assert_eq!(read.left_secs, Some(SECS_MAX), "an hour at most");
        assert_eq!(read.kept + read.dropped, 100);
        assert!(
            read.kept >= 40 && tap.kept.bytes <= BYTES_MAX,
            "{}",
            read.kept
        );
        assert_eq!(read.messages.len(), 5);
        assert_eq!(read.messages[0].number, read.dropped);
    }

    /// A request of a leg.
    fn leg(call_id: &str, from: &str) -> Vec<u8> {
        format!("INVITE sip:9@box SIP/2.0\r\nFrom: <sip:{from}@box>\r\ni: {call_id}\r\n\r\n")
            .into_bytes()
    }

    fn call_ids(trace: &Trace) -> Vec<String> {
        let messages = trace.messages.iter();
        let heads = messages.map(|it| crate::summary(it.bytes.reveal()).call_id);
        heads.collect()
    }

    #[test]
    fn both_legs_of_a_call_are_wanted_when_one_is_also_what_came_before() {
        let mut tap = Tap::default();
        let filter = Filter {
            extension: Some("102".into()),
            trunk: None,
        };
        tap.begin(at(0), filter, 600);
        tap.take(passed(&leg("other", "105")));
        tap.take(passed(&leg("in", "101")));
        tap.join("record", b"in");
        assert_eq!(tap.read(at(0), None, None, 9).kept, 0, "not known yet");
        tap.join("record", b"out");
        tap.take(passed(&leg("out", "102")));
        tap.take(passed(b"SIP/2.0 200 OK\r\ni: in\r\n\r\n"));
        let read = tap.read(at(0), None, None, 9);
        assert_eq!(call_ids(&read), ["in", "out", "in"]);
        assert!(read.messages.iter().all(|it| it.calls == ["record"]));
        let numbers: Vec<_> = read.messages.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        // The leg that is told after the call was known.
        tap.join("record", b"late");
        tap.take(passed(&leg("late", "103")));
        assert_eq!(call_ids(&tap.read(at(0), None, Some(3), 9)), ["late"]);
    }

    #[test]
    fn what_waits_to_be_wanted_has_its_bound_and_is_gone_at_the_end() {
        let mut tap = Tap::default();
        let filter = Filter {
            extension: Some("102".into()),
            trunk: None,
        };
        tap.begin(at(0), filter, 600);
        for _ in 0..9 {
            tap.take(passed(&[&leg("x", "101")[..], &[b'x'; 50_000]].concat()));
        }
        let on = tap.on.as_ref().expect("on");
        assert!(on.waiting.messages.len() == 5 && on.waiting.bytes <= WAITING_BYTES_MAX);
        tap.end(at(1));
        tap.join("record", b"x");
        let read = tap.read(at(1), None, None, 9);
        assert_eq!((read.kept, read.dropped), (0, 0));
    }

    #[test]
    fn a_call_is_read_with_all_its_legs_and_alone() {
        let mut tap = Tap::default();
        tap.begin(at(0), Filter::default(), 600);
        for (call, id) in [("1", "a"), ("1", "b"), ("2", "c")] {
            tap.join(call, id.as_bytes());
        }
        for id in ["a", "c", "b", "register", "a"] {
            tap.take(passed(&leg(id, "101")));
        }
        let read = |of: Of, from, most| call_ids(&tap.read(at(0), Some(&of), from, most));
        assert_eq!(read(Of::Call("1".into()), None, 9), ["a", "b", "a"]);
        assert_eq!(read(Of::Call("1".into()), Some(1), 9), ["b", "a"]);
        assert_eq!(read(Of::Call("1".into()), None, 1), ["a"], "the newest");
        assert_eq!(read(Of::Message(2), None, 9), ["a", "b", "a"]);
        assert_eq!(read(Of::Message(3), None, 9), ["register"]);
        assert!(read(Of::Message(7), None, 9).is_empty());
        assert!(read(Of::Call("3".into()), None, 9).is_empty());
    }
}
