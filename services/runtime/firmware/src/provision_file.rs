//! The provisioning file on the EFI system partition: read, and wiped once what it says is kept.
//!
//! The partition is not encrypted, and the file holds secrets that work once. What is wiped is
//! overwritten on the disk before its name goes, so that a power cut leaves the file, or zeros, or
//! nothing.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use fatfs::{FileSystem, FsOptions};

use crate::error::FirmwareError;
use crate::fat::{Part, STEPS_MAX, Steps};

/// The partition the file is looked for on.
pub struct ProvisionFile {
    volume: FileSystem<Part>,
    steps: Steps,
}

impl ProvisionFile {
    /// Opens the EFI system partition.
    ///
    /// # Errors
    /// It cannot be opened, or has no FAT.
    pub fn open(partition: &Path) -> Result<Self, FirmwareError> {
        let device = |source| FirmwareError::device(partition, source);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .open(partition)
            .map_err(device)?;
        let length = file.seek(SeekFrom::End(0)).map_err(device)?;
        let steps = Steps::default();
        steps.set(STEPS_MAX);
        let part = Part::new(file, 0, length, Steps::clone(&steps));
        let volume = FileSystem::new(part, FsOptions::new()).map_err(device)?;
        Ok(Self { volume, steps })
    }

    /// What it says, at most `room` bytes of it; `None` when there is no such file, or nothing but
    /// zeros is left of it.
    ///
    /// # Errors
    /// The partition cannot be read.
    pub fn read(&self, room: usize) -> io::Result<Option<Vec<u8>>> {
        self.steps.set(STEPS_MAX);
        let file = match self.volume.root_dir().open_file(PATH) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(room as u64).read_to_end(&mut bytes)?;
        let is_wiped = bytes.iter().all(|byte| *byte == 0);
        Ok((!is_wiped).then_some(bytes))
    }

    /// Overwrites it, then removes it; each is on the disk before the next. Nothing to do when it
    /// is not there.
    ///
    /// # Errors
    /// The partition cannot be written.
    pub fn wipe(self) -> io::Result<()> {
        self.steps.set(STEPS_MAX);
        let folder = self.volume.root_dir();
        let mut file = match folder.open_file(PATH) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut left = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
            file.write_all(ZEROS.get(..count).unwrap_or_default())?;
            left = left.saturating_sub(count as u64);
        }
        file.flush()?;
        drop(file);
        folder.remove(PATH)?;
        drop(folder);
        self.volume.unmount()
    }
}

const PATH: &str = "RAMAL/provision.toml";
static ZEROS: [u8; 4096] = [0; 4096];

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition with a file of that content, and its path.
    fn stand(name: &str, content: Option<&[u8]>) -> std::path::PathBuf {
        let name = format!("ramal-provision-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path).expect("made");
        file.set_len(LENGTH).expect("as large");
        let steps = Steps::default();
        steps.set(STEPS_MAX);
        let mut part = Part::new(file, 0, LENGTH, Steps::clone(&steps));
        fatfs::format_volume(&mut part, fatfs::FormatVolumeOptions::new()).expect("formatted");
        let volume = FileSystem::new(part, FsOptions::new()).expect("a FAT");
        if let Some(content) = content {
            volume.root_dir().create_dir("RAMAL").expect("made");
            let mut file = volume.root_dir().create_file(PATH).expect("made");
            file.write_all(content).expect("written");
        }
        volume.unmount().expect("whole");
        path
    }

    fn open(path: &Path) -> ProvisionFile {
        ProvisionFile::open(path).expect("opened")
    }

    #[test]
    fn it_is_read_and_nothing_of_it_is_left_after_the_wipe() {
        let content = b"version = 1\n# secret-of-the-installer\n".repeat(300);
        let path = stand("whole", Some(&content));
        assert_eq!(
            open(&path).read(20_000).expect("read"),
            Some(content.clone())
        );
        let first = open(&path).read(12).expect("read");
        assert_eq!(first.as_deref(), Some(&b"version = 1\n"[..]));
        open(&path).wipe().expect("wiped");
        assert_eq!(open(&path).read(20_000).expect("read"), None);
        open(&path).wipe().expect("nothing to do");
        let bytes = std::fs::read(&path).expect("read");
        let secret = b"secret-of";
        assert!(!bytes.windows(secret.len()).any(|it| it == secret));
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn zeros_that_a_power_cut_has_left_are_no_file() {
        let path = stand("cut", Some(&[0; 700]));
        assert_eq!(open(&path).read(20_000).expect("read"), None);
        std::fs::remove_file(path).expect("removed");
        let path = stand("none", None);
        assert_eq!(open(&path).read(20_000).expect("read"), None);
        std::fs::remove_file(path).expect("removed");
    }

    const LENGTH: u64 = 8 << 20;
}
