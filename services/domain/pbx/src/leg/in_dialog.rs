//! Requests of the peer in a dialog of ours.

use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::state::{ALLOW, Cx, First, Leg, Phase, SUPPORTED, supported};

/// Bodies we read.
const ACCEPT: &str = "application/sdp, multipart/mixed, application/dtmf-relay, application/dtmf";

impl Leg {
    /// Works off a request; false when its method is not a dialog's business.
    pub(super) fn in_dialog(
        &mut self,
        cx: &mut Cx<'_>,
        id: ServerId,
        flow: Flow,
        request: &Request,
    ) -> bool {
        let from = request.headers.from().ok();
        let tag = from.as_ref().and_then(sip::NameAddr::tag);
        match self.fork_of(tag) {
            Some(fork) => self
                .as_fork(fork, |leg| leg.work_off(cx, id, flow, request))
                .unwrap_or(false),
            None => self.work_off(cx, id, flow, request),
        }
    }

    fn work_off(&mut self, cx: &mut Cx<'_>, id: ServerId, flow: Flow, request: &Request) -> bool {
        if !is_ours(&request.method) {
            return false;
        }
        if self.is_out_of_order(cx, id, flow, request) {
            return true;
        }
        self.heard_by(flow);
        if self.phase == Phase::Over {
            self.after_the_end(cx, id, request);
            return true;
        }
        if let Some(unknown) = request.headers.unknown_requirements(&SUPPORTED) {
            let response = Response::to_request(request, StatusCode::BAD_EXTENSION, None);
            cx.core
                .respond(id, response.with(HeaderName::Unsupported, unknown));
            return true;
        }
        self.learn(&request.headers);
        match request.method {
            // A callee may not end an early dialog so (RFC 3261 §15).
            Method::Bye
                if self.phase == Phase::Early && matches!(self.first, First::Outgoing(_)) =>
            {
                cx.reply(id, request, StatusCode::CALL_DOES_NOT_EXIST);
            }
            Method::Bye => self.bye_received(cx, id, request),
            Method::Invite => self.reinvited(cx, id, request),
            Method::Update => self.updated(cx, id, request),
            Method::Prack => self.pracked(cx, id, request),
            Method::Info => self.informed(cx, id, request),
            Method::Refer => self.referred(cx, id, request),
            Method::Options => self.describe_ourselves(cx, id, request),
            // 481 would end the call in the eyes of some phones (RFC 5057 §5.1).
            Method::Notify => cx.reply(id, request, StatusCode::BAD_EVENT),
            Method::Subscribe => return self.subscribed(cx, id, request),
            Method::Message => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                let response = Response::to_request(request, status, None);
                cx.core.respond(id, response.with(HeaderName::Allow, ALLOW));
            }
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Publish
            | Method::Other(_) => return false,
        }
        true
    }

    /// A SUBSCRIBE in the dialog of a call: to our reports on a transfer, or to what we do not tell
    /// there, as keys (RFC 4730).
    fn subscribed(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) -> bool {
        if self.resubscribed(cx, id, request) {
            return true;
        }
        let about = request.headers.event();
        let ended = about.is_ok_and(|event| event.package.eq_ignore_ascii_case("refer"));
        if !ended {
            let response = Response::to_request(request, StatusCode::BAD_EVENT, None);
            let events = crate::subscription::EVENTS;
            cx.core
                .respond(id, response.with(HeaderName::AllowEvents, events));
        }
        !ended
    }

    /// RFC 3261 §12.2.2: a number not above the last is a request out of order.
    fn is_out_of_order(
        &mut self,
        cx: &mut Cx<'_>,
        id: ServerId,
        flow: Flow,
        request: &Request,
    ) -> bool {
        let Ok(cseq) = request.headers.cseq() else {
            cx.reply(id, request, StatusCode::BAD_REQUEST);
            return true;
        };
        if self
            .dialog
            .remote_cseq
            .is_some_and(|last| cseq.number <= last)
        {
            cx.core
                .peer_fault(flow, crate::interface::PeerFault::CSeqTooLow);
            cx.reply(id, request, StatusCode::SERVER_INTERNAL_ERROR);
            return true;
        }
        self.dialog.remote_cseq = Some(cseq.number);
        false
    }

    /// The leg has ended here; our BYE may have crossed the peer's, or be still to come.
    fn after_the_end(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        match request.method {
            Method::Bye => {
                self.farewell = super::state::Farewell::Said;
                self.confirmations.clear();
                cx.reply(id, request, StatusCode::OK);
            }
            Method::Subscribe if self.resubscribed(cx, id, request) => {}
            // A PRACK that crossed our final response (RFC 3262 §3).
            Method::Prack => self.pracked(cx, id, request),
            Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Info
            | Method::Message
            | Method::Notify
            | Method::Publish
            | Method::Refer
            | Method::Subscribe
            | Method::Update
            | Method::Other(_) => cx.reply(id, request, StatusCode::CALL_DOES_NOT_EXIST),
        }
    }

    fn describe_ourselves(&self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        let response = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Allow, ALLOW)
            .with(HeaderName::Accept, ACCEPT)
            .with(HeaderName::Supported, supported(&self.profile));
        cx.core.respond(id, response);
    }
}

const fn is_ours(method: &Method) -> bool {
    match method {
        Method::Invite
        | Method::Bye
        | Method::Update
        | Method::Prack
        | Method::Info
        | Method::Refer
        | Method::Options
        | Method::Notify
        | Method::Message
        | Method::Subscribe => true,
        Method::Ack | Method::Cancel | Method::Register | Method::Publish | Method::Other(_) => {
            false
        }
    }
}
