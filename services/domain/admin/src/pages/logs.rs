//! The box's own log, newest first, as it grows.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use crate::admin::Caller;
use crate::form::Said;
use crate::http::{Event, Response};
use crate::log_view::{Level, LogLineView, Wish};
use crate::permission::Permission;
use crate::text::Language;

/// The page, with what can be chosen.
pub(crate) fn logs(
    caller: &Caller,
    wish: &Wish,
    services: &BTreeSet<String>,
    lines: &[LogLineView],
) -> Response {
    let language = caller.language;
    let words = language.words();
    let levels = Level::ALL.into_iter();
    let may_see_all = caller.may(Permission::SeeWholeNumbers);
    let levels = levels.filter(|it| may_see_all || *it <= Level::Info);
    let body = html! {
        h1 { (words.logs) }
        section.card {
            p { (language.said(HINT)) }
            form.row action="/logs" {
                label { (language.said(SERVICE)) select name="service" {
                    option value="" { (language.said(ALL)) }
                    @for service in services {
                        option value=(service) selected[*service == wish.service] { (service) }
                    }
                } }
                label { (language.said(LEVEL)) select name="level" {
                    @for level in levels {
                        option value=(level.name()) selected[level == wish.level] {
                            (language.said(called(level)))
                        }
                    }
                } }
                button type="submit" { (language.said(SHOW)) }
                a.button.quiet href={ "/logs.txt?level=" (wish.level.name()) "&service="
                    (wish.service) } download { (words.download) }
            }
        }
        (part(language, lines))
    };
    page(200, caller, Place::Logs, words.logs, &body)
}

/// The lines alone, for a page that is open.
pub(crate) fn log_parts(caller: &Caller, lines: &[LogLineView]) -> Response {
    let data = part(caller.language, lines).into_string();
    Response::events(vec![Event { name: PART, data }])
}

fn part(language: Language, lines: &[LogLineView]) -> Markup {
    let words = language.words();
    html! {
        section.card.log id=(PART) data-live tabindex="0" {
            @if lines.is_empty() { p.hint { (language.said(NOTHING)) } } @else {
                table {
                    thead { tr {
                        th { (words.when) } th { (language.said(SERVICE)) }
                        th { (language.said(LEVEL)) } th { (words.what) }
                    } }
                    tbody { @for line in lines { tr {
                        td.time { (moment(&line.at)) }
                        td { (line.service) }
                        td { span class=(class(line.level)) {
                            (language.said(called(line.level)))
                        } }
                        td { code { (line.text) } }
                    } } }
                }
                p.hint { (words.utc) }
            }
        }
    }
}

const fn class(level: Level) -> &'static str {
    match level {
        Level::Error => "badge bad",
        Level::Warn => "badge busy",
        Level::Info | Level::Debug | Level::Trace => "badge",
    }
}

const fn called(level: Level) -> Said {
    match level {
        Level::Error => ("error", "erro"),
        Level::Warn => ("warning", "aviso"),
        Level::Info => ("info", "informação"),
        Level::Debug => ("detail", "detalhe"),
        Level::Trace => ("finest", "mínimo"),
    }
}

const PART: &str = "log";
const HINT: Said = (
    "What the services of the box say, newest first. It is kept in memory, about a megabyte of it, \
     and begins anew with the box. Numbers of people outside are masked.",
    "O que os serviços da central dizem, o mais novo primeiro. Fica na memória, cerca de um \
     megabyte, e recomeça com a central. Números de pessoas de fora aparecem mascarados.",
);
const SERVICE: Said = ("Service", "Serviço");
const LEVEL: Said = ("As grave as", "A partir de");
const ALL: Said = ("all", "todos");
const SHOW: Said = ("Show", "Mostrar");
const NOTHING: Said = ("Nothing of that was said.", "Nada disso foi dito.");
