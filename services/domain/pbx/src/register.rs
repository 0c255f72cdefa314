//! REGISTER (RFC 3261 §10.3), with Path (RFC 3327) and flows (RFC 5626).

use std::fmt::Write as _;
use std::time::Duration;

use sip::transaction::{Flow, ServerId};
use sip::{HeaderName, NameAddr, Request, Response, StatusCode};

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
/// Most proxies on the way to a phone: an edge, a border and some to spare.
const PATH_MAX: usize = 8;
/// Extensions of SIP that a REGISTER may require.
const KNOWN: [&str; 2] = ["path", "outbound"];
/// Flow-Timer, seconds: a phone sends keep-alives somewhat more often (RFC 5626 §4.4), and a router
/// keeps a port open for the thirty seconds between two over UDP.
const FLOW_TIMER: &str = "120";
/// Room for a contact of ordinary length.
const CONTACT_BYTES: usize = 256;
/// 439 First Hop Lacks Outbound Support (RFC 5626 §11.6).
const FIRST_HOP_LACKS_OUTBOUND: u16 = 439;

/// Works off a REGISTER that `extension` has authenticated.
pub(crate) fn register(
    core: &mut Core,
    id: ServerId,
    flow: Flow,
    request: &Request,
    extension: &str,
) {
    core.counters.registers = core.counters.registers.saturating_add(1);
    if let Some(unknown) = request.headers.unknown_requirements(&KNOWN) {
        let response = core.answer(request, StatusCode::BAD_EXTENSION);
        core.respond(id, response.with(HeaderName::Unsupported, unknown));
        return;
    }
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
    let outbound = outbound(request, &source);
    let asked = match asked(request, outbound) {
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
    let uses_outbound = asked.uses_outbound();
    let outcome = match asked {
        Asked::Nothing => Ok(Vec::new()),
        Asked::RemoveAll => core.registrar.remove_all(extension, &source),
        Asked::Update(updates) => {
            let known = core.registrar.bindings(extension);
            if known.iter().any(|known| known.flow == source.flow) {
                core.keeping.refreshed(core.now);
            } else {
                core.keeping.changed(core.now);
            }
            let limit = contacts_max(core, extension);
            let now = core.now;
            core.registrar
                .update(now, extension, limit, &updates, &source)
        }
    };
    match outcome {
        Ok(changes) => {
            core.registrar_changed(changes);
            core.registered.push((extension.to_owned(), flow));
            accept(core, id, request, extension, uses_outbound);
        }
        Err(Refusal::OutOfOrder) => core.reject(id, request, StatusCode::SERVER_INTERNAL_ERROR),
        Err(Refusal::Full) => {
            core.limit_reached(Limit::Registrations);
            core.reject(id, request, StatusCode::SERVICE_UNAVAILABLE);
        }
    }
}

/// How many phones the extension may have.
fn contacts_max(core: &Core, extension: &str) -> usize {
    let site = core.site.as_ref().map(|(_, site)| site);
    let extension = site.and_then(|site| site.extension(extension));
    extension.map_or(1, |extension| extension.settings.contacts_max)
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

impl Asked {
    fn uses_outbound(&self) -> bool {
        match self {
            Self::Nothing | Self::RemoveAll => false,
            Self::Update(updates) => updates.iter().any(|update| update.reg_id.is_some()),
        }
    }
}

/// Whether a phone's flows can be told apart and kept (RFC 5626 §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outbound {
    /// The phone does not know of it.
    Off,
    /// It is.
    Usable,
    /// The proxy next to the phone does not keep flows.
    Lacking,
}

fn outbound(request: &Request, source: &Source) -> Outbound {
    let headers = &request.headers;
    if !headers.has_option("outbound") {
        return Outbound::Off;
    }
    let direct = || headers.vias().is_ok_and(|vias| vias.len() == 1);
    match source.path.last().is_some_and(NameAddr::is_outbound) || direct() {
        true => Outbound::Usable,
        false => Outbound::Lacking,
    }
}

fn source(flow: Flow, request: &Request) -> Option<Source> {
    let headers = &request.headers;
    let path = headers.path().ok()?;
    let short = |value: &[u8]| value.len() <= TEXT_LENGTH_MAX;
    if path.len() > PATH_MAX || !headers.values(&HeaderName::Path).all(short) {
        return None;
    }
    let call_id = headers.call_id().ok();
    Some(Source {
        flow,
        path,
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
fn asked(request: &Request, outbound: Outbound) -> Result<Asked, StatusCode> {
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
        .map(|contact| update(request, contact, outbound))
        .collect::<Result<_, StatusCode>>()?;
    // One flow is one registration (RFC 5626 §4.2.1).
    let flows = updates.iter().filter(|it| it.reg_id.is_some());
    let kept = updates.iter().filter(|it| !it.lifetime.is_zero());
    if updates.is_empty() || (flows.count() > 0 && kept.count() > 1) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Asked::Update(updates))
}

/// One contact; a `reg-id` counts only from a phone that says who it is and knows of outbound.
fn update(request: &Request, contact: NameAddr, outbound: Outbound) -> Result<Update, StatusCode> {
    let lifetime = lifetime(request, &contact)?;
    let asked = contact.reg_id().filter(|_| contact.instance().is_some());
    let reg_id = match outbound {
        Outbound::Off => None,
        Outbound::Usable => asked,
        Outbound::Lacking if asked.is_some() && !lifetime.is_zero() => {
            let status = StatusCode::new(FIRST_HOP_LACKS_OUTBOUND);
            return Err(status.unwrap_or(StatusCode::BAD_REQUEST));
        }
        Outbound::Lacking => None,
    };
    Ok(Update {
        contact,
        reg_id,
        lifetime,
    })
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
fn accept(core: &mut Core, id: ServerId, request: &Request, extension: &str, outbound: bool) {
    let mut response = core.answer(request, StatusCode::OK);
    let mut value = String::with_capacity(CONTACT_BYTES);
    for binding in core.registrar.bindings(extension) {
        let left = seconds(binding.expires - core.now);
        value.clear();
        // Writing to memory does not fail.
        let _ = write!(value, "<{}>{};expires={left}", binding.uri, binding.params);
        response.headers.push(HeaderName::Contact, &value);
    }
    response = response.with(HeaderName::Supported, KNOWN.join(", "));
    // RFC 3327 §5.3: the phone learns how it will be reached.
    if request.headers.has_option("path") {
        for value in request.headers.all(&HeaderName::Path) {
            response.headers.push(HeaderName::Path, value);
        }
    }
    if outbound {
        response = with_flow(response);
    }
    core.respond(id, response);
}

/// Says that the flow is kept, and for how long without a keep-alive (RFC 5626 §6, §4.4).
fn with_flow(response: Response) -> Response {
    response
        .with(HeaderName::Require, "outbound")
        .with(HeaderName::FlowTimer, FLOW_TIMER)
}

#[cfg(test)]
mod tests;
