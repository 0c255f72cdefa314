//! Which bytes of an image hold something.
//!
//! Not every block that is zero may be left out: a file may have zeros in it, and what a disk held
//! before would show there. So the partitions are asked what of them counts.

use std::io;
use std::ops::Range;

use gpt::{Geometry, Table};
use slot::{HEADER_LENGTH, Header, partition};

use crate::block_map::BLOCK;
use disks::Extents;
use disks::esp;

/// Reads bytes of an image at a place.
pub(crate) type ReadAt<'a> = &'a mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>;

/// The table of an image of so many bytes, whichever sectors it was made for. With its first bytes
/// only it is found as well.
pub(crate) fn table(length: u64, read: ReadAt<'_>) -> io::Result<Option<Table>> {
    for sector in [512, 4096] {
        let Ok(geometry) = Geometry::new(sector, length) else {
            continue;
        };
        let mut head = vec![0; geometry.head_length()];
        read(0, &mut head)?;
        if let Ok(found) = Table::find(geometry, &head, &[]) {
            return Ok(Some(found.table));
        }
    }
    Ok(None)
}

/// What has to be on a disk for the image to be whole there.
pub(crate) fn mapped(table: &Table, length: u64, read: ReadAt<'_>) -> io::Result<Extents> {
    let geometry = table.geometry();
    let mut mapped = Extents::default();
    let mut add = |range: Range<u64>| {
        let start = range.start - range.start % BLOCK;
        mapped.add(start..range.end.next_multiple_of(BLOCK).min(length));
    };
    add(0..geometry.head_length() as u64);
    let (tail_at, tail_length) = geometry.tail();
    add(tail_at..tail_at + tail_length as u64);
    for part in table.partitions() {
        let (at, part_length) = part.bytes(geometry);
        let read = &mut |offset: u64, into: &mut [u8]| read(at.saturating_add(offset), into);
        let used = match part.kind {
            partition::ESP => esp::used(read)?,
            partition::SLOT_A | partition::SLOT_B => Some(slot_used(part_length, read)?),
            _ => None,
        };
        match used {
            Some(used) => used
                .within(0..part_length)
                .for_each(|range| add(at + range.start..at + range.end)),
            None => add(at..at.saturating_add(part_length)),
        }
    }
    Ok(mapped)
}

/// The signed parts of a slot; of an empty one so much that nobody takes what lay there for one.
fn slot_used(length: u64, read: ReadAt<'_>) -> io::Result<Extents> {
    let mut header = [0; HEADER_LENGTH];
    read(0, &mut header)?;
    let used = Header::decode(&header).map_or(0, |header| header.used());
    let mut extents = Extents::default();
    extents.add(0..used.max(EMPTY_MAPPED).min(length));
    Ok(extents)
}

/// Bytes of an empty slot that are mapped.
const EMPTY_MAPPED: u64 = 64 << 10;
