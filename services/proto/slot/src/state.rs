//! The boot state: which slot is to be started, how often it was tried, and why one was left.
//!
//! It is kept twice. A change is written over the older copy and flushed, so that the power may
//! fail at any moment: the newer of the copies that are whole is the state.

use crate::Slot;
use crate::bytes::{Block, put};
use crate::crc32::crc32;

/// The state of both slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BootState {
    /// Rises with every write.
    pub sequence: u64,
    /// Slot A, slot B.
    slots: [SlotState; 2],
    /// Which is to be started first.
    pub preferred: Slot,
    /// Which was started last.
    pub started: Option<Slot>,
    /// Start the rescue system once.
    pub wants_rescue: bool,
    /// Forget everything the customer has stored. Stays until that was done.
    pub wants_reset: bool,
    /// A slot whose security number is lower is not started: the highest that ever proved good.
    pub security_floor: u64,
    /// A slot that only sets of keys before this one have signed is not started: the highest set
    /// whose version of the firmware proved good.
    pub keys_floor: u32,
    journal: [Option<Entry>; JOURNAL_LENGTH],
}

/// What is known of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotState {
    /// Whether it may be started.
    pub condition: Condition,
    /// Whether a block of its root was not the one that was signed. Stays until it is written anew.
    pub is_damaged: bool,
}

impl SlotState {
    const fn of(condition: Condition) -> Self {
        Self {
            condition,
            is_damaged: false,
        }
    }

    /// Whether it has proved good, and nothing was found since that speaks against it.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        matches!(self.condition, Condition::Good(_)) && !self.is_damaged
    }
}

/// Whether a slot may be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Nothing is in it.
    Empty,
    /// It has not yet proved good, and may be started so many times more.
    Trying(u8),
    /// It has proved good, and was since started so many times in a row without proving it again.
    Good(u8),
    /// It did not prove good.
    Bad,
}

/// Why a slot was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Neither copy of the boot state could be read.
    StateLost,
    /// Nothing is in it.
    Empty,
    /// Its header or its UKI is damaged.
    Damaged,
    /// Keys that are trusted have not signed it.
    NotSigned,
    /// The firmware refused it (Secure Boot).
    RefusedByFirmware,
    /// The firmware could not start it, or it ended at once.
    NotStarted,
    /// Its security number is below the floor.
    TooOld,
    /// It is for another hardware.
    WrongHardware,
    /// It was tried as often as it may be, and never proved good.
    TriesUsedUp,
    /// It had proved good, but failed to do so again too often in a row.
    Unclean,
    /// The system found itself not healthy, and said so before it restarted the box.
    Unhealthy,
    /// A block of its root did not have the hash it should have.
    RootDamaged,
    /// It had not yet proved good, and the disk did not take the note that it was to be tried.
    NotCounted,
}

/// When and why a slot was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The sequence number of the state in which it was noted.
    pub sequence: u64,
    /// Which slot; `None` when it concerns both.
    pub slot: Option<Slot>,
    /// Why.
    pub reason: Reason,
    /// More of why, by the one who noted it: a firmware status, or which service was not well.
    pub detail: u8,
}

impl BootState {
    /// The state an image is shipped with: slot A is good, slot B is empty.
    #[must_use]
    pub const fn shipped() -> Self {
        Self::of(Condition::Good(0), Condition::Empty)
    }

    /// The state when both copies are lost: either slot may be good, and its header tells.
    #[must_use]
    pub fn lost() -> Self {
        let mut state = Self::of(Condition::Good(0), Condition::Good(0));
        state.note(None, Reason::StateLost, 0);
        state
    }

    const fn of(a: Condition, b: Condition) -> Self {
        Self {
            sequence: 1,
            slots: [SlotState::of(a), SlotState::of(b)],
            preferred: Slot::A,
            started: None,
            wants_rescue: false,
            wants_reset: false,
            security_floor: 0,
            keys_floor: 0,
            journal: [None; JOURNAL_LENGTH],
        }
    }

