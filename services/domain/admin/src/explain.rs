//! Decisions and warnings of `routing` in words.

mod english;
mod portuguese;

use config::{Class, Country};
use routing::{Outcome, Step, Warning, WorstCase};

use crate::text::Language;

/// One step of a decision.
pub(crate) fn step(step: &Step, language: Language) -> String {
    match language {
        Language::English => english::step(step),
        Language::Portuguese => portuguese::step(step),
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
pub(crate) fn warning(warning: &Warning, language: Language) -> String {
    match language {
        Language::English => english::warning(warning),
        Language::Portuguese => portuguese::warning(warning),
    }
}

/// What a stolen extension can cost (F16).
pub(crate) fn worst_case(
    number: &str,
    worst: &WorstCase,
    country: Country,
    language: Language,
) -> String {
    let minutes: u64 = worst.minutes.iter().map(|(_, minutes)| minutes).sum();
    let (units, cents) = (worst.cents / 100, worst.cents % 100);
    let calls = worst.calls;
    match (language, country) {
        (Language::English, Country::Brazil) => format!(
            "if extension {number} is stolen: {calls} calls at once, {minutes} minutes a day, \
             R$ {units}.{cents:02} a day"
        ),
        (Language::English, Country::Portugal) => format!(
            "if extension {number} is stolen: {calls} calls at once, {minutes} minutes a day, \
             € {units}.{cents:02} a day"
        ),
        (Language::Portuguese, Country::Brazil) => format!(
            "se o ramal {number} for roubado: {calls} chamadas ao mesmo tempo, {minutes} minutos \
             por dia, R$ {units},{cents:02} por dia"
        ),
        (Language::Portuguese, Country::Portugal) => format!(
            "se o ramal {number} for roubado: {calls} chamadas ao mesmo tempo, {minutes} minutos \
             por dia, € {units},{cents:02} por dia"
        ),
    }
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
