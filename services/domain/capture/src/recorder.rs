//! The capture itself: off, on for a time, or over with its packets still there for a while.
//!
//! ```text
//!   off ──begin──> on ──(its time is over, or end)──> over ──(a quarter of an hour)──> off
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use ipc::Redacted;
use ipc::capture::{Capture, Depth, Packet, SECS_MAX, Wish};
use sansio::Instant;

use crate::depth::{SNAP_MAX, kept_length};
use crate::frame::ADDRESSES;
use crate::wanted::is_wanted;

/// Keeps what passes by while it is on: the newest, as what goes wrong is seen at the end.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Which capture this is: whoever hands packets in belongs to one.
    run: u64,
    until: Option<Instant>,
    /// When it ended.
    over: Option<Instant>,
    wish: Option<Wish>,
    kept: VecDeque<Packet>,
    bytes: usize,
    next: u64,
    dropped: u64,
    missed: u64,
}

/// A packet that passed by.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
    /// Bytes that it had.
    pub length: usize,
    /// Those that were read, with its Ethernet header.
    pub frame: &'a [u8],
    /// Its outer tag of IEEE 802.1Q, where that was taken off on its way: `length` and `frame` are
    /// without it.
    pub tag: Option<[u8; 4]>,
}

impl Recorder {
    /// Begins, and forgets what was kept before; for [`SECS_MAX`] at most. Gives the number of
    /// this capture.
    pub fn begin(&mut self, now: Instant, wish: Wish) -> u64 {
        let secs = wish.secs.clamp(1, SECS_MAX);
        *self = Self {
            run: self.run.wrapping_add(1),
            until: Some(now + Duration::from_secs(secs.into())),
            wish: Some(wish),
            ..Self::default()
        };
        self.run
    }

    /// Ends; what was kept stays for a quarter of an hour.
    pub fn end(&mut self, now: Instant) {
        if self.until.take().is_some() {
            self.over = Some(now);
        }
    }

