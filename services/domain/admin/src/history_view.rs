//! The versions of the site, as they are shown.

use ipc::site::Site;
use ipc::store::Version;
use schemars::JsonSchema;
use serde::Serialize;

use crate::actions::patch::differences;
use crate::admin::Caller;
use crate::calendar::rfc3339;
use crate::routes::Face;
use crate::text::Language;

/// A version without its content.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VersionView {
    pub(crate) version: u64,
    pub(crate) at: String,
    pub(crate) author: String,
    pub(crate) action: String,
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        Self {
            version: version.version,
            at: rfc3339(version.at_millis),
            author: version.author,
            action: version.action,
        }
    }
}

/// How a line about somebody begins.
pub(crate) const PERSON: &str = "person ";

/// What changed in a version, one clause a field, and what going back to it changes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VersionChanges {
    pub(crate) version: u64,
    /// The present version.
    pub(crate) current: u64,
    /// Against the version before; nothing when that is not kept any more.
    pub(crate) changes: Option<Vec<String>>,
    /// What going back to it would change now; empty when that changes nothing.
    pub(crate) back: Vec<String>,
    /// Why it cannot be gone back to; empty when it can.
    pub(crate) refused: String,
}

impl VersionView {
    /// The same for whoever may not see people: that something about accounts was changed, and not
    /// what or by whom.
    pub(crate) fn without_people(self) -> Self {
        if !is_about_people(&self.action) {
            return self;
        }
        Self {
            author: String::new(),
            action: "accounts of people changed".to_owned(),
            ..self
        }
    }
}

/// Whether all that a version changed is about accounts, by what the audit trail calls it.
fn is_about_people(action: &str) -> bool {
    ABOUT_PEOPLE.iter().any(|words| action.starts_with(words))
}

/// How the actions about accounts begin.
const ABOUT_PEOPLE: [&str; 7] = [
    "person ",
    "password of ",
    "one-time password ",
    "second factor of ",
    "recovery code of ",
    "token ",
    "all tokens of ",
];

impl VersionChanges {
    /// The same for whoever may not see people.
    pub(crate) fn without_people(mut self) -> Self {
        let about_others = |line: &String| !line.starts_with(PERSON);
        self.back.retain(about_others);
        if let Some(changes) = &mut self.changes {
            changes.retain(about_others);
        }
        self
    }

    pub(crate) fn new(
        version: u64,
        site: &Site,
        before: Option<&Site>,
        (current, now): (u64, &Site),
        caller: &Caller,
    ) -> Self {
        let changes = before.and_then(|before| differences(before, site).ok());
        let back = differences(now, &config::back_to(site, now));
        let (back, refused) = match back {
            Ok(back) => (back, String::new()),
            // An earlier firmware took what this one does not.
            Err(fault) => {
                let language = match caller.face {
                    Face::Api => Language::English,
                    Face::Page | Face::Asset => caller.language,
                };
                (Vec::new(), fault.for_eyes_of(caller).text(language))
            }
        };
        Self {
            version,
            current,
            changes,
            back,
            refused,
        }
    }
}