    /// What is known of a slot.
    #[must_use]
    pub const fn slot(&self, slot: Slot) -> SlotState {
        let [a, b] = self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    pub(crate) const fn set(&mut self, slot: Slot, condition: Condition) {
        self.slot_mut(slot).condition = condition;
    }

    pub(crate) const fn set_damaged(&mut self, slot: Slot, is_damaged: bool) {
        self.slot_mut(slot).is_damaged = is_damaged;
    }

    const fn slot_mut(&mut self, slot: Slot) -> &mut SlotState {
        let [a, b] = &mut self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    /// Notes why a slot was left; the oldest note goes.
    pub fn note(&mut self, slot: Option<Slot>, reason: Reason, detail: u8) {
        self.journal.rotate_right(1);
        if let Some(first) = self.journal.first_mut() {
            *first = Some(Entry {
                sequence: self.sequence,
                slot,
                reason,
                detail,
            });
        }
    }

    /// Why slots were left, latest first.
    pub fn journal(&self) -> impl Iterator<Item = Entry> {
        self.journal.into_iter().flatten()
    }

    /// The state of two copies and the place, 0 or 1, where the next one is to be written.
    #[must_use]
    pub fn newest(first: &[u8], second: &[u8]) -> (Option<Self>, usize) {
        match (Self::decode(first), Self::decode(second)) {
            (Some(one), Some(two)) if one.sequence >= two.sequence => (Some(one), 1),
            (Some(one), None) => (Some(one), 1),
            (_, two) => (two, 0),
        }
    }

    /// The same state with the next sequence number: what is to be written.
    #[must_use]
    pub const fn next(mut self) -> Self {
        self.sequence = self.sequence.saturating_add(1);
        self
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; STATE_LENGTH] {
        let mut block = [0; STATE_LENGTH];
        put(&mut block, 0, MAGIC);
        put(&mut block, 8, &self.sequence.to_le_bytes());
        put(&mut block, 16, &self.security_floor.to_le_bytes());
        let [a, b] = self.slots.map(|it| it.condition.code());
        let started = self.started.map_or(NONE, Slot::index);
        let [a_damaged, b_damaged] = self.slots.map(|it| u8::from(it.is_damaged));
        let wishes = u8::from(self.wants_rescue) | (u8::from(self.wants_reset) << 1);
        let flags = wishes | (a_damaged << 2) | (b_damaged << 3);
        put(&mut block, 24, &a);
        put(&mut block, 26, &b);
        put(&mut block, 28, &[self.preferred.index(), started, flags]);
        put(&mut block, 32, &self.keys_floor.to_le_bytes());
        for (place, entry) in self.journal().enumerate() {
            let at = JOURNAL + place * ENTRY_LENGTH;
            let slot = entry.slot.map_or(NONE, Slot::index);
            put(&mut block, at, &entry.sequence.to_le_bytes());
            put(
                &mut block,
                at + 8,
                &[entry.reason.code(), slot, entry.detail],
            );
        }
        let check = crc32(block.get(..CHECK).unwrap_or_default());
        put(&mut block, CHECK, &check.to_le_bytes());
        block
    }

    /// Reads a copy; `None` when it is torn, damaged or of another format.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let block = bytes.get(..STATE_LENGTH)?;
        let read = Block(block);
        if read.array(0) != *MAGIC || read.u32(CHECK) != crc32(block.get(..CHECK)?) {
            return None;
        }
        let flags = read.u8(30);
        let slot = |at, damaged| SlotState {
            condition: Condition::of_code(read.array(at)),
            is_damaged: flags & damaged != 0,
        };
        let mut journal = [None; JOURNAL_LENGTH];
        for (place, entry) in journal.iter_mut().enumerate() {
            *entry = Entry::read(read, JOURNAL + place * ENTRY_LENGTH);
        }
        Some(Self {
            sequence: read.u64(8),
            security_floor: read.u64(16),
            slots: [slot(24, 4), slot(26, 8)],
            preferred: Slot::of_index(read.u8(28)).unwrap_or(Slot::A),
            started: Slot::of_index(read.u8(29)),
            wants_rescue: flags & 1 != 0,
            wants_reset: flags & 2 != 0,
            keys_floor: read.u32(32),
            journal,
        })
    }
}

impl Condition {
    const fn code(self) -> [u8; 2] {
        match self {
            Self::Empty => [0, 0],
            Self::Trying(tries) => [1, tries],
            Self::Good(unclean) => [2, unclean],
            Self::Bad => [3, 0],
        }
    }

