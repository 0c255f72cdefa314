//! The first page: how the box is, on one page that stays as the box is.
//!
//! It is made of parts, each with an id. The whole page has all of them; to a page that is open
//! those are sent that changed.

use maud::{Markup, html};
use report::Summary;

use super::layout::{Place, page};
use super::state::{free, kib, machine, seconds};
use super::{chart, danger};
use crate::admin::Caller;
use crate::danger::Dangers;
use crate::dashboard::Dashboard;
use crate::form::Said;
use crate::http::{Event, Response};
use crate::routes::may_open;
use crate::text::Language;
use crate::trunk_advice::advice;
use crate::views::{LinkView, Warning};

/// The page.
pub(crate) fn status(
    caller: &Caller,
    dashboard: &Dashboard,
    dangers: Option<&Dangers>,
) -> Response {
    let draw = Draw {
        caller,
        dashboard,
        dangers,
    };
    let body = html! {
        (draw.part(Part::Headline))
        (draw.part(Part::Next))
        (draw.part(Part::Figures))
        div.grid {
            (draw.part(Part::Calls))
            (draw.part(Part::Phones))
            (draw.part(Part::Trunks))
            (draw.part(Part::Health))
            (draw.part(Part::Day))
        }
        details.card.machine {
            summary { h2 { (draw.say(("The machine", "A máquina"))) } }
            (draw.part(Part::Machine))
        }
    };
    let words = caller.language.words();
    page(200, caller, Place::Status, words.status, &body)
}

/// The parts of it, for a page that is open.
pub(crate) fn status_parts(
    caller: &Caller,
    dashboard: &Dashboard,
    dangers: Option<&Dangers>,
) -> Response {
    let draw = Draw {
        caller,
        dashboard,
        dangers,
    };
    let event = |part: Part| Event {
        name: part.id(),
        data: draw.part(part).into_string(),
    };
    Response::events(Part::ALL.into_iter().map(event).collect())
}

/// The phones and what has none, for another page that stays as the box is.
pub(super) fn phones_part(caller: &Caller, dashboard: &Dashboard) -> Markup {
    alone(caller, dashboard, Part::Phones)
}

/// The trunks likewise.
pub(super) fn trunks_part(caller: &Caller, dashboard: &Dashboard) -> Markup {
    alone(caller, dashboard, Part::Trunks)
}

fn alone(caller: &Caller, dashboard: &Dashboard, part: Part) -> Markup {
    let draw = Draw {
        caller,
        dashboard,
        dangers: None,
    };
    draw.part(part)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Headline,
    Next,
    Figures,
    Calls,
    Phones,
    Trunks,
    Health,
    Day,
    Machine,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Headline,
        Self::Next,
        Self::Figures,
        Self::Calls,
        Self::Phones,
        Self::Trunks,
        Self::Health,
        Self::Day,
        Self::Machine,
    ];

    const fn id(self) -> &'static str {
        match self {
            Self::Headline => "part-headline",
            Self::Next => "part-next",
            Self::Figures => "part-figures",
            Self::Calls => "part-calls",
            Self::Phones => "part-phones",
            Self::Trunks => "part-trunks",
            Self::Health => "part-health",
            Self::Day => "part-day",
            Self::Machine => "part-machine",
        }
    }

    /// Whether it has the whole width.
    const fn is_wide(self) -> bool {
        matches!(self, Self::Day)
    }
}

struct Draw<'a> {
    caller: &'a Caller,
    dashboard: &'a Dashboard,
    dangers: Option<&'a Dangers>,
}

