//! A memory stick with a FAT: update files and backups on it, and reports written to it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;

use fatfs::{FileSystem, FsOptions};
use gpt::{Geometry, Table};
use kernel::block;
use kernel::disk::Disk;

use crate::error::FirmwareError;
use crate::fat::{Part, STEPS_MAX, Steps};

/// A stick whose files can be used.
pub struct Stick {
    name: String,
    volume: FileSystem<Part<File>>,
    steps: Steps,
}

/// An update file or a backup on a stick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StickFile {
    /// Its name, in the top folder.
    pub name: String,
    /// Bytes.
    pub length: u64,
}

impl Stick {
    /// The first FAT on a disk: on all of it, or in one of its partitions.
    ///
    /// # Errors
    /// The disk cannot be read, or has none.
    pub fn open(disk: &Disk) -> Result<Self, FirmwareError> {
        let path = disk.path();
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(|source| FirmwareError::device(&path, source))?;
        Self::of(file, &disk.name)
    }

    /// The same for a disk that is open. Nothing is written to it unless that is asked for.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(file: File, name: &str) -> Result<Self, FirmwareError> {
        let (sector, bytes) = block::geometry(&file, name)?;
        let places = places(&file, sector, bytes);
        let steps = Steps::default();
        let found = places.into_iter().find_map(|(start, length)| {
            steps.set(STEPS_MAX);
            let file = file.try_clone().ok()?;
            let part = Part::new(file, start, length, Rc::clone(&steps));
            FileSystem::new(part, FsOptions::new()).ok()
        });
        let none = || io::Error::other("there is no FAT file system on it");
        Ok(Self {
            name: name.to_owned(),
            volume: found.ok_or_else(|| FirmwareError::device(Path::new(name), none()))?,
            steps,
        })
    }

    /// The kernel's name of the disk.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Update files in the top folder.
    #[must_use]
    pub fn updates(&self) -> Vec<StickFile> {
        self.named(UPDATE_ENDING)
    }

    /// Backups in the top folder. Their names begin with the time, so the newest are last.
    #[must_use]
    pub fn backups(&self) -> Vec<StickFile> {
        self.named(BACKUP_ENDING)
    }

    /// Files in the top folder with such an ending.
    fn named(&self, ending: &str) -> Vec<StickFile> {
        self.steps.set(STEPS_MAX);
        let entries = self.volume.root_dir().iter();
        let entries = entries.map_while(Result::ok).take(ENTRIES_MAX);
        // A Mac leaves `._NAME` beside each file it writes.
        let is_one =
            |name: &str| !name.starts_with('.') && name.to_ascii_lowercase().ends_with(ending);
        let mut found: Vec<_> = entries
            .filter(|entry| entry.is_file() && is_one(&entry.file_name()))
            .map(|entry| StickFile {
                name: entry.file_name(),
                length: entry.len(),
            })
            .collect();
        found.sort_by(|one, two| one.name.cmp(&two.name));
        found
    }

    /// Bytes of a file from `offset` on, at most as many as `room` has; how many there were.
    ///
    /// # Errors
    /// The stick cannot be read.
    pub fn read(&self, file: &str, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        self.steps.set(STEPS_MAX);
        let mut file = self.volume.root_dir().open_file(file)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut read = 0;
        while let Some(rest) = room.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match file.read(rest)? {
                0 => break,
                count => read = read.saturating_add(count),
            }
        }
        Ok(read)
    }

    /// Writes a file into the top folder, in the place of one of the same name.
    ///
    /// # Errors
    /// The stick is full, or cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.steps.set(STEPS_MAX);
        let folder = self.volume.root_dir();
        let mut file = folder.create_file(name)?;
        file.truncate()?;
        file.write_all(bytes)?;
        file.flush()
    }

    /// Everything that was written is on the stick when this returns.
    ///
    /// # Errors
    /// It is not.
    pub fn close(self) -> io::Result<()> {
        self.steps.set(STEPS_MAX);
        self.volume.unmount()
    }
}

/// Where a FAT may begin, and how long it may be: the whole disk, or a partition of it.
fn places(file: &File, sector: u64, bytes: u64) -> Vec<(u64, u64)> {
    let mut places = vec![(0, bytes)];
    let mut first = [0; 512];
    if file.read_exact_at(&mut first, 0).is_err() {
        return places;
    }
    places.extend(of_gpt(file, sector, bytes));
    // The four entries of a partition table of the old kind.
    for entry in first.get(446..510).unwrap_or_default().chunks_exact(16) {
        let number = |at: usize| {
            let bytes = entry.get(at..).and_then(|rest| rest.first_chunk());
            u64::from(u32::from_le_bytes(bytes.copied().unwrap_or_default()))
        };
        let (start, length) = (number(8) * sector, number(12) * sector);
        if length > 0 && start.saturating_add(length) <= bytes {
            places.push((start, length));
        }
    }
    places
}

fn of_gpt(file: &File, sector: u64, bytes: u64) -> Vec<(u64, u64)> {
    let read = || {
        let geometry = Geometry::new(sector, bytes).ok()?;
        let mut head = vec![0; geometry.head_length()];
        file.read_exact_at(&mut head, 0).ok()?;
        let table = Table::find(geometry, &head, &[]).ok()?.table;
        let partitions = table.partitions().iter();
        Some(partitions.map(|it| it.bytes(&geometry)).collect())
    };
    read().unwrap_or_default()
}

