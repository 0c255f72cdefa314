//! A talk: two or more parties that hear each other.
//!
//! Two hear each other's endpoints; more hear a mix. Whoever holds takes himself out: the other one
//! of two hears music, the others of a mix go on without him. A hold is never passed on: each leg
//! negotiates alone, so that two that cross cannot collide.

use std::time::Duration;

use ipc::sound::{MixId, Source};
use sip::StatusCode;

use super::alarms::Alarm;
use super::party::Place;
use super::record::Left;
use super::{Calls, IDLE_TIME_MAX, Key, Tools, codecs};
use crate::leg::LegId;
use crate::routing;

/// Parties that hear each other.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) members: Vec<LegId>,
    /// What more than two hear.
    pub(super) mix: MixId,
}

impl Calls {
    /// Lets parties hear each other from now on.
    pub(super) fn talk(&mut self, tools: &mut Tools<'_>, members: &[LegId]) {
        let key = tools.key();
        self.talk_as(tools, key, members);
    }

    /// The same, under a key that nothing has any more.
    pub(super) fn talk_as(&mut self, tools: &mut Tools<'_>, key: Key, members: &[LegId]) {
        let mix = tools.key();
        for member in members {
            self.alarms.set(Alarm::Party(*member), None);
            self.put(*member, Place::Talk(key));
        }
        let members = members.to_vec();
        self.talks.insert(key, Talk { members, mix });
        self.wire(tools, key);
    }

    /// Says to everybody in a talk what they hear.
    pub(super) fn wire(&mut self, tools: &mut Tools<'_>, key: Key) {
        self.dirty.insert(key);
        let Some(talk) = self.talks.get(&key).cloned() else {
            return;
        };
        let parties = talk.members.iter().filter_map(|leg| self.parties.get(leg));
        let until = parties.filter_map(|party| party.until).min();
        self.alarms.set(Alarm::Talk(key), until);
        // Whoever hears a beep hears it to its end; then this is asked again.
        let beeps = self.alarms.of(Alarm::Beep(key)).is_some();
        for member in talk.members.iter().filter(|_| !beeps) {
            let speakers = talk.members.iter().copied().filter(|other| other != member);
            let mut speakers = speakers.filter(|other| !holds(tools, *other));
            let source = match (speakers.next(), talk.members.len()) {
                (None, _) => routing::music(tools.core),
                (Some(other), 2) => Source::Endpoint(other.0),
                // Whoever hears a mix speaks into it: not so the music of a phone that holds.
                (Some(_), _) if holds(tools, *member) => Source::Silence,
                (Some(_), _) => Source::Mix(talk.mix),
            };
            self.hear(tools, *member, source);
        }
        self.mend_codecs(tools, &talk);
        self.tape_talk(tools, key);
    }

    /// Brings two together that agreed on codecs which do not reach the other: the one that may
    /// send such a codec is offered what the other one takes, once. Whoever refuses keeps what he
    /// has, and Opus is converted.
    fn mend_codecs(&mut self, tools: &mut Tools<'_>, talk: &Talk) {
        let [one, other] = talk.members.as_slice() else {
            return;
        };
        let (a, b) = (tools.legs.agreement(*one), tools.legs.agreement(*other));
        if a.codecs.is_empty() || b.codecs.is_empty() {
            return;
        }
        // A phone that has Opus and nothing else need not be asked; `media` converts for it.
        let able = |leg: &LegId| {
            let offered = tools.legs.offered(*leg);
            offered.is_empty() || offered.iter().any(codecs::is_convertible)
        };
        let (leg, wanted) = if !codecs::reaches(&a.codecs, &b.codecs) && able(one) {
            (*one, codecs::offer(&b.codecs))
        } else if !codecs::reaches(&b.codecs, &a.codecs) && able(other) {
            (*other, codecs::offer(&a.codecs))
        } else {
            return;
        };
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        if tools.legs.is_confirmed(leg) && party.mended != wanted {
            party.mended.clone_from(&wanted);
            tools.legs.renegotiate(tools.core, leg, &wanted);
        }
    }

    /// What a leg agreed on has changed: hold, resume, other codecs.
    pub(super) fn changed(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        match self.place(leg) {
            Some(Place::Talk(key)) => self.wire(tools, key),
            Some(
                Place::Waiting(_)
                | Place::Branch(_)
                | Place::Transferor(_)
                | Place::Slot(_)
                | Place::Leaving
                | Place::Gone,
            )
            | None => self.keep_again(leg),
        }
    }

    /// Whether a party holds the others.
    pub(super) fn is_holding(tools: &Tools<'_>, leg: LegId) -> bool {
        holds(tools, leg)
    }

