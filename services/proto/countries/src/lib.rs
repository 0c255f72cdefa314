//! Which country an address is registered in (R48, R49): countries, and a table of all addresses.
//!
//! What this crate must never do: read a file, ask anybody, guess a country that the table does not
//! name, or panic on a table that somebody else has written.
//!
//! Read first: [`Country`], then [`Table`], then [`pack`].
//!
//! # The table
//! One run of bytes that is looked up as it lies, as unpacking it would take five times the memory.
//! All numbers are little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 8 | when the data were made, seconds since 1970 |
//! | 3 × (1 + n) | source, licence and address of the source: length and text |
//! | 1 + 2n | how many countries there are, and their codes, ascending |
//! | twice | IPv4, then IPv6 |
//!
//! Of each IP version: how many entries (4 bytes) and how many bytes they have (4), then the index,
//! then the entries. An entry begins where the one before ends, so a stretch that is nobody's is
//! one too, but for the one before the first. 64 entries are a block; the index has of each its
//! first address (8) and where it begins among the bytes (4). Addresses are numbers: the 32 bits
//! of IPv4, the first 64 of IPv6, as no line has less. An entry is the place of its country, from
//! 1, or 0 for none; and, but for the first of a block, its distance from the one before: the
//! count of zeros it ends with (1), then the rest, 7 bits a byte, the lowest first, the highest
//! bit set where more follow.

mod country;
mod names;
mod pack;
mod read;
mod table;

pub use country::Country;
pub use pack::{PackFault, Range, pack};
pub use table::{About, Damage, Table};

/// Where the box has its table.
pub const PLACE: &str = "/usr/share/ramal/countries";
/// How every table begins; another form would begin otherwise.
pub const MAGIC: [u8; 8] = *b"RmlCtry1";
/// Largest table, bytes: three times what all addresses of 2026 take.
pub const TABLE_MAX: usize = 8 * 1024 * 1024;
/// Entries of a block: so many are read at most for one answer.
const BLOCK: usize = 64;
/// Bytes of the index for one block.
const INDEX_ENTRY: usize = 12;
/// The last address of IPv4.
const IPV4_LAST: u64 = 0xffff_ffff;
/// Most countries: one byte tells them and nobody apart.
const COUNTRIES_MAX: usize = 255;

#[cfg(test)]
mod tests;
