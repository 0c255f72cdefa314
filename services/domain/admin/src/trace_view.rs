//! A trace of SIP messages as programs and pages see it.

use std::collections::BTreeMap;

use ipc::trace::{Trace, Traced};
use schemars::JsonSchema;
use serde::Serialize;
use trace::summary;

use crate::log_view::with_millis;

/// How the trace stands, with its newest messages.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TraceView {
    /// Seconds until it ends by itself; null when none is on.
    pub(crate) left_secs: Option<u32>,
    /// Only messages of this extension, and of that trunk.
    pub(crate) extension: Option<String>,
    pub(crate) trunk: Option<String>,
    /// Messages that are there, and those that made room for them.
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
    /// Newest first.
    pub(crate) messages: Vec<MessageView>,
}

/// A message in a line.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MessageView {
    /// What `GET /api/trace/messages/{number}` knows it by.
    pub(crate) number: u64,
    pub(crate) at: String,
    /// By the box, and not to it.
    pub(crate) sent: bool,
    /// `UDP`, `TCP` or `TLS`.
    pub(crate) transport: String,
    /// The box's end, and the other.
    pub(crate) local: String,
    pub(crate) remote: String,
    /// `INVITE sip:102@box`, or `200 OK (INVITE)`.
    pub(crate) what: String,
    pub(crate) call_id: String,
    /// The records of the calls that it is part of: both legs of a call have the same.
    pub(crate) calls: Vec<String>,
    /// The same for all messages of a Call-ID in this answer, from 1.
    pub(crate) dialogue: usize,
}

/// A message whole, without what proves a password or encrypts sound.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WholeMessage {
    #[serde(flatten)]
    pub(crate) head: MessageView,
    /// What is no text in it is replaced.
    pub(crate) text: String,
}

impl TraceView {
    /// Of what was read, whose numbers are as the reader may see them.
    pub(crate) fn new(trace: Trace) -> Self {
        let mut calls = BTreeMap::new();
        let views = trace.messages.iter().map(|it| view(it, &mut calls));
        let mut messages: Vec<_> = views.collect();
        messages.reverse();
        Self {
            left_secs: trace.left_secs,
            extension: trace.filter.extension,
            trunk: trace.filter.trunk.map(|it| it.name),
            kept: trace.kept,
            dropped: trace.dropped,
            messages,
        }
    }
}

impl WholeMessage {
    pub(crate) fn new(message: &Traced) -> Self {
        Self {
            head: view(message, &mut BTreeMap::new()),
            text: String::from_utf8_lossy(message.bytes.reveal()).into_owned(),
        }
    }
}

fn view(message: &Traced, calls: &mut BTreeMap<String, usize>) -> MessageView {
    let summary = summary(message.bytes.reveal());
    let next = calls.len().saturating_add(1);
    let dialogue = *calls.entry(summary.call_id.clone()).or_insert(next);
    MessageView {
        number: message.number,
        at: with_millis(message.at_millis),
        sent: message.is_sent,
        transport: message.transport.clone(),
        local: message.local.to_string(),
        remote: message.remote.to_string(),
        what: summary.what,
        call_id: summary.call_id,
        calls: message.calls.clone(),
        dialogue,
    }
}