    /// The others in a talk.
    pub(super) fn others(&self, leg: LegId) -> Vec<LegId> {
        let Some(Place::Talk(key)) = self.place(leg) else {
            return Vec::new();
        };
        let members = self.talks.get(&key).map(|talk| talk.members.as_slice());
        let others = members.unwrap_or_default().iter().copied();
        others.filter(|member| *member != leg).collect()
    }

    /// The other one of two.
    pub(super) fn other(&self, leg: LegId) -> Option<LegId> {
        match self.others(leg).as_slice() {
            [other] => Some(*other),
            _ => None,
        }
    }

    /// Takes somebody out of a talk without a word; the talk ends when he was one of two.
    pub(super) fn take_out(&mut self, key: Key, leg: LegId) {
        let Some(talk) = self.talks.get_mut(&key) else {
            return;
        };
        talk.members.retain(|member| *member != leg);
        self.dirty.insert(key);
        if talk.members.len() < 2 {
            self.alarms.set(Alarm::Talk(key), None);
            self.talks.remove(&key);
        }
    }

    /// A member is gone. The other one of two is hung up; three go on as two.
    pub(super) fn leave_talk(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        leg: LegId,
        left: Left<'_>,
    ) {
        let others = self
            .talks
            .get(&key)
            .map(|talk| {
                talk.members
                    .iter()
                    .copied()
                    .filter(|one| *one != leg)
                    .collect::<Vec<_>>()
            })
            .unwrap_or_default();
        self.end_records_of(tools, leg, left);
        self.take_out(key, leg);
        match others.as_slice() {
            [other] => {
                // Whoever was parked by a route has a record of his own.
                let left = match left {
                    Left::HungUp => Left::WasHungUp,
                    Left::WasHungUp | Left::Box | Left::Transferred(_) => left,
                };
                self.end_records_of(tools, *other, left);
                self.hang_up(tools, *other, StatusCode::OK, None);
            }
            [one, other] => {
                if !self.have_record(*one, *other) {
                    self.open_record_between(tools, *one, *other);
                }
                self.wire(tools, key);
            }
            _ => self.wire(tools, key),
        }
    }

    /// The box ends a talk.
    pub(super) fn end_talk(&mut self, tools: &mut Tools<'_>, key: Key) {
        let members = self.talks.get(&key).map(|talk| talk.members.clone());
        for member in members.unwrap_or_default() {
            self.end_records_of(tools, member, Left::Box);
            self.take_out(key, member);
            self.hang_up(tools, member, StatusCode::OK, None);
        }
    }

    /// Nothing came from a peer for some time. Comfort noise and RTCP count as something for
    /// `media`; a peer that holds owes us nothing (trap 24).
    pub(super) fn idle(&mut self, tools: &mut Tools<'_>, leg: LegId, seconds: u32) {
        let long = Duration::from_secs(u64::from(seconds)) >= IDLE_TIME_MAX;
        if !long || holds(tools, leg) {
            return;
        }
        match self.place(leg) {
            Some(Place::Talk(key)) => {
                self.end_records_of(tools, leg, Left::Box);
                self.hang_up(tools, leg, StatusCode::OK, None);
                self.leave_talk(tools, key, leg, Left::Box);
            }
            Some(Place::Slot(slot)) => {
                self.hang_up(tools, leg, StatusCode::OK, None);
                self.parked_left(slot);
            }
            Some(
                Place::Waiting(_)
                | Place::Branch(_)
                | Place::Transferor(_)
                | Place::Leaving
                | Place::Gone,
            )
            | None => {}
        }
    }

    /// Shows two parties who they are connected to now. A trunk is not told: our inside numbers
    /// mean nothing there, and whoever withholds his would be shown (RFC 3325 §7).
    pub(super) fn identify_each_other(&self, tools: &mut Tools<'_>, one: LegId, other: LegId) {
        self.identify(tools, one, other);
        self.identify(tools, other, one);
    }

    /// Shows a party who it is connected to now, unless it is a trunk.
    pub(super) fn identify(&self, tools: &mut Tools<'_>, leg: LegId, peer: LegId) {
        let inside = self
            .parties
            .get(&leg)
            .is_some_and(|it| it.trunk().is_none());
        if let Some(party) = self.parties.get(&peer).filter(|_| inside) {
            let (name, number) = party.shown();
            tools.legs.identify(tools.core, leg, name, number);
        }
    }
}

fn holds(tools: &Tools<'_>, leg: LegId) -> bool {
    tools.legs.agreement(leg).held_by_peer
}
