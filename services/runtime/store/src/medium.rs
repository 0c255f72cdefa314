//! Where the database file lives: the data disk, or a model of one in a test.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU64;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};
use rustix::fs::{Advice, FallocateFlags, StatVfsMountFlags};

/// A place that holds one database file.
pub trait Medium: Send + Sync + fmt::Debug {
    /// Opens the database file, making it when it is not there. What it then reads comes from the
    /// disk, not from a cache that may hold what a failed sync did not write.
    ///
    /// # Errors
    /// What redb or the disk says.
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError>;

    /// Moves the database file out of the way for people to look at; returns its new name.
    ///
    /// # Errors
    /// The disk refuses.
    fn set_aside(&self) -> io::Result<String>;

    /// Opens another database beside that one, which is empty.
    ///
    /// # Errors
    /// What redb or the disk says; there is no room for a second one on this medium.
    fn open_scratch(&self, which: Scratch, builder: &Builder) -> Result<Database, DatabaseError> {
        let _ = (which, builder);
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    /// Removes a database beside, if there is one.
    fn remove_scratch(&self, which: Scratch) {
        let _ = which;
    }

    /// Opens the database beside that one again, as it is. What it then reads comes from the disk.
    ///
    /// # Errors
    /// What redb or the disk says.
    fn reopen_scratch(&self, which: Scratch, builder: &Builder) -> Result<Database, DatabaseError> {
        let _ = (which, builder);
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    /// Puts [`Scratch::Restored`], which is closed, in the place of the database, whose file is
    /// kept: who has it open goes on with it. After a power cut one of the two is in its place.
    ///
    /// # Errors
    /// The disk refuses.
    fn swap_in(&self) -> Result<(), NotSwapped> {
        Err(NotSwapped {
            source: io::ErrorKind::Unsupported.into(),
            is_back: true,
        })
    }

    /// Bytes of the database file.
    fn file_bytes(&self) -> u64;

    /// Bytes free for it to grow.
    fn free_bytes(&self) -> u64;

    /// Whether nothing can be written: the kernel makes a file system with errors read-only.
    fn is_read_only(&self) -> bool;
}

/// Why a database did not take the place of another.
#[derive(Debug)]
pub struct NotSwapped {
    /// What the disk said.
    pub source: io::Error,
    /// The one before is in its place.
    pub is_back: bool,
}

/// A database beside the one that is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scratch {
    /// Made of a backup, to see whether it is good.
    Trial,
    /// Made of a backup, to be used.
    Restored,
}

impl Scratch {
    const fn name(self) -> &'static str {
        match self {
            Self::Trial => "ramal.redb.trial",
            Self::Restored => "ramal.redb.restored",
        }
    }
}

/// The data disk: a directory of its own, mode 0700.
#[derive(Debug)]
pub struct DataDisk {
    directory: PathBuf,
    /// Makes the names of its files durable.
    sync_names: fn(&Path) -> io::Result<()>,
}

/// The database file.
const DATABASE_NAME: &str = "ramal.redb";

/// The database that a restored one has replaced.
const REPLACED_NAME: &str = "ramal.redb.replaced";

/// Read ahead before the pages are verified: 200,000 call records, and half of the memory that
/// PID 1 lets this service have, cache included.
const READ_AHEAD_BYTES: Option<NonZeroU64> = NonZeroU64::new(64 * 1024 * 1024);

/// Damaged copies kept; the oldest makes room. A box that damages more has a dying disk.
const DAMAGED_COPIES_MAX: u32 = 3;

impl DataDisk {
    /// The data disk mounted at `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            sync_names: |directory| File::open(directory)?.sync_all(),
        }
    }

    /// One whose names are made durable otherwise.
    #[cfg(test)]
    pub(crate) fn syncing_names(directory: &Path, sync_names: fn(&Path) -> io::Result<()>) -> Self {
        Self {
            directory: directory.to_owned(),
            sync_names,
        }
    }

    fn open_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.directory.join(name))
    }

    fn reserve(&self) -> u64 {
        self.file_bytes().saturating_add(RESERVE)
    }

    fn damaged(&self, number: u32) -> PathBuf {
        self.directory
            .join(format!("{DATABASE_NAME}.damaged-{number}"))
    }
}

