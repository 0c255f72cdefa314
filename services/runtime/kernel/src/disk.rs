//! The disks of the box, and what is on them.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::{Context, SystemError};

/// A whole disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disk {
    /// The kernel's name, as in `vda`.
    pub name: String,
    /// Its serial number; empty when it has none.
    pub serial: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it can be pulled out, as a memory stick can.
    pub is_removable: bool,
}

impl Disk {
    /// Every disk that can hold something, by name.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Self::all_in(Path::new("/sys/block"))
    }

    fn all_in(folder: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut disks: Vec<Self> = entries
            .flatten()
            .filter_map(|entry| Self::read(&entry.path()))
            .collect();
        disks.sort_by(|a, b| a.name.cmp(&b.name));
        disks
    }

    fn read(folder: &Path) -> Option<Self> {
        let name = folder.file_name()?.to_string_lossy().into_owned();
        if NOT_DISKS.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let sectors: u64 = text("size").trim().parse().ok()?;
        let serial = ["serial", "device/serial", "device/wwid"].map(text);
        let serial = serial.iter().map(|it| it.trim()).find(|it| !it.is_empty());
        let serial = serial.unwrap_or_default().to_owned();
        let bytes = sectors.saturating_mul(512);
        let is_removable = text("removable").trim() == "1";
        (bytes > 0).then_some(Self {
            name,
            serial,
            bytes,
            is_removable,
        })
    }

    /// Its device file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// Opens it to be looked at.
    ///
    /// # Errors
    /// When the device does not answer.
    pub fn open(&self) -> Result<File, SystemError> {
        File::open(self.path()).context("open", self.path().display())
    }

    /// Opens it to be written.
    ///
    /// # Errors
    /// When the device does not answer or is write protected.
    pub fn open_for_writing(&self) -> Result<File, SystemError> {
        let path = self.path();
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .context("write to", path.display())
    }
}

/// What `/sys/block` lists besides disks.
const NOT_DISKS: [&str; 7] = ["loop", "ram", "zram", "dm-", "sr", "fd", "md"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_listed_with_serial_and_size_and_others_are_not() {
        let folder = std::env::temp_dir().join(format!("ramal-disks-{}", std::process::id()));
        for (name, sectors) in [("vdb", "2048"), ("vda", "64"), ("loop0", "9"), ("sda", "0")] {
            fs::create_dir_all(folder.join(name)).expect("made");
            fs::write(folder.join(name).join("size"), sectors).expect("written");
        }
        fs::write(folder.join("vdb/serial"), "ramal-data\n").expect("written");
        let disks = Disk::all_in(&folder);
        fs::remove_dir_all(&folder).expect("removed");
        let seen: Vec<_> = disks
            .iter()
            .map(|it| (&*it.name, &*it.serial, it.bytes))
            .collect();
        assert_eq!(
            seen,
            [("vda", "", 64 * 512), ("vdb", "ramal-data", 2048 * 512)]
        );
    }
}
