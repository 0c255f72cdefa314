//! A box whose disk is in memory: shipped with version 1.0.0, with small slots.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey};
use firmware::{Guard, Installer, Medium as _, Places, StateFile};
use gpt::{Geometry, Table};
use sha2::{Digest as _, Sha256};
use slot::{
    BootState, Extent, Guid, Header, KEYS_MAX, KeySet, PublicKey, Signature, Slot, Text, layout,
    partition,
};
use update::{CHUNK, Manifest};

use crate::fault::Fault;
use crate::part::Part;
use crate::record::{MemoryDisk, Recorder};
use crate::start::{Started, place, start};
use crate::trace::{SECTOR_LENGTH, Sector, Trace};

/// Bytes of the disk: the image, and 64 MiB for data.
pub const LENGTH: u64 = image::disk::IMAGE_LENGTH + 64 * MIB;

/// A version of the firmware.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    /// As people call it.
    pub name: &'static str,
    /// See [`Header::security`].
    pub security: u64,
    /// Which set of keys has signed it.
    pub keys: u32,
}

/// A box.
pub struct Site {
    disk: Recorder<MemoryDisk>,
    base: BTreeMap<u64, Sector>,
    table: Table,
    length: u64,
}

impl Site {
    /// A box that is shipped with a version and was never switched on.
    ///
    /// # Errors
    /// None that a disk in memory has.
    pub fn shipped(version: &Version) -> Result<Self, Fault> {
        Self::on(version, LENGTH, LENGTH)
    }

    /// The same when the image was made for a disk of `image` bytes and copied to a larger one.
    pub(crate) fn on(version: &Version, image: u64, length: u64) -> Result<Self, Fault> {
        let disk = MemoryDisk::default();
        let table = shipped_table(image)?;
        for write in table.writes() {
            disk.write_at(&write.bytes, write.offset)?;
        }
        let state = Part::new(&disk, place(&table, partition::BOOTSTATE)?);
        let first = BootState::shipped();
        for (at, state_then) in layout::STATE_COPIES.into_iter().zip([first, first.next()]) {
            state.write_at(&state_then.encode(), at)?;
        }
        let slot = Part::new(&disk, place(&table, partition::SLOT_A)?);
        slot.write_at(&whole(version.slot()), 0)?;
        Ok(Self {
            base: disk.sectors(),
            disk: Recorder::new(disk),
            table,
            length,
        })
    }

    /// A partition.
    ///
    /// # Errors
    /// There is none of this type.
    pub fn part(&self, kind: Guid) -> Result<Part<'_, Recorder<MemoryDisk>>, Fault> {
        Ok(Part::new(&self.disk, place(&self.table, kind)?))
    }

    /// The boot state.
    ///
    /// # Errors
    /// There is no such partition.
    pub fn state(&self) -> Result<StateFile<Part<'_, Recorder<MemoryDisk>>>, Fault> {
        Ok(StateFile::of(
            self.part(partition::BOOTSTATE)?,
            "boot state",
        ))
    }

    /// The disk.
    pub const fn disk(&self) -> &Recorder<MemoryDisk> {
        &self.disk
    }

    /// The table the box was shipped with.
    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    /// Starts the box.
    ///
    /// # Errors
    /// It does not.
    pub fn start(&self) -> Result<Started, Fault> {
        start(&self.disk, self.length, &key_set(1))
    }

    /// The running version has proved good.
    ///
    /// # Errors
    /// None that a disk in memory has.
    pub fn prove_good(&self, slot: Slot, version: &Version) -> Result<(), Fault> {
        let commit = |state: &mut BootState| state.commit(slot, version.security, version.keys);
        Ok(self.state()?.change(commit)?)
    }

    /// Sends an update until so many bytes of its file are there; whether it is installed.
    ///
    /// # Errors
    /// It is refused.
    pub fn install(&self, running: Slot, version: &Version, percent: usize) -> Result<bool, Fault> {
        let places = Arc::new(Places {
            running,
            source: self.part(partition::of_slot(running))?,
            target: self.part(partition::of_slot(running.other()))?,
            state: self.state()?,
            keys: key_set(1),
            guard: Guard::RunningIsGood,
            patcher: None,
        });
        let file = version.update_file();
        let end = file.len() * percent / 100;
        let mut installer = Installer::new(places, loader::HARDWARE)?;
        while let Some(next) = installer.next() {
            let from = usize::try_from(next).unwrap_or(usize::MAX);
            let piece = file.get(from..end.min(from.saturating_add(PIECE)));
            match piece.filter(|piece| !piece.is_empty()) {
                Some(piece) => installer.take(next, piece)?,
                None => break,
            }
        }
        Ok(installer.is_installed())
    }

    /// What happened to its disk.
    #[must_use]
    pub fn into_trace(self) -> Trace {
        self.disk.into_trace(self.base, self.length)
    }
}

