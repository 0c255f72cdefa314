//! A branch: one device or one trunk that is being called, by the first of its ways that leads
//! somewhere.

use std::collections::VecDeque;
use std::time::Duration;

use ::routing::Charge;
use ipc::sound::{Clip, Source};
use sansio::Instant;
use sip::transaction::Flow;
use sip::{HeaderName, Host, NameAddr, StatusCode, Uri};

use super::hunt::{Aim, Hunt};
use super::party::{Party, Place};
use super::plan::{Target, Who};
use super::record::tell_leg;
use super::{Calls, Key, Tools, codecs};
use crate::dialog::address;
use crate::leg::{LegId, Outgoing, Peer};
use crate::registrar::Binding;
use crate::routing;
use crate::trunk::{self, Attempt, CallOut, Diverted, tries_next_hop};

/// One who is being called.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) leg: LegId,
    pub(super) who: Who,
    way: Way,
    /// Ways to try when this one leads nowhere.
    ways: VecDeque<Way>,
    pub(super) rings: bool,
    /// When it has rung long enough.
    pub(super) until: Instant,
}

/// A way to somebody.
#[derive(Clone, Debug)]
enum Way {
    Phone(Box<Binding>),
    Trunk(Box<Attempt>),
}

impl Branch {
    /// The longest a call may last that this branch answers.
    pub(super) fn duration_max(&self) -> Option<Duration> {
        match &self.who {
            Who::Extension(_) => None,
            Who::Trunk(call) => call.1.duration_max,
        }
    }
}

impl Calls {
    /// Calls every device of a target; one that cannot be called has failed.
    pub(super) fn call_target(&mut self, tools: &mut Tools<'_>, key: Key, target: &Target) {
        let until = tools.core.now + target.lasts;
        match &target.who {
            Who::Extension(number) => {
                self.call_extension(tools, key, &target.who, number, until);
            }
            Who::Trunk(_) => self.call_trunk(tools, key, &target.who, until),
        }
    }

    pub(super) fn call_extension(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        who: &Who,
        number: &str,
        until: Instant,
    ) {
        if let Some(hunt) = self.hunts.get(&key) {
            let record = hunt.record.clone();
            self.is_for(&record, [&number.to_owned()]);
        }
        let calls = self.calls_of(number);
        if let Some(status) = routing::turned_away(tools.core, calls, number) {
            self.target_failed(key, status);
            return;
        }
        let phones = tools.core.registrar.phones(number);
        if phones.is_empty() && !self.expect(tools, key, who, (number, until)) {
            self.target_failed(key, StatusCode::REQUEST_TIMEOUT);
        }
        for phone in phones {
            let ways = phone.into_iter().map(|way| Way::Phone(Box::new(way)));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.try_ways(tools, key, who, (ways.collect(), until), status);
        }
    }

    fn call_trunk(&mut self, tools: &mut Tools<'_>, key: Key, who: &Who, until: Instant) {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let Who::Trunk(call) = who else { return };
        let attempt = &call.0;
        let charge = call.1.charge(&attempt.trunk);
        if let Err(status) = self.may_begin(tools, key, &charge) {
            self.target_failed(key, status);
            return;
        }
        let Some((caller, diverted)) = self.shown_outside(tools, key, attempt) else {
            return;
        };
        let out = CallOut {
            number: &attempt.number,
            caller: &caller,
            diverted: diverted.as_ref(),
            urgent: self.hunts.get(&key).is_some_and(|hunt| hunt.emergency),
        };
        match tools.trunks.outgoing(tools.core, &attempt.trunk, &out) {
            Ok(ways) => {
                if out.urgent {
                    self.make_room(tools, &attempt.trunk);
                }
                let ways = ways.into_iter().map(|way| Way::Trunk(Box::new(way)));
                self.try_ways(tools, key, who, (ways.collect(), until), unavailable);
            }
            // The next trunk may be there.
            Err(_) => self.target_failed(key, unavailable),
        }
    }

