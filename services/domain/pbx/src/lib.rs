//! The telephone exchange: registrar, authentication, routing and calls (B2BUA).
//!
//! What this crate must never do: open a socket, read a clock, log, or keep a password. Every
//! cause is an [`Input`], every wish an [`Output`]; production and the simulator drive the same
//! [`PbxNode`].
//!
//! Read first: [`Input`] and [`Output`], then [`PbxNode`], then `call` for the life of a call.
//!
//! A B2BUA and not a proxy: both legs of a call are dialogs of ours, so that addresses, media and
//! DTMF are chosen for each from the route to that peer.
//!
//! Sources: RFC 3261, RFC 3264, RFC 3326 (Reason), RFC 5626 §4.1 (instances), RFC 6086 (INFO).

mod authentication;
mod call;
mod core;
mod device;
mod dialog;
mod door;
mod hiding;
mod interface;
mod keeping;
mod leg;
mod node;
mod register;
mod registrar;
mod requests;
mod routing;
#[cfg(test)]
mod scripted;
mod secrets;
mod streams;
mod subscription;
mod trunk;

pub use call::{CALLS_MAX, RING_TIME_MAX};
pub use door::PROTECTING;
pub use guard::Notice;
pub use interface::{
    AuthFailure, Event, Hop, Input, Limit, Output, PeerFault, Query, QueryId, STREAM_OUTBOUND,
    Stored, StreamId, Trust, UnregisterCause,
};
pub use node::PbxNode;
pub use register::{EXPIRES_DEFAULT, EXPIRES_MAX, EXPIRES_MIN};
pub use registrar::{CONTACTS_PER_EXTENSION_MAX, REGISTRATIONS_MAX};
pub use sip::transaction::Flow;
pub use streams::STREAMS_MAX;
