//! Why an update is not taken, in words for the person who offers it.

/// Why an update file is refused. Nothing that a running box needs was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The file does not begin as one.
    #[error("this is no update file of this product")]
    NotAnUpdate,
    /// The file's format is of a later version.
    #[error("the update file has a format that this version does not know; install an older one")]
    UnknownFormat,
    /// The file was damaged on its way.
    #[error("the update file is damaged: {0}; fetch it again")]
    Damaged(&'static str),
    /// Keys that the box trusts have not signed it.
    #[error(
        "the update is not signed by keys this box trusts (`{trusted}`); \
         use the file of your supplier"
    )]
    NotSigned {
        /// The set the box trusts.
        trusted: String,
    },
    /// It is for another hardware.
    #[error("the update is for {offered}, and this box is {hardware}")]
    WrongHardware {
        /// What it is for.
        offered: String,
        /// What the box is.
        hardware: String,
    },
    /// Its security number is below what the box has had.
    #[error(
        "version {version} is older than what this box may run: its security number is {offered}, \
         and the box has had {floor}"
    )]
    TooOld {
        /// The version offered.
        version: String,
        /// Its security number.
        offered: u64,
        /// The lowest the box runs.
        floor: u64,
    },
    /// The slot would not fit.
    #[error("the update has {length} bytes, and a slot only {room}")]
    TooLarge {
        /// Bytes.
        length: u64,
        /// Bytes of a slot.
        room: u64,
    },
    /// A piece came that is not the one that was asked for.
    #[error("the piece at {found} came, but the one at {wanted} is next")]
    OutOfOrder {
        /// What came.
        found: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// A chunk is not the one that was signed.
    #[error("chunk {index} of the update was damaged on its way; it is asked for again")]
    ChunkDamaged {
        /// Which, from 0.
        index: usize,
    },
    /// The slot in the file is not the one the manifest tells of.
    #[error("the slot in the update is not the one its manifest tells of: {0}")]
    OtherSlot(&'static str),
}
