//! A disk in memory that keeps only the blocks that were written.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// A disk of any size, of which blocks that are zero take no memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SparseDisk {
    length: u64,
    position: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl SparseDisk {
    /// A disk of zeros.
    #[must_use]
    pub const fn new(length: u64) -> Self {
        Self {
            length,
            position: 0,
            blocks: BTreeMap::new(),
        }
    }

    /// Bytes of it.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes from `offset` on.
    ///
    /// # Errors
    /// It ends before.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.check(offset, into.len())?;
        for (place, part) in pieces(offset, into.len()) {
            let Some(target) = into.get_mut(part) else {
                continue;
            };
            let block = self.blocks.get(&(place / BLOCK));
            let source = block.and_then(|block| {
                let from = usize::try_from(place % BLOCK).ok()?;
                block.get(from..from.checked_add(target.len())?)
            });
            match source {
                Some(source) => target.copy_from_slice(source),
                None => target.fill(0),
            }
        }
        Ok(())
    }

    /// Replaces the bytes from `offset` on.
    ///
    /// # Errors
    /// It ends before.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.check(offset, bytes.len())?;
        for (place, part) in pieces(offset, bytes.len()) {
            let source = bytes.get(part).unwrap_or_default();
            let index = place / BLOCK;
            if source.iter().all(|byte| *byte == 0) && !self.blocks.contains_key(&index) {
                continue;
            }
            let block = self
                .blocks
                .entry(index)
                .or_insert_with(|| vec![0; BLOCK_LENGTH]);
            let from = usize::try_from(place % BLOCK).unwrap_or_default();
            if let Some(target) = block.get_mut(from..from.saturating_add(source.len())) {
                target.copy_from_slice(source);
            }
        }
        Ok(())
    }

    /// Where something was written.
    pub fn written(&self) -> impl Iterator<Item = Range<u64>> {
        let blocks = self.blocks.keys();
        blocks.map(|index| index * BLOCK..(index + 1) * BLOCK)
    }

    fn check(&self, offset: u64, length: usize) -> io::Result<()> {
        let end = offset.checked_add(length as u64);
        if end.is_some_and(|end| end <= self.length) {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// The same bytes block by block: where each begins on the disk, and which part of the bytes it is.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mut done = 0_usize;
    std::iter::from_fn(move || {
        let place = offset.saturating_add(done as u64);
        let room = usize::try_from(BLOCK - place % BLOCK).unwrap_or(BLOCK_LENGTH);
        let part = done..length.min(done.saturating_add(room));
        done = part.end;
        (!part.is_empty()).then_some((place, part))
    })
}

impl Read for SparseDisk {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let length = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.read_at(self.position, into.get_mut(..length).unwrap_or_default())?;
        self.position += length as u64;
        Ok(length)
    }
}

impl Write for SparseDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.write_at(self.position, bytes.get(..length).unwrap_or_default())?;
        self.position += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SparseDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        self.position = position;
        Ok(position)
    }
}

/// Bytes that are kept or left out as one.
const BLOCK: u64 = 4096;
/// The same as memory.
const BLOCK_LENGTH: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_like_any_disk(
            writes in vec((0..20_000_usize, vec(0..3_u8, 0..6000)), 0..12),
            from in 0..20_000_usize,
        ) {
            let mut model = vec![0; 20_480];
            let mut disk = SparseDisk::new(model.len() as u64);
            for (offset, bytes) in writes {
                let fits = offset + bytes.len() <= model.len();
                prop_assert_eq!(disk.write_at(offset as u64, &bytes).is_ok(), fits);
                if fits {
                    model[offset..offset + bytes.len()].copy_from_slice(&bytes);
                }
            }
            let mut read = Vec::new();
            disk.seek(SeekFrom::Start(from as u64)).unwrap();
            disk.read_to_end(&mut read).unwrap();
            prop_assert!(read == model[from..]);
        }
    }
}
