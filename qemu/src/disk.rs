//! The disk of a box: a file that QEMU shows it, and that the lab looks into while the box is off.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use firmware::{FirmwareError, StateFile, fresh_guid};
use gpt::{Geometry, GeometryFault, Partition, Table, TableFault};
use slot::{BootState, Guid, layout, partition};

use crate::process::{ProcessError, run};

/// Why a disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// It cannot be copied.
    #[error(transparent)]
    Copy(#[from] ProcessError),
    /// It has an impossible size.
    #[error(transparent)]
    Geometry(#[from] GeometryFault),
    /// Its partitions do not fit.
    #[error(transparent)]
    Table(#[from] TableFault),
    /// What is in its boot state.
    #[error(transparent)]
    State(#[from] FirmwareError),
    /// It has no such partition.
    #[error("{path} has no partition of type {kind}")]
    NoPartition {
        /// The disk.
        path: PathBuf,
        /// The type.
        kind: Guid,
    },
    /// The file.
    #[error("cannot use {path}: {source}")]
    File {
        /// The disk.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A disk of a box. The file stays when this goes; it is sparse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoxDisk {
    path: PathBuf,
}

impl BoxDisk {
    /// A disk of so many bytes, just flashed with an image.
    ///
    /// # Errors
    /// The host has no room, or the image is larger.
    pub fn flashed(image: &Path, path: PathBuf, length: u64) -> Result<Self, DiskError> {
        copy(image, &path)?;
        let disk = Self { path };
        let file = disk.open()?;
        let found = file.metadata().map_err(|source| disk.error(source))?.len();
        if found > length {
            let source = io::Error::other(format!("the image is larger than {length} bytes"));
            return Err(disk.error(source));
        }
        let grown = file.set_len(length);
        grown.map_err(|source| disk.error(source))?;
        Ok(disk)
    }

    /// A disk of so many bytes on which another system was: garbage where a box has its partitions,
    /// and where both copies of a table lie.
    ///
    /// # Errors
    /// The host has no room.
    pub fn used(path: PathBuf, length: u64) -> Result<Self, DiskError> {
        let disk = Self { path };
        let error = |source| disk.error(source);
        let file = File::create(&disk.path).map_err(error)?;
        file.set_len(length).map_err(error)?;
        let garbage = vec![0x5a; 1 << 20];
        let esp = layout::ALIGNMENT + layout::ESP_LENGTH;
        let slots = esp + layout::BOOTSTATE_LENGTH;
        let last = length.saturating_sub(garbage.len() as u64);
        for at in [
            0,
            layout::ALIGNMENT,
            esp,
            slots,
            slots + layout::SLOT_LENGTH,
            last,
        ] {
            file.write_all_at(&garbage, at).map_err(error)?;
        }
        Ok(disk)
    }

    /// Another disk with the same content, down to the GUIDs.
    ///
    /// # Errors
    /// The host has no room.
    pub fn twin(&self, path: PathBuf) -> Result<Self, DiskError> {
        copy(&self.path, &path)?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its partition table.
    ///
    /// # Errors
    /// It has none.
    pub fn table(&self) -> Result<Table, DiskError> {
        image::disk::table_of(&self.path).map_err(|source| self.error(source))
    }

    /// Does beforehand what a box does with the table on its first start: GUIDs of its own, and a
    /// data partition of the room that is left.
    ///
    /// QEMU repeats the command line it was given when the box restarts, so a box that is started
    /// without its loader must not change the GUID that is on it.
    ///
    /// # Errors
    /// There is no room, or the file cannot be written.
    pub fn make_data_partition(&self) -> Result<(), DiskError> {
        let table = self.table()?;
        let file = self.open()?;
        let length = file.metadata().map_err(|source| self.error(source))?.len();
        let geometry = Geometry::new(table.geometry().sector(), length)?;
        let mut table = table.moved_to(geometry)?;
        let count = table.partitions().len() + 2;
        let fresh = (0..count).map(|_| fresh_guid());
        let mut fresh = fresh.collect::<Result<Vec<_>, _>>()?.into_iter();
        let last = fresh_guid()?;
        table.rename(|| fresh.next().unwrap_or(last));
        table.add(partition::DATA, last, "ramal data", None, layout::ALIGNMENT)?;
        for write in table.writes() {
            file.write_all_at(&write.bytes, write.offset)
                .map_err(|source| self.error(source))?;
        }
        Ok(())
    }

    /// The first byte and the length of the first partition of a type.
    ///
    /// # Errors
    /// There is none.
    pub fn place(&self, kind: Guid) -> Result<(u64, u64), DiskError> {
        let table = self.table()?;
        let bytes = |it: &Partition| it.bytes(table.geometry());
        let found = table.of_kind(kind).map(bytes);
        found.ok_or_else(|| DiskError::NoPartition {
            path: self.path.clone(),
            kind,
        })
    }

    /// Bytes of a partition.
    ///
    /// # Errors
    /// There is no such partition, or it ends before.
    pub fn read(&self, kind: Guid, offset: u64, length: usize) -> Result<Vec<u8>, DiskError> {
        let (start, _) = self.place(kind)?;
        let mut bytes = vec![0; length];
        let read = self.open()?.read_exact_at(&mut bytes, start + offset);
        read.map_err(|source| self.error(source))?;
        Ok(bytes)
    }

    /// Writes to a partition.
    ///
    /// # Errors
    /// There is no such partition, or the file cannot be written.
    pub fn write(&self, kind: Guid, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let (start, _) = self.place(kind)?;
        let written = self.open()?.write_all_at(bytes, start + offset);
        written.map_err(|source| self.error(source))
    }

    /// Changes a bit of a partition, as a disk that grows old does.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub fn flip(&self, kind: Guid, offset: u64) -> Result<(), DiskError> {
        let byte = self.read(kind, offset, 1)?;
        let flipped: Vec<u8> = byte.into_iter().map(|it| it ^ 4).collect();
        self.write(kind, offset, &flipped)
    }

    /// The boot state that counts.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn boot_state(&self) -> Result<BootState, DiskError> {
        self.look_at_state(StateFile::read)
    }

    /// Looks at the bootstate partition with the eyes of the box.
    ///
    /// # Errors
    /// The disk cannot be read, or that of `look`.
    pub fn look_at_state<T>(
        &self,
        look: impl FnOnce(&StateFile) -> Result<T, FirmwareError>,
    ) -> Result<T, DiskError> {
        self.state_file(look).map(|(found, _)| found)
    }

    /// Changes the bootstate partition as the box would.
    ///
    /// # Errors
    /// The disk cannot be used, or that of `change`.
    pub fn change_state<T>(
        &self,
        change: impl FnOnce(&StateFile) -> Result<T, FirmwareError>,
    ) -> Result<T, DiskError> {
        let (changed, bytes) = self.state_file(change)?;
        self.write(partition::BOOTSTATE, 0, &bytes)?;
        Ok(changed)
    }

    /// Runs something on a copy of the bootstate partition, and gives the copy.
    fn state_file<T>(
        &self,
        job: impl FnOnce(&StateFile) -> Result<T, FirmwareError>,
    ) -> Result<(T, Vec<u8>), DiskError> {
        let length = usize::try_from(layout::BOOTSTATE_LENGTH).unwrap_or_default();
        let path = self.path.with_extension("bootstate");
        let error = |source| DiskError::File {
            path: path.clone(),
            source,
        };
        let bytes = self.read(partition::BOOTSTATE, 0, length)?;
        std::fs::write(&path, bytes).map_err(error)?;
        let done = StateFile::open(&path).and_then(|state| job(&state));
        let bytes = std::fs::read(&path).map_err(error);
        std::fs::remove_file(&path).map_err(error)?;
        Ok((done?, bytes?))
    }

    /// The file, for reading and writing.
    ///
    /// # Errors
    /// It is gone.
    pub fn open(&self) -> Result<File, DiskError> {
        let opened = File::options().read(true).write(true).open(&self.path);
        opened.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> DiskError {
        DiskError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// Copies what is in a file and leaves its holes.
fn copy(from: &Path, to: &Path) -> Result<(), DiskError> {
    let [from, to] = [from, to].map(|it| it.display().to_string());
    let arguments = ["--sparse=always", "--", &from, &to].map(str::to_owned);
    Ok(run("cp", &arguments)?)
}
