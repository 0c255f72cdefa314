//! REFER received: the call is asked to move, and the transferor hears how it goes
//! (RFC 3515, RFC 4488, RFC 3891, RFC 3892).

use sip::body::StatusFragment;
use sip::transaction::ServerId;
use sip::{
    Event, HeaderName, Method, Replaces, Request, Response, StatusCode, SubscriptionState,
    TerminationReason, Uri,
};

use super::state::{Cx, Farewell, Leg, Phase};
use super::table::Purpose;
use super::{LegEvent, Replaced, Transfer};

/// How long the transferor may believe in the subscription, seconds: longer than phones ring.
const EXPIRES: u32 = 180;

/// A REFER and what became of it. One at a time: a second gets 491.
#[derive(Debug)]
pub(super) struct Referral {
    /// CSeq of the REFER, by which its NOTIFYs are told apart (RFC 3515 §2.4.6).
    id: u32,
    state: State,
    /// The status told last.
    status: StatusCode,
}

#[derive(Debug)]
enum State {
    /// The call has not said whether it will.
    Asked(ServerId, Box<Request>),
    /// It will, and the transferor hears how it goes.
    Active,
    /// Nothing more is told.
    Over,
}

impl Referral {
    /// The CSeq of a REFER whose reports are open, and the status told last.
    pub(super) fn save(&self) -> Option<(u32, u16)> {
        self.is_active().then(|| (self.id, self.status.code()))
    }

    /// Reports that an earlier process left open.
    pub(super) fn restored((id, status): (u32, u16)) -> Option<Self> {
        let (state, status) = (State::Active, StatusCode::new(status)?);
        Some(Self { id, state, status })
    }

    /// NOTIFYs are still to come.
    pub(super) const fn is_active(&self) -> bool {
        matches!(self.state, State::Active)
    }
}

impl Leg {
    /// A REFER of the peer.
    pub(super) fn referred(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        let busy = self.referral.as_ref().is_some_and(|one| match one.state {
            State::Asked(..) | State::Active => true,
            State::Over => false,
        });
        if busy || self.phase != Phase::Confirmed {
            return cx.reply(id, request, StatusCode::REQUEST_PENDING);
        }
        let transfer = match read(request) {
            Ok(transfer) => transfer,
            Err(status) => return cx.reply(id, request, status),
        };
        cx.shared.servers.insert(id, cx.id);
        self.referral = Some(Referral {
            id: request.headers.cseq().map_or(0, |cseq| cseq.number),
            state: State::Asked(id, Box::new(request.clone())),
            status: StatusCode::TRYING,
        });
        cx.tell(LegEvent::Transfer(Box::new(transfer)));
    }

    /// The call will do it: 202, and the first NOTIFY.
    pub(super) fn transfer_accepted(&mut self, cx: &mut Cx<'_>) {
        let Some(referral) = &mut self.referral else {
            return;
        };
        let State::Asked(server, request) = &referral.state else {
            return;
        };
        let server = *server;
        let silent = request.headers.refer_sub() == Ok(Some(false));
        let mut response =
            super::state::response(&self.dialog, &self.profile, request, StatusCode::ACCEPTED);
        if silent {
            // RFC 4488 §4: it does not want to hear how it goes.
            response.headers.push(HeaderName::ReferSub, "false");
        }
        referral.state = if silent { State::Over } else { State::Active };
        cx.shared.servers.remove(&server);
        cx.core.respond(server, response);
        self.notify_transfer(cx, StatusCode::TRYING);
    }

    /// The call will not.
    pub(super) fn refuse_transfer(&mut self, cx: &mut Cx<'_>, status: StatusCode) {
        let Some(referral) = &mut self.referral else {
            return;
        };
        if let State::Asked(server, request) = &referral.state {
            cx.shared.servers.remove(server);
            let response = Response::to_request(request, status, None);
            cx.core.respond(*server, response);
            referral.state = State::Over;
        }
    }

    /// Tells the transferor how it goes; a final status is the last word.
    pub(super) fn notify_transfer(&mut self, cx: &mut Cx<'_>, status: StatusCode) {
        let Some(referral) = &mut self.referral else {
            return;
        };
        if !referral.is_active() {
            return;
        }
        referral.status = status;
        let state = if status.is_provisional() {
            SubscriptionState::active(EXPIRES)
        } else {
            referral.state = State::Over;
            SubscriptionState::terminated(TerminationReason::NoResource)
        };
        self.send_notify(cx, status, &state);
    }

