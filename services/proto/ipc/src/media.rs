//! `media`: one relay a call, two sides, a UDP port pair (RTP, RTCP) each.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Names a relay; chosen by `pbx`, unique while it runs.
pub type RelayId = u64;

/// What `pbx` may ask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Open a relay. Answer: [`Reply::Opened`] or [`Reply::Failed`]. Opening an open one answers
    /// with the ports it has.
    Open(RelayId),
    /// Open a relay on the ports (towards caller, towards callee) it had before `media` was
    /// restarted, so that phones need not be told. Answer: as to [`Self::Open`].
    Reopen(RelayId, u16, u16),
    /// Say what is known of one side. Answer: [`Reply::Done`] or [`Reply::Unknown`].
    Set(RelayId, Side, Leg),
    /// Close a relay. Answer: [`Reply::Closed`] or [`Reply::Unknown`].
    Close(RelayId),
    /// Close every relay not in the list: asked by `pbx` as it starts. Answer: [`Reply::Done`].
    KeepOnly(Vec<RelayId>),
    /// What relays are open. Answer: [`Reply::Relays`].
    Status,
}

/// The two sides of a relay.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Side {
    /// Towards whoever called.
    Caller,
    /// Towards whoever was called.
    Callee,
}

/// One side of a relay, as negotiated.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Leg {
    /// Where its SDP says it listens; `None` while unknown or held.
    pub remote: Option<SocketAddr>,
    /// Its signalling address: media may also come from here when SDP shows a private address
    /// behind a router. The first valid source locks (symmetric RTP).
    pub signalling: Option<SocketAddr>,
    /// Payload type it uses for telephone-event (RFC 4733), if any.
    pub telephone_event: Option<u8>,
    /// Payload types to rewrite on packets that go out to this side: (as received, as sent).
    pub payload_map: Vec<(u8, u8)>,
    /// Lock to the next valid source: set after a re-INVITE, which may have moved the media.
    pub relatch: bool,
}

/// What `media` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The relay is open: RTP on these even ports, RTCP on the next.
    Opened {
        /// Port for the caller to send to.
        caller_port: u16,
        /// Port for the callee to send to.
        callee_port: u16,
    },
    /// Done.
    Done,
    /// The relay is closed.
    Closed(Stats),
    /// No such relay.
    Unknown,
    /// Every open relay.
    Relays(Vec<(RelayId, Stats)>),
    /// It could not be done: no port is free.
    Failed {
        /// Why.
        reason: String,
    },
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// What passed through a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    /// RTP packets relayed to the callee.
    pub packets_to_callee: u64,
    /// RTP packets relayed to the caller.
    pub packets_to_caller: u64,
    /// Packets dropped: wrong source after the lock, malformed, nowhere to send.
    pub dropped: u64,
    /// DTMF digits seen (RFC 4733 events with the end bit, each once).
    pub dtmf_digits: u32,
    /// Milliseconds since the last packet on either side.
    pub idle_millis: u64,
}
