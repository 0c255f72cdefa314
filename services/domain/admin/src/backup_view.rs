//! Backups as the API shows them.

use ipc::init::StickFile;
use ipc::store::{BackupFailure, BackupFile, Backups, Restore, RestoreState};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;
use crate::firmware_view::StickView;
use crate::text::Language;

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
    /// One is being restored.
    pub(crate) restoring: bool,
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
            restoring: from.restore.is_some_and(|it| !it.state.is_over()),
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

/// A restore, under way or over.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct RestoreView {
    /// `none`, `reading`, `joining`, `finishing`; and in the end `restored`, `refused`, `failed`.
    pub(crate) state: &'static str,
    pub(crate) began: Option<String>,
    /// The backup on the box; none for one that was brought.
    pub(crate) file: Option<String>,
    /// Bytes of the backup that were read so far.
    pub(crate) read_bytes: Option<u64>,
    pub(crate) bytes: Option<u64>,
    /// The version of the configuration that was restored.
    pub(crate) restored: Option<u64>,
    /// Why it was not, in English.
    pub(crate) error: Option<String>,
    /// The same in the language of whoever asks.
    pub(crate) text: Option<String>,
    /// What programs know that by.
    pub(crate) code: Option<&'static str>,
    #[serde(skip)]
    pub(crate) is_on: bool,
}

impl RestoreView {
    /// `None` where there was none since the box has started.
    pub(crate) fn new(restore: Option<Restore>, language: Language) -> Self {
        let Some(restore) = restore else {
            return Self {
                state: "none",
                ..Self::default()
            };
        };
        let mut view = Self {
            began: Some(rfc3339(restore.began_millis)),
            file: Some(restore.file).filter(|it| !it.is_empty()),
            is_on: !restore.state.is_over(),
            ..Self::default()
        };
        let text = |english: String, portuguese: String| match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        };
        match restore.state {
            RestoreState::Reading { done, total } => {
                view.state = "reading";
                view.read_bytes = Some(done);
                view.bytes = Some(total);
            }
            RestoreState::Joining => view.state = "joining",
            RestoreState::Finishing { .. } => view.state = "finishing",
            RestoreState::Restored { version } => {
                view.state = "restored";
                view.restored = Some(version);
            }
            RestoreState::Refused(refusal) => {
                view.state = "refused";
                view.error = Some(refusal.english());
                view.text = Some(text(refusal.english(), refusal.portuguese()));
                view.code = Some(refusal.code());
            }
            RestoreState::Failed(failure) => {
                view.state = "failed";
                view.error = Some(failure.english());
                view.text = Some(text(failure.english(), failure.portuguese()));
                view.code = Some(failure.code());
            }
        }
        view
    }
}
