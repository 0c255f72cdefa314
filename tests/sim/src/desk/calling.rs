//! The device as it calls, changes and ends calls.

use std::time::Duration;

use sansio::Instant;
use sip::transaction::ClientId;
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode};

use super::{Desk, Due, GIVE_UP, LineId, LineState, PATIENCE, Purpose, SDP, Stand};
use crate::dialog::{Dialog, at_box};

impl Desk {
    /// Calls a number; without a description when the callee is to offer (RFC 3261 §13.2.1).
    pub(crate) fn call(&mut self, now: Instant, to: &str, late_offer: bool) {
        let target = NameAddr::new(at_box(to, self.flow));
        let mut dialog = self.new_dialog(target);
        let mut invite = dialog.request(Method::Invite);
        invite.headers.push(HeaderName::Contact, self.contact());
        if !late_offer {
            invite = invite.with_body(SDP, self.description(self.next_line, "sendrecv"));
        }
        let line = self.add_line(LineState {
            stand: Stand::Calling,
            dialog,
            client: None,
            server: None,
            invite: invite.clone(),
            changing: false,
            waiting: None,
            ack: None,
            direction: "sendrecv",
        });
        let client = self.send(now, invite, Purpose::Invite(line));
        if let Some(state) = self.lines.get_mut(&line) {
            state.client = client;
        }
        self.after(now, PATIENCE, Due::Patience(line));
        self.drain(now);
    }

    /// Hangs up after a while.
    pub(crate) fn hang_up_after(&mut self, now: Instant, wait: Duration, line: LineId) {
        self.after(now, wait, Due::HangUp(line));
    }

    /// Hangs up: CANCEL, refusal or BYE, as the line stands.
    pub(crate) fn hang_up(&mut self, now: Instant, line: LineId) {
        let Some(state) = self.lines.get_mut(&line) else {
            return;
        };
        match state.stand {
            Stand::Calling => {
                state.stand = Stand::Abandoned;
                if let Some(client) = state.client {
                    self.layer.cancel(now, client, None);
                }
                // RFC 3261 §9.1: an INVITE whose CANCEL changes nothing is over after 64*T1.
                self.after(now, GIVE_UP, Due::Patience(line));
            }
            Stand::Abandoned => {}
            Stand::Ringing => self.refuse(now, line, StatusCode::DECLINE),
            Stand::Talking => {
                let bye = state.dialog.request(Method::Bye);
                self.forget(line);
                self.send(now, bye, Purpose::Bye(line));
            }
        }
        self.drain(now);
    }

    pub(super) fn lose_patience(&mut self, now: Instant, line: LineId) {
        let Some(state) = self.lines.get(&line) else {
            return;
        };
        match state.stand {
            Stand::Calling => self.hang_up(now, line),
            Stand::Abandoned => self.forget(line),
            Stand::Ringing => self.refuse(now, line, StatusCode::TEMPORARILY_UNAVAILABLE),
            Stand::Talking => {}
        }
    }

    /// Holds or resumes a line.
    pub(crate) fn change(&mut self, now: Instant, line: LineId) {
        let Some(state) = self.lines.get_mut(&line) else {
            return;
        };
        let free = !state.changing && state.waiting.is_none();
        if state.stand != Stand::Talking || !free {
            return;
        }
        state.direction = match state.direction {
            "sendrecv" => "sendonly",
            _ => "sendrecv",
        };
        state.changing = true;
        let direction = state.direction;
        let mut invite = state.dialog.request(Method::Invite);
        invite.headers.push(HeaderName::Contact, self.contact());
        let invite = invite.with_body(SDP, self.description(line, direction));
        self.send(now, invite, Purpose::Change(line));
        self.drain(now);
    }

    /// Blind transfer of a line to a number (RFC 3515).
    pub(crate) fn transfer(&mut self, now: Instant, line: LineId, to: &str) {
        let target = format!("<{}>", at_box(to, self.flow));
        self.refer(now, line, &target);
    }

    /// Attended transfer: joins a line with another (RFC 3891).
    pub(crate) fn join(&mut self, now: Instant, line: LineId, other: LineId) {
        let Some(state) = self.lines.get(&other) else {
            return;
        };
        let tag = |address: &NameAddr| address.tag().unwrap_or_default().to_owned();
        let (call_id, to) = (&state.dialog.call_id, tag(&state.dialog.remote));
        let from = tag(&state.dialog.local);
        let call_id = call_id.replace('@', "%40");
        let uri = &state.dialog.remote.uri;
        let target = format!("<{uri}?Replaces={call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>");
        self.refer(now, line, &target);
    }

    fn refer(&mut self, now: Instant, line: LineId, target: &str) {
        let contact = self.contact();
        let Some(state) = self.lines.get_mut(&line) else {
            return;
        };
        let mut refer = state.dialog.request(Method::Refer);
        refer.headers.push(HeaderName::Contact, contact);
        refer.headers.push(HeaderName::ReferTo, target);
        self.send(now, refer, Purpose::Other);
        self.drain(now);
    }

