//! What the box makes of a disk as it starts: the loader of the image chooses, then the first
//! steps of the system, by the code that the box runs.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use firmware::{KeyPlace, Medium, StateFile, write_table};
use gpt::{Geometry, Table};
use loader::attempt::{self, Machine, Part as LoaderPart, RescueFile, StartFault};
use loader::gpt::partitions;
use loader::volume::{self, DiskFault, Sectors, Span};
use slot::{BootState, Guid, HEADER_LENGTH, Handoff, Header, KeySet, Slot, layout, partition};

use crate::fault::Fault;
use crate::part::Part;
use crate::trace::{SECTOR, SECTOR_LENGTH};

/// A box that has started.
#[derive(Debug)]
pub struct Started {
    /// Which slot.
    pub slot: Slot,
    /// What the loader told it.
    pub handoff: Handoff,
    /// What the slot says it holds.
    pub header: Header,
    /// The boot state that was found, if any copy was whole.
    pub found: Option<BootState>,
    /// The boot state after the loader and the first steps of the system.
    pub state: BootState,
    /// Whether a factory reset was carried out.
    pub was_reset: bool,
    /// The key of the data.
    pub key: KeyPlace,
    /// The partition table, mended.
    pub table: Table,
}

/// Starts a box whose loader has these keys; what it writes goes to the disk.
///
/// # Errors
/// [`Fault::Broken`]: no slot is started, or the system cannot go on.
pub fn start<D: Medium>(disk: &D, length: u64, own: &KeySet) -> Result<Started, Fault> {
    let found = boot_state(disk, length)?;
    let handoff = load(disk, length, own)?;
    let slot = handoff.slot.ok_or_else(|| {
        Fault::broken("the loader started the rescue system although a slot should do")
    })?;
    let table = mended_table(disk, length)?;
    let place = |kind: Guid| place(&table, kind);
    let mut header = vec![0; HEADER_LENGTH];
    Part::new(disk, place(partition::of_slot(slot))?).read_at(&mut header, 0)?;
    let header = Header::decode(&header).map_err(|it| Fault::broken(it.to_string()))?;
    if table
        .named(handoff.disk)
        .is_none_or(|it| it.kind != partition::BOOTSTATE)
    {
        return Err(Fault::broken("the system does not find the loader's disk"));
    }
    let state = StateFile::of(Part::new(disk, place(partition::BOOTSTATE)?), "boot state");
    let was_reset = state.reset_when_asked()?;
    let key = state.key_place()?;
    if key == KeyPlace::Damaged {
        return Err(Fault::broken("both copies of the data's key are damaged"));
    }
    // The box does so when it has opened the key: what that gives is for the judge to look at.
    state.mend_key()?;
    Ok(Started {
        slot,
        handoff,
        header,
        found,
        state: state.read()?,
        was_reset,
        key,
        table,
    })
}

/// The boot state on a disk; `None` when both copies are lost.
fn boot_state<D: Medium>(disk: &D, length: u64) -> Result<Option<BootState>, Fault> {
    let (table, _) = read_table(disk, length)?;
    let part = Part::new(disk, place(&table, partition::BOOTSTATE)?);
    let mut copies = [[0; slot::STATE_LENGTH]; 2];
    for (copy, at) in copies.iter_mut().zip(layout::STATE_COPIES) {
        part.read_at(copy, at)?;
    }
    let [first, second] = &copies;
    Ok(BootState::newest(first, second).0)
}

/// Where a partition lies: first byte and length.
pub(crate) fn place(table: &Table, kind: Guid) -> Result<(u64, u64), Fault> {
    let found = table.of_kind(kind).map(|it| it.bytes(table.geometry()));
    found.ok_or_else(|| Fault::broken(format!("there is no partition of type {kind}")))
}

/// The table of a disk, and whether both copies are whole.
pub(crate) fn read_table<D: Medium>(disk: &D, length: u64) -> Result<(Table, bool), Fault> {
    let geometry = Geometry::new(SECTOR_LENGTH, length);
    let geometry = geometry.map_err(|it| Fault::broken(it.to_string()))?;
    let (tail_at, tail_length) = geometry.tail();
    let mut head = vec![0; geometry.head_length()];
    let mut tail = vec![0; tail_length];
    disk.read_at(&mut head, 0)?;
    disk.read_at(&mut tail, tail_at)?;
    let found = Table::find(geometry, &head, &tail).map_err(|it| Fault::broken(it.to_string()))?;
    Ok((found.table, found.is_whole))
}

