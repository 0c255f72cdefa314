//! The media relay: one thread pumps every call's RTP between two port pairs.
//!
//! What this crate must never do: speak SIP, decide who may call, or wait on another process while
//! packets lie in its sockets. Relays outlive the `pbx` that opened them: it says at its start
//! which ones it still wants, and nothing else closes one.
//!
//! Read first: [`Pump`] (the thread), then [`Control`] (how requests reach it); [`serve`] joins
//! both to the Unix socket. The forwarding decision itself is [`rtp::Relay::forward`].
//!
//! Batching calls (`recvmmsg`, GSO) are not used: a leg brings one packet every 20 ms to a socket
//! of its own, so there is nothing to batch; measured, they gained under a tenth.

mod control;
pub mod endpoint;
mod ports;
mod pump;
mod service;
mod sockets;
mod table;

pub use control::{Control, Gone};
pub use ports::{PortRange, PortRangeError};
pub use pump::{Pump, PumpError};
pub use service::{ServeError, serve};
pub use table::RELAYS_MAX;
