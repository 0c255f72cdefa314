//! Extensions.

use maud::html;

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;
use crate::views::ExtensionView;

/// The list, and the form for a new one.
pub(crate) fn extensions(
    caller: &Caller,
    all: &[ExtensionView],
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.extensions) " " span.count { (all.len()) } }
        section.card {
            @if all.is_empty() { p.hint { (words.none_extensions) } } @else {
                table {
                    thead { tr {
                        th { (words.number) } th { (words.display_name) }
                        th { (words.remote) } th {}
                    } }
                    tbody {
                        @for extension in all {
                            tr {
                                td.strong { (extension.number) }
                                td { (extension.display_name) }
                                td { (if extension.remote { words.yes } else { words.no }) }
                                td.right {
                                    a.danger href={ "/extensions/" (extension.number) "/delete" } {
                                        (words.delete)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
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
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Extensions, words.extensions, &body)
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
