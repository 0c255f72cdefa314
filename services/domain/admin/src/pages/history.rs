//! The versions of the site, and going back to one.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use crate::admin::Caller;
use crate::history_view::{VersionChanges, VersionView};
use crate::http::Response;

/// Versions, newest first; `full` when there may be older ones.
pub(crate) fn history(caller: &Caller, versions: &[VersionView], full: bool) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.history) }
        section.card {
            table {
                thead { tr {
                    th { (words.version_number) } th { (words.when) } th { (words.author) }
                    th { (words.what) }
                } }
                tbody {
                    @for version in versions {
                        tr {
                            td.strong { a href={ "/history/" (version.version) } {
                                (version.version)
                            } }
                            td.time { (moment(&version.at)) }
                            td.strong { (version.author) }
                            td { (version.action) }
                        }
                    }
                }
            }
            @if let Some(last) = versions.last().filter(|_| full) {
                p { a.button.quiet href={ "/history?before=" (last.version) } { (words.older) } }
            }
            p.hint { (words.utc) }
        }
    };
    page(200, caller, Place::Settings, words.history, &body)
}

/// What changed in a version, and the form for going back to it.
pub(crate) fn version(caller: &Caller, view: &VersionChanges) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.version_number) " " (view.version)
            @if view.version == view.current { " " span.badge.good { (words.present) } }
        }
        section.card {
            h2 { (words.changed_here) }
            @match &view.changes {
                None => p.hint { (words.changed_unknown) },
                Some(changes) if changes.is_empty() => p.hint { (words.changed_nothing) },
                Some(changes) => (list(changes)),
            }
        }
        @if view.version != view.current && caller.may_change() {
            section.card { h2 { (words.back_to_it) } (back(caller, view)) }
        }
        p { a.button.quiet href="/history" { (words.back) } }
    };
    page(200, caller, Place::Settings, words.history, &body)
}

fn back(caller: &Caller, view: &VersionChanges) -> Markup {
    let words = caller.language.words();
    html! {
        @if !view.refused.is_empty() {
            p.error { (words.back_refused) " " (view.refused) }
        } @else if view.back.is_empty() {
            p.hint { (words.back_nothing) }
        } @else {
            p { (words.back_changes) }
            (list(&view.back))
            p.hint { (words.back_stays) }
            form method="post" action={ "/history/" (view.version) "/back" } {
                input type="hidden" name="current" value=(view.current);
                label { (words.why) input name="reason" maxlength="200" autocomplete="off"; }
                button.danger type="submit" { (words.back_button) }
            }
        }
    }
}

fn list(changes: &[String]) -> Markup {
    html! { ul { @for change in changes { li { (change) } } } }
}
