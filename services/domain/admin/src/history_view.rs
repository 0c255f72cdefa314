//! The versions of the site, as they are shown.

use ipc::site::Site;
use ipc::store::Version;
use serde::Serialize;

use crate::actions::patch::differences;
use crate::calendar::rfc3339;
use crate::text::Language;

/// A version without its content.
#[derive(Debug, Serialize)]
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

/// What changed in a version, one clause a field, and what going back to it changes.
#[derive(Debug, Serialize)]
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

impl VersionChanges {
    pub(crate) fn new(
        version: u64,
        site: &Site,
        before: Option<&Site>,
        (current, now): (u64, &Site),
    ) -> Self {
        let changes = before.and_then(|before| differences(before, site).ok());
        let back = differences(now, &config::back_to(site, now));
        let (back, refused) = match back {
            Ok(back) => (back, String::new()),
            // An earlier firmware took what this one does not.
            Err(fault) => (Vec::new(), fault.text(Language::English)),
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
