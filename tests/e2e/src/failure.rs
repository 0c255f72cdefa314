//! Why a proof failed, as one text for a person.

use std::error::Error;
use std::fmt;

/// The outcome of a test.
pub type Proof = Result<(), Failure>;

/// Why a proof failed. Its `Debug` is the text itself, because that is what libtest shows.
pub struct Failure(String);

impl Failure {
    /// A failure in words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Failure itself is no Error, so that every error can become one by `?`.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
