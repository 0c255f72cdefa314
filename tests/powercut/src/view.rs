//! A disk after a power cut: what it held before, what was flushed, some of what was not, and what
//! the box writes as it starts again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::ops::Range;

use firmware::Medium;

use crate::trace::{SECTOR, SECTOR_LENGTH, Sector, Source, Trace, put};

/// Where sectors come from.
pub(crate) type Sources = BTreeMap<u64, Source>;

/// A disk after a power cut. Nothing is copied: it looks into the trace.
pub struct View<'t> {
    trace: &'t Trace,
    durable: &'t Sources,
    kept: &'t Sources,
    written: RefCell<BTreeMap<u64, Sector>>,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}

impl<'t> View<'t> {
    pub(crate) const fn new(trace: &'t Trace, durable: &'t Sources, kept: &'t Sources) -> Self {
        Self {
            trace,
            durable,
            kept,
            written: RefCell::new(BTreeMap::new()),
        }
    }

    /// Bytes of the disk.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.trace.length
    }

    /// What tells this state from others as far as these sectors go. The same trace gives the same
    /// number for the same content.
    pub(crate) fn fingerprint(&self, ranges: &[Range<u64>]) -> u64 {
        let mut hasher = DefaultHasher::new();
        for range in ranges {
            let mut merged: Sources = self.durable.range(range.clone()).map(owned).collect();
            merged.extend(self.kept.range(range.clone()).map(owned));
            merged.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The sectors of a range that were written, by the trace or by the box since.
    pub(crate) fn written_in(&self, sectors: Range<u64>) -> Vec<u64> {
        let written = self.written.borrow();
        let mut all: Vec<u64> = self
            .durable
            .range(sectors.clone())
            .map(|it| *it.0)
            .collect();
        all.extend(self.kept.range(sectors.clone()).map(|it| *it.0));
        all.extend(written.range(sectors).map(|it| *it.0));
        all.sort_unstable();
        all.dedup();
        all
    }

    fn read_sectors(&self, first: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.trace.base.read(first, bytes)?;
        let end = first.saturating_add((bytes.len() / SECTOR) as u64);
        for layer in [self.durable, self.kept] {
            for (sector, source) in layer.range(first..end) {
                put(bytes, *sector - first, self.trace.sector(*source));
            }
        }
        for (sector, content) in self.written.borrow().range(first..end) {
            put(bytes, *sector - first, content);
        }
        Ok(())
    }
}

const fn owned((sector, source): (&u64, &Source)) -> (u64, Source) {
    (*sector, *source)
}

impl Medium for View<'_> {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        if at.saturating_add(bytes.len() as u64) > self.length() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let first = at / SECTOR_LENGTH;
        let skip = usize::try_from(at % SECTOR_LENGTH).unwrap_or(0);
        let mut whole = vec![0; skip.saturating_add(bytes.len()).next_multiple_of(SECTOR)];
        self.read_sectors(first, &mut whole)?;
        let wanted = whole.get(skip..skip.saturating_add(bytes.len()));
        bytes.copy_from_slice(wanted.unwrap_or_default());
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let is_whole = at.is_multiple_of(SECTOR_LENGTH) && bytes.len().is_multiple_of(SECTOR);
        if !is_whole || at.saturating_add(bytes.len() as u64) > self.length() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut written = self.written.borrow_mut();
        for (sector, content) in (at / SECTOR_LENGTH..).zip(bytes.as_chunks::<SECTOR>().0) {
            written.insert(sector, *content);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn forget(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<()> {
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}
