//! Which request means what: the door every request comes in by (RFC 3261 §8.2).

use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, Method, Request, Response, StatusCode};

use crate::authentication::Admission;
use crate::call::Calls;
use crate::core::{Core, event_text};
use crate::interface::{AuthFailure, Event, PeerFault};
use crate::register;

/// What we answer other than 405.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REGISTER";
/// Bodies we read.
const ACCEPT: &str = "application/sdp";
/// How long a phone shall wait when we cannot serve it yet, seconds.
const RETRY_AFTER: &str = "2";

/// Works off a new request.
pub(crate) fn request(
    core: &mut Core,
    calls: &mut Calls,
    id: ServerId,
    flow: Flow,
    request: &Request,
) {
    let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
    match request.method {
        Method::Invite | Method::Bye | Method::Info if in_dialog => {
            calls.in_dialog(core, id, flow, request);
        }
        // An answer here would keep a phone believing in a dialog that is gone.
        Method::Options if in_dialog && !calls.knows(request) => {
            core.reject(id, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        Method::Options => {
            let response = core
                .answer(request, StatusCode::OK)
                .with(HeaderName::Accept, ACCEPT);
            core.respond(id, allowing(response));
        }
        Method::Register => {
            if let Some(extension) = admit(core, id, flow, request) {
                register::register(core, id, flow, request, &extension);
            }
        }
        Method::Invite => {
            if let Some(extension) = admit(core, id, flow, request) {
                calls.invite(core, id, flow, request, &extension);
            }
        }
        Method::Bye | Method::Info => {
            core.peer_fault(flow, PeerFault::UnknownDialog);
            core.reject(id, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        // Known to us, not offered (RFC 3261 §8.2.1).
        Method::Ack
        | Method::Cancel
        | Method::Message
        | Method::Notify
        | Method::Prack
        | Method::Publish
        | Method::Refer
        | Method::Subscribe
        | Method::Update => {
            let response = core.answer(request, StatusCode::METHOD_NOT_ALLOWED);
            core.respond(id, allowing(response));
        }
        Method::Other(_) => {
            let response = core.answer(request, StatusCode::NOT_IMPLEMENTED);
            core.respond(id, allowing(response));
        }
    }
}

/// The same response with Allow.
pub(crate) fn allowing(response: Response) -> Response {
    response.with(HeaderName::Allow, ALLOW)
}

/// 415 with what we do read.
pub(crate) fn unsupported_body(core: &mut Core, request: &Request) -> Response {
    let response = core.answer(request, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    response.with(HeaderName::Accept, ACCEPT)
}

/// 420 naming the extensions a request requires; `None` when it requires none. We have none.
pub(crate) fn bad_extension(core: &mut Core, request: &Request) -> Option<Response> {
    let required: Vec<String> = request
        .headers
        .values(&HeaderName::Require)
        .map(|value| event_text(&String::from_utf8_lossy(value)))
        .collect();
    if required.is_empty() {
        return None;
    }
    let response = core.answer(request, StatusCode::BAD_EXTENSION);
    Some(response.with(HeaderName::Unsupported, required.join(", ")))
}

/// The extension a request proves to come from; otherwise it has been answered.
fn admit(core: &mut Core, id: ServerId, flow: Flow, request: &Request) -> Option<String> {
    let site = match &core.site {
        Some((_, site)) if !core.stopping => site.clone(),
        Some(_) | None => {
            let response = core.answer(request, StatusCode::SERVICE_UNAVAILABLE);
            core.respond(id, response.with(HeaderName::RetryAfter, RETRY_AFTER));
            return None;
        }
    };
    match core.gate.admit(core.now, &site, flow, request) {
        Admission::Admitted(extension) => {
            core.proven.extend(flow.stream);
            Some(extension)
        }
        Admission::Challenged(challenges) => {
            let mut response = core.answer(request, StatusCode::UNAUTHORIZED);
            for challenge in challenges {
                response
                    .headers
                    .push(HeaderName::WwwAuthenticate, challenge);
            }
            core.respond(id, response);
            None
        }
        Admission::Refused { class, extension } => {
            refused(core, flow, class, &extension);
            core.reject(id, request, StatusCode::FORBIDDEN);
            None
        }
    }
}

fn refused(core: &mut Core, flow: Flow, class: AuthFailure, extension: &str) {
    let (source, transport) = (flow.remote, flow.transport);
    let extension = event_text(extension);
    core.event(Event::AuthFailure {
        class,
        extension,
        source,
        transport,
    });
}
