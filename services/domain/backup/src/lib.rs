//! Backups of a box: what an archive looks like, and when and how many there are.
//!
//! ```text
//! "RAMALBAK"  format u16  length u16  header (JSON, in the clear, bound to the key)
//! length u32 | 2^31 on the last   ChaCha20-Poly1305 of 64 KiB of a zstd frame   again and again
//! Ed25519 of the box over everything before
//! ```
//! Numbers are little-endian. The zstd frame is a row of entries (table, key, value) and, at its
//! end, how many there were (docs/decisions/0038). Format 2 has the sounds of prompts behind the
//! tables; an archive without any is of format 1. A byte that was not made by somebody who has the
//! code reaches neither zstd nor anything behind it; the signature says which box it was.
//!
//! What this crate must never do: read a file or a clock, draw a key, hold more of an archive than
//! a chunk and an entry, or give an entry out that was not proved.
//!
//! Read first: [`Writer`], [`Reader`], then [`plan`](mod@crate::plan) and [`away`].

pub mod away;
mod code;
mod entry;
mod header;
mod keys;
mod pack;
pub mod plan;
mod reader;
mod refusal;
#[cfg(test)]
mod tests;
mod writer;

pub use code::Code;
pub use entry::{Summary, TABLES, Table};
pub use header::{FORMAT, Header};
pub use keys::{BackupKey, KeyId, Signer};
pub use reader::{Event, Reader};
pub use refusal::Refusal;
pub use writer::{WriteError, Writer};

/// Bytes of a zstd frame that are encrypted at once.
const CHUNK: usize = 64 * 1024;

/// Bytes that encryption adds to a chunk.
const TAG: usize = 16;

/// Longest key of an entry, bytes.
pub const KEY_MAX: usize = 4 * 1024;

/// Longest value of an entry, bytes: a site of 10,000 extensions is 3 MiB.
pub const VALUE_MAX: usize = 16 * 1024 * 1024;
