//! Calls back (R18): who calls from outside reaches the extension first that last had to do with
//! his number. The store knows which one that is, and is given little time to say so: the call goes
//! to where its route leads as if nothing had been asked.
//!
//! ```text
//!   Stage::CallBack --> Asks --an extension--> Rings --nobody--> next stage
//!                         +----nobody, or no answer in time----------^
//! ```

use std::time::Duration;

use ipc::Redacted;

use super::alarms::Alarm;
use super::plan::{CallBack, Ring, Stage, Target, Who};
use super::{Calls, Key, Tools};
use crate::interface::{Event, QueryId};
use crate::routing;

/// How long the store may take to say who it was: a small part of what a carrier takes to put a
/// call through, and of the silence between two ringing tones.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(300);

/// How far a hunt is with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallingBack {
    /// Nobody is called back now.
    No,
    /// The store was asked.
    Asks {
        /// The question.
        id: QueryId,
        /// What for.
        wish: CallBack,
    },
    /// The stage that runs, or begins next, rings for it.
    Rings {
        /// Somebody had rung for as long as he may before.
        timed_out: bool,
    },
}

impl CallingBack {
    /// The store was asked, and has not answered.
    pub(super) const fn asks(self) -> bool {
        matches!(self, Self::Asks { .. })
    }
}

impl Calls {
    /// Asks who had last to do with the number of the waiting party; false when it shows none that
    /// says who it is.
    pub(super) fn ask_last_with(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        wish: CallBack,
    ) -> bool {
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return false;
        };
        let Some(party) = self.parties.get(&hunt.waiting) else {
            return false;
        };
        let is_shown = party.trunk().is_some() && !party.withheld;
        if !is_shown || !config::is_outside_number(&party.number) {
            return false;
        }
        let number = Redacted::new(party.number.clone());
        let within = i64::try_from(wish.within.as_millis()).unwrap_or(i64::MAX);
        let since = tools.core.unix().as_millis().saturating_sub(within);
        let id = tools.core.ask_last_with(number, since);
        hunt.calling_back = CallingBack::Asks { id, wish };
        let until = tools.core.now + ANSWER_TIME_MAX;
        self.alarms.set(Alarm::Hunt(key), Some(until));
        true
    }

    /// The store has answered. Whoever asked may be gone, or may have waited long enough.
    pub(crate) fn last_with(
        &mut self,
        tools: &mut Tools<'_>,
        id: QueryId,
        extension: Option<&str>,
    ) {
        let asked = self.hunts.iter().find_map(|(key, hunt)| {
            let CallingBack::Asks { id: asked, wish } = hunt.calling_back else {
                return None;
            };
            (asked == id).then_some((*key, wish))
        });
        let Some((key, wish)) = asked else { return };
        if let Some(extension) = extension {
            self.call_back(tools, key, extension, wish);
        }
        self.asked_enough(tools, key);
    }

    /// The answer is there, or is not waited for any longer: the next stage begins.
    pub(super) fn asked_enough(&mut self, tools: &mut Tools<'_>, key: Key) {
        self.alarms.set(Alarm::Hunt(key), None);
        if let Some(hunt) = self.hunts.get_mut(&key)
            && hunt.calling_back.asks()
        {
            hunt.calling_back = CallingBack::No;
        }
        self.next_stage(tools, key);
    }

    /// Puts an extension before whoever else is looked for, if it can be rung and would not ring
    /// first in any case.
    fn call_back(&mut self, tools: &mut Tools<'_>, key: Key, extension: &str, wish: CallBack) {
        let Some(extension) = routing::called_back(tools.core, extension) else {
            return;
        };
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        let is_next = |stage: &Stage| match stage {
            Stage::Ring(ring) => ring.person.as_ref() == Some(&extension),
            Stage::Announcement(_)
            | Stage::CallBack(_)
            | Stage::Park
            | Stage::Refuse(_)
            | Stage::End(..) => false,
        };
        if hunt.stages.front().is_some_and(is_next) {
            return;
        }
        hunt.stages.push_front(Stage::Ring(Ring {
            targets: vec![Target {
                who: Who::Extension(extension.clone()),
                delay: Duration::ZERO,
                lasts: wish.ring,
            }],
            person: None,
            group: None,
            diverted: Vec::new(),
            recorded: wish.recorded,
        }));
        let timed_out = hunt.timed_out;
        hunt.calling_back = CallingBack::Rings { timed_out };
        if let Some(open) = self.records.get_mut(&hunt.record) {
            open.record.called_back.clone_from(&extension);
        }
        let id = hunt.record.clone();
        tools.core.event(Event::CalledBack { id, extension });
    }

    /// Nobody of a stage answered. Of who was called back nothing is left: the call goes on as if
    /// it had come to the destinations of its route first.
    pub(super) fn call_back_over(&mut self, key: Key) {
        if let Some(hunt) = self.hunts.get_mut(&key)
            && let CallingBack::Rings { timed_out } = hunt.calling_back
        {
            hunt.calling_back = CallingBack::No;
            hunt.stage_failures.clear();
            hunt.timed_out = timed_out;
        }
    }
}
