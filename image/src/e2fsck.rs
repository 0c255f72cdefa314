//! Gets the checker of the data's file system: one static program of e2fsprogs.

use std::path::{Path, PathBuf};

use crate::deb::{self, DebError, Package, Pin};

/// Why there is no checker.
#[derive(Debug, thiserror::Error)]
pub enum CheckerError {
    /// The lock file is not as it should be.
    #[error("image/e2fsck.lock: {0}")]
    Lock(#[from] toml::de::Error),
    /// The package.
    #[error(transparent)]
    Package(#[from] DebError),
    /// The program is not where Debian puts it.
    #[error("{0} holds no e2fsck.static")]
    Empty(PathBuf),
}

/// A checker on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    /// The program.
    pub(crate) program: PathBuf,
    /// Package and version.
    pub(crate) source: String,
    /// Debian's copyright file.
    pub(crate) copyright: PathBuf,
}

/// The checker from the cache, or from the archive.
pub(crate) fn fetch(cache: &Path) -> Result<Checker, CheckerError> {
    let pin: Pin = toml::from_str(include_str!("../e2fsck.lock"))?;
    let unpacked = deb::fetch(&cache.join("e2fsck"), &pin, || {
        let candidate = Package::candidate(&pin.package)?;
        candidate.ok_or_else(|| DebError::NotInArchive {
            package: pin.package.clone(),
            instead: "version of it".to_owned(),
        })
    })?;
    let program = unpacked.folder.join("sbin/e2fsck.static");
    if !program.exists() {
        return Err(CheckerError::Empty(unpacked.folder));
    }
    Ok(Checker {
        program,
        source: unpacked.package.title(),
        copyright: unpacked
            .folder
            .join("usr/share/doc/e2fsck-static/copyright"),
    })
}
