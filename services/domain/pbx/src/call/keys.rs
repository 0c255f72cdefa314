//! Keys pressed during a call: passed on where `media` does not, and watched for a feature code.

use config::Feature;

use super::party::Place;
use super::{Calls, Tools};
use crate::leg::LegId;
use crate::routing;

/// Keys remembered: no code is longer.
const KEYS_MAX: usize = 8;

impl Calls {
    /// A key that came by INFO goes on to the others, in the way of each.
    pub(super) fn pass_key(&self, tools: &mut Tools<'_>, leg: LegId, digit: char, millis: u32) {
        for other in self.others(leg) {
            tools.legs.send_digit(tools.core, other, digit, millis);
        }
    }

    /// A key that came in the media is passed on by `media`, but not to those who want INFO.
    pub(super) fn pass_key_by_info(
        &self,
        tools: &mut Tools<'_>,
        leg: LegId,
        digit: char,
        millis: u32,
    ) {
        for other in self.others(leg) {
            if tools.legs.takes_info(other) {
                tools.legs.send_digit(tools.core, other, digit, millis);
            }
        }
    }

    /// Watches for the codes that an extension's phone may use during a call.
    pub(super) fn key(&mut self, tools: &mut Tools<'_>, leg: LegId, digit: char) {
        if self.pin_key(tools, leg, digit) || self.take_key(tools, leg, digit) {
            return;
        }
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        if party.extension().is_none() || !matches!(party.place, Place::Talk(_)) {
            return;
        }
        let before = party.keys.reveal().chars();
        let more = party.keys.reveal().chars().count().saturating_add(1);
        let keys: String = before
            .chain([digit])
            .skip(more.saturating_sub(KEYS_MAX))
            .collect();
        let pressed = routing::pressed(tools.core, &keys);
        let kept = if pressed.is_some() {
            String::new()
        } else {
            keys
        };
        party.keys = ipc::Redacted::new(kept);
        match pressed {
            Some(Feature::ThreeWay) => self.three_way_pressed(tools, leg),
            Some(_) => self.record_pressed(tools, leg),
            None => {}
        }
    }
}
