//! What a lamp on somebody's phone shows of an extension, a group or a parking slot (RFC 4235).

use super::party::{Party, Place};
use super::{Calls, Tools};
use crate::leg::{DialogName, LegId, Legs};
use crate::subscription::{Lamp, LampState, Party as Shown};

impl Calls {
    /// Hands over how things stand with every watched number that something happened to.
    ///
    /// Every call is looked at for each, so what nobody watches is left alone; who begins to watch
    /// asks for it ([`Self::lamps`]).
    pub(super) fn light_lamps(&mut self, tools: &mut Tools<'_>) {
        for number in std::mem::take(&mut self.changed) {
            if !tools.subscriptions.watches(&number) {
                continue;
            }
            let lamps = self.lamps(tools.legs, &number);
            tools.subscriptions.set_dialogs(tools.core, &number, lamps);
        }
    }

    /// Every call of a number, as a lamp shows it.
    pub(crate) fn lamps(&self, legs: &Legs, number: &str) -> Vec<Lamp> {
        let parked = number.parse().ok().and_then(|slot| self.parked.get(&slot));
        if let Some(parked) = parked {
            return self.lamp_of_slot(number, parked.leg).into_iter().collect();
        }
        let of_extension = self
            .parties
            .iter()
            .filter(|(_, party)| party.extension() == Some(number))
            .filter_map(|(leg, party)| self.lamp(legs, *leg, party));
        of_extension.chain(self.lamps_of_group(number)).collect()
    }

    fn lamp(&self, legs: &Legs, leg: LegId, party: &Party) -> Option<Lamp> {
        let (state, other) = match party.place {
            Place::Gone | Place::Leaving => return None,
            Place::Talk(_) => (LampState::Confirmed, self.others(leg).first().copied()),
            Place::Slot(_) | Place::Transferor(_) => (LampState::Confirmed, None),
            Place::Branch(key) => {
                let hunt = self.hunts.get(&key)?;
                let branch = hunt.branches.iter().find(|branch| branch.leg == leg)?;
                (ringing(branch.rings), Some(hunt.waiting))
            }
            Place::Waiting(key) => {
                let hunt = self.hunts.get(&key)?;
                let state = if party.answered {
                    LampState::Confirmed
                } else {
                    ringing(hunt.rings())
                };
                (state, hunt.branches.first().map(|branch| branch.leg))
            }
        };
        let name: Option<DialogName> = legs.dialog(leg);
        Some(Lamp {
            id: format!("{:x}", leg.0),
            name,
            recipient: party.called,
            state,
            local: Shown {
                number: party.number.clone(),
                name: party.name.clone(),
            },
            remote: self.shown_of(other),
        })
    }

    fn lamp_of_slot(&self, slot: &str, leg: LegId) -> Option<Lamp> {
        self.parties.get(&leg).map(|party| Lamp {
            id: format!("{:x}", leg.0),
            name: None,
            recipient: true,
            state: LampState::Confirmed,
            local: Shown {
                number: slot.to_owned(),
                name: String::new(),
            },
            remote: shown(party),
        })
    }

    /// Calls that ring at a group.
    fn lamps_of_group<'a>(&'a self, number: &'a str) -> impl Iterator<Item = Lamp> + 'a {
        let rings_there = move |hunt: &&super::hunt::Hunt| {
            let group = hunt.ring.as_ref().and_then(|ring| ring.group.as_deref());
            group == Some(number)
        };
        self.hunts
            .values()
            .filter(rings_there)
            .map(move |hunt| Lamp {
                id: format!("{:x}", hunt.waiting.0),
                name: None,
                recipient: true,
                state: ringing(hunt.rings()),
                local: Shown {
                    number: number.to_owned(),
                    name: String::new(),
                },
                remote: self.shown_of(Some(hunt.waiting)),
            })
    }

    fn shown_of(&self, leg: Option<LegId>) -> Shown {
        let party = leg.and_then(|leg| self.parties.get(&leg));
        party.map_or_else(
            || Shown {
                number: String::new(),
                name: String::new(),
            },
            shown,
        )
    }
}

fn shown(party: &Party) -> Shown {
    let (name, number) = party.shown();
    Shown {
        number: number.to_owned(),
        name: name.to_owned(),
    }
}

const fn ringing(rings: bool) -> LampState {
    if rings {
        LampState::Early
    } else {
        LampState::Trying
    }
}
