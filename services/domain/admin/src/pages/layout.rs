//! What every page has around it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use super::navigation::Place;
use super::navigation::{menu, menu_button};
use super::{ICON, SCRIPT, STYLE};
use crate::actions::proof::FIELD;
use crate::admin::Caller;
use crate::http::Response;
use crate::session::fingerprint;
use crate::text::Language;

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
    let must_change = caller
        .session
        .as_ref()
        .is_some_and(|(_, session)| session.must_change);
    let is_inside = !caller.login.is_empty() && !must_change && !caller.must_enrol;
    let header = html! {
        header {
            @if is_inside { (menu_button(words)) }
            a.brand href="/" { (logo()) span { (words.title) } }
            @if !caller.login.is_empty() {
                form.person method="post" action="/logout" {
                    a href="/password" title=(words.change_password) { (caller.login) }
                    button.quiet type="submit" { (words.sign_out) }
                }
            }
        }
        @if is_inside { (menu(caller, place)) }
    };
    document(status, caller.language, title, &header, body, place)
}

/// A page for a stranger.
pub(super) fn bare(status: u16, language: Language, title: &str, body: &Markup) -> Response {
    document(status, language, title, &html! {}, body, Place::Elsewhere)
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
    place: Place,
) -> Response {
    let words = language.words();
    let events = place.events();
    let markup = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = place.again_secs() {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                }
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
