//! Short texts of fixed room, as a version or the name of a hardware.

use core::fmt;

/// At most `N` printable ASCII characters without a space; the rest of the room is zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const N: usize>([u8; N]);

/// Why something is no [`Text`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextFault {
    /// How long it may be.
    pub length_max: usize,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "use 1 to {} letters, digits and signs of ASCII, without spaces",
            self.length_max
        )
    }
}

impl core::error::Error for TextFault {}

impl<const N: usize> Text<N> {
    /// Checks a text.
    ///
    /// # Errors
    /// It is empty, too long, or has a character that is not printable ASCII.
    pub fn new(text: &str) -> Result<Self, TextFault> {
        let fault = TextFault { length_max: N };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(fault);
        }
        let mut room = [0; N];
        let place = room.get_mut(..text.len()).ok_or(fault)?;
        place.copy_from_slice(text.as_bytes());
        Ok(Self(room))
    }

    /// Reads the room of a block.
    pub(crate) fn read(room: [u8; N]) -> Result<Self, TextFault> {
        let fault = TextFault { length_max: N };
        let length = room.iter().position(|byte| *byte == 0).unwrap_or(N);
        let (used, free) = room.split_at_checked(length).ok_or(fault)?;
        if free.iter().any(|byte| *byte != 0) {
            return Err(fault);
        }
        Self::new(core::str::from_utf8(used).map_err(|_| fault)?)
    }

    pub(crate) const fn room(&self) -> &[u8; N] {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let used = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        core::str::from_utf8(used).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_texts_that_fit_are_taken() {
        assert_eq!(
            Text::<5>::new("1.2.3").map(|it| Text::read(*it.room())),
            Ok(Text::new("1.2.3"))
        );
        for text in ["", "1.2.34", "a b", "é", "a\n"] {
            assert!(Text::<5>::new(text).is_err(), "{text:?}");
        }
        assert!(Text::read(*b"a\0b\0\0").is_err());
        assert!(Text::read([0; 3]).is_err());
        assert!(Text::read([0xff; 3]).is_err());
    }
}