    /// Lets time pass: ends what has had its time, and forgets what has ended long ago.
    pub fn pass(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.end(now);
        }
        if self.over.is_some_and(|over| now - over >= KEPT_FOR) {
            let run = self.run;
            *self = Self {
                run,
                ..Self::default()
            };
        }
    }

    /// Whether the capture of this number is still on.
    #[must_use]
    pub const fn is_on(&self, run: u64) -> bool {
        self.run == run && self.until.is_some()
    }

    /// Whether anything of the capture of this number is still there.
    #[must_use]
    pub const fn is_there(&self, run: u64) -> bool {
        self.run == run && self.wish.is_some()
    }

    /// Takes a packet for the capture of this number.
    pub fn take(&mut self, run: u64, seen: Seen<'_>) {
        let Some(wish) = self.wish.as_ref().filter(|_| self.is_on(run)) else {
            return;
        };
        if !is_wanted(wish, seen.frame) {
            return;
        }
        let bytes = seen.kept(wish.depth);
        let length = bytes.len();
        self.bytes = self.bytes.saturating_add(length.saturating_add(OVERHEAD));
        self.kept.push_back(Packet {
            number: self.next,
            at_nanos: seen.at_nanos,
            length: u32::try_from(seen.whole_length()).unwrap_or(u32::MAX),
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

    /// So many packets came, since it began, faster than they could be looked at.
    pub const fn missed(&mut self, run: u64, count: u64) {
        if self.is_on(run) {
            self.missed = count;
        }
    }

    /// How it stands, with packets from a number on; [`READ_BYTES_MAX`] at most.
    #[must_use]
    pub fn read(&self, now: Instant, from: Option<u64>) -> Capture {
        let mut room = READ_BYTES_MAX;
        let mut packets = Vec::new();
        // They are in order and none is missing between them.
        let first = self.kept.front().map_or(0, |it| it.number);
        let skip = from.map(|from| usize::try_from(from.saturating_sub(first)));
        let skip = skip.map_or(usize::MAX, |it| it.unwrap_or(usize::MAX));
        for packet in self.kept.iter().skip(skip) {
            let length = packet.bytes.reveal().len().saturating_add(OVERHEAD);
            if length > room && !packets.is_empty() {
                break;
            }
            room = room.saturating_sub(length);
            packets.push(packet.clone());
        }
        let left = self.until.map(|until| until - now);
        Capture {
            run: self.run,
            left_secs: left.map(|it| u32::try_from(it.as_secs()).unwrap_or(u32::MAX)),
            wish: self.wish.clone(),
            kept: self.kept.len() as u64,
            dropped: self.dropped,
            missed: self.missed,
            packets,
        }
    }
}

impl Seen<'_> {
    /// What is kept of it, as it was on the cable.
    fn kept(&self, depth: Depth) -> Vec<u8> {
        let kept = self.frame.get(..kept_length(depth, self.frame));
        let kept = kept.unwrap_or_default();
        let mut bytes = match (self.tag, kept.split_at_checked(ADDRESSES)) {
            (Some(tag), Some((addresses, rest))) => [addresses, &tag, rest].concat(),
            _ => kept.to_vec(),
        };
        bytes.truncate(SNAP_MAX);
        bytes
    }

    fn whole_length(&self) -> usize {
        self.length
            .saturating_add(self.tag.map_or(0, |it| it.len()))
    }
}

/// Kept in memory: the heads of a call's packets for ten minutes, with those of some others.
const BYTES_MAX: usize = 12 * 1024 * 1024;
/// What a packet costs besides its bytes.
const OVERHEAD: usize = 96;
/// Given out at once: whoever hands packets in waits for the copy.
const READ_BYTES_MAX: usize = 512 * 1024;
/// There may be voices in it: it does not lie there for long.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use ipc::capture::What;

    use super::*;
    use crate::frame::tests::{four, udp};

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    fn all(depth: Depth, secs: u32) -> Wish {
        Wish {
            what: What::All,
            depth,
            secs,
            ..Wish::default()
        }
    }

    fn seen(frame: &[u8]) -> Seen<'_> {
        Seen {
            at_nanos: 7,
            length: frame.len() + 4,
            frame,
            tag: None,
        }
    }

    #[test]
    fn a_tag_that_was_taken_off_is_back_in_its_place() {
        let mut recorder = Recorder::default();
        let tag = [0x81, 0, 0xa0, 5];
        for (depth, there) in [(Depth::Headers, 58), (Depth::Whole, SNAP_MAX)] {
            let run = recorder.begin(at(0), all(depth, 60));
            let sound = four(17, &udp(20_000, 4000, &[0x80; 2006]));
            let tag = Some(tag);
            recorder.take(
                run,
                Seen {
                    tag,
                    ..seen(&sound)
                },
            );
            let read = recorder.read(at(0), Some(0));
            let packet = &read.packets[0];
            assert_eq!(packet.length, 2048 + 4 + 4, "as long as on the cable");
            let bytes = packet.bytes.reveal();
            assert_eq!(bytes.len(), there);
            assert_eq!(bytes[12..18], [0x81, 0, 0xa0, 5, 8, 0]);
            assert_eq!(bytes[18..], sound[14..there - 4]);
        }
    }

    #[test]
    fn it_keeps_packets_while_it_is_on_and_forgets_them_a_quarter_of_an_hour_later() {
        let mut recorder = Recorder::default();
        let sound = four(17, &udp(20_000, 4000, &[0x80; 172]));
        recorder.take(0, seen(&sound));
        assert_eq!(recorder.read(at(0), Some(0)), Capture::default());
        let run = recorder.begin(at(0), all(Depth::Headers, u32::MAX));
        recorder.take(run, seen(&sound));
        recorder.take(run + 1, seen(&sound));
        recorder.missed(run, 3);
        let read = recorder.read(at(1), Some(0));
        assert_eq!(
            (read.left_secs, read.kept, read.missed),
            (Some(SECS_MAX - 1), 1, 3)
        );
        assert_eq!(read.packets[0].bytes.reveal().len(), 54);
        assert_eq!(read.packets[0].length, 218, "as long as it was");
        recorder.pass(at(u64::from(SECS_MAX)));
        assert!(!recorder.is_on(run) && recorder.is_there(run));
        recorder.take(run, seen(&sound));
        assert_eq!(recorder.read(at(700), None).kept, 1);
        recorder.pass(at(600 + 899));
        assert!(recorder.is_there(run));
        recorder.pass(at(600 + 900));
        assert!(!recorder.is_there(run));
        let nothing = Capture {
            run,
            ..Capture::default()
        };
        assert_eq!(recorder.read(at(9999), Some(0)), nothing);
    }

    #[test]
    fn another_takes_its_place_and_who_handed_packets_to_it_is_not_heard() {
        let mut recorder = Recorder::default();
        let frame = [0; 60];
        let first = recorder.begin(at(0), all(Depth::Whole, 60));
        recorder.take(first, seen(&frame));
        let second = recorder.begin(at(1), all(Depth::Whole, 60));
        recorder.take(first, seen(&frame));
        recorder.missed(first, 9);
        let read = recorder.read(at(1), Some(0));
        assert_eq!((read.run, read.kept, read.missed), (second, 0, 0));
        assert!(!recorder.is_there(first) && recorder.is_on(second));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted_and_pieces_are_bounded() {
        let mut recorder = Recorder::default();
        let run = recorder.begin(at(0), all(Depth::Whole, 60));
        let frame = [0; 2000];
        for _ in 0..7000 {
            recorder.take(run, seen(&frame));
        }
        let read = recorder.read(at(0), Some(0));
        assert_eq!(read.kept + read.dropped, 7000);
        assert!(
            read.dropped > 500 && recorder.bytes <= BYTES_MAX,
            "{}",
            read.dropped
        );
        let mut next = 0;
        let mut count = 0;
        loop {
            let piece = recorder.read(at(0), Some(next)).packets;
            let Some(last) = piece.last() else { break };
            assert!(piece.len() * 2096 <= READ_BYTES_MAX && piece[0].number >= next);
            count += piece.len() as u64;
            next = last.number + 1;
        }
        assert_eq!((count, next), (read.kept, 7000));
    }
}
