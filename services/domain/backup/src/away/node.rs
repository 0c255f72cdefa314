//! The state machine of copies away from the box.

use std::collections::VecDeque;
use std::time::Duration;

use sansio::{Instant, Node};

use super::differed::Differed;
use super::events::{Answer, Archive, Command, Input, Output};
use super::memory::{Memory, Trouble};
use super::steps::There;
use super::wanted::Plan;
use crate::plan::OVERDUE_MILLIS;

/// Decides over copies away from the box; see the module header.
#[derive(Debug, Default)]
pub struct AwayNode {
    pub(super) memory: Memory,
    /// As it was last given out to be kept.
    kept: Memory,
    /// Somebody has said where copies go.
    is_placed: bool,
    /// What is on the box; `None` until somebody has said.
    pub(super) here: Option<Vec<Archive>>,
    /// What the clock of the box was, and when it was so, where it is believed.
    clock: Option<(Instant, i64)>,
    phase: Phase,
    /// What the place has, once this round has its list.
    pub(super) there: Option<There>,
    pub(super) differed: Differed,
    /// The number of the last question.
    number: u64,
    /// Rounds since one has come to its end, or further than all before.
    failures: u32,
    /// Parts that were there when a round had come furthest.
    furthest: usize,
    /// When something has got there last, or nothing was left to; until then, when it was first
    /// tried.
    well_at: Option<Instant>,
    /// What people were told last, once they were told something.
    alarm: Option<Option<Trouble>>,
    outputs: VecDeque<Output>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Off,
    /// Until the answer is there, or is waited for no longer.
    Asking(Box<Command>, Instant),
    /// Everything is there; looked at again then.
    Done(Instant),
    /// Tried again then.
    Failed(Instant),
}

impl Node for AwayNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        let asked = self.number;
        match input {
            Input::Place(place) => self.place(now, place),
            Input::Credential => self.credential(now),
            Input::Here {
                archives,
                now: clock,
            } => self.here(now, archives, clock.map(sansio::UnixTime::as_millis)),
            Input::Answered { number, answer } if number == self.number => {
                self.answered(now, answer);
            }
            // Late, or again.
            Input::Answered { .. } => {}
            Input::Timer => self.timer(now),
        }
        self.tell(now, asked);
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Off => None,
            Phase::Asking(_, at) | Phase::Done(at) | Phase::Failed(at) => Some(*at),
        }
    }
}

