//! Whose data is to be gone, and how far that is (LGPD art. 18, VI).

use serde::{Deserialize, Serialize};

use crate::Redacted;

/// Stands in a call record where the number of somebody stood whose data was erased.
pub const ERASED: &str = "erased";

/// Most forms of one number.
pub const FORMS_MAX: usize = 16;

/// Whose data is to be gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Whose {
    /// Of somebody outside: the number in every call record that began before, in all forms in
    /// which records have it (`config::recorded_form`).
    Number(Redacted<Vec<String>>),
    /// Of somebody who had an account, which is gone: what versions of before have of it.
    Login(String),
}

/// What is there of somebody besides call records.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Erasable {
    /// Versions of the configuration that are not in force and have the account.
    pub versions: u64,
    /// Extensions in force that have the name the account gave them and are nobody else's: number
    /// and name.
    pub names: Vec<(String, String)>,
    /// What was erased last is not gone from everywhere yet; it takes some minutes at most.
    pub is_under_way: bool,
    /// Why nobody can be erased now: the clock of the box cannot be right.
    pub refusal: Option<String>,
}
