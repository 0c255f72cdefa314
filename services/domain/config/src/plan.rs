//! Numbering plans: what numbers mean in a country. Those the box comes with are values like any
//! that a site brings along, and pass the same checks.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use ipc::site::{Country, NumberKind, NumberReading, NumberRule, NumberingPlan as RawPlan};

use crate::pattern::{Pattern, is_dialled};
use crate::wrong::{Report, Wrong};

mod brazil;
mod portugal;

/// Most rules of a plan, and most when each rule with an area is there once for every area: each
/// number that is dialled may be held against all of them.
const RULES_MAX: usize = 300;
const EXPANDED_MAX: usize = 5_000;
/// Most area codes; no country has more that are worth listing.
const AREAS_MAX: usize = 1_000;
/// Most emergency numbers, and most public services.
const NUMBERS_MAX: usize = 50;
/// Longest prefix, calling code apart.
const PREFIX_LENGTH_MAX: usize = 5;
/// Stands for an area code in a rule's pattern.
const AREA: char = 'A';

/// What one country dials.
#[derive(Clone, PartialEq, Eq)]
pub struct NumberingPlan {
    /// As it was written, of which the rest is made.
    written: RawPlan,
    emergency: BTreeSet<String>,
    services: BTreeSet<String>,
    areas: BTreeSet<String>,
    shapes: Vec<Shape>,
}

/// One shape of number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Which numbers have it.
    pub pattern: Pattern,
    /// What they are.
    pub kind: NumberKind,
    /// How their international form is made.
    pub form: NumberReading,
    /// So many signs in front are no part of it.
    pub strip: usize,
}

impl NumberingPlan {
    /// The plan of a country that the box comes with.
    ///
    /// # Panics
    /// Never: a test reads every one.
    #[must_use]
    pub fn of(country: Country) -> &'static Self {
        static BRAZIL: OnceLock<NumberingPlan> = OnceLock::new();
        static PORTUGAL: OnceLock<NumberingPlan> = OnceLock::new();
        match country {
            Country::Brazil => BRAZIL.get_or_init(|| Self::built_in(&brazil::plan())),
            Country::Portugal => PORTUGAL.get_or_init(|| Self::built_in(&portugal::plan())),
        }
    }

    fn built_in(written: &RawPlan) -> Self {
        let mut faults = Vec::new();
        let plan = Self::parse(written, &mut Report::new("plan".into(), &mut faults));
        debug_assert!(faults.is_empty(), "{faults:?}");
        plan
    }

    /// What is written before an amount of money.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.written.currency
    }

    /// The calling code, without the plus.
    #[must_use]
    pub fn calling_code(&self) -> &str {
        &self.written.calling_code
    }

    /// Dialled before a number of another area; empty where there is none.
    #[must_use]
    pub fn trunk_prefix(&self) -> &str {
        &self.written.trunk_prefix
    }

    /// Dialled before a number abroad.
    #[must_use]
    pub fn international_prefix(&self) -> &str {
        &self.written.international_prefix
    }

    /// Signs of a carrier's code after either prefix; 0 where callers choose no carrier.
    #[must_use]
    pub fn carrier_length(&self) -> usize {
        self.written.carrier_length.into()
    }

    /// What many sites dial for a line; may be empty.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.written.line
    }

    /// Whether a number is an emergency number of the country.
    #[must_use]
    pub fn is_emergency(&self, number: &str) -> bool {
        self.emergency.contains(number)
    }

    /// Whether people may have to dial a number in need, so that no extension should have it.
    #[must_use]
    pub fn is_service(&self, number: &str) -> bool {
        self.services.contains(number)
    }

    /// The area codes there are; empty: none.
    #[must_use]
    pub const fn areas(&self) -> &BTreeSet<String> {
        &self.areas
    }

    /// Whether numbers of the own area are dialled without it.
    #[must_use]
    pub fn knows_own_area(&self) -> bool {
        let mut shapes = self.shapes.iter();
        shapes.any(|shape| shape.form == NumberReading::Subscriber)
    }

    /// What numbers look like, in the order they are asked; a rule with an area in it is there
    /// once for every area.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    pub(crate) fn parse(raw: &RawPlan, report: &mut Report<'_>) -> Self {
        report.text("plan.currency", &raw.currency, PREFIX_LENGTH_MAX);
        let code = |text: &str| digits(text, 3).filter(|code| !code.starts_with('0'));
        report.take(
            "plan.calling_code",
            &raw.calling_code,
            code,
            Wrong::NotACallingCode,
        );
        let prefix = |text: &str| digits(text, PREFIX_LENGTH_MAX);
        let trunk = &raw.trunk_prefix;
        report.take_any("plan.trunk_prefix", trunk, prefix, Wrong::NotDialled);
        let abroad = &raw.international_prefix;
        report.take(
            "plan.international_prefix",
            abroad,
            prefix,
            Wrong::NotDialled,
        );
        report.take_any("plan.line", &raw.line, prefix, Wrong::NotDialled);
        report.range("plan.carrier_length", raw.carrier_length, 0, 5);
        let number = |text: &str| is_dialled(text).then(|| text.to_owned());
        let listed = |field, texts: &[String], report: &mut Report<'_>| {
            let all = report.take_all(field, texts, NUMBERS_MAX, number, Wrong::NotDialled);
            all.into_iter().collect()
        };
        // A plan that forgets them would let a full trunk or a spent purse stop them.
        if raw.emergency.is_empty() {
            report.wrong("plan.emergency", Wrong::Missing);
        }
        let areas = report.take_all(
            "plan.areas",
            &raw.areas,
            AREAS_MAX,
            prefix,
            Wrong::NotDialled,
        );
        Self {
            emergency: listed("plan.emergency", &raw.emergency, report),
            services: listed("plan.services", &raw.services, report),
            shapes: shapes(raw, &areas, report),
            areas: areas.into_iter().collect(),
            written: raw.clone(),
        }
    }

    pub(crate) fn to_ipc(&self) -> RawPlan {
        self.written.clone()
    }
}

