//! Backups as the API shows them.

use ipc::init::StickFile;
use ipc::store::{BackupFailure, BackupFile, Backups};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;
use crate::firmware_view::StickView;

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BackupsView {
    pub(crate) backups: Vec<BackupView>,
    /// One is made now.
    pub(crate) running: bool,
    /// Why the last one failed, in English.
    pub(crate) failed: Option<String>,
    /// What programs know that by.
    pub(crate) failed_code: Option<&'static str>,
    #[serde(skip)]
    pub(crate) failure: Option<BackupFailure>,
    /// Somebody was given the code.
    pub(crate) code_known: bool,
    /// The public key they are signed by.
    pub(crate) signed_by: String,
    /// Those on the memory stick in the box.
    pub(crate) stick: Vec<StickView>,
}

/// One on the box.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BackupView {
    pub(crate) name: String,
    pub(crate) taken: String,
    pub(crate) bytes: u64,
    pub(crate) proved: bool,
    /// It needs the code of its time.
    pub(crate) needs_code: bool,
    pub(crate) config_version: u64,
    pub(crate) firmware: String,
}

impl BackupsView {
    pub(crate) fn new(from: Backups, stick: Vec<StickFile>) -> Self {
        Self {
            backups: from.files.into_iter().map(BackupView::from).collect(),
            running: from.is_running,
            failed: from.failed.as_ref().map(BackupFailure::english),
            failed_code: from.failed.as_ref().map(BackupFailure::code),
            failure: from.failed,
            code_known: from.has_code,
            signed_by: from.of_box,
            stick: stick.into_iter().map(StickView::from).collect(),
        }
    }
}

impl From<BackupFile> for BackupView {
    fn from(from: BackupFile) -> Self {
        Self {
            name: from.name,
            taken: rfc3339(from.taken_millis),
            bytes: from.bytes,
            proved: from.is_proved,
            needs_code: from.needs_code,
            config_version: from.config_version,
            firmware: from.firmware,
        }
    }
}
