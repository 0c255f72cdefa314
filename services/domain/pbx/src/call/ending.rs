//! The end of everything: the box stops in order.

use ipc::store::Outcome;
use sip::StatusCode;

use super::hunt::Aim;
use super::party::Place;
use super::record::Left;
use super::{Calls, Key, Tools};
use crate::leg::LegId;

impl Calls {
    /// Ends every call in order.
    pub(crate) fn shut_down(&mut self, tools: &mut Tools<'_>) {
        let hunts: Vec<Key> = self.hunts.keys().copied().collect();
        for key in hunts {
            let Some(hunt) = self.take_hunt(tools, key, None) else {
                continue;
            };
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.end_record(tools, &hunt.record, Outcome::EndedByBox, status.code());
            self.hang_up(tools, hunt.waiting, status, None);
            if let Aim::Transfer {
                transferor: Some(transferor),
                ..
            } = hunt.aim
            {
                self.hang_up(tools, transferor, status, None);
            }
        }
        let talks: Vec<Key> = self.talks.keys().copied().collect();
        for key in talks {
            self.end_talk(tools, key);
        }
        let slots: Vec<u32> = self.parked.keys().copied().collect();
        for slot in slots {
            if let Some(leg) = self.parked_left(slot) {
                self.hang_up(tools, leg, StatusCode::OK, None);
            }
        }
        let left = |party: &super::party::Party| party.place != Place::Gone;
        let rest = self.parties.iter().filter(|(_, party)| left(party));
        let rest: Vec<LegId> = rest.map(|(leg, _)| *leg).collect();
        for leg in rest {
            self.end_records_of(tools, leg, Left::Box);
            self.hang_up(tools, leg, StatusCode::SERVICE_UNAVAILABLE, None);
        }
    }
}
