//! A leg as it is kept over a restart of this process.

use serde::{Deserialize, Serialize};

use super::LegId;

/// Everything needed to hold, transfer and hang up a leg in a new process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct LegRow {
    id: u64,
}

impl LegRow {
    /// The name the leg had, and gets again.
    pub(crate) const fn leg(&self) -> LegId {
        LegId(self.id)
    }
}
