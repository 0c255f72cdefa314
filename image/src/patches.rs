//! Patches for boxes that run a version before.

use std::path::{Path, PathBuf};

use patch::{Content, PatchError};
use sha2::{Digest as _, Sha256};
use slot::Header;
use update::{PATCH_MAX, PatchEntry};

use crate::root::{self, RootError};
use crate::shipped_file::{FileError, ShippedFile};

/// Why no patch can be made.
#[derive(Debug, thiserror::Error)]
pub enum PatchesError {
    /// The version before is not there.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has no programs.
    #[error("{path}: {source}")]
    Root {
        /// The slot or the update file.
        path: PathBuf,
        /// Why.
        source: RootError,
    },
    /// The crate `patch` says no.
    #[error("the patch for {path}: {source}")]
    Patch {
        /// The slot or the update file.
        path: PathBuf,
        /// Why.
        source: PatchError,
    },
    /// A box would not take it.
    #[error("the patch for {path} would be {length} bytes, and the limit is {PATCH_MAX}")]
    TooLarge {
        /// The slot or the update file.
        path: PathBuf,
        /// Bytes.
        length: usize,
    },
}

/// A patch as it lies behind the slot.
#[derive(Clone, Debug)]
pub struct Patch {
    /// What the manifest says of it; where it begins is told when it is put there.
    pub(crate) entry: PatchEntry,
    /// It.
    pub(crate) bytes: Vec<u8>,
}

/// The parts of a slot that patches make.
pub(crate) struct Parts<'a> {
    /// The slot.
    pub(crate) slot: &'a [u8],
    /// What of its initramfs changes, before compression.
    pub(crate) initramfs: &'a [u8],
}

impl Parts<'_> {
    /// The patch for boxes that run the version in this slot or update file.
    ///
    /// # Errors
    /// There is none, or what changed is not compressed as a box does it.
    pub(crate) fn patch_for(&self, header: &Header, old: &Path) -> Result<Patch, PatchesError> {
        let of_root = |path: &Path| {
            let path = path.to_owned();
            move |source| PatchesError::Root { path, source }
        };
        let before = ShippedFile::read(old)?;
        let programs = root::programs(&before.slot, before.header.root.start);
        let programs = programs.map_err(of_root(old))?.concat();
        let new = root::programs(self.slot, header.root.start).map_err(of_root(old))?;
        let block = usize::try_from(root::BLOCK_SIZE).unwrap_or(usize::MAX);
        let content = |bytes, block| Content { bytes, block };
        let contents = [
            content(&new[0][..], block),
            content(&new[1][..], block),
            content(self.initramfs, self.initramfs.len()),
        ];
        let bytes = patch::make(self.slot, &programs, &contents);
        let bytes = bytes.map_err(|source| PatchesError::Patch {
            path: old.to_owned(),
            source,
        })?;
        if bytes.len() as u64 > PATCH_MAX {
            return Err(PatchesError::TooLarge {
                path: old.to_owned(),
                length: bytes.len(),
            });
        }
        Ok(Patch {
            entry: PatchEntry {
                root_hash: hex::encode(before.header.root_hash),
                compressor: patch::compressor_version(),
                start: 0,
                length: bytes.len() as u64,
                sha256: hex::encode(Sha256::digest(&bytes)),
            },
            bytes,
        })
    }
}
