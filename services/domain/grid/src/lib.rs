//! The box's tunnel to a hub of its grid: what is set up, where it points, and whether it is up.
//!
//! What this crate must never do: let the tunnel lead to a network the box is in, or take a clock
//! for true; a handshake is new when its stamp is another one than before.
//!
//! Read first: [`TunnelNode`], then [`Standing`].
//! Sources: WireGuard's paper (Donenfeld 2020) §6 for the times of sessions.

mod events;
mod tunnel;

pub use events::{Input, Notice, Output, Standing};
pub use tunnel::TunnelNode;

#[cfg(test)]
mod tests;
