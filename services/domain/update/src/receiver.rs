//! An update on its way into a slot: bytes of the file in, checked bytes for the slot out.
//!
//! Whoever sends asks [`Receiver::next`] where to go on. It is usually the next byte, but chunks
//! that the box has already, from an attempt that broke off or from the version it runs, are passed
//! over: that is how a transfer is resumed, and how a small change is a small transfer. A patch for
//! the version that runs comes first. One that was damaged on its way is as good as none: the
//! chunks are sent.

use std::collections::{BTreeMap, VecDeque};

use sha2::{Digest as _, Sha256};
use slot::{HEADER_LENGTH, Header, KeySet};

use crate::CHUNK;
use crate::head::{BEGINNING, Head};
use crate::manifest::Manifest;
use crate::patching::Patching;
use crate::refusal::Refusal;

/// What the box is, as far as it matters to an update.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Its hardware.
    pub hardware: String,
    /// The lowest security number it runs.
    pub security_floor: u64,
    /// Who may sign.
    pub trusted: KeySet,
}

/// What is to be done with an update.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// The head is signed and fits: the slot may be cleared, and the key sets kept.
    Accepted {
        /// What it is.
        manifest: Manifest,
        /// Key sets the box does not have yet, in their order.
        key_sets: Vec<KeySet>,
    },
    /// Write these bytes at this place of the slot.
    Write {
        /// Bytes from the slot's beginning.
        offset: u64,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// The patch that [`Receiver::ask_for_patch`] found, as it was signed: [`Receiver::offer`] what
    /// it makes.
    Patch {
        /// The patch.
        bytes: Vec<u8>,
    },
    /// Everything but the header was written: flush it, read it back against
    /// [`Receiver::chunk_hashes`], and only then write this at the slot's beginning.
    Complete {
        /// The slot's header.
        header: Vec<u8>,
    },
}

/// An update that is being received.
#[derive(Debug)]
pub struct Receiver {
    running: Running,
    stage: Stage,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum Stage {
    /// The head so far.
    Head(Vec<u8>),
    /// The slot, chunk by chunk.
    Slot(Box<Slot>),
    /// Everything is there.
    Done,
}

#[derive(Debug)]
struct Slot {
    head: Head,
    /// Bytes of the chunk that is being received.
    partial: Vec<u8>,
    /// The chunk that is being received.
    current: usize,
    has: Vec<bool>,
    /// The beginning of chunk 0, which is written last.
    header: Vec<u8>,
    /// Chunks by hash, for what a local copy may fill.
    wanted: BTreeMap<[u8; 32], Vec<usize>>,
    /// The patch that is received before any more chunks.
    patch: Option<Patching>,
}

impl Receiver {
    /// A receiver for a box like this.
    #[must_use]
    pub const fn new(running: Running) -> Self {
        Self {
            running,
            stage: Stage::Head(Vec::new()),
            outputs: VecDeque::new(),
        }
    }

