//! Messages out of streams of bytes, as they stand (RFC 3261 §18.3).

use std::collections::BTreeMap;

use crate::lines::{find, value};

/// What streams have begun to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<u64, Vec<u8>>,
}

impl Streams {
    /// Takes bytes of a stream and gives the messages that they complete.
    pub(crate) fn push(&mut self, stream: u64, bytes: &[u8]) -> Vec<Vec<u8>> {
        if self.open.len() >= STREAMS_MAX && !self.open.contains_key(&stream) {
            self.open.clear();
        }
        let held = self.open.entry(stream).or_default();
        held.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(message) = next(held) {
            messages.push(message);
        }
        if held.is_empty() || held.len() > MESSAGE_BYTES_MAX {
            self.open.remove(&stream);
        }
        messages
    }

    pub(crate) fn forget(&mut self, stream: u64) {
        self.open.remove(&stream);
    }
}

/// Takes a whole message from the front, when one is there.
fn next(held: &mut Vec<u8>) -> Option<Vec<u8>> {
    // Keep-alives stand between messages.
    let blank = held.iter().take_while(|it| b"\r\n".contains(it)).count();
    held.drain(..blank);
    let head = find(held, END)? + END.len();
    let length = value(held, "Content-Length", "l");
    let length = length.and_then(|it| std::str::from_utf8(it).ok()?.parse::<usize>().ok());
    let whole = head.checked_add(length.unwrap_or(0))?;
    (held.len() >= whole).then(|| held.drain(..whole).collect())
}

const END: &[u8] = b"\r\n\r\n";
/// A message that is longer is not waited for.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
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
        assert!(streams.open.values().map(Vec::len).sum::<usize>() <= MESSAGE_BYTES_MAX);
        for stream in 0..1000 {
            streams.push(stream, b"x");
        }
        assert!(streams.open.len() <= STREAMS_MAX);
    }
}
