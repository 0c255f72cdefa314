//! Transfers (RFC 3515, RFC 5589): the transferor names somebody else, and we connect the party it
//! leaves to them ourselves, so that trunks never see a REFER.
//!
//! Blind: the party waits, the number is looked up with the transferor's permissions, and the
//! transferor learns by NOTIFY how it goes; a failure gives the two back to each other, or calls
//! the transferor back when it has hung up. Attended: the transferor's other call is named in
//! Replaces (RFC 3891); its far end and the party are joined here.

use ::routing::Cause;
use ipc::sound::{Clip, Source};
use ipc::store::Outcome;
use sip::StatusCode;

use super::hunt::{Aim, Hunt};
use super::party::Place;
use super::plan::{Lead, Plan, Stage};
use super::record::{Begun, Left, tell_leg};
use super::{Calls, Key, RING_TIME_MAX, Tools};
use crate::core::event_text;
use crate::leg::{LegId, Peer, Replaced, Transfer};
use crate::routing;

impl Calls {
    /// A leg was asked to be replaced by somebody else (REFER).
    pub(super) fn transfer(&mut self, tools: &mut Tools<'_>, leg: LegId, transfer: &Transfer) {
        let peer = self.parties.get(&leg).map(|party| party.peer.clone());
        let (Some(peer @ Peer::Extension(_)), Some(party)) = (peer, self.other(leg)) else {
            // A trunk's far end must not make us call numbers at our expense.
            let status = StatusCode::FORBIDDEN;
            tools.legs.transfer_refused(tools.core, leg, status);
            return;
        };
        if let Some(replaced) = &transfer.replaces {
            self.transfer_attended(tools, leg, party, replaced);
            return;
        }
        let dialled = transfer.target.user().unwrap_or_default();
        let Peer::Extension(extension) = &peer else {
            return;
        };
        let caller = self.parties.get(&party).map_or(&peer, |party| &party.peer);
        let cause = Cause::Transferred(extension);
        match routing::lead(tools.core, self.usage(), caller, &dialled, cause) {
            // The party cannot be asked for the PIN of whoever transfers it.
            Lead::Ring(plan) if plan.pin => {
                let status = StatusCode::FORBIDDEN;
                tools.legs.transfer_refused(tools.core, leg, status);
            }
            Lead::Ring(plan) => {
                let hunt = self.begin_transfer(tools, leg, party, plan);
                tools.legs.transfer_accepted(tools.core, leg);
                self.start(tools, hunt);
            }
            Lead::Park => self.park_transferred(tools, leg, party),
            Lead::Refuse { status, .. } => {
                tools.legs.transfer_refused(tools.core, leg, status);
            }
            Lead::Pickup(_)
            | Lead::GroupPickup
            | Lead::Slot(_)
            | Lead::ThreeWay
            | Lead::Take
            | Lead::Change(_) => {
                let status = StatusCode::DECLINE;
                tools.legs.transfer_refused(tools.core, leg, status);
            }
        }
    }

    /// Takes the two apart: the transferor waits for news, the party for somebody.
    fn begin_transfer(
        &mut self,
        tools: &mut Tools<'_>,
        transferor: LegId,
        party: LegId,
        plan: Plan,
    ) -> Hunt {
        let extension = self.part(tools, transferor, &plan.to);
        self.hear(tools, transferor, Source::Silence);
        let record = self.open_hunt_record(tools, party, &plan.to);
        let aim = Aim::Transfer {
            transferor: Some(transferor),
            told: transferor,
            extension,
        };
        Hunt::new(party, &record, aim, plan)
    }

    /// Takes a transferor out of its talk and ends its records; gives its number.
    pub(super) fn part(&mut self, tools: &mut Tools<'_>, transferor: LegId, to: &str) -> String {
        self.end_records_of(tools, transferor, Left::Transferred(to));
        if let Some(Place::Talk(key)) = self.place(transferor) {
            self.take_out(key, transferor);
        }
        let party = self.parties.get(&transferor);
        party.map(|party| party.number.clone()).unwrap_or_default()
    }

    /// The record of a party that waits for somebody again.
    pub(super) fn open_hunt_record(
        &mut self,
        tools: &mut Tools<'_>,
        party: LegId,
        to: &str,
    ) -> String {
        let from = self.parties.get(&party).map(|party| party.number.clone());
        let flow = tools.legs.flow(party);
        let unknown = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let begun = Begun {
            from: from.unwrap_or_default(),
            to: event_text(to),
            source: flow.map_or(unknown, |flow| flow.remote.ip()),
            caller: Some(party),
        };
        self.open_record(tools, begun)
    }

    /// Joins the party with the far end of the transferor's other call.
    fn transfer_attended(
        &mut self,
        tools: &mut Tools<'_>,
        transferor: LegId,
        party: LegId,
        replaced: &Replaced,
    ) {
        let consult = self.find_dialog(tools, replaced);
        // Whoever calls himself has both legs of one call.
        let ours = consult.filter(|consult| ![transferor, party].contains(consult));
        let same = |consult: LegId| {
            let peer = |leg| self.parties.get(&leg).map(|party| &party.peer);
            peer(consult) == peer(transferor)
        };
        let Some(consult) = ours.filter(|consult| same(*consult)) else {
            let status = StatusCode::CALL_DOES_NOT_EXIST;
            tools.legs.transfer_refused(tools.core, transferor, status);
            return;
        };
        match self.place(consult) {
            Some(Place::Talk(_)) => self.join(tools, transferor, party, consult),
            Some(Place::Waiting(key)) => {
                self.join_waiting(tools, transferor, party, consult, key);
            }
            Some(
                Place::Branch(_)
                | Place::Transferor(_)
                | Place::Slot(_)
                | Place::Leaving
                | Place::Gone,
            )
            | None => {
                let status = StatusCode::CALL_DOES_NOT_EXIST;
                tools.legs.transfer_refused(tools.core, transferor, status);
            }
        }
    }

