//! `update`: the firmware slots, and an update on its way into the one that is not running.

mod words;

use serde::{Deserialize, Serialize};

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Slots, keys and what is under way. Answer: [`Reply::Status`].
    Status,
    /// Begin a new update; one that was under way is given up. Answer: [`Reply::Next`] or
    /// [`Reply::Refused`].
    Begin,
    /// A piece of the update file. Answer: [`Reply::Next`], [`Reply::Installed`] or
    /// [`Reply::Refused`].
    Piece {
        /// Where it begins in the file, bytes; what was last asked for.
        offset: u64,
        /// The piece, at most [`PIECE_MAX`] bytes.
        bytes: Vec<u8>,
    },
    /// Give the update that is under way up. Answer: [`Reply::Done`].
    Abandon,
    /// Start the other slot at the next start, when it has proved good. Answer: [`Reply::Done`] or
    /// [`Reply::Refused`].
    GoBack,
    /// Forget at the next start everything that was stored. Answer: [`Reply::Done`] or
    /// [`Reply::Refused`].
    FactoryReset,
    /// Start the rescue system once. Answer: [`Reply::Done`] or [`Reply::Refused`].
    Rescue,
}

/// Bytes of a piece.
pub const PIECE_MAX: usize = 1024 * 1024;

/// What `update` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Slots, keys and what is under way.
    Status(Box<Status>),
    /// The piece that begins here is wanted next.
    Next {
        /// Bytes from the file's beginning.
        offset: u64,
        /// Bytes from there on that the box does not have, as far as they follow each other and
        /// are known: more may be sent, and is passed over.
        length: u64,
    },
    /// Everything is there: the next start tries it.
    Installed {
        /// Its version.
        version: String,
    },
    /// It is not done, and why.
    Refused {
        /// Why.
        reason: Refusal,
        /// Where to go on all the same: a piece was damaged on its way.
        next: Option<u64>,
    },
    /// Done.
    Done,
    /// The peer may not ask this.
    Forbidden {
        /// The user id that asked.
        uid: u32,
    },
}

/// Why something is not done. Nothing that a running box needs was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// The file does not begin as an update file.
    NotAnUpdate,
    /// Head, manifest or list of chunks are not as they were made.
    Damaged,
    /// The file's format is of a later version.
    UnknownFormat,
    /// Keys that the box trusts have not signed it.
    NotSigned {
        /// The set the box trusts.
        trusted: String,
    },
    /// It is for another hardware.
    WrongHardware {
        /// What it is for.
        offered: String,
        /// What the box is.
        hardware: String,
    },
    /// Its security number is below what the box has had.
    TooOld {
        /// The version offered.
        version: String,
        /// Its security number.
        offered: u64,
        /// The lowest the box runs.
        floor: u64,
    },
    /// The slot would not fit.
    TooLarge {
        /// Bytes.
        length: u64,
        /// Bytes of a slot.
        room: u64,
    },
    /// A piece came that is not the one that was asked for.
    OutOfOrder {
        /// Where it begins in the file.
        found: u64,
        /// Where the one asked for begins.
        wanted: u64,
    },
    /// A chunk is not the one that was signed; it is asked for again.
    ChunkDamaged {
        /// Which, from 0.
        index: u64,
    },
    /// What the file holds is not what its manifest tells of: it was made wrong.
    MadeWrong,
    /// The running version has not proved good, and the other slot is what it would go back to.
    OnTrial,
    /// The running version is damaged on the disk, and the other one is not.
    RunningDamaged,
    /// The system was not started from a slot.
    NoSlots,
    /// The other slot has never proved good, or was written since.
    NothingToGoBackTo,
    /// What was written does not read back.
    ReadBack {
        /// The chunk, from 0.
        index: u64,
    },
    /// A disk or a file of the firmware does not do as it should; the log says which.
    DeviceFailed,
    /// A piece came, but no update was begun.
    NotBegun,
    /// A piece is longer than [`PIECE_MAX`].
    PieceTooLong,
}

/// Slots, keys and what is under way.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// What the box is, as updates name it.
    pub hardware: String,
    /// The slots; empty where the system was not started from one.
    pub slots: Vec<Slot>,
    /// The lowest security number the box runs.
    pub security_floor: u64,
    /// What the set of trusted keys is called.
    pub keys: String,
    /// Whether these are development keys, which no customer's box may trust.
    pub is_development: bool,
    /// Why slots were left, latest first.
    pub journal: Vec<Entry>,
    /// The update that is under way.
    pub progress: Option<Progress>,
    /// Whether everything that was stored will be forgotten at the next start.
    pub wants_reset: bool,
    /// Where the key of the data is; `None` when there is none, or none that can be read.
    pub data_key: Option<DataKey>,
}

/// Where the key of the data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DataKey {
    /// The TPM has sealed it; who has seen the recovery code.
    Sealed(RecoveryCode),
    /// It lies on the disk, beside the data.
    OnDisk,
}

/// Who has seen the recovery code of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecoveryCode {
    /// Nobody.
    Unseen,
    /// An administrator, whom it was shown to.
    Shown,
    /// The next start makes another one.
    Renewed,
}

/// A firmware slot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Slot {
    /// `a` or `b`.
    pub name: String,
    /// Whether it runs.
    pub is_running: bool,
    /// Whether it is started first.
    pub is_preferred: bool,
    /// Its version; empty when nothing is in it.
    pub version: String,
    /// Its security number.
    pub security: u64,
    /// When its source was committed, Unix seconds.
    pub built: u64,
    /// Whether it may be started.
    pub condition: Condition,
    /// Whether a block of it was read that is not the one that was signed.
    pub is_damaged: bool,
}

/// Whether a slot may be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Condition {
    /// Nothing is in it.
    #[default]
    Empty,
    /// It has not proved good yet.
    OnTrial {
        /// How often it may still be started.
        tries: u8,
    },
    /// It has proved good.
    Good,
    /// It did not prove good.
    Bad,
}

/// Why a slot was left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Rises from entry to entry.
    pub sequence: u64,
    /// `a` or `b`; empty when it concerns both.
    pub slot: String,
    /// Why.
    pub reason: Reason,
    /// More of why: the service that was not well, as its name; else empty.
    pub detail: String,
}

/// Why a slot was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reason {
    /// Neither copy of the boot state could be read.
    StateLost,
    /// Nothing was in it.
    Empty,
    /// It was damaged.
    Damaged,
    /// Trusted keys had not signed it.
    NotSigned,
    /// The firmware of the machine refused it (Secure Boot).
    RefusedByFirmware,
    /// It could not be started.
    NotStarted,
    /// It was older than what the box may run.
    TooOld,
    /// It was for another hardware.
    WrongHardware,
    /// It never proved good.
    TriesUsedUp,
    /// It had proved good, but failed to do so again too often in a row.
    Unclean,
    /// A service was not well.
    Unhealthy,
    /// A block of its root was not the one that was signed.
    RootDamaged,
    /// The disk did not take the note that it is tried.
    NotCounted,
}

/// An update that is under way.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Its version; empty before its head was read.
    pub version: String,
    /// Bytes of the slot that are there.
    pub received: u64,
    /// Bytes of the slot.
    pub length: u64,
    /// What is wanted next, bytes from the file's beginning; `None` when it is installed.
    pub next: Option<u64>,
}
