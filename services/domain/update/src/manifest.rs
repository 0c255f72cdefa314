//! What an update is, as its makers signed it.

use serde::{Deserialize, Serialize};

use crate::CHUNK;
use crate::refusal::Refusal;

/// The manifest. Unknown fields are passed over, so that later versions may add some; what must be
/// understood raises `format`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub format: u32,
    /// What it runs on.
    pub hardware: Vec<String>,
    /// As people call it.
    pub version: String,
    /// See [`slot::Header::security`].
    pub security: u64,
    /// Bytes of the slot.
    pub length: u64,
    /// SHA-256 of the list of chunk hashes, 64 hexadecimal digits.
    pub chunks_sha256: String,
    /// What is new, for people: language tag to text.
    #[serde(default)]
    pub notes: std::collections::BTreeMap<String, String>,
    /// Patches for boxes that run certain versions, which lie behind the slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<PatchEntry>,
}

/// A patch, as the crate `patch` makes and applies it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PatchEntry {
    /// The root hash of the version it is for, 64 hexadecimal digits.
    pub root_hash: String,
    /// The version of the compressor that the box has to have.
    pub compressor: u32,
    /// Where it begins, in bytes from the slot's end.
    pub start: u64,
    /// Its bytes.
    pub length: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Chunks of the slot.
    #[must_use]
    pub fn chunks(&self) -> usize {
        let chunks = self.length.div_ceil(CHUNK as u64);
        usize::try_from(chunks).unwrap_or(usize::MAX)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let damaged = Refusal::Damaged("its manifest cannot be read");
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| damaged)?;
        if manifest.format != FORMAT {
            return Err(Refusal::UnknownFormat);
        }
        Ok(manifest)
    }
}

/// The one format there is.
pub(crate) const FORMAT: u32 = 1;
