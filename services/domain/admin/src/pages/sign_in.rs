//! Signing in, and choosing a password.

use maud::{Markup, html};

use super::layout::{Place, bare, logo, page};
use super::passkeys::{confirm_form, use_form};
use crate::actions::proof::FIELD;
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;
use crate::password::LENGTH_MIN;

/// The sign-in form.
pub(crate) fn sign_in(caller: &Caller, fault: Option<&Fault>) -> Response {
    let (language, login) = (caller.language, &caller.login);
    let words = language.words();
    let body = html! {
        section.card.narrow.welcome {
            p.brand { (logo()) span { (words.title) } }
            h1 { (words.sign_in) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
            form method="post" action="/login" {
                label { (words.login)
                    input name="login" value=(login) required autofocus[login.is_empty()]
                        autocomplete="username" autocapitalize="none" spellcheck="false"
                        maxlength="32";
                }
                label { (words.password)
                    input name="password" type="password" required
                        autofocus[!login.is_empty()] autocomplete="current-password";
                }
                button type="submit" { (words.sign_in) }
            }
            @if caller.opened.is_of_use {
                @match caller.opened.origin {
                    Some(_) => {
                        (use_form(caller, "/login/passkey", "/api/login/passkey/new"))
                    }
                    None => {
                        p.hint { (words.passkey_elsewhere) " "
                            a href={ (caller.opened.by_name) "/login" } {
                                (caller.opened.by_name)
                            }
                        }
                    }
                }
            }
            p.hint { (words.sign_in_hint) }
        }
    };
    bare(
        fault.map_or(200, Fault::status),
        language,
        words.sign_in,
        &body,
    )
}

/// The form for choosing a password.
pub(crate) fn password(caller: &Caller, fault: Option<&Fault>) -> Response {
    let words = caller.language.words();
    let must_change = caller
        .session
        .as_ref()
        .is_some_and(|(_, session)| session.must_change);
    let body = html! {
        section.card.narrow {
            h1 { (words.change_password) }
            @if must_change { p { (words.must_change) } }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action="/password" {
                input type="hidden" name="username" value=(caller.login)
                    autocomplete="username";
                label { (words.old_password)
                    input name="old" type="password" required autofocus
                        autocomplete="current-password";
                }
                label { (words.new_password)
                    input name="new" type="password" required minlength=(LENGTH_MIN)
                        autocomplete="new-password";
                }
                p.hint { (words.new_password_hint) }
                button type="submit" { (words.save) }
            }
            @if !must_change { p {
                a href="/second-factor" { (words.second_factor) } " · "
                a href="/passkeys" { (words.passkeys) } " · "
                a href="/tokens" { (words.tokens) }
            } }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(
        status,
        caller,
        Place::Elsewhere,
        words.change_password,
        &body,
    )
}

fn backup_code(caller: &Caller) -> Markup {
    html! {
        label { (caller.language.words().backup_code_optional)
            input name="code" maxlength="60" autocomplete="off" spellcheck="false";
        }
    }
}

/// Asks for the password once more, before something that cannot be taken back. `fields` are what
/// the form to `action` held: they are sent again with it.
pub(crate) fn confirm(
    caller: &Caller,
    action: &str,
    fields: &[(String, String)],
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.confirm) }
            p { (words.confirm_hint) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action=(action) {
                @for (name, value) in fields {
                    // A page must not hold it longer than it was typed.
                    @if name == "code" && action == "/backups/restore" {
                        (backup_code(caller))
                    } @else {
                        input type="hidden" name=(name) value=(value);
                    }
                }
                input type="hidden" name="username" value=(caller.login)
                    autocomplete="username";
                label { (words.old_password)
                    input name=(FIELD) type="password" required autofocus
                        autocomplete="current-password";
                }
                div.row {
                    button type="submit" { (words.go_on) }
                    a.button.quiet href="/" { (words.cancel) }
                }
            }
            // The code of a backup has to be typed again, and stands in the form above.
            @if caller.confirms_by_passkey && caller.opened.origin.is_some()
                && action != "/backups/restore" {
                (confirm_form(caller, action, fields))
            }
        }
    };
    let status = fault.map_or(403, Fault::status);
    page(status, caller, Place::Elsewhere, words.confirm, &body)
}
