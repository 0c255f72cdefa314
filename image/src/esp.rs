//! The EFI system partition: a FAT32 with the loader and the rescue system, always the same bytes.

use std::io::{Cursor, Write as _};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};

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
    let length = usize::try_from(length).map_err(std::io::Error::other)?;
    let mut disk = Cursor::new(vec![0; length]);
    let options = FormatVolumeOptions::new()
        .bytes_per_sector(sector)
        .bytes_per_cluster(CLUSTER)
        .fat_type(FatType::Fat32)
        .volume_id(VOLUME_ID)
        .volume_label(*b"RAMAL ESP  ");
    fatfs::format_volume(&mut disk, options)?;
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
    Ok(disk.into_inner())
}

/// The files of a partition, for putting them into one with other sectors.
///
/// # Errors
/// It is no FAT, or damaged.
pub fn files(partition: &[u8]) -> std::io::Result<Vec<EspFile>> {
    let mut disk = Cursor::new(partition.to_vec());
    let volume = FileSystem::new(&mut disk, FsOptions::new())?;
    let mut found = Vec::new();
    gather(&volume.root_dir(), "", &mut found)?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

fn gather(
    folder: &fatfs::Dir<'_, &mut Cursor<Vec<u8>>>,
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
}
