//! Netlink attributes: written into a buffer, and read again.
//!
//! An attribute is its length with these four bytes, its type, and its value, filled up to four
//! bytes; a nested one holds others. Lengths and types are in the machine's order, and what
//! nf_tables has in them in the network's.

use crate::uapi::{NLA_F_NESTED, NLA_TYPE_MASK};

/// Attributes that are being written.
#[derive(Clone, Default, Debug)]
pub(crate) struct Attributes {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Attributes {
    /// A value of any bytes.
    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.with(kind, |it| it.bytes.extend_from_slice(value));
    }

    /// Text as the kernel takes it: with a zero at its end.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        self.with(kind, |it| {
            it.bytes.extend_from_slice(value.as_bytes());
            it.bytes.push(0);
        });
    }

    pub(crate) fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, kind: u16, value: i32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// An attribute that holds others.
    pub(crate) fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) {
        self.with(kind | NLA_F_NESTED, inside);
    }

    /// What was written elsewhere.
    pub(crate) fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
        self.is_too_long |= other.is_too_long;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether one is longer than its length can say: what was written then means nothing.
    pub(crate) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    fn with(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        inside(self);
        let length = u16::try_from(self.bytes.len().saturating_sub(start));
        self.is_too_long |= length.is_err();
        let length = length.unwrap_or(u16::MAX);
        if let Some(place) = self.bytes.get_mut(start..start.saturating_add(2)) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// Attributes that were received, one after the other: type without flags, and value. Ends where
/// they end, and where a length is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Reader<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (kind, _) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = self.0.get(4..length)?;
        let next = length.next_multiple_of(4).min(self.0.len());
        self.0 = self.0.get(next..).unwrap_or_default();
        Some((u16::from_ne_bytes(*kind) & NLA_TYPE_MASK, value))
    }
}

impl<'a> Reader<'a> {
    /// The value of the first of that type.
    pub(crate) fn find(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// What is nested in the first of that type.
    pub(crate) fn inside(self, kind: u16) -> Option<Self> {
        self.find(kind).map(Reader)
    }

    pub(crate) fn find_u32(self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.find(kind)?.try_into().ok()?))
    }

    pub(crate) fn find_u64(self, kind: u16) -> Option<u64> {
        Some(u64::from_be_bytes(self.find(kind)?.try_into().ok()?))
    }

    /// Text up to its zero.
    pub(crate) fn find_text(self, kind: u16) -> Option<&'a str> {
        let bytes = self.find(kind)?;
        let text = bytes.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_its_length_without_what_fills_it_up() {
        let mut written = Attributes::default();
        written.nest(4, |it| {
            it.text(1, "lan");
            it.bytes(2, &[7]);
        });
        written.u32(3, 0x0102_0304);
        let expected: [u8; 28] = [
            20, 0, 4, 0x80, 8, 0, 1, 0, b'l', b'a', b'n', 0, 5, 0, 2, 0, 7, 0, 0, 0, 8, 0, 3, 0, 1,
            2, 3, 4,
        ];
        assert_eq!(written.as_bytes(), expected);
        let read = Reader(written.as_bytes());
        assert_eq!(read.find_u32(3), Some(0x0102_0304));
        let inside = read.inside(4).expect("there");
        assert_eq!(inside.find_text(1), Some("lan"));
        assert_eq!(inside.find(2), Some(&[7][..]));
    }

    #[test]
    fn what_is_longer_than_a_length_can_say_is_told() {
        let mut written = Attributes::default();
        written.bytes(1, &[0; 65_531]);
        assert!(!written.is_too_long());
        written.bytes(1, &[0; 65_532]);
        assert!(written.is_too_long());
    }

    #[test]
    fn reading_ends_at_a_wrong_length() {
        for bytes in [
            &[3, 0, 1, 0][..],
            &[200, 0, 1, 0, 1],
            &[0; 8],
            &[4],
            &[255; 9],
        ] {
            assert_eq!(Reader(bytes).count(), 0, "{bytes:?}");
        }
    }
}
