//! A slot, or the update file with one, as it was shipped.

use std::path::{Path, PathBuf};

use slot::Header;
use update::Manifest;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is neither an update file nor a slot.
    #[error("{0} is no update file and no slot; `cargo image build` makes both")]
    Neither(PathBuf),
}

/// What is in it. Who signed it is not judged.
#[derive(Debug)]
pub(crate) struct ShippedFile {
    /// Bytes before the slot.
    pub(crate) head: usize,
    /// What the head says.
    pub(crate) manifest: Option<Manifest>,
    /// The slot.
    pub(crate) slot: Vec<u8>,
    /// The slot's header.
    pub(crate) header: Header,
    /// Patches, one behind the other.
    pub(crate) patches: Vec<u8>,
}

impl ShippedFile {
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = std::fs::read(path).map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(bytes).ok_or_else(|| FileError::Neither(path.to_owned()))
    }

    fn parse(mut bytes: Vec<u8>) -> Option<Self> {
        let head = update::head_length(&bytes).unwrap_or(0);
        let manifest = update::manifest_unverified(bytes.get(..head)?);
        let mut slot = bytes.split_off(head);
        let length = manifest.as_ref().map(|it| usize::try_from(it.length));
        let length = length.transpose().ok()?.unwrap_or(slot.len());
        let patches = slot.split_off(length.min(slot.len()));
        Some(Self {
            head,
            manifest,
            header: Header::decode(&slot).ok()?,
            slot,
            patches,
        })
    }
}
