//! Another disk made into a box like a freshly flashed one, from the box that runs.
//!
//! Taken over are the loader, the rescue system, the slot that runs and the keys that are trusted;
//! nothing that makes a box this one: no data and no key of them, no GUID, no history of slots. So
//! the new one makes an identity of its own on its first start.
//!
//! The slot is read twice: once to judge it before anything of the other disk changes, once to copy
//! it. A piece that is another one by then is not copied.

use std::io;

use disks::esp::{self, EspFile};
use disks::{BEGINNING, Device, DiskFault, Entropy, PIECE, Phase, SparseDisk, Watcher, Writer};
use gpt::{Table, TableFault};
use sha2::{Digest as _, Sha256};
use slot::{
    BootState, Extent, Guid, HEADER_LENGTH, Header, HeaderFault, KeySet, LOADER, Slot, layout,
    partition,
};

use crate::error::FirmwareError;
use crate::medium::Medium;
use crate::state_file::StateFile;
use crate::verity;

/// What is taken from the box that runs; none of it is written.
#[derive(Debug)]
pub struct RunningBox<M> {
    /// Which slot runs.
    pub running: Slot,
    /// Its partition.
    pub slot: M,
    /// The EFI system partition.
    pub esp: M,
    /// The boot state.
    pub state: StateFile<M>,
    /// The keys this version of the firmware was made with.
    pub keys: KeySet,
}

