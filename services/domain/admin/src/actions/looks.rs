//! Looking at what is about others: it is in the audit trail before it leaves the box (R5, R6),
//! once in ten minutes, so that looking does not push out what the trail is for.

use std::time::Duration;

use config::InCall;
use ipc::pbx::Call;
use ipc::store::{CallRecord, CallsOf};
use sansio::{Instant, UnixTime};

use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::step::Step;

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum What {
    /// Also whole numbers of people outside.
    Calls {
        whole: bool,
    },
    /// Those with one number, by what tells it from others.
    CallsWith([u8; 8]),
    LiveCalls {
        whole: bool,
    },
    Recordings,
    Spending,
    /// Also lines that have whole numbers.
    Log {
        whole: bool,
    },
    Trace {
        whole: bool,
    },
}

impl What {
    const fn action(self) -> &'static str {
        match self {
            Self::Calls { .. } => "call records seen",
            Self::CallsWith(_) => "call records searched",
            Self::LiveCalls { .. } => "calls in progress seen",
            Self::Recordings => "list of recordings seen",
            Self::Spending => "spending seen",
            Self::Log { .. } => "log seen",
            Self::Trace { .. } => "SIP trace seen",
        }
    }
}

/// Records that somebody was shown: all between two ids.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Range {
    oldest: String,
    /// `None` when he saw the newest: those that come within the ten minutes are meant too.
    newest: Option<String>,
}

impl Range {
    /// Of records, newest first; `None` of none.
    pub(crate) fn of(records: &[&CallRecord], is_to_the_newest: bool) -> Option<Self> {
        let (newest, oldest) = (records.first()?, records.last()?);
        Some(Self {
            oldest: oldest.id.clone(),
            newest: (!is_to_the_newest).then(|| newest.id.clone()),
        })
    }

    fn covers(&self, other: &Self) -> bool {
        let upwards = match (&self.newest, &other.newest) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own >= other,
        };
        upwards && self.oldest <= other.oldest
    }

    /// Both, when nothing lies between them.
    fn with(&self, other: &Self) -> Option<Self> {
        let reaches = |one: &Self, another: &Self| {
            let newest = one.newest.as_ref();
            newest.is_none_or(|newest| *newest >= another.oldest)
        };
        let together = reaches(self, other) && reaches(other, self);
        together.then(|| Self {
            oldest: self.oldest.clone().min(other.oldest.clone()),
            // Nothing is newer than the newest.
            newest: match (&self.newest, &other.newest) {
                (Some(own), Some(other)) => Some(own.clone().max(other.clone())),
                (None, _) | (_, None) => None,
            },
        })
    }

    pub(crate) fn told(&self) -> String {
        match &self.newest {
            None => format!("from {} on", self.oldest),
            Some(newest) => format!("from {} to {newest}", self.oldest),
        }
    }
}

/// Somebody has looked, and the trail says so.
#[derive(Debug)]
pub(crate) struct Look {
    began: Instant,
    range: Range,
}

impl Admin {
    /// What is to be recorded of a look, `told` about it; `None` when the trail says so already.
    fn look(
        &mut self,
        now: Instant,
        caller: &Caller,
        what: What,
        range: Range,
        told: String,
    ) -> Option<ipc::store::Audit> {
        self.looks.retain(|_, it| now - it.began < LOOK_TIME);
        let key = (caller.login.clone(), what);
        let before = self.looks.get(&key);
        if before.is_some_and(|it| it.range.covers(&range)) {
            return None;
        }
        // What was told first is told again in its time, however much came to it.
        let both = before.and_then(|it| Some((it.began, it.range.with(&range)?)));
        let (began, range) = both.unwrap_or((now, range));
        self.looks.insert(key, Look { began, range });
        Some(caller.audit(what.action().into(), String::new(), told))
    }

    /// Goes on once the trail says that somebody looks, which it has to be able to; `told` is
    /// `None` when he sees nothing of others.
    pub(crate) fn looked(
        &mut self,
        now: Instant,
        caller: Caller,
        what: What,
        told: Option<(String, Range)>,
        then: impl FnOnce(&mut Self, Caller) -> Step + Send + 'static,
    ) -> Step {
        let Some((told, range)) = told else {
            return then(self, caller);
        };
        if self.is_unrecorded_full() {
            return caller.refuse(&Fault::StoreAway);
        }
        match self.look(now, &caller, what, range, told) {
            None => then(self, caller),
            Some(audit) => self.record(audit, move |admin, _| then(admin, caller)),
        }
    }

    /// The calls that are somebody's own.
    pub(crate) fn own_calls(&self, caller: &Caller) -> Vec<CallsOf> {
        let person = self.person(&caller.login);
        person.map(config::own_calls).unwrap_or_default()
    }
}

/// Said of numbers of people outside that are shown whole.
pub(super) const WHOLE: &str = ", whole numbers";

/// Whose a call on record is.
pub(super) fn recorded(record: &CallRecord) -> InCall<'_> {
    InCall {
        began_millis: record.started_millis,
        to: &record.to,
        joined: &record.extensions,
        rung: &record.rung,
    }
}

/// Whose a call in progress is.
pub(super) fn live(call: &Call, wall: UnixTime) -> InCall<'_> {
    let passed = i64::try_from(call.seconds).unwrap_or(i64::MAX);
    InCall {
        began_millis: wall.as_millis().saturating_sub(passed.saturating_mul(1000)),
        to: &call.to,
        joined: &call.extensions,
        rung: &call.rung,
    }
}

/// Who looks again within this time, and at no more, does not fill the audit trail with it.
const LOOK_TIME: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn range(oldest: &str, newest: &str) -> Range {
        let newest = (!newest.is_empty()).then(|| newest.to_owned());
        let oldest = oldest.to_owned();
        Range { oldest, newest }
    }

    #[test]
    fn what_was_not_looked_at_is_not_covered() {
        let check = |one: Range, other: Range, covers: bool, both: Option<Range>| {
            assert_eq!(one.covers(&other), covers, "{one:?} {other:?}");
            assert_eq!(one.with(&other), both, "{one:?} {other:?}");
        };
        check(
            range("3", "5"),
            range("4", "5"),
            true,
            Some(range("3", "5")),
        );
        check(
            range("3", "5"),
            range("4", "6"),
            false,
            Some(range("3", "6")),
        );
        check(
            range("3", "5"),
            range("2", "4"),
            false,
            Some(range("2", "5")),
        );
        check(range("3", "5"), range("4", ""), false, Some(range("3", "")));
        check(range("3", ""), range("7", "8"), true, Some(range("3", "")));
        // Nobody has seen 6.
        check(range("3", "5"), range("7", ""), false, None);
        check(range("7", "8"), range("3", "5"), false, None);
    }
}
