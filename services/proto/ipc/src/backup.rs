//! Backups, as the store tells of them.

mod words;

use serde::{Deserialize, Serialize};

use crate::Redacted;
use crate::store::Audit;

/// What may be asked about backups.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BackupRequest {
    /// The backups there are, and how it goes. Answer: [`crate::store::Reply::Backups`].
    List,
    /// Begin one now. Answer: [`crate::store::Reply::Stored`].
    Make,
    /// Draw another code; backups from now on need it, and those before the one of then. Code and
    /// audit entry are kept together. Answer: [`crate::store::Reply::BackupCode`].
    NewCode(Audit),
    /// A piece of a backup that somebody brings; one at 0 begins anew. Answer:
    /// [`crate::store::Reply::Uploaded`] or [`crate::store::Reply::BackupRefused`].
    Upload {
        /// Where it begins, bytes.
        offset: u64,
        /// What there is from there on.
        bytes: Vec<u8>,
    },
    /// Put what a backup holds in place of what the box has. The audit entry becomes durable with
    /// it. Answer: [`crate::store::Reply::RestoreBegun`], and what becomes of it is told by
    /// [`Self::List`]; or [`crate::store::Reply::BackupRefused`], and nothing was begun.
    Restore {
        /// One that lies on the box, or `None` for what was brought.
        file: Option<String>,
        /// Its code as somebody typed it; may be left out where the box has its key. A code that
        /// opened what was restored is the box's from then on.
        code: Option<Redacted<String>>,
        /// Who, from where.
        audit: Audit,
    },
}

/// The backups of a box.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Backups {
    /// Those on its own disk, newest first.
    pub files: Vec<BackupFile>,
    /// One is made now.
    pub is_running: bool,
    /// Why the last one failed.
    pub failed: Option<BackupFailure>,
    /// Somebody was given the code: without one, the backups are of use to this box alone.
    pub has_code: bool,
    /// The public key that its backups are signed by, lower-case hexadecimal.
    pub of_box: String,
    /// The last restore since the box has started.
    pub restore: Option<Restore>,
}

/// A restore, under way or over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Restore {
    /// When it began, milliseconds since 1970.
    pub began_millis: i64,
    /// The backup on the box that is restored; empty for what was brought.
    pub file: String,
    /// How far it is, or what became of it.
    pub state: RestoreState,
}

/// How far a restore is, or what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RestoreState {
    /// The backup is read into a database of its own.
    Reading {
        /// Bytes of it so far.
        done: u64,
        /// Bytes of it in all.
        total: u64,
    },
    /// That becomes one with what the box has; nothing is stored meanwhile.
    Joining,
    /// It is read back and put in its place.
    Finishing {
        /// The version of the configuration in it.
        version: u64,
    },
    /// The backup has taken the place of what was there. Nothing is stored until the box starts
    /// anew.
    Restored {
        /// The version of the configuration.
        version: u64,
    },
    /// The backup was not taken; nothing was changed.
    Refused(BackupRefusal),
    /// It was not done.
    Failed(BackupFailure),
}

impl RestoreState {
    /// Whether nothing more becomes of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match self {
            Self::Reading { .. } | Self::Joining | Self::Finishing { .. } => false,
            Self::Restored { .. } | Self::Refused(_) | Self::Failed(_) => true,
        }
    }
}

/// A backup on the box's own disk.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its file.
    pub name: String,
    /// When it was taken, milliseconds since 1970.
    pub taken_millis: i64,
    /// Its length.
    pub bytes: u64,
    /// A trial restore of it succeeded.
    pub is_proved: bool,
    /// It was made with another code than the box has now.
    pub needs_code: bool,
    /// The version of the configuration in it.
    pub config_version: u64,
    /// The version of the firmware that made it.
    pub firmware: String,
}

/// Why a backup is not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BackupRefusal {
    /// There is no such file, or nothing was brought.
    Missing,
    /// It is something else.
    NotABackup,
    /// A newer version of the box made it.
    Newer,
    /// What was typed is no backup code.
    NoCode,
    /// It was made with another code.
    OtherCode,
    /// It was changed, or holds what no backup does.
    Damaged(Damage),
    /// It ends too soon.
    CutShort,
    /// The box it names has not signed it.
    NotSigned,
    /// The data disk has no room for it.
    NoRoom,
    /// A piece does not begin where the one before ended.
    OutOfOrder,
    /// A backup is made at this moment, or another one restored.
    Busy,
}

/// What is wrong with a backup that is damaged. The store's log has it in more words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Damage {
    /// A part of it is not as it was made.
    Changed,
    /// Something follows its end.
    TooLong,
    /// A row of this table cannot be read.
    Row(String),
    /// It has rows that no backup has.
    Strange,
    /// It has more rows than are kept.
    TooMany,
    /// It has no configuration.
    NoSite,
    /// Its configuration has so many faults.
    Site(u64),
}

/// Why a backup was not made, or one was not restored that was taken. Nothing was changed then,
/// [`BackupFailure::Undecided`] aside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BackupFailure {
    /// The data disk has no room for it.
    NoRoom,
    /// The data disk refused, by this number of the kernel's; 0 where it gave none.
    Disk(i32),
    /// The database cannot be read or written.
    Database,
    /// There are no keys for backups, or they cannot be read.
    NoKeys,
    /// There is no configuration yet.
    NoSite,
    /// The store was ending, or needed the database for itself.
    Interrupted,
    /// The trial restore did not take what was made.
    Unproved(BackupRefusal),
    /// The trial restore gave other rows back than were written.
    Differs,
    /// A backup was restored, and the box has not started anew since.
    AwaitsRestart,
    /// The disk failed in the middle: which of both databases it has shows at the next start.
    Undecided,
}

/// What people must know of the backups.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BackupTrouble {
    /// The last one failed.
    Failed(BackupFailure),
    /// None has proved good for two days.
    Overdue,
}

/// When a backup was taken, milliseconds since 1970, by the name of its file; `None` for a name
/// that no backup has.
#[must_use]
pub fn backup_file_millis(name: &str) -> Option<i64> {
    let (millis, kind) = name.split_at_checked(13)?;
    let is_one = matches!(kind, ".backup" | ".unproved");
    let is_number = millis.bytes().all(|sign| sign.is_ascii_digit());
    (is_one && is_number).then(|| millis.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_backup_and_nowhere_else() {
        assert_eq!(
            backup_file_millis("1795351503000.backup"),
            Some(1_795_351_503_000)
        );
        assert_eq!(
            backup_file_millis("1795351503000.unproved"),
            Some(1_795_351_503_000)
        );
        for name in [
            "",
            "upload.part",
            "1795351503000",
            "1795351503000.wav",
            "+795351503000.backup",
            "../1795351503.backup",
            "1795351503000.backup/",
            "179535150300é.backup",
        ] {
            assert_eq!(backup_file_millis(name), None, "{name}");
        }
    }
}
