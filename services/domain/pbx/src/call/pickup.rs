//! Pickup: taking a call that rings at somebody else's phone.

use ipc::store::Outcome;
use sip::StatusCode;

use super::hunt::{Aim, Hunt};
use super::plan::Who;
use super::{Calls, Key, Tools};
use crate::leg::LegId;
use crate::routing;

impl Calls {
    /// Takes the call that rings at one of these extensions, the one that has rung longest.
    pub(super) fn pick_up(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        record: &str,
        extensions: &[String],
    ) {
        let rings_there = |hunt: &Hunt| {
            hunt.branches.iter().any(|branch| match &branch.who {
                Who::Extension(number) => branch.rings && extensions.contains(number),
                Who::Trunk { .. } => false,
            })
        };
        let ringing = self.hunts.iter().filter(|(_, hunt)| rings_there(hunt));
        // The ids of records sort by time.
        let oldest = ringing.min_by(|(_, one), (_, other)| one.record.cmp(&other.record));
        match oldest.map(|(key, _)| *key) {
            Some(key) => self.take_ringing(tools, leg, record, key),
            None => {
                let status = StatusCode::NOT_FOUND;
                self.refuse(tools, leg, record, status, Outcome::NotFound);
            }
        }
    }

    /// Takes a call that rings at a member of the caller's own pickup group.
    pub(super) fn pick_up_in_group(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str) {
        let taker = self.parties.get(&leg).and_then(|party| party.extension());
        let members = taker.map(|taker| routing::pickup_members(tools.core, taker));
        self.pick_up(tools, leg, record, &members.unwrap_or_default());
    }

    /// The caller becomes who the hunt was looking for; the phones that rang show no missed call.
    pub(super) fn take_ringing(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        record: &str,
        key: Key,
    ) {
        let Some(hunt) = self.hunts.get(&key) else {
            return;
        };
        let (waiting, is_call) = (hunt.waiting, hunt.aim == Aim::Call);
        let codecs = if self
            .parties
            .get(&waiting)
            .is_some_and(|party| party.answered)
        {
            tools.legs.agreement(waiting).codecs
        } else {
            tools.legs.offered(waiting).to_vec()
        };
        if is_call {
            // Of a transfer or a recall both are told when they are joined.
            self.identify(tools, leg, waiting);
        }
        self.answer(tools, leg, &codecs);
        self.record_answered(tools, record, waiting);
        self.found(tools, key, leg);
    }
}
