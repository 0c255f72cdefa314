//! Everything calls hear: endpoints with a peer each, and what each of them hears.
//!
//! What this crate must never do: speak SIP, decide who may call, or wait on another process or a
//! disk while packets lie in its sockets. Endpoints outlive the `pbx` that opened them: it says
//! once it has restored its calls which ones it still wants, and nothing else closes one.
//!
//! Read first: [`Pump`] (the thread), then [`Control`] (how requests reach it); [`serve`] joins
//! both to the Unix socket. What becomes of a packet is `endpoint/engine/passing.rs`.
//!
//! Batching calls (`recvmmsg`, GSO) are not used: a leg brings one packet every 20 ms to a socket
//! of its own, so there is nothing to batch; measured, they gained under a tenth.

mod endpoint;
mod ports;

pub use endpoint::{Control, Folders, Gone, Pump, PumpError, ServeError, Settings, serve};
pub use ports::{PortRange, PortRangeError};