impl Draw<'_> {
    const fn language(&self) -> Language {
        self.caller.language
    }

    fn say(&self, said: Said) -> &'static str {
        self.language().said(said)
    }

    fn part(&self, part: Part) -> Markup {
        let view = &self.dashboard.view;
        let inner = match part {
            Part::Headline => self.headline(),
            Part::Next => self.next(),
            Part::Figures => self.figures(),
            Part::Calls => self.calls(),
            Part::Phones => self.phones(),
            Part::Trunks => self.trunks(),
            Part::Health => self.health(),
            Part::Day => self.day(),
            Part::Machine => machine(self.language(), view),
        };
        let id = part.id();
        html! {
            @if part.is_wide() { div.wide id=(id) data-live { (inner) } }
            @else { div id=(id) data-live { (inner) } }
        }
    }

    /// What is wrong, each with what to do about it and the way there.
    fn headline(&self) -> Markup {
        let words = self.language().words();
        let view = &self.dashboard.view;
        let (grave, other): (Vec<_>, Vec<_>) =
            view.warnings.iter().partition(|warning| warning.is_grave());
        let fails = !grave.is_empty()
            || !view.store.warning.is_empty()
            || self.dangers.is_some_and(Dangers::helps_thieves)
            || view.services.iter().any(|service| service.state != "ready")
            || view
                .network
                .iter()
                .any(|link| !link.conflict_with.is_empty());
        html! {
            section class={ "card headline " (if fails { "bad" } else { "good" }) } {
                h1 { (if fails { words.attention } else { words.all_well }) }
                @for warning in grave { p.error { (self.warning(warning)) } }
                @for warning in other { p.notice { (self.warning(warning)) } }
                @if !view.store.warning.is_empty() { p.error { (view.store.warning) } }
            }
            @if let Some(dangers) = self.dangers { (danger::list(self.language(), dangers)) }
        }
    }

    fn warning(&self, warning: &Warning) -> Markup {
        let words = self.language().words();
        let open = |address: &&str| may_open(address, self.caller.permissions);
        html! {
            (warning.text(self.language()))
            @if let Some(place) = warning.place().filter(open) {
                " " a href=(place) {
                    @match place {
                        "/backups" => (words.backups),
                        "/certificate" => (words.certificate),
                        "/trunks" => (words.trunks),
                        "/bans" => (words.bans),
                        _ => (words.firmware),
                    }
                }
            }
        }
    }

    fn next(&self) -> Markup {
        let open = |address: &str| may_open(address, self.caller.permissions);
        let next = &self.dashboard.next;
        // What no box can check stands in the report itself.
        let told = |it: &Summary| it.dangers > 0 || it.looks > 0;
        let summary = self.dashboard.summary.filter(told);
        html! {
            @if !next.is_empty() || summary.is_some() {
                section.card.next {
                    h2 { (self.say(("What to do next", "O que fazer agora"))) }
                    ol {
                        @for todo in next.iter().filter(|it| open(it.place)) {
                            li { a href=(todo.place) { (self.say(todo.said)) } }
                        }
                        @if let Some(summary) = summary {
                            li { a href="/report" { (self.sum(summary)) } }
                        }
                    }
                }
            }
        }
    }

    /// What the report on exposure and health comes to.
    fn sum(&self, summary: Summary) -> String {
        let Summary { dangers, looks, .. } = summary;
        match self.language() {
            Language::English => format!(
                "See the report, each with its fix: {dangers} dangerous, {looks} to look at"
            ),
            Language::Portuguese => format!(
                "Veja o relatório, cada item com a correção: {dangers} perigosos, {looks} a \
                 verificar"
            ),
        }
    }

    fn figures(&self) -> Markup {
        let words = self.language().words();
        let view = &self.dashboard.view;
        let with_phone = self
            .dashboard
            .extensions
            .saturating_sub(self.dashboard.without_phone.len());
        let today = self.dashboard.today();
        let up = view.trunks.iter().filter(|trunk| trunk.up).count();
        let of = self.say(("of", "de"));
        html! {
            dl.figures {
                (figure(words.live_calls, html! { (view.calls.len()) }))
                (figure(words.phones, html! {
                    (with_phone) small { " " (of) " " (self.dashboard.extensions) }
                }))
                @if !view.trunks.is_empty() {
                    (figure(words.trunks, html! {
                        (up) small { " " (of) " " (view.trunks.len()) }
                    }))
                }
                @if !self.dashboard.hours.is_empty() {
                    (figure(self.say(("Answered today", "Atendidas hoje")),
                        html! { (today.answered) }))
                    (figure(self.say(("Not answered today", "Não atendidas hoje")),
                        html! { (today.unanswered) }))
                }
            }
        }
    }

    fn calls(&self) -> Markup {
        let (language, words) = (self.language(), self.language().words());
        let calls = &self.dashboard.view.calls;
        html! {
            section.card {
                h2 { (words.live_calls) " " span.count { (calls.len()) } }
                @if calls.is_empty() { p.hint { (words.none_calls) } } @else {
                    table {
                        thead { tr {
                            th { (words.from) } th { (words.to) } th { (words.state) }
                            th.right { (words.duration) }
                        } }
                        tbody { @for call in calls.iter().take(ROWS_MAX) { tr {
                            td.strong { (call.from) }
                            td.strong { (call.to) }
                            td { span.badge.busy { (language.state(&call.state)) } }
                            td.right data-seconds=(call.seconds) { (seconds(call.seconds)) }
                        } } }
                    }
                    (self.more(calls.len()))
                }
            }
        }
    }

    fn phones(&self) -> Markup {
        let words = self.language().words();
        let phones = &self.dashboard.view.phones;
        let without = &self.dashboard.without_phone;
        html! {
            section.card {
                h2 { (words.phones) " " span.count { (phones.len()) } }
                @if phones.is_empty() { p.hint { (words.none_phones) } } @else {
                    table {
                        thead { tr {
                            th { (words.extension) } th { (words.address) }
                        } }
                        tbody { @for phone in phones.iter().take(ROWS_MAX) { tr {
                            td.strong { (phone.extension) }
                            td { (phone.address) " " span.badge { (phone.transport) }
                                br; span.hint { (phone.user_agent) } }
                        } } }
                    }
                    (self.more(phones.len()))
                }
                @if !without.is_empty() {
                    h3 { (self.say(("Extensions without a phone", "Ramais sem telefone")))
                        " " span.count { (without.len()) } }
                    ul.chips {
                        @for (number, name) in without.iter().take(ROWS_MAX) {
                            li { b { (number) } @if !name.is_empty() { " " (name) } }
                        }
                    }
                    (self.more(without.len()))
                }
            }
        }
    }

    fn trunks(&self) -> Markup {
        let (language, words) = (self.language(), self.language().words());
        let trunks = &self.dashboard.view.trunks;
        html! {
            section.card {
                h2 { (words.trunks) " " span.count { (trunks.len()) } }
                @if trunks.is_empty() {
                    p.hint { (self.say(("No trunk: calls stay within the box.",
                        "Nenhum tronco: as ligações ficam dentro da central."))) }
                } @else {
                    table {
                        thead { tr {
                            th { (words.trunk) } th { (words.state) } th.right { (words.calls) }
                        } }
                        tbody { @for trunk in trunks { tr {
                            td.strong { (trunk.name) }
                            td { span class={ "badge " (if trunk.up { "good" } else { "bad" }) } {
                                (language.trunk_state(&trunk.state))
                            }
                                @if let Some(said) = advice(&trunk.state).filter(|_| !trunk.up) {
                                    br; span.hint { (language.said(said)) }
                                }
                            }
                            td.right { (trunk.calls) }
                        } } }
                    }
                }
            }
        }
    }

    /// The box itself in a few lines.
    fn health(&self) -> Markup {
        let words = self.language().words();
        let view = &self.dashboard.view;
        let ready = view
            .services
            .iter()
            .filter(|it| it.state == "ready")
            .count();
        let (clock, zone) = &self.dashboard.clock;
        let up = |link: &&LinkView| link.up;
        html! {
            section.card {
                h2 { (self.say(("Health", "Saúde"))) }
                dl {
                    dt { (words.services) }
                    dd { (ready) " / " (view.services.len()) }
                    @for link in view.network.iter().filter(up) {
                        dt { (words.network) } dd { (link.address) }
                    }
                    dt { (words.free) } dd { (kib(view.store.free_bytes / 1024)) }
                    dt { (words.memory_free) } dd { (free(&view.machine)) }
                    @if let Some(degrees) = view.machine.temperature {
                        dt { (self.say(("Temperature", "Temperatura"))) } dd { (degrees) " °C" }
                    }
                    @if !clock.is_empty() {
                        dt { (self.say(("Clock", "Relógio"))) }
                        dd { (clock) " " span.hint { (zone) } }
                    }
                    dt { (words.version) } dd { (view.version) }
                    dt { (words.uptime) } dd { (self.rough(view.uptime_secs)) }
                }
            }
        }
    }

    fn day(&self) -> Markup {
        html! {
            @if !self.dashboard.hours.is_empty() {
                section.card {
                    h2 { (self.say(("Calls of the last 24 hours",
                        "Ligações das últimas 24 horas"))) }
                    (chart::day(self.language(), &self.dashboard.hours))
                }
            }
        }
    }

    /// That there are more than are shown.
    fn more(&self, all: usize) -> Markup {
        let more = all.saturating_sub(ROWS_MAX);
        html! { @if more > 0 { p.hint { (self.say(("and more:", "e mais:"))) " " (more) } } }
    }

    /// How long, to the minute: what changes every second is in nobody's way there.
    fn rough(&self, secs: u64) -> String {
        let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
        match days {
            0 => format!("{hours} h {minutes:02} min"),
            _ => format!("{days} d {hours} h"),
        }
    }
}

fn figure(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// Rows of a list; a page has to stay small, and nobody reads more at a glance.
const ROWS_MAX: usize = 25;
