//! When an address is banned, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guard::Offence;

/// When an address is banned, and for how long (R53-R55, R69).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Guard {
    /// Whether anybody is banned at all. Off, it is counted all the same, and told what would have
    /// been done.
    pub on: bool,
    /// Minutes that the first ban of an address lasts, 1 to 1440; each further one twice as long,
    /// but where one single extension was tried.
    pub first_minutes: u16,
    /// Hours that a ban lasts at most, 1 to 8760, and not shorter than the first.
    pub longest_hours: u16,
    /// Networks that are never banned, at most 100.
    pub never: Vec<String>,
    /// Numbers that nobody has, at most 20: whoever tries one as an extension guesses.
    pub decoys: Vec<String>,
    /// How often is too often, where that is not as it comes; no offence twice.
    pub rules: Vec<GuardRule>,
}

/// How often is too often, for one offence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GuardRule {
    /// What somebody does.
    pub offence: Offence,
    /// So many times, 1 to 100; left out, as it comes for this offence.
    #[serde(default)]
    pub count: Option<u16>,
    /// Within so many seconds, 10 to 86400; left out, as it comes for this offence.
    #[serde(default)]
    pub within_secs: Option<u32>,
    /// It is told, and nothing follows.
    #[serde(default)]
    pub only_report: bool,
}

impl Default for Guard {
    /// Nobody is banned until somebody says so (R69).
    fn default() -> Self {
        Self {
            on: false,
            first_minutes: 10,
            longest_hours: 168,
            never: Vec::new(),
            decoys: Vec::new(),
            rules: Vec::new(),
        }
    }
}
