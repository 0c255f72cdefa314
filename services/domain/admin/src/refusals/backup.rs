//! Why nothing became of a backup, in the language of whoever reads it.

use ipc::store::BackupFailure;

use crate::text::Language;

/// Why one was not made, or not restored.
pub(crate) fn failed(failure: &BackupFailure, language: Language) -> String {
    match language {
        Language::English => failure.english(),
        Language::Portuguese => failure.portuguese(),
    }
}
