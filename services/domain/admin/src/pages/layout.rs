//! What every page has around it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{ICON, SCRIPT, STYLE};
use crate::actions::proof::FIELD;
use crate::admin::Caller;
use crate::http::Response;
use crate::permission::Permissions;
use crate::routes::may_open;
use crate::session::fingerprint;
use crate::text::{Language, Words};

/// Where a page stands in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Status,
    Extensions,
    Groups,
    Trunks,
    Routes,
    Times,
    Calls,
    Settings,
    People,
    Audit,
    Privacy,
    Backups,
    Firmware,
    Grid,
    Start,
    About,
    Logs,
    Elsewhere,
}

impl Place {
    /// Where a page that stays as the box is gets what changes.
    const fn events(self) -> Option<&'static str> {
        match self {
            Self::Status | Self::Start => Some("/events"),
            Self::Logs => Some("/logs/events"),
            Self::Extensions
            | Self::Groups
            | Self::Trunks
            | Self::Routes
            | Self::Times
            | Self::Calls
            | Self::Settings
            | Self::People
            | Self::Audit
            | Self::Privacy
            | Self::Backups
            | Self::Firmware
            | Self::Grid
            | Self::About
            | Self::Elsewhere => None,
        }
    }

    /// Where the page of a list or of the settings stands.
    pub(super) fn of(address: &str) -> Self {
        match address {
            "/extensions" => Self::Extensions,
            "/groups" => Self::Groups,
            "/trunks" => Self::Trunks,
            "/routes" => Self::Routes,
            "/times" => Self::Times,
            "/settings" => Self::Settings,
            "/people" => Self::People,
            _ => Self::Elsewhere,
        }
    }
}

/// What a page is called.
type Name = fn(&Words) -> &'static str;

/// The pages there are a way to from everywhere, for whoever may open them.
const NAVIGATION: [(Place, &str, Name); 16] = [
    (Place::Status, "/", |words| words.status),
    (Place::Extensions, "/extensions", |words| words.extensions),
    (Place::Groups, "/groups", |words| words.groups),
    (Place::Trunks, "/trunks", |words| words.trunks),
    (Place::Routes, "/routes", |words| words.routes),
    (Place::Times, "/times", |words| words.times),
    (Place::Calls, "/calls", |words| words.calls),
    (Place::Settings, "/settings", |words| words.settings),
    (Place::People, "/people", |words| words.people),
    (Place::Audit, "/audit", |words| words.audit),
    (Place::Privacy, "/privacy", |words| words.privacy),
    (Place::Backups, "/backups", |words| words.backups),
    (Place::Firmware, "/firmware", |words| words.firmware),
    (Place::Grid, "/grid", |words| words.grid),
    (Place::Logs, "/logs", |words| words.logs),
    (Place::About, "/about", |words| words.about),
];

/// The first page for somebody with these permissions.
pub(crate) fn home(permissions: Permissions) -> &'static str {
    let mut open = NAVIGATION.into_iter().map(|(_, address, _)| address);
    open.find(|address| may_open(address, permissions))
        .unwrap_or("/password")
}

pub(super) fn own_password(caller: &Caller) -> Markup {
    let words = caller.language.words();
    html! {
        input type="hidden" name="username" value=(caller.login) autocomplete="username";
        label { (words.old_password)
            input name=(FIELD) type="password" required autocomplete="current-password";
        }
    }
}

/// The one page that shows a code; `said` is what it is, and that it is shown once.
pub(super) fn code_once(
    caller: &Caller,
    place: Place,
    (title, once): (&str, &str),
    code: &str,
    back: &str,
) -> Response {
    let body = html! {
        section.card.narrow {
            h1 { (title) }
            p { code.secret { (code) } }
            p.notice { (once) }
            p { a.button href=(back) { (caller.language.words().back) } }
        }
    };
    page(200, caller, place, title, &body)
}

/// A page for somebody signed in.
pub(super) fn page(
    status: u16,
    caller: &Caller,
    place: Place,
    title: &str,
    body: &Markup,
) -> Response {
    let words = caller.language.words();
    let links = NAVIGATION.into_iter();
    let links = links.filter(|(_, address, _)| may_open(address, caller.permissions));
    let must_change = caller
        .session
        .as_ref()
        .is_some_and(|(_, session)| session.must_change);
    let header = html! {
        header {
            a.brand href="/" { (logo()) span { (words.title) } }
            @if !caller.login.is_empty() {
                @if !must_change {
                    nav {
                        @for (target, address, name) in links {
                            a href=(address) aria-current=[(target == place).then_some("page")] {
                                (name(words))
                            }
                        }
                    }
                }
                form.person method="post" action="/logout" {
                    a href="/password" title=(words.change_password) { (caller.login) }
                    button.quiet type="submit" { (words.sign_out) }
                }
            }
        }
    };
    document(
        status,
        caller.language,
        title,
        &header,
        body,
        place.events(),
    )
}

/// A page for a stranger.
pub(super) fn bare(status: u16, language: Language, title: &str, body: &Markup) -> Response {
    document(status, language, title, &html! {}, body, None)
}

pub(super) fn logo() -> Markup {
    // A handset in a ring, drawn by the style sheet's colours.
    PreEscaped(
        "<svg viewBox=\"0 0 32 32\" width=\"28\" height=\"28\" aria-hidden=\"true\">\
         <circle cx=\"16\" cy=\"16\" r=\"15\" class=\"ring\"/>\
         <path class=\"handset\" d=\"M11 8c-2 1-3 3-2 6 2 5 4 8 9 10 3 1 5 0 6-2l-4-4-2 2\
         c-2-1-4-3-5-5l2-2z\"/></svg>"
            .to_owned(),
    )
}

fn document(
    status: u16,
    language: Language,
    title: &str,
    header: &Markup,
    body: &Markup,
    events: Option<&str>,
) -> Response {
    let words = language.words();
    let markup = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (words.title) }
                link rel="stylesheet" href=(hashed("/assets/style.css", STYLE));
                link rel="icon" href=(hashed("/assets/icon.svg", ICON));
                @if events.is_some() {
                    script src=(hashed("/assets/live.js", SCRIPT)) defer {}
                }
            }
            body data-events=[events] {
                (header)
                main id="main" { (body) }
            }
        }
    };
    Response::new(status, "text/html; charset=utf-8", markup.into_string())
}

/// The address of an asset, different whenever its content is.
pub(super) fn hashed(path: &str, content: &str) -> String {
    let hash = hex::encode(fingerprint(content.as_bytes()));
    format!("{path}?v={}", hash.get(..12).unwrap_or_default())
}