/// Why no box was made of a disk. Only after [`Self::Disk`] and [`Self::Changed`] it is another
/// than before, and starts nothing.
#[derive(Debug, thiserror::Error)]
pub enum NewDiskError {
    /// The version has not proved good, or was found damaged.
    #[error("the running version has not proved good yet, or is damaged; wait two minutes")]
    NotSound,
    /// The slot does not hold what was signed.
    #[error("the firmware that runs is damaged on its disk ({0}); write that disk anew")]
    Damaged(&'static str),
    /// The slot is empty, damaged or signed by others.
    #[error("the firmware that runs cannot be copied: {0}")]
    Header(HeaderFault),
    /// The disk the box runs from cannot be read.
    #[error("the disk this box runs from cannot be read ({what}): {source}")]
    Source {
        /// Which part of it.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It gave other bytes than a moment before.
    #[error("the disk this box runs from does not read the same twice; use another one")]
    Changed,
    /// Its boot state.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// There is no room.
    #[error("the disk is too small: {0}")]
    TooSmall(#[from] disks::Refusal),
    /// The same, found by the partitions.
    #[error("the disk is too small: {0}")]
    NoRoom(#[from] TableFault),
    /// The other disk, or somebody who ended it.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Entropy(io::Error),
}

/// Makes a box of a disk that nobody else uses, and says which version it has.
///
/// # Errors
/// See [`NewDiskError`].
pub fn make_box<M: Medium>(
    from: &RunningBox<M>,
    disk: &mut dyn Device,
    entropy: Entropy<'_>,
    watcher: &mut dyn Watcher,
) -> Result<String, NewDiskError> {
    let geometry = disk.geometry();
    let length = geometry.sectors().saturating_mul(geometry.sector());
    if let Some(refusal) = disks::room(length, layout::IMAGE_LENGTH) {
        return Err(refusal.into());
    }
    let mut table = disks::table_of_a_box(geometry, |_| Guid([0; 16]))?;
    disks::rename(&mut table, entropy).map_err(NewDiskError::Entropy)?;
    if !from.state.read()?.slot(from.running).is_sound() {
        return Err(NewDiskError::NotSound);
    }
    let slot = Checked::read(from, watcher)?;
    let sector = u16::try_from(geometry.sector()).map_err(io::Error::other);
    let files = boot_files(&from.esp)?;
    let esp = sector.and_then(|sector| esp::make_sparse(sector, layout::ESP_LENGTH, &files));
    let esp = esp.map_err(DiskFault::Esp)?;
    drop(files);
    let state = fresh_state(&from.state)?;
    let used = esp::used(&mut |at, into| esp.read_at(at, into)).map_err(DiskFault::Esp)?;
    let esp_length = used.map_or(0, |it| it.length());
    let total = slot.length() + BEGINNING + layout::BOOTSTATE_LENGTH + esp_length;

    let start = |kind| start(&table, kind);
    let mut writer = Writer::begin(disk, watcher, total);
    writer.make_unbootable()?;
    writer.put_esp(start(partition::ESP), &esp)?;
    writer.put_piece(start(partition::BOOTSTATE), &state)?;
    slot.copy(from, start(partition::SLOT_A), &mut writer)?;
    let empty = vec![0; usize::try_from(BEGINNING).unwrap_or_default()];
    writer.put_piece(start(partition::SLOT_B), &empty)?;
    writer.flush()?;
    writer.verify()?;
    writer.put_table(&table)?;
    Ok(slot.header.version.to_string())
}

fn start(table: &Table, kind: Guid) -> u64 {
    let found = table.of_kind(kind);
    found.map_or(0, |it| it.bytes(table.geometry()).0)
}

/// A slot that was read once, and is what was signed.
struct Checked {
    header: Header,
    /// SHA-256 of each [`PIECE`].
    pieces: Vec<[u8; 32]>,
}

impl Checked {
    fn read<M: Medium>(
        from: &RunningBox<M>,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, NewDiskError> {
        let mut first = vec![0; HEADER_LENGTH];
        read(&from.slot, "slot", 0, &mut first)?;
        let trusted = from.state.trusted(from.keys)?;
        let header = Header::verify(&first, &trusted).map_err(NewDiskError::Header)?;
        if header.root.length == 0 || header.root.length % BLOCK != 0 {
            return Err(NewDiskError::Damaged("no root"));
        }
        let mut checked = Self {
            header,
            pieces: Vec::new(),
        };
        watcher.begin(Phase::Check, checked.length());
        let mut uki = Sha256::new();
        let mut root = verity::Builder::new(header.salt);
        let mut tree = Sha256::new();
        for (at, length) in checked.places() {
            let mut bytes = vec![0; length];
            read(&from.slot, "slot", at, &mut bytes)?;
            uki.update(within(&bytes, at, header.uki));
            root.add(within(&bytes, at, header.root));
            tree.update(within(&bytes, at, header.verity));
            checked.pieces.push(Sha256::digest(&bytes).into());
            watcher.advance(length as u64);
            if watcher.is_cancelled() {
                return Err(DiskFault::Cancelled.into());
            }
        }
        let made = root.finish();
        if <[u8; 32]>::from(uki.finalize()) != header.uki_sha256 {
            return Err(NewDiskError::Damaged("kernel"));
        }
        if made.root_hash != header.root_hash {
            return Err(NewDiskError::Damaged("root"));
        }
        // Nothing reads behind the tree that was signed.
        if tree.finalize() != Sha256::digest(&made.bytes) {
            return Err(NewDiskError::Damaged("hash tree"));
        }
        Ok(checked)
    }

    /// Bytes that are in use, in whole blocks.
    fn length(&self) -> u64 {
        let used = self.header.used();
        used.next_multiple_of(BLOCK).min(layout::SLOT_LENGTH)
    }

    /// Where each piece begins, and its length.
    fn places(&self) -> Vec<(u64, usize)> {
        let length = self.length();
        let starts = (0..length).step_by(PIECE);
        let place = |at| {
            let left = usize::try_from(length - at).unwrap_or(PIECE);
            (at, left.min(PIECE))
        };
        starts.map(place).collect()
    }

    fn copy<M: Medium>(
        &self,
        from: &RunningBox<M>,
        start: u64,
        writer: &mut Writer<'_>,
    ) -> Result<(), NewDiskError> {
        for ((at, length), hash) in self.places().into_iter().zip(&self.pieces) {
            let mut bytes = vec![0; length];
            read(&from.slot, "slot", at, &mut bytes)?;
            if <[u8; 32]>::from(Sha256::digest(&bytes)) != *hash {
                return Err(NewDiskError::Changed);
            }
            writer.put_piece(start.saturating_add(at), &bytes)?;
        }
        Ok(())
    }
}

/// What of these bytes, which begin at `at`, lies in a part of the slot.
fn within(bytes: &[u8], at: u64, part: Extent) -> &[u8] {
    let end = part.start.saturating_add(part.length);
    let place = |it: u64| usize::try_from(it.saturating_sub(at)).unwrap_or(usize::MAX);
    let (from, to) = (place(part.start), place(end).min(bytes.len()));
    bytes.get(from..to).unwrap_or_default()
}

/// Loader and rescue system of an EFI system partition, by [`LOADER`] and [`RESCUE`]. Whatever else
/// lies there belongs to the box that runs.
///
/// # Errors
/// It cannot be read, or one of them is not there, or not whole.
pub(crate) fn boot_files(medium: &impl Medium) -> Result<Vec<EspFile>, NewDiskError> {
    let failed = |source| NewDiskError::Source {
        what: "EFI system partition",
        source,
    };
    let used = esp::used(&mut |at, into| medium.read_at(into, at)).map_err(failed)?;
    let used = used.ok_or(NewDiskError::Damaged("EFI system partition"))?;
    let mut copy = SparseDisk::new(layout::ESP_LENGTH);
    for range in used.within(0..layout::ESP_LENGTH) {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        read(medium, "EFI system partition", range.start, &mut bytes)?;
        copy.write_at(range.start, &bytes).map_err(failed)?;
    }
    let damaged = |_| NewDiskError::Damaged("EFI system partition");
    let mut files = esp::files_of(&mut copy).map_err(damaged)?;
    files.retain(|file| FILES.iter().any(|it| file.path.eq_ignore_ascii_case(it)));
    let find = |path: &str| files.iter().find(|it| it.path.eq_ignore_ascii_case(path));
    let [loader, rescue, header] = FILES.map(find);
    loader.ok_or(NewDiskError::Damaged("loader"))?;
    let header = header.and_then(|it| Header::decode(&it.bytes).ok());
    // Who signed it is the loader's to judge, which has the keys it was flashed with.
    let is_whole = |(header, file): (Header, &EspFile)| {
        <[u8; 32]>::from(Sha256::digest(&file.bytes)) == header.uki_sha256
    };
    match header.zip(rescue).is_some_and(is_whole) {
        true => Ok(files),
        false => Err(NewDiskError::Damaged("rescue system")),
    }
}

/// The bootstate partition of a box that was never started: slot A is good, no key of data. The
/// chain of keys goes with it, as the slot may be signed by keys younger than the loader.
fn fresh_state<M: Medium>(running: &StateFile<M>) -> Result<Vec<u8>, NewDiskError> {
    let mut bytes = vec![0; usize::try_from(layout::BOOTSTATE_LENGTH).unwrap_or_default()];
    let mut put = |at: u64, from: &[u8]| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(room) = bytes.get_mut(at..at.saturating_add(from.len())) {
            room.copy_from_slice(from);
        }
    };
    let first = BootState::shipped();
    for (place, state) in layout::STATE_COPIES.into_iter().zip([first, first.next()]) {
        put(place, &state.encode());
    }
    for (at, set) in running.chain_places()? {
        put(at, &set);
    }
    Ok(bytes)
}

fn read(
    medium: &impl Medium,
    what: &'static str,
    at: u64,
    into: &mut [u8],
) -> Result<(), NewDiskError> {
    let failed = |source| NewDiskError::Source { what, source };
    medium.read_at(into, at).map_err(failed)
}

/// The loader, the rescue system and who signed that.
const FILES: [&str; 3] = [LOADER, RESCUE, "EFI/ramal/rescue.hdr"];

/// The rescue system's.
pub(crate) const RESCUE: &str = "EFI/ramal/rescue.efi";

/// Of a slot, its root and its tree.
const BLOCK: u64 = verity::BLOCK as u64;

#[cfg(test)]
mod tests;
