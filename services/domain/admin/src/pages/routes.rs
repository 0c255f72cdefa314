//! Routes as they are, what is dangerous about them, and the simulator.

use config::{Countries, DIALLED_LENGTH_MAX};
use ipc::site::{Route, Site};
use maud::{Markup, html};

use super::danger;
use super::layout::{Place, page};
use crate::actions::explain::Answer;
use crate::actions::form::{escaped, new};
use crate::actions::routes::Asked;
use crate::admin::Caller;
use crate::danger::{Dangers, route_id};
use crate::explain;
use crate::fault::{Fault, Item};
use crate::http::Response;
use crate::text::Language;

/// The page; `told` is what the simulator said, when it was asked.
pub(crate) fn routes(
    caller: &Caller,
    site: &Site,
    dangers: &Dangers,
    asked: &Asked,
    told: Option<&Result<Answer, Fault>>,
) -> Response {
    let language = caller.language;
    let words = language.words();
    let body = html! {
        h1 { (words.routes) " " span.count { (site.routes.len()) } }
        section.card {
            @if site.routes.is_empty() { p.hint { (words.none_routes) } } @else {
                (table(caller, site, dangers))
            }
            p.hint { (words.routes_hint) }
            @if caller.may_change() {
                p { a.button href=(new(Item::Route)) { (words.create) } }
            }
        }
        section.card #numbers {
            h2 { (words.numbers) }
            (numbers(language, site, dangers))
        }
        section.card #simulator {
            h2 { (words.simulator) }
            (question(language, site, asked))
            @match told {
                None => {}
                Some(Err(fault)) => p.error role="alert" { (fault.text(language)) },
                Some(Ok(answer)) => (self::answer(language, answer)),
            }
        }
    };
    let fault = told.and_then(|told| told.as_ref().err());
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Routes, words.routes, &body)
}

fn table(caller: &Caller, site: &Site, dangers: &Dangers) -> Markup {
    let language = caller.language;
    let words = language.words();
    html! {
        table {
            thead { tr {
                th { (words.route) } th { (words.from) } th { (words.number) }
                th { (words.when) } th { (words.to) } td {}
            } }
            tbody {
                @for (place, route) in site.routes.iter().enumerate() {
                    tr #(route_id(place)) {
                        (cells(language, route))
                        td.right { @if place > 0 && caller.may_change() { (up(language, route)) } }
                    }
                    @for warning in dangers.of_route(place) {
                        tr.told { td colspan="6" { (danger::one(language, warning, dangers)) } }
                    }
                }
            }
        }
    }
}

/// Takes a route before the one above it.
fn up(language: Language, route: &Route) -> Markup {
    html! {
        form method="post" action={ "/routes/" (escaped(&route.name)) "/up" } {
            button.quiet type="submit" title=(language.words().up) { "↑" }
        }
    }
}

fn cells(language: Language, route: &Route) -> Markup {
    let words = language.words();
    let sources = route.sources.iter();
    let sources: Vec<String> = sources.map(|it| explain::source(it, language)).collect();
    let destinations = route.destinations.iter();
    let destinations = destinations.map(|it| explain::destination(it, language));
    let rewrite = explain::rewrite(&route.rewrite, language);
    html! {
        td.strong { a href={ "/routes/" (escaped(&route.name)) } { (route.name) }
            @if !route.enabled { " " span.badge { (words.switched_off) } }
            @if route.pin { " " span.badge { "PIN" } }
            @if route.record { " " span.badge { (words.recording) } }
            @if route.call_back.enabled {
                " " span.badge { (language.said(("calls back", "retorno"))) }
            }
        }
        td { @if sources.is_empty() { (words.anybody) } @else { (sources.join(", ")) } }
        td { code { (route.pattern) }
            @if !rewrite.is_empty() { br; span.hint { (rewrite) } }
        }
        td { @if route.times.is_empty() { (words.always) } @else { (route.times) } }
        td { (destinations.collect::<Vec<_>>().join(", ")) }
    }
}

/// What stands behind the warnings that are about no route.
fn numbers(language: Language, site: &Site, dangers: &Dangers) -> Markup {
    let words = language.words();
    let enabled = site.trunks.iter().filter(|trunk| trunk.enabled);
    let trunks: Vec<&str> = enabled.map(|trunk| trunk.name.as_str()).collect();
    let countries = match &dangers.abroad {
        Countries::All => words.every_country.to_owned(),
        Countries::Codes(codes) => {
            let codes = codes.iter().map(|code| format!("+{code}"));
            codes.collect::<Vec<_>>().join(", ")
        }
    };
    let hours = match site.limits.office_hours.as_str() {
        "" => words.usual_hours,
        "*" => words.always,
        name => name,
    };
    let facts = [
        (words.trunks, trunks.join(", ")),
        (words.own_numbers, site.dialling.owned_numbers.join(", ")),
        (words.area_code, site.dialling.area_code.clone()),
        (words.abroad, countries),
        (words.abroad_hours, hours.to_owned()),
    ];
    html! {
        @for danger in dangers.of_numbers() { (danger::one(language, &danger.warning, dangers)) }
        dl {
            @for (name, fact) in &facts {
                dt { (name) } dd { @if fact.is_empty() { (words.none) } @else { (fact) } }
            }
        }
    }
}

fn question(language: Language, site: &Site, asked: &Asked) -> Markup {
    let words = language.words();
    let mut numbers: Vec<&str> = site
        .extensions
        .iter()
        .map(|it| it.number.as_str())
        .collect();
    numbers.sort_unstable();
    let choice = |kind: &str, name: &str| {
        let value = format!("{kind}:{name}");
        html! { option value=(value) selected[asked.from == value] { (name) } }
    };
    html! {
        form.row method="get" action="/routes#simulator" {
            label { (words.from)
                select name="from" required {
                    optgroup label=(words.extensions) {
                        @for number in numbers { (choice("extension", number)) }
                    }
                    optgroup label=(words.trunks) {
                        @for trunk in &site.trunks { (choice("trunk", &trunk.name)) }
                    }
                }
            }
            label { (words.number)
                input name="dialled" value=(asked.dialled) required autocomplete="off"
                    maxlength=(DIALLED_LENGTH_MAX);
            }
            label { (words.when_else_now)
                input name="at" type="datetime-local" value=(asked.at);
            }
            button type="submit" { (words.ask) }
        }
    }
}

fn answer(language: Language, answer: &Answer) -> Markup {
    let words = language.words();
    html! {
        section aria-labelledby="answer" {
            h3 #answer { (words.answer_for) " " (answer.dialled) }
            ol { @for step in &answer.steps { li { (step) } } }
            p.strong { (answer.text) }
            @if let Some((sentence, is_generic)) = &answer.worst {
                p class=(if *is_generic { "error" } else { "hint" }) { (sentence) }
            }
        }
    }
}