    /// Whether limits let a call by trunk begin. The next trunk of the same attempt goes on under
    /// its ticket; whatever comes later, after phones have rung or at the cost of somebody else, is
    /// an attempt of its own (F3 to F5).
    fn may_begin(
        &mut self,
        tools: &Tools<'_>,
        key: Key,
        charge: &Charge,
    ) -> Result<(), StatusCode> {
        let ticket = self.hunts.get(&key).and_then(|hunt| hunt.ticket);
        if ticket.is_some_and(|ticket| self.usage().is_same(ticket, charge)) {
            return routing::has_channel(tools.core, self.usage(), charge);
        }
        self.drop_ticket(tools, key);
        routing::may_begin(tools.core, self.usage(), charge)
    }

    /// Who calls, and who sent the call on, as a carrier is told.
    fn shown_outside(
        &self,
        tools: &Tools<'_>,
        key: Key,
        attempt: &::routing::Attempt,
    ) -> Option<(trunk::Caller, Option<Diverted>)> {
        let hunt = self.hunts.get(&key)?;
        let waiting = self.parties.get(&hunt.waiting)?;
        let caller = trunk::Caller {
            number: attempt.caller_id.number.as_ref().map(ToString::to_string),
            name: waiting.name.clone(),
            withheld: attempt.caller_id.withheld || hunt.withheld || waiting.withheld,
        };
        let extension = hunt.ring.as_ref().and_then(|ring| ring.diverted.last());
        let diverted = extension.map(|extension| Diverted {
            number: routing::outside_number(tools.core, extension),
            reason: hunt.reason,
        });
        Some((caller, diverted))
    }

    pub(super) fn target_failed(&mut self, key: Key, status: StatusCode) {
        if let Some(hunt) = self.hunts.get_mut(&key) {
            hunt.stage_failures.push(status.code());
        }
    }

    /// Calls by the first way that can be taken; without any, `last` is the target's last word.
    fn try_ways(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        who: &Who,
        (mut ways, until): (VecDeque<Way>, Instant),
        last: StatusCode,
    ) {
        while let Some(way) = ways.pop_front() {
            let Some((outgoing, party)) = self.outgoing(tools, key, who, &way) else {
                continue;
            };
            let Some(leg) = tools.legs.outgoing(tools.core, outgoing) else {
                continue;
            };
            self.parties.insert(leg, party);
            self.touch(leg);
            self.keep_again(leg);
            if let Who::Trunk(call) = who {
                let charge = call.1.charge(&call.0.trunk);
                let ticket = self.hunts.get_mut(&key).and_then(|hunt| hunt.ticket.take());
                match ticket {
                    Some(ticket) => self.count_moved(leg, ticket, charge),
                    None => self.count_trunk(tools, leg, charge),
                }
            }
            if let Some(hunt) = self.hunts.get_mut(&key) {
                tell_leg(tools, leg, &hunt.record);
                let (who, rings) = (who.clone(), false);
                hunt.branches.push(Branch {
                    leg,
                    who,
                    way,
                    ways,
                    rings,
                    until,
                });
            }
            return;
        }
        self.target_failed(key, last);
    }

    fn outgoing(
        &self,
        tools: &mut Tools<'_>,
        key: Key,
        who: &Who,
        way: &Way,
    ) -> Option<(Outgoing, Party)> {
        let hunt = self.hunts.get(&key)?;
        let waiting = self.parties.get(&hunt.waiting)?;
        let offered = if waiting.answered {
            tools.legs.agreement(hunt.waiting).codecs
        } else {
            tools.legs.offered(hunt.waiting).to_vec()
        };
        let codecs = codecs::offer(&offered);
        let place = Place::Branch(key);
        match (who, way) {
            (Who::Extension(number), Way::Phone(binding)) => {
                let flow = tools.core.reach(binding);
                let outgoing = Outgoing {
                    peer: Peer::Extension(number.clone()),
                    flow,
                    target: binding.uri.clone(),
                    route: binding.path.clone(),
                    from: shown(tools, hunt, waiting, flow),
                    to: address(number, flow),
                    hops: hunt.hops,
                    headers: diversion(tools, hunt)
                        .into_iter()
                        .chain(referred_by(hunt, flow))
                        .collect(),
                    profile: routing::profile(tools.core, number),
                    login: None,
                    codecs,
                };
                let name = routing::shown_name(tools.core, number);
                let peer = Peer::Extension(number.clone());
                Some((
                    outgoing,
                    Party::new(peer, number.clone(), name, true, place),
                ))
            }
            (Who::Trunk(call), Way::Trunk(attempt)) => {
                let outgoing = attempt.clone().dial(tools.core, hunt.hops, codecs);
                let number = call.0.number.clone();
                let peer = outgoing.peer.clone();
                Some((
                    outgoing,
                    Party::new(peer, number, String::new(), true, place),
                ))
            }
            (Who::Trunk(_), Way::Phone(_)) | (Who::Extension(_), Way::Trunk(_)) => None,
        }
    }

