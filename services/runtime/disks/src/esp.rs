//! The EFI system partition: a FAT32 with the loader and the rescue system, always the same bytes.

use std::io::{Seek as _, Write as _};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};

use crate::extents::Extents;
use crate::sparse::SparseDisk;

/// A file of the partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EspFile {
    /// Path with `/`, as `EFI/BOOT/BOOTX64.EFI`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The partition with these files, in sectors of so many bytes.
///
/// Times are those of FAT's beginning: the writer has no clock.
///
/// # Errors
/// The files do not fit.
pub fn make(sector: u16, length: u64, files: &[EspFile]) -> std::io::Result<Vec<u8>> {
    let disk = make_sparse(sector, length, files)?;
    let length = usize::try_from(length).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    disk.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// The same, of which what is zero takes no memory.
///
/// # Errors
/// The files do not fit.
pub fn make_sparse(sector: u16, length: u64, files: &[EspFile]) -> std::io::Result<SparseDisk> {
    let mut disk = SparseDisk::new(length);
    let options = FormatVolumeOptions::new()
        .bytes_per_sector(sector)
        .bytes_per_cluster(CLUSTER)
        .fat_type(FatType::Fat32)
        .volume_id(VOLUME_ID)
        .volume_label(*b"RAMAL ESP  ");
    fatfs::format_volume(&mut disk, options)?;
    disk.rewind()?;
    {
        let volume = FileSystem::new(&mut disk, FsOptions::new())?;
        let root = volume.root_dir();
        for file in files {
            for (place, _) in file.path.match_indices('/') {
                let folder = file.path.get(..place).unwrap_or_default();
                root.create_dir(folder)?;
            }
            root.create_file(&file.path)?.write_all(&file.bytes)?;
        }
    }
    let mut boot = [0; 512];
    disk.read_at(0, &mut boot)?;
    if let Some(volume) = Volume::of(&boot) {
        mend_folders(&mut disk, &volume, volume.root)?;
    }
    Ok(disk)
}

/// Puts `.` and `..` where they must be. fatfs 0.3 writes a long name before each, and lets `..`
/// of a folder in the root name the root's cluster, which must be 0 (FAT specification 1.03, §6.5);
/// `fsck.vfat` finds both wrong, and so may firmware.
fn mend_folders(disk: &mut SparseDisk, volume: &Volume, folder: u64) -> std::io::Result<()> {
    // All entries of a folder of ours fit in its first cluster.
    let mut entries = [0; CLUSTER as usize];
    disk.read_at(volume.cluster_at(folder), &mut entries)?;
    for entry in entries.chunks_exact(32) {
        let Some((name, fields)) = entry.split_first_chunk::<11>() else {
            continue;
        };
        let is_folder = fields
            .first()
            .is_some_and(|attributes| attributes & 0x18 == 0x10);
        if !is_folder || name.starts_with(b".") || name.starts_with(&[DELETED]) {
            continue;
        }
        let [high, low] = [9, 15].map(|at| {
            let bytes = fields.get(at..).and_then(|it| it.first_chunk());
            u64::from(u16::from_le_bytes(bytes.copied().unwrap_or_default()))
        });
        let child = high << 16 | low;
        let at = volume.cluster_at(child);
        let mut first = [[0; 32]; 4];
        disk.read_at(at, first.as_flattened_mut())?;
        let [long, own, long_up, up] = &mut first;
        if own.starts_with(b".          ") && up.starts_with(b"..         ") {
            if folder == volume.root {
                for place in [20, 21, 26, 27] {
                    if let Some(byte) = up.get_mut(place) {
                        *byte = 0;
                    }
                }
            }
            for entry in [&mut *long, &mut *long_up] {
                *entry = [0; 32];
                if let Some(byte) = entry.first_mut() {
                    *byte = DELETED;
                }
            }
            let mended = [*own, *up, *long, *long_up];
            disk.write_at(at, mended.as_flattened())?;
        }
        mend_folders(disk, volume, child)?;
    }
    Ok(())
}

/// The files of a partition, for putting them into one with other sectors.
///
/// # Errors
/// It is no FAT, or damaged.
pub fn files(partition: &[u8]) -> std::io::Result<Vec<EspFile>> {
    let mut disk = SparseDisk::new(partition.len() as u64);
    disk.write_at(0, partition)?;
    files_of(&mut disk)
}

/// The same of a partition that takes little memory.
///
/// # Errors
/// It is no FAT, or damaged.
pub fn files_of(disk: &mut SparseDisk) -> std::io::Result<Vec<EspFile>> {
    disk.rewind()?;
    let volume = FileSystem::new(disk, FsOptions::new())?;
    let mut found = Vec::new();
    gather(&volume.root_dir(), "", &mut found)?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

/// Which bytes of a partition matter: everything before the clusters, and the clusters that are
/// taken. `None` when it is no FAT32 (Microsoft FAT specification 1.03, §3 and §4).
///
/// # Errors
/// Those of `read`.
pub fn used(
    read: &mut dyn FnMut(u64, &mut [u8]) -> std::io::Result<()>,
) -> std::io::Result<Option<Extents>> {
    let mut boot = [0; 512];
    read(0, &mut boot)?;
    let Some(volume) = Volume::of(&boot) else {
        return Ok(None);
    };
    let mut table = vec![0; usize::try_from(volume.table_length).unwrap_or_default()];
    read(volume.table_at, &mut table)?;
    let mut used = Extents::default();
    used.add(0..volume.clusters_at);
    // The first two entries stand for no cluster.
    let entries = table.chunks_exact(4).skip(2).zip(0..volume.clusters);
    for (entry, index) in entries {
        let entry = u32::from_le_bytes(entry.try_into().unwrap_or_default());
        if entry & 0x0fff_ffff != 0 {
            let at = volume.clusters_at + index * volume.cluster;
            used.add(at..at + volume.cluster);
        }
    }
    Ok(Some(used))
}

/// Where things lie in a FAT32, in bytes.
struct Volume {
    cluster: u64,
    clusters: u64,
    table_at: u64,
    table_length: u64,
    clusters_at: u64,
    /// The root's cluster.
    root: u64,
}

impl Volume {
    /// Where a cluster begins; the first is number 2.
    const fn cluster_at(&self, cluster: u64) -> u64 {
        self.clusters_at + cluster.saturating_sub(2) * self.cluster
    }

    fn of(boot: &[u8; 512]) -> Option<Self> {
        let byte = |at: usize| boot.get(at).copied().map(u64::from);
        let short = |at: usize| Some(byte(at)? | byte(at + 1)? << 8);
        let long = |at: usize| Some(short(at)? | short(at + 2)? << 16);
        let sector = short(11)?;
        let is_fat32 = boot.ends_with(&[0x55, 0xaa])
            && matches!(sector, 512 | 1024 | 2048 | 4096)
            && short(22)? == 0
            && byte(13)? != 0;
        if !is_fat32 {
            return None;
        }
        let cluster = byte(13)? * sector;
        let table_at = short(14)? * sector;
        let table_length = long(36)?.checked_mul(sector)?;
        let clusters_at = table_at.checked_add(byte(16)?.checked_mul(table_length)?)?;
        let boot_root = long(44)?;
        let length = long(32)?.checked_mul(sector)?;
        // 2^28 clusters are the most (§3.5); of a damaged partition nothing so large is read.
        (table_length <= 4 << 28 && clusters_at < length).then(|| Self {
            cluster,
            clusters: (length - clusters_at) / cluster,
            table_at,
            table_length,
            clusters_at,
            root: boot_root,
        })
    }
}

fn gather(
    folder: &fatfs::Dir<'_, &mut SparseDisk>,
    prefix: &str,
    found: &mut Vec<EspFile>,
) -> std::io::Result<()> {
    use std::io::Read as _;
    for entry in folder.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name == "." || name == ".." {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.is_dir() {
            gather(&entry.to_dir(), &format!("{path}/"), found)?;
        } else {
            let mut bytes = Vec::new();
            entry.to_file().read_to_end(&mut bytes)?;
            found.push(EspFile { path, bytes });
        }
    }
    Ok(())
}

/// With it, a partition of 264 MiB has the 65,525 clusters that make a FAT32, whatever its sectors.
const CLUSTER: u32 = 4096;

/// The first byte of an entry that is free.
const DELETED: u8 = 0xe5;

/// Firmware and Linux do not look at it; a fixed one keeps the image the same.
const VOLUME_ID: u32 = 0x5241_4d4c;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_back_from_both_kinds_of_sectors_and_bytes_never_differ() {
        let file = |path: &str, bytes: &[u8]| EspFile {
            path: path.into(),
            bytes: bytes.into(),
        };
        let given = [
            file("EFI/BOOT/BOOTX64.EFI", &[1; 70_000]),
            file("EFI/ramal/rescue.efi", &[2; 5]),
            file("EFI/ramal/rescue.hdr", &[]),
        ];
        for sector in [512, 4096] {
            let made = make(sector, slot::layout::ESP_LENGTH, &given).expect("made");
            assert_eq!(files(&made).expect("read"), given);
            let again = make(sector, slot::layout::ESP_LENGTH, &given).expect("made");
            assert!(made == again, "sectors of {sector} bytes");
        }
    }

    #[test]
    fn every_folder_begins_with_itself_and_the_one_above() {
        let given = [EspFile {
            path: "EFI/BOOT/BOOTX64.EFI".into(),
            bytes: vec![1; 10],
        }];
        for sector in [512, 4096] {
            let made = make_sparse(sector, slot::layout::ESP_LENGTH, &given).expect("made");
            let mut boot = [0; 512];
            made.read_at(0, &mut boot).expect("read");
            let volume = Volume::of(&boot).expect("a FAT32");
            // The root, `EFI` and `EFI/BOOT` were made in this order.
            for (cluster, above) in [(3, 0), (4, 3)] {
                let mut entries = [[0; 32]; 3];
                let at = volume.cluster_at(cluster);
                made.read_at(at, entries.as_flattened_mut()).expect("read");
                let cluster_of =
                    |entry: &[u8; 32]| u64::from(entry[26]) | u64::from(entry[27]) << 8;
                assert!(entries[0].starts_with(b".          \x10"));
                assert_eq!(cluster_of(&entries[0]), cluster);
                assert!(entries[1].starts_with(b"..         \x10"));
                assert_eq!(cluster_of(&entries[1]), above);
                assert_eq!(entries[2][0], DELETED);
            }
        }
    }

    #[test]
    fn what_is_used_is_enough_to_read_the_files() {
        let given = [
            EspFile {
                path: "EFI/BOOT/BOOTX64.EFI".into(),
                // Zeros are content too.
                bytes: [vec![1; 9000], vec![0; 90_000], vec![2; 5]].concat(),
            },
            EspFile {
                path: "EFI/ramal/rescue.efi".into(),
                bytes: vec![3; 50_000],
            },
        ];
        for sector in [512, 4096] {
            let length = slot::layout::ESP_LENGTH;
            let made = make_sparse(sector, length, &given).expect("made");
            let found = used(&mut |at, into| made.read_at(at, into)).expect("read");
            let found = found.expect("a FAT32");
            assert!(found.length() < 2 << 20, "{} bytes", found.length());
            // A disk that held something else before.
            let mut disk = SparseDisk::new(length);
            for at in (0..4 << 20).step_by(4096) {
                disk.write_at(at, &[0x5a; 4096]).expect("written");
            }
            for range in found.ranges() {
                let mut bytes = vec![0; usize::try_from(range.end - range.start).expect("fits")];
                made.read_at(range.start, &mut bytes).expect("read");
                disk.write_at(range.start, &bytes).expect("written");
            }
            assert_eq!(files_of(&mut disk).expect("read"), given);
        }
        let nothing = &mut |_, into: &mut [u8]| {
            into.fill(7);
            Ok(())
        };
        assert!(used(nothing).expect("read").is_none());
    }
}
