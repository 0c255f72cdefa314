//! What a dialled number is in a country: data, and one function that reads it.
//!
//! A country is a table of patterns in the order they are asked ([`NumberingPlan`]), which the box
//! comes with or the site brings along.

use config::{Dialling, NumberForm, NumberReading, NumberingPlan, Pattern, Shape};

pub use config::NumberKind as Kind;

mod world;

#[cfg(test)]
mod tests;

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

/// Whether a number must always pass, whatever else it could mean; also with the digit in front
/// that many sites dial for a line.
#[must_use]
pub fn emergency<'a>(dialling: &Dialling, dialled: &'a str) -> Option<&'a str> {
    let plan = dialling.plan();
    let known =
        |number: &str| plan.is_emergency(number) || dialling.emergency_numbers.contains(number);
    if known(dialled) {
        return Some(dialled);
    }
    let line = Some(plan.line()).filter(|line| !line.is_empty())?;
    dialled.strip_prefix(line).filter(|rest| known(rest))
}

/// Reads a number as somebody at the site dials it.
#[must_use]
pub fn read(dialling: &Dialling, dialled: &str) -> Number {
    let plan = dialling.plan();
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
        return match digits.strip_prefix(plan.calling_code()) {
            Some(rest) => Number {
                dialled: dialled.to_owned(),
                ..national(plan, dialling, rest, Some(dialled.to_owned()))
            },
            None => abroad(dialled, digits),
        };
    }
    if let Some(shape) = shape(plan, dialled) {
        let e164 = international(plan, dialling, shape, dialled);
        let kind = settled(shape.kind, dialling, plan, e164.as_deref());
        return Number {
            country: abroad_of(kind, e164.as_deref()),
            ..number(kind, e164)
        };
    }
    if let Some(rest) = dialled.strip_prefix(plan.international_prefix()) {
        let carrier = dialling
            .carrier
            .as_ref()
            .map_or(0, |_| plan.carrier_length());
        let digits = rest.get(carrier..).unwrap_or_default();
        return match digits.strip_prefix(plan.calling_code()) {
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
    let plan = dialling.plan();
    let digits = e164.trim_start_matches('+');
    let carrier = dialling.carrier.as_deref();
    let carrier = carrier.filter(|_| plan.carrier_length() > 0);
    let carrier = carrier.unwrap_or_default();
    let Some(rest) = digits.strip_prefix(plan.calling_code()) else {
        return format!("{}{carrier}{digits}", plan.international_prefix());
    };
    let area = dialling.area_code.as_deref();
    let area = area.filter(|_| plan.knows_own_area());
    match area.and_then(|area| rest.strip_prefix(area)) {
        Some(subscriber) => subscriber.to_owned(),
        None => format!("{}{carrier}{rest}", plan.trunk_prefix()),
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
pub(crate) fn patterns(dialling: &Dialling, kind: Kind) -> impl Iterator<Item = &Pattern> {
    let shapes = dialling.plan().shapes().iter();
    let of_kind = shapes.filter(move |shape| shape.kind == kind);
    of_kind.map(|shape| &shape.pattern)
}

/// The first shape of a plan that a number has.
fn shape<'a>(plan: &'a NumberingPlan, dialled: &str) -> Option<&'a Shape> {
    let mut shapes = plan.shapes().iter();
    shapes.find(|shape| shape.pattern.matches(dialled))
}

/// Calling code of a number that a rule of the plan holds to be abroad, as the islands of +1 are.
fn abroad_of(kind: Kind, e164: Option<&str>) -> Option<String> {
    let digits = e164?.strip_prefix('+')?;
    let code = world::calling_code(digits).filter(|_| kind == Kind::International);
    code.map(str::to_owned)
}

/// A number of the country in the form that follows its calling code.
fn national(
    plan: &NumberingPlan,
    dialling: &Dialling,
    significant: &str,
    e164: Option<String>,
) -> Number {
    let dialled = format!("{}{significant}", plan.trunk_prefix());
    let kind = shape(plan, &dialled).map_or(Kind::Unknown, |shape| shape.kind);
    let kind = settled(kind, dialling, plan, e164.as_deref());
    Number {
        kind,
        dialled,
        country: abroad_of(kind, e164.as_deref()),
        e164,
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
        let code = plan.calling_code();
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
    shape: &Shape,
    dialled: &str,
) -> Option<String> {
    let area = match shape.form {
        NumberReading::None => return None,
        NumberReading::Subscriber => dialling.area_code.as_deref()?,
        NumberReading::National => "",
    };
    let rest = dialled.get(shape.strip..)?;
    Some(format!("+{}{area}{rest}", plan.calling_code()))
}

/// Longest number that can be one of another PBX rather than of the public network.
const PRIVATE_LENGTH_MAX: usize = 6;
