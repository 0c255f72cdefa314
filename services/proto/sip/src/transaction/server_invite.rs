//! An INVITE we were sent (RFC 3261 §17.2.1, RFC 6026 §7.1).
//!
//! ```text
//!        INVITE: hand up, 100 after 200 ms
//!              |
//!         Proceeding            INVITE: send last 1xx again
//!     2xx /        \ 300-699: send, G H
//!    Accepted     Completed --H--> over (AckMissing)   G or INVITE: send again
//!       | L          | ACK
//!      over      Confirmed --I--> over
//! ```
//!
//! A refusal before any 1xx has no G: the peer has heard nothing and still repeats its INVITE, so
//! our answer goes out once for each. With G, one INVITE with a false source address would send
//! eleven answers to whoever lives there.

use std::time::Duration;

use super::flow::{Output, ServerId};
use super::machine::{ANSWER_KEPT_MAX, Context, Life};
use super::timers::{GIVE_UP, T1, T2, T4, TRYING_AFTER, Timer};
use crate::message::{Request, Response};
use crate::status::{StatusClass, StatusCode};

/// The machine.
pub(super) struct ServerInvite {
    id: ServerId,
    state: State,
    /// The To tag of our answers so far; the answer to a CANCEL has the same (RFC 3261 §9.2).
    to_tag: Option<String>,
    cancelled: bool,
}

enum State {
    /// Nothing sent yet; the 100 that goes out if the user is slow.
    Fresh(Vec<u8>),
    /// The last provisional response.
    Proceeding(Vec<u8>),
    Accepted,
    /// The final response, and the wait before its next repetition; none when the peer asks for it.
    Completed(Vec<u8>, Option<Duration>),
    Confirmed,
}

/// Where an ACK that matched belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum AckFor {
    /// To this transaction, which has taken it.
    Transaction(Life),
    /// To the dialog: hand it up.
    Dialog,
    /// To nothing we sent.
    Nothing,
}

impl ServerInvite {
    pub(super) fn start(id: ServerId, request: &Request, cx: &mut Context<'_>) -> Self {
        let trying = Response::to_request(request, StatusCode::TRYING, None).to_bytes();
        cx.set(Timer::Trying, TRYING_AFTER);
        Self {
            id,
            state: State::Fresh(trying),
            to_tag: None,
            cancelled: false,
        }
    }

    /// One that an earlier process began to answer: it has said something provisional, or 2xx.
    pub(super) fn resume(
        id: ServerId,
        request: &Request,
        accepted: bool,
        cx: &mut Context<'_>,
    ) -> Self {
        let state = if accepted {
            cx.set(Timer::L, GIVE_UP);
            State::Accepted
        } else {
            let trying = Response::to_request(request, StatusCode::TRYING, None);
            State::Proceeding(trying.to_bytes())
        };
        Self {
            id,
            state,
            to_tag: None,
            cancelled: false,
        }
    }

    /// The INVITE came again.
    pub(super) fn on_repetition(&self, cx: &mut Context<'_>) {
        match &self.state {
            State::Proceeding(bytes) | State::Completed(bytes, _) => cx.retransmit(bytes.clone()),
            State::Fresh(_) | State::Accepted | State::Confirmed => {}
        }
    }

    /// Sends the user's answer; `None` when there is nothing left to answer.
    pub(super) fn respond(&mut self, response: &Response, cx: &mut Context<'_>) -> Option<Life> {
        let class = response.status.class();
        match (&self.state, class) {
            (State::Fresh(_) | State::Proceeding(_), _) => {}
            (State::Accepted, StatusClass::Success) => {
                cx.retransmit(response.to_bytes());
                return Some(Life::Goes);
            }
            (State::Accepted | State::Completed(..) | State::Confirmed, _) => return None,
        }
        let at_once = matches!(self.state, State::Fresh(_));
        if self.to_tag.is_none() {
            let to = response.headers.to().ok();
            self.to_tag = to.as_ref().and_then(|to| to.tag()).map(str::to_owned);
        }
        cx.stop(Timer::Trying);
        let bytes = response.to_bytes();
        cx.transmit(bytes.clone());
        self.state = match class {
            StatusClass::Provisional => State::Proceeding(bytes),
            StatusClass::Success => {
                cx.set(Timer::L, GIVE_UP);
                State::Accepted
            }
            StatusClass::Redirection
            | StatusClass::RequestFailure
            | StatusClass::ServerFailure
            | StatusClass::GlobalFailure => {
                if at_once && bytes.len() > ANSWER_KEPT_MAX {
                    return Some(Life::Over);
                }
                let wait = (!at_once && !cx.is_reliable()).then_some(T1);
                if let Some(wait) = wait {
                    cx.set(Timer::G, wait);
                }
                cx.set(Timer::H, GIVE_UP);
                State::Completed(bytes, wait)
            }
        };
        Some(Life::Goes)
    }

    /// Whether it was refused at once and only waits for repetitions.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.state, State::Completed(_, None))
    }

    pub(super) fn on_ack(&mut self, cx: &mut Context<'_>) -> AckFor {
        match self.state {
            State::Completed(..) => {
                self.state = State::Confirmed;
                cx.stop_all();
                if cx.is_reliable() {
                    return AckFor::Transaction(Life::Over);
                }
                cx.set(Timer::I, T4);
                AckFor::Transaction(Life::Goes)
            }
            State::Confirmed => AckFor::Transaction(Life::Goes),
            State::Accepted => AckFor::Dialog,
            State::Fresh(_) | State::Proceeding(_) => AckFor::Nothing,
        }
    }

    /// The To tag of our answers so far.
    pub(super) fn to_tag(&self) -> Option<&str> {
        self.to_tag.as_deref()
    }

    /// A CANCEL came: true when the user has to hear of it.
    pub(super) const fn on_cancel(&mut self) -> bool {
        let fresh = !self.cancelled;
        self.cancelled = true;
        fresh && matches!(self.state, State::Fresh(_) | State::Proceeding(_))
    }

    pub(super) fn on_timer(&mut self, timer: Timer, cx: &mut Context<'_>) -> Life {
        match (timer, &mut self.state) {
            (Timer::Trying, State::Fresh(trying)) => {
                let trying = std::mem::take(trying);
                cx.transmit(trying.clone());
                self.state = State::Proceeding(trying);
                Life::Goes
            }
            (Timer::G, State::Completed(bytes, Some(wait))) => {
                *wait = (*wait * 2).min(T2);
                cx.set(Timer::G, *wait);
                cx.retransmit(bytes.clone());
                Life::Goes
            }
            (Timer::H, State::Completed(..)) => {
                cx.output(Output::AckMissing { id: self.id });
                Life::Over
            }
            (Timer::I | Timer::L, _) => Life::Over,
            (_, _) => Life::Goes,
        }
    }

    pub(super) fn on_flow_failed(&self, cx: &mut Context<'_>) -> Life {
        match self.state {
            State::Fresh(_) | State::Proceeding(_) => {
                cx.output(Output::ServerFlowFailed { id: self.id });
            }
            State::Accepted | State::Completed(..) | State::Confirmed => {}
        }
        Life::Over
    }
}
