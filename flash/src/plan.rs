//! What goes where: decided before the first byte is written.

use std::io;
use std::ops::Range;

use gpt::{Partition, Table, TableFault};
use slot::{Guid, layout, partition};

use crate::source::{Source, SourceError};
use disks::Device;
use disks::{BEGINNING, Extents};

/// What is written.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The table that is written last.
    pub(crate) table: Table,
    /// The table while everything else is written: what is kept, and nothing that could start.
    pub(crate) meanwhile: Option<Table>,
    /// What is copied from the image, all of it within its partitions.
    pub(crate) copied: Extents,
    /// Where the EFI system partition lies when it is made anew.
    pub(crate) esp: Option<Range<u64>>,
}

/// Why an image cannot be put on a disk.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The image.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It lacks a partition.
    #[error("the image has no {0} partition: it is not one of this product")]
    NoPartition(&'static str),
    /// It does not fit.
    #[error("the image does not fit on this disk: {0}")]
    Table(#[from] TableFault),
    /// The disk cannot be read.
    #[error("the disk cannot be read: {0}")]
    Read(io::Error),
    /// There is no data to keep, or it cannot be kept.
    #[error("the data on this disk cannot be kept: {0}; leave out --keep-data to erase it")]
    Keep(&'static str),
}

/// Plans without touching the disk; it is read only when data is to be kept.
pub(crate) fn plan(
    source: &Source,
    device: &mut dyn Device,
    keep_data: bool,
    has_provision: bool,
) -> Result<Plan, PlanError> {
    let geometry = device.geometry();
    let mut table = source.table().moved_to(geometry)?;
    for (kind, name) in NEEDED {
        table.of_kind(kind).ok_or(PlanError::NoPartition(name))?;
    }
    let place = |kind: Guid| {
        let part = table.of_kind(kind);
        part.map_or(0..0, |it| range(it, &table))
    };
    let (esp, bootstate) = (place(partition::ESP), place(partition::BOOTSTATE));
    let mut copied = within_partitions(&source.mapped()?, &table);
    copied.add(bootstate.clone());
    let is_converted = source.table().geometry().sector() != geometry.sector();
    let is_esp_made = is_converted || has_provision;
    if is_esp_made {
        copied.remove(&esp);
    }
    let meanwhile = if keep_data {
        let kept = Kept::read(device, &table)?;
        let at = |place: u64| bootstate.start + place;
        let [first, second] = layout::DATA_KEY_COPIES;
        copied.remove(&(at(first)..at(second + layout::DATA_KEY_LENGTH)));
        table.put(kept.data.clone())?;
        let mut meanwhile = Table::new(geometry, kept.disk);
        meanwhile.put(kept.bootstate)?;
        meanwhile.put(kept.data)?;
        Some(meanwhile)
    } else {
        None
    };
    Ok(Plan {
        table,
        meanwhile,
        copied,
        esp: is_esp_made.then_some(esp),
    })
}

/// What is mapped, and the beginning of every partition besides: what another system left there
/// must not be taken for anything.
fn within_partitions(mapped: &Extents, table: &Table) -> Extents {
    let mut copied = Extents::default();
    for part in table.partitions() {
        let range = range(part, table);
        copied.add(range.start..range.end.min(range.start.saturating_add(BEGINNING)));
        mapped.within(range).for_each(|it| copied.add(it));
    }
    copied
}

/// What is kept of what is on the disk.
struct Kept {
    disk: Guid,
    bootstate: Partition,
    data: Partition,
}

impl Kept {
    fn read(device: &mut dyn Device, new: &Table) -> Result<Self, PlanError> {
        let old = on_disk(device).map_err(PlanError::Read)?;
        let old = old.ok_or(PlanError::Keep("it has no partition table"))?;
        let find = |table: &Table, kind| table.of_kind(kind).cloned();
        let data = find(&old, partition::DATA);
        let data = data.ok_or(PlanError::Keep("there is no data partition of a box"))?;
        let bootstate = find(&old, partition::BOOTSTATE);
        let bootstate =
            bootstate.ok_or(PlanError::Keep("the partition with its key is missing"))?;
        let is_same = find(new, partition::BOOTSTATE)
            .is_some_and(|it| (it.first, it.last) == (bootstate.first, bootstate.last));
        if !is_same {
            let why = "its key lies where the new version keeps something else";
            return Err(PlanError::Keep(why));
        }
        let ends = new.partitions().iter().map(|it| it.last);
        if ends.max().is_some_and(|last| data.first <= last) {
            return Err(PlanError::Keep("the new version needs its place"));
        }
        let start = range(&bootstate, &old).start;
        if !has_key(device, start).map_err(PlanError::Read)? {
            return Err(PlanError::Keep("its key was destroyed"));
        }
        Ok(Self {
            disk: old.disk,
            bootstate,
            data,
        })
    }
}

fn has_key(device: &mut dyn Device, bootstate: u64) -> io::Result<bool> {
    for copy in layout::DATA_KEY_COPIES {
        let mut block = [0; layout::WRITE_UNIT];
        device.read_at(bootstate + copy, &mut block)?;
        if block.iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The table that is on a disk now.
pub(crate) fn on_disk(device: &mut dyn Device) -> io::Result<Option<Table>> {
    let geometry = device.geometry();
    let mut head = vec![0; geometry.head_length()];
    device.read_at(0, &mut head)?;
    let (tail_at, tail_length) = geometry.tail();
    let mut tail = vec![0; tail_length];
    device.read_at(tail_at, &mut tail)?;
    Ok(Table::find(geometry, &head, &tail)
        .ok()
        .map(|found| found.table))
}

pub(crate) fn range(part: &Partition, table: &Table) -> Range<u64> {
    let (at, length) = part.bytes(table.geometry());
    at..at.saturating_add(length)
}

/// What an image must have.
const NEEDED: [(Guid, &str); 4] = [
    (partition::ESP, "EFI system"),
    (partition::BOOTSTATE, "bootstate"),
    (partition::SLOT_A, "slot A"),
    (partition::SLOT_B, "slot B"),
];
