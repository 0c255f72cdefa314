//! A table, and partitions added to it.

use slot::Guid;

use crate::ENTRIES;
use crate::geometry::Geometry;

/// A partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partition {
    /// What it is for.
    pub kind: Guid,
    /// Its own name among all partitions in the world.
    pub unique: Guid,
    /// First sector.
    pub first: u64,
    /// Last sector.
    pub last: u64,
    /// Attributes (UEFI 2.10 table 5.8).
    pub attributes: u64,
    /// What people call it: at most 36 UTF-16 units.
    pub name: String,
}

/// The partitions of a disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    pub(crate) geometry: Geometry,
    /// The disk's own GUID.
    pub disk: Guid,
    pub(crate) partitions: Vec<Partition>,
}

/// Why a partition cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableFault {
    /// There is no place for so many bytes.
    #[error("the disk has no room for a partition of {wanted} bytes after {at}")]
    NoRoom {
        /// Bytes wanted.
        wanted: u64,
        /// Where the free room begins, in bytes.
        at: u64,
    },
    /// Another partition has the place.
    #[error("the partition at byte {at} would lie on another one")]
    Overlap {
        /// Where it begins, in bytes.
        at: u64,
    },
    /// It begins or ends within a sector.
    #[error("the partition at byte {at} does not lie on whole sectors of {sector} bytes")]
    Skewed {
        /// Where it begins, in bytes.
        at: u64,
        /// Bytes of a sector.
        sector: u64,
    },
    /// All entries are taken.
    #[error("the partition table has no free entry")]
    Full,
}

impl Partition {
    /// Its place on a disk: first byte and length.
    #[must_use]
    pub const fn bytes(&self, geometry: &Geometry) -> (u64, u64) {
        let sectors = self.last.saturating_sub(self.first).saturating_add(1);
        (
            self.first.saturating_mul(geometry.sector()),
            sectors.saturating_mul(geometry.sector()),
        )
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub const fn new(geometry: Geometry, disk: Guid) -> Self {
        Self {
            geometry,
            disk,
            partitions: Vec::new(),
        }
    }

    /// The disk's geometry.
    #[must_use]
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Its partitions in the order of their entries.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The first partition of a type.
    #[must_use]
    pub fn of_kind(&self, kind: Guid) -> Option<&Partition> {
        self.partitions.iter().find(|it| it.kind == kind)
    }

    /// The partition with this GUID of its own.
    #[must_use]
    pub fn named(&self, unique: Guid) -> Option<&Partition> {
        self.partitions.iter().find(|it| it.unique == unique)
    }

    /// Gives the disk and every partition new GUIDs, so that no two disks with one image are the
    /// same to anybody.
    pub fn rename(&mut self, mut fresh: impl FnMut() -> Guid) {
        self.disk = fresh();
        for partition in &mut self.partitions {
            partition.unique = fresh();
        }
    }

    /// Adds a partition of so many bytes, or of all the room that is left, after the last one. It
    /// begins and ends on a multiple of `alignment` bytes.
    ///
    /// # Errors
    /// No room, or no free entry.
    pub fn add(
        &mut self,
        kind: Guid,
        unique: Guid,
        name: &str,
        length: Option<u64>,
        alignment: u64,
    ) -> Result<&Partition, TableFault> {
        if self.partitions.len() >= ENTRIES {
            return Err(TableFault::Full);
        }
        let sector = self.geometry.sector();
        let unit = (alignment / sector).max(1);
        let after = self.partitions.iter().map(|it| it.last.saturating_add(1));
        let free = after.fold(self.geometry.first_usable(), u64::max);
        let no_room = TableFault::NoRoom {
            wanted: length.unwrap_or(alignment),
            at: free.saturating_mul(sector),
        };
        let first = free.checked_next_multiple_of(unit).ok_or(no_room)?;
        let end = self.geometry.last_usable().saturating_add(1);
        let room = end.saturating_sub(first);
        let sectors = match length {
            Some(bytes) => bytes.div_ceil(sector),
            None => room - room % unit,
        };
        if sectors == 0 || sectors > room {
            return Err(no_room);
        }
        let partition = Partition {
            kind,
            unique,
            first,
            last: first + sectors - 1,
            attributes: 0,
            name: name.chars().take(NAME_MAX).collect(),
        };
        let place = self.partitions.len();
        self.partitions.push(partition);
        self.partitions.get(place).ok_or(TableFault::Full)
    }

    /// Adds a partition that has its place already, as one that is kept from another table.
    ///
    /// # Errors
    /// It lies outside the disk or on another one, or there is no free entry.
    pub fn put(&mut self, partition: Partition) -> Result<(), TableFault> {
        if self.partitions.len() >= ENTRIES {
            return Err(TableFault::Full);
        }
        let (at, wanted) = partition.bytes(&self.geometry);
        let is_inside = partition.first >= self.geometry.first_usable()
            && partition.first <= partition.last
            && partition.last <= self.geometry.last_usable();
        if !is_inside {
            return Err(TableFault::NoRoom { wanted, at });
        }
        let overlaps = |it: &Partition| it.first <= partition.last && partition.first <= it.last;
        if self.partitions.iter().any(overlaps) {
            return Err(TableFault::Overlap { at });
        }
        self.partitions.push(partition);
        Ok(())
    }

    /// The same partitions at the same bytes of another disk, which may be larger or have other
    /// sectors: the second copy moves to its end.
    ///
    /// # Errors
    /// A partition would lie outside, or not on whole sectors.
    pub fn moved_to(&self, geometry: Geometry) -> Result<Self, TableFault> {
        let mut moved = Self::new(geometry, self.disk);
        let sector = geometry.sector();
        for partition in &self.partitions {
            let (at, length) = partition.bytes(&self.geometry);
            if at % sector != 0 || length % sector != 0 {
                return Err(TableFault::Skewed { at, sector });
            }
            moved.put(Partition {
                first: at / sector,
                last: (at.saturating_add(length) / sector).saturating_sub(1),
                ..partition.clone()
            })?;
        }
        Ok(moved)
    }
}

/// UTF-16 units of a name; ours have no character outside the first plane.
pub(crate) const NAME_MAX: usize = 36;

#[cfg(test)]
pub(crate) mod tests {
    use slot::partition::{BOOTSTATE, DATA, ESP};

