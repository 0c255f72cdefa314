//! The report on exposure and health, on the screen and on paper.

use maud::{Markup, html};
use report::{Port, Verdict, Zone};

use super::layout::{Place, page};
use super::records::moment;
use crate::actions::report::Names;
use crate::admin::Caller;
use crate::form::Said;
use crate::http::Response;
use crate::report_view::{FindingView, ReportView};
use crate::text::Language;

/// The page, which prints as the report that the customer is handed.
pub(crate) fn report(
    caller: &Caller,
    view: &ReportView,
    ports: &[Port],
    names: &Names,
) -> Response {
    let language = caller.language;
    let say = |said: Said| language.said(said);
    let body = html! {
        h1 { (say(TITLE)) }
        (heading(language, view, names))
        (asked(language, names))
        (kind(language, view, Verdict::Danger))
        (kind(language, view, Verdict::Look))
        // On a phone the table is wider than the screen, and is moved by the keyboard too.
        section.card tabindex="0" aria-labelledby="report-ports" {
            h2 #report-ports { (say(PORTS)) }
            p.hint { (say(PORTS_WHY)) }
            (table(language, ports))
        }
        (kind(language, view, Verdict::Unknown))
        (kind(language, view, Verdict::Good))
        (signatures(language, names))
    };
    page(200, caller, Place::Report, say(TITLE), &body)
}

/// Whose box it is, which one, when, and what it comes to.
fn heading(language: Language, view: &ReportView, names: &Names) -> Markup {
    let say = |said: Said| language.said(said);
    let summary = &view.summary;
    html! {
        section.card {
            dl.facts {
                div { dt { (say(CUSTOMER)) } dd { (named(&names.customer)) } }
                div { dt { (say(BOX)) } dd { (view.name) } }
                div { dt { (say(MADE)) } dd { (made(view)) } }
                div { dt { (language.words().version) } dd { (view.version) } }
            }
            ul.chips {
                li { b { (summary.danger) } " " (say(said(Verdict::Danger))) }
                li { b { (summary.look) } " " (say(said(Verdict::Look))) }
                li { b { (summary.not_checked) } " " (say(said(Verdict::Unknown))) }
                li { b { (summary.good) } " " (say(said(Verdict::Good))) }
            }
        }
    }
}

/// When it was made, by the clocks of the site where the box knows them.
fn made(view: &ReportView) -> String {
    match view.made_local.as_str() {
        "" => format!("{} UTC", moment(&view.made)),
        local => local.to_owned(),
    }
}

/// A name, or room to write it by hand.
fn named(name: &str) -> Markup {
    html! {
        @if name.is_empty() { span.blank { "\u{a0}" } } @else { (name) }
    }
}

/// The names for the paper: they come back in the page, and are kept nowhere.
fn asked(language: Language, names: &Names) -> Markup {
    let say = |said: Said| language.said(said);
    html! {
        section.card.noprint {
            p { (say(PRINT)) }
            form method="get" action="/report" {
                div.fields {
                    label { (say(CUSTOMER))
                        input name="customer" value=(names.customer) maxlength="80"; }
                    label { (say(INSTALLER))
                        input name="installer" value=(names.installer) maxlength="80"; }
                    button type="submit" { (say(FILL_IN)) }
                }
            }
        }
    }
}

fn table(language: Language, ports: &[Port]) -> Markup {
    let say = |said: Said| language.said(said);
    html! {
        table {
            thead { tr {
                th { (say(PORT)) } th { (say(ANSWERS)) }
                @for zone in Zone::ALL { th { (say(zone.said())) } }
                th { (say(REQUIREMENT)) }
            } }
            tbody { @for port in ports { tr {
                td.strong { (port.ports) " " span.hint { (port.transport) } }
                td { (say(port.what)) }
                @for reach in port.reach { td { (say(reach.said())) } }
                td { (port.requirement) }
            } } }
        }
    }
}

