//! Calls on record, and the audit trail.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::state::seconds;
use crate::admin::Caller;
use crate::http::Response;
use crate::permission::Permission;
use crate::views::{AuditView, CallView};

/// Call records, newest first.
pub(crate) fn calls(caller: &Caller, number: &str, calls: &[CallView]) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.calls) }
        section.card {
            form action="/calls" {
                label { (words.find_number)
                    input name="number" value=(number) inputmode="tel" autocomplete="off";
                }
                button type="submit" { (words.find) }
            }
            @if calls.is_empty() { p.hint { (words.none_records) } } @else {
                table {
                    thead { tr {
                        th { (words.when) } th { (words.from) } th { (words.to) }
                        th { (words.outcome) } th.right { (words.duration) }
                        th.right { (words.packets) } th.right { (words.digits) }
                        th { (words.recording) }
                    } }
                    tbody {
                        @for call in calls {
                            tr {
                                td.time { (moment(&call.started)) }
                                td.strong { (call.from) br; span.hint { (call.source) } }
                                td.strong { (call.to) }
                                td { span class={ "badge " (tone(call.outcome)) } {
                                    (caller.language.state(call.outcome))
                                } }
                                td.right { (seconds(call.duration_secs.unsigned_abs())) }
                                td.right { (call.packets_to_callee) " / " (call.packets_to_caller) }
                                td.right { (call.dtmf_digits) }
                                td { (recordings(caller, call)) }
                            }
                        }
                    }
                }
                p.hint { (words.utc) }
            }
        }
    };
    page(200, caller, Place::Calls, words.calls, &body)
}

/// What can be heard of a call. Nothing is loaded before somebody plays it: that is in the audit
/// trail.
fn recordings(caller: &Caller, call: &CallView) -> Markup {
    let words = caller.language.words();
    html! {
        @for name in &call.recordings {
            @let address = format!("/api/recordings/{name}");
            @if caller.may(Permission::HearRecordings) { div {
                audio controls preload="none" src=(address) {}
                " "
                a href=(address) download=(name) { (words.download) }
            } }
        }
        @if !call.recording_fault.is_empty() {
            span.hint { (words.not_recorded) " " (call.recording_fault) }
        }
    }
}

/// The audit trail, newest first.
pub(crate) fn audit_trail(caller: &Caller, entries: &[AuditView]) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.audit) }
        section.card {
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
    };
    page(200, caller, Place::Audit, words.audit, &body)
}

/// `2026-11-22 12:45:01` of an RFC 3339 time in UTC.
pub(super) fn moment(rfc3339: &str) -> String {
    rfc3339.replace('T', " ").trim_end_matches('Z').to_owned()
}

fn tone(outcome: &str) -> &'static str {
    match outcome {
        "ended-by-caller" | "ended-by-callee" => "good",
        "ongoing" => "busy",
        _ => "bad",
    }
}
