//! Puts a disk image onto a disk, so that whatever happens the disk holds a whole box or none.
//!
//! What this crate must never do: write to a disk that is in use or that nobody has named, leave a
//! disk that starts half a box, or call a disk good that it has not read back.
//! Read first: [`BlockMap`] and [`pack`] for what an image is made of.
//!
//! An image is three files: `ramal-<version>.img.zst`, the disk from its first to its last byte;
//! `ramal-<version>.img.bmap`, which parts of it hold something and their SHA-256 (the format of
//! bmaptool 2.0, which may be used as well); and `SHA256SUMS`, of both and of the image unpacked.

mod block_map;
mod checksums;
mod content;
pub mod esp;
mod extents;
mod pack;
#[cfg(test)]
mod sample;
mod sparse;

pub use block_map::{BLOCK, BlockMap, BlockMapFault, MappedRange};
pub use checksums::{CHECKSUMS, Checksums};
pub use extents::Extents;
pub use pack::{PackError, Packed, pack};
pub use sparse::SparseDisk;
