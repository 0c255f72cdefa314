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
