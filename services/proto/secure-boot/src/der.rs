//! Reads DER, as far as signatures of programs need it (ITU-T X.690): definite lengths, tags of one
//! byte.

/// Values, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a>(&'a [u8]);

/// One value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

impl<'a> Values<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value; `None` at the end, or where it is none.
    pub(crate) fn next(&mut self) -> Option<Value<'a>> {
        let bytes = self.0;
        let (tag, rest) = bytes.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            short if *short < 0x80 => (usize::from(*short), rest),
            long => {
                let count = usize::from(long & 0x7f);
                // Four bytes are more than any program has.
                if count == 0 || count > 4 {
                    return None;
                }
                let (digits, rest) = rest.split_at_checked(count)?;
                let length = digits.iter().try_fold(0usize, |sum, it| {
                    Some(sum.checked_mul(256)? + usize::from(*it))
                })?;
                (length, rest)
            }
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = bytes.get(..bytes.len() - after.len())?;
        self.0 = after;
        Some(Value {
            tag: *tag,
            content,
            whole,
        })
    }

    /// The next value, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Value<'a>> {
        self.next().filter(|it| it.tag == tag)
    }

    /// The values inside the next one, which has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(|it| Self(it.content))
    }
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// The first tag of a context, with values inside.
pub(crate) const CONTEXT_0: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_one_behind_the_other() {
        let bytes = [0x30, 3, 2, 1, 7, 4, 0x81, 2, 8, 9];
        let mut values = Values::new(&bytes);
        let mut inside = values.enter(SEQUENCE).expect("there");
        assert_eq!(inside.expect(INTEGER).expect("there").content, [7]);
        assert!(inside.next().is_none());
        let last = values.next().expect("there");
        assert_eq!((last.tag, last.content), (OCTET_STRING, &[8, 9][..]));
        assert_eq!(last.whole, &bytes[5..]);
        assert!(values.next().is_none());
    }

    #[test]
    fn what_is_cut_off_is_no_value() {
        for bytes in [
            &[4][..],
            &[4, 2, 1],
            &[4, 0x80, 0],
            &[4, 0x85, 0, 0, 0, 0, 1],
            &[4, 0x82, 1],
        ] {
            assert!(Values::new(bytes).next().is_none(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut values = Values::new(&bytes);
            while values.next().is_some() {}
        }
    }
}
