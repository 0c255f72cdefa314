//! A request we were sent that is no INVITE (RFC 3261 §17.2.2).
//!
//! ```text
//!     request: hand up
//!          |
//!       Trying --1xx--> Proceeding      request again: send last 1xx again
//!          \ 200-699      | 200-699
//!           +--> Answered <-+           request again: send the answer again
//!                   | J
//!                  over
//! ```
//!
//! Once answered it is no machine any more but one of the [`Answers`](super::answers::Answers).

use super::flow::{Output, ServerId};
use super::machine::{ANSWER_KEPT_MAX, Context, Life};
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
            State::Proceeding(bytes) => cx.retransmit(bytes.clone()),
        }
    }

    /// Sends the user's answer.
    pub(super) fn respond(&mut self, response: &Response, cx: &mut Context<'_>) -> Life {
        let bytes = response.to_bytes();
        if response.status.is_provisional() {
            cx.transmit(bytes.clone());
            self.state = State::Proceeding(bytes);
            return Life::Goes;
        }
        if bytes.len() <= ANSWER_KEPT_MAX && !cx.is_reliable() {
            return Life::Answered(bytes);
        }
        cx.transmit(bytes);
        Life::Over
    }

    pub(super) fn on_flow_failed(&self, cx: &mut Context<'_>) -> Life {
        cx.output(Output::ServerFlowFailed { id: self.id });
        Life::Over
    }
}
