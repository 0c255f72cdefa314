//! Why an archive is not taken.

use crate::keys::KeyId;

/// Why an archive is not taken. Nothing was changed then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not begin as one.
    #[error("this is no backup of a box")]
    NotABackup,
    /// A newer version made it, in a format this one does not read.
    #[error("the backup has format {0}, this version reads {known}: update the box first",
            known = crate::FORMAT)]
    NewerFormat(u16),
    /// A newer version made it, of tables this one does not know.
    #[error(
        "the backup has schema {found}, this version reads up to {known}: update the box first"
    )]
    NewerSchema {
        /// What it says.
        found: u32,
        /// What is read.
        known: u32,
    },
    /// It needs another code.
    #[error("the backup was made with another backup code (it names {})", hex::encode(.0))]
    OtherCode(KeyId),
    /// It was changed, or is not what the key has made.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// It ends too soon.
    #[error("the backup is cut short")]
    CutShort,
    /// Something follows its end.
    #[error("there is more behind the end of the backup")]
    TooLong,
    /// The box it names has not signed it.
    #[error("the backup is not signed by the box it names")]
    NotSigned,
}
