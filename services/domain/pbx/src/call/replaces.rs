//! INVITE with Replaces (RFC 3891): a phone takes over a call of ours, or picks up one that rings.

use ipc::store::Outcome;
use sip::{Replaces, StatusCode};

use super::party::Place;
use super::record::Left;
use super::{Calls, Tools};
use crate::leg::{LegId, Replaced};
use crate::routing;

impl Calls {
    /// A caller wants the place of another leg.
    pub(super) fn replace(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        record: &str,
        replaces: &Replaces,
    ) {
        let replaced = Replaced {
            call_id: replaces.call_id.clone(),
            to_tag: replaces.to_tag.clone(),
            from_tag: replaces.from_tag.clone(),
            early_only: replaces.early_only,
        };
        // One that is answered is found here only when it need not be early.
        let found = tools.legs.find(&replaced);
        let found = found.or_else(|| self.find_dialog(tools, &replaced));
        let place = found.and_then(|found| Some((found, self.place(found)?)));
        let refusal = match place {
            Some((found, Place::Branch(key))) if self.may_take(tools, leg, found) => {
                self.take_ringing(tools, leg, record, key);
                return;
            }
            Some((found, Place::Talk(_)))
                if !replaced.early_only && self.is_same_person(leg, found) =>
            {
                self.take_over(tools, leg, record, found);
                return;
            }
            Some((_, Place::Branch(_))) => StatusCode::FORBIDDEN,
            Some((found, place)) => irreplaceable(tools, found, place, &replaced),
            None if tools.legs.has_ended(tools.core.now, &replaced) => StatusCode::DECLINE,
            None => StatusCode::CALL_DOES_NOT_EXIST,
        };
        self.refuse(tools, leg, record, refusal, Outcome::Rejected);
    }

    /// A confirmed call moves to another phone of the same person.
    fn take_over(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str, before: LegId) {
        let Some(Place::Talk(key)) = self.place(before) else {
            return;
        };
        let Some(other) = self.other(before) else {
            let status = StatusCode::DECLINE;
            self.refuse(tools, leg, record, status, Outcome::Rejected);
            return;
        };
        let number = self.parties.get(&leg).map(|party| party.number.clone());
        let codecs = tools.legs.agreement(other).codecs;
        self.answer(tools, leg, &codecs);
        self.end_records_of(
            tools,
            before,
            Left::Transferred(&number.unwrap_or_default()),
        );
        self.take_out(key, before);
        self.hang_up(tools, before, StatusCode::OK, None);
        self.record_answered(tools, record, other);
        self.talk(tools, &[leg, other]);
    }

    fn is_same_person(&self, one: LegId, other: LegId) -> bool {
        let peer = |leg| self.parties.get(&leg).map(|party| &party.peer);
        peer(one).is_some() && peer(one) == peer(other)
    }

    /// Whether a caller may take a call that rings somewhere else: his own, or one of his group.
    fn may_take(&self, tools: &Tools<'_>, leg: LegId, ringing: LegId) -> bool {
        let extension = |leg| self.parties.get(&leg).and_then(|party| party.extension());
        let (Some(taker), Some(called)) = (extension(leg), extension(ringing)) else {
            return false;
        };
        taker == called || routing::share_pickup_group(tools.core, taker, called)
    }
}

/// Why a dialog that we know cannot be had (RFC 3891 §3).
fn irreplaceable(tools: &Tools<'_>, found: LegId, place: Place, replaced: &Replaced) -> StatusCode {
    match place {
        Place::Gone => StatusCode::DECLINE,
        // An early dialog that the other side began is nobody's to take.
        _ if !tools.legs.is_confirmed(found) => StatusCode::CALL_DOES_NOT_EXIST,
        // It is answered already.
        _ if replaced.early_only => StatusCode::BUSY_HERE,
        Place::Talk(_) => StatusCode::FORBIDDEN,
        // It is on its way to somebody else.
        Place::Waiting(_)
        | Place::Branch(_)
        | Place::Transferor(_)
        | Place::Slot(_)
        | Place::Leaving => StatusCode::DECLINE,
    }
}
