//! What the box says to callers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something the box says to callers. Its sound is a file of `media`
/// ([`crate::sound::prompt_file`]), which may be missing: the call goes on without it then.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Prompt {
    /// Unique name, of which the file has its own: 1 to 40 letters without accents, digits, `-`
    /// and `_`.
    pub name: String,
    /// What it says, for people to read; may be empty.
    pub says: String,
}
