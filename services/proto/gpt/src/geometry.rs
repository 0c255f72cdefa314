//! Sectors of a disk, and where a table lies on it.

use crate::ENTRIES_LENGTH;

/// How large a disk is and in which sectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    sector: u32,
    sectors: u64,
}

/// A disk that can hold no table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GeometryFault {
    /// Sectors of another size than 512 or 4096 bytes.
    #[error("sectors of {0} bytes are not supported, only 512 and 4096")]
    Sector(u64),
    /// There is no room for the two copies of a table.
    #[error("the disk of {0} bytes is too small for a partition table")]
    TooSmall(u64),
}

impl Geometry {
    /// The geometry of a disk of so many bytes.
    ///
    /// # Errors
    /// Another sector size than 512 or 4096, or no room for a table.
    pub fn new(sector: u64, bytes: u64) -> Result<Self, GeometryFault> {
        let sector = match sector {
            512 => 512,
            4096 => 4096,
            other => return Err(GeometryFault::Sector(other)),
        };
        let geometry = Self {
            sector,
            sectors: bytes / u64::from(sector),
        };
        let needed = 2 * geometry.entry_sectors() + 4;
        if geometry.sectors < needed {
            return Err(GeometryFault::TooSmall(bytes));
        }
        Ok(geometry)
    }

    /// Bytes of a sector.
    #[must_use]
    pub const fn sector(&self) -> u64 {
        self.sector as u64
    }

    /// Sectors in all.
    #[must_use]
    pub const fn sectors(&self) -> u64 {
        self.sectors
    }

    pub(crate) const fn sector_length(&self) -> usize {
        self.sector as usize
    }

    /// Sectors that the entries take.
    pub(crate) const fn entry_sectors(&self) -> u64 {
        (ENTRIES_LENGTH as u64).div_ceil(self.sector as u64)
    }

    /// The first sector a partition may have.
    pub(crate) const fn first_usable(&self) -> u64 {
        2 + self.entry_sectors()
    }

    /// The last one.
    pub(crate) const fn last_usable(&self) -> u64 {
        self.backup_header() - self.entry_sectors() - 1
    }

    /// Where the second header lies: in the last sector.
    pub(crate) const fn backup_header(&self) -> u64 {
        self.sectors - 1
    }

    /// Bytes from the beginning of the disk that hold its first copy.
    #[must_use]
    pub fn head_length(&self) -> usize {
        self.sector_length()
            .saturating_mul(2)
            .saturating_add(ENTRIES_LENGTH)
    }

    /// Where the second copy begins, and how many bytes it has.
    #[must_use]
    pub fn tail(&self) -> (u64, usize) {
        let first = self.last_usable() + 1;
        let length = ENTRIES_LENGTH.saturating_add(self.sector_length());
        (first * self.sector(), length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_copies_lie_where_uefi_puts_them() {
        let small = Geometry::new(512, 64 << 20).unwrap();
        assert_eq!((small.first_usable(), small.head_length()), (34, 34 * 512));
        assert_eq!(small.tail(), ((64 << 20) - 33 * 512, 33 * 512));
        let large = Geometry::new(4096, 64 << 20).unwrap();
        assert_eq!((large.first_usable(), large.head_length()), (6, 6 * 4096));
        assert_eq!(large.tail(), ((64 << 20) - 5 * 4096, 5 * 4096));
    }

    #[test]
    fn odd_disks_are_refused() {
        assert_eq!(Geometry::new(520, 1 << 30), Err(GeometryFault::Sector(520)));
        assert_eq!(Geometry::new(512, 9000), Err(GeometryFault::TooSmall(9000)));
    }
}
