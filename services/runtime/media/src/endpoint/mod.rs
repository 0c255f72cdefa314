//! Endpoints: one peer each, and what each of them hears.
//!
//! ```text
//!   peer ──RTP──> Endpoint ──decides──> hearers' Endpoints ──RTP──> their peers
//!                    │                        ^
//!                    └──samples──> mix, recording   clips ──20 ms tick──┘
//! ```
//! [`Engine`] decides and touches nothing outside: packets and ticks go in, packets come out
//! through a [`World`]. [`Pump`] is the one thread that owns it together with the sockets; files
//! are read by threads made for it and written by the [`recorder`]'s.

mod control;
mod engine;
mod files;
mod hearing;
mod leg;
mod links;
mod mixing;
mod player;
mod precedence;
mod press;
mod pump;
mod recorder;
mod reports;
mod resting;
mod secrecy;
mod service;
mod shelf;
mod sockets;
mod sounds;
mod tape;
mod voice;

pub use control::{Control, Gone};
pub use files::Folders;
pub use pump::{Pump, PumpError};
pub use service::{ServeError, Settings, serve};

/// The two ports of an endpoint (RFC 3550 §11: RTP even, RTCP the next).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Channel {
    /// The even port.
    Rtp,
    /// The odd port.
    Rtcp,
}
