//! Writes an image to a disk.
//!
//! The order is what keeps a broken run from leaving half a box: first the old table goes, last
//! comes the new one, and in between the disk has none that starts anything. Each step is on the
//! medium before the next begins.

use std::io::{self, Read};
use std::ops::Range;

use gpt::Table;
use sha2::{Digest as _, Sha256};
use slot::Guid;

use crate::device::Device;
use crate::esp::{self, EspFile};
use crate::plan::{self, Plan, PlanError};
use crate::range_check::RangeCheck;
use crate::source::{Source, SourceError, file_error};
use crate::sparse::SparseDisk;
use crate::watch::{Phase, Watcher};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What is written.
    pub source: &'a Source,
    /// The text of a provisioning file for the EFI system partition.
    pub provision: Option<&'a str>,
    /// Whether the data of the box that is on the disk stays.
    pub keep_data: bool,
    /// Whether the disk is read back. Only a test of a disk has a reason not to.
    pub verify: bool,
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Bytes that were written.
    pub bytes: u64,
    /// Whether the EFI system partition was made for sectors of another size.
    pub is_converted: bool,
}

/// Why a disk was not written, or not whole. It starts nothing then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing was written: it cannot be done.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The image.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The disk.
    #[error("the disk does not take what is written (byte {at}): {source}; use another one")]
    Device {
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// The EFI system partition of the image.
    #[error("the image's EFI system partition cannot be used: {0}")]
    Esp(io::Error),
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
    /// Somebody ended it.
    #[error("cancelled: the disk starts nothing now; write it again")]
    Cancelled,
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Entropy(io::Error),
}

/// Gives random bytes.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8; 16]) -> io::Result<()>;

