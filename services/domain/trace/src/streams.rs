//! Messages out of streams of bytes, as they stand (RFC 3261 §18.3).

use std::collections::{BTreeMap, BTreeSet};

use crate::lines::{find, value, without_blank};

/// What streams have begun to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<u64, Held>,
    /// Those of which a part was let go: what comes next may be the middle of a message, in which
    /// nobody could tell what is secret. The exchange bounds how many connections there are.
    lost: BTreeSet<u64>,
    turn: u64,
}

/// What a stream has begun to say, and how far that was looked at: pieces may be of one byte.
#[derive(Clone, Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// When it was heard of last.
    turn: u64,
    searched: usize,
    /// Bytes of the whole message, once its head is there.
    wanted: Option<usize>,
}

impl Streams {
    /// Takes bytes of a stream and gives the messages that they complete.
    pub(crate) fn push(&mut self, stream: u64, bytes: &[u8]) -> Vec<Vec<u8>> {
        if self.lost.contains(&stream) {
            return Vec::new();
        }
        if self.open.len() >= STREAMS_MAX && !self.open.contains_key(&stream) {
            let longest_ago = self.open.iter().min_by_key(|(_, held)| held.turn);
            if let Some(silent) = longest_ago.map(|(silent, _)| *silent) {
                self.open.remove(&silent);
                self.lost.insert(silent);
            }
        }
        self.turn = self.turn.saturating_add(1);
        let held = self.open.entry(stream).or_default();
        held.turn = self.turn;
        held.bytes.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(message) = held.next() {
            messages.push(message);
        }
        let length = held.bytes.len();
        let is_endless = held.wanted.is_none() && length > HEAD_BYTES_MAX;
        if length == 0 {
            self.open.remove(&stream);
        } else if length > MESSAGE_BYTES_MAX || is_endless {
            self.open.remove(&stream);
            self.lost.insert(stream);
        }
        messages
    }

    pub(crate) fn forget(&mut self, stream: u64) {
        self.open.remove(&stream);
        self.lost.remove(&stream);
    }
}

impl Held {
    /// Takes a whole message from the front, when one is there.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.wanted.is_none() {
            self.wanted = Some(self.look()?);
        }
        let whole = self.wanted.filter(|it| self.bytes.len() >= *it)?;
        (self.searched, self.wanted) = (0, None);
        Some(self.bytes.drain(..whole).collect())
    }

    /// How long the message is at the front, once its head is there.
    fn look(&mut self) -> Option<usize> {
        if self.searched == 0 {
            // Keep-alives stand between messages.
            let blank = self.bytes.len() - without_blank(&self.bytes).len();
            self.bytes.drain(..blank);
        }
        let from = self.searched.saturating_sub(END.len() - 1);
        self.searched = self.bytes.len();
        let found = find(self.bytes.get(from..)?, END)?;
        let head = from + found + END.len();
        let length = value(self.bytes.get(..head)?, "Content-Length", "l");
        let length = length.and_then(|it| std::str::from_utf8(it).ok()?.parse::<usize>().ok());
        head.checked_add(length.unwrap_or(0))
    }
}

const END: &[u8] = b"\r\n\r\n";
/// A message that is longer is not waited for.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Nor is the end of such a head: the exchange closes the connection.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Streams in the middle of a message at once.
const STREAMS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_however_they_are_cut() {
        let one = b"OPTIONS x SIP/2.0\r\nl: 4\r\n\r\nabcd";
        let two = b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n";
        let all = [&b"\r\n\r\n"[..], one, b"\r\n", two].concat();
        for cut in 1..all.len() {
            let mut streams = Streams::default();
            let pieces = all.chunks(cut);
            let seen: Vec<_> = pieces.flat_map(|it| streams.push(7, it)).collect();
            assert_eq!(seen, [&one[..], two], "cut every {cut}");
            assert!(streams.open.is_empty());
        }
    }

    #[test]
    fn what_never_ends_is_not_held() {
        let mut streams = Streams::default();
        for _ in 0..100 {
            assert!(streams.push(1, &[b'x'; 4096]).is_empty());
        }
        assert!(
            streams
                .open
                .values()
                .map(|it| it.bytes.len())
                .sum::<usize>()
                <= MESSAGE_BYTES_MAX
        );
        for stream in 0..1000 {
            streams.push(stream, b"x");
        }
        assert!(streams.open.len() <= STREAMS_MAX);
    }

    #[test]
    fn the_stream_that_was_silent_for_longest_makes_room_and_is_not_read_from_the_middle() {
        let mut streams = Streams::default();
        let (head, rest) = (b"MESSAGE x SIP/2.0\r\n", b"l: 2\r\n\r\nhi");
        for stream in 0..STREAMS_MAX as u64 {
            streams.push(stream, head);
        }
        streams.push(0, b"");
        streams.push(99, head);
        assert!(streams.push(1, rest).is_empty(), "it was let go");
        assert!(streams.push(1, b"OPTIONS x SIP/2.0\r\n\r\n").is_empty());
        assert_eq!(streams.push(0, rest).len(), 1, "others go on");
        assert_eq!(streams.push(99, rest).len(), 1);
        streams.forget(1);
        assert_eq!(
            streams.push(1, b"OPTIONS x SIP/2.0\r\n\r\n").len(),
            1,
            "a new one"
        );
    }
}
