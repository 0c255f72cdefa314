//! Numbers of people outside in calls of others are whole for whoever may see them so, and masked
//! for everybody else (R18). One's own calls are whole.

use config::{InCall, is_inside_number, masked};
use ipc::erasure::ERASED;
use ipc::pbx::Call;
use ipc::store::CallRecord;
use sansio::UnixTime;

use super::looks::{live, recorded};
use crate::admin::{Admin, Caller};
use crate::permission::Permission;

/// Something that numbers stand in.
pub(super) trait Numbered {
    /// Whose it is.
    fn about(&self, wall: UnixTime) -> InCall<'_>;
    /// The numbers that may be those of people outside.
    fn numbers(&mut self) -> Vec<&mut String>;
}

impl Numbered for CallRecord {
    fn about(&self, _: UnixTime) -> InCall<'_> {
        recorded(self)
    }

    fn numbers(&mut self) -> Vec<&mut String> {
        vec![&mut self.from, &mut self.to, &mut self.transferred_to]
    }
}

impl Numbered for Call {
    fn about(&self, wall: UnixTime) -> InCall<'_> {
        live(self, wall)
    }

    fn numbers(&mut self) -> Vec<&mut String> {
        vec![&mut self.from, &mut self.to]
    }
}

impl Admin {
    /// Leaves out whom a call went back to where the caller may not see the calls of that extension
    /// of then: it would say that it had a call with this number before.
    pub(super) fn hide_called_back(&self, caller: &Caller, calls: &mut [CallRecord]) {
        let Some(seen) = self.calls_seen_by(caller) else {
            return;
        };
        for call in calls {
            let began = call.started_millis;
            let is_seen = seen
                .iter()
                .any(|it| it.number == call.called_back && it.since_millis <= began);
            if !is_seen {
                call.called_back.clear();
            }
        }
    }

    /// Masks what the caller may not see whole. Whether a number of somebody outside in a call of
    /// others is left whole, which the audit trail says.
    pub(super) fn mask(
        &self,
        caller: &Caller,
        wall: UnixTime,
        calls: &mut [impl Numbered],
    ) -> bool {
        let may_see = caller.may(Permission::SeeWholeNumbers);
        let own = self.own_calls(caller);
        let mut is_whole = false;
        for call in calls.iter_mut().filter(|it| !it.about(wall).is_of(&own)) {
            let about = call.about(wall);
            let inside: Vec<String> = about.joined.iter().chain(about.rung).cloned().collect();
            for number in call.numbers() {
                if number == ERASED || is_inside_number(number) || inside.contains(number) {
                    continue;
                }
                is_whole |= may_see;
                if !may_see {
                    *number = masked(number);
                }
            }
        }
        is_whole
    }
}
