//! What the phone has told so far, and waiting for more without ever sleeping.
//!
//! Two threads write here (the reader of the control connection and the reader of the log); the
//! thread that drives the phone waits here.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Event;

/// The answer to one command.
pub(super) struct Answer {
    pub(super) token: String,
    pub(super) ok: bool,
    pub(super) text: String,
}

/// Everything known about a running phone.
#[derive(Default)]
pub(super) struct State {
    /// What happened, oldest first; waiting takes events out.
    pub(super) events: VecDeque<Event>,
    /// Answers nobody has taken yet; there is one caller, so there is at most one of use.
    pub(super) answers: VecDeque<Answer>,
    /// The digits received since the last call was established.
    pub(super) digits: String,
    /// How many times this phone reported the level of the sound it hears, in its whole life.
    pub(super) sound_reports: u64,
    /// It has said that it is ready.
    pub(super) ready: bool,
    /// Its output or its control connection has ended.
    pub(super) ended: bool,
    /// The last lines it wrote.
    log: VecDeque<String>,
}

impl State {
    /// Notes an event, and forgets the oldest when nobody waits for any.
    pub(super) fn note(&mut self, event: Event) {
        if let Event::Established { .. } = event {
            self.digits.clear();
        }
        push_bounded(&mut self.events, event, EVENTS_MAX);
    }

    /// Notes an answer.
    pub(super) fn note_answer(&mut self, answer: Answer) {
        push_bounded(&mut self.answers, answer, ANSWERS_MAX);
    }

    /// Notes a line of the log.
    pub(super) fn note_line(&mut self, line: String) {
        push_bounded(&mut self.log, line, LOG_LINES_MAX);
    }

    /// The last lines of the log, for a message.
    pub(super) fn log(&self) -> String {
        self.log
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect()
    }

    /// Takes out the first event that is looked for, and all before it.
    pub(super) fn take<T>(&mut self, look: impl Fn(&Event) -> Option<T>) -> Option<T> {
        let (at, found) = self
            .events
            .iter()
            .enumerate()
            .find_map(|(at, event)| Some((at, look(event)?)))?;
        self.events.drain(..=at);
        Some(found)
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() >= max {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// The state and who waits for it to change.
#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

impl Board {
    /// Changes the state and wakes whoever waits.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Waits until `done` finds what it wants; None when the time is over.
    pub(super) fn wait<T>(
        &self,
        until: Instant,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(found) = done(&mut state) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A writer that panicked left nothing half done: every change is one push or one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call has fewer than ten events; a phone that registers each minute for an hour has 60.
const EVENTS_MAX: usize = 256;
/// One command at a time.
const ANSWERS_MAX: usize = 4;
/// Enough for a message to show why.
const LOG_LINES_MAX: usize = 12;
