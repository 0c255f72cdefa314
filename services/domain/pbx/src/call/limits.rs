//! How many calls there are, of whom: for limits, and for who is busy.

use std::time::Duration;

use ipc::pbx::Trunk as TrunkStatus;
use ipc::store::Outcome;
use routing::{Charge, Periods, Ticket, Usage};
use sip::StatusCode;

use super::party::{Party, Place};
use super::record::Left;
use super::{CALLS_MAX, Calls, Key, Tools};
use crate::core::Core;
use crate::leg::LegId;

const MINUTE: Duration = Duration::from_secs(60);

impl Calls {
    /// In how many calls an extension is; a phone that only rings does not count.
    pub(super) fn calls_of(&self, extension: &str) -> usize {
        let in_call = |party: &&Party| match party.place {
            Place::Waiting(_) | Place::Talk(_) | Place::Slot(_) | Place::Transferor(_) => true,
            Place::Branch(_) | Place::Leaving | Place::Gone => false,
        };
        let of_extension = |party: &&Party| party.extension() == Some(extension);
        let parties = self.parties.values().filter(of_extension);
        parties.filter(in_call).count()
    }

    /// Whether more calls come in by a trunk than may in a minute. One that may not does not count.
    pub(super) fn comes_too_fast(&mut self, core: &Core, trunk: &str) -> bool {
        let limits = core.site.as_ref().and_then(|(_, site)| site.trunk(trunk));
        let Some(limit) = limits.and_then(|trunk| trunk.inbound_per_minute) else {
            self.inbound.remove(trunk);
            return false;
        };
        let recent = self.inbound.entry(trunk.to_owned()).or_default();
        recent.retain(|came| core.now - *came < MINUTE);
        let full = recent.len() >= limit;
        if !full {
            recent.push_back(core.now);
        }
        full
    }

    /// Calls on a trunk.
    pub(crate) fn count_calls(&self, trunks: &mut [TrunkStatus]) {
        for trunk in trunks {
            let of_trunk = |party: &&Party| {
                party.trunk() == Some(trunk.name.as_str()) && party.place != Place::Gone
            };
            let calls = self.parties.values().filter(of_trunk).count();
            trunk.calls = u32::try_from(calls).unwrap_or(u32::MAX);
        }
    }

    /// Whether one more call can be taken.
    pub(super) fn has_room(&self) -> bool {
        let live = self.hunts.len().saturating_add(self.talks.len());
        live.saturating_add(self.parked.len()) < CALLS_MAX
    }

    /// What is going on and what was spent, for decisions.
    pub(super) const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// A call is about to be decided on: what was spent is that of the days, weeks and months that
    /// it is now. Without it a clock that ran ahead would leave caps reached for ever, for where
    /// every call is refused nothing else looks at the time.
    pub(super) fn turn_usage(&mut self, tools: &Tools<'_>) {
        self.usage_changed |= self.usage.turn(today(tools));
    }

    /// Counts a call by trunk from now on, under a ticket that its leg carries.
    pub(super) fn count_trunk(&mut self, tools: &Tools<'_>, leg: LegId, charge: Charge) {
        let ticket = self.usage.admit(tools.core.now, charge.clone());
        self.usage_changed = true;
        if let Some(party) = self.parties.get_mut(&leg) {
            party.ticket = Some((ticket, charge));
        }
    }

    /// A call goes on by another trunk, under the same ticket: it is one attempt (F4).
    pub(super) fn count_moved(&mut self, leg: LegId, ticket: Ticket, charge: Charge) {
        self.usage.moved(ticket, &charge.trunk);
        if let Some(party) = self.parties.get_mut(&leg) {
            party.ticket = Some((ticket, charge));
        }
    }

    /// An emergency call goes out by this trunk: when all its channels are in use, the call that
    /// began last gives its own up, one that went out before one that came in (F15).
    pub(super) fn make_room(&mut self, tools: &mut Tools<'_>, trunk: &str) {
        if self.usage.on_trunk(trunk) < tools.trunks.channels_max(trunk) {
            return;
        }
        let candidates = self.parties.iter().filter_map(|(leg, party)| {
            let (ticket, charge) = party.ticket.as_ref()?;
            let emergency = charge.payer.is_some() && charge.class.is_none();
            let outbound = charge.class.is_some();
            (charge.trunk == trunk && !emergency).then_some((outbound, *ticket, *leg))
        });
        if let Some((_, _, leg)) = candidates.max() {
            self.give_way(tools, leg);
        }
    }

    /// Ends the call of a party by trunk.
    pub(super) fn give_way(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        match self.place(leg) {
            // Two that are left of three go on: one of them may be an emergency.
            Some(Place::Talk(key)) => {
                self.end_records_of(tools, leg, Left::Box);
                self.hang_up(tools, leg, StatusCode::OK, None);
                self.leave_talk(tools, key, leg, Left::Box);
            }
            Some(Place::Branch(key) | Place::Waiting(key)) => {
                if let Some(hunt) = self.take_hunt(tools, key, None) {
                    self.failed(tools, hunt, status, Outcome::EndedByBox);
                }
            }
            Some(Place::Slot(slot)) => {
                self.hang_up(tools, leg, StatusCode::OK, None);
                self.parked_left(slot);
            }
            Some(Place::Transferor(_) | Place::Leaving) => {
                self.end_records_of(tools, leg, Left::Box);
                self.hang_up(tools, leg, status, None);
            }
            Some(Place::Gone) | None => {}
        }
    }

    /// A hunt's attempt by trunk is over: what comes next is another one.
    pub(super) fn drop_ticket(&mut self, tools: &Tools<'_>, key: Key) {
        let ticket = self.hunts.get_mut(&key).and_then(|hunt| hunt.ticket.take());
        if let Some(ticket) = ticket {
            self.usage.ended(ticket, tools.core.now, today(tools));
        }
    }

    /// The minutes of a call by trunk begin to count.
    pub(super) fn count_answered(&mut self, tools: &Tools<'_>, leg: LegId) {
        if let Some((ticket, charge)) = self
            .parties
            .get(&leg)
            .and_then(|party| party.ticket.as_ref())
        {
            let (ticket, charge) = (*ticket, charge.clone());
            self.usage.answered(ticket, tools.core.now, today(tools));
            self.usage_changed = true;
            self.spent_by(tools, &charge);
            self.watch_caps(tools, leg);
        }
    }

    /// A call by trunk is over.
    pub(super) fn count_ended(&mut self, tools: &Tools<'_>, leg: LegId) {
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        if let Some((ticket, charge)) = party.ticket.take() {
            let answered = party.answered;
            self.usage.ended(ticket, tools.core.now, today(tools));
            self.usage_changed = true;
            if answered {
                self.spent_by(tools, &charge);
            }
        }
    }
}

/// The day, week and month at the site, by which what was spent is counted.
pub(super) fn today(tools: &Tools<'_>) -> Periods {
    periods(tools.core)
}

/// The same, for who has no call at hand.
pub(super) fn periods(core: &Core) -> Periods {
    let site = core.site.as_ref();
    site.map(|(_, site)| Periods::of(site, core.unix()))
        .unwrap_or_default()
}
