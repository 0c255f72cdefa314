//! The one error of this crate: what was tried, on what, and what the kernel said.

use std::fmt::Display;
use std::io;

/// Something the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {subject}: {source}")]
pub struct SystemError {
    /// What was tried, as in "mount".
    pub action: &'static str,
    /// What it was tried on.
    pub subject: String,
    /// What the kernel said.
    pub source: io::Error,
}

/// Gives an error the words that an installer needs.
pub trait Context<T> {
    /// Says what was tried, and on what.
    ///
    /// # Errors
    /// The same ones, in words.
    fn context(self, action: &'static str, subject: impl Display) -> Result<T, SystemError>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, action: &'static str, subject: impl Display) -> Result<T, SystemError> {
        self.map_err(|source| SystemError {
            action,
            subject: subject.to_string(),
            source: source.into(),
        })
    }
}
