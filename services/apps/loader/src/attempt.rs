//! One boot: which slot is tried, whether it may be started, and what is noted when it may not.
//!
//! ```text
//! read both copies of the state
//!    |
//!    v          refused: note why
//!  choose  <--------------------------+
//!    |                                |
//!  write the state, flush             |
//!    |                                |
//!  header, signature, hardware,  -----+
//!  security number, hash of the UKI   |
//!    |                                |
//!  start it: does not come back  -----+
//!    |
//!    v  no slot is left: the rescue system, then the caller's last words
//! ```

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};
use slot::layout::{
    KEY_CHAIN, KEY_CHAIN_LENGTH, SLOT_LENGTH, STATE_COPIES, TRIAL_WRITE, WRITE_UNIT,
};
use slot::{
    BootState, Choice, Condition, Guid, HEADER_LENGTH, Handoff, Header, HeaderFault, KeySet,
    Reason, Refusal, STATE_LENGTH, Slot,
};

use crate::HARDWARE;
use crate::volume::DiskFault;

/// All that a boot needs of the box it runs on.
pub trait Machine {
    /// Reads from a partition of the disk the loader came from.
    ///
    /// # Errors
    /// There is no such partition, or it does not give the bytes.
    fn read(&mut self, part: Part, at: u64, length: usize) -> Result<Vec<u8>, DiskFault>;

    /// Writes to the bootstate partition, and waits until it would outlive a power cut.
    ///
    /// # Errors
    /// It did not take the bytes.
    fn write_state(&mut self, at: u64, block: &[u8]) -> Result<(), DiskFault>;

    /// Reads a file of the rescue system from where the loader came from.
    fn rescue_file(&mut self, file: RescueFile) -> Option<Vec<u8>>;

    /// The unique GUID of the bootstate partition; all zero when there is none.
    fn disk(&self) -> Guid;

    /// Starts a program. It comes back only when that failed.
    fn start(&mut self, program: &[u8], handoff: &Handoff) -> StartFault;

    /// Tells the people at the box, on screen and serial line.
    fn say(&mut self, line: fmt::Arguments<'_>);
}

/// Where to read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The bootstate partition.
    State,
    /// A slot.
    Slot(Slot),
}

/// A file of the rescue system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RescueFile {
    /// A [`Header`] whose UKI is the whole of the other file, and which has no root.
    Header,
    /// The UKI.
    Program,
}

/// Why a program does not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartFault {
    /// Secure Boot of the firmware does not accept who signed it.
    Refused(u8),
    /// The firmware could not load it, or it ended; the low byte of the status.
    Ended(u8),
}

/// Why a slot is not started: what is noted of it, with the detail.
type Fault = (Reason, u8);

/// Boots. Comes back only when neither a slot nor the rescue system could be started. `own` are
/// the keys of the loader; `asked` is what a person at the box asks for.
pub fn boot(machine: &mut impl Machine, own: &KeySet, asked: Option<Choice>) {
    let mut boot = Boot::begin(machine, own);
    let mut has_tried_rescue = false;
    let mut asked = asked;
    loop {
        let choice = match asked.take() {
            Some(Choice::Start(slot)) => boot.state.choose_by_hand(slot),
            Some(Choice::Rescue) => Choice::Rescue,
            None => boot.state.choose(&boot.refused),
        };
        let is_written = boot.write();
        match choice {
            Choice::Start(slot) => {
                let (reason, detail) = boot.try_slot(slot, is_written);
                boot.refuse(slot, reason, detail);
            }
            // When it is asked for and not there, or all counters are used up, a slot may be left.
            Choice::Rescue if !has_tried_rescue => {
                has_tried_rescue = true;
                boot.try_rescue();
            }
            Choice::Rescue => return,
        }
    }
}

struct Boot<'a, M> {
    machine: &'a mut M,
    own: &'a KeySet,
    /// All that took over from each other; the last one is what is trusted in the end.
    trusted: Vec<KeySet>,
    state: BootState,
    /// Which copy is to be written next.
    copy: usize,
    refused: Refusal,
}