    /// The ticket of a trunk's attempt goes on to the next trunk.
    pub(super) fn keep_ticket(&mut self, key: Key, leg: LegId) {
        let ticket = self
            .parties
            .get_mut(&leg)
            .and_then(|party| party.ticket.take());
        if let (Some((ticket, _)), Some(hunt)) = (ticket, self.hunts.get_mut(&key)) {
            hunt.ticket = Some(ticket);
        }
    }

    /// 101 to 199 of somebody who is being called.
    pub(super) fn branch_progress(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        status: StatusCode,
        early: bool,
    ) {
        let Some(Place::Branch(key)) = self.place(leg) else {
            return;
        };
        self.touch(leg);
        if matches!(
            self.parties.get(&leg).map(|party| &party.peer),
            Some(Peer::Trunk(_))
        ) {
            // Its INVITE may have gone out again since, with credentials.
            self.keep_again(leg);
        }
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        if let Some(branch) = hunt.branches.iter_mut().find(|branch| branch.leg == leg) {
            // Carriers let the ringing be heard by 183 and send no 180 (RFC 3960 §3.1).
            branch.rings |= status == StatusCode::RINGING || early;
        }
        let (waiting, rings) = (hunt.waiting, hunt.rings());
        let ring = hunt.ring.as_ref();
        self.changed
            .extend(ring.and_then(|ring| ring.group.clone()));
        if early && hunt.early.is_none() {
            hunt.early = Some(leg);
        }
        let heard = hunt.early == Some(leg);
        self.touch(waiting);
        let answered = self
            .parties
            .get(&waiting)
            .is_some_and(|party| party.answered);
        if !answered {
            self.pass_progress(tools, key, status, heard.then_some(leg));
        }
        if heard {
            self.hear(tools, waiting, Source::Endpoint(leg.0));
            self.hear(tools, leg, Source::Endpoint(waiting.0));
        } else if rings && self.hears_the_box(key) {
            self.hear(tools, waiting, Source::Clip(Clip::Ringback));
        }
        self.tell_transferor(tools, key, status);
    }

    /// Tells a caller how far it is: each status once, and a description with the first early
    /// media (trap 19).
    fn pass_progress(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        status: StatusCode,
        early: Option<LegId>,
    ) {
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        let described = early.is_some() && !hunt.early_told;
        if hunt.told.contains(&status) && !described {
            return;
        }
        hunt.told.push(status);
        hunt.early_told |= described;
        let waiting = hunt.waiting;
        let codecs = early.map(|leg| tools.legs.agreement(leg).codecs);
        let codecs = codecs.as_deref();
        tools.legs.progress(tools.core, waiting, status, codecs);
    }

    /// Whether the waiting party hears what the box plays, and no early media of a branch.
    fn hears_the_box(&self, key: Key) -> bool {
        self.hunts.get(&key).is_some_and(|hunt| {
            let party = self.parties.get(&hunt.waiting);
            let hears = hunt.early_told || party.is_some_and(|party| party.answered);
            hears && hunt.early.is_none()
        })
    }

    /// The first 2xx of a branch.
    pub(super) fn branch_answered(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        if let Some(party) = self.parties.get_mut(&leg) {
            party.answered = true;
        }
        match self.place(leg) {
            Some(Place::Branch(key)) => self.found(tools, key, leg),
            Some(
                Place::Waiting(_)
                | Place::Transferor(_)
                | Place::Talk(_)
                | Place::Slot(_)
                | Place::Leaving
                | Place::Gone,
            )
            | None => {}
        }
    }

