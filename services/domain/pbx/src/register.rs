//! REGISTER (RFC 3261 §10.3).

use std::time::Duration;

use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, NameAddr, Request, StatusCode};

use crate::core::Core;
use crate::interface::{AuthFailure, Event, Limit};
use crate::registrar::{
    CONTACTS_PER_EXTENSION_MAX, Refusal, Source, TEXT_LENGTH_MAX, Update, seconds,
};

/// Shortest registration: less would load the box more than it keeps a router's port open.
pub const EXPIRES_MIN: Duration = Duration::from_secs(60);
/// Longest registration, and the longest a phone that vanished can go on ringing nobody.
pub const EXPIRES_MAX: Duration = Duration::from_secs(3600);
/// When a phone asks for nothing.
pub const EXPIRES_DEFAULT: Duration = Duration::from_secs(3600);
/// Most contacts in one REGISTER: all that can be kept, each moved once.
const CONTACTS_PER_REQUEST_MAX: usize = 2 * CONTACTS_PER_EXTENSION_MAX;

/// Works off a REGISTER that `extension` has authenticated.
pub(crate) fn register(
    core: &mut Core,
    id: ServerId,
    flow: Flow,
    request: &Request,
    extension: &str,
) {
    core.counters.registers = core.counters.registers.saturating_add(1);
    let Some(source) = source(flow, request) else {
        core.reject(id, request, StatusCode::BAD_REQUEST);
        return;
    };
    let address = request.headers.to().ok().and_then(|to| to.uri.user());
    if address.as_deref() != Some(extension) {
        let class = AuthFailure::OtherExtension;
        let (extension, transport) = (extension.to_owned(), flow.transport);
        core.event(Event::AuthFailure {
            class,
            extension,
            source: flow.remote,
            transport,
        });
        core.reject(id, request, StatusCode::FORBIDDEN);
        return;
    }
    let asked = match asked(request) {
        Ok(asked) => asked,
        Err(StatusCode::INTERVAL_TOO_BRIEF) => {
            let response = core.answer(request, StatusCode::INTERVAL_TOO_BRIEF);
            let least = EXPIRES_MIN.as_secs().to_string();
            core.respond(id, response.with(HeaderName::MinExpires, least));
            return;
        }
        Err(status) => {
            core.reject(id, request, status);
            return;
        }
    };
    let outcome = match asked {
        Asked::Nothing => Ok(Vec::new()),
        Asked::RemoveAll => core.registrar.remove_all(extension, &source),
        Asked::Update(updates) => {
            // A refresh changes when a contact expires, which the store wants to know too.
            core.registrations_dirty = true;
            core.registrar
                .update(core.now, extension, &updates, &source)
        }
    };
    match outcome {
        Ok(changes) => {
            core.registrar_changed(changes);
            accept(core, id, request, extension);
        }
        Err(Refusal::OutOfOrder) => core.reject(id, request, StatusCode::SERVER_INTERNAL_ERROR),
        Err(Refusal::Full) => {
            core.limit_reached(Limit::Registrations);
            core.reject(id, request, StatusCode::SERVICE_UNAVAILABLE);
        }
    }
}

/// What a REGISTER asks for.
enum Asked {
    /// Only the list of contacts.
    Nothing,
    /// `Contact: *`.
    RemoveAll,
    /// These contacts.
    Update(Vec<Update>),
}

fn source(flow: Flow, request: &Request) -> Option<Source> {
    let headers = &request.headers;
    let call_id = headers.call_id().ok();
    Some(Source {
        flow,
        call_id: call_id.filter(|id| id.len() <= TEXT_LENGTH_MAX)?.to_owned(),
        cseq: headers.cseq().ok()?.number,
        user_agent: headers
            .text(&HeaderName::UserAgent)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// Reads the contacts. One that cannot be read, or is too long to keep, is passed over, so that it
/// takes no good one with it; when none is left the request is at fault.
fn asked(request: &Request) -> Result<Asked, StatusCode> {
    let headers = &request.headers;
    let values: Vec<&[u8]> = headers.values(&HeaderName::Contact).collect();
    if values.contains(&&b"*"[..]) {
        let alone = values.len() == 1 && headers.expires() == Some(0);
        return if alone {
            Ok(Asked::RemoveAll)
        } else {
            Err(StatusCode::BAD_REQUEST)
        };
    }
    if values.is_empty() {
        return Ok(Asked::Nothing);
    }
    if values.len() > CONTACTS_PER_REQUEST_MAX {
        return Err(StatusCode::BAD_REQUEST);
    }
    let kept = values.iter().filter(|value| value.len() <= TEXT_LENGTH_MAX);
    let contacts = kept.filter_map(|value| NameAddr::parse(value));
    let contacts = contacts.filter(|contact| contact.uri.as_sip().is_some());
    let updates: Vec<Update> = contacts
        .map(|contact| {
            Ok(Update {
                lifetime: lifetime(request, &contact)?,
                contact,
            })
        })
        .collect::<Result<_, StatusCode>>()?;
    if updates.is_empty() {
        Err(StatusCode::BAD_REQUEST)
    } else {
        Ok(Asked::Update(updates))
    }
}

fn lifetime(request: &Request, contact: &NameAddr) -> Result<Duration, StatusCode> {
    let asked = contact.expires().or_else(|| request.headers.expires());
    let asked = asked.map_or(EXPIRES_DEFAULT, |asked| {
        Duration::from_secs(u64::from(asked))
    });
    if asked.is_zero() {
        return Ok(asked);
    }
    if asked < EXPIRES_MIN {
        return Err(StatusCode::INTERVAL_TOO_BRIEF);
    }
    Ok(asked.min(EXPIRES_MAX))
}

/// 200 with every contact of the extension, each as its phone wrote it.
fn accept(core: &mut Core, id: ServerId, request: &Request, extension: &str) {
    let mut response = core.answer(request, StatusCode::OK);
    for binding in core.registrar.bindings(extension) {
        let left = seconds(binding.expires - core.now);
        let value = format!("<{}>;expires={left}", binding.uri);
        response.headers.push(HeaderName::Contact, value);
    }
    core.respond(id, response);
}
