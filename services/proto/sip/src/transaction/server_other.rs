//! A request we were sent that is no INVITE (RFC 3261 §17.2.2).
//!
//! ```text
//!     request: hand up
//!          |
//!       Trying --1xx--> Proceeding      request again: send last 1xx again
//!          \ 200-699      | 200-699
//!           +--> Completed <+           request again: send the answer again
//!                   | J
//!                  over
//! ```

use super::flow::{Output, ServerId};
use super::machine::{ANSWER_KEPT_MAX, Context, Life};
use super::timers::{GIVE_UP, Timer};
use crate::message::Response;

/// The machine.
pub(super) struct ServerOther {
    id: ServerId,
    state: State,
}

enum State {
    Trying,
    /// The last provisional response.
    Proceeding(Vec<u8>),
    /// The final response.
    Completed(Vec<u8>),
}

impl ServerOther {
    pub(super) const fn start(id: ServerId) -> Self {
        Self {
            id,
            state: State::Trying,
        }
    }

    /// The request came again.
    pub(super) fn on_repetition(&self, cx: &mut Context<'_>) {
        match &self.state {
            State::Trying => {}
            State::Proceeding(bytes) | State::Completed(bytes) => cx.retransmit(bytes.clone()),
        }
    }

    /// Sends the user's answer; `None` when the final one has been sent.
    pub(super) fn respond(&mut self, response: &Response, cx: &mut Context<'_>) -> Option<Life> {
        if self.is_completed() {
            return None;
        }
        let bytes = response.to_bytes();
        // The copy is kept, which has no room to spare: thousands wait for Timer J.
        let kept = bytes.clone();
        cx.transmit(bytes);
        if response.status.is_provisional() {
            self.state = State::Proceeding(kept);
            return Some(Life::Goes);
        }
        let too_long = kept.len() > ANSWER_KEPT_MAX;
        self.state = State::Completed(kept);
        if cx.is_reliable() || too_long {
            return Some(Life::Over);
        }
        cx.set(Timer::J, GIVE_UP);
        Some(Life::Goes)
    }

    /// Whether it only waits for repetitions.
    pub(super) const fn is_completed(&self) -> bool {
        matches!(self.state, State::Completed(_))
    }

    pub(super) const fn on_timer(timer: Timer) -> Life {
        match timer {
            Timer::J => Life::Over,
            Timer::A
            | Timer::B
            | Timer::Cancel
            | Timer::D
            | Timer::E
            | Timer::F
            | Timer::G
            | Timer::H
            | Timer::I
            | Timer::K
            | Timer::L
            | Timer::M
            | Timer::Trying => Life::Goes,
        }
    }

    pub(super) fn on_flow_failed(&self, cx: &mut Context<'_>) -> Life {
        match self.state {
            State::Trying | State::Proceeding(_) => {
                cx.output(Output::ServerFlowFailed { id: self.id });
            }
            State::Completed(_) => {}
        }
        Life::Over
    }
}
