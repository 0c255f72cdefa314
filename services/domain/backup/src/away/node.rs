//! The state machine of copies away from the box.

use std::collections::VecDeque;
use std::time::Duration;

use sansio::{Instant, Node};

use super::events::{Answer, Archive, Command, Digest, Input, Output};
use super::memory::{Memory, Trouble};
use super::steps::{There, wanted};

/// Decides over copies away from the box; see the module header.
#[derive(Debug, Default)]
pub struct AwayNode {
    memory: Memory,
    /// As it was last given out to be kept.
    kept: Memory,
    /// Somebody has said where copies go.
    is_placed: bool,
    /// What is on the box; `None` until somebody has said.
    here: Option<Vec<Archive>>,
    /// By the clock of the box, where it is believed.
    now_millis: Option<i64>,
    phase: Phase,
    /// What the place has, once this round has its list.
    there: Option<There>,
    /// The number of the last question.
    number: u64,
    /// Rounds since one has come to its end.
    failures: u32,
    alarm: Option<Trouble>,
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
        self.tell(asked);
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
        self.failures = 0;
        self.begin(now);
    }

    fn credential(&mut self, now: Instant) {
        self.failures = 0;
        self.begin(now);
    }

    fn here(&mut self, now: Instant, archives: Vec<Archive>, now_millis: Option<i64>) {
        let is_first = self.here.is_none();
        self.here = Some(archives);
        self.now_millis = now_millis;
        if self.is_placed && self.memory.place.is_some() && self.memory.since_millis.is_none() {
            self.memory.since_millis = now_millis;
        }
        let is_new = || {
            let here = self.here.as_deref().unwrap_or_default();
            let mut wanted = wanted(here, &self.memory, now_millis).into_iter();
            wanted.any(|it| !self.memory.has(&it.kept.name))
        };
        match &self.phase {
            Phase::Off if is_first => self.begin(now),
            Phase::Done(_) if is_new() => self.begin(now),
            Phase::Off | Phase::Done(_) | Phase::Asking(..) | Phase::Failed(_) => {}
        }
    }

    /// A round, which begins with the credential (R25).
    fn begin(&mut self, now: Instant) {
        self.there = None;
        self.phase = Phase::Off;
        if self.is_placed && self.memory.place.is_some() && self.here.is_some() {
            self.ask(now, Command::CheckCredential);
        }
    }

    fn ask(&mut self, now: Instant, command: Command) {
        let patience = match &command {
            Command::Put { .. } => PART_WITHIN,
            _ => ANSWER_WITHIN,
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
        match self.judge(command, answer) {
            Ok(()) => self.go_on(now),
            Err(trouble) => self.fail(now, trouble),
        }
    }

    /// What was asked, and what is said to it.
    fn judge(&mut self, command: Command, answer: Answer) -> Result<(), Trouble> {
        let here = self.here.get_or_insert_default();
        let there = &mut self.there;
        match (command, answer) {
            (_, Answer::Invalid) => return Err(Trouble::Invalid),
            (_, Answer::Full) => return Err(Trouble::Full),
            (_, Answer::Failed) => return Err(Trouble::Away),
            (Command::CheckCredential, Answer::Valid) => {}
            (Command::List, Answer::Listed { whole, begun }) => {
                let listed = There::read(whole, begun).ok_or(Trouble::NoSense)?;
                self.memory.compare(&listed, here);
                *there = Some(listed);
                return Ok(());
            }
            (Command::Put { archive, .. } | Command::Finish { archive, .. }, Answer::Gone) => {
                here.retain(|it| it.kept.name != archive);
            }
            (
                Command::Put {
                    archive,
                    part,
                    digest,
                    ..
                },
                Answer::Put(said),
            ) => {
                if said != digest {
                    return Err(Trouble::Differs);
                }
                let there = there.as_mut().ok_or(Trouble::NoSense)?;
                there.put(&archive, part, digest);
            }
            (
                Command::Finish {
                    archive,
                    bytes,
                    parts,
                },
                Answer::Finished {
                    bytes: said,
                    digest,
                },
            ) => {
                if said != bytes || digest != Digest::of_parts(&parts) {
                    return Err(Trouble::Differs);
                }
                let there = there.as_mut().ok_or(Trouble::NoSense)?;
                there.finished(&archive, bytes, digest);
                self.memory.copied(archive, bytes, digest);
            }
            (Command::Abandon { archive }, Answer::Done) => {
                let there = there.as_mut().ok_or(Trouble::NoSense)?;
                there.abandoned(&archive);
            }
            (Command::Delete { archive }, Answer::Done) => {
                let there = there.as_mut().ok_or(Trouble::NoSense)?;
                there.deleted(&archive);
                self.memory.forget(&archive);
            }
            _ => return Err(Trouble::NoSense),
        }
        Ok(())
    }

    fn go_on(&mut self, now: Instant) {
        let here = self.here.as_deref().unwrap_or_default();
        let next = match &self.there {
            None => Some(Command::List),
            Some(there) => there.next(here, &self.memory, self.now_millis),
        };
        match next {
            Some(command) => self.ask(now, command),
            None => {
                self.failures = 0;
                self.memory.trouble = None;
                self.there = None;
                self.phase = Phase::Done(now + LOOK_AGAIN);
            }
        }
    }

    fn fail(&mut self, now: Instant, trouble: Trouble) {
        self.memory.trouble = Some(trouble);
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
    fn tell(&mut self, asked: u64) {
        if self.memory != self.kept {
            self.kept = self.memory.clone();
            self.outputs.push_back(Output::Keep(self.kept.clone()));
        }
        let alarm = self.memory.alarm(self.now_millis);
        if self.is_placed && alarm != self.alarm {
            self.alarm = alarm;
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

/// The same for a part: 8 MiB at 14 KiB a second.
const PART_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Until a round is tried again; doubled each time.
const PAUSE_MIN: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// The pause is at its longest then.
const DOUBLINGS: u32 = 6;

/// What is there is looked at so often, also where nothing new is to go there.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
