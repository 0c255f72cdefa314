//! Countries: from where the box may be reached, and who came, as bars.

use countries::Country;
use maud::{Markup, html};

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::countries_view::{ArrivalsView, CountriesView, CountryView};
use crate::form::Said;
use crate::http::Response;
use crate::permission::Permission;
use crate::text::Language;

/// The page.
pub(crate) fn countries(caller: &Caller, view: &CountriesView) -> Response {
    let language = caller.language;
    let title = language.words().countries;
    let body = html! {
        h1 { (title) }
        (state(caller, view))
        (arrivals(language, view))
        (codes(language))
        (data(language, view))
    };
    page(200, caller, Place::Countries, title, &body)
}

fn state(caller: &Caller, view: &CountriesView) -> Markup {
    let language = caller.language;
    let is_ineffective = view.on && (view.ineffective || view.data.is_none());
    html! {
        section class=(if is_ineffective { "card headline bad" } else { "card" }) {
            @if view.on {
                p { span.badge.good { (language.said(ON)) } " " (language.said(ON_WHAT)) }
            } @else {
                p { span.badge { (language.said(OFF)) } " " (language.said(OFF_WHAT)) }
            }
            @if view.ineffective { p.error { (language.said(INEFFECTIVE)) } }
            @if view.data.is_none() { p.error { (language.said(NO_DATA)) } }
            @if !view.allowed.is_empty() {
                p { (language.said(ALLOWED)) " "
                    @for (place, country) in view.allowed.iter().enumerate() {
                        @if place > 0 { ", " }
                        (name(language, country)) " (" (country.code) ")"
                    }
                }
            }
            @if caller.may(Permission::SeeConfiguration) {
                p { a href="/settings/countries" { (language.said(SETTINGS)) } }
            }
        }
    }
}

fn arrivals(language: Language, view: &CountriesView) -> Markup {
    let most = view.arrivals.iter().map(ArrivalsView::total).max();
    let shown = &view.arrivals.iter().take(ROWS_MAX).collect::<Vec<_>>();
    html! {
        section.card {
            h2 { (language.said(CAME)) }
            @if shown.is_empty() { p.hint { (language.said(NOBODY)) } } @else {
                p.legend {
                    span.key.good { (language.said(LET_IN)) }
                    span.key.bad { (language.said(if view.on { REFUSED } else { WOULD_BE })) }
                }
                table {
                    thead { tr {
                        th { (language.said(COUNTRY)) } th {}
                        th.right { (language.said(CONNECTIONS)) }
                        th.right { (language.said(DATAGRAMS)) }
                        th.right { (language.said(REFUSED_COUNT)) }
                    } }
                    tbody { @for row in shown { tr {
                        td.strong { (who(language, row)) }
                        td { (bar(row, most.unwrap_or_default())) }
                        td.right { (row.connections) }
                        td.right { (row.datagrams) }
                        td.right { (row.refused) }
                    } } }
                }
                p.hint { (language.said(SINCE)) }
            }
        }
    }
}

fn who(language: Language, row: &ArrivalsView) -> Markup {
    html! {
        @match &row.country {
            Some(country) => { (name(language, country)) " " span.hint { (country.code) } }
            None => { (language.said(UNKNOWN)) }
        }
    }
}

/// As long as many came; its colour is that of the rule.
fn bar(row: &ArrivalsView, most: u64) -> Markup {
    let tone = if row.allowed { "good" } else { "bad" };
    html! {
        svg.chart viewBox=(format!("0 0 {BAR_WIDTH} {BAR_HEIGHT}")) aria-hidden="true" {
            rect class=(tone) x="0" y="0" width=(width(row.total(), most)) height=(BAR_HEIGHT)
                rx="2" {}
        }
    }
}

/// What is more than nothing can be seen.
fn width(count: u64, most: u64) -> u64 {
    let share = u128::from(count) * u128::from(BAR_WIDTH);
    let share = share.checked_div(most.into()).unwrap_or_default();
    let share = u64::try_from(share).unwrap_or(BAR_WIDTH);
    share.clamp(u64::from(count > 0) * 2, BAR_WIDTH)
}