impl AwayNode {
    /// `memory` is what the process before was last given by [`Output::Keep`].
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self {
            kept: memory.clone(),
            memory,
            ..Self::default()
        }
    }

    fn place(&mut self, now: Instant, place: Option<String>) {
        if self.is_placed && self.memory.place == place {
            return;
        }
        self.is_placed = true;
        // What one place has, another has not.
        if self.memory.place != place {
            self.memory = Memory::of(place);
        }
        self.memory.since(self.now_millis(now));
        self.differed = Differed::default();
        self.well_at = None;
        self.furthest = 0;
        self.failures = 0;
        self.begin(now);
    }

    fn credential(&mut self, now: Instant) {
        // Nobody knows yet what the place says to this one.
        self.memory.is_better(Trouble::Invalid);
        self.failures = 0;
        self.begin(now);
    }

    fn here(&mut self, now: Instant, archives: Vec<Archive>, now_millis: Option<i64>) {
        self.clock = now_millis.map(|millis| (now, millis));
        self.differed.here(&archives);
        self.memory.here(&archives);
        let is_first = self.here.replace(archives).is_none();
        if self.is_placed {
            self.memory.since(now_millis);
        }
        let is_new = || {
            let plan = self.plan(now_millis);
            plan.wanted().any(|it| {
                let name = &it.kept.name;
                !self.memory.has(name) && !self.differed.rests(name, now)
            })
        };
        match &self.phase {
            Phase::Off if is_first => self.begin(now),
            Phase::Done(_) if is_new() => self.begin(now),
            Phase::Off | Phase::Done(_) | Phase::Asking(..) | Phase::Failed(_) => {}
        }
    }

    /// What time it is, where the clock is believed.
    pub(super) fn now_millis(&self, now: Instant) -> Option<i64> {
        let (at, millis) = self.clock?;
        let passed = now.saturating_since(at).as_millis();
        Some(millis.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)))
    }

    pub(super) fn plan(&self, now_millis: Option<i64>) -> Plan<'_> {
        let here = self.here.as_deref().unwrap_or_default();
        Plan::of(here, &self.memory, now_millis)
    }

    /// A round, which begins with the credential (R25).
    fn begin(&mut self, now: Instant) {
        self.there = None;
        self.phase = Phase::Off;
        if self.is_placed && self.memory.place.is_some() && self.here.is_some() {
            self.well_at.get_or_insert(now);
            self.ask(now, Command::CheckCredential);
        }
    }

    fn ask(&mut self, now: Instant, command: Command) {
        let patience = match &command {
            Command::Put { .. } | Command::List | Command::Finish { .. } => LONG_WITHIN,
            Command::CheckCredential | Command::Abandon { .. } | Command::Delete { .. } => {
                ANSWER_WITHIN
            }
        };
        self.number = self.number.saturating_add(1);
        self.phase = Phase::Asking(Box::new(command), now + patience);
    }

    fn answered(&mut self, now: Instant, answer: Answer) {
        // The last answer of a round may come twice.
        let Phase::Asking(command, _) = &self.phase else {
            return;
        };
        let command = Command::clone(command);
        match self.judge(now, command, answer) {
            Ok(()) => self.go_on(now),
            Err(trouble) => self.fail(now, trouble),
        }
    }

    fn go_on(&mut self, now: Instant) {
        let next = match &self.there {
            None => Some(Command::List),
            Some(there) => there.next(
                &self.plan(self.now_millis(now)),
                |name| self.differed.has(name),
                |name| self.differed.rests(name, now),
            ),
        };
        match next {
            Some(command) => self.ask(now, command),
            None => self.done(now),
        }
    }

    fn done(&mut self, now: Instant) {
        let plan = self.plan(self.now_millis(now));
        let is_complete = plan.is_complete();
        let differs = plan.wanted().any(|it| {
            let name = &it.kept.name;
            self.differed.has(name) && !self.memory.has(name)
        });
        self.memory.trouble = differs.then_some(Trouble::Differs);
        if is_complete {
            self.well_at = Some(now);
        }
        self.failures = 0;
        self.furthest = 0;
        self.there = None;
        self.phase = Phase::Done(now + LOOK_AGAIN);
    }

    /// A list says how far it came.
    pub(super) fn came_to(&mut self, parts: usize) {
        if parts > self.furthest {
            self.furthest = parts;
            self.failures = 0;
        }
    }

    /// An archive is there, whole.
    pub(super) fn got_there(&mut self, now: Instant) {
        self.well_at = Some(now);
        self.memory.is_better(Trouble::Full);
    }

    fn fail(&mut self, now: Instant, trouble: Trouble) {
        self.memory.failed(trouble);
        self.there = None;
        let pause = match trouble {
            // Asking again changes nothing of these.
            Trouble::Invalid | Trouble::Full => PAUSE_MAX,
            _ => (PAUSE_MIN * 2_u32.pow(self.failures.min(DOUBLINGS))).min(PAUSE_MAX),
        };
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Failed(now + pause);
    }

    fn timer(&mut self, now: Instant) {
        if self.deadline().is_none_or(|at| now < at) {
            return;
        }
        match &self.phase {
            Phase::Off => {}
            Phase::Asking(..) => {
                // What it still says to that is late.
                self.number = self.number.saturating_add(1);
                self.fail(now, Trouble::Away);
            }
            Phase::Done(_) | Phase::Failed(_) => self.begin(now),
        }
    }

    /// What came of it, in this order: what is to be kept is, before the next thing is asked.
    fn tell(&mut self, now: Instant, asked: u64) {
        if self.memory != self.kept {
            self.kept = self.memory.clone();
            self.outputs.push_back(Output::Keep(self.kept.clone()));
        }
        let is_stuck = self
            .well_at
            .is_some_and(|at| now.saturating_since(at) > STUCK_AFTER);
        let alarm = self.memory.alarm(self.now_millis(now), is_stuck);
        // The process before may have told something else, and been cut short.
        if self.is_placed && self.here.is_some() && self.alarm != Some(alarm) {
            self.alarm = Some(alarm);
            self.outputs.push_back(Output::Alarm(alarm));
        }
        if self.number != asked
            && let Phase::Asking(command, _) = &self.phase
        {
            self.outputs.push_back(Output::Ask {
                number: self.number,
                command: Command::clone(command),
            });
        }
    }
}

/// An answer that is not there by then is none.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The same for a part, 8 MiB at 14 KiB a second; for a list, which is as many requests as there
/// are archives; and for the end of an archive, which a bucket puts together then.
const LONG_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Until a round is tried again; doubled each time.
const PAUSE_MIN: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// The pause is at its longest then.
const DOUBLINGS: u32 = 6;

/// What is there is looked at so often, also where nothing new is to go there.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Nothing has got there for so long, whatever the clock says.
const STUCK_AFTER: Duration = Duration::from_millis(OVERDUE_MILLIS.unsigned_abs());
