//! The beginning: an authenticated INVITE becomes a call, or one record of why not.

use std::collections::VecDeque;

use ipc::media::Request as MediaRequest;
use ipc::store::{CallRecord, Outcome};
use sdp::{Place, Session};
use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, Request, Response, StatusCode};

use super::leg::{Leg, SDP};
use super::{Call, Calls, End, Phase, RELAY_REPLY_TIME_MAX, Relay};
use crate::core::{Core, event_text};
use crate::dialog::Dialog;
use crate::interface::{Event, Limit, Output, PeerFault};
use crate::registrar::Binding;
use crate::requests::{bad_extension, unsupported_body};
use crate::routing::{Route, route};

/// Hops when the caller wrote none (RFC 3261 §8.1.1.6).
const HOPS_DEFAULT: u8 = 70;

/// Why an INVITE becomes no call.
struct Refusal {
    response: Response,
    outcome: Outcome,
    /// The number called, as far as it is known.
    to: String,
}

/// What an INVITE needs to become a call.
struct Accepted {
    offer: Option<Session>,
    hops: u8,
    number: String,
    contacts: Vec<Binding>,
}

impl Calls {
    /// An INVITE outside of a dialog that `extension` has authenticated.
    pub(crate) fn invite(
        &mut self,
        core: &mut Core,
        id: ServerId,
        flow: Flow,
        request: &Request,
        extension: &str,
    ) {
        if self.is_merged(request) {
            core.reject(id, request, StatusCode::LOOP_DETECTED);
            return;
        }
        let tag = core.sip.new_tag();
        let cseq = first_cseq(core);
        let Ok(dialog) = Dialog::answering(request, flow, &tag, cseq) else {
            core.reject(id, request, StatusCode::BAD_REQUEST);
            return;
        };
        let mut record = record(core, flow, extension);
        match self.accept(core, flow, request) {
            Ok(accepted) => {
                record.to.clone_from(&accepted.number);
                let caller = Leg::new(core, dialog);
                self.start(core, id, request, record, caller, accepted);
            }
            Err(refusal) => {
                record.to = event_text(&refusal.to);
                record.ended_millis = Some(record.started_millis);
                record.outcome = refusal.outcome;
                record.status = refusal.response.status.code();
                tell_started(core, flow, &record);
                core.persist(&record);
                tell_ended(core, &record);
                core.respond(id, refusal.response);
            }
        }
    }

    /// Everything that can speak against an INVITE, in the order of RFC 3261 §8.2.
    fn accept(&self, core: &mut Core, flow: Flow, request: &Request) -> Result<Accepted, Refusal> {
        let dialled = request.uri.user().unwrap_or_default();
        let refuse = |core: &mut Core, status, outcome| Refusal {
            response: core.answer(request, status),
            outcome,
            to: dialled.clone(),
        };
        let route = match &core.site {
            Some((_, site)) => route(site, &core.registrar, &request.uri),
            None => Route::Unknown(dialled.clone()),
        };
        if route == Route::UnsupportedScheme {
            return Err(refuse(
                core,
                StatusCode::UNSUPPORTED_URI_SCHEME,
                Outcome::Rejected,
            ));
        }
        let hops = match request.headers.max_forwards() {
            Ok(Some(0)) => {
                return Err(refuse(core, StatusCode::TOO_MANY_HOPS, Outcome::Rejected));
            }
            Ok(hops) => hops.unwrap_or(HOPS_DEFAULT).saturating_sub(1),
            Err(_) => return Err(refuse(core, StatusCode::BAD_REQUEST, Outcome::Rejected)),
        };
        if let Some(response) = bad_extension(core, request) {
            return Err(Refusal {
                response,
                outcome: Outcome::Rejected,
                to: dialled,
            });
        }
        let offer = read_offer(core, flow, request).map_err(|response| Refusal {
            response,
            outcome: Outcome::Rejected,
            to: dialled.clone(),
        })?;
        match route {
            Route::Phones { number, contacts } if self.has_room() => Ok(Accepted {
                offer,
                hops,
                number,
                contacts,
            }),
            Route::Phones { .. } => {
                core.limit_reached(Limit::Calls);
                Err(refuse(
                    core,
                    StatusCode::SERVICE_UNAVAILABLE,
                    Outcome::Rejected,
                ))
            }
            Route::NotRegistered(_) => Err(refuse(
                core,
                StatusCode::TEMPORARILY_UNAVAILABLE,
                Outcome::Unreachable,
            )),
            Route::Unknown(_) | Route::UnsupportedScheme => {
                Err(refuse(core, StatusCode::NOT_FOUND, Outcome::NotFound))
            }
        }
    }

