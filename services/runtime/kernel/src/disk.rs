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

    /// Whether a card in the machine that has a program of its own (option ROM) is on the way to a
    /// partition or disk, by its device file.
    #[must_use]
    pub fn is_behind_option_rom(device: &Path) -> bool {
        Self::is_behind_option_rom_in(Path::new("/sys/class/block"), device)
    }

    fn is_behind_option_rom_in(folder: &Path, device: &Path) -> bool {
        let name = device.file_name().unwrap_or_default();
        let Ok(place) = folder.join(name).canonicalize() else {
            return false;
        };
        // Linux Documentation/ABI/testing/sysfs-bus-pci.
        place.ancestors().any(|it| it.join("rom").is_file())
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
    fn a_card_with_a_program_of_its_own_is_seen_on_the_way_to_a_partition() {
        let root = std::env::temp_dir().join(format!("ramal-rom-{}", std::process::id()));
        let (class, card) = (root.join("class"), root.join("devices/0000:01:00.0"));
        let partition = card.join("host0/block/sda/sda3");
        fs::create_dir_all(&partition).expect("made");
        fs::create_dir_all(&class).expect("made");
        std::os::unix::fs::symlink(&partition, class.join("sda3")).expect("linked");
        let is_behind =
            |name: &str| Disk::is_behind_option_rom_in(&class, &Path::new("/dev").join(name));
        assert!(!is_behind("sda3") && !is_behind("sdb3"));
        fs::write(card.join("rom"), "").expect("written");
        assert!(is_behind("sda3") && !is_behind("sdb3"));
        fs::remove_dir_all(&root).expect("removed");
    }

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
