//! Compares what passes with the digests of a block map.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::source::{Source, SourceError};

/// Is shown an image from its first to its last byte.
pub(crate) struct RangeCheck<'a> {
    source: &'a Source,
    /// In reverse: the last is the next.
    left: Vec<(Range<u64>, [u8; 32])>,
    hash: Sha256,
}

impl<'a> RangeCheck<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let map = source.map();
        let ranges = map.into_iter().flat_map(|map| {
            let size = map.image_size;
            map.ranges.iter().map(move |it| (it.bytes(size), it.sha256))
        });
        let mut left: Vec<_> = ranges.collect();
        left.reverse();
        Self {
            source,
            left,
            hash: Sha256::new(),
        }
    }

    /// The next bytes, which begin at `at`.
    pub(crate) fn take(&mut self, at: u64, bytes: &[u8]) -> Result<(), SourceError> {
        let end = at + bytes.len() as u64;
        while let Some((range, expected)) = self.left.last() {
            let common = range.start.max(at)..range.end.min(end);
            if common.is_empty() {
                break;
            }
            let place = |it: u64| usize::try_from(it - at).unwrap_or(usize::MAX);
            let part = bytes.get(place(common.start)..place(common.end));
            self.hash.update(part.unwrap_or_default());
            if range.end > end {
                break;
            }
            if <[u8; 32]>::from(self.hash.finalize_reset()) != *expected {
                return Err(SourceError::Range {
                    path: self.source.path().to_owned(),
                    from: range.start,
                    to: range.end,
                });
            }
            self.left.pop();
        }
        Ok(())
    }
}