    fn start(
        &mut self,
        core: &mut Core,
        id: ServerId,
        request: &Request,
        record: CallRecord,
        caller: Leg,
        accepted: Accepted,
    ) {
        core.respond(id, Response::to_request(request, StatusCode::TRYING, None));
        tell_started(core, caller.dialog.flow, &record);
        core.persist(&record);
        let key = self.new_key();
        core.emit(Output::Media(MediaRequest::Open(key)));
        self.index.servers.insert(id, key);
        let dialog = &caller.dialog;
        let name = (dialog.call_id.clone(), dialog.local_tag().to_owned());
        self.index.dialogs.insert(name, (key, End::Caller));
        let caller_name = shown_name(core, &record.from);
        self.insert(Call {
            key,
            record,
            phase: Phase::Opening,
            relay: Relay::Opening,
            started: core.now,
            invite: request.clone(),
            invite_server: id,
            offer: accepted.offer,
            hops: accepted.hops,
            caller,
            targets: accepted.contacts,
            caller_name,
            branches: Vec::new(),
            exchange: None,
            exchanges: VecDeque::new(),
            deadline: None,
            relay_deadline: Some(core.now + RELAY_REPLY_TIME_MAX),
            recorded: false,
        });
    }
}

/// The offer in an INVITE, checked as far as it can be before the relay is open; `None` when the
/// caller makes none. The response says why it cannot be used.
pub(super) fn read_offer(
    core: &mut Core,
    flow: Flow,
    request: &Request,
) -> Result<Option<Session>, Response> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let encoded = request.headers.first(&HeaderName::ContentEncoding);
    if request.headers.content_type().as_deref() != Some(SDP)
        || encoded.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"))
    {
        return Err(unsupported_body(core, request));
    }
    let offer = match Session::parse(&request.body) {
        Ok(offer) => offer,
        Err(fault) => {
            let reason = fault.to_string();
            return Err(bad_description(
                core,
                flow,
                request,
                StatusCode::BAD_REQUEST,
                &reason,
            ));
        }
    };
    let anywhere = Place {
        address: flow.local.ip(),
        port: 1,
    };
    match sdp::rewrite_offer(&offer, anywhere) {
        Ok(_) => Ok(Some(offer)),
        Err(fault) => {
            let (status, reason) = (StatusCode::NOT_ACCEPTABLE_HERE, fault.to_string());
            Err(bad_description(core, flow, request, status, &reason))
        }
    }
}

/// 400 or 488 with a Warning that tells the phone's owner what is wrong (RFC 3261 §20.43).
fn bad_description(
    core: &mut Core,
    flow: Flow,
    request: &Request,
    status: StatusCode,
    reason: &str,
) -> Response {
    let warning = format!("399 {} \"{}\"", flow.local, event_text(reason));
    core.peer_fault(
        flow,
        PeerFault::BadDescription {
            reason: event_text(reason),
        },
    );
    core.answer(request, status)
        .with(HeaderName::Warning, warning)
}

/// A first CSeq of ours: below 2^31 with room to grow.
pub(super) fn first_cseq(core: &mut Core) -> u32 {
    let random = u64::from_str_radix(&core.sip.new_tag(), 16).unwrap_or_default();
    u32::try_from(random & 0xffff).unwrap_or_default()
}

pub(super) fn tell_ended(core: &mut Core, record: &CallRecord) {
    let (id, outcome, status) = (record.id.clone(), record.outcome, record.status);
    core.event(Event::CallEnded {
        id,
        outcome,
        status,
    });
}

fn tell_started(core: &mut Core, flow: Flow, record: &CallRecord) {
    core.event(Event::CallStarted {
        id: record.id.clone(),
        from: record.from.clone(),
        to: record.to.clone(),
        source: flow.remote.ip(),
    });
}

/// A record of a call that has just begun. The caller is who authenticated, whatever From says.
fn record(core: &mut Core, flow: Flow, extension: &str) -> CallRecord {
    let started = core.unix().as_millis();
    let random = core.sip.new_tag();
    let random = random.get(..8).unwrap_or_default();
    CallRecord {
        id: format!("{:013}-{random}", started.max(0)),
        from: extension.to_owned(),
        to: String::new(),
        source: flow.remote.ip().to_string(),
        started_millis: started,
        answered_millis: None,
        ended_millis: None,
        outcome: Outcome::Ongoing,
        status: 0,
        dtmf_digits: 0,
        packets_to_callee: 0,
        packets_to_caller: 0,
        ..CallRecord::default()
    }
}

fn shown_name(core: &Core, number: &str) -> String {
    let site = core.site.as_ref().map(|(_, site)| site);
    let extension = site.and_then(|site| site.extension(number));
    extension
        .map(|extension| extension.display_name.clone())
        .unwrap_or_default()
}
