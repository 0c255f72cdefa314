//! A folder for one run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::NativeError;

/// A folder that is removed with what is in it, unless it is to be kept.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    keep: bool,
}

impl Folder {
    /// A new folder for this run.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(keep: bool) -> Result<Self, NativeError> {
        Self::under(&std::env::temp_dir(), keep)
    }

    /// The same in memory, for what the box has on a tmpfs.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn in_memory(keep: bool) -> Result<Self, NativeError> {
        Self::under(Path::new("/dev/shm"), keep)
    }

    fn under(parent: &Path, keep: bool) -> Result<Self, NativeError> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (process, run) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(format!("ramal-native-{process}-{run}"));
        std::fs::create_dir_all(&path).map_err(NativeError::io("make", &path))?;
        Ok(Self { path, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep {
            crate::say(&format!("kept {}", self.path.display()));
            return;
        }
        // A folder in the temporary directory that stays does no harm.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
