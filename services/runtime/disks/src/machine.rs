//! The disks of this machine and what they are used for, as the kernel tells it.
//!
//! Everything is read below a folder that is `/` but for tests.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Disk {
    /// The kernel's name, as `sdb`.
    pub name: String,
    /// Who made it and what it is called.
    pub model: String,
    /// Its serial number; empty when it has none.
    pub serial: String,
    /// Bytes.
    pub bytes: u64,
    /// How it is connected: `usb`, `nvme`, `sata`, `mmc`, `virtio` or `other`.
    pub bus: &'static str,
    /// Whether it can be pulled out.
    pub is_removable: bool,
    /// Whether it cannot be written.
    pub is_read_only: bool,
    /// Its partitions.
    pub partitions: Vec<DiskPartition>,
    /// It, its partitions, and what lies on them, as `sdb`, `sdb2`, `dm-0`.
    #[serde(skip)]
    pub(crate) members: Vec<Member>,
}

/// A partition of a disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DiskPartition {
    /// The kernel's name.
    pub name: String,
    /// What it is called in the table; empty when it is not.
    pub label: String,
    /// Bytes.
    pub bytes: u64,
}

/// A block device of the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// `8:16`.
    pub(crate) device: String,
    /// The name in `/dev/mapper`, of one that has it.
    pub(crate) mapped: String,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Machine {
    /// One whose `/sys` and `/proc` lie below this folder.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Every disk that can hold something, by name.
    #[must_use]
    pub fn disks(&self) -> Vec<Disk> {
        let entries = fs::read_dir(self.root.join("sys/block"));
        let names = entries.into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names
            .filter(|name| !NOT_DISKS.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        names.sort();
        let disks = names.iter().filter_map(|name| self.disk(name));
        disks.filter(|disk| disk.bytes > 0).collect()
    }

    /// The disk of this name, of whatever kind.
    #[must_use]
    pub fn disk(&self, name: &str) -> Option<Disk> {
        let folder = self.root.join("sys/block").join(name);
        let size = bytes(&folder)?;
        let real = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
        let parts = partition_folders(&folder);
        let mut members = Vec::new();
        for folder in std::iter::once(&folder).chain(&parts) {
            self.gather(folder, &mut members);
        }
        let partitions = parts.iter().filter_map(|part| {
            Some(DiskPartition {
                name: last_name(part),
                label: value(&text(&part.join("uevent")), "PARTNAME=").to_owned(),
                bytes: bytes(part)?,
            })
        });
        Some(Disk {
            name: name.to_owned(),
            model: model(&folder),
            serial: self.serial(&folder, &real),
            bytes: size,
            bus: bus(&real),
            is_removable: text(&folder.join("removable")) == "1",
            is_read_only: text(&folder.join("ro")) == "1",
            partitions: partitions.collect(),
            members,
        })
    }

    /// What is mounted: the device's number, its name in `/dev` and where.
    pub(crate) fn mounts(&self) -> Vec<Mount> {
        let table = text(&self.root.join("proc/self/mountinfo"));
        let mount = |line: &str| {
            // Fields 3 and 5, and the second behind ` - ` (Linux, proc_pid_mountinfo(5)).
            let (front, back) = line.split_once(" - ")?;
            let mut front = front.split(' ').skip(2);
            let device = front.next()?.to_owned();
            let at = front.nth(1)?.replace("\\040", " ");
            let source = back.split(' ').nth(1)?.to_owned();
            Some(Mount { device, source, at })
        };
        table.lines().filter_map(mount).collect()
    }

    /// The devices that the machine swaps to.
    pub(crate) fn swaps(&self) -> Vec<String> {
        let table = text(&self.root.join("proc/swaps"));
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        table.lines().skip(1).filter_map(first).collect()
    }

    /// The device and everything that lies on it: RAID, volumes, encryption.
    fn gather(&self, folder: &Path, members: &mut Vec<Member>) {
        let name = last_name(folder);
        if members.iter().any(|member| member.name == name) {
            return;
        }
        members.push(Member {
            name,
            device: text(&folder.join("dev")),
            mapped: text(&folder.join("dm/name")),
        });
        let holders = fs::read_dir(folder.join("holders")).into_iter().flatten();
        for holder in holders.flatten() {
            let folder = self.root.join("sys/block").join(holder.file_name());
            self.gather(&folder, members);
        }
    }

    /// What udev knows, else what the disk's folders say, up to the USB device's.
    fn serial(&self, folder: &Path, real: &Path) -> String {
        let device = text(&folder.join("dev"));
        let known = text(&self.root.join(format!("run/udev/data/b{device}")));
        let known = value(&known, "E:ID_SERIAL_SHORT=").to_owned();
        let near = ["serial", "device/serial"].map(|name| text(&folder.join(name)));
        let above = real.ancestors().skip(1).take(8);
        let above = above.map(|folder| text(&folder.join("serial")));
        let mut all = std::iter::once(known).chain(near).chain(above);
        all.find(|serial| !serial.is_empty()).unwrap_or_default()
    }
}

/// Something mounted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mount {
    pub(crate) device: String,
    pub(crate) source: String,
    pub(crate) at: String,
}

fn partition_folders(disk: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(disk).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut found: Vec<_> = paths.filter(|it| it.join("partition").exists()).collect();
    // `sda2` before `sda10`.
    found.sort_by_key(|it| (it.as_os_str().len(), it.clone()));
    found
}

fn model(folder: &Path) -> String {
    let words = ["device/vendor", "device/model", "device/name"];
    let words = words.map(|name| text(&folder.join(name)));
    let words = words
        .iter()
        .filter(|it| !it.is_empty() && !it.starts_with("0x"));
    words.map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn bus(real: &Path) -> &'static str {
    let path = real.to_string_lossy();
    let marks = [
        ("/usb", "usb"),
        ("/nvme", "nvme"),
        ("/mmc", "mmc"),
        ("/ata", "sata"),
        ("/virtio", "virtio"),
    ];
    let found = marks.iter().find(|(mark, _)| path.contains(mark));
    found.map_or("other", |(_, bus)| bus)
}

fn bytes(folder: &Path) -> Option<u64> {
    // In units of 512 bytes whatever the sectors (Linux, Documentation/ABI/stable/sysfs-block).
    let units: u64 = text(&folder.join("size")).parse().ok()?;
    units.checked_mul(512)
}

fn last_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(key));
    values.next().unwrap_or_default()
}

/// What `/sys/block` lists besides disks.
const NOT_DISKS: [&str; 8] = ["loop", "ram", "zram", "dm-", "sr", "fd", "md", "nbd"];
