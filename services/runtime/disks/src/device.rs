//! What an image is written to: a disk, or a file that stands for one.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gpt::{Geometry, GeometryFault};
use rustix::fs::OFlags;

/// A disk.
pub trait Device {
    /// Its size and sectors.
    fn geometry(&self) -> Geometry;

    /// The bytes from `offset` on.
    ///
    /// # Errors
    /// The device does not give them.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Replaces the bytes from `offset` on. They are safe after the next [`Device::flush`].
    ///
    /// # Errors
    /// The device does not take them.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything written is on the medium.
    ///
    /// # Errors
    /// It is not.
    fn flush(&mut self) -> io::Result<()>;

    /// Makes reads come from the medium and not from memory.
    ///
    /// # Errors
    /// The system refuses.
    fn forget_cache(&mut self) -> io::Result<()>;
}

/// Why a device cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// In use.
    #[error("{0} is in use; unmount its partitions, and close what uses them")]
    Busy(PathBuf),
    /// Not allowed.
    #[error("you may not write to {0}; run ramal-flash with sudo")]
    NotAllowed(PathBuf),
    /// Neither disk nor file.
    #[error("{0} is neither a disk nor a file")]
    NoDisk(PathBuf),
    /// It does not open.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The device.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Of a size or with sectors that are not supported.
    #[error("{path}: {fault}")]
    Geometry {
        /// The device.
        path: PathBuf,
        /// What is wrong.
        fault: GeometryFault,
    },
}

/// A block device, which nobody else may use meanwhile, or a regular file.
pub struct FileDevice {
    file: File,
    geometry: Geometry,
    buffer: Aligned,
    is_disk: bool,
    is_direct: bool,
}

impl FileDevice {
    /// Opens a disk, or a file as a disk with sectors of `file_sector` bytes.
    ///
    /// # Errors
    /// It is in use, or cannot be used.
    pub fn open(path: &Path, file_sector: u64) -> Result<Self, DeviceError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::ResourceBusy => DeviceError::Busy(path.to_owned()),
            io::ErrorKind::PermissionDenied => DeviceError::NotAllowed(path.to_owned()),
            _ => DeviceError::Open {
                path: path.to_owned(),
                source,
            },
        };
        let kind = std::fs::metadata(path).map_err(failed)?.file_type();
        if !kind.is_block_device() && !kind.is_file() {
            return Err(DeviceError::NoDisk(path.to_owned()));
        }
        let is_disk = kind.is_block_device();
        let file = match is_disk {
            true => open_exclusively(path),
            false => File::options().read(true).write(true).open(path),
        };
        Self::of(file.map_err(failed)?, path, file_sector)
    }

    /// A disk that somebody else has opened by [`open_exclusively`], or a file; `name` is what
    /// errors call it.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn of(file: File, name: &Path, file_sector: u64) -> Result<Self, DeviceError> {
        let path = name;
        let failed = |source: io::Error| DeviceError::Open {
            path: path.to_owned(),
            source,
        };
        let is_disk = file
            .metadata()
            .map_err(failed)?
            .file_type()
            .is_block_device();
        let flags = rustix::fs::fcntl_getfl(&file).map_err(|error| failed(error.into()))?;
        let is_direct = flags.contains(OFlags::DIRECT);
        let sector = if is_disk {
            let asked = rustix::fs::ioctl_blksszget(&file);
            u64::from(asked.map_err(|error| failed(error.into()))?)
        } else {
            file_sector
        };
        // The end of a block device is its size.
        let bytes = io::Seek::seek(&mut &file, io::SeekFrom::End(0)).map_err(failed)?;
        let geometry = Geometry::new(sector, bytes).map_err(|fault| DeviceError::Geometry {
            path: path.to_owned(),
            fault,
        })?;
        Ok(Self {
            file,
            geometry,
            buffer: Aligned::default(),
            is_disk,
            is_direct,
        })
    }

    /// Devices of which this is not known to work say so at the first access only.
    fn go_without_direct(&mut self, error: &io::Error) -> io::Result<bool> {
        if !self.is_direct || error.kind() != io::ErrorKind::InvalidInput {
            return Ok(false);
        }
        let flags = rustix::fs::fcntl_getfl(&self.file)?;
        rustix::fs::fcntl_setfl(&self.file, flags - OFlags::DIRECT)?;
        self.is_direct = false;
        Ok(true)
    }
}

