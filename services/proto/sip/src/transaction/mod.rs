//! The transaction layer (RFC 3261 §17, RFC 6026): one request, its answers, and their repetition.
//!
//! [`Layer`] is a [`sansio::Node`] with commands: [`Layer::send_request`], [`Layer::respond`],
//! [`Layer::cancel`], [`Layer::send_ack`]. After each command drain its outputs as after `handle`.
//! What is not its duty: repeating a 2xx to INVITE until the ACK comes and sending that ACK, which
//! RFC 3261 §13.3.1.4 gives to its user.

mod answers;
mod client_invite;
mod client_other;
mod flow;
mod key;
mod layer;
mod length;
mod machine;
mod resume;
mod server_invite;
mod server_other;
mod table;
mod tags;
mod timers;

pub use flow::{ClientId, Flow, Input, Output, ServerId};
pub use layer::{Counters, Full, Layer};
pub use length::{UDP_REQUEST_MAX, needs_stream, wire_length};
pub use resume::sketch;

#[cfg(test)]
mod tests;
