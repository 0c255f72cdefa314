//! Routes that ask for a PIN (F7): the caller is answered, hears a tone, and enters the PIN of his
//! extension; the call goes on when it is right.

use std::time::Duration;

use ::routing::Cause;
use config::Number;
use ipc::sound::{Clip, Source};
use ipc::store::Outcome;
use sip::StatusCode;

use super::alarms::Alarm;
use super::party::Place;
use super::plan::{Lead, Plan};
use super::{Calls, Tools, codecs};
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

impl Calls {
    /// Asks a caller for his PIN before a plan is carried out.
    pub(super) fn ask_pin(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str, plan: Plan) {
        self.answer(tools, leg, &codecs::offer(&[]));
        self.put(leg, Place::Leaving);
        self.hear(tools, leg, Source::Clip(Clip::Confirm));
        self.set_pin_alarm(tools, leg);
        let asked = Asked {
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
        let extension = self.parties.get(&leg).and_then(|party| party.extension());
        let right = extension.is_some_and(|one| routing::is_pin(tools.core, one, &digits));
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

    /// The PIN is right. Whether the call may be made is asked again: others may have begun while
    /// it was entered, and all of them count (F3 to F5).
    fn pin_entered(&mut self, tools: &mut Tools<'_>, leg: LegId, asked: &Asked) {
        let Some(party) = self.parties.get(&leg) else {
            return;
        };
        let payer = party.extension().and_then(|it| Number::parse(it).ok());
        if let Some(payer) = payer.filter(|_| asked.spent) {
            self.usage.forgive(&payer, tools.core.now);
            self.usage_changed = true;
        }
        let (number, cause) = (&asked.number, Cause::Dialled);
        let lead = match routing::lead(tools.core, self.usage(), &party.peer, number, cause) {
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
