//! The disk with our partitions that the loader has named, and its table.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use gpt::{Geometry, Partition, Table};
use kernel::block;
use kernel::disk::Disk;
use slot::{Guid, layout, partition};

use crate::error::{FirmwareError, draw};
use crate::medium::Medium;

/// The disk the box was started from.
#[derive(Debug)]
pub struct BootDisk {
    disk: Disk,
    table: Table,
    is_whole: bool,
}

impl BootDisk {
    /// The disk among `disks` whose bootstate partition has this GUID of its own. Disks that cannot
    /// be read are passed over: they are not the one we were started from.
    #[must_use]
    pub fn find(disks: &[Disk], bootstate: Guid) -> Option<Self> {
        let read = |disk: &Disk| Self::read(disk).ok();
        let is_it = |disk: &Self| {
            let named = disk.table.named(bootstate);
            named.is_some_and(|it| it.kind == partition::BOOTSTATE)
        };
        disks.iter().filter_map(read).find(is_it)
    }

    fn read(disk: &Disk) -> Result<Self, FirmwareError> {
        let file = disk.open()?;
        let (sector, bytes) = block::geometry(&file, &disk.name)?;
        let geometry = Geometry::new(sector, bytes)?;
        let path = disk.path();
        let read = |offset, length| {
            let mut bytes = vec![0; length];
            let done = file.read_exact_at(&mut bytes, offset);
            done.map(|()| bytes)
                .map_err(|source| FirmwareError::device(&path, source))
        };
        let (tail_at, tail_length) = geometry.tail();
        let head = read(0, geometry.head_length())?;
        let tail = read(tail_at, tail_length)?;
        let found = Table::find(geometry, &head, &tail);
        let found = found.map_err(|fault| FirmwareError::Table {
            disk: disk.name.clone(),
            fault,
        })?;
        Ok(Self {
            disk: disk.clone(),
            table: found.table,
            is_whole: found.is_whole,
        })
    }

    /// The kernel's name of it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.disk.name
    }

    /// Whether it can be pulled out, as a memory stick can.
    #[must_use]
    pub const fn is_removable(&self) -> bool {
        self.disk.is_removable
    }

    /// Its table.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// The device file of the first partition of a type.
    ///
    /// # Errors
    /// It is not in the table, or the kernel does not show it.
    pub fn device(&self, kind: Guid) -> Result<PathBuf, FirmwareError> {
        let what = name_of(kind);
        let disk = self.disk.name.clone();
        let Some(partition) = self.table.of_kind(kind) else {
            return Err(FirmwareError::NoPartition { disk, what });
        };
        let (start, _) = partition.bytes(self.table.geometry());
        block::partition_at(&self.disk.name, start).ok_or(FirmwareError::NoDevice { disk, what })
    }

    /// Mends a table of which one copy is lost or not at the end of the disk.
    ///
    /// # Errors
    /// The disk cannot be written. One copy stays whole.
    pub fn mend(&mut self) -> Result<bool, FirmwareError> {
        if self.is_whole {
            return Ok(false);
        }
        self.write_table(&self.table)?;
        self.is_whole = true;
        Ok(true)
    }

    /// Makes the data partition from all the room that is left, and gives the disk and its
    /// partitions GUIDs of their own. `false` when there is one.
    ///
    /// # Errors
    /// No room, or the disk cannot be written; then it is as it was before.
    pub fn make_data_partition(
        &mut self,
        mut fresh: impl FnMut() -> Guid,
    ) -> Result<bool, FirmwareError> {
        if self.table.of_kind(partition::DATA).is_some() {
            return Ok(false);
        }
        let mut table = self.table.clone();
        table.rename(&mut fresh);
        let unique = fresh();
        let added = table.add(
            partition::DATA,
            unique,
            "ramal data",
            None,
            layout::ALIGNMENT,
        );
        let added = added.cloned().map_err(|fault| FirmwareError::NoRoom {
            disk: self.disk.name.clone(),
            fault,
        })?;
        self.write_table(&table)?;
        self.tell_kernel(&table, &added)?;
        self.table = table;
        self.is_whole = true;
        Ok(true)
    }

    fn tell_kernel(&self, table: &Table, added: &Partition) -> Result<(), FirmwareError> {
        let (start, length) = added.bytes(table.geometry());
        let number = u32::try_from(table.partitions().len()).unwrap_or(u32::MAX);
        let file = self.disk.open()?;
        block::add_partition(&file, &self.disk.name, number, start, length)?;
        Ok(())
    }

    fn write_table(&self, table: &Table) -> Result<(), FirmwareError> {
        let written = write_table(&self.disk.open_for_writing()?, table);
        written.map_err(|source| FirmwareError::device(&self.disk.path(), source))
    }
}

/// Writes both copies of a table in their order, each on the disk before the next.
///
/// # Errors
/// The disk cannot be written. One copy stays whole.
pub fn write_table(disk: &impl Medium, table: &Table) -> io::Result<()> {
    table.writes().iter().try_for_each(|write| {
        disk.write_at(&write.bytes, write.offset)?;
        disk.sync()
    })
}

/// A GUID of version 4 (RFC 9562 §5.4).
///
/// # Errors
/// The kernel gives no random numbers.
pub fn fresh_guid() -> Result<Guid, FirmwareError> {
    let mut bytes = [0; 16];
    draw(&mut bytes)?;
    Ok(Guid::random(bytes))
}

fn name_of(kind: Guid) -> &'static str {
    match kind {
        partition::ESP => "EFI system",
        partition::BOOTSTATE => "bootstate",
        partition::SLOT_A => "slot A",
        partition::SLOT_B => "slot B",
        partition::DATA => "data",
        _ => "unknown",
    }
}
