//! How long is kept what the box notes of people (LGPD art. 15 and 16).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// For how many days each class of what is kept stays; recordings have [`super::Recordings`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Retention {
    /// Days after which a call record is deleted, 1 to 3650.
    pub calls_days: u16,
    /// Days after which a call record says nothing any more of the sound and of the addresses it
    /// came from, 1 to 3650.
    pub quality_days: u16,
    /// Days after which an entry of the audit trail is deleted, 180 to 3650.
    pub audit_days: u16,
    /// Days after which a version of the configuration that is not in force any more is deleted,
    /// 30 to 3650.
    pub versions_days: u16,
}

impl Default for Retention {
    /// Two years of calls, three months of how they sounded, five years of who did what.
    fn default() -> Self {
        Self {
            calls_days: 730,
            quality_days: 90,
            audit_days: 1_825,
            versions_days: 1_825,
        }
    }
}
