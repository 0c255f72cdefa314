//! Files of the data disk by name, and what makes them outlive a power cut. A model takes their
//! place in a test.

use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::num::NonZeroU64;
use std::ops::Bound;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};
use rustix::fs::{Advice, FallocateFlags, StatVfsMountFlags};

/// The files of one folder.
pub(crate) trait Files: Send + Sync + fmt::Debug {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// There is none, or the disk refuses; so for all of them.
    fn open(&self, name: &str) -> io::Result<Box<dyn Open>>;

    /// Opens a file for writing, which is made where there is none and emptied where that is said.
    fn create(&self, name: &str, mode: u32, is_emptied: bool) -> io::Result<Box<dyn Open>>;

    /// Opens the database in a file, making it when it is not there. What it then reads comes from
    /// the disk. Growing, it leaves so many bytes free.
    ///
    /// # Errors
    /// What redb or the disk says.
    fn database(
        &self,
        name: &str,
        builder: &Builder,
        rescue_bytes: u64,
    ) -> Result<Database, DatabaseError>;

    /// Gives a file another name; what had that name is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file one name more.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes the name of a file away.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Takes a folder away, with all that is in it.
    fn remove_folder(&self, name: &str) -> io::Result<()>;

    /// What was done with names outlives a power cut.
    fn sync_names(&self) -> io::Result<()>;

    /// All names.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Bytes of a file; `None` where there is none.
    fn length(&self, name: &str) -> Option<u64>;

    /// When a file was written last, milliseconds since 1970.
    fn modified_millis(&self, name: &str) -> Option<i64>;

    /// Bytes free for all.
    fn free_bytes(&self) -> u64;

    /// Whether nothing can be written: the kernel makes a file system with errors read-only.
    fn is_read_only(&self) -> bool;

    /// A name as people find it.
    fn shown(&self, name: &str) -> String;
}

/// An open file.
pub(crate) trait Open: Read + Write + Seek + Send + fmt::Debug {
    /// What was written outlives a power cut.
    ///
    /// # Errors
    /// The disk refuses.
    fn sync(&self) -> io::Result<()>;

    /// Bytes of it.
    ///
    /// # Errors
    /// The disk refuses.
    fn length(&self) -> io::Result<u64>;

    /// What is read next comes from the disk, where the kernel takes that advice.
    fn forget_cached(&self);
}

impl Open for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn forget_cached(&self) {
        let _ = rustix::fs::fadvise(self, 0, None, Advice::DontNeed);
    }
}

/// A folder of a real disk.
#[derive(Debug)]
pub(crate) struct DiskFolder {
    path: PathBuf,
    sync_names: fn(&Path) -> io::Result<()>,
}

/// Read ahead before the pages are verified: 200,000 call records, and half of the memory that
/// PID 1 lets this service have, cache included.
const READ_AHEAD_BYTES: Option<NonZeroU64> = NonZeroU64::new(64 * 1024 * 1024);

impl DiskFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            sync_names: |path| File::open(path)?.sync_all(),
        }
    }

    /// One whose names are made durable otherwise.
    #[cfg(test)]
    pub(crate) fn syncing_names(path: &Path, sync_names: fn(&Path) -> io::Result<()>) -> Self {
        Self {
            path: path.to_owned(),
            sync_names,
        }
    }
}

impl Files for DiskFolder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Open>> {
        Ok(Box::new(File::open(self.path.join(name))?))
    }

    fn create(&self, name: &str, mode: u32, is_emptied: bool) -> io::Result<Box<dyn Open>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(is_emptied)
            .mode(mode)
            .open(self.path.join(name))?;
        // Whatever the process was told to leave out of it.
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok(Box::new(file))
    }

    fn database(
        &self,
        name: &str,
        builder: &Builder,
        rescue_bytes: u64,
    ) -> Result<Database, DatabaseError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.join(name))?;
        // The kernel may hold a page that was read wrong, or one that a failed sync marked clean
        // and never wrote. Dropped, what is verified next is what is on the disk. It is advice: a
        // kernel that does not take it opens the file all the same.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        // Slow flash reads in order several times as fast as page by page.
        let _ = rustix::fs::fadvise(&file, 0, READ_AHEAD_BYTES, Advice::WillNeed);
        let backend = Allocated::new(file, rescue_bytes)?;
        empty_if_unfinished(&backend)?;
        builder.create_with_backend(backend)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::hard_link(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        std::fs::remove_dir_all(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        (self.sync_names)(&self.path)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.path)?;
        let name = |entry: std::fs::DirEntry| entry.file_name().into_string().ok();
        entries
            .filter_map(|entry| entry.map(name).transpose())
            .collect()
    }

    fn length(&self, name: &str) -> Option<u64> {
        let metadata = std::fs::metadata(self.path.join(name)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    fn modified_millis(&self, name: &str) -> Option<i64> {
        let modified = std::fs::metadata(self.path.join(name)).ok()?.modified();
        let since = modified.ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn free_bytes(&self) -> u64 {
        rustix::fs::statvfs(&self.path)
            .map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn is_read_only(&self) -> bool {
        rustix::fs::statvfs(&self.path)
            .is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

/// Empties a file that redb had only begun to make when the power went. It writes the name of its
/// format last, and until then nothing of ours is in the file: that is no damage.
pub(crate) fn empty_if_unfinished(backend: &impl StorageBackend) -> io::Result<()> {
    let mut name = [0; FORMAT_NAME_LENGTH];
    let length = backend.len()?;
    if length < FIRST_SECTOR as u64 || length > UNFINISHED_BYTES_MAX {
        return Ok(());
    }
    backend.read(0, &mut name)?;
    if name != [0; FORMAT_NAME_LENGTH] {
        return Ok(());
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    backend.read(0, &mut bytes)?;
    let mut content = bytes.iter().skip(FIRST_SECTOR);
    if content.all(|byte| *byte == 0) {
        backend.set_len(0)?;
    }
    Ok(())
}

/// Bytes of the name of redb's format, at the start of the file.
const FORMAT_NAME_LENGTH: usize = 9;

/// redb's header lies in it.
const FIRST_SECTOR: usize = 512;

/// A new file of redb is smaller: 1 MiB and some pages.
const UNFINISHED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What even a new database needs, whatever is free.
const SMALL_BYTES: u64 = 8 * 1024 * 1024;

/// redb's own file access, except that a growing file gets its blocks at once.
///
/// redb grows a file by its length alone, which leaves holes: a full disk then shows in the middle
/// of a commit, at a page that was thought to be there. With blocks behind every byte it shows when
/// the file is about to grow, before anything was written.
#[derive(Debug)]
struct Allocated {
    file: File,
    backend: FileBackend,
    /// Bytes that stay free when it grows.
    rescue_bytes: u64,
}

impl Allocated {
    fn new(file: File, rescue_bytes: u64) -> Result<Self, DatabaseError> {
        Ok(Self {
            file: file.try_clone()?,
            backend: FileBackend::new(file)?,
            rescue_bytes,
        })
    }
}

impl StorageBackend for Allocated {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let old = self.backend.len()?;
        if len > old {
            let free = rustix::fs::fstatvfs(&self.file)
                .map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
            if len > SMALL_BYTES && free < (len - old).saturating_add(self.rescue_bytes) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), old, len - old) {
                Ok(()) => return self.file.sync_all(),
                Err(rustix::io::Errno::OPNOTSUPP) => {}
                Err(error) => {
                    self.backend.set_len(old)?;
                    return Err(error.into());
                }
            }
        }
        self.backend.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.backend.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.backend.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }
}
