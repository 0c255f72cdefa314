//! Tables read from bytes.

use slot::{Guid, crc32};

use crate::geometry::Geometry;
use crate::table::{Partition, Table};
use crate::{ENTRIES_LENGTH, ENTRY_LENGTH, HEADER_LENGTH, SIGNATURE};

/// A table that was found, and whether its copies are as they should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The table.
    pub table: Table,
    /// Whether both copies are whole, equal and where they belong. When not, writing
    /// [`Table::writes`] mends it: after an image was copied to a larger disk, or a power cut.
    pub is_whole: bool,
}

/// Why a copy is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadFault {
    /// There is no table.
    #[error("no partition table was found")]
    Absent,
    /// There is one, but it cannot be right.
    #[error("the partition table is damaged")]
    Damaged,
}

impl Table {
    /// The table of a disk whose first [`Geometry::head_length`] bytes and whose
    /// [`Geometry::tail`] these are. The first copy counts as long as it is whole (UEFI 2.10
    /// §5.3.2).
    ///
    /// # Errors
    /// Neither copy is whole.
    pub fn find(geometry: Geometry, head: &[u8], tail: &[u8]) -> Result<Found, ReadFault> {
        let sector = geometry.sector_length();
        let first = head
            .split_at_checked(sector)
            .and_then(|(_, rest)| rest.split_at_checked(sector))
            .ok_or(ReadFault::Absent)
            .and_then(|(header, entries)| read(geometry, 1, header, entries));
        let second = tail
            .split_at_checked(ENTRIES_LENGTH)
            .ok_or(ReadFault::Absent)
            .and_then(|(entries, header)| {
                read(geometry, geometry.backup_header(), header, entries)
            });
        match (first, second) {
            (Ok(first), Ok(second)) => Ok(Found {
                is_whole: first == second,
                table: first.table,
            }),
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(Found {
                table: one.table,
                is_whole: false,
            }),
            (Err(ReadFault::Damaged), _) | (_, Err(ReadFault::Damaged)) => Err(ReadFault::Damaged),
            (Err(ReadFault::Absent), Err(ReadFault::Absent)) => Err(ReadFault::Absent),
        }
    }
}

/// One copy, and what it says of where the other lies.
#[derive(PartialEq, Eq)]
struct Copy {
    table: Table,
    usable: (u64, u64),
}

fn read(geometry: Geometry, own: u64, header: &[u8], entries: &[u8]) -> Result<Copy, ReadFault> {
    let fields = header.get(..HEADER_LENGTH).ok_or(ReadFault::Absent)?;
    if fields.get(..8) != Some(SIGNATURE) {
        return Err(ReadFault::Absent);
    }
    let mut unchecked = fields.to_vec();
    if let Some(place) = unchecked.get_mut(16..20) {
        place.fill(0);
    }
    let entries = entries.get(..ENTRIES_LENGTH).ok_or(ReadFault::Damaged)?;
    let says_so = u32_at(fields, 16) == crc32(&unchecked)
        && u32_at(fields, 12) == 92
        && u64_at(fields, 24) == own
        && u32_at(fields, 80) == 128
        && u32_at(fields, 84) == 128
        && u32_at(fields, 88) == crc32(entries);
    if !says_so {
        return Err(ReadFault::Damaged);
    }
    let usable = (u64_at(fields, 40), u64_at(fields, 48));
    let partitions: Vec<Partition> = entries
        .chunks_exact(ENTRY_LENGTH)
        .filter(|entry| entry.iter().take(16).any(|byte| *byte != 0))
        .map(partition)
        .collect();
    let fits = |it: &Partition| it.first <= it.last && it.last < geometry.sectors();
    if !partitions.iter().all(fits) {
        return Err(ReadFault::Damaged);
    }
    Ok(Copy {
        table: Table {
            geometry,
            disk: Guid(array_at(fields, 56)),
            partitions,
        },
        usable,
    })
}

fn partition(entry: &[u8]) -> Partition {
    let name = entry.get(56..).unwrap_or_default();
    let units = name
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes(array_at(unit, 0)));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    Partition {
        kind: Guid(array_at(entry, 0)),
        unique: Guid(array_at(entry, 16)),
        first: u64_at(entry, 32),
        last: u64_at(entry, 40),
        attributes: u64_at(entry, 48),
        name: String::from_utf16_lossy(&units),
    }
}

/// Callers have checked lengths; beyond the end there are zeros.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.copied().unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::table::tests::{MIB, table};

    fn copies(table: &Table) -> (Vec<u8>, Vec<u8>) {
        let [tail, head] = table.writes();
        (head.bytes, tail.bytes)
    }

    #[test]
    fn what_is_written_reads_back() {
        for sector in [512, 4096] {
            let table = table(sector, 100 * MIB);
            let geometry = *table.geometry();
            let (head, tail) = copies(&table);
            assert_eq!(
                (head.len(), tail.len()),
                (geometry.head_length(), geometry.tail().1)
            );
            let found = Table::find(geometry, &head, &tail).unwrap();
            assert_eq!(
                found,
                Found {
                    table,
                    is_whole: true
                }
            );
        }
    }

    #[test]
    fn either_copy_alone_is_enough() {
        let table = table(512, 100 * MIB);
        let geometry = *table.geometry();
        let (head, tail) = copies(&table);
        let nothing = vec![0; head.len()];
        let once = Found {
            table,
            is_whole: false,
        };
        assert_eq!(Table::find(geometry, &head, &nothing), Ok(once.clone()));
        assert_eq!(Table::find(geometry, &nothing, &tail), Ok(once));
        let none = Table::find(geometry, &nothing, &nothing);
        assert_eq!(none, Err(ReadFault::Absent));
    }

    #[test]
    fn a_change_torn_at_any_sector_leaves_the_old_or_the_new_table() {
        let old = table(512, 100 * MIB);
        let mut new = old.clone();
        let data = slot::partition::DATA;
        new.add(data, Guid::new(9), "data", None, MIB).unwrap();
        let geometry = *old.geometry();
        let ((old_head, old_tail), (new_head, new_tail)) = (copies(&old), copies(&new));
        let torn = |old: &[u8], new: &[u8], at: usize| [&new[..at], &old[at..]].concat();
        for at in (0..=new_tail.len()).step_by(512) {
            let found = Table::find(geometry, &old_head, &torn(&old_tail, &new_tail, at)).unwrap();
            assert_eq!(found.table, old, "tail torn at {at}");
        }
        for at in (0..=new_head.len()).step_by(512) {
            let found = Table::find(geometry, &torn(&old_head, &new_head, at), &new_tail).unwrap();
            assert!(
                found.table == old || found.table == new,
                "head torn at {at}"
            );
        }
    }

    #[test]
    fn an_image_copied_to_a_larger_disk_is_mended() {
        let small = table(512, 100 * MIB);
        let larger = Geometry::new(512, 300 * MIB).unwrap();
        let (head, _) = copies(&small);
        let found = Table::find(larger, &head, &vec![0; larger.tail().1]).unwrap();
        assert!(!found.is_whole);
        let (head, tail) = copies(&found.table);
        assert!(Table::find(larger, &head, &tail).unwrap().is_whole);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            head in vec(any::<u8>(), 0..2000),
            tail in vec(any::<u8>(), 0..2000),
        ) {
            let geometry = Geometry::new(512, 1 << 30).unwrap();
            prop_assert!(Table::find(geometry, &head, &tail).is_err());
        }
    }
}
