//! A trace of SIP messages: which are kept, what is taken out of them, and how they are told.
//!
//! What this crate must never do: keep a password's digest or a key of somebody's sound, or hold up
//! whoever hands a message in: it copies, and drops the oldest.
//! Read first: [`Tap`], then [`redacted`].
//! Sources: RFC 3261, RFC 4568 (keys in SDP), RFC 768, RFC 791, RFC 8200; the format of pcap files
//! is that of tcpdump.org.

mod filter;
mod lines;
mod mask;
mod pcap;
mod redact;
mod streams;
mod summary;
mod tap;
mod together;

pub use mask::masked;
pub use pcap::pcap;
pub use redact::redacted;
pub use summary::{Summary, summary};
pub use tap::{Passed, Tap};
