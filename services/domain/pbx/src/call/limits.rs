//! How many calls there are, of whom: for limits, and for who is busy.

use ipc::pbx::Trunk as TrunkStatus;
use routing::{Charge, Ticket, Usage, day};

use super::party::{Party, Place};
use super::{CALLS_MAX, Calls, Tools};
use crate::leg::LegId;

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

    /// The minutes of a call by trunk begin to count.
    pub(super) fn count_answered(&mut self, tools: &Tools<'_>, leg: LegId) {
        if let Some((ticket, _)) = self
            .parties
            .get(&leg)
            .and_then(|party| party.ticket.as_ref())
        {
            self.usage.answered(*ticket, tools.core.now);
        }
    }

    /// A call by trunk is over.
    pub(super) fn count_ended(&mut self, tools: &Tools<'_>, leg: LegId) {
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        let (answered, ticket) = (party.answered, party.ticket.take());
        if let Some((ticket, _)) = ticket {
            self.usage
                .ended(ticket, tools.core.now, today(tools), answered);
            self.usage_changed = true;
        }
    }
}

/// The day at the site, by which what was spent is counted.
pub(super) fn today(tools: &Tools<'_>) -> i32 {
    let site = tools.core.site.as_ref();
    site.map_or(0, |(_, site)| day(site, tools.core.unix()))
}
