//! What `init` needs of the Linux kernel, one small safe function for each thing.
//!
//! What this crate must never do: decide. It mounts, loads, spawns and kills what it is told to;
//! the rules are in `supervise` and in `init`. It never formats a disk that holds anything.
//! Read first: [`SystemError`], then [`spawn::Program`] and [`ext4`].
//! Sources: man-pages 6 section 2, Linux Documentation/filesystems/ext4, Documentation/watchdog.
//!
//! rustix comes first, because its calls are raw system calls with checked types; libc serves for
//! `fork`, `execve` and signal descriptors, which rustix leaves to the C library.

pub mod block;
pub mod button;
pub mod cgroup;
pub mod clock;
pub mod cmdline;
mod crc32c;
pub mod disk;
pub mod efi;
mod error;
pub mod ext4;
pub mod hotplug;
pub mod landlock;
pub mod mapper;
pub mod modules;
pub mod mount;
pub mod network;
pub mod poller;
pub mod power;
pub mod process;
pub mod processor;
pub mod random;
pub mod signals;
pub mod spawn;
pub mod sysctl;
pub mod terminal;
pub mod watchdog;

pub use error::{Context, SystemError};
