//! The process that keeps the bans: the loop around a [`guard::GuardNode`], the socket by which
//! doors and pages ask it, and its rows in the store.
//!
//! What this crate must never do: decide who is banned (that is `guard`'s), have a door wait for
//! the disk, or wait for a door that does not read.
//!
//! Read first: [`run`] (the loop), then `asks.rs` (who may ask what, and what is believed), then
//! `doors.rs` (what those who watch are told) and `keeping.rs` (what is written, and when).

mod around;
mod asks;
mod doors;
mod guests;
mod hiding;
mod keeping;
mod lifting;
mod service;
mod settings;
mod status;
#[cfg(test)]
mod tests;

pub use asks::Peers;
pub use service::{Places, World, run};
