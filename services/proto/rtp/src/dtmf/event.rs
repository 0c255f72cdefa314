//! The payload of a telephone event (RFC 4733 §2.3), and the digits.

use std::fmt;

/// The payload of a telephone-event packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// The event code; 0 to 15 are DTMF digits (RFC 4733 §3.2).
    pub code: u8,
    /// The E bit: this packet says the event is over.
    pub end: bool,
    /// Power below 0 dBm0, 0 to 63.
    pub volume: u8,
    /// Duration so far, in timestamp units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads a payload; `None` when it is shorter than the four octets of RFC 4733 §2.3.
    ///
    /// Longer payloads are taken: some phones append redundancy we have no use for.
    #[must_use]
    pub const fn parse(payload: &[u8]) -> Option<Self> {
        let Some(([code, flags, high, low], _)) = payload.split_first_chunk::<4>() else {
            return None;
        };
        Some(Self {
            code: *code,
            end: *flags & 0x80 != 0,
            volume: *flags & 0x3f,
            duration: u16::from_be_bytes([*high, *low]),
        })
    }
}

impl TelephoneEvent {
    /// The event of a digit at the usual volume.
    #[must_use]
    pub const fn of(digit: Digit, end: bool, duration: u16) -> Self {
        Self {
            code: digit.code(),
            end,
            volume: VOLUME,
            duration,
        }
    }

    /// The payload.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        let end = if self.end { 0x80 } else { 0 };
        [self.code, end | (self.volume & 0x3f), high, low]
    }
}

/// A DTMF digit: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Digit(u8);

impl Digit {
    /// The digit of an event code; `None` for events that are not DTMF.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        if code < 16 { Some(Self(code)) } else { None }
    }

    /// The digit people write so; letters in either case.
    #[must_use]
    pub fn from_char(written: char) -> Option<Self> {
        let written = written.to_ascii_uppercase();
        let code = DIGITS.iter().position(|it| char::from(*it) == written)?;
        u8::try_from(code).ok().map(Self)
    }

    /// Its event code, 0 to 15 (RFC 4733 §3.2).
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The digit as people write it.
    #[must_use]
    pub fn as_char(self) -> char {
        DIGITS
            .get(usize::from(self.0))
            .copied()
            .map_or('?', char::from)
    }

    /// Its row and column on the keypad, each 0 to 3.
    pub(super) fn keypad(self) -> (usize, usize) {
        let key = char::from(u8::try_from(self.as_char()).unwrap_or(0));
        let at = KEYPAD
            .iter()
            .position(|it| char::from(*it) == key)
            .unwrap_or(0);
        (at / 4, at % 4)
    }

    /// The digit at a row and column of the keypad.
    pub(super) fn of_keypad(row: usize, column: usize) -> Option<Self> {
        let written = KEYPAD.get(row * 4 + column)?;
        Self::from_char(char::from(*written))
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// Whether `timestamp` lies ahead of `last` on the 32-bit circle.
pub(super) const fn is_newer(timestamp: u32, last: u32) -> bool {
    let ahead = timestamp.wrapping_sub(last);
    ahead != 0 && ahead < 1 << 31
}

/// Event codes 0 to 15 (RFC 4733 table 7).
const DIGITS: &[u8; 16] = b"0123456789*#ABCD";
/// The keypad, row by row (ITU-T Q.23).
const KEYPAD: &[u8; 16] = b"123A456B789C*0#D";
/// Power of the events we send: -10 dBm0, the middle of what phones send.
const VOLUME: u8 = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_payload_is_read_and_written_back() {
        let event = TelephoneEvent::parse(&[11, 0x8a, 3, 32, 99]).expect("four octets and more");
        assert_eq!(event.to_bytes(), [11, 0x8a, 3, 32]);
        assert_eq!((event.end, event.volume, event.duration), (true, 10, 800));
        assert_eq!(TelephoneEvent::parse(&[1, 0x80, 0]), None);
    }

    #[test]
    fn digits_are_written_coded_and_found_on_the_keypad() {
        for code in 0..16 {
            let digit = Digit::from_code(code).expect("a digit");
            assert_eq!(digit.code(), code);
            assert_eq!(Digit::from_char(digit.as_char()), Some(digit));
            let (row, column) = digit.keypad();
            assert_eq!(Digit::of_keypad(row, column), Some(digit));
        }
        assert_eq!(Digit::from_char('#').map(Digit::keypad), Some((3, 2)));
        assert_eq!(Digit::from_char('c').map(Digit::code), Some(14));
        assert_eq!(Digit::from_char('x'), None);
        assert_eq!(Digit::from_code(16), None);
    }

    proptest! {
        #[test]
        fn any_payload_of_four_octets_comes_back(payload: [u8; 4]) {
            let event = TelephoneEvent::parse(&payload).expect("four octets");
            // The reserved bit is not ours to send (RFC 4733 §2.3.3).
            let [code, flags, high, low] = payload;
            prop_assert_eq!(event.to_bytes(), [code, flags & 0xbf, high, low]);
        }
    }
}
