//! A public telephone number.

use std::fmt;

/// A number in international form (E.164): `+` and 8 to 15 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Phone(String);

impl Phone {
    /// Reads a number; `None` when it is not in that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let digital = digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (8..=15).contains(&digits.len()) && !digits.starts_with('0');
        (digital && fits).then(|| Self(text.to_owned()))
    }

    /// With the plus.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the plus.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