impl std::fmt::Debug for NumberingPlan {
    /// As it was written: what a rule with an area becomes would fill pages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.written.fmt(f)
    }
}

/// Every rule with its pattern read; one with an area in it once for every area.
fn shapes(raw: &RawPlan, areas: &[String], report: &mut Report<'_>) -> Vec<Shape> {
    if raw.rules.is_empty() {
        report.wrong("plan.rules", Wrong::Missing);
    }
    let per_area = |rule: &&NumberRule| rule.pattern.contains(AREA);
    let with_area = raw.rules.iter().filter(per_area).count();
    if raw.rules.len() > RULES_MAX {
        report.wrong("plan.rules", Wrong::TooMany(RULES_MAX));
        return Vec::new();
    }
    if with_area.saturating_mul(areas.len()) > EXPANDED_MAX {
        report.wrong(
            "plan.areas",
            Wrong::TooMany(EXPANDED_MAX / with_area.max(1)),
        );
        return Vec::new();
    }
    let mut all = Vec::new();
    for rule in &raw.rules {
        check(rule, raw, report);
        let none = [String::new()];
        let areas = if per_area(&rule) { areas } else { &none };
        for area in areas {
            match Pattern::parse(&rule.pattern.replace(AREA, area)) {
                Ok(pattern) => all.push(Shape {
                    pattern,
                    kind: rule.kind,
                    form: rule.form,
                    strip: rule.strip.into(),
                }),
                Err(fault) => {
                    let text = rule.pattern.clone();
                    report.wrong("plan.rules.pattern", Wrong::Pattern { text, fault });
                    break;
                }
            }
        }
    }
    all
}

/// What is wrong with a rule besides the grammar of its pattern.
fn check(rule: &NumberRule, plan: &RawPlan, report: &mut Report<'_>) {
    let pattern = || rule.pattern.clone();
    match rule.kind {
        NumberKind::Emergency => report.wrong("plan.rules.kind", Wrong::EmergencyRule(pattern())),
        NumberKind::Unknown => report.wrong("plan.rules.kind", Wrong::UnknownRule(pattern())),
        NumberKind::Service
        | NumberKind::Private
        | NumberKind::TollFree
        | NumberKind::Collect
        | NumberKind::Local
        | NumberKind::National
        | NumberKind::Mobile
        | NumberKind::Premium
        | NumberKind::International => {}
    }
    if rule.pattern.contains(AREA) && plan.areas.is_empty() {
        report.wrong("plan.areas", Wrong::NoAreas(pattern()));
    }
    let places = rule.pattern.replace(AREA, "0");
    let places = Pattern::parse(&places).map_or(usize::MAX, |it| it.length_min());
    if rule.form != NumberReading::None && usize::from(rule.strip) >= places {
        let to = u64::try_from(places.saturating_sub(1)).unwrap_or_default();
        let value = rule.strip.into();
        report.wrong("plan.rules.strip", Wrong::Range { value, from: 0, to });
    }
    let prefix = &plan.trunk_prefix;
    let prefixed = !prefix.is_empty() && rule.pattern.starts_with(prefix.as_str());
    if rule.form == NumberReading::National && prefixed && usize::from(rule.strip) < prefix.len() {
        report.wrong("plan.rules.strip", Wrong::KeepsPrefix(pattern()));
    }
}

