//! Routes that ask for a PIN (F7): the caller is answered, hears a tone, and enters the PIN of his
//! extension; the call goes on when it is right.

use std::time::Duration;

use ::routing::{Cause, Charge, Outbound, Ticket};
use config::{Number, Price};
use ipc::sound::{Clip, Source};
use ipc::store::Outcome;
use sip::StatusCode;

use super::alarms::Alarm;
use super::limits::today;
use super::party::Place;
use super::plan::{Lead, Plan};
use super::{Calls, Tools, codecs};
use crate::interface::{AuthFailure, Event};
use crate::leg::LegId;
use crate::routing;

/// How long the PIN may take.
const PIN_TIME_MAX: Duration = Duration::from_secs(20);
/// Tries before the caller is hung up: a PIN has four digits or more.
const PIN_TRIES_MAX: u8 = 3;
/// Longest PIN read.
const PIN_LENGTH_MAX: usize = 16;

/// A caller who is to enter his PIN.
#[derive(Clone)]
pub(super) struct Asked {
    record: String,
    /// What he dialled.
    number: String,
    digits: String,
    tries: u8,
    /// He has spent what he may: his PIN lets him go on (F5).
    spent: bool,
    /// His call counts while he is asked: who never answers takes up no more than who calls (F3,
    /// F4).
    ticket: Option<Ticket>,
}

impl std::fmt::Debug for Asked {
    /// Without what he entered.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked")
            .field("record", &self.record)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// What a call is counted under while its caller is asked: it occupies no trunk yet.
fn waiting(outbound: &Outbound) -> Charge {
    Charge {
        price: Price::default(),
        ..outbound.charge("")
    }
}

impl Calls {
    /// Asks a caller for his PIN before a plan is carried out.
    pub(super) fn ask_pin(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str, plan: Plan) {
        if self.pin_locked(tools, leg) {
            self.refuse(tools, leg, record, StatusCode::FORBIDDEN, Outcome::Rejected);
            return;
        }
        self.answer(tools, leg, &codecs::offer(&[]));
        self.put(leg, Place::Leaving);
        self.hear(tools, leg, Source::Clip(Clip::Confirm));
        self.set_pin_alarm(tools, leg);
        let charge = plan.outside().map(waiting);
        let ticket = charge.map(|charge| self.usage.admit(tools.core.now, charge));
        self.usage_changed = true;
        let asked = Asked {
            ticket,
            record: record.to_owned(),
            number: plan.to,
            digits: String::new(),
            tries: 0,
            spent: plan.spent,
        };
        self.pins.insert(leg, asked);
    }

    fn set_pin_alarm(&mut self, tools: &Tools<'_>, leg: LegId) {
        let until = tools.core.now + PIN_TIME_MAX;
        self.alarms.set(Alarm::Party(leg), Some(until));
    }

    /// A key of a caller who enters his PIN; `#` ends it. False when none is asked of him.
    pub(super) fn pin_key(&mut self, tools: &mut Tools<'_>, leg: LegId, key: char) -> bool {
        let Some(asked) = self.pins.get_mut(&leg) else {
            return false;
        };
        if key != '#' {
            if asked.digits.len() < PIN_LENGTH_MAX {
                asked.digits.push(key);
            }
            return true;
        }
        let digits = std::mem::take(&mut asked.digits);
        asked.tries = asked.tries.saturating_add(1);
        let last = asked.tries >= PIN_TRIES_MAX;
        // Another call may have used up the tries since this one was asked.
        let locked = self.pin_locked(tools, leg);
        let right = !locked && self.is_right_pin(tools, leg, &digits);
        let last = last || locked || self.pin_locked(tools, leg);
        if right && let Some(asked) = self.pins.remove(&leg) {
            self.alarms.set(Alarm::Party(leg), None);
            self.pin_entered(tools, leg, &asked);
        } else if last {
            self.wrong_pin(tools, leg);
        } else {
            // The tone again: the first one ended long ago, so it is asked for anew.
            self.hear(tools, leg, Source::Silence);
            self.hear(tools, leg, Source::Clip(Clip::Confirm));
            self.set_pin_alarm(tools, leg);
        }
        true
    }

    /// Whether no PIN is taken now of the extension that calls, or from where it calls.
    fn pin_locked(&self, tools: &mut Tools<'_>, leg: LegId) -> bool {
        let extension = self.parties.get(&leg).and_then(|party| party.extension());
        let (Some(extension), Some(flow)) = (extension, tools.legs.flow(leg)) else {
            return false;
        };
        let now = tools.core.now;
        self.pin_guard.is_locked(extension, flow.remote.ip(), now)
    }

    /// Compares a PIN, and remembers how it came out.
    fn is_right_pin(&mut self, tools: &mut Tools<'_>, leg: LegId, digits: &str) -> bool {
        let extension = self.parties.get(&leg).and_then(|party| party.extension());
        let (Some(extension), Some(flow)) = (extension, tools.legs.flow(leg)) else {
            return false;
        };
        let (now, source) = (tools.core.now, flow.remote);
        self.pin_guard_changed = true;
        if routing::is_pin(tools.core, extension, digits) {
            self.pin_guard.right(extension, source.ip());
            return true;
        }
        self.pin_guard.wrong(extension, source.ip(), now);
        tools.core.event(Event::AuthFailure {
            class: AuthFailure::WrongPin,
            extension: extension.to_owned(),
            source,
            transport: flow.transport,
        });
        false
    }

    /// The PIN is right. Whether the call may be made is asked again: others may have begun while
    /// it was entered, and all of them count (F3 to F5).
    fn pin_entered(&mut self, tools: &mut Tools<'_>, leg: LegId, asked: &Asked) {
        let Some(party) = self.parties.get(&leg) else {
            return;
        };
        let payer = party.extension().and_then(|it| Number::parse(it).ok());
        let peer = party.peer.clone();
        if let Some(ticket) = asked.ticket {
            self.usage.withdrawn(ticket);
        }
        if let Some(payer) = payer.filter(|_| asked.spent) {
            self.usage.forgive(&payer, tools.core.now);
            self.usage_changed = true;
            self.spent_changed(tools);
        }
        let (number, cause) = (&asked.number, Cause::Dialled);
        let lead = match routing::lead(tools.core, self.usage(), &peer, number, cause) {
            Lead::Ring(plan) => Lead::Ring(Plan { pin: false, ..plan }),
            other => other,
        };
        self.follow(tools, leg, &asked.record, lead);
    }

    /// The caller did not enter his PIN, or not the right one.
    fn wrong_pin(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let Some(asked) = self.pins.remove(&leg) else {
            return;
        };
        if let Some(ticket) = asked.ticket {
            self.usage.ended(ticket, tools.core.now, today(tools));
        }
        let status = StatusCode::FORBIDDEN;
        self.refuse(tools, leg, &asked.record, status, Outcome::Rejected);
    }

    /// A party is gone, or its time is over; true when it was asked for a PIN.
    pub(super) fn pin_over(&mut self, tools: &mut Tools<'_>, leg: LegId) -> bool {
        let asked = self.pins.contains_key(&leg);
        self.wrong_pin(tools, leg);
        asked
    }
}
