//! The sounds of prompts, as the store keeps them.

use serde::{Deserialize, Serialize};

/// What may be asked about the sounds of prompts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PromptRequest {
    /// Those there are. Answer: [`crate::store::Reply::Prompts`].
    List,
    /// A piece of a sound that somebody brings: 16-bit samples, little-endian, mono; one at 0
    /// begins anew. Answer: [`crate::store::Reply::Uploaded`] or
    /// [`crate::store::Reply::PromptRefused`].
    Piece {
        /// Where it begins, bytes.
        offset: u64,
        /// What there is from there on.
        bytes: Vec<u8>,
    },
    /// Give what was brought this name, in the place of what has it; it is durable then. Answer:
    /// [`crate::store::Reply::Stored`] or [`crate::store::Reply::PromptRefused`].
    Keep {
        /// The prompt's.
        name: String,
        /// How many bytes of samples were brought.
        bytes: u64,
        /// Samples a second: 8000 or 16000.
        hertz: u32,
    },
    /// Remove the sound of this prompt. Answer: [`crate::store::Reply::Stored`] or
    /// [`crate::store::Reply::PromptRefused`].
    Delete(String),
}

/// The sound of a prompt.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PromptSound {
    /// The prompt's.
    pub name: String,
    /// Length of its file.
    pub bytes: u64,
    /// How long it lasts.
    pub millis: u64,
    /// When it was brought, milliseconds since 1970.
    pub modified_millis: i64,
}

/// Why a sound is not taken, or not removed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PromptRefusal {
    /// There is none of this name, or nothing was brought.
    Missing,
    /// No prompt has such a name.
    Name,
    /// A piece does not begin where the one before ended: somebody else brings one.
    OutOfOrder,
    /// All together would be more than this many mebibytes.
    TooMuch(u32),
    /// The data disk has no room for it.
    NoRoom,
}

/// Mebibytes of all prompts together: more than half an hour at 16 kHz, and little enough for every
/// backup to hold them.
pub const PROMPTS_MIB_MAX: u32 = 64;
