//! Which disks are never written to, whatever anybody types.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::machine::{Disk, Machine, Mount};

/// Why a disk is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// This machine runs from it.
    #[error("this machine runs from it (it holds {0})")]
    System(String),
    /// Somebody works with it.
    #[error("it is mounted at {0}; unmount it first")]
    Mounted(String),
    /// The machine swaps to it.
    #[error("this machine swaps to {0}; run `swapoff /dev/{0}` first")]
    Swap(String),
    /// A volume lies on it.
    #[error("{0} uses it (RAID, LVM or encryption); stop that first")]
    Held(String),
    /// It cannot be written.
    #[error("it is write protected; move the switch on its side, or use another one")]
    ReadOnly,
    /// There is no room.
    #[error("it has {found} bytes, and a box needs {needed}")]
    TooSmall {
        /// Bytes it has.
        found: u64,
        /// Bytes it would need.
        needed: u64,
    },
    /// The image would be written over itself.
    #[error("the image itself lies on it; copy the image to another disk first")]
    HoldsImage,
}

/// Bytes that the data of a box needs at least.
pub const DATA_LENGTH_MIN: u64 = 64 << 20;

impl Machine {
    /// Everything that speaks against writing an image of `image_length` bytes to a disk.
    #[must_use]
    pub fn refusals(&self, disk: &Disk, image_length: u64, image: Option<&Path>) -> Vec<Refusal> {
        let mut found = self.uses(disk);
        if image.is_some_and(|image| self.holds(disk, image)) {
            found.push(Refusal::HoldsImage);
        }
        if disk.is_read_only {
            found.push(Refusal::ReadOnly);
        }
        found.extend(room(disk.bytes, image_length));
        found
    }

    fn uses(&self, disk: &Disk) -> Vec<Refusal> {
        let mounts = self.mounts();
        let mounted = mounts.iter().filter(|mount| is_on(disk, mount));
        let mut places: Vec<&str> = mounted.map(|mount| mount.at.as_str()).collect();
        places.sort_unstable();
        places.dedup();
        let mut found = Vec::new();
        if let Some(place) = places.iter().find(|place| SYSTEM.contains(*place)) {
            found.push(Refusal::System((*place).to_owned()));
        } else if let Some(place) = places.first() {
            found.push(Refusal::Mounted((*place).to_owned()));
        }
        let swaps = self.swaps();
        let names = disk.members.iter().map(|member| &member.name);
        let swap = names
            .clone()
            .find(|name| swaps.iter().any(|it| is_device(it, name)));
        found.extend(swap.map(|name| Refusal::Swap(name.clone())));
        let holder = names.clone().find(|name| !name.starts_with(&disk.name));
        found.extend(holder.map(|name| Refusal::Held(name.clone())));
        found
    }

    /// Whether a file lies on the disk.
    fn holds(&self, disk: &Disk, image: &Path) -> bool {
        let Ok(metadata) = std::fs::metadata(image) else {
            return false;
        };
        let number = device_number(metadata.dev());
        let mounts = self.mounts();
        let mut mounts = mounts.iter().filter(|mount| mount.device == number);
        let is_member = disk.members.iter().any(|member| member.device == number);
        is_member || mounts.any(|mount| is_on(disk, mount))
    }
}

/// Whether so many bytes are enough for an image and the data of a box.
#[must_use]
pub fn room(found: u64, image_length: u64) -> Option<Refusal> {
    let needed = image_length.saturating_add(DATA_LENGTH_MIN);
    (found < needed).then_some(Refusal::TooSmall { found, needed })
}

fn is_on(disk: &Disk, mount: &Mount) -> bool {
    // File systems with several devices have a number of their own; their source names one.
    disk.members.iter().any(|member| {
        let mapped = format!("/dev/mapper/{}", member.mapped);
        member.device == mount.device
            || is_device(&mount.source, &member.name)
            || (!member.mapped.is_empty() && mount.source == mapped)
    })
}

fn is_device(path: &str, name: &str) -> bool {
    path.strip_prefix("/dev/") == Some(name)
}

/// `8:17`.
fn device_number(device: u64) -> String {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    format!("{major}:{minor}")
}

/// Where the system itself is mounted.
const SYSTEM: [&str; 7] = [
    "/",
    "/boot",
    "/boot/efi",
    "/efi",
    "/usr",
    "/var",
    "/nix/store",
];

#[cfg(test)]
mod tests;
