//! A dialled number of our own numbering plan.

use std::fmt;

/// Fewest digits of an extension. One digit is left for operator codes.
pub const NUMBER_LENGTH_MIN: usize = 2;
/// Most digits of an extension. Longer numbers belong to trunks.
pub const NUMBER_LENGTH_MAX: usize = 10;

/// An extension's number: 2 to 10 digits. Sorts as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Number(String);

/// Why a text is not an extension's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberFault {
    /// Too short or too long.
    #[error("use {NUMBER_LENGTH_MIN} to {NUMBER_LENGTH_MAX} digits")]
    Length,
    /// Something other than 0 to 9.
    #[error("use digits only")]
    NotADigit,
}

impl Number {
    /// Reads a number.
    ///
    /// # Errors
    /// [`NumberFault`] says what to change.
    pub fn parse(text: &str) -> Result<Self, NumberFault> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberFault::NotADigit);
        }
        if !(NUMBER_LENGTH_MIN..=NUMBER_LENGTH_MAX).contains(&text.len()) {
            return Err(NumberFault::Length);
        }
        Ok(Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Number {
    fn borrow(&self) -> &str {
        &self.0
    }
}
