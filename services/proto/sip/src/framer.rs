//! Messages out of a byte stream (RFC 3261 §18.3, RFC 5626 §3.5.1).

use std::fmt;

use memchr::memmem;

use crate::fault::{FaultKind, ParseFault};
use crate::message::Message;
use crate::parse::{BLOCK_END, Framing, parse_block};
use crate::{HEADER_BLOCK_BYTES_MAX, MESSAGE_BYTES_MAX};

/// What to send for a [`Framed::Ping`].
pub const PONG: &[u8] = b"\r\n";

/// What came out of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Framed {
    /// A message.
    Message(Message),
    /// A message that could not be used; the stream goes on behind it.
    Fault(ParseFault),
    /// A keep-alive: answer with [`PONG`].
    Ping,
    /// The end of a message can no longer be told: answer the fault if it can be answered, then
    /// close the connection. Nothing more comes out.
    Broken(ParseFault),
}

/// Collects a stream's bytes and gives messages; holds at most one unfinished message.
#[derive(Default)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    /// Bytes of `buffer` already given out.
    taken: usize,
    /// How many bytes of the unfinished message have been searched for the end of its header block.
    searched: usize,
    /// How long the unfinished message will be, once its header block is there.
    wanted: usize,
    broken: bool,
}

impl fmt::Debug for StreamFramer {
    /// Without the bytes, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamFramer")
            .field("held", &self.buffer.len())
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl StreamFramer {
    /// A framer for a fresh connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            taken: 0,
            searched: 0,
            wanted: 0,
            broken: false,
        }
    }

    /// Takes bytes as they came. Drain [`poll`](Self::poll) to `None` before the next call, so
    /// that no more than one unfinished message and one read are held.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or keep-alive; `None` when more bytes are needed.
    pub fn poll(&mut self) -> Option<Framed> {
        loop {
            let rest = self.rest();
            match rest {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.taken += 4;
                    return Some(Framed::Ping);
                }
                // Half a keep-alive, or the answer to one of ours: the next bytes tell.
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return None,
                [b'\r', b'\n', ..] => self.taken += 2,
                _ => return self.message(),
            }
        }
    }

    /// Whether an unfinished message is held: a peer that leaves it so for long is half-open.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !matches!(self.rest(), [] | [b'\r', b'\n'])
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    fn message(&mut self) -> Option<Framed> {
        let rest = self.rest();
        if rest.len() < self.wanted {
            return None;
        }
        let found = memmem::find(rest.get(self.searched..)?, BLOCK_END);
        // Where the block ends, or the first place where it still may: however the bytes were cut,
        // the same block is too large.
        let open = rest.len().saturating_sub(BLOCK_END.len() - 1);
        let end = found.map(|at| self.searched + at);
        if end.unwrap_or(open) > HEADER_BLOCK_BYTES_MAX {
            return Some(self.break_off(FaultKind::TooLarge.into()));
        }
        let Some(end) = end else {
            self.searched = open;
            return None;
        };
        let (block, tail) = rest.split_at_checked(end + BLOCK_END.len())?;
        let parsed = match parse_block(block) {
            Ok(parsed) => parsed,
            Err(fault) => return Some(self.break_off(fault)),
        };
        let Some(length) = parsed.certain_length() else {
            // Without a certain length the block gives its fault whatever the body.
            let fault = parsed.with_body(&[], Framing::Stream).err();
            let fault = fault.unwrap_or_else(|| FaultKind::ContentLength.into());
            return Some(self.break_off(fault));
        };
        if block.len().saturating_add(length) > MESSAGE_BYTES_MAX {
            return Some(self.break_off(parsed.too_large()));
        }
        let Some(body) = tail.get(..length) else {
            self.searched = end;
            self.wanted = end + BLOCK_END.len() + length;
            return None;
        };
        let framed = match parsed.with_body(body, Framing::Stream) {
            Ok(message) => Framed::Message(message),
            Err(fault) => Framed::Fault(fault),
        };
        self.taken += end + BLOCK_END.len() + length;
        self.searched = 0;
        self.wanted = 0;
        Some(framed)
    }

    fn break_off(&mut self, fault: ParseFault) -> Framed {
        self.broken = true;
        self.buffer = Vec::new();
        self.taken = 0;
        Framed::Broken(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;
    use crate::status::StatusCode;

    const HEAD: &str = "OPTIONS sip:box.example SIP/2.0\r\n\
                        Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKk\r\n\
                        From: <sip:a@b.example>;tag=1\r\nTo: <sip:box.example>\r\n\
                        Call-ID: x\r\nCSeq: 1 OPTIONS\r\n";

    fn options(body: &str) -> Vec<u8> {
        format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn drain(framer: &mut StreamFramer) -> Vec<Framed> {
        std::iter::from_fn(|| framer.poll()).collect()
    }

    fn body(framed: &Framed) -> &[u8] {
        match framed {
            Framed::Message(Message::Request(Request { body, .. })) => body,
            other => panic!("no request: {other:?}"),
        }
    }

    #[test]
    fn messages_that_come_together_leave_one_by_one() {
        let mut framer = StreamFramer::new();
        framer.push(&[options("one"), options(""), options("three")].concat());
        let framed = drain(&mut framer);
        assert_eq!(
            framed.iter().map(body).collect::<Vec<_>>(),
            [&b"one"[..], b"", b"three"]
        );
    }

    #[test]
    fn a_half_open_connection_holds_what_came() {
        let bytes = options("later");
        let (first, second) = bytes.split_at(bytes.len() - 2);
        let mut framer = StreamFramer::new();
        assert!(!framer.is_partial());
        framer.push(first);
        assert_eq!(drain(&mut framer), []);
        assert!(framer.is_partial());
        framer.push(second);
        assert_eq!(drain(&mut framer).len(), 1);
        assert!(!framer.is_partial());
    }

    #[test]
    fn a_double_crlf_is_a_ping_and_a_single_one_is_nothing() {
        let mut framer = StreamFramer::new();
        framer.push(b"\r\n");
        assert_eq!(drain(&mut framer), []);
        framer.push(&options("after"));
        assert_eq!(drain(&mut framer).len(), 1);
        framer.push(b"\r\n\r");
        assert_eq!(drain(&mut framer), []);
        framer.push(b"\n");
        assert_eq!(drain(&mut framer), [Framed::Ping]);
    }

    #[test]
    fn a_stream_without_content_length_is_answered_400_and_closed() {
        let mut framer = StreamFramer::new();
        framer.push(format!("{HEAD}\r\n").as_bytes());
        framer.push(&options("never read"));
        let framed = drain(&mut framer);
        let [Framed::Broken(fault)] = &*framed else {
            panic!("{framed:?}")
        };
        assert_eq!(fault.kind, FaultKind::ContentLength);
        let response = fault.response("192.0.2.7:1".parse().expect("an address"), "t");
        assert_eq!(response.expect("an answer").status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn two_content_lengths_leave_nothing_to_go_on_by() {
        let mut framer = StreamFramer::new();
        framer.push(format!("{HEAD}Content-Length: 0\r\nl: 5\r\n\r\nINVIT").as_bytes());
        framer.push(&options("never read"));
        assert!(matches!(&*drain(&mut framer), [Framed::Broken(_)]));
    }

    #[test]
    fn a_faulty_message_of_known_length_does_not_end_the_stream() {
        let faulty = format!("{HEAD}From: <sip:c@d.example>\r\nl: 2\r\n\r\nhi");
        let mut framer = StreamFramer::new();
        framer.push(faulty.as_bytes());
        framer.push(&options("next"));
        let framed = drain(&mut framer);
        assert!(
            matches!(&*framed, [Framed::Fault(_), Framed::Message(_)]),
            "{framed:?}"
        );
    }

    #[test]
    fn an_oversized_message_is_refused_before_its_body_comes() {
        let mut framer = StreamFramer::new();
        framer.push(format!("{HEAD}Content-Length: {MESSAGE_BYTES_MAX}\r\n\r\n").as_bytes());
        let framed = drain(&mut framer);
        let [Framed::Broken(fault)] = &*framed else {
            panic!("{framed:?}")
        };
        assert_eq!(fault.kind.status(), StatusCode::MESSAGE_TOO_LARGE);
        assert!(fault.salvage.is_some());
    }

    #[test]
    fn a_header_block_without_end_is_refused() {
        let mut framer = StreamFramer::new();
        let mut framed = Vec::new();
        for _ in 0..HEADER_BLOCK_BYTES_MAX / 1000 + 2 {
            framer.push(&[b'x'; 1000]);
            framed.extend(drain(&mut framer));
        }
        assert!(matches!(&*framed, [Framed::Broken(fault)] if fault.kind == FaultKind::TooLarge));
        assert!(!framer.is_partial());
    }
}
