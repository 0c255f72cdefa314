//! The whole disk as an image: partition table, ESP, boot state, slots.
//!
//! There is no data partition: the box makes it on its first start from all the room its disk has.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use gpt::{Geometry, GeometryFault, Table, TableFault};
use sha2::{Digest as _, Sha256};
use slot::{BootState, Guid, layout, partition};

use crate::esp::{self, EspFile};

/// Why no disk image was made.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The image's geometry.
    #[error(transparent)]
    Geometry(#[from] GeometryFault),
    /// The partition table.
    #[error(transparent)]
    Table(#[from] TableFault),
    /// A slot is larger than its partition.
    #[error(
        "the slot has {found} bytes, and its partition only {}",
        layout::SLOT_LENGTH
    )]
    SlotTooLarge {
        /// Bytes.
        found: u64,
    },
    /// The file cannot be written, or the ESP cannot be made.
    #[error("the disk image cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// What goes on a disk.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The files of the ESP.
    pub esp: &'a [EspFile],
    /// The slot that is started.
    pub slot: &'a [u8],
}

/// Writes the image to a new file, with holes where there is nothing.
///
/// # Errors
/// A part does not fit or the file cannot be written.
pub fn write(path: &Path, sector: u16, content: Content<'_>) -> Result<(), DiskError> {
    let slot_length = content.slot.len() as u64;
    if slot_length > layout::SLOT_LENGTH {
        return Err(DiskError::SlotTooLarge { found: slot_length });
    }
    let geometry = Geometry::new(u64::from(sector), IMAGE_LENGTH)?;
    let table = table(geometry, &content)?;
    let file = File::create(path)?;
    file.set_len(IMAGE_LENGTH)?;
    let put = |kind: Guid, offset: u64, bytes: &[u8]| -> std::io::Result<()> {
        let partition = table.of_kind(kind);
        let start = partition.map_or(0, |it| it.bytes(&geometry).0);
        write_sparse(&file, start + offset, bytes)
    };
    let files = esp::make(sector, layout::ESP_LENGTH, content.esp)?;
    put(partition::ESP, 0, &files)?;
    for (place, state) in layout::STATE_COPIES.into_iter().zip(shipped_states()) {
        put(partition::BOOTSTATE, place, &state.encode())?;
    }
    put(partition::SLOT_A, 0, content.slot)?;
    for write in table.writes() {
        file.write_all_at(&write.bytes, write.offset)?;
    }
    Ok(file.sync_all()?)
}

/// Both copies are there from the beginning, so that the first boot is like any other.
fn shipped_states() -> [BootState; 2] {
    let first = BootState::shipped();
    [first, first.next()]
}

/// The partitions. Their GUIDs come from what the image holds: the same image has the same ones,
/// and the box gives itself new ones on its first start.
fn table(geometry: Geometry, content: &Content<'_>) -> Result<Table, DiskError> {
    let seed = Sha256::digest(content.slot);
    let unique = |place: u8| {
        let digest = Sha256::new()
            .chain_update(b"ramal partition")
            .chain_update(seed)
            .chain_update([place])
            .finalize();
        let digest: [u8; 32] = digest.into();
        Guid::random(digest.first_chunk().copied().unwrap_or_default())
    };
    Ok(disks::table_of_a_box(geometry, unique)?)
}

/// The partition table of a disk, or of a file that holds one; the first copy when it can be read.
///
/// # Errors
/// The file cannot be read or has no such table.
pub fn table_of(disk: &Path) -> std::io::Result<Table> {
    let file = File::open(disk)?;
    let length = file.metadata()?.len();
    let found = [512, 4096].into_iter().find_map(|sector| {
        let geometry = Geometry::new(sector, length).ok()?;
        let mut head = vec![0; geometry.head_length()];
        file.read_exact_at(&mut head, 0).ok()?;
        Some(Table::find(geometry, &head, &[]).ok()?.table)
    });
    found.ok_or_else(|| std::io::Error::other("there is no partition table on it"))
}

/// The unique GUID of the bootstate partition on a disk, or in a file that holds one.
///
/// # Errors
/// The file cannot be read or has no such partition.
pub fn bootstate_guid(disk: &Path) -> std::io::Result<Guid> {
    let table = table_of(disk)?;
    let found = table.of_kind(partition::BOOTSTATE).map(|it| it.unique);
    found.ok_or_else(|| std::io::Error::other("there is no bootstate partition on it"))
}

/// Leaves out what is zero: the file has holes there.
fn write_sparse(file: &File, start: u64, bytes: &[u8]) -> std::io::Result<()> {
    let mut offset = start;
    for piece in bytes.chunks(HOLE) {
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(piece, offset)?;
        }
        offset += piece.len() as u64;
    }
    Ok(())
}

/// Bytes of the image.
pub const IMAGE_LENGTH: u64 = layout::IMAGE_LENGTH;

/// What is looked at as one when holes are made.
const HOLE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn image(sector: u16) -> (Table, Vec<u8>) {
        let name = format!("ramal-disk-{sector}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let esp = [EspFile {
            path: "EFI/BOOT/BOOTX64.EFI".into(),
            bytes: vec![1; 5000],
        }];
        let content = Content {
            esp: &esp,
            slot: &[5; 10_000],
        };
        write(&path, sector, content).expect("written");
        let bytes = std::fs::read(&path).expect("read");
        std::fs::remove_file(&path).expect("removed");
        let geometry = Geometry::new(u64::from(sector), bytes.len() as u64).expect("fits");
        let (tail_at, tail_length) = geometry.tail();
        let tail_at = usize::try_from(tail_at).expect("fits");
        let tail = &bytes[tail_at..tail_at + tail_length];
        let found = Table::find(geometry, &bytes[..geometry.head_length()], tail).expect("a table");
        assert!(found.is_whole);
        (found.table, bytes)
    }

    #[test]
    fn every_part_is_where_the_table_says() {
        for sector in [512, 4096] {
            let (table, bytes) = image(sector);
            let part = |kind| {
                let partition = table.of_kind(kind).expect("there");
                let (start, length) = partition.bytes(table.geometry());
                let start = usize::try_from(start).expect("fits");
                &bytes[start..start + usize::try_from(length).expect("fits")]
            };
            assert_eq!(part(partition::ESP).len() as u64, layout::ESP_LENGTH);
            assert_eq!(esp::files(part(partition::ESP)).expect("a FAT").len(), 1);
            assert_eq!(&part(partition::SLOT_A)[..10_000], [5; 10_000]);
            let [first, second] = layout::STATE_COPIES.map(|place| {
                let place = usize::try_from(place).expect("fits");
                &part(partition::BOOTSTATE)[place..]
            });
            let (state, next) = BootState::newest(first, second);
            assert_eq!(state, Some(BootState::shipped().next()));
            assert_eq!(next, 0);
        }
    }
}
