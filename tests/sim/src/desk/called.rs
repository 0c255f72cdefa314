//! The device as it is called, and as it is told.

use std::time::Duration;

use sansio::Instant;
use sip::transaction::ServerId;
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::{Carrier, Desk, Due, GIVE_UP, LINES_MAX, LineId, LineState, PATIENCE, SDP};
use super::{Stand, T1, T2, Waiting};
use crate::dialog::Dialog;

impl Desk {
    pub(super) fn requested(&mut self, now: Instant, id: ServerId, request: &Request) {
        let line = self.line_of(request);
        let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        let status = match (&request.method, line) {
            (Method::Invite, None) if !in_dialog => return self.called(now, id, request),
            (Method::Invite, Some(line)) => return self.changed(now, id, request, line),
            (Method::Update, Some(line)) => return self.updated(now, id, request, line),
            (Method::Register, None) if self.carrier.is_some() => {
                return self.asked_to_register(now, id, request);
            }
            (Method::Notify, None) => self.notified(now, request),
            (Method::Options, _) => StatusCode::OK,
            (_, None) => StatusCode::CALL_DOES_NOT_EXIST,
            (Method::Bye, Some(line)) => {
                self.forget(line);
                StatusCode::OK
            }
            (_, Some(_)) => StatusCode::OK,
        };
        let response = Response::to_request(request, status, None);
        self.layer.respond(now, id, &response);
    }

    /// What a carrier's registrar says: a challenge, then yes.
    fn asked_to_register(&mut self, now: Instant, id: ServerId, request: &Request) {
        let answered = request.headers.first(&HeaderName::Authorization).is_some();
        let response = if answered {
            let contact = request.headers.text(&HeaderName::Contact);
            let contact = contact.unwrap_or_default().to_owned();
            Response::to_request(request, StatusCode::OK, Some("reg"))
                .with(HeaderName::Contact, format!("{contact};expires=120"))
        } else {
            let host = self.flow.local.ip();
            let nonce = self.rng.next_u64();
            let challenge = format!("Digest realm=\"{host}\", nonce=\"{nonce:x}\", qop=\"auth\"");
            Response::to_request(request, StatusCode::UNAUTHORIZED, Some("reg"))
                .with(HeaderName::WwwAuthenticate, challenge)
        };
        self.layer.respond(now, id, &response);
    }

    fn called(&mut self, now: Instant, id: ServerId, request: &Request) {
        let refusal = match self.carrier {
            Some(Carrier::Overloaded) => Some(StatusCode::SERVICE_UNAVAILABLE),
            Some(Carrier::Refuses) => Some(StatusCode::NOT_FOUND),
            None if self.lines.len() >= LINES_MAX => Some(StatusCode::BUSY_HERE),
            Some(Carrier::Serves) | None => None,
        };
        let (Ok(from), Ok(to)) = (request.headers.from(), request.headers.to()) else {
            return;
        };
        let tag = format!("{:x}", self.rng.next_u64());
        if let Some(status) = refusal {
            let response = Response::to_request(request, status, Some(&tag));
            self.layer.respond(now, id, &response);
            return;
        }
        let mut dialog = Dialog {
            call_id: request.headers.call_id().unwrap_or_default().to_owned(),
            local: to.with_tag(&tag),
            remote: from.clone(),
            target: from.uri.clone(),
            cseq: 0,
        };
        let local = dialog.local.clone();
        dialog.learn(&request.headers);
        (dialog.local, dialog.remote) = (local, from);
        let line = self.add_line(LineState {
            stand: Stand::Ringing,
            dialog,
            client: None,
            server: Some(id),
            invite: request.clone(),
            changing: false,
            waiting: None,
            ack: None,
            direction: "sendrecv",
        });
        let rings = self.rng.below(10) != 0;
        if rings {
            let ringing = Response::to_request(request, StatusCode::RINGING, Some(&tag))
                .with(HeaderName::Contact, self.contact());
            self.layer.respond(now, id, &ringing);
        }
        let wait = Duration::from_millis(200 + self.rng.below(5000));
        match self.rng.below(10) {
            _ if self.eager => self.after(now, Duration::from_millis(200), Due::Answer(line)),
            0 => self.after(now, wait, Due::Refuse(line)),
            1 | 2 => {}
            _ => self.after(now, wait, Due::Answer(line)),
        }
        self.after(now, PATIENCE, Due::Patience(line));
    }