    /// Where the sender is to go on, in bytes from the file's beginning; `None` when nothing more
    /// is needed.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        match &self.stage {
            Stage::Head(bytes) => Some(bytes.len() as u64),
            Stage::Slot(slot) => Some(slot.next()),
            Stage::Done => None,
        }
    }

    /// What the box does not have, as far as it is known and follows each other: where it begins in
    /// the file, as [`Self::next`], and how many bytes. Of a head that has not come it is what says
    /// how long the head is.
    #[must_use]
    pub fn wanted(&self) -> Option<(u64, u64)> {
        let next = self.next()?;
        let length = match &self.stage {
            Stage::Head(bytes) => match Head::length(bytes) {
                Ok(Some(length)) => length.saturating_sub(bytes.len()) as u64,
                Ok(None) | Err(_) => BEGINNING.saturating_sub(bytes.len()) as u64,
            },
            Stage::Slot(slot) => slot.missing(),
            Stage::Done => 0,
        };
        Some((next, length))
    }

    /// Bytes of the slot that are there, and bytes in all; zeros before the head was read.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        match &self.stage {
            Stage::Head(_) | Stage::Done => (0, 0),
            Stage::Slot(slot) => slot.progress(),
        }
    }

    /// Takes bytes of the file that begin at `offset`, which must be [`Self::next`].
    ///
    /// # Errors
    /// Nothing of a refused update may be started. After [`Refusal::ChunkDamaged`] the same chunk
    /// is asked for again; all other refusals are final.
    pub fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Refusal> {
        let wanted = self.next().unwrap_or_default();
        if offset != wanted {
            return Err(Refusal::OutOfOrder {
                found: offset,
                wanted,
            });
        }
        match &mut self.stage {
            Stage::Head(head) => {
                head.extend_from_slice(bytes);
                self.try_head()
            }
            Stage::Slot(slot) => {
                slot.receive(bytes, &self.running, &mut self.outputs)?;
                self.finish_when_whole();
                Ok(())
            }
            Stage::Done => Ok(()),
        }
    }

    /// What to do next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The hash of each chunk of the slot; empty before the head was read.
    #[must_use]
    pub fn chunk_hashes(&self) -> &[[u8; 32]] {
        match &self.stage {
            Stage::Slot(slot) => &slot.head.chunks,
            Stage::Head(_) | Stage::Done => &[],
        }
    }

    /// Offers a chunk that the box has, of [`CHUNK`] bytes or, at the end of a slot, fewer. It is
    /// taken wherever the update has the same one.
    ///
    /// # Errors
    /// The slot is not the one the manifest tells of.
    pub fn offer(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if let Stage::Slot(slot) = &mut self.stage {
            slot.offer(bytes, &self.running, &mut self.outputs)?;
            self.finish_when_whole();
        }
        Ok(())
    }

    /// Whether this chunk of the target slot is there already: found by an attempt before.
    ///
    /// # Errors
    /// The slot is not the one the manifest tells of.
    pub fn found(&mut self, index: usize, bytes: &[u8]) -> Result<bool, Refusal> {
        let Stage::Slot(slot) = &mut self.stage else {
            return Ok(false);
        };
        // The beginning of the first one is never on the disk before the end.
        if index == 0 || slot.head.chunks.get(index) != Some(&Sha256::digest(bytes).into()) {
            return Ok(false);
        }
        if let Some(has) = slot.has.get_mut(index) {
            *has = true;
        }
        slot.move_on();
        self.finish_when_whole();
        Ok(true)
    }

    /// Asks for the patch for a box that runs the version with this root and has this compressor,
    /// when there is one, and it is shorter than all that is missing. It comes before any more
    /// chunks.
    pub fn ask_for_patch(&mut self, root_hash: &[u8; 32], compressor: u32) {
        if let Stage::Slot(slot) = &mut self.stage {
            let missing = slot.missing_in_all();
            let end = slot.head.payload.saturating_add(slot.head.manifest.length);
            let manifest = &slot.head.manifest;
            slot.patch = Patching::choose(manifest, root_hash, compressor, missing, end);
        }
    }

    fn try_head(&mut self) -> Result<(), Refusal> {
        let Stage::Head(bytes) = &mut self.stage else {
            return Ok(());
        };
        let Some(length) = Head::length(bytes)? else {
            return Ok(());
        };
        if bytes.len() < length {
            return Ok(());
        }
        let after = bytes.split_off(length);
        let head = Head::verify(bytes, &self.running.trusted)?;
        self.running.check(&head.manifest)?;
        if let Some(last) = head.key_sets.last() {
            self.running.trusted = *last;
        }
        self.outputs.push_back(Output::Accepted {
            manifest: head.manifest.clone(),
            key_sets: head.key_sets.clone(),
        });
        self.stage = Stage::Slot(Box::new(Slot::new(head)));
        match self.next() {
            Some(offset) if !after.is_empty() => self.take(offset, &after),
            Some(_) | None => Ok(()),
        }
    }

    fn finish_when_whole(&mut self) {
        if let Stage::Slot(slot) = &mut self.stage
            && slot.has.iter().all(|has| *has)
            && !slot.header.is_empty()
        {
            let header = std::mem::take(&mut slot.header);
            self.outputs.push_back(Output::Complete { header });
        }
    }

    /// The slot was read back as it should be and its header written: nothing more is needed.
    pub fn close(&mut self) {
        self.stage = Stage::Done;
    }
}

impl Running {
    fn check(&self, manifest: &Manifest) -> Result<(), Refusal> {
        if !manifest.hardware.contains(&self.hardware) {
            return Err(Refusal::WrongHardware {
                offered: manifest.hardware.join(", "),
                hardware: self.hardware.clone(),
            });
        }
        if manifest.security < self.security_floor {
            return Err(Refusal::TooOld {
                version: manifest.version.clone(),
                offered: manifest.security,
                floor: self.security_floor,
            });
        }
        if manifest.length < HEADER_LENGTH as u64 {
            return Err(Refusal::OtherSlot("it is shorter than a slot's header"));
        }
        Ok(())
    }
}

impl Slot {
    fn new(head: Head) -> Self {
        let mut wanted: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
        for (index, hash) in head.chunks.iter().enumerate() {
            wanted.entry(*hash).or_default().push(index);
        }
        Self {
            partial: Vec::with_capacity(CHUNK),
            current: 0,
            has: vec![false; head.chunks.len()],
            header: Vec::new(),
            wanted,
            patch: None,
            head,
        }
    }

    fn next(&self) -> u64 {
        if let Some(patch) = &self.patch {
            return patch.wanted().0;
        }
        let chunk = (self.current as u64).saturating_mul(CHUNK as u64);
        let partial = self.partial.len() as u64;
        self.head
            .payload
            .saturating_add(chunk)
            .saturating_add(partial)
    }

