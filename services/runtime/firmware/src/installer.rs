//! An update on its way into the slot that is not running.
//!
//! The order is what keeps the box alive: the boot state forgets the slot before its first byte
//! changes, the header is written when everything else was read back, and only then may the loader
//! try it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use slot::{HEADER_LENGTH, Header, KeySet, Slot};
use update::{CHUNK, Manifest, Output, Receiver, Refusal, Running};

use crate::error::FirmwareError;
use crate::medium::Medium;
use crate::state_file::StateFile;

/// Why an update was not installed. The running version is untouched.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The file is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The running version has not proved good.
    #[error(
        "the running version has not proved good yet, and the other slot is what the box would go \
         back to; wait until it has (two minutes after the start), then offer the update again"
    )]
    OnTrial,
    /// The running version is damaged, and the other one is not.
    #[error(
        "the running version is damaged on the disk and the other slot's is not; restart the box, \
         which starts that one, then offer the update again"
    )]
    Damaged,
    /// The system was not started from a slot.
    #[error("this system was not started from a firmware slot, so there is nothing to update")]
    NoSlots,
    /// The other slot has never proved good, is damaged, or was written since.
    #[error("the other slot holds no version that has proved good and is not damaged")]
    NothingToGoBackTo,
    /// What was written does not read back.
    #[error("chunk {index} of the slot does not read back as it was written; the disk is failing")]
    ReadBack {
        /// Which.
        index: usize,
    },
    /// A device does not do as it should.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
}

/// Whether the slot that is kept has to have proved good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// It runs, and the other one is what the box would go back to until it has.
    RunningIsGood,
    /// Neither could be started: the rescue system runs, and a person has chosen the slot.
    Rescue,
}

/// The partitions an update concerns, open.
#[derive(Debug)]
pub struct Places<M = File> {
    /// Which slot runs.
    pub running: Slot,
    /// Its partition, to read.
    pub source: M,
    /// The other one's, to write.
    pub target: M,
    /// The boot state.
    pub state: StateFile<M>,
    /// The keys this version of the firmware was made with.
    pub keys: KeySet,
    /// What has to be true of the slot that is kept.
    pub guard: Guard,
    /// Who applies patches; without one, updates are sent chunk by chunk.
    pub patcher: Option<Box<dyn Patcher>>,
}

/// Makes parts of a new slot of the programs that run and a patch. Not every program that installs
/// updates has a compressor.
pub trait Patcher: std::fmt::Debug + Send + Sync {
    /// The version of its compressor.
    fn compressor(&self) -> u32;

    /// Applies a patch that was signed: parts of the new slot, and where each begins in it.
    ///
    /// # Errors
    /// In words: the patch is for other programs, or these cannot be read.
    fn apply(&self, patch: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, String>;
}

impl<M: Medium> Places<M> {
    /// What a slot says it holds; `None` when it holds none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn header(&self, slot: Slot) -> Result<Option<Header>, FirmwareError> {
        let file = match slot == self.running {
            true => &self.source,
            false => &self.target,
        };
        let mut bytes = vec![0; HEADER_LENGTH];
        let read = file.read_at(&mut bytes, 0);
        read.map_err(|source| FirmwareError::device(Path::new(slot.name()), source))?;
        Ok(Header::decode(&bytes).ok())
    }
}

/// An update that is being installed.
#[derive(Debug)]
pub struct Installer<M = File> {
    places: Arc<Places<M>>,
    receiver: Receiver,
    manifest: Option<Manifest>,
    is_installed: bool,
}

impl<M: Medium> Installer<M> {
    /// Gets ready for an update of a box with this hardware.
    ///
    /// # Errors
    /// The boot state cannot be read.
    pub fn new(places: Arc<Places<M>>, hardware: &str) -> Result<Self, InstallError> {
        let state = places.state.read()?;
        let running = Running {
            hardware: hardware.to_owned(),
            security_floor: state.security_floor,
            trusted: places.state.trusted(places.keys)?,
        };
        Ok(Self {
            places,
            receiver: Receiver::new(running),
            manifest: None,
            is_installed: false,
        })
    }

