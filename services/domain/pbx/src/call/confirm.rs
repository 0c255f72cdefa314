//! ACKs and time: what a call does when it is not told anything new.

use ipc::store::Outcome;
use sdp::Session;
use sip::transaction::Flow;
use sip::{HeaderName, Request, StatusCode};

use super::leg::{Farewell, SDP};
use super::{Call, End, Phase, Relay};
use crate::core::{Core, event_text};
use crate::interface::{Event, PeerFault};

impl Call {
    /// An ACK for a 2xx of ours.
    pub(super) fn ack(&mut self, core: &mut Core, end: End, flow: Flow, request: &Request) {
        let Ok(cseq) = request.headers.cseq() else {
            return;
        };
        let Some(leg) = self.leg(end) else { return };
        let Some(confirmed) = leg.acknowledged(cseq.number) else {
            return;
        };
        if leg.farewell == Farewell::Wanted {
            leg.bye(core);
        }
        let Some(offer) = confirmed.offer else { return };
        let Some(other) = self.other(end) else { return };
        if self
            .late_answer(core, end, other, &offer, request)
            .is_none()
        {
            let reason = event_text("the ACK holds no answer to the offer in the 2xx");
            core.peer_fault(flow, PeerFault::BadDescription { reason });
            self.hang_up(core, Outcome::EndedByBox);
        }
    }

    /// Takes the answer in an ACK to the offer that `other` made in its 2xx, and passes it on.
    fn late_answer(
        &mut self,
        core: &mut Core,
        end: End,
        other: End,
        offer: &Session,
        ack: &Request,
    ) -> Option<()> {
        if ack.headers.content_type().as_deref() != Some(SDP) {
            return None;
        }
        let answer = Session::parse(&ack.body).ok()?;
        let port = self.port(other);
        let place = self.leg(other)?.place(port);
        let (ours, side) = sdp::rewrite_answer(offer, &answer, place).ok()?;
        self.set_media(core, end, side, true);
        let leg = self.leg(other)?;
        let body = leg.describe(ours);
        leg.acknowledge_owed(core, body);
        Some(())
    }

    /// The call's time has come.
    pub(super) fn timer(&mut self, core: &mut Core) {
        self.repeat_confirmations(core);
        self.exchange_overdue(core);
        if self
            .relay_deadline
            .is_some_and(|deadline| deadline <= core.now)
        {
            self.relay_deadline = None;
            self.relay_silent(core);
        }
        if self.deadline.is_some_and(|deadline| deadline <= core.now) {
            match self.phase {
                Phase::Calling { .. } => {
                    self.cancel_branches(core, None);
                    let status = StatusCode::TEMPORARILY_UNAVAILABLE;
                    self.refuse(core, status, Outcome::NoAnswer);
                }
                // An ended call past its deadline is settled whatever is missing.
                Phase::Opening | Phase::Talking { .. } | Phase::Ending => {}
            }
        }
    }

    fn repeat_confirmations(&mut self, core: &mut Core) {
        let ends: Vec<End> = (0..self.branches.len()).map(End::Branch).collect();
        for end in ends.into_iter().chain([End::Caller]) {
            let Some(leg) = self.leg(end) else { continue };
            if leg.repeat(core) {
                continue;
            }
            // RFC 3261 §13.3.1.4: no ACK within 64*T1, so the session ends with a BYE.
            leg.confirmation = None;
            leg.bye(core);
            self.hang_up(core, Outcome::EndedByBox);
        }
    }

    /// `media` did not answer in time.
    fn relay_silent(&mut self, core: &mut Core) {
        match self.relay {
            Relay::Opening => {
                let reason = "the media service does not answer".to_owned();
                core.event(Event::MediaFailed {
                    id: self.record.id.clone(),
                    reason,
                });
                self.relay = Relay::Closed;
                if self.phase == Phase::Opening {
                    self.refuse_later(core);
                } else {
                    self.record(core);
                }
            }
            Relay::Closing => {
                self.relay = Relay::Closed;
                self.record(core);
            }
            Relay::Open { .. } | Relay::Closed => {}
        }
    }

    /// 503, and when to come back.
    pub(super) fn refuse_later(&mut self, core: &mut Core) {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let response = self.refusal(status).with(HeaderName::RetryAfter, "5");
        core.respond(self.invite_server, response);
        self.finish(core, Outcome::EndedByBox, status.code());
    }
}
