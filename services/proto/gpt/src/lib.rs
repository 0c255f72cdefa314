//! GUID partition tables (UEFI 2.10 §5): read, changed and written as bytes.
//!
//! What this crate must never do: touch a disk, or panic on bytes from one. It says which bytes go
//! where; whoever writes them keeps the order of [`Table::writes`], so that the power may fail at
//! any moment: one of the two copies is always whole.
//! Read first: [`Table`], then [`Table::find`] for whoever looks for a table.
//!
//! Both sector sizes that disks have (512 and 4096 bytes) are served. Tables of others are read as
//! far as they have the usual 128 entries of 128 bytes.

mod geometry;
mod read;
mod table;
mod write;

pub use geometry::{Geometry, GeometryFault};
pub use read::{Found, ReadFault};
pub use table::{Partition, Table, TableFault};
pub use write::Write;

/// Entries of a table.
pub const ENTRIES: usize = 128;

/// Bytes of an entry.
pub(crate) const ENTRY_LENGTH: usize = 128;

/// Bytes of all entries.
pub(crate) const ENTRIES_LENGTH: usize = ENTRIES * ENTRY_LENGTH;

/// `EFI PART`.
pub(crate) const SIGNATURE: &[u8; 8] = b"EFI PART";

/// Bytes of a header that its check value covers.
pub(crate) const HEADER_LENGTH: usize = 92;
