//! The disk of a box, as a sparse file that tests write to and look into while the box is off.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gpt::{Geometry, Table};
use image::Machine;
use image::disk::{Content, write};
use image::esp::EspFile;
use slot::layout::{STATE_COPIES, WRITE_UNIT};
use slot::{BootState, Guid, STATE_LENGTH, Slot, partition};

use crate::{Failure, Parts, folder};

/// A disk. Its file goes with it.
pub struct BoxDisk {
    /// The file.
    pub path: PathBuf,
    /// Bytes of a sector.
    pub sector: u16,
    table: Table,
}

impl BoxDisk {
    /// A disk with the loader and slot A, as an image is shipped; sectors of 512 bytes.
    ///
    /// # Errors
    /// There is no room.
    pub fn shipped(parts: &Parts, name: &str, slot: &[u8]) -> Result<Self, Failure> {
        Self::with_esp(name, 512, &[loader(&parts.loader)?], slot)
    }

    /// A disk with these files in its ESP.
    ///
    /// # Errors
    /// There is no room.
    pub fn with_esp(
        name: &str,
        sector: u16,
        esp: &[EspFile],
        slot: &[u8],
    ) -> Result<Self, Failure> {
        let path = folder("disks")?.join(format!("{name}.img"));
        write(&path, sector, Content { esp, slot })?;
        let table = read_table(&path, sector)?;
        Ok(Self {
            path,
            sector,
            table,
        })
    }

    /// The same disk in another file, down to the GUIDs.
    ///
    /// # Errors
    /// There is no room.
    pub fn twin(&self, name: &str) -> Result<Self, Failure> {
        let path = self.path.with_file_name(format!("{name}.img"));
        std::fs::copy(&self.path, &path)?;
        Ok(Self {
            path,
            sector: self.sector,
            table: self.table.clone(),
        })
    }

    /// Writes to a slot, from its beginning.
    ///
    /// # Errors
    /// The file.
    pub fn put_slot(&self, slot: Slot, bytes: &[u8]) -> Result<(), Failure> {
        self.put(partition::of_slot(slot), 0, bytes)
    }

    /// Changes a bit of a slot.
    ///
    /// # Errors
    /// The file.
    pub fn flip(&self, slot: Slot, at: u64) -> Result<(), Failure> {
        let kind = partition::of_slot(slot);
        let mut byte = self.bytes(kind, at, 1)?;
        byte.iter_mut().for_each(|it| *it ^= 4);
        self.put(kind, at, &byte)
    }

    /// Writes both copies of the state, as an updater that ran before would have.
    ///
    /// # Errors
    /// The file.
    pub fn put_state(&self, state: BootState) -> Result<(), Failure> {
        for (place, state) in STATE_COPIES.into_iter().zip([state, state.next()]) {
            self.put(partition::BOOTSTATE, place, &state.encode())?;
        }
        Ok(())
    }

    /// Overwrites both copies of the state with what is none.
    ///
    /// # Errors
    /// The file.
    pub fn destroy_states(&self) -> Result<(), Failure> {
        for place in STATE_COPIES {
            self.put(partition::BOOTSTATE, place, &[0x55; WRITE_UNIT])?;
        }
        Ok(())
    }

    /// The state that counts.
    ///
    /// # Errors
    /// Neither copy is whole.
    pub fn state(&self) -> Result<BootState, Failure> {
        let [first, second] = self.states()?;
        let (state, _) = BootState::newest(&first, &second);
        state.ok_or_else(|| Failure::Other("neither copy of the state is whole".into()))
    }

    /// Both copies as they lie on the disk.
    ///
    /// # Errors
    /// The file.
    pub fn states(&self) -> Result<[Vec<u8>; 2], Failure> {
        let [first, second] = STATE_COPIES;
        let read = |at| self.bytes(partition::BOOTSTATE, at, STATE_LENGTH);
        Ok([read(first)?, read(second)?])
    }

    /// The unique GUID of the bootstate partition.
    ///
    /// # Errors
    /// There is none.
    pub fn guid(&self) -> Result<Guid, Failure> {
        let state = self.table.of_kind(partition::BOOTSTATE);
        let state = state.ok_or_else(|| absent(partition::BOOTSTATE))?;
        Ok(state.unique)
    }

    /// The first byte of a partition on the disk.
    ///
    /// # Errors
    /// There is none.
    pub fn start(&self, kind: Guid) -> Result<u64, Failure> {
        let found = self.table.of_kind(kind).ok_or_else(|| absent(kind))?;
        Ok(found.bytes(self.table.geometry()).0)
    }

    fn put(&self, kind: Guid, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        let file = OpenOptions::new().write(true).open(&self.path)?;
        Ok(file.write_all_at(bytes, self.start(kind)? + at)?)
    }

    fn bytes(&self, kind: Guid, at: u64, length: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; length];
        let file = File::open(&self.path)?;
        file.read_exact_at(&mut bytes, self.start(kind)? + at)?;
        Ok(bytes)
    }
}

impl Drop for BoxDisk {
    fn drop(&mut self) {
        // A file that is gone already is no loss.
        let _removed = std::fs::remove_file(&self.path);
    }
}

/// The loader at its place in the ESP.
///
/// # Errors
/// The environment names no machine.
pub fn loader(bytes: &[u8]) -> Result<EspFile, Failure> {
    Ok(EspFile {
        path: Machine::of_environment()?.loader().into(),
        bytes: bytes.into(),
    })
}

fn read_table(path: &Path, sector: u16) -> Result<Table, Failure> {
    let file = File::open(path)?;
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let geometry = Geometry::new(u64::from(sector), file.metadata()?.len());
    let geometry = geometry.map_err(|error| other(&error))?;
    let mut head = vec![0; geometry.head_length()];
    file.read_exact_at(&mut head, 0)?;
    let (at, length) = geometry.tail();
    let mut tail = vec![0; length];
    file.read_exact_at(&mut tail, at)?;
    let found = Table::find(geometry, &head, &tail).map_err(|error| other(&error))?;
    Ok(found.table)
}

fn absent(kind: Guid) -> Failure {
    Failure::Other(format!("the disk has no partition of type {kind}"))
}
