//! The phone as it is called.

use sansio::Instant;
use sip::transaction::{Layer, ServerId};
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::{Answering, Call, Due, GIVE_UP, Happened, Phone, State, T1, T2, belongs};
use crate::dialog::{Dialog, description};

impl Phone {
    pub(super) fn requested(&mut self, now: Instant, id: ServerId, request: &Request) {
        let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        match &request.method {
            Method::Invite if in_dialog => self.reinvited(now, id, request),
            Method::Invite => self.called(now, id, request),
            Method::Info => {
                let heard = request.body == b"Signal=5\r\n";
                let status = if heard {
                    StatusCode::OK
                } else {
                    StatusCode::BAD_REQUEST
                };
                self.log.push(Happened::Heard);
                self.layer
                    .respond(now, id, &Response::to_request(request, status, None));
            }
            Method::Bye => {
                // RFC 3261 §15: no BYE may come before the caller has said ACK.
                let ours = |call: &Call| belongs(call, request) && call.confirmed;
                let known = self.call.as_ref().is_some_and(ours);
                let status = if known {
                    StatusCode::OK
                } else {
                    StatusCode::CALL_DOES_NOT_EXIST
                };
                self.layer
                    .respond(now, id, &Response::to_request(request, status, Some("x")));
                if known {
                    self.bye = None;
                    self.over(Happened::Ended(false));
                }
            }
            _ => {
                let ok = Response::to_request(request, StatusCode::OK, Some("x"));
                self.layer.respond(now, id, &ok);
            }
        }
    }

    pub(super) fn called(&mut self, now: Instant, id: ServerId, request: &Request) {
        let tag = format!("{:x}", self.rng.next_u64());
        let respond = |layer: &mut Layer, status| {
            layer.respond(now, id, &Response::to_request(request, status, Some(&tag)));
        };
        if self.call.is_some() || self.answering == Answering::Busy {
            respond(&mut self.layer, StatusCode::BUSY_HERE);
            return;
        }
        let (Ok(from), Ok(to), Ok(call_id)) = (
            request.headers.from(),
            request.headers.to(),
            request.headers.call_id(),
        ) else {
            return;
        };
        let mut dialog = Dialog {
            call_id: call_id.to_owned(),
            local: to.with_tag(&tag),
            remote: from.clone(),
            target: from.uri.clone(),
            cseq: 0,
        };
        dialog.learn(&request.headers);
        dialog.remote = from;
        dialog.local = dialog.local.with_tag(&tag);
        respond(&mut self.layer, StatusCode::RINGING);
        let mut hang_up = None;
        if let Answering::Yes {
            after,
            hang_up_after,
        } = self.answering
        {
            hang_up = hang_up_after;
            self.after(now, after, Due::Answer);
        }
        self.call = Some(Call {
            dialog,
            state: State::Ringing,
            client: None,
            server: Some(id),
            invite: request.clone(),
            confirmed: false,
            tries: 0,
            hang_up_after: hang_up,
            ok: None,
            ack: None,
            hold: None,
            press: None,
        });
    }

    pub(super) fn answer(&mut self, now: Instant) {
        let flow = self.flow;
        let contact = self.contact();
        let Some(call) = self
            .call
            .as_mut()
            .filter(|call| call.state == State::Ringing)
        else {
            return;
        };
        let ok = Response::to_request(&call.invite, StatusCode::OK, call.dialog.local.tag())
            .with(HeaderName::Contact, contact)
            .with_body("application/sdp", description(flow));
        if let Some(server) = call.server {
            self.layer.respond(now, server, &ok);
        }
        call.confirmed = true;
        call.state = State::Talking;
        call.ok = Some((ok, T1, now + GIVE_UP));
        let hang_up = call.hang_up_after;
        self.log.push(Happened::Connected);
        self.after(now, T1, Due::Repeat);
        if let Some(wait) = hang_up {
            self.after(now, wait, Due::HangUp);
        }
    }

    pub(super) fn reinvited(&mut self, now: Instant, id: ServerId, request: &Request) {
        let flow = self.flow;
        let contact = self.contact();
        let Some(call) = self.call.as_mut().filter(|call| belongs(call, request)) else {
            let gone = Response::to_request(request, StatusCode::CALL_DOES_NOT_EXIST, None);
            self.layer.respond(now, id, &gone);
            return;
        };
        let answer = String::from_utf8_lossy(&description(flow)).replace("sendrecv", "recvonly");
        let ok = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, contact)
            .with_body("application/sdp", answer.into_bytes());
        self.layer.respond(now, id, &ok);
        call.server = Some(id);
        call.ok = Some((ok, T1, now + GIVE_UP));
        self.after(now, T1, Due::Repeat);
    }

    pub(super) fn repeat(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        let Some((ok, interval, give_up)) = call.ok.take() else {
            return;
        };
        if now >= give_up {
            // End the dialog that may or may not exist.
            self.log.push(Happened::NeverAcknowledged);
            self.hang_up(now);
            return;
        }
        if let Some(server) = call.server {
            self.layer.respond(now, server, &ok);
        }
        let interval = interval.saturating_mul(2).min(T2);
        call.ok = Some((ok, interval, give_up));
        self.after(now, interval, Due::Repeat);
    }

    pub(super) fn acked(&mut self, _now: Instant, request: &Request) {
        if let Some(call) = self.call.as_mut().filter(|call| belongs(call, request)) {
            call.ok = None;
        }
    }

    pub(super) fn was_cancelled(&mut self, now: Instant, id: ServerId) {
        let Some(call) = self.call.as_ref().filter(|call| call.server == Some(id)) else {
            return;
        };
        let tag = call.dialog.local.tag();
        let end = Response::to_request(&call.invite, StatusCode::REQUEST_TERMINATED, tag);
        self.layer.respond(now, id, &end);
        self.over(Happened::Failed(487));
    }
}
