//! The disks of a machine: which may be written, and how a whole one is, so that whatever happens
//! it holds a box or starts nothing.
//!
//! What this crate must never do: write to a disk that is in use, or decide what goes on one; that
//! is its caller's (`flash`, `firmware`). Everything it writes is read back before the partition
//! table is there.
//! Read first: [`Writer`], which keeps the order that makes that so, then [`Machine`] and
//! [`Refusal`] for which disks are never written.

mod device;
pub mod esp;
mod extents;
mod layout;
mod machine;
mod refusal;
#[cfg(test)]
mod sample;
mod sparse;
mod watch;
mod writer;

pub use device::{Device, DeviceError, FileDevice, open_exclusively};
pub use extents::Extents;
pub use layout::table_of_a_box;
pub use machine::{Disk, DiskPartition, Machine};
pub use refusal::{DATA_LENGTH_MIN, Refusal, room};
pub use sparse::SparseDisk;
pub use watch::{Pace, Phase, Watcher};
pub use writer::{BEGINNING, DiskFault, Entropy, PIECE, Writer, rename};
