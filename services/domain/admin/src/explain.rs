//! Decisions and warnings of `routing` in words.

mod english;
mod portuguese;

use config::Class;
use ipc::site::{Destination, Rewrite, Source};
use routing::{Outcome, Step, Warning, WorstCase};

use crate::text::Language;

/// One step of a decision.
pub(crate) fn step(step: &Step, currency: &str, language: Language) -> String {
    match language {
        Language::English => english::step(step, currency),
        Language::Portuguese => portuguese::step(step, currency),
    }
}

/// What came of it.
pub(crate) fn outcome(outcome: &Outcome, language: Language) -> String {
    match language {
        Language::English => english::outcome(outcome),
        Language::Portuguese => portuguese::outcome(outcome),
    }
}

/// Something dangerous, with the fix.
pub(crate) fn warning(warning: &Warning, currency: &str, language: Language) -> String {
    match language {
        Language::English => english::warning(warning, currency),
        Language::Portuguese => portuguese::warning(warning, currency),
    }
}

/// What a stolen extension can cost (F16).
pub(crate) fn worst_case(
    number: &str,
    worst: &WorstCase,
    currency: &str,
    language: Language,
) -> String {
    match language {
        Language::English => english::worst_case(number, worst, currency),
        Language::Portuguese => portuguese::worst_case(number, worst, currency),
    }
}

/// Who may use a route.
pub(crate) fn source(source: &Source, language: Language) -> String {
    match language {
        Language::English => english::source(source),
        Language::Portuguese => portuguese::source(source),
    }
}

/// Where a route leads.
pub(crate) fn destination(destination: &Destination, language: Language) -> String {
    match language {
        Language::English => english::destination(destination),
        Language::Portuguese => portuguese::destination(destination),
    }
}

/// What a route does to a number; empty when nothing.
pub(crate) fn rewrite(rewrite: &Rewrite, language: Language) -> String {
    match language {
        Language::English => english::rewrite(rewrite),
        Language::Portuguese => portuguese::rewrite(rewrite),
    }
}

/// An amount as people write it: `R$ 1440.00`, `R$ 1440,00`.
fn money(cents: u64, currency: &str, point: char) -> String {
    format!("{currency} {}{point}{:02}", cents / 100, cents % 100)
}

/// A class by the name the API uses.
pub(crate) const fn class(class: Class) -> &'static str {
    match class {
        Class::Internal => "internal",
        Class::Local => "local",
        Class::National => "national",
        Class::Mobile => "mobile",
        Class::Premium => "premium",
        Class::International => "international",
    }
}
