//! What can go wrong with a phone.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::process::ProcessError;
use crate::sound::WavError;

/// Why a phone did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// baresip is not installed or could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file of the phone could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A tone or a recording could not be written or read.
    #[error(transparent)]
    Sound(#[from] WavError),
    /// The system refused a pipe, a thread or a connection on loopback (is `lo` up?).
    #[error("phone {extension}: {doing}: {source}")]
    System {
        /// The phone.
        extension: String,
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The extension or the password has a character that baresip's account line cannot hold.
    #[error("phone {0}: its number or password has a character that baresip cannot be told")]
    Unspeakable(String),
    /// baresip ended when it should run.
    #[error("phone {extension}: baresip ended while we waited for {waiting}; its last lines:{log}")]
    Ended {
        /// The phone.
        extension: String,
        /// What was waited for.
        waiting: String,
        /// What it wrote last.
        log: String,
    },
    /// What was waited for did not happen in time.
    #[error("phone {extension}: no {waiting} within {limit:?}; baresip's last lines:{log}")]
    TimedOut {
        /// The phone.
        extension: String,
        /// What was waited for.
        waiting: String,
        /// How long.
        limit: Duration,
        /// What it wrote last.
        log: String,
    },
    /// baresip refused a command.
    #[error("phone {extension}: baresip refused {command}")]
    Refused {
        /// The phone.
        extension: String,
        /// The command, without its parameters.
        command: &'static str,
    },
    /// The registrar refused the phone.
    #[error("phone {extension} is not registered: {reason}")]
    NotRegistered {
        /// The phone.
        extension: String,
        /// `403 Forbidden`, or the system's words.
        reason: String,
    },
    /// The call ended while something else was waited for.
    #[error("phone {extension}: the call ended ({reason}) while we waited for {waiting}")]
    Closed {
        /// The phone.
        extension: String,
        /// What was waited for.
        waiting: String,
        /// `404 Not Found`, `Connection reset by peer` for a BYE, or the system's words.
        reason: String,
    },
    /// Other digits arrived than were sent.
    #[error("phone {extension}: received the digits {received:?} instead of {expected:?}")]
    WrongDigits {
        /// The phone.
        extension: String,
        /// What arrived.
        received: String,
        /// What was sent.
        expected: String,
    },
    /// There is no recording: the phone was in no call since it was last asked.
    #[error("phone {0}: it recorded nothing")]
    NoRecording(String),
}
