//! Who may record calls, and how long recordings are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the calls of an extension are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recording {
    /// Not on its behalf; a route or the other party's setting may still record a call.
    #[default]
    Never,
    /// When its phone asks for it during a call.
    OnDemand,
    /// Every call, from the answer on; its phone cannot stop that.
    Always,
}

/// How recordings are kept, and whether those recorded hear that they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Recordings {
    /// Days after which a recording is deleted, 1 to 3650.
    pub keep_days: u16,
    /// Mebibytes of all recordings together; beyond, the oldest are deleted.
    pub max_mib: u32,
    /// Everybody in the call hears a short beep when a recording begins.
    pub notice: bool,
}

impl Default for Recordings {
    /// Three months, and as much as some ninety hours of two voices of G.711 take.
    fn default() -> Self {
        Self {
            keep_days: 90,
            max_mib: 10_240,
            notice: true,
        }
    }
}
