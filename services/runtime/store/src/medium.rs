//! Where the database file lives: the data disk, or a model of one in a test.

use std::fmt;
use std::io;
use std::path::Path;

use redb::{Builder, Database, DatabaseError};

use crate::files::{DiskFolder, Files};

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
pub struct DataDisk(Box<dyn Files>);

/// The database file.
const DATABASE_NAME: &str = "ramal.redb";

/// The database that a restored one has replaced.
const REPLACED_NAME: &str = "ramal.redb.replaced";

/// Damaged copies kept; the oldest makes room. A box that damages more has a dying disk.
const DAMAGED_COPIES_MAX: u32 = 3;

/// Room a growing database leaves on the disk: for snapshots, and for a new database beside this
/// one should it be damaged. A new one may grow into it.
const RESCUE_BYTES: u64 = 8 * 1024 * 1024;

/// Room that backups, and databases beside, leave besides as much as the database has: they are
/// worth less than what that has yet to write.
pub(crate) const RESERVE: u64 = 64 * 1024 * 1024;

impl DataDisk {
    /// The data disk mounted at `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self::on(Box::new(DiskFolder::new(directory)))
    }

    pub(crate) fn on(files: Box<dyn Files>) -> Self {
        Self(files)
    }

    /// One whose names are made durable otherwise.
    #[cfg(test)]
    pub(crate) fn syncing_names(directory: &Path, sync_names: fn(&Path) -> io::Result<()>) -> Self {
        Self::on(Box::new(DiskFolder::syncing_names(directory, sync_names)))
    }

    fn reserve(&self) -> u64 {
        self.file_bytes().saturating_add(RESERVE)
    }
}

fn damaged(number: u32) -> String {
    format!("{DATABASE_NAME}.damaged-{number}")
}

impl Medium for DataDisk {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let database = self.0.database(DATABASE_NAME, builder, RESCUE_BYTES)?;
        // The file's name must survive a power cut as well as its content.
        self.0.sync_names()?;
        Ok(database)
    }

    fn set_aside(&self) -> io::Result<String> {
        let is_there = |number: &u32| self.0.length(&damaged(*number)).is_some();
        let free = (1..=DAMAGED_COPIES_MAX).find(|number| !is_there(number));
        if free.is_none() {
            for number in 1..DAMAGED_COPIES_MAX {
                self.0.rename(&damaged(number + 1), &damaged(number))?;
            }
        }
        let target = damaged(free.unwrap_or(DAMAGED_COPIES_MAX));
        self.0.rename(DATABASE_NAME, &target)?;
        self.0.sync_names()?;
        Ok(self.0.shown(&target))
    }

    fn open_scratch(&self, which: Scratch, builder: &Builder) -> Result<Database, DatabaseError> {
        self.remove_scratch(which);
        self.reopen_scratch(which, builder)
    }

    fn remove_scratch(&self, which: Scratch) {
        let _ = self.0.remove(which.name());
    }

    fn reopen_scratch(&self, which: Scratch, builder: &Builder) -> Result<Database, DatabaseError> {
        self.0.database(which.name(), builder, self.reserve())
    }

    fn swap_in(&self) -> Result<(), NotSwapped> {
        let unchanged = |source| NotSwapped {
            source,
            is_back: true,
        };
        match self.0.remove(REPLACED_NAME) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unchanged(error)),
            Ok(()) | Err(_) => {}
        }
        // The database keeps its name until the other one takes it.
        let linked = self.0.link(DATABASE_NAME, REPLACED_NAME);
        linked.map_err(unchanged)?;
        let restored = self.0.rename(Scratch::Restored.name(), DATABASE_NAME);
        restored.map_err(unchanged)?;
        self.0.sync_names().map_err(|source| {
            let back = self.0.rename(REPLACED_NAME, DATABASE_NAME);
            let is_back = back.and_then(|()| self.0.sync_names()).is_ok();
            NotSwapped { source, is_back }
        })
    }

    fn file_bytes(&self) -> u64 {
        self.0.length(DATABASE_NAME).unwrap_or(0)
    }

    fn free_bytes(&self) -> u64 {
        self.0.free_bytes()
    }

    fn is_read_only(&self) -> bool {
        self.0.is_read_only()
    }
}
