//! When what is due: one alarm for each thing that waits, soonest first.

use std::collections::{BTreeMap, BTreeSet};

use sansio::Instant;

use super::Key;
use crate::leg::LegId;

/// What waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Alarm {
    /// A hunt: its stage is over, or a delayed target begins to ring.
    Hunt(Key),
    /// A talk has reached its longest time.
    Talk(Key),
    /// A party: it is to be hung up, or its last word does not come.
    Party(LegId),
    /// A parked party is given back.
    Slot(u32),
    /// Caps of minutes and money are looked at.
    Caps,
    /// What was spent is handed to the store.
    Spent,
    /// A warning has been heard in a talk.
    Beep(Key),
    /// Something rings and is to be kept for the next process.
    Keep(Key),
}

/// All alarms.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    soonest: BTreeSet<(Instant, Alarm)>,
    at: BTreeMap<Alarm, Instant>,
}

impl Alarms {
    /// Sets, moves or takes away an alarm.
    pub(super) fn set(&mut self, alarm: Alarm, at: Option<Instant>) {
        if let Some(before) = self.at.remove(&alarm) {
            self.soonest.remove(&(before, alarm));
        }
        if let Some(at) = at {
            self.at.insert(alarm, at);
            self.soonest.insert((at, alarm));
        }
    }

    /// When an alarm rings.
    pub(super) fn of(&self, alarm: Alarm) -> Option<Instant> {
        self.at.get(&alarm).copied()
    }

    /// The next alarm that is due, which is taken away.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Alarm> {
        let (_, alarm) = *self.soonest.first().filter(|(at, _)| *at <= now)?;
        self.set(alarm, None);
        Some(alarm)
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.soonest.first().map(|(at, _)| *at)
    }
}
