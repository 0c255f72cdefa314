//! Update files: what is in them, who may have signed them, and in which order they are written.
//!
//! What this crate must never do: touch a disk or a network, let one byte out to be written before
//! its hash was checked against a list that trusted keys have signed, or take the first bytes of a
//! slot, which make it one, before all others.
//! Read first: [`Receiver`], then [`Manifest`] and [`Refusal`].
//!
//! An update file is
//!
//! ```text
//! "RMLUPD01"  u32 bytes of the rest of the head
//!   u16 key sets   512 bytes each: each signed by the one before, the first by one the box has
//!   u16 signatures  8 + 64 bytes each: of the manifest
//!   u32 bytes of the manifest, JSON, exactly as signed
//!   32 bytes a chunk: SHA-256 of each
//! then the slot in chunks of 16 KiB, the last one shorter
//! then patches, of which the manifest tells for which version each is
//! ```
//! All numbers are little-endian. Keys have no dates: a box without a clock can judge a file.

mod head;
mod manifest;
mod patching;
mod receiver;
mod refusal;

pub use head::{Head, make_head};
pub use manifest::{Manifest, PatchEntry};
pub use receiver::{Output, Receiver, Running};
pub use refusal::Refusal;

/// How long the head of an update file is, from its first bytes; `None` when they are none or too
/// few. Who signed it is not judged.
#[must_use]
pub fn head_length(bytes: &[u8]) -> Option<usize> {
    Head::length(bytes).ok().flatten()
}

/// What an update file says it is, without a word on who signed it: for those who compare files.
/// `None` when it cannot be read.
#[must_use]
pub fn manifest_unverified(head: &[u8]) -> Option<Manifest> {
    Head::manifest_unverified(head)
}

/// Bytes of a chunk. Parts of a slot begin at multiples of it, so that what did not change from one
/// version to the next has the same hashes, wherever it lies.
pub const CHUNK: usize = 16 * 1024;

/// Most bytes of a head: key sets, a manifest with its notes, and the hashes of a full slot.
pub const HEAD_MAX: usize = 2 * 1024 * 1024;

/// Most bytes of a patch: it is kept in memory. What is larger saves too little to be worth it.
pub const PATCH_MAX: u64 = 4 * 1024 * 1024;
