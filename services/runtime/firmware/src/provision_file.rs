//! The provisioning file on the EFI system partition: read, and wiped once what it says is kept.
//!
//! The partition is not encrypted, and the file holds secrets that work once. What is wiped is
//! overwritten on the disk before its name goes. A power cut in the middle leaves the file, or what
//! is known to be the remains of a wiped one, or nothing.
//! What this must never do: run in PID 1. `fatfs` may panic on a file system that is damaged.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use fatfs::{FileSystem, FsOptions};

use crate::fat::{Part, STEPS_MAX, Steps};
use crate::medium::Medium;

/// The partition the file is looked for on.
pub struct ProvisionFile<M: Medium> {
    volume: FileSystem<Part<M>>,
    steps: Steps,
    path: &'static str,
}

/// What is there.
#[derive(PartialEq, Eq)]
pub enum Found {
    /// No such file.
    Nothing,
    /// What a wipe that was cut short has left of a file that was kept.
    Remains,
    /// A file with this content, or the beginning of it.
    Content(Vec<u8>),
}

impl<M: Medium> ProvisionFile<M> {
    /// Looks into a partition of so many bytes, for the file at this path.
    ///
    /// # Errors
    /// It cannot be read, or has no FAT.
    pub fn open(partition: M, length: u64, path: &'static str) -> io::Result<Self> {
        let steps = Steps::default();
        steps.set(STEPS_MAX);
        let part = Part::new(partition, 0, length, Steps::clone(&steps));
        let volume = FileSystem::new(part, FsOptions::new())?;
        Ok(Self {
            volume,
            steps,
            path,
        })
    }

    /// What the file says, at most `room` bytes of it.
    ///
    /// # Errors
    /// The partition cannot be read.
    pub fn read(&self, room: usize) -> io::Result<Found> {
        self.steps.set(STEPS_MAX);
        let file = match self.volume.root_dir().open_file(self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(room as u64).read_to_end(&mut bytes)?;
        // A disk writes whole sectors, in any order. A text has no such piece.
        let is_wiped = |sector: &[u8]| sector.iter().all(|byte| *byte == 0);
        if bytes.chunks(SECTOR).any(is_wiped) {
            return Ok(Found::Remains);
        }
        Ok(Found::Content(bytes))
    }

    /// Overwrites it, then removes it; each is on the disk before the next. Nothing to do when it
    /// is not there.
    ///
    /// # Errors
    /// The partition cannot be written.
    pub fn wipe(self) -> io::Result<()> {
        self.steps.set(STEPS_MAX);
        let folder = self.volume.root_dir();
        let mut file = match folder.open_file(self.path) {
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
        folder.remove(self.path)?;
        drop(folder);
        self.volume.unmount()
    }
}

/// The smallest piece that a disk writes.
const SECTOR: usize = 512;
static ZEROS: [u8; 4096] = [0; 4096];

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::{Path, PathBuf};

    use super::*;

    /// A partition with a file of that content, and its path; gone with it.
    struct Stand(PathBuf);

    impl Stand {
        fn new(name: &str, content: Option<&[u8]>) -> Self {
            let name = format!("ramal-provision-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let mut options = File::options();
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
            Self(path)
        }

        fn open(&self) -> ProvisionFile<File> {
            let file = File::options().read(true).write(true).open(&self.0);
            ProvisionFile::open(file.expect("there"), LENGTH, PATH).expect("a FAT")
        }

        fn read(&self, room: usize) -> Found {
            self.open().read(room).expect("read")
        }
    }

    impl Drop for Stand {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn has(path: &Path, secret: &[u8]) -> bool {
        let bytes = std::fs::read(path).expect("read");
        bytes.windows(secret.len()).any(|it| it == secret)
    }

    #[test]
    fn it_is_read_and_nothing_of_it_is_left_after_the_wipe() {
        let content = b"version = 1\n# secret-of-the-installer\n".repeat(300);
        let stand = Stand::new("whole", Some(&content));
        assert!(stand.read(20_000) == Found::Content(content));
        assert!(stand.read(12) == Found::Content(b"version = 1\n".to_vec()));
        assert!(has(&stand.0, b"secret-of"));
        stand.open().wipe().expect("wiped");
        assert!(stand.read(20_000) == Found::Nothing);
        stand.open().wipe().expect("nothing to do");
        assert!(!has(&stand.0, b"secret-of"));
    }

    #[test]
    fn what_a_power_cut_has_left_of_a_wiped_file_is_no_file() {
        for (zeros, begin) in [(700, 0), (512, 0), (512, 512), (188, 1024)] {
            let mut content = b"version = 1\n".repeat(101);
            content[begin..begin + zeros].fill(0);
            let stand = Stand::new("cut", Some(&content));
            assert!(stand.read(20_000) == Found::Remains, "{begin}");
            stand.open().wipe().expect("wiped");
            assert!(stand.read(20_000) == Found::Nothing);
        }
        assert!(Stand::new("none", None).read(20_000) == Found::Nothing);
    }

    #[test]
    fn a_text_in_sixteen_bits_is_a_file_that_is_wrong_and_no_remains() {
        let content: Vec<u8> = "version = 1\r\n"
            .repeat(100)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let stand = Stand::new("wide", Some(&content));
        assert!(stand.read(20_000) == Found::Content(content));
    }

    const LENGTH: u64 = 8 << 20;
    const PATH: &str = "RAMAL/provision.toml";
}