    /// A code of a later version is something this one cannot start.
    const fn of_code(code: [u8; 2]) -> Self {
        match code {
            [0, _] => Self::Empty,
            [1, tries] => Self::Trying(tries),
            [2, unclean] => Self::Good(unclean),
            _ => Self::Bad,
        }
    }
}

impl Reason {
    /// Every reason, in the order of their codes, which begin with 1.
    pub const ALL: [Self; 13] = [
        Self::StateLost,
        Self::Empty,
        Self::Damaged,
        Self::NotSigned,
        Self::RefusedByFirmware,
        Self::NotStarted,
        Self::TooOld,
        Self::WrongHardware,
        Self::TriesUsedUp,
        Self::Unclean,
        Self::Unhealthy,
        Self::RootDamaged,
        Self::NotCounted,
    ];

    fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|reason| *reason == self);
        place.and_then(|it| u8::try_from(it + 1).ok()).unwrap_or(0)
    }

    fn of_code(code: u8) -> Option<Self> {
        let place = usize::from(code).checked_sub(1)?;
        Self::ALL.get(place).copied()
    }
}

impl Entry {
    fn read(block: Block<'_>, at: usize) -> Option<Self> {
        Some(Self {
            sequence: block.u64(at),
            reason: Reason::of_code(block.u8(at + 8))?,
            slot: Slot::of_index(block.u8(at + 9)),
            detail: block.u8(at + 10),
        })
    }
}

/// Bytes of a copy.
pub const STATE_LENGTH: usize = 512;

/// How many notes are kept.
pub const JOURNAL_LENGTH: usize = 16;

const MAGIC: &[u8; 8] = b"RMLSTAT1";
const JOURNAL: usize = 64;
const ENTRY_LENGTH: usize = 16;
const CHECK: usize = STATE_LENGTH - 4;
const NONE: u8 = 0xff;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn some_state() -> BootState {
        let mut state = BootState::lost();
        state.set(Slot::B, Condition::Trying(2));
        state.preferred = Slot::B;
        state.started = Some(Slot::A);
        state.wants_reset = true;
        state.set_damaged(Slot::B, true);
        state.security_floor = 7;
        state.keys_floor = 3;
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            state.sequence += 1;
            state.note(Some(Slot::B), reason, u8::try_from(place).unwrap());
        }
        state
    }

    #[test]
    fn every_field_outlives_the_disk() {
        let state = some_state();
        assert_eq!(BootState::decode(&state.encode()), Some(state));
        let shipped = BootState::shipped();
        assert_eq!(BootState::decode(&shipped.encode()), Some(shipped));
    }

    #[test]
    fn the_newer_whole_copy_counts_and_the_other_is_written_next() {
        let (old, new) = (some_state(), some_state().next());
        let (old_bytes, new_bytes) = (old.encode(), new.encode());
        let torn = {
            let mut torn = new_bytes;
            torn[100] ^= 1;
            torn
        };
        assert_eq!(BootState::newest(&old_bytes, &new_bytes), (Some(new), 0));
        assert_eq!(BootState::newest(&new_bytes, &old_bytes), (Some(new), 1));
        assert_eq!(BootState::newest(&old_bytes, &torn), (Some(old), 1));
        assert_eq!(BootState::newest(&torn, &old_bytes), (Some(old), 0));
        assert_eq!(BootState::newest(&torn, &[]), (None, 0));
    }

    #[test]
    fn a_copy_torn_at_any_byte_is_not_taken_for_whole() {
        let (old, new) = (some_state().encode(), some_state().next().encode());
        for place in 1..STATE_LENGTH {
            let mut torn = old;
            torn[..place].copy_from_slice(&new[..place]);
            let read = BootState::decode(&torn).map(|it| it.encode());
            assert!(
                read.is_none_or(|it| it == old || it == new),
                "torn at {place}"
            );
        }
    }

    #[test]
    fn the_journal_keeps_the_latest() {
        let mut state = BootState::shipped();
        for detail in 0..40 {
            state.note(Some(Slot::A), Reason::Unclean, detail);
        }
        let details: std::vec::Vec<_> = state.journal().map(|it| it.detail).collect();
        assert_eq!(details, (24..40).rev().collect::<std::vec::Vec<_>>());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..600)) {
            let _ = BootState::decode(&bytes);
        }
    }
}
