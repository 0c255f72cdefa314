//! Three-way: somebody with two calls joins them in a mix.
//!
//! He dials the code as a call of its own, with both of the others on hold, or presses it during
//! one call while the other is on hold. When he hangs up, the two others go on talking, as they do
//! on most exchanges: whoever wants to end it all asks them to hang up.

use ipc::store::Outcome;
use sip::StatusCode;

use super::party::Place;
use super::{Calls, Tools};
use crate::leg::LegId;

impl Calls {
    /// The code was dialled: the caller and everybody he holds hear each other.
    pub(super) fn three_way_dialled(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str) {
        let held = self.held_by_person(tools, leg);
        let [(first, one), (second, other)] = held.as_slice() else {
            let (status, outcome) = (StatusCode::NOT_FOUND, Outcome::NotFound);
            self.refuse(tools, leg, record, status, outcome);
            return;
        };
        self.accept(tools, leg, record);
        let (first, one, second, other) = (*first, *one, *second, *other);
        for holder in [first, second] {
            self.take_place(tools, holder, leg);
        }
        self.talk(tools, &[leg, one, other]);
    }

    /// The code was pressed during a call: whom the presser holds in another joins it.
    pub(super) fn three_way_pressed(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let (Some(one), held) = (self.other(leg), self.held_by_person(tools, leg)) else {
            return;
        };
        let Some((holder, other)) = held.first().copied() else {
            return;
        };
        if let Some(Place::Talk(key)) = self.place(leg) {
            self.take_out(key, leg);
        }
        self.take_place(tools, holder, leg);
        self.talk(tools, &[leg, one, other]);
    }

    /// One leg of a person takes the place of another of his, which is hung up.
    fn take_place(&mut self, tools: &mut Tools<'_>, before: LegId, after: LegId) {
        self.replace_in_records(tools, before, after);
        if let Some(Place::Talk(key)) = self.place(before) {
            self.take_out(key, before);
        }
        self.hang_up(tools, before, StatusCode::OK, None);
    }
}
