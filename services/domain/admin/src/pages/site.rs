//! Extensions.

use std::collections::BTreeMap;

use maud::{Markup, html};
use routing::WorstCase;

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::danger::{Dangers, extension_id};
use crate::explain;
use crate::fault::Fault;
use crate::http::Response;
use crate::views::ExtensionView;

/// The list, and the form for a new one.
pub(crate) fn extensions(
    caller: &Caller,
    all: &[ExtensionView],
    dangers: Option<&Dangers>,
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let worst = dangers.into_iter().flat_map(|dangers| &dangers.worst);
    let worst: BTreeMap<&str, &WorstCase> = worst.map(|(of, it)| (of.as_str(), it)).collect();
    let body = html! {
        h1 { (words.extensions) " " span.count { (all.len()) } }
        section.card {
            @if all.is_empty() { p.hint { (words.none_extensions) } } @else {
                table {
                    thead { tr {
                        th { (words.number) } th { (words.display_name) }
                        th { (words.remote) } th { (words.if_stolen) } td {}
                    } }
                    tbody {
                        @for extension in all {
                            tr #(extension_id(&extension.number)) {
                                td.strong {
                                    a href={ "/extensions/" (extension.number) } {
                                        (extension.number)
                                    }
                                }
                                td { (extension.display_name) }
                                td { (if extension.remote { words.yes } else { words.no }) }
                                td { @if let Some(dangers) = dangers {
                                    (if_stolen(caller, extension, &worst, dangers))
                                } }
                                td.right { @if caller.may_change() {
                                    a href={ "/extensions/" (extension.number) "/card" } {
                                        (caller.language.said(("Card", "Cartão")))
                                    } " "
                                    a.danger href={ "/extensions/" (extension.number) "/delete" } {
                                        (words.delete)
                                    }
                                } }
                            }
                        }
                    }
                }
            }
        }
        @if caller.may_change() { (new(caller, fault)) }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Extensions, words.extensions, &body)
}

/// The form for a new one.
fn new(caller: &Caller, fault: Option<&Fault>) -> Markup {
    let words = caller.language.words();
    html! {
        section.card.narrow {
            h2 { (words.new_extension) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action="/extensions" {
                label { (words.number)
                    input name="number" required inputmode="numeric" pattern="[0-9]{2,10}"
                        minlength="2" maxlength="10" autocomplete="off";
                }
                label { (words.display_name)
                    input name="display_name" maxlength="64" autocomplete="off";
                }
                label.check {
                    input name="remote" type="checkbox" value="1";
                    span { (words.remote_hint) }
                }
                button type="submit" { (words.create) }
            }
            p { a href="/extension-list" { (words.extension_list) } }
        }
    }
}

/// What it can cost (F16): red when a route that is too wide is open to it.
fn if_stolen(
    caller: &Caller,
    extension: &ExtensionView,
    worst: &BTreeMap<&str, &WorstCase>,
    dangers: &Dangers,
) -> Markup {
    let number = extension.number.as_str();
    let Some(worst) = worst.get(number) else {
        return html! {};
    };
    let sentence = explain::worst_case(number, worst, &dangers.currency, caller.language);
    html! { span class=(if worst.generic { "error" } else { "hint" }) { (sentence) } }
}

/// The one page that shows the password of a new extension.
pub(crate) fn new_extension(
    caller: &Caller,
    extension: &ExtensionView,
    password: &str,
) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.created) }
            dl {
                dt { (words.number) } dd.strong { (extension.number) }
                @if !extension.display_name.is_empty() {
                    dt { (words.display_name) } dd { (extension.display_name) }
                }
                dt { (words.password) } dd { code.secret { (password) } }
            }
            p.notice { (words.shown_once) }
            p { a.button href="/extensions" { (words.back) } }
        }
    };
    page(201, caller, Place::Extensions, words.created, &body)
}

/// Asks whether to delete.
pub(crate) fn confirm_delete(caller: &Caller, extension: &ExtensionView) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.delete_question) }
            p.strong { (extension.number) " " (extension.display_name) }
            p { (words.delete_hint) }
            form.row method="post" action={ "/extensions/" (extension.number) "/delete" } {
                button.danger type="submit" { (words.delete) }
                a.button.quiet href="/extensions" { (words.cancel) }
            }
        }
    };
    page(200, caller, Place::Extensions, words.delete_question, &body)
}
