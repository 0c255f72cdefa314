//! Which disk is the root and which the data disk.

use kernel::disk::Disk;

/// Finds the root disk: the one the command line names, else the one with our serial number, else
/// the first that holds a squashfs.
pub(crate) fn root<'a>(disks: &'a [Disk], wanted: Option<&str>) -> Option<&'a Disk> {
    named(disks, wanted, ROOT_SERIAL).or_else(|| {
        disks
            .iter()
            .find(|disk| wanted.is_none() && disk.is_squashfs())
    })
}

/// Finds the data disk among all but the root disk: the one the command line names, else the one
/// with our serial number.
pub(crate) fn data<'a>(disks: &'a [Disk], root: &Disk, wanted: Option<&str>) -> Option<&'a Disk> {
    named(disks, wanted, DATA_SERIAL).filter(|disk| disk.name != root.name)
}

/// The largest fixed disk that passes `fits`, among all but the root disk.
pub(crate) fn largest<'a>(
    disks: &'a [Disk],
    root: &Disk,
    fits: impl Fn(&Disk) -> bool,
) -> Option<&'a Disk> {
    let candidates = disks
        .iter()
        .filter(|disk| disk.name != root.name && !disk.is_removable);
    candidates
        .filter(|disk| fits(disk))
        .max_by_key(|disk| disk.bytes)
}

fn named<'a>(disks: &'a [Disk], wanted: Option<&str>, serial: &str) -> Option<&'a Disk> {
    match wanted {
        Some(wanted) => disks
            .iter()
            .find(|disk| disk.name == wanted || disk.serial == wanted),
        None => disks.iter().find(|disk| disk.serial == serial),
    }
}

/// The serial number the root disk has in the lab.
const ROOT_SERIAL: &str = "ramal-root";
/// The serial number the data disk has in the lab.
const DATA_SERIAL: &str = "ramal-data";

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str, serial: &str, bytes: u64, is_removable: bool) -> Disk {
        Disk {
            name: name.into(),
            serial: serial.into(),
            bytes,
            is_removable,
        }
    }

    #[test]
    fn the_command_line_goes_before_the_serial_number() {
        let disks = [
            disk("vda", "ramal-root", 1, false),
            disk("vdb", "x", 2, false),
        ];
        assert_eq!(root(&disks, None).map(|it| &*it.name), Some("vda"));
        assert_eq!(root(&disks, Some("vdb")).map(|it| &*it.name), Some("vdb"));
        assert_eq!(root(&disks, Some("x")).map(|it| &*it.name), Some("vdb"));
        assert_eq!(root(&disks, Some("sda")), None);
    }

    #[test]
    fn neither_the_root_disk_nor_a_stick_becomes_the_data_disk() {
        let root = disk("vda", "ramal-root", 900, false);
        let disks = [
            root.clone(),
            disk("sda", "", 800, true),
            disk("vdb", "", 1, false),
        ];
        assert_eq!(
            largest(&disks, &root, |_| true).map(|it| &*it.name),
            Some("vdb")
        );
        assert_eq!(data(&disks, &root, Some("vda")), None);
        assert_eq!(data(&disks, &root, None), None);
    }
}