fn mended_table<D: Medium>(disk: &D, length: u64) -> Result<Table, Fault> {
    let (table, is_whole) = read_table(disk, length)?;
    if !is_whole {
        write_table(disk, &table)?;
    }
    match read_table(disk, length)? {
        (again, true) if again == table => Ok(table),
        _ => Err(Fault::broken(
            "the partition table is not whole when mended",
        )),
    }
}

/// Runs the loader; what it started.
///
/// # Errors
/// [`Fault::Broken`]: it found nothing to start.
pub(crate) fn load<D: Medium>(disk: &D, length: u64, own: &KeySet) -> Result<Handoff, Fault> {
    let mut sectors = Whole { disk, length };
    let found = partitions(&mut sectors);
    let found = found.map_err(|it| Fault::broken(format!("the loader finds no table: {it:?}")))?;
    let spans = found
        .iter()
        .rev()
        .map(|it| (it.kind.0, (it.unique, it.span)));
    let mut firmware = Firmware {
        sectors,
        spans: spans.collect(),
        started: None,
        said: Vec::new(),
    };
    attempt::boot(&mut firmware, own, None);
    let said = firmware.said.join("; ");
    let nothing = || Fault::broken(format!("the loader starts nothing: {said}"));
    firmware.started.ok_or_else(nothing)
}

/// What the firmware of a machine gives the loader.
struct Firmware<'d, D> {
    sectors: Whole<'d, D>,
    spans: BTreeMap<[u8; 16], (Guid, Span)>,
    started: Option<Handoff>,
    said: Vec<String>,
}

impl<D> Firmware<'_, D> {
    fn span(&self, kind: Guid) -> Result<Span, DiskFault> {
        let found = self.spans.get(&kind.0).map(|it| it.1);
        // What was started does not come back: nothing happens to the disk afterwards.
        found
            .filter(|_| self.started.is_none())
            .ok_or(DiskFault::Absent)
    }
}

impl<D: Medium> Machine for Firmware<'_, D> {
    fn read(&mut self, part: LoaderPart, at: u64, length: usize) -> Result<Vec<u8>, DiskFault> {
        let span = self.span(match part {
            LoaderPart::State => partition::BOOTSTATE,
            LoaderPart::Slot(slot) => partition::of_slot(slot),
        })?;
        volume::read(&mut self.sectors, span, at, length)
    }

    fn write_state(&mut self, at: u64, block: &[u8]) -> Result<(), DiskFault> {
        let span = self.span(partition::BOOTSTATE)?;
        volume::write(&mut self.sectors, span, at, block)
    }

    fn rescue_file(&mut self, _file: RescueFile) -> Option<Vec<u8>> {
        None
    }

    fn disk(&self) -> Guid {
        let found = self.spans.get(&partition::BOOTSTATE.0);
        found.map_or(Guid([0; 16]), |it| it.0)
    }

    fn start(&mut self, _program: &[u8], handoff: &Handoff) -> StartFault {
        self.started.get_or_insert(*handoff);
        StartFault::Ended(0)
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        self.said.push(line.to_string());
    }
}

/// A disk as the loader sees it.
struct Whole<'d, D> {
    disk: &'d D,
    length: u64,
}

impl<D: Medium> Sectors for Whole<'_, D> {
    fn length(&self) -> usize {
        SECTOR
    }

    fn last(&self) -> u64 {
        (self.length / SECTOR_LENGTH).saturating_sub(1)
    }

    fn read(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), DiskFault> {
        let at = first.saturating_mul(SECTOR_LENGTH);
        self.disk.read_at(bytes, at).map_err(|it| fault(&it))
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskFault> {
        let at = first.saturating_mul(SECTOR_LENGTH);
        let written = self.disk.write_at(bytes, at);
        written
            .and_then(|()| self.disk.sync())
            .map_err(|it| fault(&it))
    }
}

const fn fault(_error: &io::Error) -> DiskFault {
    DiskFault::Device(0)
}
