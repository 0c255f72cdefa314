//! The disk the loader came from.

use alloc::vec;
use alloc::vec::Vec;

use slot::partition::BOOTSTATE;
use uefi::Handle;
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::device_path::build::DevicePathBuilder;
use uefi::proto::device_path::{DevicePath, DeviceSubType, DeviceType};
use uefi::proto::media::block::BlockIO;

use super::{low_byte, protocol};
use crate::gpt::{Partition, partitions};
use crate::volume::{DiskFault, Sectors};

/// A whole disk.
pub struct Disk {
    blocks: ScopedProtocol<BlockIO>,
    sector: usize,
    last: u64,
    bounce: Vec<u8>,
    bounce_start: usize,
}

impl Disk {
    fn open(handle: Handle) -> Option<Self> {
        let blocks = protocol::<BlockIO>(handle)?;
        let media = blocks.media();
        let sector = usize::try_from(media.block_size()).ok()?;
        let is_usable = media.is_media_present() && !media.is_logical_partition();
        // Everything of ours lies on multiples of 4096 bytes.
        if !is_usable || sector < 512 || !slot::layout::WRITE_UNIT.is_multiple_of(sector) {
            return None;
        }
        let last = media.last_block();
        // Some drivers insist on buffers of their alignment, some say less than they need.
        let alignment = usize::try_from(media.io_align()).ok()?.max(ALIGNMENT_MIN);
        let alignment = alignment.checked_next_power_of_two()?;
        let bounce = vec![0; BOUNCE_LENGTH + alignment];
        let bounce_start = bounce.as_ptr().align_offset(alignment);
        Some(Self {
            blocks,
            sector,
            last,
            bounce,
            bounce_start,
        })
    }
}

impl Sectors for Disk {
    fn length(&self) -> usize {
        self.sector
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), DiskFault> {
        let end = self.bounce_start + bytes.len();
        let bounce = self.bounce.get_mut(self.bounce_start..end);
        let bounce = bounce.ok_or(DiskFault::Outside)?;
        let media = self.blocks.media().media_id();
        let result = self.blocks.read_blocks(media, first, bounce);
        result.map_err(|error| DiskFault::Device(low_byte(error.status())))?;
        bytes.copy_from_slice(bounce);
        Ok(())
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        let end = self.bounce_start + bytes.len();
        let bounce = self.bounce.get_mut(self.bounce_start..end);
        let bounce = bounce.ok_or(DiskFault::Outside)?;
        bounce.copy_from_slice(bytes);
        let media = self.blocks.media().media_id();
        let result = self.blocks.write_blocks(media, first, bounce);
        let result = result.and_then(|()| self.blocks.flush_blocks());
        result.map_err(|error| DiskFault::Device(low_byte(error.status())))
    }
}

/// The disk that `device`, a partition, is of; or when the firmware does not tell, the only disk
/// that has a bootstate partition. Two boxes' disks in one box are not guessed between.
#[must_use]
pub fn of_partition(device: Option<Handle>) -> Option<(Disk, Vec<Partition>)> {
    let own = device.and_then(parent).and_then(Disk::open);
    if let Some(found) = own.and_then(with_state) {
        return Some(found);
    }
    let handles = boot::find_handles::<BlockIO>().unwrap_or_default();
    let disks = handles.into_iter().filter_map(Disk::open);
    let mut found = disks.filter_map(with_state);
    let first = found.next();
    match found.next() {
        None => first,
        Some(_) => None,
    }
}

fn with_state(mut disk: Disk) -> Option<(Disk, Vec<Partition>)> {
    let partitions = partitions(&mut disk).ok()?;
    let has_state = partitions.iter().any(|it| it.kind == BOOTSTATE);
    has_state.then_some((disk, partitions))
}

/// The disk above a partition: its path without the last node.
fn parent(device: Handle) -> Option<Handle> {
    let path = protocol::<DevicePath>(device)?;
    let mut nodes: Vec<_> = path.node_iter().collect();
    let partition = (DeviceType::MEDIA, DeviceSubType::MEDIA_HARD_DRIVE);
    if nodes.pop()?.full_type() != partition {
        return None;
    }
    let mut bytes = Vec::new();
    let mut builder = DevicePathBuilder::with_vec(&mut bytes);
    for node in &nodes {
        builder = builder.push(node).ok()?;
    }
    let mut path = builder.finalize().ok()?;
    let disk = boot::locate_device_path::<BlockIO>(&mut path).ok()?;
    let is_whole = path.node_iter().next().is_none();
    is_whole.then_some(disk)
}

/// As `volume` asks at most.
const BOUNCE_LENGTH: usize = 1 << 20;

const ALIGNMENT_MIN: usize = 4096;
