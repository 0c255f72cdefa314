//! The rules of the box: who may reach what of it, by the zone he is in (R72-R80).
//!
//! What this crate must never do: any I/O. It says what is to stand in the kernel. Nobody loads it
//! yet: PID 1 will, before any socket is opened, and `guard` will keep its sets.
//!
//! A packet is of the first of these zones that it fits: the box's own (`lo`), the grid (what comes
//! out of the tunnel, and nothing else that says it is from there), the office (the internal
//! networks), near (private addresses that the site does not count as internal), and outside.
//!
//! Read first: [`ruleset`] (constant), then [`Listed`] and [`ban`] (the sets in it, which are all
//! that a site decides).

mod ban;
mod listed;
#[cfg(test)]
mod netns;
mod rules;

pub use ban::{BANS, Ban, ban};
pub use listed::{Listed, elements};
pub use rules::{BANNED, REFUSED, TABLE, ruleset};