    /// Where the sender is to go on, in bytes from the file's beginning; `None` when nothing more
    /// is needed.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        self.receiver.next()
    }

    /// The same with how many bytes from there on the box does not have.
    #[must_use]
    pub fn wanted(&self) -> Option<(u64, u64)> {
        self.receiver.wanted()
    }

    /// Bytes of the slot that are there, and bytes in all.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.receiver.progress()
    }

    /// What the update is, once its head was read and accepted.
    #[must_use]
    pub const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Whether the loader will try it at the next start.
    #[must_use]
    pub const fn is_installed(&self) -> bool {
        self.is_installed
    }

    /// Takes bytes of the file that begin at [`Self::next`].
    ///
    /// # Errors
    /// After [`Refusal::ChunkDamaged`] the same chunk is asked for again; every other error ends
    /// the update.
    pub fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<(), InstallError> {
        let taken = self.receiver.take(offset, bytes);
        self.carry_out()?;
        Ok(taken?)
    }

    fn carry_out(&mut self) -> Result<(), InstallError> {
        while let Some(output) = self.receiver.poll() {
            match output {
                Output::Accepted { manifest, key_sets } => self.accept(manifest, &key_sets)?,
                Output::Write { offset, bytes } => {
                    let written = self.places.target.write_at(&bytes, offset);
                    written.map_err(|source| self.error(source))?;
                }
                Output::Patch { bytes } => self.apply(&bytes)?,
                Output::Complete { header } => self.complete(&header)?,
            }
        }
        Ok(())
    }

    fn accept(&mut self, manifest: Manifest, key_sets: &[KeySet]) -> Result<(), InstallError> {
        let running = self.places.running;
        let begin = |state: &mut slot::BootState| match self.places.guard {
            Guard::RunningIsGood => state.begin_install(running),
            Guard::Rescue => Some(state.begin_rescue_install(running.other())),
        };
        if self.places.state.change(begin)?.is_none() {
            let state = self.places.state.read()?;
            return Err(match state.is_to_make_room(running) {
                true => InstallError::Damaged,
                false => InstallError::OnTrial,
            });
        }
        for set in key_sets {
            self.places.state.add_key_set(self.places.keys, set)?;
        }
        self.write_beginning(&[0; HEADER_LENGTH])?;
        self.manifest = Some(manifest);
        self.find_again()?;
        self.copy_from_running()?;
        self.ask_for_patch()
    }

    fn ask_for_patch(&mut self) -> Result<(), InstallError> {
        let running = self.places.header(self.places.running)?;
        if let (Some(header), Some(patcher)) = (running, &self.places.patcher) {
            let compressor = patcher.compressor();
            self.receiver.ask_for_patch(&header.root_hash, compressor);
        }
        Ok(())
    }

    /// Offers the chunks that lie in what a patch makes. When it makes nothing they are sent.
    fn apply(&mut self, patch: &[u8]) -> Result<(), InstallError> {
        let places = Arc::clone(&self.places);
        let Some(patcher) = &places.patcher else {
            return Ok(());
        };
        for (place, bytes) in patcher.apply(patch).unwrap_or_default() {
            for chunk in whole_chunks(place, &bytes) {
                self.receiver.offer(chunk)?;
                self.carry_out()?;
            }
        }
        Ok(())
    }

    /// Chunks that an attempt before has left in the slot.
    fn find_again(&mut self) -> Result<(), InstallError> {
        let length = self.manifest.as_ref().map_or(0, |it| it.length);
        for index in 1..self.receiver.chunk_hashes().len() {
            let chunk = read_chunk(&self.places.target, index, length);
            let chunk = chunk.map_err(|source| self.error(source))?;
            self.receiver.found(index, &chunk)?;
        }
        Ok(())
    }

    /// Chunks that the running version has too.
    fn copy_from_running(&mut self) -> Result<(), InstallError> {
        let running = self.places.running;
        let Some(header) = self.places.header(running)? else {
            return Ok(());
        };
        let error = |source| FirmwareError::device(Path::new(running.name()), source);
        let used = header.used();
        let chunks = usize::try_from(used.div_ceil(CHUNK as u64)).unwrap_or(0);
        for index in 0..chunks {
            let chunk = read_chunk(&self.places.source, index, used).map_err(error)?;
            self.receiver.offer(&chunk)?;
            // At once, or the copies would pile up in memory.
            self.carry_out()?;
        }
        Ok(())
    }

    fn complete(&mut self, header: &[u8]) -> Result<(), InstallError> {
        self.places
            .target
            .sync()
            .map_err(|source| self.error(source))?;
        self.read_back(header)?;
        self.write_beginning(header)?;
        let target = self.places.running.other();
        let finish = |state: &mut slot::BootState| state.finish_install(target);
        self.places.state.change(finish)?;
        self.receiver.close();
        self.is_installed = true;
        Ok(())
    }

    /// Reads the slot from the disk, not from memory, and compares every chunk.
    fn read_back(&self, header: &[u8]) -> Result<(), InstallError> {
        // What the disk has goes from memory, or the next read would not come from the disk.
        let forgotten = self.places.target.forget();
        forgotten.map_err(|source| self.error(source))?;
        let length = self.manifest.as_ref().map_or(0, |it| it.length);
        for (index, hash) in self.receiver.chunk_hashes().iter().enumerate() {
            let chunk = read_chunk(&self.places.target, index, length);
            let mut chunk = chunk.map_err(|source| self.error(source))?;
            if let Some(beginning) = chunk.get_mut(..header.len()).filter(|_| index == 0) {
                beginning.copy_from_slice(header);
            }
            let found: [u8; 32] = Sha256::digest(&chunk).into();
            if found != *hash {
                return Err(InstallError::ReadBack { index });
            }
        }
        Ok(())
    }

    /// Writes the block by which a slot is one; it is on the disk when this returns.
    fn write_beginning(&self, block: &[u8]) -> Result<(), FirmwareError> {
        self.places
            .target
            .write_at(block, 0)
            .and_then(|()| self.places.target.sync())
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> FirmwareError {
        FirmwareError::device(Path::new(self.places.running.other().name()), source)
    }
}

