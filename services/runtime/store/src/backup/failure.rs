//! What failed, as people are told of it by its kind; the log has it in the words of whoever said
//! so.

use std::io;

use ipc::store::BackupFailure;

use crate::tables::{Fault, redb_fault};

impl From<Fault> for BackupFailure {
    fn from(fault: Fault) -> Self {
        if let Fault::Redb(redb::Error::Io(error)) = fault {
            return of_disk(error);
        }
        tracing::error!("backups: {fault}");
        Self::Database
    }
}

/// The disk refused.
pub(crate) fn of_disk(error: io::Error) -> BackupFailure {
    if error.kind() == io::ErrorKind::Interrupted {
        return BackupFailure::Interrupted;
    }
    tracing::error!("backups: {error}");
    match crate::tables::is_full(&error) {
        true => BackupFailure::NoRoom,
        false => BackupFailure::Disk(error.raw_os_error().unwrap_or(0)),
    }
}

/// What the keys are read from, or drawn by, refused.
pub(crate) fn of_keys(reason: String) -> BackupFailure {
    tracing::error!("the keys of the backups: {reason}");
    BackupFailure::NoKeys
}

/// An archive could not be written from what the database holds.
pub(crate) fn of_archive(refusal: impl std::fmt::Display) -> BackupFailure {
    tracing::error!("the archive: {refusal}");
    BackupFailure::Database
}

/// Somebody else needs the database for himself.
pub(crate) fn interrupted() -> Fault {
    redb_fault(redb::Error::Io(io::ErrorKind::Interrupted.into()))
}