const UPDATE_ENDING: &str = ".update";
const BACKUP_ENDING: &str = ".backup";

/// Entries of a folder that are looked at: as many as FAT has in one.
const ENTRIES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A file with a FAT that begins at `start`.
    fn stand(name: &str, start: u64) -> (std::path::PathBuf, File) {
        let name = format!("ramal-stick-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path).expect("made");
        file.set_len(start + LENGTH).expect("as large");
        let part = Part::new(file.try_clone().expect("again"), start, LENGTH, steps());
        let mut part = part;
        fatfs::format_volume(&mut part, fatfs::FormatVolumeOptions::new()).expect("formatted");
        (path, file)
    }

    fn stick(file: File, start: u64) -> Stick {
        let steps = steps();
        let part = Part::new(file, start, LENGTH, Rc::clone(&steps));
        Stick {
            name: "sda".into(),
            volume: FileSystem::new(part, FsOptions::new()).expect("a FAT"),
            steps,
        }
    }

    fn steps() -> Steps {
        Rc::new(Cell::new(STEPS_MAX))
    }

    const LENGTH: u64 = 8 << 20;

    #[test]
    fn update_files_are_found_and_read_and_reports_written() {
        let (path, file) = stand("files", 0);
        let one = stick(file.try_clone().expect("again"), 0);
        one.write("RAMAL-1.5.0.UPDATE", &[7; 100_000])
            .expect("written");
        one.write("notes.txt", b"no update").expect("written");
        one.write("ramal-20261122T124503Z.backup", b"one")
            .expect("written");
        one.write("._ramal-1.5.0.update", b"of a Mac")
            .expect("written");
        one.close().expect("closed");
        let two = stick(file, 0);
        let update = StickFile {
            name: "RAMAL-1.5.0.UPDATE".into(),
            length: 100_000,
        };
        assert_eq!(two.updates(), [update]);
        let backup = StickFile {
            name: "ramal-20261122T124503Z.backup".into(),
            length: 3,
        };
        assert_eq!(two.backups(), [backup]);
        let mut room = [0; 5000];
        let read = two.read("ramal-1.5.0.update", 98_000, &mut room);
        assert_eq!(read.expect("read"), 2000);
        assert_eq!(room[1999..2001], [7, 0]);
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_folder_without_an_end_does_not_hold_the_rescue_system_up() {
        let (path, file) = stand("endless", 0);
        let length = 40 << 20;
        file.set_len(length).expect("as large");
        let again = || file.try_clone().expect("again");
        let options = fatfs::FormatVolumeOptions::new().bytes_per_cluster(512);
        let options = options.fat_type(fatfs::FatType::Fat32);
        let mut part = Part::new(again(), 0, length, steps());
        fatfs::format_volume(&mut part, options).expect("formatted");
        let mut boot = [0; 512];
        file.read_exact_at(&mut boot, 0).expect("read");
        let reserved = u64::from(u16::from_le_bytes([boot[14], boot[15]]));
        let fat = u64::from(u32::from_le_bytes(*boot[36..].first_chunk().unwrap()));
        // The cluster of the top folder is followed by itself, and has no end in it.
        for copy in 0..2 {
            let entry = (reserved + copy * fat) * 512 + 8;
            file.write_all_at(&2u32.to_le_bytes(), entry)
                .expect("written");
        }
        let folder = (reserved + 2 * fat) * 512;
        file.write_all_at(&[0xe5; 512], folder).expect("written");
        let steps = steps();
        let part = Part::new(again(), 0, length, Rc::clone(&steps));
        let stick = Stick {
            name: "sda".into(),
            volume: FileSystem::new(part, FsOptions::new()).expect("a FAT"),
            steps,
        };
        assert_eq!(stick.updates(), []);
        assert!(stick.write("report.txt", b"report").is_err());
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn the_first_partition_of_an_installer_stick_holds_update_files_too() {
        let start = slot::layout::ALIGNMENT;
        let (path, file) = stand("installer", start);
        let length = slot::layout::IMAGE_LENGTH;
        file.set_len(length).expect("as large");
        let geometry = Geometry::new(512, length).expect("fits");
        let guid = |place| slot::Guid::new(u128::from(place));
        let table = disks::table_of_a_box(geometry, guid).expect("fits");
        for write in table.writes() {
            let written = file.write_all_at(&write.bytes, write.offset);
            written.expect("written");
        }
        let places = places(&file, 512, length);
        assert!(
            places.contains(&(start, slot::layout::ESP_LENGTH)),
            "{places:?}"
        );
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_partition_of_the_old_kind_is_looked_into() {
        let start = 1 << 20;
        let (path, file) = stand("mbr", start);
        let mut entry = [0; 16];
        entry[4] = 0x0c;
        entry[8..12].copy_from_slice(&2048u32.to_le_bytes());
        entry[12..].copy_from_slice(&u32::try_from(LENGTH / 512).unwrap().to_le_bytes());
        file.write_all_at(&entry, 446).expect("written");
        let places = places(&file, 512, start + LENGTH);
        assert!(places.contains(&(start, LENGTH)), "{places:?}");
        std::fs::remove_file(path).expect("removed");
    }
}
