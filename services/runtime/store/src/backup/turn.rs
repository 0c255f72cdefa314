//! Whose turn it is: a backup, or a restore, one at a time. A turn that was taken is given back
//! from whatever thread it has come to.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::lock;

/// Turns at what only one may do.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Both>);

#[derive(Debug, Default)]
struct Both {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_taken: bool,
    is_over: bool,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Turns);

impl Turns {
    /// A turn, where it is nobody's.
    pub(super) fn at_once(&self) -> Option<Turn> {
        let mut state = lock(&self.0.state);
        (!std::mem::replace(&mut state.is_taken, true)).then(|| Turn(self.clone()))
    }

    /// The next turn; none once the store ends.
    pub(super) fn wait(&self) -> Option<Turn> {
        let both = &self.0;
        let state = lock(&both.state);
        let waited = both
            .freed
            .wait_while(state, |state| state.is_taken && !state.is_over);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return None;
        }
        state.is_taken = true;
        Some(Turn(self.clone()))
    }

    /// Nobody waits any more.
    pub(super) fn end(&self) {
        lock(&self.0.state).is_over = true;
        self.0.freed.notify_all();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let both = &self.0.0;
        lock(&both.state).is_taken = false;
        both.freed.notify_all();
    }
}