/// All codes, for whoever writes the list.
fn codes(language: Language) -> Markup {
    let mut all: Vec<_> = Country::all().map(CountryView::new).collect();
    all.sort_by_key(|it| name(language, it).to_lowercase());
    html! {
        section.card {
            details {
                summary { (language.said(CODES)) }
                table { tbody { @for country in &all { tr {
                    td { code { (country.code) } } td { (name(language, country)) }
                } } } }
            }
        }
    }
}

fn data(language: Language, view: &CountriesView) -> Markup {
    html! {
        @if let Some(data) = &view.data {
            p.hint {
                (language.said(DATA)) " " (data.source) " (" (data.address) "), "
                (data.made.get(..10).unwrap_or_default()) ", " (data.licence) ". "
                (language.said(DATA_WHAT)) " "
                a href="/about" { (language.said(LICENCES)) }
            }
        }
    }
}

const fn name(language: Language, country: &CountryView) -> &'static str {
    match language {
        Language::English => country.name,
        Language::Portuguese => country.nome,
    }
}

/// Rows of the table; the API has all.
const ROWS_MAX: usize = 60;
const BAR_WIDTH: u64 = 200;
const BAR_HEIGHT: u64 = 12;
const ON: Said = ("on", "ligado");
const ON_WHAT: Said = (
    "Whoever comes from a country that is not let in gets no answer.",
    "Quem vem de um país que não pode entrar não recebe resposta.",
);
const OFF: Said = ("off", "desligado");
const OFF_WHAT: Said = (
    "Nobody is refused for his country. Below stands who came, and who would have been refused.",
    "Ninguém é recusado pelo país. Abaixo está quem veio, e quem teria sido recusado.",
);
const INEFFECTIVE: Said = (
    "Without effect: a router seems to write its own address as the sender of what comes from \
     outside, so that nobody's country can be seen. Mend the port redirect there first.",
    "Sem efeito: um roteador parece escrever o próprio endereço como remetente do que vem de fora, \
     e assim não se vê o país de ninguém. Conserte antes o redirecionamento de portas nele.",
);
const NO_DATA: Said = (
    "Without effect: this box has no table of countries that can be read. An update brings one.",
    "Sem efeito: esta central não tem uma tabela de países legível. Uma atualização a traz.",
);
const ALLOWED: Said = ("Let in:", "Podem entrar:");
const SETTINGS: Said = ("Change", "Alterar");
const CAME: Said = ("Who came from outside", "Quem veio de fora");
const NOBODY: Said = (
    "Nobody from outside since the last start.",
    "Ninguém de fora desde a última inicialização.",
);
const LET_IN: Said = ("country let in", "país que pode entrar");
const REFUSED: Said = ("country refused", "país recusado");
const WOULD_BE: Said = ("would be refused", "seria recusado");
const COUNTRY: Said = ("Country", "País");
const CONNECTIONS: Said = ("Connections", "Conexões");
const DATAGRAMS: Said = ("SIP by UDP", "SIP por UDP");
const REFUSED_COUNT: Said = ("Refused", "Recusados");
const SINCE: Said = (
    "Since the last start. The sender of what came by UDP can be forged.",
    "Desde a última inicialização. O remetente do que veio por UDP pode ser forjado.",
);
const UNKNOWN: Said = ("of no country that is known", "de país desconhecido");
const CODES: Said = ("All codes", "Todos os códigos");
const DATA: Said = (
    "Which country an address is of:",
    "De que país é um endereço:",
);
const DATA_WHAT: Said = (
    "It tells where an address is registered, which now and then is not where somebody is.",
    "Diz onde um endereço está registrado, o que às vezes não é onde alguém está.",
);
const LICENCES: Said = ("Licences", "Licenças");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_many_came_and_one_of_millions_can_be_seen() {
        assert_eq!(width(50, 100), 100);
        assert_eq!(width(u64::MAX, u64::MAX), BAR_WIDTH);
        assert_eq!(width(1, u64::MAX), 2);
        assert_eq!(width(0, 0), 0);
    }
}
