//! Who guesses, scans and floods, and what follows: counts, locks, bans (R53-R55, R69).
//!
//! What this crate must never do: let anything an attacker wrote decide but parsed fields, ban who
//! cannot be known to be where he says he is, or ban the phones of an office for one of them.
//!
//! Two parts. A [`Door`] lives in the service that looks at passwords, and shuts before the next
//! one is looked at; it decides alone, and within one message. The [`GuardNode`] lives in a process
//! of its own, hears what all doors found, says how long each ban lasts, keeps them over a restart,
//! and tells them all doors.
//!
//! [`Borders`] is beside the door: from which countries anybody is heard at all (R48, R49).
//!
//! Read first: [`Door`], then [`GuardNode`].

mod bans;
mod book;
mod borders;
mod by_network;
mod door;
mod lately;
mod line;
mod node;
mod notice;
mod owner;
mod protected;
mod target;
mod window;
mod work;

pub use bans::Bans;
pub use book::{Ban, may_be_lifted};
pub use borders::{Around, Borders};
pub use door::{Attempt, Door};
pub use node::{GuardNode, Input, Output};
pub use notice::Notice;
pub use protected::{GuestsChanged, Protected};

#[cfg(test)]
mod tests;
