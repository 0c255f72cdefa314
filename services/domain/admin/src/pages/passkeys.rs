//! Passkeys: one's own, making one, and the forms by which one signs in with them.

use maud::{Markup, html};

use super::layout::{Place, hashed, page};
use super::records::moment;
use super::{PASSKEY, asset};
use crate::actions::form::escaped;
use crate::actions::passkeys::PasskeyView;
use crate::actions::proof::PASSKEY_FIELD;
use crate::admin::Caller;
use crate::fault::{Fault, PasskeyFault};
use crate::http::Response;
use crate::text::Words;

/// The script that asks the browser for passkeys.
pub(crate) fn passkey_script() -> Response {
    asset("text/javascript; charset=utf-8", PASSKEY)
}

/// One's own, and the way to another; `codes` for a lost passkey are left.
pub(crate) fn passkeys(caller: &Caller, passkeys: &[PasskeyView], codes: usize) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.passkeys) " " span.count { (passkeys.len()) } }
        section.card {
            p { (words.passkeys_hint) }
            @if !passkeys.is_empty() {
                (table(words, passkeys))
                p.hint { (words.utc) }
                p { (words.passkey_codes_left) " " (codes) }
            }
        }
        section.card.narrow {
            h2 { (words.passkey_new) }
            @match caller.opened.origin {
                Some(_) => {
                    p.hint { (words.passkey_certificate) }
                    form method="post" action="/passkeys/new" {
                        button type="submit" { (words.go_on) }
                    }
                }
                None => { (elsewhere(caller, "/passkeys")) }
            }
        }
        p { a.button.quiet href="/password" { (words.back) } }
    };
    page(200, caller, Place::Elsewhere, words.passkeys, &body)
}

fn table(words: &Words, passkeys: &[PasskeyView]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (words.token_name) } th { (words.passkey_at) } th { (words.passkey_made) }
                td {}
            } }
            tbody {
                @for passkey in passkeys {
                    tr {
                        td.strong { (passkey.name) }
                        td { (passkey.made_for) }
                        td.time { (moment(&passkey.made)) }
                        td.right {
                            form method="post"
                                action={ "/passkeys/" (escaped(&passkey.name)) "/delete" } {
                                button.danger type="submit" { (words.second_factor_remove) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Asks the browser to make one; `options` are JSON.
pub(crate) fn passkey_offer(caller: &Caller, options: &str, fault: Option<&Fault>) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.passkey_new) }
            p { (words.passkey_how) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action="/passkeys" hidden data-passkey="create"
                data-options=(options) data-none=(words.passkey_no_browser)
                data-broken=(words.passkey_not_made) {
                p.error role="alert" hidden {}
                label { (words.token_name)
                    input name="name" required maxlength="40" autocomplete="off" autofocus;
                }
                input type="hidden" name="credential";
                div.row {
                    button type="submit" { (words.create) }
                    a.button.quiet href="/passkeys" { (words.cancel) }
                }
            }
            (script(words))
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Elsewhere, words.passkey_new, &body)
}

/// The form that signs in with one: it shows itself where the browser knows passkeys. `ask` is
/// where the challenge is from, `action` where the answer goes.
pub(super) fn use_form(caller: &Caller, action: &str, ask: &str) -> Markup {
    let words = caller.language.words();
    html! {
        form method="post" action=(action) hidden data-passkey="get" data-ask=(ask)
            data-broken=(words.passkey_not_used) {
            p.error role="alert" hidden {}
            input type="hidden" name="credential";
            button.quiet type="submit" { (words.passkey_use) }
        }
        script src=(hashed("/assets/passkey.js", PASSKEY)) defer {}
    }
}

/// The form that says again who one is, with what was to be done.
pub(super) fn confirm_form(caller: &Caller, action: &str, fields: &[(String, String)]) -> Markup {
    let words = caller.language.words();
    html! {
        form method="post" action=(action) hidden data-passkey="get"
            data-ask="/api/confirm/passkey/new" data-field=(PASSKEY_FIELD)
            data-broken=(words.passkey_not_confirmed) {
            p.error role="alert" hidden {}
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            input type="hidden" name=(PASSKEY_FIELD);
            button.quiet type="submit" { (words.passkey_confirm) }
        }
        script src=(hashed("/assets/passkey.js", PASSKEY)) defer {}
    }
}

/// Says by what address a passkey works, where this is another.
pub(super) fn elsewhere(caller: &Caller, path: &str) -> Markup {
    let fault: Fault = PasskeyFault::NotByName(format!("{}{path}", caller.opened.by_name)).into();
    html! {
        p.notice { (fault.text(caller.language)) }
        p { a href={ (caller.opened.by_name) (path) } { (caller.opened.by_name) (path) } }
    }
}

fn script(words: &Words) -> Markup {
    html! {
        noscript { p.hint { (words.passkey_needs_script) } }
        script src=(hashed("/assets/passkey.js", PASSKEY)) defer {}
    }
}
