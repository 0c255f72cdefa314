//! Just enough CBOR (RFC 8949) for what authenticators send, in the strict form they have to send
//! it in (CTAP 2.1 §8): lengths are said, numbers as short as they can be, nothing nested deep.
//!
//! No tree is built: a reader goes over the bytes once and copies nothing.

/// The bytes are not CBOR in that form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed;

/// Reads items one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

/// The first byte of an item and the number behind it (RFC 8949 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    major: u8,
    value: u64,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// What was not read yet.
    pub(crate) const fn left(&self) -> &'a [u8] {
        self.left
    }

    /// Everything was read.
    pub(crate) const fn end(&self) -> Result<(), Malformed> {
        match self.left.is_empty() {
            true => Ok(()),
            false => Err(Malformed),
        }
    }

    /// How many pairs the map has that begins here.
    pub(crate) fn map(&mut self) -> Result<u64, Malformed> {
        self.long(MAP).map(|head| head.value)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.long(TEXT)?.value;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)
    }

    /// A string of bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.long(BYTES)?.value;
        self.take(length)
    }

    /// A whole number.
    pub(crate) fn integer(&mut self) -> Result<i64, Malformed> {
        let head = self.head()?;
        let value = i64::try_from(head.value).map_err(|_| Malformed)?;
        match head.major {
            UNSIGNED => Ok(value),
            // -1 - value fits wherever value does.
            NEGATIVE => Ok(-1 - value),
            _ => Err(Malformed),
        }
    }

    /// Passes over one item, whatever it is.
    pub(crate) fn skip(&mut self) -> Result<(), Malformed> {
        self.skip_within(DEPTH_MAX)
    }

    fn skip_within(&mut self, depth: u8) -> Result<(), Malformed> {
        let Head { major, value } = self.head()?;
        let items = match major {
            UNSIGNED | NEGATIVE | SIMPLE => 0,
            BYTES => return self.take(value).map(drop),
            TEXT => {
                let text = self.take(value)?;
                return std::str::from_utf8(text).map(drop).map_err(|_| Malformed);
            }
            ARRAY => value,
            MAP => value.checked_mul(2).ok_or(Malformed)?,
            // Tags are not allowed.
            _ => return Err(Malformed),
        };
        let inner = depth.checked_sub(1).ok_or(Malformed)?;
        // Each item is a byte at least: more of them than bytes end at once.
        for _ in 0..items {
            self.skip_within(inner)?;
        }
        Ok(())
    }

    fn long(&mut self, major: u8) -> Result<Head, Malformed> {
        let head = self.head()?;
        match head.major == major {
            true => Ok(head),
            false => Err(Malformed),
        }
    }

    fn head(&mut self) -> Result<Head, Malformed> {
        let [first] = self.array()?;
        let (major, short) = (first >> 5, first & 0x1f);
        let (value, least) = match short {
            0..=23 => (u64::from(short), 0),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.array()?), 0x1_0000_0000),
            // 31 would be a length that is not said.
            _ => return Err(Malformed),
        };
        // Of the simple values, true, false, null and undefined; no floating point.
        let is_simple = major != SIMPLE || matches!(first & 0x1f, 20..=23);
        match value >= least && is_simple {
            true => Ok(Head { major, value }),
            false => Err(Malformed),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, left) = self.left.split_first_chunk().ok_or(Malformed)?;
        self.left = left;
        Ok(*taken)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, left) = self.left.split_at_checked(length).ok_or(Malformed)?;
        self.left = left;
        Ok(taken)
    }
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;
/// CTAP 2.1 §8: four levels of maps and arrays.
const DEPTH_MAX: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(
        hex: &str,
        read: impl FnOnce(&mut Reader<'static>) -> Result<T, Malformed>,
    ) -> Option<T> {
        let mut reader = Reader::new(hex::decode(hex).expect("hex").leak());
        let value = read(&mut reader).ok()?;
        reader.end().ok().map(|()| value)
    }

    #[test]
    fn numbers_are_those_of_rfc_8949() {
        // Appendix A.
        for (hex, value) in [
            ("00", 0),
            ("17", 23),
            ("1818", 24),
            ("190100", 256),
            ("1a000f4240", 1_000_000),
            ("1b000000e8d4a51000", 1_000_000_000_000),
            ("20", -1),
            ("26", -7),
            ("390100", -257),
            ("3903e7", -1000),
        ] {
            assert_eq!(read(hex, Reader::integer), Some(value), "{hex}");
        }
        for hex in ["1b8000000000000000", "3bffffffffffffffff", "40", "f5", ""] {
            assert_eq!(read(hex, Reader::integer), None, "{hex}");
        }
    }

    #[test]
    fn what_could_be_shorter_is_refused() {
        for hex in [
            "1817",
            "190017",
            "1900ff",
            "1a0000ffff",
            "1b00000000ffffffff",
        ] {
            assert_eq!(read(hex, Reader::integer), None, "{hex}");
        }
        assert_eq!(read("580100", |it| it.bytes().map(<[u8]>::len)), None);
    }

    #[test]
    fn lengths_are_said_and_kept_to() {
        let length = |hex| read(hex, |it| it.bytes().map(<[u8]>::len));
        assert_eq!(length("43010203"), Some(3));
        for hex in ["4301", "5f4101ff", "5bffffffffffffffff00", "63616263"] {
            assert_eq!(length(hex), None, "{hex}");
        }
        assert_eq!(read("63666d74", |it| it.text().map(str::len)), Some(3));
        assert_eq!(read("61ff", |it| it.text().map(str::len)), None, "no UTF-8");
        assert_eq!(read("a0", Reader::map), Some(0));
        assert_eq!(read("bfff", Reader::map), None);
    }

    #[test]
    fn passing_over_is_bounded() {
        for hex in ["00", "f5", "4101", "80", "83010203", "a1616180", "81818180"] {
            assert_eq!(read(hex, Reader::skip), Some(()), "{hex}");
        }
        for hex in [
            "8181818180",
            "a161",
            "9bffffffffffffffff",
            "bbffffffffffffffff",
            "c000",
            "f0",
            "f93c00",
            "ff",
            "61ff",
        ] {
            assert_eq!(read(hex, Reader::skip), None, "{hex}");
        }
    }
}
