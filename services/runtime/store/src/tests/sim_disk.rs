//! A disk in memory that loses what was not synced, and that can be full.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Builder, Database, DatabaseError, StorageBackend};
use sansio::Rng;

use crate::Medium;

/// Bytes that a disk writes as one or not at all.
const SECTOR_LENGTH: usize = 512;

/// What a disk says that cannot read or write a sector.
const EIO: i32 = rustix::io::Errno::IO.raw_os_error();

/// A shared handle; clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// What a reader sees.
    live: Vec<u8>,
    /// What is surely on the platter.
    durable: Vec<u8>,
    /// Sectors written since the last sync: offset and content.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// The file cannot grow past this.
    room: u64,
    /// Writes and syncs until the power goes; `None` for never.
    until_cut: Option<u64>,
    set_aside: u32,
    opened: u32,
    read_only: bool,
    /// Reads until one fails; `None` for never.
    until_failing_read: Option<u32>,
    /// Syncs until one fails; `None` for never.
    until_failing_sync: Option<u32>,
}

impl SimDisk {
    pub(super) fn new() -> Self {
        let state = State {
            live: Vec::new(),
            durable: Vec::new(),
            unsynced: Vec::new(),
            room: u64::MAX,
            until_cut: None,
            set_aside: 0,
            opened: 0,
            read_only: false,
            until_failing_read: None,
            until_failing_sync: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn give_room(&self, bytes: u64) {
        self.state().room = bytes;
    }

    /// The power goes after this many more writes and syncs.
    pub(super) fn cut_after(&self, operations: u64) {
        self.state().until_cut = Some(operations);
    }

    pub(super) fn times_opened(&self) -> u32 {
        self.state().opened
    }

    /// As after `errors=remount-ro`.
    pub(super) fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    /// After `good` reads one fails with EIO.
    pub(super) fn fail_reads_after(&self, good: u32) {
        self.state().until_failing_read = Some(good);
    }

    /// After `good` syncs one fails with EIO, and what it was to write stays in the cache alone.
    pub(super) fn fail_syncs_after(&self, good: u32) {
        self.state().until_failing_sync = Some(good);
    }

    /// The disk after the cut: of the sectors that were not synced, any may have been written.
    pub(super) fn power_on(&self, rng: &mut Rng) {
        let mut state = self.state();
        let unsynced = std::mem::take(&mut state.unsynced);
        for (offset, bytes) in unsynced {
            if rng.chance(50) && offset + bytes.len() <= state.durable.len() {
                state.durable[offset..offset + bytes.len()].copy_from_slice(&bytes);
            }
        }
        state.live = state.durable.clone();
        state.until_cut = None;
    }

    pub(super) fn times_set_aside(&self) -> u32 {
        self.state().set_aside
    }
}

impl State {
    fn power(&mut self) -> io::Result<()> {
        if self.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        match &mut self.until_cut {
            Some(0) => Err(io::Error::other("the power is off")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Counts down to the one operation that fails.
fn fails_now(until: &mut Option<u32>) -> io::Result<()> {
    let Some(good) = *until else { return Ok(()) };
    *until = good.checked_sub(1);
    if good == 0 {
        return Err(io::Error::from_raw_os_error(EIO));
    }
    Ok(())
}

impl Medium for SimDisk {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let mut state = self.state();
        state.opened += 1;
        if state.unsynced.is_empty() {
            // What is clean leaves the cache, as from a real disk.
            state.live = state.durable.clone();
        }
        drop(state);
        crate::files::empty_if_unfinished(self)?;
        builder.create_with_backend(self.clone())
    }

    fn set_aside(&self) -> io::Result<String> {
        let mut state = self.state();
        state.set_aside += 1;
        state.live.clear();
        state.durable.clear();
        Ok("elsewhere".into())
    }

    fn file_bytes(&self) -> u64 {
        self.state().live.len() as u64
    }

    fn is_read_only(&self) -> bool {
        self.state().read_only
    }

    fn free_bytes(&self) -> u64 {
        let state = self.state();
        state.room.saturating_sub(state.live.len() as u64)
    }
}

impl StorageBackend for SimDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        fails_now(&mut state.until_failing_read)?;
        let start = offset as usize;
        let found = state.live.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.power()?;
        if len > state.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // The real backend allocates and syncs as it grows.
        state.unsynced.retain(|(start, _)| *start < len as usize);
        state.live.resize(len as usize, 0);
        state.durable.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.power()?;
        // Even a sync that fails leaves its pages clean: the next one does not try them again.
        let unsynced = std::mem::take(&mut state.unsynced);
        fails_now(&mut state.until_failing_sync)?;
        for (offset, bytes) in unsynced {
            state.durable[offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.power()?;
        let start = offset as usize;
        let target = state.live.get_mut(start..start + data.len());
        target
            .ok_or(io::ErrorKind::UnexpectedEof)?
            .copy_from_slice(data);
        let mut at = start;
        while at < start + data.len() {
            let end = (at / SECTOR_LENGTH + 1) * SECTOR_LENGTH;
            let end = end.min(start + data.len());
            state
                .unsynced
                .push((at, data[at - start..end - start].to_vec()));
            at = end;
        }
        Ok(())
    }
}
