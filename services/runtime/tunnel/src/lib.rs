//! The tunnel to a grid in the kernel: a WireGuard interface, its peer, addresses and routes.
//!
//! What this crate must never do: decide anything (that is `grid`'s), or let a key into a log line.
//!
//! Read first: [`Kernel`] (what is asked of it), then [`run`] (the loop that drives a
//! [`grid::TunnelNode`]), then [`PrivateKey`].
//! The interface outlives the process that made it, with its session.

mod kernel;
mod key;
#[cfg(test)]
mod netns;
mod routes;
mod service;
mod status;

pub use kernel::{Kernel, KernelError};
pub use key::PrivateKey;
pub use service::{Set, World, run, standing};
pub use status::{SharedStatus, status};
