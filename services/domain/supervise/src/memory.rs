//! Whether the tunnel into a grid was up lately: what the version that follows is held to.
//!
//! Lately is an hour, in which the box ran. The hub may be down for minutes while the box is
//! updated: then a good version is left, which costs a restart, and can be installed again at once;
//! the other way round a version without a tunnel would stay where nobody reaches it any more. A
//! hub that is away for longer is no reason to refuse a version, and forgotten.

use std::time::Duration;

use sansio::Instant;

/// What is on the disk of it.
///
/// Who wrote it is told apart, as a version that knows of no tunnel never changes it: what the
/// version before that one wrote in the slot of this one says nothing of the version before this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TunnelNote {
    /// Nothing.
    None,
    /// That it was up, by a version in the slot of this one.
    OfThisSlot,
    /// That it was up, by a version in the other slot, or in one that is not named.
    OfOther,
}

/// What is remembered, and what is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TunnelMemory {
    /// What is on the disk.
    note: TunnelNote,
    is_up: bool,
    /// When it was up last; at a start, what is remembered counts from then.
    last_up: Option<Instant>,
}

impl TunnelMemory {
    /// At a start, with what was kept.
    #[must_use]
    pub fn at_start(now: Instant, note: TunnelNote) -> Self {
        Self {
            note,
            is_up: false,
            last_up: (note != TunnelNote::None).then_some(now),
        }
    }

    /// Whether it was up lately with the version before: what one on trial is held to.
    #[must_use]
    pub const fn is_of_version_before(&self) -> bool {
        matches!(self.note, TunnelNote::OfOther)
    }

    /// It is up now, or is not.
    pub fn heard(&mut self, now: Instant, is_up: bool) {
        if is_up || self.is_up {
            self.last_up = Some(now);
        }
        self.is_up = is_up;
    }

    /// None is set, or it was set otherwise: that one was up before says nothing any more.
    pub const fn forget(&mut self) {
        self.is_up = false;
        self.last_up = None;
    }

    /// Whether it has to be on the disk in the name of this slot, or nothing has, where the disk
    /// has something else.
    #[must_use]
    pub fn change(&self, now: Instant) -> Option<bool> {
        let is_late = |last: Instant| now >= last + LATELY;
        let is_wanted = self.is_up || self.last_up.is_some_and(|last| !is_late(last));
        let is_kept = match self.note {
            TunnelNote::None => false,
            TunnelNote::OfThisSlot => true,
            TunnelNote::OfOther => !self.is_up,
        };
        (is_wanted != is_kept).then_some(is_wanted)
    }

    /// The disk has it now.
    pub const fn kept(&mut self, is_kept: bool) {
        self.note = match is_kept {
            true => TunnelNote::OfThisSlot,
            false => TunnelNote::None,
        };
    }
}

/// How long a tunnel that was up may be down before that is forgotten.
const LATELY: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_tunnel_that_came_up_is_remembered_until_it_was_down_for_an_hour() {
        let mut memory = TunnelMemory::at_start(at(0), TunnelNote::None);
        assert_eq!(memory.change(at(1)), None);
        memory.heard(at(1), true);
        assert_eq!(memory.change(at(1)), Some(true));
        memory.kept(true);
        assert_eq!(memory.change(at(500)), None, "it is up all the time");
        memory.heard(at(500), false);
        assert_eq!(memory.change(at(559)), None);
        memory.heard(at(530), false);
        assert_eq!(memory.change(at(560)), Some(false));
        memory.heard(at(560), true);
        assert_eq!(memory.change(at(560)), None);
    }

    #[test]
    fn what_was_kept_counts_for_an_hour_of_the_next_start() {
        let mut memory = TunnelMemory::at_start(at(0), TunnelNote::OfThisSlot);
        assert_eq!(memory.change(at(59)), None);
        assert_eq!(memory.change(at(60)), Some(false));
        memory.kept(false);
        assert_eq!(memory.change(at(61)), None);
    }

    #[test]
    fn a_tunnel_that_was_taken_away_or_set_otherwise_is_forgotten_at_once() {
        let mut memory = TunnelMemory::at_start(at(0), TunnelNote::OfThisSlot);
        memory.heard(at(1), true);
        memory.forget();
        assert_eq!(memory.change(at(1)), Some(false));
    }

    #[test]
    fn what_the_other_slot_wrote_is_held_against_this_one_and_what_its_own_wrote_is_not() {
        let check = |note, expected| {
            let memory = TunnelMemory::at_start(at(0), note);
            assert_eq!(memory.is_of_version_before(), expected, "{note:?}");
        };
        check(TunnelNote::None, false);
        check(TunnelNote::OfOther, true);
        // Slot A with a tunnel, then slot B with a version that knows none, then slot A again.
        check(TunnelNote::OfThisSlot, false);
    }

    #[test]
    fn what_the_other_slot_wrote_is_taken_over_when_the_tunnel_is_up_and_else_forgotten() {
        let mut memory = TunnelMemory::at_start(at(0), TunnelNote::OfOther);
        assert_eq!(memory.change(at(59)), None);
        assert_eq!(memory.change(at(60)), Some(false));
        memory.heard(at(5), true);
        assert_eq!(memory.change(at(5)), Some(true), "in the name of this slot");
        memory.kept(true);
        assert!(!memory.is_of_version_before());
        assert_eq!(memory.change(at(6)), None);
    }
}
