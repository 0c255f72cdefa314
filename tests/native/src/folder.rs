//! A folder for one run.

use std::path::PathBuf;
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
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (process, run) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("ramal-native-{process}-{run}"));
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
