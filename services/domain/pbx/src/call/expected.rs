//! Phones that are expected back: those on TLS lose their connection when the exchange restarts,
//! and connect again within seconds. A call to one waits that long, instead of finding nobody.

use sansio::Instant;
use sip::StatusCode;

use super::plan::Who;
use super::{Calls, Key, Tools};

/// Somebody to be called as soon as a phone of his is there.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    who: Who,
    number: String,
    /// How long he shall ring.
    until: Instant,
    /// When he is not expected any more.
    pub(super) give_up: Instant,
}

impl Calls {
    /// Waits for a phone of an extension that has none now; false when none is expected.
    pub(super) fn expect(
        &mut self,
        tools: &Tools<'_>,
        key: Key,
        who: &Who,
        (number, until): (&str, Instant),
    ) -> bool {
        let give_up = tools.core.expected_until(number);
        let (Some(give_up), Some(hunt)) = (give_up, self.hunts.get_mut(&key)) else {
            return false;
        };
        hunt.expected.push(Expected {
            who: who.clone(),
            number: number.to_owned(),
            until,
            give_up: give_up.min(until),
        });
        true
    }

    /// A phone registered: calls that wait for it ring there.
    pub(crate) fn phone_came(&mut self, tools: &mut Tools<'_>, extension: &str) {
        let waits = |one: &Expected| one.number == extension;
        let hunts = self
            .hunts
            .iter()
            .filter(|(_, hunt)| hunt.expected.iter().any(waits));
        let keys: Vec<Key> = hunts.map(|(key, _)| *key).collect();
        for key in keys {
            let Some(hunt) = self.hunts.get_mut(&key) else {
                continue;
            };
            let came: Vec<Expected> = hunt.expected.extract_if(.., |one| waits(one)).collect();
            for one in came {
                self.call_extension(tools, key, &one.who, &one.number, one.until);
            }
            self.look_on(tools, key);
        }
    }

    /// Whoever has not come back by now is not there.
    pub(super) fn give_up_expected(&mut self, now: Instant, key: Key) {
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        let gone = hunt
            .expected
            .extract_if(.., |one| one.give_up <= now)
            .count();
        for _ in 0..gone {
            self.target_failed(key, StatusCode::REQUEST_TIMEOUT);
        }
    }
}
