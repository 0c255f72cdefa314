//! Memory sticks as people have them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

use crate::Failure;

/// The bytes of a stick with one FAT on all of it, and these files, in a file of this folder.
///
/// # Errors
/// The folder has no room.
pub fn memory_stick(folder: &Path, files: &[(&str, &[u8])]) -> Result<PathBuf, Failure> {
    let path = folder.join("stick.img");
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(true);
    let file = file.open(&path)?;
    let length: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let length = (length + (16 << 20)).next_multiple_of(1 << 20);
    file.set_len(u64::try_from(length).unwrap_or(u64::MAX))?;
    fatfs::format_volume(&file, FormatVolumeOptions::new())?;
    let volume = FileSystem::new(&file, FsOptions::new())?;
    for (name, bytes) in files {
        volume.root_dir().create_file(name)?.write_all(bytes)?;
    }
    volume.unmount()?;
    Ok(path)
}