    pub(super) fn add_line(&mut self, line: LineState) -> LineId {
        let id = self.next_line;
        self.next_line = self.next_line.saturating_add(1);
        self.lines.insert(id, line);
        id
    }

    pub(super) fn forget(&mut self, line: LineId) {
        self.lines.remove(&line);
    }

    /// Answers a line that rings.
    pub(crate) fn answer(&mut self, now: Instant, line: LineId) {
        let body = self.description(line, "sendrecv");
        let contact = self.contact();
        let Some(state) = self.lines.get_mut(&line) else {
            return;
        };
        let (Stand::Ringing, Some(server)) = (state.stand, state.server) else {
            return;
        };
        state.stand = Stand::Talking;
        let tag = state.dialog.local.tag();
        let ok = Response::to_request(&state.invite, StatusCode::OK, tag)
            .with(HeaderName::Contact, contact)
            .with_body(SDP, body);
        self.succeed(now, line, server, ok);
        self.drain(now);
    }

    /// Refuses a line that rings.
    pub(crate) fn refuse(&mut self, now: Instant, line: LineId, status: StatusCode) {
        let Some(state) = self.lines.get(&line) else {
            return;
        };
        let (Stand::Ringing, Some(server)) = (state.stand, state.server) else {
            return;
        };
        let tag = state.dialog.local.tag();
        let response = Response::to_request(&state.invite, status, tag);
        self.layer.respond(now, server, &response);
        self.forget(line);
        self.drain(now);
    }

    /// A 2xx to an INVITE goes on until it is acknowledged.
    fn succeed(&mut self, now: Instant, line: LineId, server: ServerId, response: Response) {
        self.layer.respond(now, server, &response);
        if let Some(state) = self.lines.get_mut(&line) {
            state.waiting = Some(Waiting {
                server,
                response,
                interval: T1,
                until: now + GIVE_UP,
            });
            self.due.retain(|(_, due)| *due != Due::Repeat(line));
            self.after(now, T1, Due::Repeat(line));
        }
    }

    pub(super) fn repeat(&mut self, now: Instant, line: LineId) {
        let Some(waiting) = self
            .lines
            .get_mut(&line)
            .and_then(|line| line.waiting.as_mut())
        else {
            return;
        };
        if now >= waiting.until {
            // RFC 3261 §13.3.1.4: nobody acknowledged.
            return self.hang_up(now, line);
        }
        waiting.interval = (waiting.interval * 2).min(T2);
        let interval = waiting.interval;
        self.layer.respond(now, waiting.server, &waiting.response);
        self.after(now, interval, Due::Repeat(line));
    }

    pub(super) fn acknowledged(&mut self, ack: &Request) {
        let line = self.line_of(ack);
        let state = line.and_then(|line| self.lines.get_mut(&line));
        if let Some(state) = state {
            state.waiting = None;
        }
    }

    fn changed(&mut self, now: Instant, id: ServerId, request: &Request, line: LineId) {
        let body = self.lines.get(&line).map(|state| state.direction);
        let body = self.description(line, body.unwrap_or("sendrecv"));
        let contact = self.contact();
        let Some(state) = self.lines.get_mut(&line) else {
            return;
        };
        // RFC 3261 §14.2: one change at a time.
        let status = match (state.changing, state.waiting.is_some()) {
            (true, _) => Some(StatusCode::REQUEST_PENDING),
            (false, true) => Some(StatusCode::SERVER_INTERNAL_ERROR),
            (false, false) => None,
        };
        if let Some(status) = status {
            let response =
                Response::to_request(request, status, None).with(HeaderName::RetryAfter, "1");
            self.layer.respond(now, id, &response);
            return;
        }
        let ok = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, contact)
            .with_body(SDP, body);
        self.succeed(now, line, id, ok);
    }

    fn updated(&mut self, now: Instant, id: ServerId, request: &Request, line: LineId) {
        let ok = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, self.contact());
        let direction = self.lines.get(&line).map(|state| state.direction);
        let ok = if request.body.is_empty() {
            ok
        } else {
            ok.with_body(SDP, self.description(line, direction.unwrap_or("sendrecv")))
        };
        self.layer.respond(now, id, &ok);
    }

    pub(super) fn cancelled(&mut self, now: Instant, id: ServerId) {
        let mut lines = self.lines.iter();
        let found = lines.find(|(_, line)| line.server == Some(id));
        let Some((line, _)) = found else { return };
        self.refuse(now, *line, StatusCode::REQUEST_TERMINATED);
    }
}
