//! A patch on its way: bytes of the file in, the whole patch out once its hash was checked.

use sha2::{Digest as _, Sha256};

use crate::PATCH_MAX;
use crate::manifest::{Manifest, PatchEntry};

/// A patch that is being received.
#[derive(Debug)]
pub(crate) struct Patching {
    /// Where it begins in the file.
    start: u64,
    length: usize,
    sha256: String,
    bytes: Vec<u8>,
}

impl Patching {
    /// The patch for a box that runs the version with this root, when there is one and it is
    /// shorter than what is `missing` without it. The slot ends at `end` of the file.
    pub(crate) fn choose(
        manifest: &Manifest,
        root_hash: &[u8; 32],
        compressor: u32,
        missing: u64,
        end: u64,
    ) -> Option<Self> {
        let root_hash = hex::encode(root_hash);
        let fits = |it: &&PatchEntry| {
            it.root_hash == root_hash
                && it.compressor == compressor
                && it.length < missing.min(PATCH_MAX)
        };
        let entry = manifest.patches.iter().find(fits)?;
        Some(Self {
            start: end.checked_add(entry.start)?,
            length: usize::try_from(entry.length).ok()?,
            sha256: entry.sha256.clone(),
            bytes: Vec::new(),
        })
    }

    /// Where the sender is to go on, and how many bytes are missing from there.
    pub(crate) fn wanted(&self) -> (u64, u64) {
        let missing = self.length.saturating_sub(self.bytes.len()) as u64;
        let next = self.start.saturating_add(self.bytes.len() as u64);
        (next, missing)
    }

    /// Takes bytes that follow each other; what is behind the patch is passed over. Whether it is
    /// whole.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> bool {
        let missing = self.length.saturating_sub(self.bytes.len());
        let now = bytes.get(..missing).unwrap_or(bytes);
        self.bytes.extend_from_slice(now);
        self.bytes.len() == self.length
    }

    /// The patch, when it is the one that was signed.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        let is_signed = hex::encode(Sha256::digest(&self.bytes)) == self.sha256;
        is_signed.then_some(self.bytes)
    }
}
