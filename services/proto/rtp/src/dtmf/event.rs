//! Telephone events (RFC 4733 §2.3) and the rule that makes several packets one digit.

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

/// Counts each digit once, although its end is sent three times (RFC 4733 §2.5.1.4).
///
/// All packets of one event carry the timestamp of its start, so a digit is new when its timestamp
/// is newer than the last one counted. A repeated end that was overtaken by the next digit is
/// older and stays uncounted. A new SSRC starts afresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DigitCounter {
    last: Option<(u32, u32)>,
    digits: u32,
}

impl DigitCounter {
    /// Looks at one telephone-event payload; the digit when this packet is the first to end it.
    pub fn observe(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<Digit> {
        let event = TelephoneEvent::parse(payload).filter(|event| event.end)?;
        let digit = Digit::from_code(event.code)?;
        if let Some((last_ssrc, last_timestamp)) = self.last
            && last_ssrc == ssrc
            && !is_newer(timestamp, last_timestamp)
        {
            return None;
        }
        self.last = Some((ssrc, timestamp));
        self.digits = self.digits.saturating_add(1);
        Some(digit)
    }

    /// Digits so far.
    #[must_use]
    pub const fn digits(&self) -> u32 {
        self.digits
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

    /// `(timestamp, code, end)` packets of one SSRC, and the digits they must give.
    fn check(packets: &[(u32, u8, bool)], expected: &str) {
        let mut counter = DigitCounter::default();
        let seen: String = packets
            .iter()
            .filter_map(|(timestamp, code, end)| {
                let payload = [*code, if *end { 0x8a } else { 0x0a }, 0, 160];
                counter.observe(1, *timestamp, &payload).map(Digit::as_char)
            })
            .collect();
        assert_eq!(seen, expected);
        assert_eq!(counter.digits() as usize, expected.len());
    }

    #[test]
    fn three_ends_are_one_digit() {
        check(
            &[
                (8, 5, false),
                (8, 5, false),
                (8, 5, true),
                (8, 5, true),
                (8, 5, true),
            ],
            "5",
        );
    }

    #[test]
    fn the_same_key_twice_is_two_digits() {
        check(
            &[(8, 1, true), (8, 1, true), (1000, 1, true), (1000, 1, true)],
            "11",
        );
    }

    #[test]
    fn a_repeated_end_overtaken_by_the_next_digit_is_not_counted_again() {
        check(
            &[(8, 1, true), (1000, 2, true), (8, 1, true), (1000, 2, true)],
            "12",
        );
    }

    #[test]
    fn the_clock_may_wrap() {
        check(&[(u32::MAX - 5, 10, true), (700, 11, true)], "*#");
    }

    #[test]
    fn two_lost_ends_still_leave_the_third() {
        check(&[(8, 15, false), (8, 15, true)], "D");
    }

    #[test]
    fn other_events_and_unfinished_ones_are_not_digits() {
        check(&[(8, 16, true), (9, 3, false)], "");
        assert_eq!(DigitCounter::default().observe(1, 1, &[1, 0x80, 0]), None);
    }

    #[test]
    fn a_new_source_starts_afresh() {
        let mut counter = DigitCounter::default();
        assert!(counter.observe(1, 9000, &[1, 0x80, 0, 1]).is_some());
        assert!(counter.observe(2, 100, &[1, 0x80, 0, 1]).is_some());
        assert_eq!(counter.digits(), 2);
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
        fn no_payload_panics(ssrc: u32, timestamp: u32, payload: Vec<u8>) {
            DigitCounter::default().observe(ssrc, timestamp, &payload);
        }
    }
}
