//! Calls outlive the process (decision 0014): whatever was answered is kept as a row whenever it
//! changes, and the next process goes on with it or ends it. Its media endpoints go on meanwhile.
//!
//! What only rings is kept too, so that the next process can cancel and refuse it, but not at once:
//! most of what rings for a tenth of a second is answered or over by then. Every record is kept
//! until the store has it in its final form.

use std::time::Duration;

use ipc::store::CallRecord;

use super::alarms::Alarm;
use super::hunt::{Aim, Hunt};
use super::kept::{
    AimRow, HuntRow, Kept, LeavingRow, PINS_KEY, SlotRow, TalkRow, USAGE_KEY, UntilRow, VERSION,
};
use super::party::Place;
use super::{Calls, Key, Tools};
use crate::interface::Output;
use crate::leg::{KeptLeg, LegId};

/// How long something rings before it is kept.
const RINGS_FOR: Duration = Duration::from_millis(100);

/// The key of what is kept of a leg that is alone.
pub(super) const fn lone_key(leg: LegId) -> Key {
    leg.0 & (u64::MAX >> 1)
}

impl Calls {
    /// Keeps what has changed.
    pub(super) fn checkpoint(&mut self, tools: &mut Tools<'_>) {
        for leg in tools.legs.take_stale() {
            self.dirty.insert(lone_key(leg));
            self.keep_again(leg);
        }
        for key in std::mem::take(&mut self.dirty) {
            if let Some(row) = self.row_to_keep(tools, key) {
                self.keep(tools, key, row.as_ref());
            }
        }
        if std::mem::take(&mut self.pin_guard_changed) {
            let pins = Kept::Pins(self.pin_guard.rows(tools.core.now));
            self.keep(tools, PINS_KEY, Some(&pins));
        }
        // Before the store has said what it knows, a row would hide that from the next process.
        if self.spent.is_known() && std::mem::take(&mut self.usage_changed) {
            let usage = Kept::Usage(self.usage.state(tools.core.now));
            self.keep(tools, USAGE_KEY, Some(&usage));
        }
    }

    /// What a party is kept under has changed.
    pub(super) fn keep_again(&mut self, leg: LegId) {
        let Some(place) = self.place(leg) else { return };
        self.dirty.insert(match place {
            Place::Waiting(key)
            | Place::Branch(key)
            | Place::Transferor(key)
            | Place::Talk(key) => key,
            Place::Slot(slot) => Key::from(slot),
            Place::Leaving | Place::Gone => {
                self.lone.insert(lone_key(leg), leg);
                lone_key(leg)
            }
        });
    }

    /// What is kept under a key from now on; `None` leaves what is there for a while.
    fn row_to_keep(&mut self, tools: &Tools<'_>, key: Key) -> Option<Option<Kept>> {
        let ripe = self.ripe.remove(&key);
        if !ripe && self.only_rings(key) {
            self.keep_later(tools, key);
            return None;
        }
        let waits = self.alarms.of(Alarm::Keep(key));
        self.alarms.set(Alarm::Keep(key), None);
        let row = self.row(tools, key);
        if !ripe && matches!(row, Some(Kept::Gone(KeptLeg::Invite(_)))) {
            let at = waits.unwrap_or(tools.core.now + RINGS_FOR);
            self.alarms.set(Alarm::Keep(key), Some(at));
            return None;
        }
        if row.is_none() {
            self.lone.remove(&key);
        }
        Some(row)
    }

    /// Whether somebody is looked for on behalf of a caller who was not answered.
    fn only_rings(&self, key: Key) -> bool {
        let waiting = self.hunts.get(&key).map(|hunt| hunt.waiting);
        let party = waiting.and_then(|leg| self.parties.get(&leg));
        party.is_some_and(|party| !party.answered)
    }

    fn keep_later(&mut self, tools: &Tools<'_>, key: Key) {
        if self.alarms.of(Alarm::Keep(key)).is_none() {
            let at = tools.core.now + RINGS_FOR;
            self.alarms.set(Alarm::Keep(key), Some(at));
        }
    }

    /// What rings has done so for some time.
    pub(super) fn is_ripe(&mut self, key: Key) {
        self.ripe.insert(key);
        self.dirty.insert(key);
    }

    pub(super) fn keep(&mut self, tools: &mut Tools<'_>, key: Key, kept: Option<&Kept>) {
        let call = kept.and_then(|kept| postcard::to_allocvec(&(VERSION, kept)).ok());
        let known = match call {
            Some(_) => !self.kept.insert(key),
            None => self.kept.remove(&key),
        };
        if call.is_some() || known {
            tools.core.emit(Output::Checkpoint { key, call });
        }
    }

