//! A table as bytes.

use slot::crc32;

use crate::table::{NAME_MAX, Partition, Table};
use crate::{ENTRIES, ENTRIES_LENGTH, ENTRY_LENGTH, HEADER_LENGTH, SIGNATURE};

/// Bytes and where they go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// Bytes from the disk's beginning.
    pub offset: u64,
    /// What to write: whole sectors.
    pub bytes: Vec<u8>,
}

impl Table {
    /// Both copies in the order in which they must reach the disk, with a flush after each: the one
    /// at the end first, so that the other still tells of it when the power fails.
    #[must_use]
    pub fn writes(&self) -> [Write; 2] {
        let geometry = &self.geometry;
        let entries = self.entries();
        let backup_entries = geometry.last_usable() + 1;
        let mut tail = entries.clone();
        let header = self.header(geometry.backup_header(), 1, backup_entries, &entries);
        tail.extend_from_slice(&header);
        let mut head = protective_mbr(geometry.sectors());
        head.resize(geometry.sector_length(), 0);
        head.extend_from_slice(&self.header(1, geometry.backup_header(), 2, &entries));
        head.extend_from_slice(&entries);
        [
            Write {
                offset: geometry.tail().0,
                bytes: tail,
            },
            Write {
                offset: 0,
                bytes: head,
            },
        ]
    }

    fn header(&self, own: u64, other: u64, entries_at: u64, entries: &[u8]) -> Vec<u8> {
        let mut header = Vec::with_capacity(self.geometry.sector_length());
        header.extend_from_slice(SIGNATURE);
        header.extend_from_slice(&REVISION.to_le_bytes());
        header.extend_from_slice(&HEADER_LENGTH_FIELD.to_le_bytes());
        header.extend_from_slice(&[0; 8]);
        for number in [
            own,
            other,
            self.geometry.first_usable(),
            self.geometry.last_usable(),
        ] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&self.disk.0);
        header.extend_from_slice(&entries_at.to_le_bytes());
        header.extend_from_slice(&ENTRIES_FIELD.to_le_bytes());
        header.extend_from_slice(&ENTRY_LENGTH_FIELD.to_le_bytes());
        header.extend_from_slice(&crc32(entries).to_le_bytes());
        let check = crc32(&header).to_le_bytes();
        if let Some(place) = header.get_mut(16..20) {
            place.copy_from_slice(&check);
        }
        header.resize(self.geometry.sector_length(), 0);
        header
    }

    fn entries(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRIES_LENGTH);
        for partition in self.partitions.iter().take(ENTRIES) {
            bytes.extend_from_slice(&entry(partition));
        }
        bytes.resize(ENTRIES_LENGTH, 0);
        bytes
    }
}

fn entry(partition: &Partition) -> Vec<u8> {
    let mut entry = Vec::with_capacity(ENTRY_LENGTH);
    entry.extend_from_slice(&partition.kind.0);
    entry.extend_from_slice(&partition.unique.0);
    for number in [partition.first, partition.last, partition.attributes] {
        entry.extend_from_slice(&number.to_le_bytes());
    }
    for unit in partition.name.encode_utf16().take(NAME_MAX) {
        entry.extend_from_slice(&unit.to_le_bytes());
    }
    entry.resize(ENTRY_LENGTH, 0);
    entry
}

/// One partition of type 0xee over everything, for programs that know no GPT (UEFI 2.10 §5.2.3).
fn protective_mbr(sectors: u64) -> Vec<u8> {
    let mut mbr = vec![0; 446];
    mbr.extend_from_slice(&[0, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff]);
    mbr.extend_from_slice(&1u32.to_le_bytes());
    let length = u32::try_from(sectors - 1).unwrap_or(u32::MAX);
    mbr.extend_from_slice(&length.to_le_bytes());
    mbr.resize(510, 0);
    mbr.extend_from_slice(&[0x55, 0xaa]);
    mbr
}

const REVISION: u32 = 0x0001_0000;
const HEADER_LENGTH_FIELD: u32 = 92;
const ENTRIES_FIELD: u32 = 128;
const ENTRY_LENGTH_FIELD: u32 = 128;
const _: () = assert!(HEADER_LENGTH_FIELD as usize == HEADER_LENGTH);
const _: () = assert!(ENTRIES_FIELD as usize == ENTRIES);
const _: () = assert!(ENTRY_LENGTH_FIELD as usize == ENTRY_LENGTH);