/// Opens a disk for reading and writing as long as nobody else uses it. `O_EXCL` keeps it from
/// being mounted or claimed meanwhile; `O_DIRECT` past the page cache shows true speed and makes
/// reading back read.
///
/// # Errors
/// It is in use, or does not open.
pub fn open_exclusively(path: &Path) -> io::Result<File> {
    let with = |flags: OFlags| {
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true);
        options.custom_flags(flags).open(path)
    };
    match with(OFlags::EXCL | OFlags::DIRECT) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => with(OFlags::EXCL),
        opened => opened,
    }
}

impl Device for FileDevice {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let room = self.buffer.room(into.len());
        if let Err(error) = self.file.read_exact_at(room, offset) {
            if self.go_without_direct(&error)? {
                return self.read_at(offset, into);
            }
            return Err(error);
        }
        into.copy_from_slice(self.buffer.room(into.len()));
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let room = self.buffer.room(bytes.len());
        room.copy_from_slice(bytes);
        if let Err(error) = self.file.write_all_at(room, offset) {
            if self.go_without_direct(&error)? {
                return self.write_at(offset, bytes);
            }
            return Err(error);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn forget_cache(&mut self) -> io::Result<()> {
        if self.is_disk {
            match kernel::block::forget_cache(&self.file, "the disk") {
                // Only root may; others drop the pages, which are all on the medium by now.
                Err(error) if error.source.kind() == io::ErrorKind::PermissionDenied => {}
                forgotten => return forgotten.map_err(io::Error::other),
            }
        }
        let advice = rustix::fs::Advice::DontNeed;
        Ok(rustix::fs::fadvise(&self.file, 0, None, advice)?)
    }
}

/// Memory as `O_DIRECT` wants it.
#[derive(Default)]
struct Aligned {
    bytes: Vec<u8>,
}

impl Aligned {
    fn room(&mut self, length: usize) -> &mut [u8] {
        let needed = length.saturating_add(ALIGNMENT);
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        let skipped = self.bytes.as_ptr().align_offset(ALIGNMENT);
        let room = self.bytes.get_mut(skipped..skipped.saturating_add(length));
        room.unwrap_or_default()
    }
}

/// The page size: enough for every disk.
const ALIGNMENT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Folder;

    #[test]
    fn a_file_is_a_disk_with_the_sectors_asked_for() {
        let folder = Folder::new("device");
        let path = folder.path("disk.img");
        std::fs::write(&path, vec![1; 1 << 20]).expect("written");
        let mut device = FileDevice::open(&path, 4096).expect("opened");
        assert_eq!(
            device.geometry(),
            Geometry::new(4096, 1 << 20).expect("fits")
        );
        device.write_at(8192, &[7; 4096]).expect("written");
        device.flush().expect("flushed");
        device.forget_cache().expect("forgotten");
        let mut read = [0; 8192];
        device.read_at(4096, &mut read).expect("read");
        assert_eq!((read[0], read[4095], read[4096], read[8191]), (1, 1, 7, 7));
        assert!(device.read_at(1 << 20, &mut read).is_err());
    }

    #[test]
    fn what_is_no_disk_is_refused_by_name() {
        let folder = Folder::new("no-device");
        let refused = |path: &Path| {
            let opened = FileDevice::open(path, 512).map(drop);
            opened.expect_err("refused").to_string()
        };
        let path = folder.path("missing");
        assert!(refused(&path).contains("missing: No such file"));
        let path = folder.path("");
        assert!(refused(&path).contains("neither a disk nor a file"));
        let path = folder.path("small");
        std::fs::write(&path, [0; 512]).expect("written");
        assert!(refused(&path).contains("too small for a partition table"));
    }
}
