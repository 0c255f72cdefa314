//! The outside world of a service: its passed sockets, its clock, its randomness, its peers.
//!
//! A service's `main` composes what is here with one [`sansio::Node`]. This crate holds the one
//! clock and the one entropy source; nothing in it decides anything about calls or people.
//!
//! Read first: [`passed::Passed`] (how PID 1 hands sockets over), [`notify::Notify`] (how a service
//! says it is ready and alive), [`ipc`] (how services ask one another),
//! `pbx_driver` (feature `pbx`: the loop of the PBX).

#[cfg(feature = "tls")]
pub mod certificate;
pub mod clock;
pub mod countries;
pub mod guard_link;
pub mod health;
pub mod ipc;
pub mod log;
pub mod notify;
pub mod passed;
#[cfg(feature = "pbx")]
pub mod pbx_driver;
mod random;
pub mod syn;
pub mod uid;

use std::path::PathBuf;

pub use random::{RandomError, entropy, fill_random};

/// Where the Unix sockets of the services are: `RAMAL_RUN`, or `/run/ramal` on the box.
#[must_use]
pub fn run_dir() -> PathBuf {
    std::env::var_os("RAMAL_RUN").map_or_else(|| PathBuf::from("/run/ramal"), PathBuf::from)
}

/// The path of one service's socket.
#[must_use]
pub fn socket_path(service: &str) -> PathBuf {
    run_dir().join(format!("{service}.sock"))
}
