//! The beginning: an INVITE that was let in becomes a party that waits, or uses a feature, or is
//! refused; each with one record.

use ::routing::{Cause, Charge};
use ipc::store::Outcome;
use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, Request, StatusCode};

use super::hunt::{Aim, Hunt};
use super::party::{Party, Place};
use super::plan::{Lead, Plan};
use super::record::Begun;
use super::{Calls, HOPS_DEFAULT, Tools, codecs};
use crate::core::event_text;
use crate::interface::Limit;
use crate::leg::{LegId, Peer, Profile};
use crate::routing;

/// Who calls, as the door found out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// A phone of an extension, or a trunk.
    pub(crate) peer: Peer,
    /// How it is spoken to.
    pub(crate) profile: Profile,
    /// The number the callee sees.
    pub(crate) number: String,
    /// The name the callee sees.
    pub(crate) name: String,
    /// What was dialled.
    pub(crate) dialled: String,
}

impl Calls {
    /// An INVITE outside of a dialog that was let in.
    pub(crate) fn invite(
        &mut self,
        tools: &mut Tools<'_>,
        id: ServerId,
        flow: Flow,
        request: &Request,
        caller: Caller,
    ) {
        let Caller {
            peer,
            profile,
            number,
            name,
            dialled,
        } = caller;
        let begun = |caller| Begun {
            from: number.clone(),
            to: event_text(&dialled),
            source: flow.remote.ip(),
            caller,
        };
        let (core, legs) = (&mut *tools.core, &mut *tools.legs);
        let leg = match legs.incoming(core, id, flow, request, peer.clone(), profile) {
            Ok(leg) => leg,
            // A copy of an INVITE that has its record already (RFC 3261 §8.2.2.2).
            Err(StatusCode::LOOP_DETECTED) => return,
            Err(status) => {
                let record = self.open_record(tools, begun(None));
                self.end_record(tools, &record, Outcome::Rejected, status.code());
                return;
            }
        };
        let charge = match &peer {
            Peer::Trunk(trunk) => Some(Charge::inbound(trunk)),
            Peer::Extension(_) => None,
        };
        let party = Party::new(peer, number.clone(), name, false, Place::Leaving);
        self.parties.insert(leg, party);
        if let Some(charge) = charge {
            self.count_trunk(tools, leg, charge);
        }
        let record = self.open_record(tools, begun(Some(leg)));
        self.touch(leg);
        match request.headers.replaces() {
            Ok(None) => {}
            Ok(Some(replaces)) => {
                self.replace(tools, leg, &record, &replaces);
                return;
            }
            Err(_) => {
                self.refuse(
                    tools,
                    leg,
                    &record,
                    StatusCode::BAD_REQUEST,
                    Outcome::Rejected,
                );
                return;
            }
        }
        let lead = self.lead(tools, leg, request, &dialled);
        self.follow(tools, leg, &record, lead);
    }

    fn lead(&mut self, tools: &Tools<'_>, leg: LegId, request: &Request, dialled: &str) -> Lead {
        self.turn_usage(tools);
        if matches!(request.uri, sip::Uri::Other(_)) {
            return Lead::Refuse {
                status: StatusCode::UNSUPPORTED_URI_SCHEME,
                outcome: Outcome::Rejected,
            };
        }
        let Some(peer) = self.parties.get(&leg).map(|party| party.peer.clone()) else {
            return routing::nowhere();
        };
        if let Peer::Trunk(trunk) = &peer
            && (self.comes_too_fast(tools.core, trunk)
                || self.usage.on_trunk(trunk) > tools.trunks.channels_max(trunk))
        {
            return Lead::Refuse {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::Rejected,
            };
        }
        routing::lead(tools.core, self.usage(), &peer, dialled, Cause::Dialled)
    }

    /// Does what the dialled number means.
    pub(super) fn follow(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str, lead: Lead) {
        match lead {
            Lead::Ring(plan) => self.ring(tools, leg, record, plan),
            Lead::Pickup(extension) => self.pick_up(tools, leg, record, &[extension]),
            Lead::GroupPickup => self.pick_up_in_group(tools, leg, record),
            Lead::Park => self.park_held(tools, leg, record),
            Lead::Slot(slot) => self.fetch(tools, leg, record, slot),
            Lead::ThreeWay => self.three_way_dialled(tools, leg, record),
            Lead::Take => self.begin_take(tools, leg, record),
            Lead::Change(change) => self.change_setting(tools, leg, record, change),
            Lead::Refuse { status, outcome } => self.refuse(tools, leg, record, status, outcome),
        }
    }

    pub(super) fn ring(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str, plan: Plan) {
        if plan.pin {
            self.ask_pin(tools, leg, record, plan);
            return;
        }
        if !plan.emergency && !self.has_room() {
            tools.core.limit_reached(Limit::Calls);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.refuse(tools, leg, record, status, Outcome::Rejected);
            return;
        }
        if let Some(open) = self.records.get_mut(record) {
            open.record.to.clone_from(&plan.to);
        }
        if let Some(party) = self.parties.get_mut(&leg) {
            party.withheld |= plan.withheld;
        }
        let request = tools.legs.request(leg);
        let hops = request.and_then(|request| request.headers.max_forwards().ok().flatten());
        let diverted = request.and_then(|request| request.headers.text(&HeaderName::Diversion));
        let mut hunt = Hunt::new(leg, record, Aim::Call, plan);
        hunt.hops = hops.unwrap_or(HOPS_DEFAULT).saturating_sub(1);
        hunt.diversion = diverted.map(event_text);
        self.start(tools, hunt);
    }

    /// Refuses a caller.
    pub(super) fn refuse(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        record: &str,
        status: StatusCode,
        outcome: Outcome,
    ) {
        self.hang_up(tools, leg, status, None);
        self.end_record(tools, record, outcome, status.code());
    }

    /// Answers a caller who talks with the box itself; the record says so.
    pub(super) fn accept(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str) {
        // What the box plays it must be able to encode.
        self.answer(tools, leg, &codecs::offer(&[]));
        if let Some(open) = self.records.get_mut(record) {
            open.record.answered_millis = Some(tools.core.unix().as_millis());
            open.record.status = StatusCode::OK.code();
        }
    }

    /// Gives a caller 200, unless he has it.
    pub(super) fn answer(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        prefer: &[ipc::sound::Codec],
    ) {
        if let Some(party) = self.parties.get_mut(&leg).filter(|party| !party.answered) {
            party.answered = true;
            tools.legs.answer(tools.core, leg, prefer);
        }
    }
}
