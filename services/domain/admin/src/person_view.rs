//! What the box keeps on one person, as it is handed out.

use ipc::site::Extension;
use ipc::store::{CallRecord, Registration};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::actions::accounts::AccountView;
use crate::actions::items::hide;
use crate::calendar::rfc3339;
use crate::views::{AuditView, CallView};

/// Everything that is kept on one person, without passwords and what they are checked by.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PersonData {
    /// When it was put together, RFC 3339.
    pub(crate) made: String,
    /// The login or the number that it is about.
    pub(crate) about: String,
    /// Null where it is about a number.
    pub(crate) account: Option<AccountView>,
    /// Those they use.
    pub(crate) extensions: Vec<ExtensionOfPerson>,
    /// Phones that are registered at these.
    pub(crate) phones: Vec<PhoneOfPerson>,
    /// The calls they took part in, newest first; numbers of other people outside are masked where
    /// it is about a number.
    pub(crate) calls: Vec<CallOfPerson>,
    /// There are more calls than a file has: ask again with this as `before`.
    pub(crate) calls_before: Option<String>,
    /// There are more entries than a file has: ask again with this as `audit_before`.
    pub(crate) audit_before: Option<u64>,
    /// What the trail says that they did, or of them, newest first.
    pub(crate) audit: Vec<AuditView>,
    /// What is kept elsewhere.
    pub(crate) elsewhere: &'static str,
}

/// An extension that somebody uses.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExtensionOfPerson {
    number: String,
    display_name: String,
    remote: bool,
    /// As `GET /api/extensions/{}/settings` has them.
    settings: Value,
}

impl From<&Extension> for ExtensionOfPerson {
    fn from(from: &Extension) -> Self {
        let mut settings = serde_json::to_value(&from.settings).unwrap_or_default();
        hide(&mut settings);
        Self {
            number: from.number.clone(),
            display_name: from.display_name.clone(),
            remote: from.remote,
            settings,
        }
    }
}

/// A phone that is registered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PhoneOfPerson {
    extension: String,
    contact: String,
    /// Where the registration came from.
    source: String,
    /// What kind of phone it says it is.
    user_agent: String,
    /// When this was noted, RFC 3339.
    kept: String,
}

impl From<&Registration> for PhoneOfPerson {
    fn from(from: &Registration) -> Self {
        Self {
            extension: from.extension.clone(),
            contact: from.contact.clone(),
            source: from.source.clone(),
            user_agent: from.user_agent.clone(),
            kept: rfc3339(from.kept_millis),
        }
    }
}

/// A call, with who was in it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CallOfPerson {
    #[serde(flatten)]
    call: CallView,
    /// The number one of the two was transferred to; empty for none.
    transferred_to: String,
    /// The extensions that were in it.
    extensions: Vec<String>,
    /// The extensions and groups it was for.
    rung: Vec<String>,
}

impl From<CallRecord> for CallOfPerson {
    fn from(mut from: CallRecord) -> Self {
        Self {
            transferred_to: std::mem::take(&mut from.transferred_to),
            extensions: std::mem::take(&mut from.extensions),
            rung: std::mem::take(&mut from.rung),
            call: CallView::from(from),
        }
    }
}
