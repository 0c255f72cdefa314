//! Writes a whole disk.
//!
//! The order is what keeps a broken run from leaving half a box: first the old table goes, last
//! comes the new one, and in between the disk has none that starts anything. Each step is on the
//! medium before the next begins.

use std::io;
use std::ops::Range;

use gpt::Table;
use sha2::{Digest as _, Sha256};
use slot::Guid;

use crate::device::Device;
use crate::esp;
use crate::sparse::SparseDisk;
use crate::watch::{Phase, Watcher};

/// Why a disk was not written, or not whole. It starts nothing then.
#[derive(Debug, thiserror::Error)]
pub enum DiskFault {
    /// The disk.
    #[error("the disk does not take what is written (byte {at}): {source}; use another one")]
    Device {
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// The disk gives other bytes than were written.
    #[error(
        "the disk does not keep what was written: bytes {from} to {to} differ; use another one"
    )]
    Different {
        /// First byte of what was compared.
        from: u64,
        /// The byte after the last.
        to: u64,
    },
    /// What goes into the EFI system partition cannot be read again.
    #[error("the EFI system partition cannot be made: {0}")]
    Esp(io::Error),
    /// Somebody ended it.
    #[error("cancelled: the disk starts nothing now; write it again")]
    Cancelled,
}

/// Gives random bytes.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8; 16]) -> io::Result<()>;

/// Gives a table GUIDs of its own: no two disks with one image are the same to anybody.
///
/// # Errors
/// There are no random bytes.
pub fn rename(table: &mut Table, entropy: Entropy<'_>) -> io::Result<()> {
    let mut fresh = Vec::new();
    for _ in 0..=table.partitions().len() {
        let mut bytes = [0; 16];
        entropy(&mut bytes)?;
        fresh.push(Guid::random(bytes));
    }
    let mut fresh = fresh.into_iter();
    table.rename(|| fresh.next().unwrap_or(Guid([0; 16])));
    Ok(())
}

/// A piece that was written, and what it must read back as.
struct Piece {
    range: Range<u64>,
    sha256: [u8; 32],
}

/// A disk on its way from whatever it was to a box. Its functions are called from above to below.
pub struct Writer<'a> {
    device: &'a mut dyn Device,
    watcher: &'a mut dyn Watcher,
    written: Vec<Piece>,
}

impl<'a> Writer<'a> {
    /// Begins a phase of writing `total` bytes; nothing is written yet.
    pub fn begin(device: &'a mut dyn Device, watcher: &'a mut dyn Watcher, total: u64) -> Self {
        watcher.begin(Phase::Write, total);
        Self {
            device,
            watcher,
            written: Vec::new(),
        }
    }

    /// Takes both copies of the old table away.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn make_unbootable(&mut self) -> Result<(), DiskFault> {
        let zeros = vec![0; PIECE];
        let geometry = self.device.geometry();
        let length = geometry.sectors() * geometry.sector();
        self.put(0, &zeros)?;
        self.put(length.saturating_sub(PIECE as u64), &zeros)?;
        self.flush()
    }

    /// Writes at most [`PIECE`] bytes, whole sectors.
    ///
    /// # Errors
    /// The disk does not take them, or somebody has ended it.
    pub fn put_piece(&mut self, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        self.put(at, bytes)?;
        self.written.push(Piece {
            range: at..at.saturating_add(bytes.len() as u64),
            sha256: Sha256::digest(bytes).into(),
        });
        self.watcher.advance(bytes.len() as u64);
        self.go_on()
    }

    /// Writes what is used of an EFI system partition that begins at `start`.
    ///
    /// # Errors
    /// As [`Self::put_piece`].
    pub fn put_esp(&mut self, start: u64, made: &SparseDisk) -> Result<(), DiskFault> {
        let used = esp::used(&mut |at, into| made.read_at(at, into));
        let used = used.map_err(DiskFault::Esp)?.unwrap_or_default();
        for range in used.ranges() {
            let mut at = range.start;
            while at < range.end {
                let left = usize::try_from(range.end - at).unwrap_or(PIECE);
                let mut bytes = vec![0; left.min(PIECE)];
                made.read_at(at, &mut bytes).map_err(DiskFault::Esp)?;
                self.put_piece(start.saturating_add(at), &bytes)?;
                at += bytes.len() as u64;
            }
        }
        Ok(())
    }

    /// Returns when everything written is on the medium.
    ///
    /// # Errors
    /// It is not.
    pub fn flush(&mut self) -> Result<(), DiskFault> {
        let failed = |source| DiskFault::Device { at: 0, source };
        self.device.flush().map_err(failed)
    }

    /// Reads every piece back from the medium.
    ///
    /// # Errors
    /// The disk gives other bytes, or somebody has ended it.
    pub fn verify(&mut self) -> Result<(), DiskFault> {
        self.watcher.begin(Phase::Verify, self.bytes());
        let failed = |at: u64| move |source| DiskFault::Device { at, source };
        self.device.forget_cache().map_err(failed(0))?;
        let mut buffer = vec![0; PIECE];
        for piece in &self.written {
            let Range {
                start: from,
                end: to,
            } = piece.range;
            let length = usize::try_from(to - from).unwrap_or(PIECE);
            let bytes = buffer.get_mut(..length).unwrap_or_default();
            self.device.read_at(from, bytes).map_err(failed(from))?;
            if <[u8; 32]>::from(Sha256::digest(&*bytes)) != piece.sha256 {
                return Err(DiskFault::Different { from, to });
            }
            self.watcher.advance(to - from);
            self.go_on()?;
        }
        Ok(())
    }

    /// Writes both copies of a table, and reads them back. From here on the disk is what it says.
    ///
    /// # Errors
    /// The disk does not take or keep it.
    pub fn put_table(&mut self, table: &Table) -> Result<(), DiskFault> {
        for write in table.writes() {
            self.put(write.offset, &write.bytes)?;
            self.flush()?;
        }
        let failed = |source| DiskFault::Device { at: 0, source };
        self.device.forget_cache().map_err(failed)?;
        for write in table.writes() {
            let mut found = vec![0; write.bytes.len()];
            let (from, to) = (write.offset, write.offset + found.len() as u64);
            self.device.read_at(from, &mut found).map_err(failed)?;
            if found != write.bytes {
                return Err(DiskFault::Different { from, to });
            }
        }
        Ok(())
    }

    /// Bytes that were written, without the tables.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let lengths = self.written.iter().map(|it| it.range.end - it.range.start);
        lengths.sum()
    }

    /// Its size and sectors.
    #[must_use]
    pub fn geometry(&self) -> gpt::Geometry {
        self.device.geometry()
    }

    /// Ends when somebody wants it.
    ///
    /// # Errors
    /// Somebody does.
    pub fn go_on(&self) -> Result<(), DiskFault> {
        match self.watcher.is_cancelled() {
            true => Err(DiskFault::Cancelled),
            false => Ok(()),
        }
    }

    fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        let failed = |source| DiskFault::Device { at, source };
        self.device.write_at(at, bytes).map_err(failed)
    }
}

/// Bytes that are read, written and compared at a time: partitions begin on multiples of them.
pub const PIECE: usize = 1 << 20;

/// Bytes of every partition that are written whatever it holds. In these, file systems and slots
/// have what they are known by: nothing that another system left there is taken for ours.
pub const BEGINNING: u64 = 64 << 10;