    fn join(&mut self, tools: &mut Tools<'_>, transferor: LegId, party: LegId, consult: LegId) {
        let Some(far) = self.other(consult) else {
            let status = StatusCode::DECLINE;
            tools.legs.transfer_refused(tools.core, transferor, status);
            return;
        };
        tools.legs.transfer_accepted(tools.core, transferor);
        let number = |leg| self.parties.get(&leg).map(|party| party.number.clone());
        let (to, from) = (number(far), number(party));
        self.part(tools, transferor, &to.unwrap_or_default());
        self.part(tools, consult, &from.unwrap_or_default());
        self.talk(tools, &[party, far]);
        self.open_record_between(tools, party, far);
        self.identify_each_other(tools, party, far);
        let status = StatusCode::OK;
        tools.legs.transfer_progress(tools.core, transferor, status);
        self.leave_alone(tools, transferor);
        self.hang_up(tools, consult, StatusCode::OK, None);
    }

    /// The other call is not answered yet: the party takes the transferor's place in the hunt.
    fn join_waiting(
        &mut self,
        tools: &mut Tools<'_>,
        transferor: LegId,
        party: LegId,
        consult: LegId,
        key: Key,
    ) {
        let Some(to) = self.hunts.get(&key).map(|hunt| hunt.record.clone()) else {
            return;
        };
        let to = self.records.get(&to).map(|open| open.record.to.clone());
        let to = to.unwrap_or_default();
        tools.legs.transfer_accepted(tools.core, transferor);
        let extension = self.part(tools, transferor, &to);
        let record = self.open_hunt_record(tools, party, &to);
        self.put(transferor, Place::Transferor(key));
        self.hear(tools, transferor, Source::Silence);
        self.put(party, Place::Waiting(key));
        let rings = self.hunts.get(&key).is_some_and(Hunt::rings);
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        for branch in &hunt.branches {
            tell_leg(tools, branch.leg, &record);
        }
        let before = std::mem::replace(&mut hunt.record, record);
        hunt.waiting = party;
        hunt.early = None;
        let aim = Aim::Transfer {
            transferor: Some(transferor),
            told: transferor,
            extension,
        };
        let aim = std::mem::replace(&mut hunt.aim, aim);
        let source = match rings {
            true => Source::Clip(Clip::Ringback),
            false => routing::music(tools.core),
        };
        self.hear(tools, party, source);
        if let Some(open) = self.records.get_mut(&before) {
            open.record.transferred_to.clone_from(&to);
        }
        let status = StatusCode::REQUEST_TERMINATED;
        self.refuse(tools, consult, &before, status, Outcome::Transferred);
        self.party_left(tools, &aim, status);
    }

    /// The party that was being transferred is not there any more.
    pub(super) fn party_left(&mut self, tools: &mut Tools<'_>, aim: &Aim, status: StatusCode) {
        if let Aim::Transfer {
            transferor, told, ..
        } = aim
        {
            tools.legs.transfer_progress(tools.core, *told, status);
            if let Some(transferor) = transferor {
                self.leave_alone(tools, *transferor);
            }
        }
    }

    /// Tells the transferor how the hunt goes.
    pub(super) fn tell_transferor(&self, tools: &mut Tools<'_>, key: Key, status: StatusCode) {
        if let Some(hunt) = self.hunts.get(&key)
            && let Aim::Transfer { told, .. } = hunt.aim
        {
            tools.legs.transfer_progress(tools.core, told, status);
        }
    }

    /// The transferor hung up before the transfer was through: it goes on without it. Its reports
    /// go on too, for a BYE does not end that subscription (RFC 3515 §2.4.4).
    pub(super) fn transferor_left(&mut self, key: Key, leg: LegId) {
        self.dirty.insert(key);
        if let Some(hunt) = self.hunts.get_mut(&key)
            && let Aim::Transfer { transferor, .. } = &mut hunt.aim
        {
            transferor.take_if(|transferor| *transferor == leg);
        }
    }

    /// A transfer found nobody: the two are given back to each other.
    pub(super) fn transfer_failed(
        &mut self,
        tools: &mut Tools<'_>,
        party: LegId,
        transferor: Option<LegId>,
        extension: &str,
    ) {
        if let Some(transferor) = transferor {
            self.talk(tools, &[party, transferor]);
            self.open_record_between(tools, party, transferor);
            return;
        }
        self.recall(tools, party, extension);
    }

    /// Calls an extension back to whom a party belongs.
    pub(super) fn recall(&mut self, tools: &mut Tools<'_>, party: LegId, extension: &str) {
        let plan = Plan {
            to: extension.to_owned(),
            stages: [Stage::recall(extension, RING_TIME_MAX)].into(),
            ..Plan::default()
        };
        let record = self.open_hunt_record(tools, party, extension);
        let hunt = Hunt::new(party, &record, Aim::Recall, plan);
        self.start(tools, hunt);
    }

    /// The leg of ours whose dialog is named, in any state.
    pub(super) fn find_dialog(&self, tools: &Tools<'_>, replaced: &Replaced) -> Option<LegId> {
        let named = |leg: &LegId| {
            tools.legs.dialog(*leg).is_some_and(|dialog| {
                dialog.call_id == replaced.call_id
                    && dialog.local_tag == replaced.to_tag
                    && dialog.remote_tag.as_ref() == Some(&replaced.from_tag)
            })
        };
        let live = self
            .parties
            .iter()
            .filter(|(_, party)| party.place != Place::Gone);
        live.map(|(leg, _)| *leg).find(named)
    }
}
