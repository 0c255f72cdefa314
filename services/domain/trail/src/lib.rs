//! The audit trail: how its entries are chained (R40), and the file that proves them elsewhere.
//!
//! ```text
//! {"ramal_audit":1, of_box, exported_millis, first, last, previous, head, signature}
//! {"sequence":first, at_millis, who, from, action, before, after, hash}
//! ...
//! {"sequence":last, ..., "hash":head}
//! ```
//! One JSON object a line. Each hash is over the one before and the entry; `previous` is what the
//! first entry is chained to, so a part of the trail proves as much as the whole; the signature is
//! over everything else in the first line (docs/decisions/0048).
//!
//! What this crate must never do: read a file, a clock or a key, or take a line for good that is
//! not byte for byte as a box writes it.
//!
//! Read first: [`hash`], then [`Heading`], then [`Verifier`].

mod chain;
mod file;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::{GENESIS, hash};
pub use file::{FORMAT, Heading, LINE_BYTES_MAX, Stretch, line};
pub use verify::{Verifier, What, Wrong};
