//! Caps of minutes and money end the calls that reach them (F5).
//!
//! One alarm for all calls: it rings when the first of them could reach a cap, and at least once a
//! minute, for calls that begin meanwhile spend from the same purse and a new day fills it.

use std::time::Duration;

use ipc::sound::{Clip, Source};
use sansio::Instant;

use super::alarms::Alarm;
use super::limits::today;
use super::party::Place;
use super::{Calls, Key, Tools, spent};
use crate::interface::Limit;
use crate::leg::LegId;
use crate::routing;

/// Caps are looked at so often while a call runs that spends.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// And never more often: nobody notices a second of overspending.
const LOOK_MIN: Duration = Duration::from_secs(1);
/// How long before the end the talk hears a beep.
const WARNING: Duration = Duration::from_secs(30);
/// How long the beep has the talk for itself.
const BEEP: Duration = Duration::from_millis(500);

impl Calls {
    /// A call by trunk was answered: it may reach a cap.
    pub(super) fn watch_caps(&mut self, tools: &Tools<'_>, leg: LegId) {
        if let Some(due) = self.cap_due(tools, leg) {
            let known = self.alarms.of(Alarm::Caps);
            let soonest = known.map_or(due, |known| known.min(due));
            self.alarms.set(Alarm::Caps, Some(soonest));
        }
    }

    /// When the cap of a call is to be looked at; `None`: it spends nothing.
    fn cap_due(&self, tools: &Tools<'_>, leg: LegId) -> Option<Instant> {
        let party = self.parties.get(&leg).filter(|party| party.answered)?;
        let (_, charge) = party.ticket.as_ref()?;
        charge.class?;
        let left = routing::lasts(tools.core, &self.usage, charge).unwrap_or(LOOK_MAX);
        let ahead = match left.checked_sub(WARNING) {
            Some(ahead) if !party.warned => ahead,
            Some(_) | None => left,
        };
        Some(tools.core.now + ahead.clamp(LOOK_MIN, LOOK_MAX))
    }

    /// Looks at every call that spends: warns those that will reach a cap, ends those that have.
    pub(super) fn look_at_caps(&mut self, tools: &mut Tools<'_>) {
        let spends = |(_, party): &(&LegId, &super::party::Party)| {
            let charge = party.ticket.as_ref().map(|(_, charge)| charge);
            party.answered && charge.is_some_and(|charge| charge.class.is_some())
        };
        let running: Vec<LegId> = self
            .parties
            .iter()
            .filter(spends)
            .map(|(leg, _)| *leg)
            .collect();
        for leg in running {
            let Some(party) = self.parties.get(&leg) else {
                continue;
            };
            let charge = party.ticket.as_ref().map(|(_, charge)| charge);
            let left = charge.and_then(|charge| routing::lasts(tools.core, &self.usage, charge));
            match left {
                Some(left) if left < LOOK_MIN => {
                    tools.core.limit_reached(Limit::Spend);
                    self.give_way(tools, leg);
                }
                Some(left) if left <= WARNING && !party.warned => self.warn(tools, leg),
                Some(_) | None => {}
            }
            self.watch_caps(tools, leg);
        }
        // What was spent outlives a restart up to the last look.
        self.usage_changed = true;
        let answered = self.parties.values().filter(|party| party.answered);
        let mut charges = answered.filter_map(|party| Some(&party.ticket.as_ref()?.1));
        if charges.any(|charge| spent::spends(tools.core, charge)) {
            self.spent_changed(tools);
        }
    }

    /// Lets those who talk at this end hear that the call ends soon.
    fn warn(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        if let Some(party) = self.parties.get_mut(&leg) {
            party.warned = true;
        }
        let Some(Place::Talk(key)) = self.place(leg) else {
            return;
        };
        let others = self.others(leg);
        self.beep(tools, key, &others);
    }

    /// Lets some of those in a talk hear a beep.
    pub(super) fn beep(&mut self, tools: &mut Tools<'_>, key: Key, legs: &[LegId]) {
        for leg in legs {
            self.hear(tools, *leg, Source::Clip(Clip::Confirm));
        }
        self.alarms
            .set(Alarm::Beep(key), Some(tools.core.now + BEEP));
    }

    /// The beep is over: the talk goes on.
    pub(super) fn beep_over(&mut self, tools: &mut Tools<'_>, key: Key) {
        self.wire(tools, key);
    }

    /// The configuration in force: who was resumed may spend again.
    pub(crate) fn configured(&mut self, tools: &mut Tools<'_>) {
        let now = today(tools);
        if let Some((_, site)) = &tools.core.site
            && self.usage.configure(site, tools.core.now, now)
        {
            self.usage_changed = true;
            self.spent_changed(tools);
        }
        self.tell_how_recordings_are_kept(tools);
    }
}
