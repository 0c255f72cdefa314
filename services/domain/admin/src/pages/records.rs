//! The audit trail.

use maud::{Markup, html};

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::http::Response;
use crate::text::Words;
use crate::views::{AuditView, ReplacedView, TrailView};

/// The audit trail, newest first.
pub(crate) fn audit_trail(
    caller: &Caller,
    entries: &[AuditView],
    replaced: &[ReplacedView],
) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.audit) }
        // Wider than a phone: who has no mouse scrolls it by the keyboard.
        section.card tabindex="0" {
            table {
                thead { tr {
                    th { "#" } th { (words.when) } th { (words.who) } th { (words.from) }
                    th { (words.what) } th { (words.before) } th { (words.after) }
                } }
                tbody {
                    @for entry in entries {
                        tr title=(entry.hash) {
                            td { (entry.sequence) }
                            td.time { (moment(&entry.at)) }
                            td.strong { (entry.who) }
                            td { (entry.from) }
                            td { (entry.action) }
                            td.hint { (entry.before) }
                            td.hint { (entry.after) }
                        }
                    }
                }
            }
            p.hint { (words.utc) }
        }
        section.card {
            h2 { (words.trail_whole) }
            p { (words.trail_hint) }
            p { a.button href="/audit/verify" { (words.trail_check) } }
            form action="/audit/export" {
                label { (words.trail_from) input type="date" name="from"; }
                label { (words.trail_to) input type="date" name="to"; }
                button type="submit" { (words.download) }
            }
        }
        (self::replaced(words, replaced))
    };
    page(200, caller, Place::Audit, words.audit, &body)
}

/// What a check of the whole trail found.
pub(crate) fn trail_checked(caller: &Caller, view: &TrailView) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.trail_whole) }
        section.card {
            @match view.broken {
                None => p.notice { (words.trail_good) },
                Some(entry) => p.warning { (words.trail_broken) " " strong { (entry) } },
            }
            table { tbody {
                tr { td { (words.trail_entries) } td { (view.entries) } }
                tr { td { (words.trail_from) } td { (number(view.first)) } }
                tr { td { (words.trail_to) } td { (number(view.last)) } }
                tr { td { (words.trail_head) } td { code { (view.head) } } }
                tr { td { (words.trail_signed_by) } td { code { (view.signed_by) } } }
            } }
            p { a href="/audit" { (words.back) } }
        }
        (replaced(words, &view.replaced))
    };
    page(200, caller, Place::Audit, words.trail_whole, &body)
}

/// The trails that restores have replaced; nothing where there are none.
fn replaced(words: &Words, all: &[ReplacedView]) -> Markup {
    html! {
        @if !all.is_empty() {
            section.card {
                h2 { (words.trails_replaced) }
                p.hint { (words.trails_replaced_hint) }
                table {
                    thead { tr {
                        th { (words.when) } th { (words.trail_from) } th { (words.trail_to) }
                        th { (words.trail_head) } td {} td {}
                    } }
                    tbody { @for one in all { tr {
                        td.time { (moment(&one.at)) }
                        td { (one.first) } td { (one.last) }
                        td { code { (one.head) } }
                        td { @match one.whole {
                            None => {},
                            Some(true) => span.badge.good { (words.trail_is_whole) },
                            Some(false) => span.badge.bad { (words.trail_is_not_whole) },
                        } }
                        td { a href={ "/audit/replaced/" (one.name) } download {
                            (words.download)
                        } }
                    } } }
                }
            }
        }
    }
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |it| it.to_string())
}

/// `2026-11-22 12:45:01` of an RFC 3339 time in UTC.
pub(super) fn moment(rfc3339: &str) -> String {
    rfc3339.replace('T', " ").trim_end_matches('Z').to_owned()
}
