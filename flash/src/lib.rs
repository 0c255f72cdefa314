//! Puts a disk image onto a disk, so that whatever happens the disk holds a whole box or none.
//!
//! What this crate must never do: write to a disk that is in use or that nobody has named, leave a
//! disk that starts half a box, or call a disk good that it has not read back.
//! Read first: [`write`], which keeps the order that makes that so, then [`BlockMap`] and [`pack`]
//! for what an image is made of.
//!
//! An image is three files: `ramal-<version>.img.zst`, the disk from its first to its last byte;
//! `ramal-<version>.img.bmap`, which parts of it hold something and their SHA-256 (the format of
//! bmaptool 2.0, which may be used as well); and `SHA256SUMS`, of both and of the image unpacked.

mod block_map;
mod checksums;
pub mod command;
mod content;
mod pack;
mod plan;
mod progress;
mod range_check;
#[cfg(test)]
mod sample;
mod source;
mod write;

pub use block_map::{BLOCK, BlockMap, BlockMapFault, MappedRange};
pub use checksums::{CHECKSUMS, Checksums};
pub use disks::{
    DATA_LENGTH_MIN, Device, DeviceError, Disk, DiskFault, DiskPartition, Entropy, Extents,
    FileDevice, Machine, Phase, Refusal, SparseDisk, Watcher, esp,
};
pub use pack::{PackError, Packed, forget_other, pack};
pub use plan::PlanError;
pub use source::{Source, SourceError};
pub use write::{Order, WriteError, Written, write};
