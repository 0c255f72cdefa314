//! The end: whoever is left is told, the relay closes, and the record is written.

use ipc::media::{Reply as MediaReply, Request as MediaRequest, Stats};
use ipc::store::Outcome;
use sip::transaction::ServerId;
use sip::{Request, Response, StatusCode};

use super::incoming::tell_ended;
use super::table::Index;
use super::{Call, End, LINGER_TIME_MAX, Phase, RELAY_REPLY_TIME_MAX, Relay};
use crate::core::{Core, event_text};
use crate::interface::{Event, Output};

impl Call {
    /// `media` answered what was asked last.
    pub(super) fn media(&mut self, core: &mut Core, index: &mut Index, reply: MediaReply) {
        match (self.relay, reply) {
            (
                Relay::Opening,
                MediaReply::Opened {
                    caller_port,
                    callee_port,
                },
            ) => {
                self.relay = Relay::Open {
                    caller_port,
                    callee_port,
                };
                self.relay_deadline = None;
                if self.phase == Phase::Opening {
                    self.ring(core, index);
                } else {
                    self.close_relay(core);
                }
            }
            (Relay::Opening, MediaReply::Failed { reason }) => {
                self.relay = Relay::Closed;
                self.relay_deadline = None;
                self.media_failed(core, &reason);
                if self.phase == Phase::Opening {
                    self.refuse_later(core);
                } else {
                    self.record(core);
                }
            }
            (Relay::Closing, MediaReply::Closed(stats)) => {
                self.count(stats);
                self.relay_closed(core);
            }
            (Relay::Closing, MediaReply::Failed { reason }) => {
                self.media_failed(core, &reason);
                self.relay_closed(core);
            }
            (Relay::Closing, MediaReply::Unknown) => self.relay_closed(core),
            (Relay::Open { .. }, MediaReply::Failed { reason }) => {
                self.media_failed(core, &reason);
            }
            (Relay::Open { .. }, MediaReply::Unknown) => {
                self.media_failed(core, "the relay is gone: the media service was restarted");
            }
            (
                Relay::Opening | Relay::Open { .. } | Relay::Closing | Relay::Closed,
                MediaReply::Opened { .. }
                | MediaReply::Done
                | MediaReply::Closed(_)
                | MediaReply::Unknown
                | MediaReply::Relays(_)
                | MediaReply::Failed { .. }
                | MediaReply::Refused { .. },
            ) => {}
        }
    }

    /// A BYE from one of the legs; it has been answered.
    pub(super) fn bye(&mut self, core: &mut Core, end: End) {
        if let Some(leg) = self.leg(end) {
            leg.over();
        }
        match self.phase {
            Phase::Talking { .. } => {
                let outcome = match end {
                    End::Caller => Outcome::EndedByCaller,
                    End::Branch(_) => Outcome::EndedByCallee,
                };
                self.hang_up(core, outcome);
            }
            // A caller may end an early dialog with BYE too (RFC 3261 §15).
            Phase::Opening | Phase::Calling { .. } if end == End::Caller => {
                self.cancel_branches(core, None);
                self.refuse(core, StatusCode::REQUEST_TERMINATED, Outcome::Cancelled);
            }
            Phase::Opening | Phase::Calling { .. } | Phase::Ending => {}
        }
    }

    /// Ends an answered call: BYE to each leg that has not had one.
    pub(super) fn hang_up(&mut self, core: &mut Core, outcome: Outcome) {
        let Phase::Talking { winner } = self.phase else {
            return;
        };
        self.exchange_abandoned(core);
        self.caller.bye(core);
        if let Some(callee) = self.leg(End::Branch(winner)) {
            callee.bye(core);
        }
        let status = self.record.status;
        self.finish(core, outcome, status);
    }

    /// Ends a call that was not answered, with a final response for the caller.
    pub(super) fn refuse(&mut self, core: &mut Core, status: StatusCode, outcome: Outcome) {
        let response = self.refusal(status);
        core.respond(self.invite_server, response);
        self.finish(core, outcome, status.code());
    }

    pub(super) fn refusal(&self, status: StatusCode) -> Response {
        Response::to_request(&self.invite, status, Some(self.caller.dialog.local_tag()))
    }

    /// The connection a caller is to be answered by is gone, and with it the caller.
    pub(super) fn caller_lost(&mut self, core: &mut Core, id: ServerId) {
        if id != self.invite_server {
            self.exchange_abandoned(core);
            return;
        }
        match self.phase {
            Phase::Opening | Phase::Calling { .. } => {
                self.cancel_branches(core, None);
                self.finish(core, Outcome::Cancelled, 0);
            }
            Phase::Talking { .. } | Phase::Ending => {}
        }
    }

    /// The box stops.
    pub(super) fn shut_down(&mut self, core: &mut Core) {
        match self.phase {
            Phase::Opening | Phase::Calling { .. } => {
                self.cancel_branches(core, None);
                self.refuse(core, StatusCode::SERVICE_UNAVAILABLE, Outcome::EndedByBox);
            }
            Phase::Talking { .. } => self.hang_up(core, Outcome::EndedByBox),
            Phase::Ending => {}
        }
    }

    /// The call is over for the people. What remains is the relay, the record, and the branches.
    pub(super) fn finish(&mut self, core: &mut Core, outcome: Outcome, status: u16) {
        if self.phase == Phase::Ending {
            return;
        }
        self.phase = Phase::Ending;
        self.deadline = Some(core.now + LINGER_TIME_MAX);
        self.record.ended_millis = Some(core.unix().as_millis());
        self.record.outcome = outcome;
        self.record.status = status;
        tell_ended(core, &self.record);
        match self.relay {
            Relay::Open { .. } => self.close_relay(core),
            Relay::Closed => self.record(core),
            // Closed as soon as it is open.
            Relay::Opening | Relay::Closing => {}
        }
    }

    /// Writes the final record, once.
    pub(super) fn record(&mut self, core: &mut Core) {
        if !self.recorded {
            self.recorded = true;
            core.persist(&self.record);
        }
    }

    fn close_relay(&mut self, core: &mut Core) {
        self.relay = Relay::Closing;
        self.relay_deadline = Some(core.now + RELAY_REPLY_TIME_MAX);
        core.emit(Output::Media(MediaRequest::Close(self.key)));
    }

    fn relay_closed(&mut self, core: &mut Core) {
        self.relay = Relay::Closed;
        self.relay_deadline = None;
        self.record(core);
    }

    const fn count(&mut self, stats: Stats) {
        self.record.dtmf_digits = stats.dtmf_digits;
        self.record.packets_to_callee = stats.packets_to_callee;
        self.record.packets_to_caller = stats.packets_to_caller;
    }

    fn media_failed(&self, core: &mut Core, reason: &str) {
        let (id, reason) = (self.record.id.clone(), event_text(reason));
        core.event(Event::MediaFailed { id, reason });
    }

    /// Answers a request in a dialog with nothing but a status.
    pub(super) fn reply(
        &self,
        core: &mut Core,
        id: ServerId,
        request: &Request,
        status: StatusCode,
    ) {
        core.respond(id, Response::to_request(request, status, None));
    }
}
