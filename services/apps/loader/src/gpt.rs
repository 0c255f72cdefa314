//! Finds our partitions in a GUID partition table (UEFI 2.10 §5.3).
//!
//! Rejected: asking the firmware (`EFI_PARTITION_INFO_PROTOCOL`), which firmware of before 2017
//! does not have; one way that works everywhere is tested more than two.

use alloc::vec::Vec;

use slot::{Guid, crc32};

use crate::volume::{DiskFault, Sectors, Span, read};

/// A partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partition {
    /// What it is for.
    pub kind: Guid,
    /// Which one it is, of all in the world.
    pub unique: Guid,
    /// Where it lies.
    pub span: Span,
}

/// All partitions of a disk: from the table at its beginning, or when that is damaged, from the
/// one at its end.
///
/// # Errors
/// [`DiskFault::Absent`]: it has no table that is whole.
pub fn partitions(disk: &mut impl Sectors) -> Result<Vec<Partition>, DiskFault> {
    let last = disk.last();
    partitions_at(disk, 1).or_else(|_| partitions_at(disk, last))
}

fn partitions_at(disk: &mut impl Sectors, place: u64) -> Result<Vec<Partition>, DiskFault> {
    let whole = Span {
        first: 0,
        last: disk.last(),
    };
    let sector = disk.length();
    let at = |number: u64| number.checked_mul(sector as u64);
    let start = at(place).ok_or(DiskFault::Outside)?;
    let header = read(disk, whole, start, sector)?;
    let header = Header::decode(&header, place).ok_or(DiskFault::Absent)?;
    let start = at(header.entries).ok_or(DiskFault::Outside)?;
    let entries = read(disk, whole, start, header.count * header.entry_length)?;
    if crc32(&entries) != header.entries_check {
        return Err(DiskFault::Absent);
    }
    let entries = entries.chunks_exact(header.entry_length);
    Ok(entries.filter_map(partition).collect())
}

fn partition(entry: &[u8]) -> Option<Partition> {
    let kind: [u8; 16] = array(entry, 0)?;
    let first = u64::from_le_bytes(array(entry, 32)?);
    let last = u64::from_le_bytes(array(entry, 40)?);
    (kind != [0; 16]).then_some(Partition {
        kind: Guid(kind),
        unique: Guid(array(entry, 16)?),
        span: Span { first, last },
    })
}

struct Header {
    entries: u64,
    count: usize,
    entry_length: usize,
    entries_check: u32,
}

impl Header {
    /// Table 5.5: signature 0, size 12, check value 16, own place 24, entries 72, their number 80,
    /// their size 84, their check value 88.
    fn decode(sector: &[u8], place: u64) -> Option<Self> {
        let number = |at| array(sector, at).map(u32::from_le_bytes);
        let length = usize::try_from(number(12)?).ok()?;
        let mut checked = sector.get(..length)?.to_vec();
        checked.get_mut(16..20)?.fill(0);
        let is_whole = array(sector, 0)? == *b"EFI PART"
            && length >= 92
            && number(16)? == crc32(&checked)
            && u64::from_le_bytes(array(sector, 24)?) == place;
        let count = usize::try_from(number(80)?).ok()?;
        let entry_length = usize::try_from(number(84)?).ok()?;
        let is_sane = count.checked_mul(entry_length)? <= ENTRIES_MAX && entry_length >= 128;
        (is_whole && is_sane).then_some(Self {
            entries: u64::from_le_bytes(array(sector, 72)?),
            count,
            entry_length,
            entries_check: number(88)?,
        })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Bytes of all entries; 16 KiB is usual.
const ENTRIES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::vec;

    use super::*;
    use crate::volume::tests::Memory;

    const KINDS: [Guid; 2] = [slot::partition::ESP, slot::partition::BOOTSTATE];

    fn unique(place: u8) -> Guid {
        Guid([place + 1; 16])
    }

    /// A header at `place` whose entries are at `entries`, and the entries.
    fn table(sector: usize, place: u64, entries: u64) -> (Vec<u8>, Vec<u8>) {
        let mut array = vec![0; 16_384];
        for (number, kind) in (0..).zip(KINDS) {
            let entry = &mut array[usize::from(number) * 128..];
            entry[..16].copy_from_slice(&kind.0);
            entry[16..32].copy_from_slice(&unique(number).0);
            let first = 40 + 10 * u64::from(number) + (1 << 33);
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&(first + 9).to_le_bytes());
        }
        let mut header = vec![0; sector];
        header[..8].copy_from_slice(b"EFI PART");
        header[12..16].copy_from_slice(&92u32.to_le_bytes());
        header[24..32].copy_from_slice(&place.to_le_bytes());
        header[72..80].copy_from_slice(&entries.to_le_bytes());
        header[80..84].copy_from_slice(&128u32.to_le_bytes());
        header[84..88].copy_from_slice(&128u32.to_le_bytes());
        header[88..92].copy_from_slice(&crc32(&array).to_le_bytes());
        let check = crc32(&header[..92]);
        header[16..20].copy_from_slice(&check.to_le_bytes());
        (header, array)
    }

    fn disk(sector: usize) -> Memory {
        let last = (100_000 / sector) as u64;
        let mut bytes = vec![0; (100_000 / sector + 1) * sector];
        let length = (16_384 / sector) as u64;
        for (place, entries) in [(1, 2), (last, last - length)] {
            let (header, array) = table(sector, place, entries);
            let at = |number: u64| usize::try_from(number).unwrap() * sector;
            bytes[at(place)..][..sector].copy_from_slice(&header);
            bytes[at(entries)..][..array.len()].copy_from_slice(&array);
        }
        Memory {
            sector,
            last,
            bytes,
        }
    }

    fn check(mut disk: Memory) {
        let found = partitions(&mut disk).unwrap();
        let kinds: Vec<Guid> = found.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, KINDS);
        assert_eq!(found[1].unique, unique(1));
        // Beyond 2 TiB, in sectors of either size.
        let first = 50 + (1 << 33);
        let last = first + 9;
        assert_eq!(found[1].span, Span { first, last });
    }

    #[test]
    fn partitions_are_found_with_sectors_of_either_size() {
        check(disk(512));
        check(disk(4096));
    }

    #[test]
    fn the_table_at_the_end_is_used_when_the_first_is_damaged() {
        for sector in [512, 4096] {
            for at in [sector + 30, sector + 80, 2 * sector + 5] {
                let mut disk = disk(sector);
                disk.bytes[at] ^= 1;
                check(disk);
            }
        }
    }

    #[test]
    fn a_disk_without_a_whole_table_has_no_partitions() {
        let mut disk = disk(512);
        disk.bytes.fill(0);
        assert_eq!(partitions(&mut disk), Err(DiskFault::Absent));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(bytes in vec(any::<u8>(), 0..600)) {
            let _ = Header::decode(&bytes, 1);
        }
    }
}
