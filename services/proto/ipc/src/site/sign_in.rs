//! How people sign in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked of people at a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SignIn {
    /// An administrator without a second factor may do nothing but set one up.
    pub administrators_second_factor: bool,
}
