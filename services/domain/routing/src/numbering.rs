//! What a dialled number is in a country: data, and one function that reads it.
//!
//! A country is a table of patterns in the order they are asked ([`NumberingPlan`]); adding one
//! is adding a table.

use config::{Class, Country, Dialling, NumberForm, Pattern};

mod brazil;
mod portugal;
mod world;

#[cfg(test)]
mod tests;

/// What one country dials.
#[derive(Debug)]
pub struct NumberingPlan {
    /// What is written before an amount of its money.
    pub currency: &'static str,
    /// Its calling code, without the plus.
    pub calling_code: &'static str,
    /// Dialled before a number of another area; empty where there are no areas.
    pub trunk_prefix: &'static str,
    /// Dialled before a number abroad.
    pub international_prefix: &'static str,
    /// Signs of a carrier's code after either prefix; 0 where callers choose no carrier.
    pub carrier_length: usize,
    /// Numbers that always pass and that nothing else may take (F15).
    pub emergency: &'static [&'static str],
    /// The area codes there are; empty: none.
    pub areas: &'static [&'static str],
    /// What numbers look like, the first that fits.
    pub rules: &'static [Rule],
}

/// One shape of number.
#[derive(Debug)]
pub struct Rule {
    /// In the grammar of [`Pattern`]. `A` stands for an area code of the plan.
    pub pattern: &'static str,
    /// What it is.
    pub kind: Kind,
    /// How its international form is made.
    pub reading: Reading,
}

/// How the international form of a number is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// It has none: short codes and numbers that work inside the country only.
    None,
    /// Calling code, own area code, and the number without so many signs.
    Subscriber(usize),
    /// Calling code and the number without so many signs.
    National(usize),
}

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Police, ambulance, fire: always passes.
    Emergency,
    /// Other public services: always passes, but an extension may have the number.
    Service,
    /// A short number of no public plan: another PBX behind a trunk.
    Private,
    /// Free for the caller.
    TollFree,
    /// The called party pays.
    Collect,
    /// Fixed, own area.
    Local,
    /// Fixed, another area.
    National,
    /// Mobile.
    Mobile,
    /// Costs extra.
    Premium,
    /// Abroad.
    International,
    /// Not a number of the plan. Treated as the dearest there is.
    Unknown,
}

/// A number, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Number {
    /// What it is.
    pub kind: Kind,
    /// As dialled.
    pub dialled: String,
    /// In international form, `+551132345678`, where it has one.
    pub e164: Option<String>,
    /// Calling code of a number abroad.
    pub country: Option<String>,
}

impl Kind {
    /// The permission a call to it needs (F1); `None`: it always passes (F15).
    #[must_use]
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Emergency | Self::Service => None,
            Self::Private => Some(Class::Internal),
            Self::TollFree | Self::Collect | Self::Local => Some(Class::Local),
            Self::National => Some(Class::National),
            Self::Mobile => Some(Class::Mobile),
            Self::Premium => Some(Class::Premium),
            Self::International | Self::Unknown => Some(Class::International),
        }
    }
}

/// The plan of a country.
#[must_use]
pub const fn plan(country: Country) -> &'static NumberingPlan {
    match country {
        Country::Brazil => &brazil::PLAN,
        Country::Portugal => &portugal::PLAN,
    }
}

/// Whether a number must always pass, whatever else it could mean; also with the digit in front
/// that many sites dial for a line.
#[must_use]
pub fn emergency<'a>(dialling: &Dialling, dialled: &'a str) -> Option<&'a str> {
    let plan = plan(dialling.country);
    let known = |number: &str| {
        plan.emergency.contains(&number) || dialling.emergency_numbers.contains(number)
    };
    if known(dialled) {
        return Some(dialled);
    }
    dialled.strip_prefix('0').filter(|rest| known(rest))
}

/// Reads a number as somebody at the site dials it.
#[must_use]
pub fn read(dialling: &Dialling, dialled: &str) -> Number {
    let plan = plan(dialling.country);
    let number = |kind, e164: Option<String>| Number {
        kind,
        dialled: dialled.to_owned(),
        e164,
        country: None,
    };
    if let Some(emergency) = emergency(dialling, dialled) {
        return Number {
            dialled: emergency.to_owned(),
            ..number(Kind::Emergency, None)
        };
    }
    if let Some(digits) = dialled.strip_prefix('+') {
        return match digits.strip_prefix(plan.calling_code) {
            Some(rest) => Number {
                dialled: dialled.to_owned(),
                ..national(plan, dialling, rest, Some(dialled.to_owned()))
            },
            None => abroad(dialled, digits),
        };
    }
    for (rule, pattern) in rules(dialling.country) {
        if pattern.matches(dialled) {
            let e164 = international(plan, dialling, rule.reading, dialled);
            let kind = settled(rule.kind, dialling, plan, e164.as_deref());
            return number(kind, e164);
        }
    }
    if let Some(rest) = dialled.strip_prefix(plan.international_prefix) {
        let carrier = dialling.carrier.as_ref().map_or(0, |_| plan.carrier_length);
        let digits = rest.get(carrier..).unwrap_or_default();
        return match digits.strip_prefix(plan.calling_code) {
            Some(rest) => national(plan, dialling, rest, Some(format!("+{digits}"))),
            None => abroad(dialled, digits),
        };
    }
    let short = dialled.len() <= PRIVATE_LENGTH_MAX;
    number(if short { Kind::Private } else { Kind::Unknown }, None)
}

