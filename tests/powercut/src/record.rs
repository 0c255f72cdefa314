//! A disk that notes what happens to it, and one in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use firmware::Medium;

use crate::trace::{Base, Event, SECTOR, SECTOR_LENGTH, Sector, Trace, put};

/// A disk in memory; what was never written is zero.
#[derive(Default, Debug)]
pub struct MemoryDisk {
    sectors: Mutex<BTreeMap<u64, Sector>>,
}

impl MemoryDisk {
    /// Its sectors.
    #[must_use]
    pub fn sectors(&self) -> BTreeMap<u64, Sector> {
        lock(&self.sectors).clone()
    }
}

impl Medium for MemoryDisk {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let first = at / SECTOR_LENGTH;
        let skip = usize::try_from(at % SECTOR_LENGTH).unwrap_or(0);
        let mut whole = vec![0; skip.saturating_add(bytes.len()).next_multiple_of(SECTOR)];
        let end = first.saturating_add((whole.len() / SECTOR) as u64);
        for (sector, content) in lock(&self.sectors).range(first..end) {
            put(&mut whole, *sector - first, content);
        }
        let wanted = whole.get(skip..skip.saturating_add(bytes.len()));
        bytes.copy_from_slice(wanted.unwrap_or_default());
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if !at.is_multiple_of(SECTOR_LENGTH) || !bytes.len().is_multiple_of(SECTOR) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let sectors = (at / SECTOR_LENGTH..).zip(bytes.as_chunks::<SECTOR>().0);
        let sectors = sectors.map(|(sector, content)| (sector, *content));
        lock(&self.sectors).extend(sectors);
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

/// Notes what happens to a disk.
#[derive(Debug)]
pub struct Recorder<D> {
    disk: D,
    events: Mutex<Vec<Event>>,
}

impl<D: Medium> Recorder<D> {
    /// Of this disk, from now on.
    pub const fn new(disk: D) -> Self {
        Self {
            disk,
            events: Mutex::new(Vec::new()),
        }
    }

    /// Somebody is told this: from here on it has to be true.
    pub fn mark(&self, what: impl Into<String>) {
        lock(&self.events).push(Event::Mark(what.into()));
    }

    /// What happened so far.
    pub fn into_events(self) -> Vec<Event> {
        self.events
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder<MemoryDisk> {
    /// The same as a trace of a disk with so many bytes that held `base` before.
    #[must_use]
    pub fn into_trace(self, base: BTreeMap<u64, Sector>, length: u64) -> Trace {
        Trace {
            base: Base::Memory(base),
            length,
            events: self.into_events(),
        }
    }
}

impl<D: Medium> Medium for Recorder<D> {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.disk.read_at(bytes, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.disk.write_at(bytes, at)?;
        lock(&self.events).push(Event::Write {
            sector: at / SECTOR_LENGTH,
            bytes: bytes.to_vec(),
            is_forced: false,
        });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()?;
        lock(&self.events).push(Event::Flush);
        Ok(())
    }

    fn forget(&self) -> io::Result<()> {
        self.disk.forget()
    }

    fn lock(&self) -> io::Result<()> {
        self.disk.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.disk.unlock()
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another test leaves whole events behind.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
