//! Bytes read one behind the other.

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn number32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn number64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text with its length before it, without control characters.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.byte()?;
        let text = std::str::from_utf8(self.bytes(length.into())?).ok()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }

    /// How far an entry is from the one before; never 0.
    pub(crate) fn distance(&mut self) -> Option<u64> {
        let zeros = self.byte()?;
        let unit = 1_u64.checked_shl(zeros.into())?;
        let (mut rest, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // No bit may fall out at the top.
            let placed = bits.checked_shl(shift).filter(|it| it >> shift == bits)?;
            rest |= placed;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
        }
        rest.checked_mul(unit).filter(|it| *it > 0)
    }
}
