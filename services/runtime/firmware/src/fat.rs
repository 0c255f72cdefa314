//! A part of a disk for `fatfs`, with a limit on what a damaged file system may cost.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use crate::medium::Medium;

/// Reads and writes that are left for one thing that is asked of a file system: where a damaged FAT
/// has a chain without an end, whoever follows it comes back.
pub(crate) type Steps = Rc<Cell<u64>>;

/// A part of a disk as a file of its own.
pub(crate) struct Part<M> {
    medium: M,
    start: u64,
    length: u64,
    place: u64,
    steps: Steps,
}

impl<M: Medium> Part<M> {
    pub(crate) const fn new(medium: M, start: u64, length: u64, steps: Steps) -> Self {
        Self {
            medium,
            start,
            length,
            place: 0,
            steps,
        }
    }

    /// Counts a read or a write.
    fn step(&self) -> io::Result<()> {
        let left = self.steps.get().checked_sub(1);
        self.steps
            .set(left.ok_or_else(|| io::Error::other("its file system is damaged"))?);
        Ok(())
    }

    /// How many of `wanted` bytes there are from here on.
    fn room(&self, wanted: usize) -> usize {
        let left = self.length.saturating_sub(self.place);
        usize::try_from(left).unwrap_or(usize::MAX).min(wanted)
    }
}

impl<M: Medium> Read for Part<M> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.step()?;
        let room = self.room(bytes.len());
        let bytes = bytes.get_mut(..room).unwrap_or_default();
        self.medium.read_at(bytes, self.start + self.place)?;
        self.place += room as u64;
        Ok(room)
    }
}

impl<M: Medium> Write for Part<M> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.step()?;
        let bytes = bytes.get(..self.room(bytes.len())).unwrap_or_default();
        self.medium.write_at(bytes, self.start + self.place)?;
        self.place += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.medium.sync()
    }
}

impl<M: Medium> Seek for Part<M> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(back) => self.length.checked_add_signed(back),
            SeekFrom::Current(step) => self.place.checked_add_signed(step),
        };
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        self.place = place.ok_or_else(outside)?;
        Ok(self.place)
    }
}

/// More than reading a piece at the end of the largest update file in the smallest clusters takes.
pub(crate) const STEPS_MAX: u64 = 1 << 20;
