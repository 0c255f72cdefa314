//! A request we sent that is no INVITE (RFC 3261 §17.1.2).
//!
//! ```text
//!       send request, E F
//!              |
//!           Trying ----F---> over (Timeout)      E: send again
//!       1xx /   \ 200-699
//!   Proceeding --+--> Completed --K--> over
//!       F: over (Timeout)   E: send again
//! ```

use std::time::Duration;

use super::flow::{ClientId, Output};
use super::machine::{Context, Life};
use super::timers::{GIVE_UP, T1, T2, T4, Timer};
use crate::message::{Request, Response};

/// The machine.
pub(super) struct ClientOther {
    id: ClientId,
    bytes: Vec<u8>,
    state: State,
    /// A CANCEL of the layer's own: nobody waits for what comes of it.
    silent: bool,
}

enum State {
    /// No response yet; the wait before the next repetition.
    Trying(Duration),
    Proceeding,
    Completed,
}

impl ClientOther {
    /// Sends the request.
    pub(super) fn start(
        id: ClientId,
        request: &Request,
        silent: bool,
        cx: &mut Context<'_>,
    ) -> Self {
        let bytes = request.to_bytes();
        cx.transmit(bytes.clone());
        if !cx.is_reliable() {
            cx.set(Timer::E, T1);
        }
        cx.set(Timer::F, GIVE_UP);
        Self {
            id,
            bytes,
            state: State::Trying(T1),
            silent,
        }
    }

    pub(super) fn on_response(&mut self, response: Response, cx: &mut Context<'_>) -> Life {
        if matches!(self.state, State::Completed) {
            return Life::Goes;
        }
        let provisional = response.status.is_provisional();
        self.report(
            Output::Response {
                id: self.id,
                response,
            },
            cx,
        );
        if provisional {
            self.state = State::Proceeding;
            if !cx.is_reliable() {
                cx.set(Timer::E, T2);
            }
            return Life::Goes;
        }
        self.state = State::Completed;
        self.bytes = Vec::new();
        cx.stop_all();
        if cx.is_reliable() {
            return Life::Over;
        }
        cx.set(Timer::K, T4);
        Life::Goes
    }

    pub(super) fn on_timer(&mut self, timer: Timer, cx: &mut Context<'_>) -> Life {
        match (timer, &mut self.state) {
            (Timer::E, State::Trying(wait)) => {
                *wait = (*wait * 2).min(T2);
                cx.set(Timer::E, *wait);
                cx.retransmit(self.bytes.clone());
                Life::Goes
            }
            (Timer::E, State::Proceeding) => {
                cx.set(Timer::E, T2);
                cx.retransmit(self.bytes.clone());
                Life::Goes
            }
            (Timer::F, State::Trying(_) | State::Proceeding) => {
                self.report(Output::Timeout { id: self.id }, cx);
                Life::Over
            }
            (Timer::K, _) => Life::Over,
            (_, _) => Life::Goes,
        }
    }

    pub(super) fn on_flow_failed(&self, cx: &mut Context<'_>) -> Life {
        match self.state {
            State::Trying(_) | State::Proceeding => {
                self.report(Output::ClientFlowFailed { id: self.id }, cx);
            }
            State::Completed => {}
        }
        Life::Over
    }

    fn report(&self, output: Output, cx: &mut Context<'_>) {
        if !self.silent {
            cx.output(output);
        }
    }
}
