//! People who sign in to the web admin, as they travel.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Redacted;

/// A person with a sign-in of their own (R3).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// Sign-in name.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// argon2id in PHC string form.
    pub password_hash: Redacted<String>,
    /// The password was made by the box and must be changed at the next sign-in.
    pub password_one_time: bool,
    /// The extensions they use: their calls are their own (R5).
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Since when each of them is theirs, milliseconds since 1970: whoever had the number before
    /// is somebody else. One that is not in it, since ever.
    #[serde(default)]
    pub extensions_since: BTreeMap<String, i64>,
    /// Whose calls they may see besides (R6).
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// They see whole numbers of people outside in calls of others, which are masked otherwise.
    #[serde(default)]
    pub whole_numbers: bool,
    /// They may not sign in.
    #[serde(default)]
    pub disabled: bool,
    /// The role they have by a newer firmware; to this one they are a user who may not sign in.
    #[serde(default)]
    pub unknown_role: Option<UnknownRole>,
    /// What they are asked for at a sign-in besides the password.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
    /// With which programs ask the API in their name.
    #[serde(default)]
    pub tokens: Vec<Token>,
    /// With which they sign in without a password, or after it in the place of a code.
    #[serde(default)]
    pub passkeys: Vec<Passkey>,
    /// Lower-case hex SHA-256 of each code for lost passkeys that is left.
    #[serde(default)]
    pub passkey_codes: Vec<Redacted<String>>,
}

/// What is kept of a passkey (Web Authentication Level 3, "credential record"): nothing of it is
/// secret. Bytes are base64url without padding.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Passkey {
    /// What its owner calls it.
    pub name: String,
    /// What the authenticator calls it: 1 to 1023 bytes.
    pub id: String,
    /// Its public key, as COSE has it (RFC 9052 §7).
    pub public_key: String,
    /// What its owner is known by to authenticators: random bytes.
    pub owner: String,
    /// The name of the box that it was made for, `ramal.local`: it works at no other.
    pub made_for: String,
    /// The counter of its signatures when it was made.
    pub counter: u32,
    /// Its maker may copy it to other devices of its owner, as phones do.
    pub can_be_copied: bool,
    /// When it was made, seconds since 1970.
    pub made_secs: u64,
}

/// What a program asks the API with, in somebody's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// What its owner calls it.
    pub name: String,
    /// Lower-case hex SHA-256 of it; itself it is kept nowhere.
    pub hash: Redacted<String>,
    /// What may be done by it, by name, where its owner may; `admin` knows the names.
    pub permissions: Vec<String>,
    /// When it ends, seconds since 1970.
    pub expires_secs: u64,
}

/// A second factor: codes of an app (RFC 6238), and others for the day the app is lost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactor {
    /// What the app and the box share: 20 bytes as base32 (RFC 4648 §6), 32 characters.
    pub secret: Redacted<String>,
    /// Lower-case hex SHA-256 of each code for a lost app that is left.
    pub recovery: Vec<Redacted<String>>,
}

/// What a person may do; `admin` says which role may what.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Administrator,
    /// Sets the box up and keeps its firmware; sees nobody's calls.
    Installer,
    /// Sees the state of the box, and calls and recordings of those he was granted.
    Supervisor,
    /// Sees the state of the box, and calls of those he was granted.
    Operator,
    /// Sees his own calls. What somebody is of whom nothing else is said.
    #[default]
    User,
    /// Reads everything, the recordings aside, and changes nothing.
    Auditor,
}

/// A role that only a newer firmware knows, kept for the day it is back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UnknownRole {
    /// Its name.
    pub name: String,
    /// They may not sign in under it either.
    pub disabled: bool,
}

impl Role {
    /// Every one there is.
    pub const ALL: [Self; 6] = [
        Self::Administrator,
        Self::Installer,
        Self::Supervisor,
        Self::Operator,
        Self::User,
        Self::Auditor,
    ];

    /// The name it has in the API and on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Installer => "installer",
            Self::Supervisor => "supervisor",
            Self::Operator => "operator",
            Self::User => "user",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that name; `None` for one that only a newer firmware knows.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Leave to see somebody's calls.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// Whose.
    pub of: Whose,
    /// Sign-in name of who gave it.
    pub by: String,
    /// Only calls that began since, milliseconds since 1970; 0 for all.
    #[serde(default)]
    pub since_millis: i64,
}

/// Whose calls may be seen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// Those of this extension.
    Extension(String),
    /// Those of this group and of whoever is a member of it.
    Group(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_name_and_an_unknown_name_is_none() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("owner"), None);
        assert_eq!(Role::default(), Role::User, "nothing said gives no rights");
    }
}
