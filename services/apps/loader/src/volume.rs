//! Bytes of a disk, whatever its sectors: everything of ours lies on multiples of 4096 bytes.

use alloc::vec;
use alloc::vec::Vec;

/// A disk that is read and written by sectors.
pub trait Sectors {
    /// Bytes of a sector: 512 or 4096, as far as disks are known.
    fn length(&self) -> usize;

    /// The number of the last one.
    fn last(&self) -> u64;

    /// Reads whole sectors, from number `first`.
    ///
    /// # Errors
    /// The disk did not give them.
    fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), DiskFault>;

    /// Writes whole sectors, from number `first`, and waits until they outlive a power cut.
    ///
    /// # Errors
    /// The disk did not take them, or cannot be written.
    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskFault>;
}

/// Why bytes were not read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskFault {
    /// They lie outside of the partition or the disk.
    Outside,
    /// There is no such partition.
    Absent,
    /// The disk said no; the low byte of the firmware's status.
    Device(u8),
    /// There is not enough memory for them.
    Memory,
}

/// Some sectors of a disk, in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last, which belongs to it.
    pub last: u64,
}

impl Span {
    /// Which sector holds byte `at`, when `length` bytes from there are in the span.
    fn place(self, sector: usize, at: u64, length: usize) -> Result<u64, DiskFault> {
        let sector = sector as u64;
        let end = at.checked_add(length as u64).ok_or(DiskFault::Outside)?;
        let sectors = self
            .last
            .checked_sub(self.first)
            .ok_or(DiskFault::Outside)?
            + 1;
        let room = sectors.checked_mul(sector).ok_or(DiskFault::Outside)?;
        if end > room || !at.is_multiple_of(sector) {
            return Err(DiskFault::Outside);
        }
        Ok(self.first + at / sector)
    }
}

/// Reads `length` bytes of a span from byte `at`, a multiple of the sector.
///
/// # Errors
/// They lie outside, or the disk does not give them.
pub fn read(
    disk: &mut impl Sectors,
    span: Span,
    at: u64,
    length: usize,
) -> Result<Vec<u8>, DiskFault> {
    let sector = disk.length();
    let whole = length.checked_next_multiple_of(sector);
    let whole = whole.ok_or(DiskFault::Outside)?;
    let first = span.place(sector, at, whole)?;
    let mut bytes = Vec::new();
    let reserved = bytes.try_reserve_exact(whole);
    reserved.map_err(|_| DiskFault::Memory)?;
    bytes.resize(whole, 0);
    let mut next = first;
    for part in bytes.chunks_mut(TRANSFER_MAX) {
        disk.read(next, part)?;
        next += (part.len() / sector) as u64;
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Writes to a span from byte `at`, a multiple of the sector; what is left of the last sector
/// becomes zero.
///
/// # Errors
/// They lie outside, or the disk does not take them.
pub fn write(disk: &mut impl Sectors, span: Span, at: u64, bytes: &[u8]) -> Result<(), DiskFault> {
    let sector = disk.length();
    let whole = bytes.len().next_multiple_of(sector);
    let first = span.place(sector, at, whole)?;
    let mut padded = vec![0; whole];
    let (used, _) = padded.split_at_mut(bytes.len());
    used.copy_from_slice(bytes);
    disk.write(first, &padded)
}

/// Most bytes asked of a disk at once: firmware is tested with what boot loaders ask.
const TRANSFER_MAX: usize = 1 << 20;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A disk in memory; what is beyond its bytes reads as zero and is not kept.
    pub(crate) struct Memory {
        pub(crate) sector: usize,
        pub(crate) last: u64,
        pub(crate) bytes: Vec<u8>,
    }

    impl Sectors for Memory {
        fn length(&self) -> usize {
            self.sector
        }

        fn last(&self) -> u64 {
            self.last
        }

        fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), DiskFault> {
            assert!(bytes.len() <= TRANSFER_MAX && bytes.len().is_multiple_of(self.sector));
            for (place, byte) in bytes.iter_mut().enumerate() {
                let at = usize::try_from(first).unwrap() * self.sector + place;
                *byte = self.bytes.get(at).copied().unwrap_or(0);
            }
            Ok(())
        }

        fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskFault> {
            let at = usize::try_from(first).unwrap() * self.sector;
            self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
            Ok(())
        }
    }

    fn memory(sector: usize) -> Memory {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|it| it.to_le_bytes()[1]).collect();
        let last = (bytes.len() / sector) as u64 - 1;
        Memory {
            sector,
            last,
            bytes,
        }
    }

    #[test]
    fn what_is_read_does_not_depend_on_the_sector() {
        for (sector, first) in [(512, 16), (4096, 2)] {
            let mut disk = memory(sector);
            let span = Span {
                first,
                last: disk.last,
            };
            for length in [1, 511, 4096, 4097, 2_900_001] {
                let read = read(&mut disk, span, 4096, length).unwrap();
                assert_eq!(
                    read,
                    disk.bytes[12_288..12_288 + length],
                    "{sector} {length}"
                );
            }
        }
    }

    #[test]
    fn nothing_outside_of_a_span_is_touched() {
        for sector in [512, 4096] {
            let mut disk = memory(sector);
            let before = disk.bytes.clone();
            let span = Span { first: 8, last: 15 };
            let room = 8 * sector as u64;
            for (at, length) in [(room, 1), (u64::MAX, 1), (u64::MAX - 4095, 4096), (1, 1)] {
                assert_eq!(read(&mut disk, span, at, length), Err(DiskFault::Outside));
                let bytes = vec![7; length];
                assert_eq!(write(&mut disk, span, at, &bytes), Err(DiskFault::Outside));
            }
            let inverted = Span { first: 8, last: 7 };
            assert_eq!(read(&mut disk, inverted, 0, 1), Err(DiskFault::Outside));
            assert_eq!(disk.bytes, before);
            write(&mut disk, span, room - 4096.min(room), &[7; 600]).unwrap();
            assert_eq!(disk.bytes[..8 * sector], before[..8 * sector]);
            assert_eq!(disk.bytes[16 * sector..], before[16 * sector..]);
        }
    }
}
