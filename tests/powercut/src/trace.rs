//! What was written to a disk, in its order, and when it was flushed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes a disk writes as one or not at all.
pub(crate) const SECTOR: usize = 512;

/// The same, as an offset.
pub(crate) const SECTOR_LENGTH: u64 = 512;

/// A sector.
pub(crate) type Sector = [u8; SECTOR];

/// What a disk held before.
#[derive(Debug)]
pub enum Base {
    /// These sectors, and zeros.
    Memory(BTreeMap<u64, Sector>),
    /// A file; beyond its end there are zeros.
    File(File),
}

/// Something that happened to a disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Whole sectors were written; they may be lost until the next flush.
    Write {
        /// The first one.
        sector: u64,
        /// What was written.
        bytes: Vec<u8>,
        /// Whether it was on the disk when it was answered (FUA).
        is_forced: bool,
    },
    /// What was written before is on the disk.
    Flush,
    /// Somebody was told something: from here on it has to be true.
    Mark(String),
}

/// A disk and what happened to it.
#[derive(Debug)]
pub struct Trace {
    /// What it held before.
    pub base: Base,
    /// Bytes of the disk.
    pub length: u64,
    /// In their order.
    pub events: Vec<Event>,
}

/// Which write a sector comes from: its event and the sector's place in it.
pub(crate) type Source = (usize, usize);

impl Base {
    /// Fills `bytes` from the sector on.
    pub(crate) fn read(&self, sector: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(sectors) => {
                bytes.fill(0);
                let end = sector.saturating_add((bytes.len() / SECTOR) as u64);
                for (place, found) in sectors.range(sector..end) {
                    put(bytes, *place - sector, found);
                }
                Ok(())
            }
            Self::File(file) => read_or_zeros(file, sector.saturating_mul(SECTOR_LENGTH), bytes),
        }
    }
}

fn read_or_zeros(file: &File, at: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    let mut at = at;
    while !bytes.is_empty() {
        let count = file.read_at(bytes, at)?;
        if count == 0 {
            bytes.fill(0);
            return Ok(());
        }
        at = at.saturating_add(count as u64);
        bytes = bytes.get_mut(count..).unwrap_or_default();
    }
    Ok(())
}

/// Puts a sector at its place among the sectors in `bytes`.
pub(crate) fn put(bytes: &mut [u8], place: u64, sector: &[u8]) {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    let start = place.saturating_mul(SECTOR);
    if let Some(room) = bytes.get_mut(start..start.saturating_add(SECTOR)) {
        room.copy_from_slice(sector);
    }
}

impl Trace {
    /// The bytes of a sector that was written.
    pub(crate) fn sector(&self, (event, place): Source) -> &[u8] {
        let Some(Event::Write { bytes, .. }) = self.events.get(event) else {
            return &[0; SECTOR];
        };
        let start = place.saturating_mul(SECTOR);
        let found = bytes.get(start..start.saturating_add(SECTOR));
        found.unwrap_or(&[0; SECTOR])
    }

    /// The sectors an event writes: number and source.
    pub(crate) fn sectors_of(&self, event: usize) -> impl Iterator<Item = (u64, Source)> {
        let (first, count) = match self.events.get(event) {
            Some(Event::Write { sector, bytes, .. }) => (*sector, bytes.len() / SECTOR),
            Some(Event::Flush | Event::Mark(_)) | None => (0, 0),
        };
        (first..).zip((0..count).map(move |place| (event, place)))
    }

    /// Writes and flushes.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let is_write = |event: &&Event| matches!(event, Event::Write { .. });
        let is_flush = |event: &&Event| **event == Event::Flush;
        (
            self.events.iter().filter(is_write).count(),
            self.events.iter().filter(is_flush).count(),
        )
    }
}