/// A number as a trunk wants it written.
#[must_use]
pub fn written(dialling: &Dialling, number: &Number, form: NumberForm) -> String {
    let as_dialled = || number.dialled.clone();
    let Some(e164) = &number.e164 else {
        return as_dialled();
    };
    match form {
        NumberForm::Dialled => as_dialled(),
        NumberForm::E164 => e164.clone(),
        NumberForm::E164Digits => e164.trim_start_matches('+').to_owned(),
        NumberForm::National => dialled_from(dialling, e164),
    }
}

/// An international number as one dials it at the site.
#[must_use]
pub fn dialled_from(dialling: &Dialling, e164: &str) -> String {
    let plan = plan(dialling.country);
    let digits = e164.trim_start_matches('+');
    let carrier = dialling.carrier.as_deref().unwrap_or_default();
    let Some(rest) = digits.strip_prefix(plan.calling_code) else {
        return format!("{}{carrier}{digits}", plan.international_prefix);
    };
    let area = dialling.area_code.as_deref();
    match area.and_then(|area| rest.strip_prefix(area)) {
        Some(subscriber) => subscriber.to_owned(),
        None if plan.areas.is_empty() => rest.to_owned(),
        None => format!("{}{carrier}{rest}", plan.trunk_prefix),
    }
}

/// The calling code in a beginning of an international number, given without its plus; `None` when
/// it is too short to say.
pub(crate) fn country(beginning: &str) -> Option<&str> {
    // A code is found in whole numbers only.
    let whole = format!("{beginning:0<8}");
    let code = world::calling_code(&whole)?;
    beginning.get(..code.len())
}

/// The patterns of a country that are of this kind, for what is asked about kinds as a whole.
pub(crate) fn patterns(country: Country, kind: Kind) -> impl Iterator<Item = &'static Pattern> {
    let of_kind = move |(rule, _): &&(&Rule, Pattern)| rule.kind == kind;
    rules(country).iter().filter(of_kind).map(|(_, it)| it)
}

/// A number of the country in the form that follows its calling code.
fn national(
    plan: &NumberingPlan,
    dialling: &Dialling,
    significant: &str,
    e164: Option<String>,
) -> Number {
    let dialled = format!("{}{significant}", plan.trunk_prefix);
    let fits = |(_, pattern): &&(&Rule, Pattern)| pattern.matches(&dialled);
    let rule = rules(dialling.country).iter().find(fits);
    let kind = rule.map_or(Kind::Unknown, |(rule, _)| rule.kind);
    Number {
        kind: settled(kind, dialling, plan, e164.as_deref()),
        dialled,
        e164,
        country: None,
    }
}

fn abroad(dialled: &str, digits: &str) -> Number {
    let country = world::calling_code(digits);
    let kind = match country {
        Some(_) => Kind::International,
        None => Kind::Unknown,
    };
    Number {
        kind,
        dialled: dialled.to_owned(),
        e164: country.map(|_| format!("+{digits}")),
        country: country.map(str::to_owned),
    }
}

/// A fixed number of another area that turns out to be of the own one is local.
fn settled(kind: Kind, dialling: &Dialling, plan: &NumberingPlan, e164: Option<&str>) -> Kind {
    let own = dialling.area_code.as_ref().map(|area| {
        let code = plan.calling_code;
        format!("+{code}{area}")
    });
    match (kind, own, e164) {
        (Kind::National, Some(own), Some(e164)) if e164.starts_with(&own) => Kind::Local,
        _ => kind,
    }
}

fn international(
    plan: &NumberingPlan,
    dialling: &Dialling,
    reading: Reading,
    dialled: &str,
) -> Option<String> {
    let (area, strip) = match reading {
        Reading::None => return None,
        Reading::Subscriber(strip) => (dialling.area_code.as_deref()?, strip),
        Reading::National(strip) => ("", strip),
    };
    let rest = dialled.get(strip..)?;
    Some(format!("+{}{area}{rest}", plan.calling_code))
}

/// The rules of a country with their patterns read, once.
fn rules(country: Country) -> &'static [(&'static Rule, Pattern)] {
    use std::sync::OnceLock;
    static BRAZIL: OnceLock<Vec<(&'static Rule, Pattern)>> = OnceLock::new();
    static PORTUGAL: OnceLock<Vec<(&'static Rule, Pattern)>> = OnceLock::new();
    let place = match country {
        Country::Brazil => &BRAZIL,
        Country::Portugal => &PORTUGAL,
    };
    place.get_or_init(|| expanded(plan(country)))
}

/// Each rule with its pattern; one with an area in it once for every area.
fn expanded(plan: &'static NumberingPlan) -> Vec<(&'static Rule, Pattern)> {
    let mut all = Vec::new();
    for rule in plan.rules {
        let areas = if rule.pattern.contains(AREA) {
            plan.areas
        } else {
            &[""]
        };
        for area in areas {
            let text = rule.pattern.replace(AREA, area);
            all.extend(Pattern::parse(&text).ok().map(|pattern| (rule, pattern)));
        }
    }
    all
}

/// Stands for an area code in a rule's pattern.
const AREA: char = 'A';
/// Longest number that can be one of another PBX rather than of the public network.
const PRIVATE_LENGTH_MAX: usize = 6;
