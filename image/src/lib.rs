//! Makes the box's image: kernel, initramfs, root file system and the template of the data disk.
//!
//! Start with [`prepare::prepare`], which installs what the host lacks, then [`build::build`],
//! which answers with an [`build::Image`]: the paths of the parts and their sizes.
//!
//! What this crate must never do: put anything in userspace that is not one of our static binaries
//! or a file from `overlay/`; write outside the target folder and the cache folder; take a package
//! that apt has not verified.
//!
//! Rejected: running `depmod`, `mkinitramfs` and `mksquashfs`. The few formats are small, and our
//! own writers give the same bytes on every host.

mod about;
pub mod assemble;
pub mod authenticode;
pub mod base;
mod bill;
pub mod build;
pub mod buildroot;
pub mod cargo;
pub mod countries;
mod cpio;
mod data_template;
mod deb;
pub mod delta;
mod der;
pub mod disk;
mod e2fsck;
pub mod enrolment;
mod host;
mod initramfs;
mod kernel;
pub mod keys;
pub mod machine;
mod modinfo;
mod modules;
mod notices;
pub mod patches;
pub mod pe;
pub mod prepare;
pub mod progress;
pub mod root;
pub mod shipped_file;
mod slim;
pub mod slot_image;
pub mod uki;
pub mod update_file;
mod vmlinux;

pub use cargo::BinaryTarget;
pub use disks::esp;
pub use host::{HostError, program};
pub use machine::Machine;
