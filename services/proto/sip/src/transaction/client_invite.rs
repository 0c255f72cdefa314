//! An INVITE we sent (RFC 3261 §17.1.1, RFC 6026 §7.2).
//!
//! ```text
//!            send INVITE, A B
//!                  |
//!              Calling ---B---> over (Timeout)      A: send again
//!        1xx /    |    \ 2xx
//!    Proceeding   |     +----------> Accepted --M--> over
//!       |  \ 2xx  | 300-699           2xx: hand up
//!       |   +-----|----> Accepted
//!       | 300-699 |
//!       +-----> Completed --D--> over
//!               send ACK; again for each repetition
//! ```

use super::flow::{ClientId, Output};
use super::machine::{Context, Life};
use super::timers::{GIVE_UP, T1, Timer};
use crate::header_name::HeaderName;
use crate::message::{Request, Response};
use crate::method::Method;
use crate::status::StatusClass;
use std::time::Duration;

/// The machine.
pub(super) struct ClientInvite {
    id: ClientId,
    /// The INVITE as sent, without its body: ACK and CANCEL are made of it.
    request: Request,
    bytes: Vec<u8>,
    state: State,
    cancel: Cancel,
}

enum State {
    /// No response yet; the wait before the next repetition.
    Calling(Duration),
    Proceeding,
    /// Ended by 300 to 699; the ACK.
    Completed(Vec<u8>),
    Accepted,
}

/// How far the wish to cancel has come.
enum Cancel {
    No,
    /// Wanted, but nothing says yet that the peer has the INVITE (RFC 3261 §9.1).
    Wanted(Option<String>),
    Sent,
}

impl ClientInvite {
    /// Sends the INVITE.
    pub(super) fn start(id: ClientId, mut request: Request, cx: &mut Context<'_>) -> Self {
        let bytes = request.to_bytes();
        request.body = Vec::new();
        cx.transmit(bytes.clone());
        if !cx.is_reliable() {
            cx.set(Timer::A, T1);
        }
        cx.set(Timer::B, GIVE_UP);
        Self {
            id,
            request,
            bytes,
            state: State::Calling(T1),
            cancel: Cancel::No,
        }
    }

    /// One that an earlier process sent, whose peer may have said something provisional.
    pub(super) const fn resume(id: ClientId, request: Request) -> Self {
        Self {
            id,
            request,
            bytes: Vec::new(),
            state: State::Proceeding,
            cancel: Cancel::No,
        }
    }

    /// The INVITE as it was sent, without its body, while it has no final answer.
    pub(super) const fn unanswered(&self) -> Option<&Request> {
        match self.state {
            State::Calling(_) | State::Proceeding => Some(&self.request),
            State::Completed(_) | State::Accepted => None,
        }
    }

    pub(super) fn on_response(&mut self, response: Response, cx: &mut Context<'_>) -> Life {
        match (&self.state, response.status.class()) {
            (State::Calling(_) | State::Proceeding, StatusClass::Provisional) => {
                self.state = State::Proceeding;
                cx.stop(Timer::A);
                cx.stop(Timer::B);
                cx.output(Output::Response {
                    id: self.id,
                    response,
                });
                Life::Goes
            }
            (State::Calling(_) | State::Proceeding, StatusClass::Success) => {
                self.state = State::Accepted;
                self.bytes = Vec::new();
                cx.stop_all();
                cx.set(Timer::M, GIVE_UP);
                cx.output(Output::Response {
                    id: self.id,
                    response,
                });
                Life::Goes
            }
            (State::Accepted, StatusClass::Success) => {
                cx.output(Output::Response {
                    id: self.id,
                    response,
                });
                Life::Goes
            }
            (State::Calling(_) | State::Proceeding, _) => {
                let ack = self.ack(&response).to_bytes();
                cx.transmit(ack.clone());
                self.state = State::Completed(ack);
                self.bytes = Vec::new();
                cx.stop_all();
                cx.output(Output::Response {
                    id: self.id,
                    response,
                });
                if cx.is_reliable() {
                    return Life::Over;
                }
                cx.set(Timer::D, GIVE_UP);
                Life::Goes
            }
            (State::Completed(_), StatusClass::Provisional | StatusClass::Success)
            | (State::Accepted, _) => Life::Goes,
            (State::Completed(ack), _) => {
                cx.retransmit(ack.clone());
                Life::Goes
            }
        }
    }

    pub(super) fn on_timer(&mut self, timer: Timer, cx: &mut Context<'_>) -> Life {
        match (timer, &mut self.state) {
            (Timer::A, State::Calling(wait)) => {
                *wait *= 2;
                cx.set(Timer::A, *wait);
                cx.retransmit(self.bytes.clone());
                Life::Goes
            }
            (Timer::B, State::Calling(_))
            | (Timer::Cancel, State::Calling(_) | State::Proceeding) => {
                cx.output(Output::Timeout { id: self.id });
                Life::Over
            }
            (Timer::D | Timer::M, _) => Life::Over,
            (_, _) => Life::Goes,
        }
    }

    pub(super) fn on_flow_failed(&self, cx: &mut Context<'_>) -> Life {
        match self.state {
            State::Calling(_) | State::Proceeding => {
                cx.output(Output::ClientFlowFailed { id: self.id });
            }
            State::Completed(_) | State::Accepted => {}
        }
        Life::Over
    }

    /// Notes the wish to cancel; [`take_cancel`](Self::take_cancel) says when.
    pub(super) fn cancel(&mut self, reason: Option<&str>) {
        if matches!(self.cancel, Cancel::No) {
            self.cancel = Cancel::Wanted(reason.map(str::to_owned));
        }
    }

    /// The CANCEL to be sent now: once, when it is wanted and a 1xx has come (RFC 3261 §9.1).
    pub(super) fn take_cancel(&mut self, cx: &mut Context<'_>) -> Option<Request> {
        let (State::Proceeding, Cancel::Wanted(reason)) = (&self.state, &mut self.cancel) else {
            return None;
        };
        let reason = reason.take();
        self.cancel = Cancel::Sent;
        cx.set(Timer::Cancel, GIVE_UP);
        let to = self
            .request
            .headers
            .first(&HeaderName::To)
            .unwrap_or_default()
            .to_vec();
        let mut cancel = self.follow_up(Method::Cancel, to);
        if let Some(reason) = reason {
            cancel.headers.push(HeaderName::Reason, reason);
        }
        Some(cancel)
    }

    /// The ACK for 300 to 699 (RFC 3261 §17.1.1.3): To is that of the response.
    fn ack(&self, response: &Response) -> Request {
        let to = response
            .headers
            .first(&HeaderName::To)
            .unwrap_or_default()
            .to_vec();
        self.follow_up(Method::Ack, to)
    }

    /// A request on the INVITE's own branch: same URI, Call-ID, From, CSeq number and route.
    fn follow_up(&self, method: Method, to: Vec<u8>) -> Request {
        let invite = &self.request.headers;
        let mut headers = crate::Headers::new();
        for name in [
            HeaderName::Via,
            HeaderName::MaxForwards,
            HeaderName::From,
            HeaderName::CallId,
        ] {
            if let Some(value) = invite.first(&name) {
                headers.push(name, value);
            }
        }
        headers.push(HeaderName::To, to);
        let number = invite.cseq().map_or(0, |cseq| cseq.number);
        headers.push(HeaderName::CSeq, format!("{number} {method}"));
        for route in invite.all(&HeaderName::Route) {
            headers.push(HeaderName::Route, route);
        }
        Request {
            method,
            uri: self.request.uri.clone(),
            headers,
            body: Vec::new(),
        }
    }
}