    /// A branch ended without an answer; its leg is gone. The hunt goes on with its next way, with
    /// the others, or with the next stage.
    pub(super) fn branch_failed(&mut self, tools: &mut Tools<'_>, leg: LegId, status: StatusCode) {
        let found = self.hunts.iter_mut().find_map(|(key, hunt)| {
            let at = hunt.branches.iter().position(|branch| branch.leg == leg)?;
            Some((*key, hunt.branches.remove(at)))
        });
        let Some((key, branch)) = found else { return };
        if let Some(hunt) = self.hunts.get_mut(&key)
            && hunt.early == Some(leg)
        {
            hunt.early = None;
            let (waiting, rings) = (hunt.waiting, hunt.rings());
            let source = if rings {
                Source::Clip(Clip::Ringback)
            } else {
                Source::Silence
            };
            self.hear(tools, waiting, source);
        }
        if let (Who::Trunk(call), Way::Trunk(attempt)) = (&branch.who, &branch.way)
            && tries_next_hop(status)
        {
            let trunk = &call.0.trunk;
            tools.trunks.hop_failed(tools.core, trunk, attempt.hop);
        }
        if tries_next_hop(status) && !branch.ways.is_empty() {
            let ways = (branch.ways, branch.until);
            self.try_ways(tools, key, &branch.who, ways, status);
        } else {
            self.target_failed(key, status);
            self.stop_asking(tools, key, &branch.who, status);
        }
        self.look_on(tools, key);
    }

    /// A last word that speaks for others too.
    fn stop_asking(&mut self, tools: &mut Tools<'_>, key: Key, who: &Who, status: StatusCode) {
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        match who {
            // RFC 3261 §16.7: a 6xx speaks for every device of its person, not for a whole group.
            Who::Extension(_) if status.code() >= 600 => {
                let of_person = hunt.branches.extract_if(.., |other| other.who == *who);
                let legs: Vec<LegId> = of_person.map(|other| other.leg).collect();
                for leg in legs {
                    self.hang_up(tools, leg, StatusCode::REQUEST_TERMINATED, None);
                }
            }
            Who::Extension(_) => {}
            Who::Trunk(call) => {
                // The called one himself said no: another trunk would lead to the same phone.
                let unreached = tries_next_hop(status)
                    || routing::fails_over(tools.core, &call.0.trunk, status);
                while !unreached && hunt.stages.front().is_some_and(super::Stage::is_trunk) {
                    hunt.stages.pop_front();
                }
            }
        }
    }
}

/// Who calls, as the called one is shown; behind the name of the group that was dialled, so that
/// its members know as whom to answer.
fn shown(tools: &Tools<'_>, hunt: &Hunt, waiting: &Party, flow: Flow) -> NameAddr {
    let mut from = address(&waiting.number, flow);
    from.display = (!waiting.name.is_empty()).then(|| waiting.name.clone());
    if hunt.withheld || waiting.withheld {
        // RFC 3323 §4.1.1.3.
        if let Some(host) = Host::parse("anonymous.invalid") {
            from.uri = Uri::sip(Some("anonymous"), host, None);
        }
        from.display = Some("Anonymous".to_owned());
    }
    let group = hunt.ring.as_ref().and_then(|ring| ring.group.as_deref());
    if let Some(group) = group.and_then(|group| routing::group_name(tools.core, group)) {
        let caller = from.display.as_deref().unwrap_or(&waiting.number);
        from.display = Some(format!("{group}: {caller}"));
    }
    from
}

/// Which extension transfers (RFC 3892 §2.2). Phones of the site are told, carriers are not.
fn referred_by(hunt: &Hunt, flow: Flow) -> Option<(HeaderName, String)> {
    match &hunt.aim {
        Aim::Transfer { extension, .. } => {
            let text = address(extension, flow).to_string();
            Some((HeaderName::ReferredBy, text))
        }
        Aim::Call | Aim::Recall => None,
    }
}

/// Who sent the call on last (RFC 5806).
fn diversion(tools: &Tools<'_>, hunt: &Hunt) -> Option<(HeaderName, String)> {
    let diverted = hunt.ring.as_ref().and_then(|ring| ring.diverted.last());
    let ours = diverted.map(|number| routing::diversion(tools.core, number, hunt.reason));
    let text = ours.or_else(|| hunt.diversion.clone())?;
    Some((HeaderName::Diversion, text))
}