    /// Presses a key on a line, sent as INFO.
    pub(crate) fn press(&mut self, now: Instant, line: LineId) {
        if let Some(state) = self.lines.get_mut(&line) {
            let info = state.dialog.request(Method::Info);
            let body = b"Signal=5\r\nDuration=160\r\n".to_vec();
            let info = info.with_body("application/dtmf-relay", body);
            self.send(now, info, Purpose::Other);
        }
        self.drain(now);
    }

    pub(super) fn response(&mut self, now: Instant, id: ClientId, response: &Response) {
        let status = response.status;
        let Some(mut sent) = self.sent.remove(&id) else {
            return;
        };
        if status == StatusCode::UNAUTHORIZED && self.send_authorised(now, &sent, response) {
            return;
        }
        if !status.is_provisional() {
            sent.done = Some(now);
        }
        let (purpose, request) = (sent.purpose, sent.request.clone());
        self.sent.insert(id, sent);
        match purpose {
            Purpose::Register if status.is_provisional() => {}
            Purpose::Register => self.registration_answered(now, status.is_success()),
            Purpose::Invite(line) => self.invited(now, line, &request, response),
            Purpose::Change(line) => self.change_answered(now, line, response),
            Purpose::Watch(watch) => self.watch_answered(now, watch, response),
            Purpose::Bye(_) | Purpose::Other => {}
        }
    }

    pub(super) fn unanswered(&mut self, now: Instant, id: ClientId) {
        let Some(sent) = self.sent.remove(&id) else {
            return;
        };
        match sent.purpose {
            Purpose::Register => self.registration_answered(now, false),
            Purpose::Invite(line) => self.forget(line),
            // RFC 3261 §12.2.1.2: no answer within a dialog ends it.
            Purpose::Change(line) => self.hang_up(now, line),
            Purpose::Watch(watch) => self.watch_failed(now, watch),
            Purpose::Bye(_) | Purpose::Other => {}
        }
    }

    fn invited(&mut self, now: Instant, line: LineId, invite: &Request, response: &Response) {
        let status = response.status;
        let body = self.description(line, "sendrecv");
        let Some(state) = self.lines.get_mut(&line) else {
            if status.is_success() {
                self.decline_late(now, invite, response);
            }
            return;
        };
        if status.is_provisional() {
            if response.headers.to().is_ok_and(|to| to.tag().is_some()) {
                state.dialog.learn(&response.headers);
            }
            return;
        }
        if !status.is_success() {
            return self.forget(line);
        }
        if let Some(ack) = state.ack.clone() {
            // Only a repetition of this very answer gets this very ACK.
            self.layer.send_ack(self.flow, ack);
            return;
        }
        state.dialog.learn(&response.headers);
        let mut ack = state.dialog.with_cseq(Method::Ack, cseq(response));
        if invite.body.is_empty() {
            ack = ack.with_body(SDP, body);
        }
        state.ack = Some(ack.clone());
        let abandoned = state.stand == Stand::Abandoned;
        state.stand = Stand::Talking;
        self.layer.send_ack(self.flow, ack);
        if abandoned {
            self.hang_up(now, line);
        }
    }

    /// A 2xx for a call that is over here: it is acknowledged and ended (RFC 3261 §13.2.2.4).
    fn decline_late(&mut self, now: Instant, invite: &Request, response: &Response) {
        let (Ok(from), Ok(to)) = (invite.headers.from(), response.headers.to()) else {
            return;
        };
        let mut dialog = Dialog {
            call_id: invite.headers.call_id().unwrap_or_default().to_owned(),
            local: from,
            remote: to,
            target: invite.uri.clone(),
            cseq: cseq(response),
        };
        dialog.learn(&response.headers);
        let ack = dialog.with_cseq(Method::Ack, dialog.cseq);
        self.layer.send_ack(self.flow, ack);
        let known = |purpose: &Purpose| matches!(purpose, Purpose::Bye(_));
        let call_id = dialog.call_id.clone();
        let ended = self.sent.values().any(|sent| {
            known(&sent.purpose) && sent.request.headers.call_id() == Ok(call_id.as_str())
        });
        if !ended {
            let bye = dialog.request(Method::Bye);
            self.send(now, bye, Purpose::Bye(LineId::MAX));
        }
    }

    fn change_answered(&mut self, now: Instant, line: LineId, response: &Response) {
        let status = response.status;
        let Some(state) = self.lines.get_mut(&line) else {
            return;
        };
        if status.is_provisional() {
            return;
        }
        state.changing = false;
        if status.is_success() {
            let ack = state.dialog.with_cseq(Method::Ack, cseq(response));
            self.layer.send_ack(self.flow, ack);
        } else if matches!(
            status,
            StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT
        ) {
            self.hang_up(now, line);
        }
    }
}

fn cseq(response: &Response) -> u32 {
    response.headers.cseq().map_or(0, |cseq| cseq.number)
}
