//! A country by its code.

use std::fmt;

use crate::names::NAMES;

/// A country of ISO 3166-1 by its two letters, or one of the two regions that registries name
/// where they know no country: `AP` and `EU`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads a code, in letters of either case. `UK` is `GB`, as people write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code = <[u8; 2]>::try_from(text.as_bytes()).ok()?;
        let code = code.map(|it| it.to_ascii_uppercase());
        match &code {
            b"UK" => Some(Self(*b"GB")),
            _ => Self::of(code),
        }
    }

    /// The country of a code in capitals.
    pub(crate) fn of(code: [u8; 2]) -> Option<Self> {
        let found = NAMES.binary_search_by(|(known, ..)| (*known).cmp(&code));
        found.is_ok().then_some(Self(code))
    }

    /// Every country and region, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(code, ..)| Self(*code))
    }

    /// The code, as `BR`.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As it is called in English.
    #[must_use]
    pub fn english(&self) -> &'static str {
        self.names().0
    }

    /// As it is called in the Portuguese of Brazil.
    #[must_use]
    pub fn portuguese(&self) -> &'static str {
        self.names().1
    }

    pub(crate) const fn bytes(self) -> [u8; 2] {
        self.0
    }

    fn names(self) -> (&'static str, &'static str) {
        let found = NAMES.binary_search_by(|(known, ..)| known.cmp(&self.0));
        let found = found.ok().and_then(|place| NAMES.get(place));
        found.map_or(("", ""), |(_, english, portuguese)| (*english, *portuguese))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
