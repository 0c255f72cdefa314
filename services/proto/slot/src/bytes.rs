//! Reading and writing numbers at fixed places of a block.

/// A block being read. A place outside of it reads as zero, which no check value or length of a
/// valid block is; callers hold blocks of fixed size, so that is never so in a correct program.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a>(pub(crate) &'a [u8]);

impl Block<'_> {
    pub(crate) fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let bytes = at.checked_add(N).and_then(|end| self.0.get(at..end));
        bytes.and_then(|it| it.try_into().ok()).unwrap_or([0; N])
    }

    pub(crate) fn u8(self, at: usize) -> u8 {
        self.array::<1>(at)[0]
    }

    pub(crate) fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(crate) fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

/// Writes `value` at `at`; what does not fit is not written.
pub(crate) fn put(block: &mut [u8], at: usize, value: &[u8]) {
    let place = at
        .checked_add(value.len())
        .and_then(|end| block.get_mut(at..end));
    if let Some(place) = place {
        place.copy_from_slice(value);
    }
}
