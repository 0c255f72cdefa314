//! Writes an image to a disk, in the order that [`Writer`] asks for.

use std::io::{self, Read};
use std::ops::Range;

use config::PROVISION_PATH;
use disks::esp::{self, EspFile};
use disks::{Device, DiskFault, Entropy, PIECE, SparseDisk, Watcher, Writer};
use sha2::{Digest as _, Sha256};

use crate::plan::{self, Plan, PlanError};
use crate::range_check::RangeCheck;
use crate::source::{Source, SourceError, file_error};

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
    /// The disk, or somebody who ended it.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The EFI system partition of the image.
    #[error("the image's EFI system partition cannot be used: {0}")]
    Esp(io::Error),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Entropy(io::Error),
}

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
    disks::rename(&mut plan.table, entropy).map_err(WriteError::Entropy)?;
    if !order.source.check(watcher)? {
        return Err(DiskFault::Cancelled.into());
    }
    // What is made anew of the EFI system partition is about as long as what the image has there.
    let esp = order.source.mapped()?;
    let esp = plan.esp.iter().flat_map(|range| esp.within(range.clone()));
    let esp: u64 = esp.map(|it| it.end - it.start).sum();
    let mut writer = Writer::begin(device, watcher, plan.copied.length() + esp);
    match &plan.meanwhile {
        // What is kept stays in a table that starts nothing.
        Some(meanwhile) => writer.put_table(meanwhile)?,
        None => writer.make_unbootable()?,
    }
    let esp = copy(&mut writer, order.source, &plan)?;
    if let (Some(range), Some(old)) = (&plan.esp, esp) {
        put_esp(&mut writer, range.start, old, order.provision)?;
    }
    writer.flush()?;
    if order.verify {
        writer.verify()?;
    }
    writer.put_table(&plan.table)?;
    let sector = plan.table.geometry().sector();
    Ok(Written {
        bytes: writer.bytes(),
        is_converted: order.source.table().geometry().sector() != sector,
    })
}

/// Copies what is to be copied; the EFI system partition is given back when it is to be made anew.
/// The whole image passes through, so that all of it is checked.
fn copy(
    writer: &mut Writer<'_>,
    source: &Source,
    plan: &Plan,
) -> Result<Option<SparseDisk>, WriteError> {
    let mut reader = source.reader()?;
    let esp = plan.esp.as_ref();
    let mut esp = esp.map(|it| SparseDisk::new(it.end - it.start));
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
            writer.put_piece(range.start, part(bytes, at, &range))?;
        }
        at += bytes.len() as u64;
        writer.go_on()?;
    }
    let is_longer = reader
        .read(&mut [0])
        .map_err(|error| file_error(source.path(), error))?;
    if is_longer != 0 {
        return Err(source.length_error().into());
    }
    let found = <[u8; 32]>::from(hash.finalize());
    let expected = source.unpacked_sha256();
    if expected.is_some_and(|expected| expected != found) {
        let path = source.path().to_owned();
        return Err(SourceError::Checksum { path }.into());
    }
    Ok(esp)
}

/// The same files in sectors as the disk has them, and the provisioning file.
fn put_esp(
    writer: &mut Writer<'_>,
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
    let sector = u16::try_from(writer.geometry().sector()).map_err(io::Error::other);
    let made = sector.and_then(|sector| esp::make_sparse(sector, old.length(), &files));
    writer.put_esp(start, &made.map_err(WriteError::Esp)?)?;
    Ok(())
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

#[cfg(test)]
mod tests;
