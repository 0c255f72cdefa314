//! What is looked for among call records.

use serde::{Deserialize, Serialize};

/// What somebody looks for among call records; what is empty asks for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CallSearch {
    /// A number that was in the call, whole and however it is written: `config::is_same_number`
    /// says which are the same. Of a million calls those of a number are found at once; a part of
    /// a number would have to be looked for in all.
    pub number: String,
    /// Begun at this time or later, milliseconds since 1970.
    pub from_millis: Option<i64>,
    /// Begun before this time, milliseconds since 1970.
    pub until_millis: Option<i64>,
}