/// The table of an image for a disk of so many bytes.
fn shipped_table(length: u64) -> Result<Table, Fault> {
    let geometry = Geometry::new(SECTOR_LENGTH, length);
    let geometry = geometry.map_err(|it| Fault::broken(it.to_string()))?;
    let mut table = Table::new(geometry, Guid::random([1; 16]));
    let partitions = [
        (partition::ESP, layout::ESP_LENGTH),
        (partition::BOOTSTATE, layout::BOOTSTATE_LENGTH),
        (partition::SLOT_A, layout::SLOT_LENGTH),
        (partition::SLOT_B, layout::SLOT_LENGTH),
    ];
    for (number, (kind, bytes)) in (2..).zip(partitions) {
        let unique = Guid::random([number; 16]);
        let added = table.add(kind, unique, "ramal", Some(bytes), layout::ALIGNMENT);
        added.map_err(|it| Fault::broken(it.to_string()))?;
    }
    Ok(table)
}

impl Version {
    /// Its slot.
    #[must_use]
    pub fn slot(&self) -> Vec<u8> {
        let uki = noise(self.name, UKI_CHUNKS);
        let root = noise("root", ROOT_CHUNKS);
        let tree = noise("tree", 1);
        let extent = |start: u64, part: &[u8]| Extent {
            start,
            length: part.len() as u64,
        };
        let uki_place = extent(CHUNK as u64, &uki);
        let root_place = extent(uki_place.start + uki_place.length, &root);
        let tree_place = extent(root_place.start + root_place.length, &tree);
        let mut header = Header {
            hardware: text(loader::HARDWARE),
            version: text(self.name),
            security: self.security,
            built: 0,
            uki: uki_place,
            uki_sha256: Sha256::digest(&uki).into(),
            root: root_place,
            verity: tree_place,
            root_hash: [0; 32],
            salt: [0; 32],
            signatures: [None; KEYS_MAX],
        };
        header.signatures = sign(self.keys, &header.message());
        let mut bytes = header.encode().to_vec();
        bytes.resize(CHUNK, 0);
        [bytes, uki, root, tree].concat()
    }

    /// The file it comes in, with all sets of keys up to its own.
    fn update_file(&self) -> Vec<u8> {
        let slot = self.slot();
        let manifest = Manifest {
            format: 1,
            hardware: vec![loader::HARDWARE.to_owned()],
            version: self.name.to_owned(),
            security: self.security,
            length: 0,
            chunks_sha256: String::new(),
            notes: BTreeMap::new(),
            patches: Vec::new(),
        };
        let sets: Vec<KeySet> = (2..=self.keys).map(key_set).collect();
        let by = |message: &[u8]| Ok::<_, Infallible>(sign(self.keys, message));
        let Ok(head) = update::make_head(&slot, manifest, &sets, by);
        [head, slot].concat()
    }
}

/// The set of keys of this version, signed by the one before.
#[must_use]
pub fn key_set(version: u32) -> KeySet {
    let public = PublicKey(key(version).verifying_key().to_bytes());
    let made = KeySet::new(version, text("power-cuts"), 1, &[public]);
    let Ok(mut set) = made else {
        unreachable!("one key and a threshold of one")
    };
    if version > 1 {
        set.signatures = sign(version - 1, &set.message());
    }
    set
}

fn key(version: u32) -> SigningKey {
    let seed: [u8; 32] = Sha256::digest(version.to_le_bytes()).into();
    SigningKey::from_bytes(&seed)
}

fn sign(version: u32, message: &[u8]) -> [Option<Signature>; KEYS_MAX] {
    let key = key(version);
    let mut signatures = [None; KEYS_MAX];
    if let Some(first) = signatures.first_mut() {
        *first = Some(Signature {
            key: PublicKey(key.verifying_key().to_bytes()).id(),
            bytes: key.sign(message).to_bytes(),
        });
    }
    signatures
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::new(text).unwrap_or_else(|_| unreachable!("{text} is short"))
}

/// Chunks that are all different, and the same for the same name.
fn noise(name: &str, chunks: u32) -> Vec<u8> {
    let chunk = |number: u32| {
        let seed = Sha256::new()
            .chain_update(name)
            .chain_update(number.to_le_bytes());
        let digest: [u8; 32] = seed.finalize().into();
        digest.repeat(CHUNK / 32)
    };
    (0..chunks).flat_map(chunk).collect()
}

/// As a disk takes it.
fn whole(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    bytes
}

const MIB: u64 = 1024 * 1024;

/// As a browser would send it.
const PIECE: usize = 5000;

/// Small, so that a slot can be judged as a whole in every state.
const UKI_CHUNKS: u32 = 12;
const ROOT_CHUNKS: u32 = 6;