impl<'a, M: Machine> Boot<'a, M> {
    fn begin(machine: &'a mut M, own: &'a KeySet) -> Self {
        let mut read = |at, length| machine.read(Part::State, at, length).unwrap_or_default();
        let copies = STATE_COPIES.map(|at| read(at, STATE_LENGTH));
        let chain = read(KEY_CHAIN, KEY_CHAIN_LENGTH);
        let [first, second] = &copies;
        let (state, copy) = BootState::newest(first, second);
        let is_lost = state.is_none();
        let mut boot = Self {
            machine,
            own,
            trusted: own.chain_of(chain.chunks(WRITE_UNIT)).collect(),
            state: state.unwrap_or_else(BootState::lost),
            copy,
            refused: Refusal::default(),
        };
        if is_lost {
            boot.machine
                .say(format_args!("the boot state is lost; making a new one"));
            boot.write();
        }
        boot
    }

    /// Writes the state over the older copy, or where the disk does not take that, over the other
    /// one; whether it is on the disk. The copy that failed is the next to be written again, as
    /// that is what mends it.
    fn write(&mut self) -> bool {
        self.state = self.state.next();
        let mut block = [0; WRITE_UNIT];
        let (used, _) = block.split_at_mut(STATE_LENGTH);
        used.copy_from_slice(&self.state.encode());
        let copy = |place: usize| STATE_COPIES.get(place).copied().unwrap_or_default();
        if self.put(copy(self.copy), &block) {
            self.copy ^= 1;
            return true;
        }
        // One bad block must not keep every new version from being tried. The copy that gives way
        // may be the only whole one, so the disk has to take the same block elsewhere before.
        self.put(TRIAL_WRITE, &block) && self.put(copy(self.copy ^ 1), &block)
    }

    fn put(&mut self, at: u64, block: &[u8]) -> bool {
        let written = self.machine.write_state(at, block);
        if let Err(fault) = written {
            self.machine.say(format_args!(
                "the boot state cannot be written at {at}: {fault:?}"
            ));
        }
        written.is_ok()
    }

    fn refuse(&mut self, slot: Slot, reason: Reason, detail: u8) {
        self.state.refuse(slot, reason, detail, &mut self.refused);
        let name = slot.name();
        self.machine
            .say(format_args!("slot {name} refused: {reason:?} ({detail})"));
    }

    /// Starts a slot, or says why not.
    fn try_slot(&mut self, slot: Slot, is_counted: bool) -> Fault {
        let is_new = matches!(self.state.slot(slot).condition, Condition::Trying(_));
        if is_new && !is_counted {
            return (Reason::NotCounted, 0);
        }
        match self.check_slot(slot) {
            Ok((header, program)) => {
                let version = header.version;
                self.machine.say(format_args!(
                    "starting slot {}, version {version}",
                    slot.name()
                ));
                self.start(&program, Some(slot))
            }
            Err(fault) => fault,
        }
    }

    fn check_slot(&mut self, slot: Slot) -> Result<(Header, Vec<u8>), Fault> {
        let part = Part::Slot(slot);
        let bytes = self.machine.read(part, 0, HEADER_LENGTH);
        let bytes = bytes.map_err(unreadable)?;
        let header = check_header(&bytes, self.signers())?;
        if header.security < self.state.security_floor {
            return Err((Reason::TooOld, low_byte(header.security)));
        }
        let length = header.uki.length.min(SLOT_LENGTH);
        let length = usize::try_from(length).map_err(|_| (Reason::Damaged, NO_MEMORY))?;
        let program = self.machine.read(part, header.uki.start, length);
        let program = program.map_err(unreadable)?;
        check_hash(&header, &program)?;
        Ok((header, program))
    }

