//! SIP on the wire: messages, stream framing, digest authentication and transactions.
//!
//! What this crate must never do: open a socket, read a clock, log, or panic on bytes from a peer.
//! Read first: [`Message`] and [`parse_datagram`], then [`transaction::Layer`], then
//! [`digest::Authenticator`].
//!
//! Sources: RFC 3261 (with RFC 6026 for the Accepted state and RFC 3581 for `rport`), RFC 4475 for
//! what real peers get wrong, RFC 7616 and RFC 8760 for digests.
//!
//! The parser is ours because rsip 0.4 reads only 6 of the 13 valid messages of RFC 4475, rejects
//! unknown methods and compact forms, ignores Content-Length and damages binary bodies. What rsip
//! has right, the vocabulary of status codes, is taken from it in [`StatusCode`].

pub mod body;
mod build;
mod datagram;
pub mod digest;
mod fault;
mod field;
mod framer;
mod header;
mod header_name;
mod list;
mod message;
mod method;
mod name_addr;
mod params;
mod parse;
mod status;
pub mod transaction;
mod typed;
mod uri;
mod via;

pub use datagram::DatagramKind;
pub use fault::{FaultKind, HeaderFault, ParseFault, Salvage};
pub use field::{
    Diversion, Event, InfoUri, Join, PartyKind, Privacy, RAck, Reason, Refresher, RemotePartyId,
    Replaces, RetryAfter, SessionExpires, SubscriptionState, SubscriptionStatus, TerminationReason,
};
pub use framer::{Framed, PONG, StreamFramer};
pub use header::{Header, Headers};
pub use header_name::HeaderName;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use name_addr::NameAddr;
pub use params::{Param, Params};
pub use parse::parse_datagram;
pub use status::{StatusClass, StatusCode};
pub use typed::{CSeq, Contacts};
pub use uri::{Host, SipUri, TelUri, TransportFault, Uri, UriFault};
pub use via::Via;

/// The longest message read: a datagram cannot be longer, and no phone needs more.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// The most header fields in one message; the longest in RFC 4475 has fewer than 30.
pub const HEADERS_MAX: usize = 128;
/// The longest start line and header block together.
pub const HEADER_BLOCK_BYTES_MAX: usize = 32 * 1024;