impl Medium for DataDisk {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let file = self.open_file(DATABASE_NAME)?;
        // The kernel may hold a page that was read wrong, or one that a failed sync marked clean
        // and never wrote. Dropped, what is verified next is what is on the disk. It is advice: a
        // kernel that does not take it opens the file all the same.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        // Slow flash reads in order several times as fast as page by page.
        let _ = rustix::fs::fadvise(&file, 0, READ_AHEAD_BYTES, Advice::WillNeed);
        let backend = Allocated::new(file, RESCUE_BYTES)?;
        empty_if_unfinished(&backend)?;
        let database = builder.create_with_backend(backend)?;
        // The file's name must survive a power cut as well as its content.
        File::open(&self.directory)?.sync_all()?;
        Ok(database)
    }

    fn set_aside(&self) -> io::Result<String> {
        let free = (1..=DAMAGED_COPIES_MAX).find(|n| !self.damaged(*n).exists());
        if free.is_none() {
            for number in 1..DAMAGED_COPIES_MAX {
                std::fs::rename(self.damaged(number + 1), self.damaged(number))?;
            }
        }
        let target = self.damaged(free.unwrap_or(DAMAGED_COPIES_MAX));
        std::fs::rename(self.directory.join(DATABASE_NAME), &target)?;
        File::open(&self.directory)?.sync_all()?;
        Ok(target.display().to_string())
    }

    fn open_scratch(&self, which: Scratch, builder: &Builder) -> Result<Database, DatabaseError> {
        self.remove_scratch(which);
        let backend = Allocated::new(self.open_file(which.name())?, self.reserve())?;
        builder.create_with_backend(backend)
    }

    fn remove_scratch(&self, which: Scratch) {
        let _ = std::fs::remove_file(self.directory.join(which.name()));
    }

    fn reopen_scratch(&self, which: Scratch, builder: &Builder) -> Result<Database, DatabaseError> {
        let file = self.open_file(which.name())?;
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        builder.create_with_backend(Allocated::new(file, self.reserve())?)
    }

    fn swap_in(&self) -> Result<(), NotSwapped> {
        let present = self.directory.join(DATABASE_NAME);
        let kept = self.directory.join(REPLACED_NAME);
        let unchanged = |source| NotSwapped {
            source,
            is_back: true,
        };
        match std::fs::remove_file(&kept) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unchanged(error)),
            Ok(()) | Err(_) => {}
        }
        // The database keeps its name until the other one takes it.
        std::fs::hard_link(&present, &kept).map_err(unchanged)?;
        let restored = self.directory.join(Scratch::Restored.name());
        std::fs::rename(restored, &present).map_err(unchanged)?;
        (self.sync_names)(&self.directory).map_err(|source| {
            let back = std::fs::rename(&kept, &present);
            let is_back = back
                .and_then(|()| (self.sync_names)(&self.directory))
                .is_ok();
            NotSwapped { source, is_back }
        })
    }

    fn file_bytes(&self) -> u64 {
        std::fs::metadata(self.directory.join(DATABASE_NAME)).map_or(0, |data| data.len())
    }

    fn free_bytes(&self) -> u64 {
        rustix::fs::statvfs(&self.directory)
            .map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn is_read_only(&self) -> bool {
        rustix::fs::statvfs(&self.directory)
            .is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY))
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

/// Room a growing database leaves on the disk: for snapshots, and for a new database beside this
/// one should it be damaged. A new one may grow into it.
const RESCUE_BYTES: u64 = 8 * 1024 * 1024;

/// Room that backups, and databases beside, leave besides as much as the database has: they are
/// worth less than what that has yet to write.
pub(crate) const RESERVE: u64 = 64 * 1024 * 1024;

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