    use super::*;

    pub(crate) const MIB: u64 = 1 << 20;

    pub(crate) fn guid(value: u128) -> Guid {
        Guid::new(value)
    }

    pub(crate) fn table(sector: u64, bytes: u64) -> Table {
        let geometry = Geometry::new(sector, bytes).unwrap();
        let mut table = Table::new(geometry, guid(1));
        table.add(ESP, guid(2), "ESP", Some(40 * MIB), MIB).unwrap();
        table
            .add(BOOTSTATE, guid(3), "bootstate", Some(MIB), MIB)
            .unwrap();
        table
    }

    #[test]
    fn partitions_follow_each_other_on_whole_mebibytes() {
        for sector in [512, 4096] {
            let mut table = table(sector, 100 * MIB + 12_288);
            table.add(DATA, guid(4), "data", None, MIB).unwrap();
            let bytes = |kind| table.of_kind(kind).unwrap().bytes(table.geometry());
            assert_eq!(bytes(ESP), (MIB, 40 * MIB));
            assert_eq!(bytes(BOOTSTATE), (41 * MIB, MIB));
            // The second copy takes the end: the last mebibyte that is not whole stays free.
            assert_eq!(bytes(DATA), (42 * MIB, 57 * MIB));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut table = table(512, 50 * MIB);
        let wanted = Some(9 * MIB);
        let full = table.add(DATA, guid(4), "data", wanted, MIB);
        assert!(matches!(full, Err(TableFault::NoRoom { .. })), "{full:?}");
        assert_eq!(table.partitions().len(), 2);
        let smaller = Geometry::new(512, 30 * MIB).unwrap();
        assert!(table.moved_to(smaller).is_err());
    }

    #[test]
    fn a_table_moves_to_a_disk_with_other_sectors_and_back() {
        let small = table(512, 100 * MIB);
        let moved = small.moved_to(Geometry::new(4096, 200 * MIB).unwrap());
        let moved = moved.unwrap();
        for kind in [ESP, BOOTSTATE] {
            let place = |table: &Table| table.of_kind(kind).unwrap().bytes(table.geometry());
            assert_eq!(place(&moved), place(&small));
        }
        assert_eq!(moved.moved_to(*small.geometry()), Ok(small));
        let mut skewed = table(512, 100 * MIB);
        skewed
            .add(DATA, guid(5), "data", Some(2048), 512)
            .map(drop)
            .unwrap();
        let fault = skewed.moved_to(Geometry::new(4096, 100 * MIB).unwrap());
        assert!(matches!(fault, Err(TableFault::Skewed { .. })), "{fault:?}");
    }

    #[test]
    fn a_partition_is_never_put_on_another_or_outside() {
        let mut table = table(512, 100 * MIB);
        let data = |first: u64, last: u64| Partition {
            kind: DATA,
            unique: guid(4),
            first,
            last,
            attributes: 0,
            name: "data".into(),
        };
        let end = table.geometry().last_usable();
        for (first, last) in [(0, 9), (90_000, end + 1), (90_000, 89_999)] {
            let fault = table.put(data(first, last));
            assert!(matches!(fault, Err(TableFault::NoRoom { .. })), "{fault:?}");
        }
        for (first, last) in [(2048, 2048), (3000, 4000), (40, end)] {
            let fault = table.put(data(first, last));
            assert!(
                matches!(fault, Err(TableFault::Overlap { .. })),
                "{fault:?}"
            );
        }
        table.put(data(90_000, end)).unwrap();
        assert_eq!(table.of_kind(DATA), Some(&data(90_000, end)));
    }

    #[test]
    fn renaming_leaves_no_guid_as_it_was() {
        let before = table(512, 50 * MIB);
        let mut after = before.clone();
        let mut next = 100;
        after.rename(|| {
            next += 1;
            guid(next)
        });
        assert_ne!(before.disk, after.disk);
        let pairs = before.partitions().iter().zip(after.partitions());
        for (old, new) in pairs {
            assert_ne!(old.unique, new.unique);
            assert_eq!(
                (old.kind, old.first, old.last),
                (new.kind, new.first, new.last)
            );
        }
    }
}