/// Writes an image to a disk that nobody else uses.
///
/// # Errors
/// See [`WriteError`]; whenever something was written, the disk has no table that starts a box.
pub fn write(
    device: &mut dyn Device,
    order: Order<'_>,
    entropy: Entropy<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Written, WriteError> {
    let mut plan = plan::plan(
        order.source,
        device,
        order.keep_data,
        order.provision.is_some(),
    )?;
    rename(&mut plan.table, entropy).map_err(WriteError::Entropy)?;
    if !order.source.check(watcher)? {
        return Err(WriteError::Cancelled);
    }
    // What is made anew of the EFI system partition is about as long as what the image has there.
    let esp = order.source.mapped()?;
    let esp = plan.esp.iter().flat_map(|range| esp.within(range.clone()));
    let esp: u64 = esp.map(|it| it.end - it.start).sum();
    watcher.begin(Phase::Write, plan.copied.length() + esp);
    let mut writer = Writer {
        device,
        watcher,
        written: Vec::new(),
    };
    writer.make_unbootable(&plan)?;
    let esp = writer.copy(order.source, &plan)?;
    if let (Some(range), Some(old)) = (&plan.esp, esp) {
        writer.put_esp(range.start, old, order.provision)?;
    }
    writer.flush()?;
    if order.verify {
        writer.verify()?;
    }
    writer.put_table(&plan.table)?;
    let sector = plan.table.geometry().sector();
    Ok(Written {
        bytes: writer
            .written
            .iter()
            .map(|it| it.range.end - it.range.start)
            .sum(),
        is_converted: order.source.table().geometry().sector() != sector,
    })
}

/// No two disks with one image are the same to anybody.
fn rename(table: &mut Table, entropy: Entropy<'_>) -> io::Result<()> {
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

struct Writer<'a> {
    device: &'a mut dyn Device,
    watcher: &'a mut dyn Watcher,
    written: Vec<Piece>,
}

impl Writer<'_> {
    fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let failed = |source| WriteError::Device { at, source };
        self.device.write_at(at, bytes).map_err(failed)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let failed = |source| WriteError::Device { at: 0, source };
        self.device.flush().map_err(failed)
    }

    /// Takes both copies of the old table away; what is kept stays in one that starts nothing.
    fn make_unbootable(&mut self, plan: &Plan) -> Result<(), WriteError> {
        if let Some(meanwhile) = &plan.meanwhile {
            return self.put_table(meanwhile);
        }
        let zeros = vec![0; PIECE];
        let geometry = plan.table.geometry();
        let length = geometry.sectors() * geometry.sector();
        self.put(0, &zeros)?;
        self.put(length.saturating_sub(PIECE as u64), &zeros)?;
        self.flush()
    }

    fn put_table(&mut self, table: &Table) -> Result<(), WriteError> {
        for write in table.writes() {
            self.put(write.offset, &write.bytes)?;
            self.flush()?;
        }
        let failed = |source| WriteError::Device { at: 0, source };
        self.device.forget_cache().map_err(failed)?;
        for write in table.writes() {
            let mut found = vec![0; write.bytes.len()];
            let (from, to) = (write.offset, write.offset + found.len() as u64);
            self.device.read_at(from, &mut found).map_err(failed)?;
            if found != write.bytes {
                return Err(WriteError::Different { from, to });
            }
        }
        Ok(())
    }

    /// Copies what is to be copied; the EFI system partition is given back when it is to be made
    /// anew. The whole image passes through, so that all of it is checked.
    fn copy(&mut self, source: &Source, plan: &Plan) -> Result<Option<SparseDisk>, WriteError> {
        let mut reader = source.reader()?;
        let mut esp = plan
            .esp
            .as_ref()
            .map(|it| SparseDisk::new(it.end - it.start));
        let mut check = RangeCheck::new(source);
        let mut hash = Sha256::new();
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while at < source.length() {
            let left = usize::try_from(source.length() - at).unwrap_or(PIECE);
            let bytes = buffer.get_mut(..left.min(PIECE)).unwrap_or_default();
            read_exact(&mut reader, bytes, source)?;
            let bytes = &*bytes;
            hash.update(bytes);
            check.take(at, bytes)?;
            let window = at..at + bytes.len() as u64;
            if let (Some(esp), Some(range)) = (&mut esp, &plan.esp) {
                gather(esp, range, at, bytes).map_err(WriteError::Esp)?;
            }
            for range in plan.copied.within(window) {
                self.put_piece(range.start, part(bytes, at, &range))?;
            }
            at += bytes.len() as u64;
            if self.watcher.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
        }
        let is_longer = reader
            .read(&mut [0])
            .map_err(|error| file_error(source.path(), error))?;
        if is_longer != 0 {
            return Err(source.length_error().into());
        }
        let found = <[u8; 32]>::from(hash.finalize());
        if source
            .unpacked_sha256()
            .is_some_and(|expected| expected != found)
        {
            let path = source.path().to_owned();
            return Err(SourceError::Checksum { path }.into());
        }
        Ok(esp)
    }

    fn put_piece(&mut self, at: u64, bytes: &[u8]) -> Result<(), WriteError> {
        self.put(at, bytes)?;
        self.written.push(Piece {
            range: at..at + bytes.len() as u64,
            sha256: Sha256::digest(bytes).into(),
        });
        self.watcher.advance(bytes.len() as u64);
        Ok(())
    }

    /// The same files in sectors as the disk has them, and the provisioning file.
    fn put_esp(
        &mut self,
        start: u64,
        mut old: SparseDisk,
        provision: Option<&str>,
    ) -> Result<(), WriteError> {
        let mut files = esp::files_of(&mut old).map_err(WriteError::Esp)?;
        if let Some(text) = provision {
            files.retain(|file| !file.path.eq_ignore_ascii_case(PROVISION_PATH));
            files.push(EspFile {
                path: PROVISION_PATH.into(),
                bytes: text.as_bytes().to_vec(),
            });
        }
        let sector = u16::try_from(self.device.geometry().sector()).map_err(io::Error::other);
        let made = sector.and_then(|sector| esp::make_sparse(sector, old.length(), &files));
        let made = made.map_err(WriteError::Esp)?;
        let used = esp::used(&mut |at, into| made.read_at(at, into));
        let used = used.map_err(WriteError::Esp)?.unwrap_or_default();
        for range in used.ranges() {
            let mut at = range.start;
            while at < range.end {
                let left = usize::try_from(range.end - at).unwrap_or(PIECE);
                let mut bytes = vec![0; left.min(PIECE)];
                made.read_at(at, &mut bytes).map_err(WriteError::Esp)?;
                self.put_piece(start + at, &bytes)?;
                at += bytes.len() as u64;
            }
        }
        Ok(())
    }

    fn verify(&mut self) -> Result<(), WriteError> {
        let total = self
            .written
            .iter()
            .map(|it| it.range.end - it.range.start)
            .sum();
        self.watcher.begin(Phase::Verify, total);
        let failed = |at: u64| move |source| WriteError::Device { at, source };
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
                return Err(WriteError::Different { from, to });
            }
            self.watcher.advance(to - from);
            if self.watcher.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
        }
        Ok(())
    }
}

fn read_exact(reader: &mut dyn Read, into: &mut [u8], source: &Source) -> Result<(), WriteError> {
    reader.read_exact(into).map_err(|error| {
        let error = match error.kind() {
            io::ErrorKind::UnexpectedEof => source.length_error(),
            _ => file_error(source.path(), error),
        };
        error.into()
    })
}

/// What of these bytes, which begin at `at`, lies in the partition.
fn gather(esp: &mut SparseDisk, range: &Range<u64>, at: u64, bytes: &[u8]) -> io::Result<()> {
    let common = range.start.max(at)..range.end.min(at + bytes.len() as u64);
    if common.is_empty() {
        return Ok(());
    }
    esp.write_at(common.start - range.start, part(bytes, at, &common))
}

/// The bytes of a range, of those that begin at `at`.
fn part<'a>(bytes: &'a [u8], at: u64, range: &Range<u64>) -> &'a [u8] {
    let from = usize::try_from(range.start.saturating_sub(at)).unwrap_or(usize::MAX);
    let to = usize::try_from(range.end.saturating_sub(at)).unwrap_or(usize::MAX);
    bytes.get(from..to).unwrap_or_default()
}

/// Where the provisioning file lies on the EFI system partition.
pub const PROVISION_PATH: &str = "RAMAL/provision.toml";

/// Bytes that are read, written and compared at a time: partitions begin on multiples of them.
const PIECE: usize = 1 << 20;

#[cfg(test)]
mod tests;
