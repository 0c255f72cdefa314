//! Tokens for programs.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use crate::actions::form::escaped;
use crate::actions::tokens::{TokenView, offered};
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;

/// One's own, and the form for a new one.
pub(crate) fn tokens(caller: &Caller, tokens: &[TokenView], fault: Option<&Fault>) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.tokens) " " span.count { (tokens.len()) } }
        section.card {
            p.hint { (words.tokens_hint) }
            @if !tokens.is_empty() { (table(caller, tokens)) }
        }
        section.card.narrow {
            h2 { (words.new_one) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action="/tokens" {
                label { (words.token_name)
                    input name="name" required maxlength="64" autocomplete="off";
                }
                fieldset { legend { (words.token_may) }
                    @for permission in offered(caller) {
                        label.check {
                            input type="checkbox" name="permissions" value=(permission.name());
                            span { (caller.language.said(permission.said())) }
                        }
                    }
                }
                label { (words.token_days)
                    input name="days" value="90" required inputmode="numeric" pattern="[0-9]*";
                }
                button type="submit" { (words.create) }
            }
        }
        p { a.button.quiet href="/password" { (words.back) } }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Elsewhere, words.tokens, &body)
}

fn table(caller: &Caller, tokens: &[TokenView]) -> Markup {
    let words = caller.language.words();
    html! {
        table {
            thead { tr {
                th { (words.token_name) } th { (words.token_may) } th { (words.token_until) }
                th { (words.token_used) } td {}
            } }
            tbody {
                @for token in tokens {
                    tr {
                        td.strong { (token.name) }
                        td { (token.permissions.join(", ")) }
                        td.time { (moment(&token.expires)) }
                        td.time { @if let Some(used) = &token.used { (moment(used)) } }
                        td.right {
                            form method="post"
                                action={ "/tokens/" (escaped(&token.name)) "/delete" } {
                                button.danger type="submit" { (words.delete) }
                            }
                        }
                    }
                }
            }
        }
        p.hint { (words.utc) }
    }
}

/// The one page that shows a new token.
pub(crate) fn new_token(caller: &Caller, name: &str, secret: &str) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card {
            h1 { (words.tokens) ": " (name) }
            p { code.secret { (secret) } }
            p.notice { (words.token_once) }
            p { a.button href="/tokens" { (words.back) } }
        }
    };
    page(201, caller, Place::Elsewhere, words.tokens, &body)
}
