//! Messages out of a byte stream (RFC 3261 §18.3, RFC 5626 §3.5.1).

use memchr::memmem;

use crate::fault::{FaultKind, ParseFault};
use crate::message::Message;
use crate::parse::{BLOCK_END, Block, Framing, parse_block};
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
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    /// Bytes of `buffer` already given out.
    taken: usize,
    broken: bool,
}

impl StreamFramer {
    /// A framer for a fresh connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            taken: 0,
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
        let Some(end) = memmem::find(rest, BLOCK_END) else {
            if rest.len() <= HEADER_BLOCK_BYTES_MAX {
                return None;
            }
            return Some(self.break_off(FaultKind::TooLarge.into()));
        };
        let (block, tail) = rest.split_at_checked(end + BLOCK_END.len())?;
        let parsed = match parse_block(block) {
            Ok(parsed) => parsed,
            Err(fault) => return Some(self.break_off(fault)),
        };
        let Some(length) = parsed.content_length else {
            let fault = parsed.with_body(&[], Framing::Stream);
            return Some(
                self.break_off(
                    fault
                        .err()
                        .unwrap_or_else(|| FaultKind::ContentLength.into()),
                ),
            );
        };
        if block.len().saturating_add(length) > MESSAGE_BYTES_MAX {
            return Some(self.break_off(parsed.too_large()));
        }
        let body = tail.get(..length)?;
        let framed = Self::complete(parsed, body);
        self.taken += end + BLOCK_END.len() + length;
        Some(framed)
    }

    fn complete(parsed: Block, body: &[u8]) -> Framed {
        match parsed.with_body(body, Framing::Stream) {
            Ok(message) => Framed::Message(message),
            // Two Content-Lengths leave the end of the message in doubt.
            Err(fault) if fault.kind == FaultKind::ContentLength => Framed::Broken(fault),
            Err(fault) => Framed::Fault(fault),
        }
    }

    fn break_off(&mut self, fault: ParseFault) -> Framed {
        self.broken = true;
        self.buffer = Vec::new();
        self.taken = 0;
        Framed::Broken(fault)
    }
}
