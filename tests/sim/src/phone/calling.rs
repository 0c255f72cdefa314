//! The phone as it calls, and as it changes or ends a call.

use std::time::Duration;

use sansio::Instant;
use sip::transaction::ClientId;
use sip::{HeaderName, Method, NameAddr, Response, StatusCode};

use super::{Call, CallPlan, Due, Happened, Phone, State, T1};
use crate::dialog::{Dialog, at_box, description};

impl Phone {
    pub(super) fn dial(&mut self, now: Instant, plan: &CallPlan) {
        if self.call.is_some() {
            return;
        }
        let target = at_box(&plan.to, self.flow);
        let own = NameAddr::new(at_box(&self.number, self.flow));
        let mut dialog = Dialog {
            call_id: format!("call-{:x}", self.rng.next_u64()),
            local: own.with_tag(&format!("{:x}", self.rng.next_u64())),
            remote: NameAddr::new(target.clone()),
            target,
            cseq: 0,
        };
        let mut invite = dialog.request(Method::Invite);
        invite.headers.push(HeaderName::Contact, self.contact());
        if !plan.late_offer {
            invite = invite.with_body("application/sdp", description(self.flow));
        }
        let client = self.layer.send_request(now, self.flow, invite.clone()).ok();
        if let Some(wait) = plan.cancel_after {
            self.after(now, wait, Due::Cancel);
        }
        self.call = Some(Call {
            dialog,
            state: State::Inviting,
            client,
            server: None,
            invite,
            confirmed: false,
            tries: 0,
            hang_up_after: plan.hang_up_after,
            ok: None,
            ack: None,
            hold: None,
            press: None,
        });
    }

    pub(super) fn response(&mut self, now: Instant, id: ClientId, response: &Response) {
        if self
            .registering
            .as_ref()
            .is_some_and(|(known, ..)| *known == id)
        {
            self.registered(now, response);
        } else if self.bye == Some(id) {
            if !response.status.is_provisional() {
                self.bye = None;
                self.over(Happened::Ended(true));
            }
        } else if self
            .call
            .as_ref()
            .is_some_and(|call| call.client == Some(id))
        {
            self.invited(now, response);
        } else if self.call.as_ref().is_some_and(|call| call.hold == Some(id)) {
            self.held(response);
        } else if self
            .call
            .as_ref()
            .is_some_and(|call| call.press == Some(id))
        {
            self.log.push(Happened::Pressed(response.status.code()));
        }
    }

    pub(super) fn press(&mut self, now: Instant) {
        let Some(call) = self
            .call
            .as_mut()
            .filter(|call| call.state == State::Talking)
        else {
            return;
        };
        let info = call.dialog.request(Method::Info);
        let info = info.with_body("application/dtmf-relay", b"Signal=5\r\n".to_vec());
        call.press = self.layer.send_request(now, self.flow, info).ok();
    }

    pub(super) fn invited(&mut self, now: Instant, response: &Response) {
        let Some(mut call) = self.call.take() else {
            return;
        };
        let status = response.status;
        if status.is_provisional() {
            if status == StatusCode::RINGING {
                self.log.push(Happened::Ringing);
            }
            self.call = Some(call);
        } else if status.is_success() {
            if let Some(ack) = &call.ack {
                self.layer.send_ack(self.flow, ack.clone());
                self.call = Some(call);
                return;
            }
            call.confirmed = true;
            call.dialog.learn(&response.headers);
            let mut ack = call.dialog.with_cseq(Method::Ack, call.dialog.cseq);
            if call.invite.body.is_empty() {
                ack = ack.with_body("application/sdp", description(self.flow));
            }
            self.layer.send_ack(self.flow, ack.clone());
            call.ack = Some(ack);
            let given_up = call.state == State::Closing;
            let wait = call.hang_up_after;
            call.state = State::Talking;
            self.call = Some(call);
            self.log.push(Happened::Connected);
            if given_up {
                // The 200 overtook the CANCEL.
                self.hang_up(now);
            } else if let Some(wait) = wait {
                self.after(now, wait, Due::HangUp);
            }
        } else if status == StatusCode::UNAUTHORIZED && call.tries < 2 {
            call.tries = call.tries.saturating_add(1);
            call.dialog.cseq = call.dialog.cseq.saturating_add(1);
            let again = self.authorised(call.invite.clone(), response, call.dialog.cseq);
            let Some(again) = again else { return };
            call.client = self.layer.send_request(now, self.flow, again.clone()).ok();
            call.invite = again;
            if call.state == State::Closing
                && let Some(client) = call.client
            {
                self.layer.cancel(now, client, None);
            }
            self.call = Some(call);
        } else {
            self.log.push(Happened::Failed(status.code()));
            self.due.retain(|(_, due)| *due == Due::Register);
        }
    }

    pub(super) fn timed_out(&mut self, now: Instant, id: ClientId) {
        if self
            .registering
            .as_ref()
            .is_some_and(|(known, ..)| *known == id)
        {
            self.registering = None;
            self.after(now, Duration::from_secs(1), Due::Register);
        } else if self.bye == Some(id) {
            self.bye = None;
            self.over(Happened::Ended(true));
        } else if self
            .call
            .as_ref()
            .is_some_and(|call| call.client == Some(id))
        {
            self.over(Happened::Failed(408));
        }
    }

    pub(super) fn over(&mut self, happened: Happened) {
        if self.call.take().is_some() {
            self.log.push(happened);
        }
        self.due.retain(|(_, due)| *due == Due::Register);
    }

    pub(super) fn cancel(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        if call.state == State::Inviting
            && let Some(client) = call.client
        {
            call.state = State::Closing;
            self.layer.cancel(now, client, None);
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        match call.state {
            State::Inviting => self.cancel(now),
            State::Ringing => {
                let tag = call.dialog.local.tag().map(str::to_owned);
                let busy = Response::to_request(&call.invite, StatusCode::DECLINE, tag.as_deref());
                if let Some(server) = call.server {
                    self.layer.respond(now, server, &busy);
                }
                self.over(Happened::Failed(603));
            }
            // RFC 3261 §15: the called side waits for the ACK before it says BYE.
            State::Talking if call.ok.is_some() => self.after(now, T1, Due::HangUp),
            State::Talking => {
                call.state = State::Closing;
                let bye = call.dialog.request(Method::Bye);
                self.bye = self.layer.send_request(now, self.flow, bye).ok();
            }
            State::Closing => {}
        }
    }

    pub(super) fn hold(&mut self, now: Instant) {
        let Some(call) = self
            .call
            .as_mut()
            .filter(|call| call.state == State::Talking)
        else {
            return;
        };
        let mut invite = call.dialog.request(Method::Invite);
        invite
            .headers
            .push(HeaderName::Contact, format!("<sip:{}>", self.flow.local));
        let held = String::from_utf8_lossy(&description(self.flow)).replace("sendrecv", "sendonly");
        let invite = invite.with_body("application/sdp", held.into_bytes());
        call.hold = self.layer.send_request(now, self.flow, invite).ok();
        call.ack = None;
    }

    pub(super) fn held(&mut self, response: &Response) {
        let Some(call) = &mut self.call else { return };
        if response.status.is_provisional() {
            return;
        }
        if !response.status.is_success() {
            self.log.push(Happened::HoldRefused(response.status.code()));
            return;
        }
        if call.ack.is_none() {
            let ack = call.dialog.with_cseq(Method::Ack, call.dialog.cseq);
            call.ack = Some(ack);
            self.log.push(Happened::Held);
        }
        if let Some(ack) = &call.ack {
            self.layer.send_ack(self.flow, ack.clone());
        }
    }
}
