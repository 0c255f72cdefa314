//! The header: what people may know of an archive without its code.

use serde::{Deserialize, Serialize};

use crate::keys::KeyId;
use crate::refusal::Refusal;

/// The newest format this version reads, and writes where there are sounds: those of prompts come
/// behind all tables.
pub const FORMAT: u16 = 2;

/// The format without sounds, which earlier versions read too.
const FORMAT_FIRST: u16 = 1;

const MAGIC: &[u8; 8] = b"RAMALBAK";

/// Bytes before the JSON.
const BEGINNING: usize = MAGIC.len() + 4;

/// Bytes of the JSON at most.
const HEADER_MAX: usize = 4 * 1024;

/// Who made an archive, when and of what. It is in the clear: proved only once a chunk was opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The shape of its entries, as the store counts it.
    pub schema: u32,
    /// The version of the box that made it.
    pub firmware: String,
    /// Public key of the box that made it.
    #[serde(with = "hex::serde")]
    pub of_box: [u8; 32],
    /// When, milliseconds since 1970, by that box's clock.
    pub taken_millis: i64,
    /// The version of its configuration.
    pub config_version: u64,
    /// Which key opens it.
    #[serde(with = "hex::serde")]
    pub key: KeyId,
    /// No other archive has it.
    #[serde(with = "hex::serde")]
    pub nonce: [u8; 16],
    /// The sounds of prompts are in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sounds: bool,
}

impl Header {
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let json = serde_json::to_vec(self).ok()?;
        let length = u16::try_from(json.len()).ok();
        let length = length.filter(|it| usize::from(*it) <= HEADER_MAX)?;
        let mut bytes = MAGIC.to_vec();
        let format = if self.sounds { FORMAT } else { FORMAT_FIRST };
        bytes.extend(format.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(json);
        Some(bytes)
    }

    /// The header at the beginning of an archive and its length; `None` until enough is there.
    ///
    /// # Errors
    /// It is none, of a newer format, or damaged.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Refusal> {
        let known = bytes.len().min(MAGIC.len());
        if bytes.get(..known) != MAGIC.get(..known) {
            return Err(Refusal::NotABackup);
        }
        let Some(numbers) = bytes.get(MAGIC.len()..).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(None);
        };
        let [low, high, length @ ..] = *numbers;
        let format = u16::from_le_bytes([low, high]);
        if !(FORMAT_FIRST..=FORMAT).contains(&format) {
            return Err(Refusal::NewerFormat(format));
        }
        let length = usize::from(u16::from_le_bytes(length));
        if length > HEADER_MAX {
            return Err(Refusal::Damaged("its header is too long"));
        }
        let end = BEGINNING.saturating_add(length);
        let Some(json) = bytes.get(BEGINNING..end) else {
            return Ok(None);
        };
        let header = serde_json::from_slice(json);
        let header = header.map_err(|_| Refusal::Damaged("its header cannot be read"))?;
        Ok(Some((header, end)))
    }
}