    fn send_notify(&mut self, cx: &mut Cx<'_>, status: StatusCode, state: &SubscriptionState) {
        let Some(referral) = &self.referral else {
            return;
        };
        let event = Event {
            package: "refer".to_owned(),
            id: Some(referral.id.to_string()),
        };
        let mut notify = self.dialog.request(Method::Notify);
        let headers = &mut notify.headers;
        headers.push(HeaderName::Contact, self.dialog.contact());
        headers.push(HeaderName::Event, event.to_string());
        headers.push(HeaderName::SubscriptionState, state.to_string());
        let fragment = StatusFragment::new(status).to_bytes();
        let notify = notify.with_body(StatusFragment::CONTENT_TYPE, fragment);
        self.send(cx, notify, Purpose::Notify);
    }

    /// The transferor does not want to hear more, or is not there.
    pub(super) fn referral_over(&mut self) {
        if let Some(referral) = &mut self.referral
            && referral.is_active()
        {
            referral.state = State::Over;
        }
    }

    /// A SUBSCRIBE for our reports: refreshed, or ended with Expires 0 (RFC 3515 §2.4.4). False
    /// when it is about something else.
    pub(super) fn resubscribed(
        &mut self,
        cx: &mut Cx<'_>,
        id: ServerId,
        request: &Request,
    ) -> bool {
        let about = request.headers.event();
        let Some(referral) = &mut self.referral else {
            return false;
        };
        if !about.is_ok_and(|event| event.package.eq_ignore_ascii_case("refer"))
            || !referral.is_active()
        {
            return false;
        }
        let status = referral.status;
        let ends = request.headers.expires() == Some(0);
        let state = if ends {
            referral.state = State::Over;
            SubscriptionState::terminated(TerminationReason::Timeout)
        } else {
            SubscriptionState::active(EXPIRES)
        };
        let expires = if ends { 0 } else { EXPIRES };
        let response = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, self.dialog.contact())
            .with(HeaderName::Expires, expires.to_string());
        cx.core.respond(id, response);
        self.send_notify(cx, status, &state);
        true
    }

    /// The peer said BYE.
    pub(super) fn bye_received(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        cx.reply(id, request, StatusCode::OK);
        self.farewell = Farewell::Said;
        self.confirmations.clear();
        self.refuse_transfer(cx, StatusCode::DECLINE);
        self.abandon_exchange(cx);
        match self.phase {
            Phase::Early => {
                // RFC 3261 §15: a caller may end an early dialog by BYE too.
                self.refuse(cx, StatusCode::REQUEST_TERMINATED, &[]);
                cx.tell(LegEvent::Cancelled);
                self.over(cx);
            }
            Phase::Confirmed => self.lose(cx, super::EndCause::PeerHungUp),
            Phase::Over => {}
        }
    }
}

/// What a REFER asks for, or the status it deserves.
fn read(request: &Request) -> Result<Transfer, StatusCode> {
    let headers = &request.headers;
    let bad = |_| StatusCode::BAD_REQUEST;
    // Who refers is known by its dialog; what it says of itself here is read and not believed.
    headers.referred_by().map_err(bad)?;
    let mut target = headers.refer_to().map_err(bad)?.uri;
    let mut replaces = None;
    match &mut target {
        Uri::Sip(uri) => {
            if uri
                .params
                .get("method")
                .is_some_and(|method| method != "INVITE")
            {
                return Err(StatusCode::DECLINE);
            }
            replaces = Replaces::in_uri(uri).map_err(bad)?;
            uri.headers = None;
        }
        Uri::Tel(_) => {}
        Uri::Other(_) => return Err(StatusCode::UNSUPPORTED_URI_SCHEME),
    }
    Ok(Transfer {
        target,
        replaces: replaces.map(|dialog| Replaced {
            call_id: dialog.call_id,
            to_tag: dialog.to_tag,
            from_tag: dialog.from_tag,
            early_only: dialog.early_only,
        }),
    })
}
