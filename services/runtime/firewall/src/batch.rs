//! One transaction as the kernel takes it: BATCH_BEGIN, messages, BATCH_END, in one piece.

use crate::attribute::Attributes;
use crate::subject::Subject;
use crate::uapi::{
    NFNL_BATCH_GENID, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, NFPROTO_INET,
    NFPROTO_UNSPEC, NLM_F_ACK, NLM_F_REQUEST,
};

/// A transaction: all of it is taken, or nothing is.
///
/// Its messages are numbered from 0, so that an answer of the kernel is known by its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    messages: Vec<Message>,
}

/// What is known of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    /// What it is about.
    pub(crate) subject: Subject,
    /// Expressions of a rule: where each begins in the message, and its name.
    pub(crate) expressions: Vec<(usize, &'static str)>,
    /// Where it begins in the batch.
    start: usize,
}

impl Batch {
    pub(crate) fn begin() -> Self {
        Self::begin_with(&Attributes::default())
    }

    /// One that the kernel takes only where nothing was changed since that generation.
    pub(crate) fn begin_after(generation: u32) -> Self {
        let mut attributes = Attributes::default();
        attributes.u32(NFNL_BATCH_GENID, generation);
        Self::begin_with(&attributes)
    }

    fn begin_with(attributes: &Attributes) -> Self {
        let mut batch = Self {
            bytes: Vec::new(),
            messages: Vec::new(),
        };
        let kind = NFNL_MSG_BATCH_BEGIN;
        let attributes = attributes.as_bytes();
        batch.message(kind, NFPROTO_UNSPEC, 0, attributes, Subject::Transaction);
        batch
    }

    /// Appends a message of nf_tables; `flags` beside those that every one has.
    pub(crate) fn add(&mut self, kind: u8, flags: u16, attributes: &Attributes, subject: Subject) {
        let kind = (NFNL_SUBSYS_NFTABLES << 8) | u16::from(kind);
        self.message(kind, NFPROTO_INET, flags, attributes.as_bytes(), subject);
    }

    /// Names the expressions of the last message, by where they begin in its attributes.
    pub(crate) fn name_expressions(&mut self, expressions: Vec<(usize, &'static str)>) {
        if let Some(message) = self.messages.last_mut() {
            let from_header = |(place, name)| (HEADERS_BYTES.saturating_add(place), name);
            message.expressions = expressions.into_iter().map(from_header).collect();
        }
    }

    /// Ends it. The last message before the end is the one that is acknowledged: kernels before
    /// 6.10 acknowledge no end, and without an acknowledgement nobody knows that all went well.
    pub(crate) fn end(mut self) -> Self {
        let flags_at = self
            .messages
            .last()
            .map(|last| last.start.saturating_add(6));
        let flags = flags_at.and_then(|at| self.bytes.get_mut(at..at.checked_add(2)?));
        if let Some(flags) = flags {
            flags.copy_from_slice(&(NLM_F_REQUEST | NLM_F_ACK | flags_of(flags)).to_ne_bytes());
        }
        let kind = NFNL_MSG_BATCH_END;
        self.message(kind, NFPROTO_UNSPEC, 0, &[], Subject::Transaction);
        self
    }

    fn message(&mut self, kind: u16, family: u8, flags: u16, attributes: &[u8], subject: Subject) {
        // More than four billion messages do not fit into a transaction that fits into memory.
        let number = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        let start = self.bytes.len();
        let length = HEADERS_BYTES.saturating_add(attributes.len());
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        let flags = NLM_F_REQUEST | flags;
        self.bytes.extend_from_slice(&flags.to_ne_bytes());
        self.bytes.extend_from_slice(&number.to_ne_bytes());
        self.bytes.extend_from_slice(&0u32.to_ne_bytes());
        self.bytes.push(family);
        self.bytes.push(0);
        // What batches begin and end with names nf_tables here.
        let resource = match family {
            NFPROTO_UNSPEC => NFNL_SUBSYS_NFTABLES,
            _ => 0,
        };
        self.bytes.extend_from_slice(&resource.to_be_bytes());
        self.bytes.extend_from_slice(attributes);
        self.messages.push(Message {
            subject,
            expressions: Vec::new(),
            start,
        });
    }

    /// What is sent, in one piece.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of the message that is acknowledged.
    pub(crate) fn acknowledged(&self) -> u32 {
        let last = self.messages.len().saturating_sub(2);
        u32::try_from(last).unwrap_or(u32::MAX)
    }

    /// What is known of a message, by its number.
    pub(crate) fn numbered(&self, number: u32) -> Option<&Message> {
        self.messages.get(usize::try_from(number).ok()?)
    }

    /// Whether there is nothing between beginning and end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.len() <= 2
    }
}

fn flags_of(bytes: &[u8]) -> u16 {
    bytes.first_chunk().map_or(0, |it| u16::from_ne_bytes(*it))
}

/// A netlink header and that of netfilter.
pub(crate) const HEADERS_BYTES: usize = 20;
