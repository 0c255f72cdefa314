//! The second factor: the picture an app reads, the code at a sign-in, and how it stands.

use maud::{Markup, html};

use super::layout::{Place, bare, logo, page};
use super::passkeys::{elsewhere, use_form};
use super::qr;
use crate::actions::second_factor::Ways;
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;

/// Asks for the code, when the password was right.
pub(crate) fn code(caller: &Caller, ways: Ways, fault: Option<&Fault>) -> Response {
    let language = caller.language;
    let words = language.words();
    let body = html! {
        section.card.narrow.welcome {
            p.brand { (logo()) span { (words.title) } }
            h1 { (words.code) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
            form method="post" action="/code" {
                (code_field(caller))
                button type="submit" { (words.sign_in) }
            }
            p.hint { @if ways.app { (words.code_hint) } @else { (words.passkey_code_hint) } }
            @if ways.passkey {
                @match caller.opened.origin {
                    Some(_) => { (use_form(caller, "/code/passkey", "/api/code/passkey/new")) }
                    None => { (elsewhere(caller, "/login")) }
                }
            }
            form method="post" action="/logout" {
                button.quiet type="submit" { (words.cancel) }
            }
        }
    };
    bare(
        fault.map_or(200, Fault::status),
        language,
        words.code,
        &body,
    )
}

/// How it stands, and what can be done: `left` codes for a lost phone when it is on.
pub(crate) fn second_factor(caller: &Caller, left: Option<usize>) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.second_factor) }
            @if caller.must_enrol { p.notice { (words.second_factor_must) } }
            @match left {
                None => {
                    p { (words.second_factor_off) }
                    form method="post" action="/second-factor/new" {
                        button type="submit" { (words.second_factor_set_up) }
                    }
                }
                Some(left) => {
                    p { (words.second_factor_on) " " (left) }
                    form method="post" action="/second-factor/off" {
                        button.danger type="submit" { (words.second_factor_remove) }
                    }
                }
            }
            @if caller.must_enrol {
                p { a.button.quiet href="/passkeys" { (words.passkeys) } }
            } @else {
                p { a.button.quiet href="/password" { (words.back) } }
            }
        }
    };
    page(200, caller, Place::Elsewhere, words.second_factor, &body)
}

/// Shows a new secret and asks for a code of it.
pub(crate) fn offer(caller: &Caller, secret: &str, uri: &str, fault: Option<&Fault>) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.second_factor) }
            p { (words.second_factor_scan) }
            (qr::picture(uri))
            p { code.secret { (secret) } }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action="/second-factor" {
                (code_field(caller))
                div.row {
                    button type="submit" { (words.go_on) }
                    a.button.quiet href="/second-factor" { (words.cancel) }
                }
            }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Elsewhere, words.second_factor, &body)
}

/// The one page that shows the codes for a lost phone.
pub(crate) fn recovery_codes(caller: &Caller, codes: &[String]) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.recovery_codes) }
            p.notice { (words.recovery_codes_hint) }
            ul { @for code in codes { li { code { (code) } } } }
            p { a.button href="/second-factor" { (words.back) } }
        }
    };
    page(200, caller, Place::Elsewhere, words.recovery_codes, &body)
}

fn code_field(caller: &Caller) -> Markup {
    html! {
        label { (caller.language.words().code)
            input name="code" required autofocus inputmode="numeric" maxlength="64"
                autocomplete="one-time-code";
        }
    }
}