    fn row(&mut self, tools: &Tools<'_>, key: Key) -> Option<Kept> {
        if self.talks.contains_key(&key) {
            return self.talk_row(tools, key).map(Kept::Talk);
        }
        if self.hunts.contains_key(&key) {
            let row = self.hunt_row(tools, key)?;
            return Some(Kept::Hunt(Box::new(row)));
        }
        if let Some(leg) = self.lone.get(&key) {
            return self.lone_row(tools, *leg);
        }
        self.slot_row(tools, key)
            .map(|row| Kept::Slot(Box::new(row)))
    }

    fn talk_row(&self, tools: &Tools<'_>, key: Key) -> Option<TalkRow> {
        let talk = self.talks.get(&key)?;
        let members = talk.members.iter().map(|leg| self.member_row(tools, *leg));
        let members: Option<Vec<_>> = members.collect();
        Some(TalkRow {
            members: members?,
            mix: talk.mix,
            records: self.record_rows(&talk.members),
        })
    }

    fn slot_row(&self, tools: &Tools<'_>, key: Key) -> Option<SlotRow> {
        let slot = u32::try_from(key).ok()?;
        let parked = self.parked.get(&slot)?;
        let until = self.alarms.of(Alarm::Slot(slot));
        Some(SlotRow {
            slot,
            member: self.member_row(tools, parked.leg)?,
            parker: parked.parker.clone(),
            until: until.map(|until| UntilRow::of(tools, until)),
            records: self.record_rows(&[parked.leg]),
        })
    }

    fn hunt_row(&mut self, tools: &Tools<'_>, key: Key) -> Option<HuntRow> {
        let hunt = self.hunts.get(&key)?;
        let legs = hunt.branches.iter().map(|branch| branch.leg);
        let branches: Vec<_> = legs
            .filter_map(|leg| tools.legs.keep(tools.core, leg))
            .collect();
        let incomplete = branches.len() < hunt.branches.len();
        let row = HuntRow {
            waiting: self.member_row(tools, hunt.waiting)?,
            record: hunt.record.clone(),
            aim: self.aim_row(tools, hunt),
            records: self.record_rows(&[hunt.waiting]),
            branches,
        };
        if incomplete {
            // Somebody waits for a port, and is about to ring.
            self.keep_later(tools, key);
        }
        Some(row)
    }

    fn aim_row(&self, tools: &Tools<'_>, hunt: &Hunt) -> AimRow {
        match &hunt.aim {
            Aim::Call => AimRow::Call,
            Aim::Recall => AimRow::Recall,
            Aim::Transfer {
                transferor,
                told,
                extension,
            } => AimRow::Transfer {
                transferor: transferor
                    .and_then(|leg| self.member_row(tools, leg))
                    .map(Box::new),
                told: told.0,
                extension: extension.clone(),
            },
        }
    }

    fn lone_row(&self, tools: &Tools<'_>, leg: LegId) -> Option<Kept> {
        match self.place(leg) {
            Some(Place::Leaving) => {
                let row = LeavingRow {
                    member: self.member_row(tools, leg)?,
                    records: self.record_rows(&[leg]),
                };
                Some(Kept::Leaving(Box::new(row)))
            }
            Some(Place::Gone) | None => tools.legs.keep(tools.core, leg).map(Kept::Gone),
            // It is not alone any more.
            Some(
                Place::Waiting(_)
                | Place::Branch(_)
                | Place::Transferor(_)
                | Place::Talk(_)
                | Place::Slot(_),
            ) => None,
        }
    }

    /// Keeps a record until the store has it in its final form.
    pub(super) fn keep_record(&mut self, tools: &mut Tools<'_>, record: &CallRecord) {
        let known = self.record_keys.get(&record.id).copied();
        let key = known.unwrap_or_else(|| tools.key());
        self.record_keys.insert(record.id.clone(), key);
        let kept = Kept::Record(Box::new(record.clone()));
        self.keep(tools, key, Some(&kept));
    }

    /// The store has records, or will never have them; only the final ones are forgotten here.
    pub(crate) fn stored(&mut self, tools: &mut Tools<'_>, ids: &[String]) {
        for id in ids {
            if !self.records.contains_key(id)
                && let Some(key) = self.record_keys.remove(id)
            {
                self.keep(tools, key, None);
            }
        }
    }
}