fn digits(text: &str, max: usize) -> Option<String> {
    let digital = text.bytes().all(|byte| byte.is_ascii_digit());
    ((1..=max).contains(&text.len()) && digital).then(|| text.to_owned())
}

fn rule(pattern: &str, kind: NumberKind, form: NumberReading, strip: u8) -> NumberRule {
    NumberRule {
        pattern: pattern.to_owned(),
        kind,
        form,
        strip,
    }
}

/// A number without an international form.
fn short(pattern: &str, kind: NumberKind) -> NumberRule {
    rule(pattern, kind, NumberReading::None, 0)
}

/// A number of the own area.
fn subscriber(pattern: &str, kind: NumberKind, strip: u8) -> NumberRule {
    rule(pattern, kind, NumberReading::Subscriber, strip)
}

/// A number with its area, or of a country without areas.
fn national(pattern: &str, kind: NumberKind, strip: u8) -> NumberRule {
    rule(pattern, kind, NumberReading::National, strip)
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(raw: &RawPlan) -> Vec<String> {
        let mut faults = Vec::new();
        NumberingPlan::parse(raw, &mut Report::new("dialling".into(), &mut faults));
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_plans_of_the_box_pass_the_checks_of_any_other() {
        for raw in [brazil::plan(), portugal::plan()] {
            assert_eq!(faults(&raw), Vec::<String>::new(), "{}", raw.calling_code);
        }
        assert_eq!(NumberingPlan::of(Country::Brazil).calling_code(), "55");
        assert_eq!(
            NumberingPlan::of(Country::Portugal).to_ipc(),
            portugal::plan()
        );
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_told_with_its_field() {
        let check = |change: fn(&mut RawPlan), expected: &str| {
            let mut raw = portugal::plan();
            change(&mut raw);
            let told = faults(&raw);
            let [one] = told.as_slice() else {
                panic!("{expected}: {told:?}")
            };
            assert!(one.contains(expected), "{one}");
        };
        check(|it| it.calling_code = "+44".into(), "plan.calling_code");
        check(|it| it.calling_code.clear(), "plan.calling_code");
        check(|it| it.trunk_prefix = "x".into(), "plan.trunk_prefix");
        check(
            |it| it.international_prefix.clear(),
            "plan.international_prefix",
        );
        check(|it| it.line = "*".into(), "plan.line");
        check(|it| it.emergency.clear(), "plan.emergency: must be given");
        check(|it| it.services = texts(&["9 9"]), "plan.services");
        check(|it| it.areas = vec!["1".into(); 1_001], "plan.areas");
        check(|it| it.rules.clear(), "plan.rules: must be given");
        check(
            |it| it.rules = vec![short("12", NumberKind::Service); 301],
            "plan.rules",
        );
        check(|it| it.rules[0].pattern = "1Y".into(), "plan.rules.pattern");
        check(
            |it| it.rules[0].kind = NumberKind::Emergency,
            "plan.emergency",
        );
        check(
            |it| it.rules[0].kind = NumberKind::Unknown,
            "plan.rules.kind",
        );
        check(|it| it.rules[0].pattern = "A12".into(), "plan.areas");
        check(|it| it.rules[5].strip = 9, "plan.rules.strip");
        check(
            |it| {
                it.trunk_prefix = "2".into();
            },
            "plan.rules.strip",
        );
    }

    #[test]
    fn areas_multiply_rules_no_further_than_the_box_can_ask() {
        let mut raw = portugal::plan();
        raw.areas = (1_000..2_000).map(|area| area.to_string()).collect();
        raw.rules = vec![national("A12", NumberKind::Local, 0); 6];
        assert_eq!(faults(&raw).len(), 1);
        raw.rules.truncate(5);
        assert_eq!(faults(&raw), Vec::<String>::new());
    }
}
