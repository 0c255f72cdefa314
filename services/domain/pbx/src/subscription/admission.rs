//! What a SUBSCRIBE may ask for (RFC 6665 §4.2.1).

use std::time::Duration;

use config::Site;
use sip::body::MessageSummary;
use sip::{Event, HeaderName, Request, Response, StatusCode};

use super::state::Watched;
use super::{dialog_info, setting, sight};
use crate::core::Core;

/// Shortest subscription; less would load the box more than it serves anybody.
pub(super) const EXPIRES_MIN: Duration = Duration::from_secs(60);
/// Longest subscription, and what one gets that asks for nothing (RFC 4235 §3.4).
pub(super) const EXPIRES_MAX: Duration = Duration::from_secs(3600);
/// The packages there are, for Allow-Events.
pub(crate) const EVENTS: &str = "dialog, message-summary";

/// What is to be watched, and for how long; zero asks how things stand, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub(super) watched: Watched,
    pub(super) event: Event,
    pub(super) lifetime: Duration,
}

/// Reads what a watcher asks for.
///
/// # Errors
/// With the answer it gets.
pub(super) fn asked(
    core: &mut Core,
    site: &Site,
    request: &Request,
    watcher: &str,
) -> Result<Asked, Box<Response>> {
    if let Some(unknown) = request.headers.unknown_requirements(&[]) {
        let response = core.answer(request, StatusCode::BAD_EXTENSION);
        return Err(Box::new(response.with(HeaderName::Unsupported, unknown)));
    }
    let Ok(event) = request.headers.event() else {
        return Err(bad_event(core, request));
    };
    let user = |uri: &sip::Uri| uri.user().filter(|user| !user.is_empty());
    let to = request.headers.to().ok();
    let named = user(&request.uri).or_else(|| to.as_ref().and_then(|to| user(&to.uri)));
    let named = named.unwrap_or_default();
    let (watched, body) = match &*event.package {
        "dialog" => {
            let named = setting::own(site, &named, watcher).unwrap_or(named);
            (Watched::Dialogs(named), dialog_info::CONTENT_TYPE)
        }
        "message-summary" => {
            let own =
                named == watcher || to.is_some_and(|to| user(&to.uri).as_deref() == Some(watcher));
            if !own {
                return refuse(core, request, StatusCode::FORBIDDEN);
            }
            let mailbox = Watched::Mailbox(watcher.to_owned());
            (mailbox, MessageSummary::CONTENT_TYPE)
        }
        _ => return Err(bad_event(core, request)),
    };
    if !watched.exists(site) {
        return refuse(core, request, StatusCode::NOT_FOUND);
    }
    if !sight::may_watch(site, watcher, &watched) {
        return refuse(core, request, StatusCode::FORBIDDEN);
    }
    if !request.headers.accepts(body) {
        return refuse(core, request, StatusCode::NOT_ACCEPTABLE);
    }
    let lifetime = lifetime(core, request)?;
    Ok(Asked {
        watched,
        event,
        lifetime,
    })
}

/// How long it shall last.
///
/// # Errors
/// 423 when that is too short.
pub(super) fn lifetime(core: &mut Core, request: &Request) -> Result<Duration, Box<Response>> {
    let asked = request.headers.expires();
    let asked = asked.map_or(EXPIRES_MAX, |secs| Duration::from_secs(secs.into()));
    if !asked.is_zero() && asked < EXPIRES_MIN {
        let response = core.answer(request, StatusCode::INTERVAL_TOO_BRIEF);
        let least = EXPIRES_MIN.as_secs().to_string();
        return Err(Box::new(response.with(HeaderName::MinExpires, least)));
    }
    Ok(asked.min(EXPIRES_MAX))
}

fn bad_event(core: &mut Core, request: &Request) -> Box<Response> {
    let response = core.answer(request, StatusCode::BAD_EVENT);
    Box::new(response.with(HeaderName::AllowEvents, EVENTS))
}

fn refuse<T>(core: &mut Core, request: &Request, status: StatusCode) -> Result<T, Box<Response>> {
    Err(Box::new(core.answer(request, status)))
}
