//! A capture of packets: which are kept, how much of each, how many, and how they are told.
//!
//! What this crate must never do: keep a voice, a key pressed, a number or a password in a capture
//! that is not of whole packets, or keep one that is over.
//! Read first: [`Recorder`], then [`kept_length`] and [`is_wanted`].
//! Sources: RFC 791, RFC 8200, RFC 826, RFC 768, RFC 9293, RFC 3550 §5.1; the format of pcap files
//! is that of tcpdump.org.

mod depth;
mod frame;
mod pcap;
mod recorder;
mod wanted;

pub use depth::{SNAP_MAX, kept_length};
pub use pcap::File;
pub use recorder::{Recorder, Seen};
pub use wanted::is_wanted;
