//! Calls on record: searched, heard, judged, and taken along.

use config::Zone;
use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use super::state::seconds;
use crate::actions::calls::Typed;
use crate::admin::Caller;
use crate::fault::Fault;
use crate::form::Said;
use crate::http::Response;
use crate::permission::Permission;
use crate::text::Language;
use crate::views::{AudioView, CallView};

/// A page of them, newest first; `last` is the oldest where there may be older ones.
pub(crate) fn calls(
    caller: &Caller,
    zone: Option<&Zone>,
    typed: &Typed,
    calls: &[CallView],
    last: Option<&str>,
    fault: Option<&Fault>,
) -> Response {
    let language = caller.language;
    let words = language.words();
    let query = typed.query();
    let body = html! {
        h1 { (words.calls) }
        section.card {
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
            (asked(language, typed))
        }
        section.card {
            @if calls.is_empty() {
                p.hint { @if query.is_empty() { (words.none_records) } @else {
                    (language.said(("No call fits. The number has to be whole, however it is \
                        written.", "Nenhuma ligação encontrada. O número tem de estar completo, \
                        escrito como for.")))
                } }
            } @else {
                (table(caller, zone, calls))
                p.row {
                    @if let Some(last) = last {
                        a.button.quiet href={ "/calls?" (query) "&before=" (last) } {
                            (language.said(("Older calls", "Ligações mais antigas")))
                        } " "
                    }
                    a href={ "/calls.csv?" (query) } {
                        (language.said(("As a list (CSV)", "Como lista (CSV)")))
                    }
                }
                p.hint { @match zone {
                    Some(zone) => {
                        (language.said(("Times of", "Horas de"))) " " (zone.name()) "."
                    }
                    None => (words.utc),
                } }
            }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Calls, words.calls, &body)
}

/// What is looked for.
fn asked(language: Language, typed: &Typed) -> Markup {
    let say = |said: Said| language.said(said);
    let choice = |value: &str, chosen: &str, said: Said| {
        html! {
            option value=(value) selected[value == chosen] { (say(said)) }
        }
    };
    let (answered, way) = (typed.answered.as_str(), typed.way.as_str());
    html! {
        form.row method="get" action="/calls" {
            label { (say(("Number or extension", "Número ou ramal")))
                input name="number" value=(typed.number) inputmode="tel" autocomplete="off";
            }
            label { (say(("From day", "Do dia")))
                input name="from" type="date" value=(typed.from);
            }
            label { (say(("To day", "Até o dia"))) input name="to" type="date" value=(typed.to); }
            label { (say(("Answered", "Atendida")))
                select name="answered" {
                    (choice("", answered, ("whether or not", "tanto faz")))
                    (choice("yes", answered, ("answered", "atendidas")))
                    (choice("no", answered, ("not answered", "não atendidas")))
                }
            }
            label { (say(("Way", "Sentido")))
                select name="way" {
                    (choice("", way, ("each", "todos")))
                    (choice("in", way, ("from outside", "de fora")))
                    (choice("out", way, ("to outside", "para fora")))
                    (choice("inside", way, ("inside", "internas")))
                }
            }
            button type="submit" { (say(("Search", "Procurar"))) }
        }
    }
}

fn table(caller: &Caller, zone: Option<&Zone>, calls: &[CallView]) -> Markup {
    let language = caller.language;
    let words = language.words();
    html! {
        table {
            thead { tr {
                th { (words.when) } th { (words.from) } th { (words.to) }
                th { (words.outcome) } th.right { (words.duration) }
                th { (language.said(("Sound", "Som"))) }
                th { (words.recording) }
            } }
            tbody { @for call in calls { tr {
                td.time { (when(zone, call)) }
                td.strong { (language.state(&call.from)) br; span.hint { (call.source) } }
                td.strong { (language.state(&call.to)) @if !call.trunk.is_empty() {
                    br; span.hint { (call.trunk) } }
                    @if !call.called_back.is_empty() {
                        br; span.hint { (called_back(language, &call.called_back)) } } }
                td { span class={ "badge " (tone(call.outcome)) } {
                    (language.state(call.outcome))
                }
                    @if caller.may(Permission::TraceCalls) {
                        br; a.hint href={ "/trace?call=" (call.id) } { "SIP" }
                    }
                }
                td.right { (seconds(call.duration_secs.unsigned_abs())) }
                td { (sound(language, call)) }
                td { (recordings(caller, call)) }
            } } }
        }
    }
}

fn when(zone: Option<&Zone>, call: &CallView) -> String {
    // An id begins with the time.
    let millis = call.id.split('-').next().and_then(|it| it.parse().ok());
    match (zone, millis) {
        (Some(_), Some(millis)) => crate::actions::calls::local(zone, millis),
        _ => moment(&call.started),
    }
}

/// That it went first to whoever had last to do with the caller's number.
fn called_back(language: Language, extension: &str) -> String {
    match language {
        Language::English => {
            format!("called back: first {extension}, who last called this number or answered it")
        }
        Language::Portuguese => {
            format!(
                "retorno: primeiro {extension}, que por último ligou para este número ou o atendeu"
            )
        }
    }
}

/// How it sounded, in a word each: what came from the caller, and from the callee.
fn sound(language: Language, call: &CallView) -> Markup {
    let sides = [
        (("caller", "quem ligou"), &call.caller_audio),
        (("callee", "quem atendeu"), &call.callee_audio),
    ];
    html! {
        @for (side, audio) in sides { @if let Some(mos) = audio.mos {
            div title=(details(language, audio)) {
                span class={ "badge " (quality(mos).0) } { (language.said(quality(mos).1)) }
                " " span.hint { (language.said(side)) " · " (format!("{mos:.1}")) }
            }
        } }
    }
}

fn details(language: Language, audio: &AudioView) -> String {
    let (codec, lost, jitter) = (&audio.codec, audio.lost, audio.jitter_millis);
    let all = audio.received.saturating_add(lost);
    match language {
        Language::English => {
            format!("{codec}, {lost} of {all} packets lost, jitter {jitter:.1} ms")
        }
        Language::Portuguese => {
            format!("{codec}, {lost} de {all} pacotes perdidos, jitter {jitter:.1} ms")
        }
    }
}

/// MOS as people say it (ITU-T G.107, annex B, in three steps).
fn quality(mos: f64) -> (&'static str, Said) {
    match mos {
        4.0.. => ("good", ("good", "bom")),
        3.6.. => ("busy", ("fair", "regular")),
        _ => ("bad", ("bad", "ruim")),
    }
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

fn tone(outcome: &str) -> &'static str {
    match outcome {
        "ended-by-caller" | "ended-by-callee" => "good",
        "ongoing" => "busy",
        _ => "bad",
    }
}