    /// Bytes that are missing from the next one on, up to the first chunk that is there.
    fn missing(&self) -> u64 {
        if let Some(patch) = &self.patch {
            return patch.wanted().1;
        }
        let missing = (self.current..self.has.len())
            .take_while(|index| self.has.get(*index) == Some(&false))
            .map(|index| self.chunk_length(index) as u64);
        missing
            .sum::<u64>()
            .saturating_sub(self.partial.len() as u64)
    }

    fn missing_in_all(&self) -> u64 {
        let missing = self.has.iter().enumerate().filter(|(_, has)| !**has);
        missing
            .map(|(index, _)| self.chunk_length(index) as u64)
            .sum()
    }

    fn progress(&self) -> (u64, u64) {
        let there = self.has.iter().filter(|has| **has).count() as u64;
        let length = self.head.manifest.length;
        (there.saturating_mul(CHUNK as u64).min(length), length)
    }

    /// Bytes of a chunk: the last one may be shorter.
    fn chunk_length(&self, index: usize) -> usize {
        let start = (index as u64).saturating_mul(CHUNK as u64);
        let left = self.head.manifest.length.saturating_sub(start);
        usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)
    }

    /// Bytes that follow each other. What belongs to chunks that are there already is passed over.
    fn receive(
        &mut self,
        mut bytes: &[u8],
        running: &Running,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Refusal> {
        if let Some(mut patch) = self.patch.take() {
            match patch.receive(bytes) {
                true => outputs.extend(patch.finish().map(|bytes| Output::Patch { bytes })),
                false => self.patch = Some(patch),
            }
            return Ok(());
        }
        let mut place = self.current;
        while !bytes.is_empty() && place < self.has.len() {
            let missing = self.chunk_length(place).saturating_sub(self.partial.len());
            let (now, after) = bytes.split_at(missing.min(bytes.len()));
            bytes = after;
            if place == self.current {
                self.partial.extend_from_slice(now);
                if self.partial.len() < self.chunk_length(place) {
                    return Ok(());
                }
                let chunk = std::mem::take(&mut self.partial);
                self.store(place, &chunk, running, outputs)?;
                self.move_on();
            }
            place += 1;
        }
        Ok(())
    }

    fn store(
        &mut self,
        index: usize,
        chunk: &[u8],
        running: &Running,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Refusal> {
        let hash: [u8; 32] = Sha256::digest(chunk).into();
        if self.head.chunks.get(index) != Some(&hash) {
            return Err(Refusal::ChunkDamaged { index });
        }
        let (offset, bytes) = if index == 0 {
            let (header, rest) = chunk.split_at(HEADER_LENGTH.min(chunk.len()));
            self.check_header(header, running)?;
            self.header = header.to_vec();
            (HEADER_LENGTH as u64, rest)
        } else {
            ((index as u64).saturating_mul(CHUNK as u64), chunk)
        };
        if let Some(has) = self.has.get_mut(index) {
            *has = true;
        }
        if !bytes.is_empty() {
            let bytes = bytes.to_vec();
            outputs.push_back(Output::Write { offset, bytes });
        }
        Ok(())
    }

    /// The slot's own header is what the loader will judge: it has to say what the manifest says.
    fn check_header(&self, bytes: &[u8], running: &Running) -> Result<(), Refusal> {
        let header = Header::verify(bytes, &running.trusted)
            .map_err(|_| Refusal::OtherSlot("its header is damaged or not signed"))?;
        let manifest = &self.head.manifest;
        let wrong = if header.hardware.as_str() != running.hardware {
            "it is for another hardware"
        } else if header.version.as_str() != manifest.version {
            "it has another version"
        } else if header.security != manifest.security {
            "it has another security number"
        } else if header.used() > manifest.length {
            "it is longer"
        } else {
            return Ok(());
        };
        Err(Refusal::OtherSlot(wrong))
    }

    fn offer(
        &mut self,
        bytes: &[u8],
        running: &Running,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Refusal> {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let places = self.wanted.get(&hash).cloned().unwrap_or_default();
        for index in places {
            let has = self.has.get(index).copied().unwrap_or(true);
            if !has && self.chunk_length(index) == bytes.len() {
                self.store(index, bytes, running, outputs)?;
            }
        }
        self.move_on();
        Ok(())
    }

    /// Goes on to the first chunk that is missing; a chunk that is being received stays current.
    fn move_on(&mut self) {
        let is_there = |index: usize| self.has.get(index).copied().unwrap_or(false);
        if is_there(self.current) || self.partial.is_empty() {
            self.partial.clear();
            let missing = self.has.iter().position(|has| !has);
            self.current = missing.unwrap_or(self.has.len());
        }
    }
}

#[cfg(test)]
mod tests;
