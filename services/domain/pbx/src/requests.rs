//! Which request means what: the door every request comes in by (RFC 3261 §8.2).

use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, Method, Request, Response, StatusCode, Uri};

use crate::authentication::{Admission, Inside};
use crate::call::{Caller, Calls, Tools};
use crate::core::{Core, event_text};
use crate::interface::{AuthFailure, Event, PeerFault};
use crate::leg::{LegId, Peer};
use crate::subscription::EVENTS;
use crate::{door, hiding, register, routing};

/// What we answer other than 405.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, REGISTER, SUBSCRIBE";
/// Bodies we read.
const ACCEPT: &str = "application/sdp";
/// What we know beyond RFC 3261, in whatever request it belongs to.
const SUPPORTED: &str = "100rel, timer, replaces, norefersub, path, outbound";
/// How long a phone shall wait when we cannot serve it yet, seconds.
const RETRY_AFTER: &str = "2";

/// Works off a new request.
pub(crate) fn request(
    tools: &mut Tools<'_>,
    calls: &mut Calls,
    id: ServerId,
    flow: Flow,
    request: &Request,
) {
    hiding::heard(tools.core, flow, request);
    door::heard(tools.core, flow);
    // RFC 3891 §3: it is nobody's place that another request could take.
    if request.method != Method::Invite && request.headers.first(&HeaderName::Replaces).is_some() {
        tools.core.reject(id, request, StatusCode::BAD_REQUEST);
        return;
    }
    let in_dialog = request.headers.to_tag().is_some();
    if in_dialog && in_its_dialog(tools, id, flow, request) {
        return;
    }
    let core = &mut *tools.core;
    // RFC 3261 §8.2.2.1: whom a scheme we do not speak means, nobody here can tell.
    if matches!(request.uri, Uri::Other(_)) {
        core.reject(id, request, StatusCode::UNSUPPORTED_URI_SCHEME);
        return;
    }
    match request.method {
        // An answer here would keep a phone believing in a dialog that is gone.
        Method::Invite | Method::Options | Method::Message | Method::Notify if in_dialog => {
            unknown_dialog(core, id, flow, request);
        }
        Method::Options => {
            if let Some(refusal) = bad_extension(core, request) {
                core.respond(id, refusal);
                return;
            }
            let response = core
                .answer(request, StatusCode::OK)
                .with(HeaderName::Accept, ACCEPT)
                .with(HeaderName::AllowEvents, EVENTS)
                .with(HeaderName::Supported, SUPPORTED);
            core.respond(id, allowing(response));
        }
        Method::Register => {
            if let Some(extension) = admit(core, id, flow, request) {
                register::register(core, id, flow, request, &extension);
            }
        }
        Method::Invite => {
            if let Some(caller) = by_trunk(tools, flow, request) {
                tools.core.proven.extend(flow.stream);
                calls.invite(tools, id, flow, request, caller);
            } else if let Some(extension) = admit(tools.core, id, flow, request) {
                let caller = by_phone(tools.core, request, extension);
                calls.invite(tools, id, flow, request, caller);
            }
        }
        Method::Subscribe => {
            if let Some(extension) = admit(core, id, flow, request) {
                let legs = &*tools.legs;
                let lamps = |number: &str| calls.lamps(legs, number);
                let subscriptions = &mut *tools.subscriptions;
                subscriptions.subscribe(core, id, flow, request, &extension, lamps);
            }
        }
        // Only ever in a dialog.
        Method::Bye | Method::Info | Method::Prack | Method::Refer | Method::Update => {
            unknown_dialog(core, id, flow, request);
        }
        // Known to us, not offered (RFC 3261 §8.2.1).
        Method::Ack | Method::Cancel | Method::Message | Method::Notify | Method::Publish => {
            let response = core.answer(request, StatusCode::METHOD_NOT_ALLOWED);
            core.respond(id, allowing(response));
        }
        Method::Other(_) => {
            let response = core.answer(request, StatusCode::NOT_IMPLEMENTED);
            core.respond(id, allowing(response));
        }
    }
}

/// Works off a request in the dialog of a leg; false when it is in none of them.
fn in_its_dialog(tools: &mut Tools<'_>, id: ServerId, flow: Flow, request: &Request) -> bool {
    let Some(leg) = tools.legs.named(&request.headers) else {
        return false;
    };
    if !is_from_its_peer(tools, id, flow, request, leg) {
        return true;
    }
    let done = tools.legs.in_dialog(tools.core, id, flow, request, leg);
    if done {
        // Only the peer of a dialog knows its tags.
        tools.core.proven.extend(flow.stream);
    }
    done
}

/// Whether a request in a dialog may come from where it came; otherwise it has been answered. A
/// dialog's tags are no secret: a lamp shows them to everybody who watches (RFC 4235 §4.1). So who
/// comes by another way than the phone did proves to be the same extension.
fn is_from_its_peer(
    tools: &mut Tools<'_>,
    id: ServerId,
    flow: Flow,
    request: &Request,
    leg: LegId,
) -> bool {
    let core = &mut *tools.core;
    let Some(extension) = tools.legs.to_be_proven(core, flow, leg) else {
        return true;
    };
    match admit(core, id, flow, request) {
        Some(proven) if proven == extension => true,
        Some(_) => {
            core.reject(id, request, StatusCode::FORBIDDEN);
            false
        }
        None => false,
    }
}

fn unknown_dialog(core: &mut Core, id: ServerId, flow: Flow, request: &Request) {
    core.peer_fault(flow, PeerFault::UnknownDialog);
    core.reject(id, request, StatusCode::CALL_DOES_NOT_EXIST);
}

/// The trunk an INVITE comes from, when it comes from one.
fn by_trunk(tools: &Tools<'_>, flow: Flow, request: &Request) -> Option<Caller> {
    if tools.core.stopping {
        return None;
    }
    let inbound = tools.trunks.identify(tools.core, flow, request)?;
    let (number, name) = routing::shown_caller(tools.core, &inbound.caller);
    Some(Caller {
        profile: inbound.profile,
        dialled: inbound.number,
        peer: Peer::Trunk(inbound.trunk),
        number,
        name,
    })
}

/// The caller is who authenticated, whatever From says.
fn by_phone(core: &Core, request: &Request, extension: String) -> Caller {
    Caller {
        profile: routing::profile(core, &extension),
        name: routing::shown_name(core, &extension),
        number: extension.clone(),
        dialled: request.uri.user().unwrap_or_default(),
        peer: Peer::Extension(extension),
    }
}

/// The same response with Allow.
pub(crate) fn allowing(response: Response) -> Response {
    response.with(HeaderName::Allow, ALLOW)
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
    let source = flow.remote.ip();
    let is_hidden = core.hiding.is_hidden(source);
    let inside = match is_hidden {
        true => Inside::Nobody,
        false => Inside::With(&core.neighbours),
    };
    let way = (flow, core.door.line_of(source));
    let admission = core.gate.admit(core.now, (&site, inside), way, request);
    match door::judged(core, flow, admission) {
        Admission::Admitted(extension) => {
            core.proven.extend(flow.stream);
            Some(extension)
        }
        Admission::Challenged(_) if is_hidden && !core.hiding.has_room(core.now) => {
            let response = core.answer(request, StatusCode::SERVICE_UNAVAILABLE);
            core.respond(id, response.with(HeaderName::RetryAfter, RETRY_AFTER));
            None
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
        Admission::Refused {
            class, extension, ..
        } => {
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

#[cfg(test)]
mod tests;
