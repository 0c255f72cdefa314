//! Parking: a party waits in a numbered slot, with music, until somebody dials the slot's number or
//! its time is over.

use ipc::sound::{Clip, Source};
use ipc::store::Outcome;
use sip::StatusCode;

use super::alarms::Alarm;
use super::hunt::{Aim, Hunt};
use super::party::Place;
use super::{ANNOUNCE_TIME_MAX, Calls, Key, Tools};
use crate::leg::LegId;
use crate::routing;

/// A party that is parked.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub(super) leg: LegId,
    /// Who parked it.
    pub(super) parker: String,
}

impl Calls {
    /// The transferor sent the party to the parking code: it hears the slot's number, and learns
    /// by NOTIFY that it went well.
    pub(super) fn park_transferred(
        &mut self,
        tools: &mut Tools<'_>,
        transferor: LegId,
        party: LegId,
    ) {
        let Some(slot) = self.free_slot(tools) else {
            let status = StatusCode::BUSY_HERE;
            tools.legs.transfer_refused(tools.core, transferor, status);
            return;
        };
        tools.legs.transfer_accepted(tools.core, transferor);
        let parker = self.part(tools, transferor, &slot.to_string());
        self.park(tools, party, slot, parker);
        let status = StatusCode::OK;
        tools.legs.transfer_progress(tools.core, transferor, status);
        self.announce(tools, transferor, slot);
    }

    /// Somebody dialled the parking code: the party he holds is parked.
    pub(super) fn park_held(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str) {
        let held = self.held_by_person(tools, leg);
        let slot = self.free_slot(tools);
        let (Some((holder, party)), Some(slot)) = (held.first().copied(), slot) else {
            let (status, outcome) = (StatusCode::NOT_FOUND, Outcome::NotFound);
            self.refuse(tools, leg, record, status, outcome);
            return;
        };
        let parker = self.part(tools, holder, &slot.to_string());
        self.hang_up(tools, holder, StatusCode::OK, None);
        self.park(tools, party, slot, parker);
        self.accept(tools, leg, record);
        self.announce(tools, leg, slot);
    }

    /// A route leads to parking: the waiting party is answered and parked; whoever is told about it
    /// dials the slot that its lamp shows.
    pub(super) fn park_waiting(&mut self, tools: &mut Tools<'_>, key: Key) {
        let Some(hunt) = self.take_hunt(tools, key, None) else {
            return;
        };
        let Some(slot) = self.free_slot(tools) else {
            let (status, outcome) = (StatusCode::BUSY_HERE, Outcome::Refused);
            self.failed(tools, hunt, status, outcome);
            return;
        };
        self.accept(tools, hunt.waiting, &hunt.record);
        if let Aim::Transfer {
            transferor, told, ..
        } = hunt.aim
        {
            let status = StatusCode::OK;
            tools.legs.transfer_progress(tools.core, told, status);
            if let Some(transferor) = transferor {
                self.leave_alone(tools, transferor);
            }
        }
        self.park(tools, hunt.waiting, slot, String::new());
    }

    fn announce(&mut self, tools: &mut Tools<'_>, leg: LegId, slot: u32) {
        let clip = Clip::Digits(slot.to_string());
        self.leave(tools, leg, Source::Clip(clip), ANNOUNCE_TIME_MAX);
    }

    fn park(&mut self, tools: &mut Tools<'_>, leg: LegId, slot: u32, parker: String) {
        self.put(leg, Place::Slot(slot));
        let music = routing::music(tools.core);
        self.hear(tools, leg, music);
        self.parked.insert(slot, Parked { leg, parker });
        let until = routing::parking_time(tools.core).map(|wait| tools.core.now + wait);
        self.alarms.set(Alarm::Slot(slot), until);
        self.slot_changed(slot);
    }

    pub(super) fn slot_changed(&mut self, slot: u32) {
        self.changed.insert(slot.to_string());
        self.dirty.insert(Key::from(slot));
    }

    /// The legs of the same person that hold somebody, each with whom.
    pub(super) fn held_by_person(&self, tools: &Tools<'_>, leg: LegId) -> Vec<(LegId, LegId)> {
        let peer = self.parties.get(&leg).map(|party| &party.peer);
        let of_person = self.parties.iter().filter(|(other, party)| {
            **other != leg && Some(&party.peer) == peer && matches!(party.place, Place::Talk(_))
        });
        let holding = of_person.filter(|(other, _)| Self::is_holding(tools, **other));
        holding
            .filter_map(|(holder, _)| Some((*holder, self.other(*holder)?)))
            .collect()
    }

    fn free_slot(&self, tools: &Tools<'_>) -> Option<u32> {
        let slots = routing::parking_slots(tools.core);
        slots
            .into_iter()
            .find(|slot| !self.parked.contains_key(slot))
    }

    /// Somebody dialled a slot's number.
    pub(super) fn fetch(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str, slot: u32) {
        let Some(party) = self.parked_left(slot) else {
            let (status, outcome) = (StatusCode::NOT_FOUND, Outcome::NotFound);
            self.refuse(tools, leg, record, status, outcome);
            return;
        };
        let codecs = tools.legs.agreement(party).codecs;
        self.answer(tools, leg, &codecs);
        self.record_answered(tools, record, party);
        self.talk(tools, &[leg, party]);
        self.identify_each_other(tools, leg, party);
    }

    /// A slot becomes free; gives who was in it.
    pub(super) fn parked_left(&mut self, slot: u32) -> Option<LegId> {
        let parked = self.parked.remove(&slot)?;
        self.alarms.set(Alarm::Slot(slot), None);
        self.slot_changed(slot);
        Some(parked.leg)
    }

    /// Nobody came: the party is given back to whoever parked it, or goes where parked calls go.
    pub(super) fn give_back(&mut self, tools: &mut Tools<'_>, slot: u32) {
        let parker = self.parked.get(&slot).map(|parked| parked.parker.clone());
        let (Some(parker), Some(party)) = (parker, self.parked_left(slot)) else {
            return;
        };
        self.recall_parked(tools, party, &parker);
    }

    /// A party that was parked goes to whoever parked it, or where parked calls go.
    pub(super) fn recall_parked(&mut self, tools: &mut Tools<'_>, party: LegId, parker: &str) {
        let plan = routing::parked_plan(tools.core, self.usage(), parker);
        let to = plan.to.clone();
        let record = self.open_hunt_record(tools, party, &to);
        let hunt = Hunt::new(party, &record, Aim::Recall, plan);
        self.start(tools, hunt);
    }
}