/// The chunks of a slot that lie wholly in these bytes of it.
fn whole_chunks(place: u64, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let first = place.checked_next_multiple_of(CHUNK as u64);
    let before = first.map_or(u64::MAX, |first| first.saturating_sub(place));
    let before = usize::try_from(before).unwrap_or(usize::MAX);
    bytes.get(before..).unwrap_or_default().chunks_exact(CHUNK)
}

/// A chunk of a slot with so many bytes.
fn read_chunk(medium: &impl Medium, index: usize, length: u64) -> io::Result<Vec<u8>> {
    let start = (index as u64).saturating_mul(CHUNK as u64);
    let left = usize::try_from(length.saturating_sub(start)).unwrap_or(CHUNK);
    let mut chunk = vec![0; left.min(CHUNK)];
    medium.read_at(&mut chunk, start)?;
    Ok(chunk)
}

/// The keys of this firmware: one set in a file of the root.
///
/// # Errors
/// The file is missing or holds none.
pub fn keys_of_firmware(path: &Path) -> Result<KeySet, FirmwareError> {
    let bytes = std::fs::read(path).map_err(|source| FirmwareError::device(path, source))?;
    KeySet::decode(&bytes).map_err(|fault| FirmwareError::Keys {
        path: path.to_owned(),
        fault,
    })
}

#[cfg(test)]
mod tests;