    /// The sets of keys that may have signed a slot: a new set comes with an update, and until a
    /// version of the new set has proved good, the one before is what the box goes back to.
    fn signers(&self) -> impl Iterator<Item = &KeySet> {
        let last = self.trusted.last().map_or(0, |it| it.version);
        // A chain that was lost must not make every slot useless.
        let floor = self.state.keys_floor.min(last);
        self.trusted.iter().filter(move |it| it.version >= floor)
    }

    /// The rescue system is as old as the flashing of the box: it is judged by the keys of that
    /// time, which are the loader's own, and not by a security number that rose since.
    fn try_rescue(&mut self) {
        let (reason, detail) = match self.check_rescue() {
            Ok((header, program)) => {
                let version = header.version;
                self.machine.say(format_args!(
                    "starting the rescue system, version {version}"
                ));
                self.start(&program, None)
            }
            Err(fault) => fault,
        };
        self.machine
            .say(format_args!("rescue system refused: {reason:?} ({detail})"));
    }

    fn check_rescue(&mut self) -> Result<(Header, Vec<u8>), Fault> {
        let absent = (Reason::Empty, 0);
        let header = self.machine.rescue_file(RescueFile::Header).ok_or(absent)?;
        let header = check_header(&header, core::iter::once(self.own))?;
        // The UKI of a slot, which may be one of before the security number rose.
        if header.root.length > 0 {
            return Err((Reason::Damaged, HEADER));
        }
        let program = self.machine.rescue_file(RescueFile::Program);
        let program = program.ok_or(absent)?;
        check_hash(&header, &program)?;
        Ok((header, program))
    }

    fn start(&mut self, program: &[u8], slot: Option<Slot>) -> Fault {
        let disk = self.machine.disk();
        match self.machine.start(program, &Handoff { slot, disk }) {
            StartFault::Refused(status) => (Reason::RefusedByFirmware, status),
            StartFault::Ended(status) => (Reason::NotStarted, status),
        }
    }
}

fn check_header<'a>(
    bytes: &[u8],
    mut signers: impl Iterator<Item = &'a KeySet>,
) -> Result<Header, Fault> {
    let mut judged = Err(HeaderFault::NotSigned);
    signers.any(|set| {
        judged = Header::verify(bytes, set);
        judged.is_ok()
    });
    let header = judged.map_err(|fault| match fault {
        HeaderFault::Empty => (Reason::Empty, 0),
        HeaderFault::Damaged => (Reason::Damaged, HEADER),
        HeaderFault::NotSigned => (Reason::NotSigned, 0),
    })?;
    if header.hardware.as_str() == HARDWARE {
        Ok(header)
    } else {
        Err((Reason::WrongHardware, 0))
    }
}

fn check_hash(header: &Header, program: &[u8]) -> Result<(), Fault> {
    let is_whole = u64::try_from(program.len()) == Ok(header.uki.length)
        && <[u8; 32]>::from(Sha256::digest(program)) == header.uki_sha256;
    is_whole.then_some(()).ok_or((Reason::Damaged, PROGRAM))
}

const fn unreadable(fault: DiskFault) -> Fault {
    match fault {
        DiskFault::Absent => (Reason::Empty, 0),
        DiskFault::Outside => (Reason::Damaged, UNREADABLE),
        DiskFault::Memory => (Reason::Damaged, NO_MEMORY),
        DiskFault::Device(_) => (Reason::Damaged, UNREADABLE),
    }
}

fn low_byte(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Detail of [`Reason::Damaged`]: the header.
pub const HEADER: u8 = 1;

/// Detail of [`Reason::Damaged`]: the UKI.
pub const PROGRAM: u8 = 2;

/// Detail of [`Reason::Damaged`]: the disk did not give the bytes.
pub const UNREADABLE: u8 = 3;

/// Detail of [`Reason::Damaged`]: more bytes than the box has memory.
pub const NO_MEMORY: u8 = 4;

#[cfg(test)]
mod tests;
