//! The backup code: what a person keeps on paper, and what opens a backup on any box.
//!
//! 150 random bits, so nothing slow stands between it and the key. It is shown in six groups of
//! five, so that nobody takes it for the recovery code of the data, which has eight of four.

use std::fmt;

/// Digits of a code, five bits each.
const DIGITS_COUNT: usize = 30;

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code; never printed by `Debug`, and overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; DIGITS_COUNT]);

impl Code {
    /// From bytes that nobody can guess; a byte a digit, of which five bits count.
    #[must_use]
    pub fn from_random(bytes: &[u8; DIGITS_COUNT]) -> Self {
        Self(bytes.map(|byte| byte & 31))
    }

    /// Reads what somebody typed. Spaces, dashes and the case do not matter, and letters that are
    /// easily taken for digits are taken for them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = Self([0; DIGITS_COUNT]);
        let mut typed = text
            .chars()
            .filter(|it| !matches!(it, ' ' | '-' | '\r' | '\n' | '\t'));
        for place in &mut code.0 {
            *place = digit(typed.next()?)?;
        }
        typed.next().is_none().then_some(code)
    }

    /// As it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = String::new();
        for (place, value) in self.0.iter().enumerate() {
            if place > 0 && place % 5 == 0 {
                text.push('-');
            }
            let digit = DIGITS.get(usize::from(*value)).copied();
            text.push(digit.map_or('?', char::from));
        }
        text
    }

    pub(crate) const fn bytes(&self) -> &[u8; DIGITS_COUNT] {
        &self.0
    }
}

fn digit(sign: char) -> Option<u8> {
    let sign = match sign.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        sign => sign,
    };
    let place = DIGITS.iter().position(|known| char::from(*known) == sign)?;
    u8::try_from(place).ok()
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_was_shown_however_it_was_typed() {
        let mut bytes = [0; DIGITS_COUNT];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(place * 11).unwrap_or(0xff);
        }
        let code = Code::from_random(&bytes);
        let shown = code.shown();
        assert_eq!(shown.len(), DIGITS_COUNT + 5);
        assert_eq!(Code::parse(&shown), Some(code.clone()));
        let typed = shown.to_lowercase().replace('-', " ").replace('1', "l");
        assert_eq!(Code::parse(&typed), Some(code.clone()));
        assert_eq!(Code::parse(shown.get(1..).expect("ASCII")), None);
        assert_eq!(Code::parse(&format!("{shown}0")), None);
        assert_eq!(Code::parse(&shown.replacen('0', "U", 1)), None);
        assert_eq!(format!("{code:?}"), "Code");
    }
}
