//! Warnings as a person sees them: what helps a thief is red, what else to look at is amber.

use maud::{Markup, html};
use routing::Warning;

use crate::danger::{Danger, Dangers, Subject};
use crate::explain;
use crate::text::Language;

/// Everything to look at, each with the way there; nothing when there is nothing.
///
/// No `role=alert`: the status page is renewed every three seconds, and a screen reader would read
/// all of it out each time. It is a region with a name instead.
pub(super) fn list(language: Language, dangers: &Dangers) -> Markup {
    if dangers.found.is_empty() {
        return html! {};
    }
    let words = language.words();
    let (grave, other): (Vec<_>, Vec<_>) = dangers
        .found
        .iter()
        .partition(|danger| danger.warning.helps_thieves());
    let tone = if grave.is_empty() { "busy" } else { "bad" };
    html! {
        section class={ "card headline " (tone) } aria-labelledby="dangers" {
            h2 #dangers { (words.dangers) }
            ul.told {
                @for danger in grave.into_iter().chain(other) {
                    li class=(self::tone(&danger.warning)) {
                        (explain::warning(&danger.warning, &dangers.currency, language)) " "
                        a href=(danger.about.address()) { (subject(language, danger)) }
                    }
                }
                @if let Some((number, worst)) = dangers.worst.iter().find(|it| it.1.generic) {
                    li.error {
                        (explain::worst_case(number, worst, &dangers.currency, language))
                    }
                }
            }
        }
    }
}

/// One warning beside what it is about.
pub(super) fn one(language: Language, warning: &Warning, dangers: &Dangers) -> Markup {
    html! {
        p class=(tone(warning)) { (explain::warning(warning, &dangers.currency, language)) }
    }
}

/// The text of the way there: that of a link has to say by itself where it leads.
fn subject(language: Language, danger: &Danger) -> String {
    let words = language.words();
    match &danger.about {
        Subject::Route(_, name) => format!("{} {name}", words.route),
        Subject::Extension(number) => format!("{} {number}", words.extension),
        Subject::Dialling => words.numbers.to_owned(),
    }
}

fn tone(warning: &Warning) -> &'static str {
    if warning.helps_thieves() {
        "error"
    } else {
        "notice"
    }
}
