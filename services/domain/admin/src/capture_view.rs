//! The capture of packets as programs and pages see it.

use ipc::capture::{Capture, Depth, What};
use schemars::JsonSchema;
use serde::Serialize;

/// How the capture stands. Its packets are in the file alone.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CaptureView {
    /// Seconds until it ends by itself; null when none is on.
    pub(crate) left_secs: Option<u32>,
    /// The card; null where there is no capture.
    pub(crate) link: Option<String>,
    /// Only packets from or to this address.
    pub(crate) host: Option<String>,
    /// `telephony`, `all`, or `port`.
    pub(crate) what: Option<&'static str>,
    /// The port, where it is of one.
    pub(crate) port: Option<u16>,
    /// Whole packets, voices too.
    pub(crate) whole: bool,
    /// Packets that are there, and those that made room for them.
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
    /// Packets that came faster than they could be looked at.
    pub(crate) missed: u64,
}

impl CaptureView {
    pub(crate) fn new(capture: Capture) -> Self {
        let wish = capture.wish.as_ref();
        Self {
            left_secs: capture.left_secs,
            link: wish.map(|it| it.link.clone()),
            host: wish.and_then(|it| it.host).map(|it| it.to_string()),
            what: wish.map(|it| match it.what {
                What::Telephony => "telephony",
                What::Port(_) => "port",
                What::All => "all",
            }),
            port: wish.and_then(|it| match it.what {
                What::Port(port) => Some(port),
                What::Telephony | What::All => None,
            }),
            whole: wish.is_some_and(|it| it.depth == Depth::Whole),
            kept: capture.kept,
            dropped: capture.dropped,
            missed: capture.missed,
        }
    }
}
