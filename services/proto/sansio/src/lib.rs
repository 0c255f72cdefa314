//! The one shape of everything that has state: time and causes in, values out.
//!
//! What this crate must never do: read a clock, open a socket, draw entropy.
//! Read first: [`Node`], then [`Instant`] and [`UnixTime`], then [`Datagram`].
//!
//! `std::time::Instant` is not used because it cannot be constructed: a simulator that wants the
//! year 2106 or a step of 64*T1 needs an instant it can write down.

mod datagram;
mod network;
mod rng;
mod time;

pub use datagram::{Datagram, Transport};
pub use network::network_of;
pub use rng::{Entropy, Rng};
pub use time::{Instant, UnixTime};

/// A state machine that production and the simulator drive alike.
///
/// The contract: call [`handle`](Self::handle) with exactly one cause, then drain
/// [`poll`](Self::poll) until it returns `None`, and only then call `handle` again. When
/// [`deadline`](Self::deadline) passes, call `handle` with the input type's `Timer` variant.
pub trait Node {
    /// Everything that can happen to the node; a closed enum.
    type Input;
    /// Everything the node can ask of the world; a closed enum.
    type Output;

    /// Takes exactly one cause at `now`. `now` never runs backwards between two calls.
    fn handle(&mut self, now: Instant, input: Self::Input);

    /// Takes the next output; `None` when the last cause is fully worked off.
    fn poll(&mut self) -> Option<Self::Output>;

    /// When the node next wants a `Timer` input; `None` when nothing is pending.
    fn deadline(&self) -> Option<Instant>;
}