/// All findings of one kind; nothing where there is none.
fn kind(language: Language, view: &ReportView, verdict: Verdict) -> Markup {
    let name = verdict.name();
    let found: Vec<_> = view
        .findings
        .iter()
        .filter(|it| it.verdict == name)
        .collect();
    let id = format!("report-{name}");
    let tone = match verdict {
        Verdict::Danger => " bad",
        Verdict::Look => " busy",
        Verdict::Unknown => " open",
        Verdict::Good => "",
    };
    html! {
        @if !found.is_empty() {
            section class={ "card headline findings" (tone) } aria-labelledby=(id) {
                h2 id=(id) { (language.said(said(verdict))) " " span.count { (found.len()) } }
                @for one in found { (finding(language, one)) }
            }
        }
    }
}

fn finding(language: Language, finding: &FindingView) -> Markup {
    let say = |said: Said| language.said(said);
    let more = finding.details.len().saturating_sub(DETAILS_MAX);
    html! {
        article.finding {
            h3 { (finding.title) }
            p { (finding.found) }
            @if !finding.details.is_empty() {
                ul { @for one in finding.details.iter().take(DETAILS_MAX) { li { (one) } } }
                @if more > 0 { p.hint { (say(AND_MORE)) " " (more) } }
            }
            @if let Some(fix) = &finding.fix {
                p { b { (say(FIX)) } " " (fix) " "
                    @if let Some(page) = finding.page {
                        a.noprint href=(page) { (say(GO)) " " (finding.title) }
                    }
                }
            }
            p.hint { (say(REQUIREMENTS)) " " (finding.requirements.join(", ")) }
        }
    }
}

/// Where installer and customer sign; on paper alone.
fn signatures(language: Language, names: &Names) -> Markup {
    let say = |said: Said| language.said(said);
    html! {
        section.signatures {
            p { span.line { "\u{a0}" } (say(INSTALLER)) ": " (names.installer) }
            p { span.line { "\u{a0}" } (say(CUSTOMER)) ": " (names.customer) }
            p { span.line { "\u{a0}" } (say(DATE)) }
        }
    }
}

/// What a kind of finding is called.
const fn said(verdict: Verdict) -> Said {
    match verdict {
        Verdict::Danger => ("To be mended now", "Corrigir agora"),
        Verdict::Look => ("To look at", "Verificar"),
        Verdict::Unknown => ("Could not be checked", "Não foi possível verificar"),
        Verdict::Good => ("Good", "Em ordem"),
    }
}

/// Lines of one finding; the API has more.
const DETAILS_MAX: usize = 20;
const TITLE: Said = (
    "Report: exposure and health",
    "Relatório: exposição e saúde",
);
const CUSTOMER: Said = ("Customer", "Cliente");
const INSTALLER: Said = ("Installer", "Instalador");
const BOX: Said = ("Box", "Central");
const MADE: Said = ("Made", "Feito em");
const DATE: Said = ("Date", "Data");
const PRINT: Said = (
    "Fill in the names and print this page (A4) by the browser: it is the report that the \
     customer is handed. The names are kept nowhere.",
    "Preencha os nomes e imprima esta página (A4) pelo navegador: é o relatório entregue ao \
     cliente. Os nomes não são guardados.",
);
const FILL_IN: Said = ("Fill in", "Preencher");
const PORTS: Said = ("Reachable from where", "Alcançável de onde");
const PORTS_WHY: Said = (
    "From what runs. Outside is what the box has heard; what the router lets through stands in \
     the router.",
    "Pelo que está rodando. Fora é o que a central ouviu; o que o roteador deixa passar está no \
     roteador.",
);
const PORT: Said = ("Port", "Porta");
const ANSWERS: Said = ("What answers", "O que responde");
const REQUIREMENT: Said = ("Requirement", "Requisito");
const REQUIREMENTS: Said = ("Requirements:", "Requisitos:");
const FIX: Said = ("What to do:", "O que fazer:");
const GO: Said = ("Go to:", "Ir para:");
const AND_MORE: Said = ("and more:", "e mais:");
