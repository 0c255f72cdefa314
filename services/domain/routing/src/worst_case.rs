//! What a stolen extension can cost (F16).

use std::collections::BTreeSet;

use config::{Class, Countries, Extension, Route, Site, Source};

use crate::admission::calls_max;
use crate::numbering::Kind;
use crate::outbound::trunks_of;
use crate::warnings::{is_generic, reaches};

/// What somebody with an extension's password can do in a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorstCase {
    /// Calls to the outside at one time.
    pub calls: usize,
    /// Minutes a day by class, the dearest first.
    pub minutes: Vec<(Class, u64)>,
    /// What they cost, hundredths of the country's currency.
    pub cents: u64,
    /// A route that takes any number or any caller is open to it (R64, R65).
    pub generic: bool,
}

/// The worst a thief of this extension can do in a day: all its calls at once around the clock, on
/// the dearest numbers that its classes, its routes and the caps of the box let through.
#[must_use]
pub fn worst_case(site: &Site, extension: &Extension) -> WorstCase {
    let usable = |route: &&Route| route.enabled && serves(site, route, extension);
    let routes: Vec<&Route> = site.routes.iter().filter(usable).collect();
    let settings = &extension.settings;
    let calls = usize::from(settings.limits.concurrent).min(calls_max(site));
    let mut left = to_u64(calls) * DAY_MINUTES;
    // No more calls begin than the rate allows, and none lasts longer than it may.
    let begun = u64::from(settings.limits.per_hour) * 24;
    left = left.min(begun.saturating_mul(settings.duration_max.as_secs() / 60));
    let mut dearest: Vec<(u32, Class)> = settings
        .classes
        .iter()
        .filter(|class| **class != Class::Internal)
        .map(|class| {
            (
                site.limits.tariffs.get(class).copied().unwrap_or_default(),
                *class,
            )
        })
        .collect();
    dearest.sort_by(|one, other| other.cmp(one));
    let mut minutes = Vec::new();
    let mut cents: u64 = 0;
    for (tariff, class) in dearest {
        let reached = kinds(class)
            .iter()
            .any(|kind| routes.iter().any(|route| reaches(site, route, *kind)));
        let cap = site.limits.minutes_a_day.get(&class);
        let cap = cap.map_or(u64::MAX, |minutes| u64::from(*minutes));
        let lines = if class == Class::International {
            abroad(site)
        } else {
            u64::MAX
        };
        let possible = left.min(cap).min(lines.saturating_mul(DAY_MINUTES));
        if !reached || possible == 0 {
            continue;
        }
        left -= possible;
        cents = cents.saturating_add(possible.saturating_mul(tariff.into()));
        minutes.push((class, possible));
    }
    WorstCase {
        calls,
        minutes,
        cents,
        generic: routes.iter().any(|route| {
            !trunks_of(route).is_empty() && (route.sources.is_empty() || is_generic(&route.pattern))
        }),
    }
}

/// Calls abroad at one time.
fn abroad(site: &Site) -> u64 {
    match &site.dialling.countries {
        Countries::All => u64::MAX,
        Countries::Codes(codes) => {
            let codes: BTreeSet<_> = codes.iter().collect();
            to_u64(codes.len()) * to_u64(site.limits.per_country)
        }
    }
}

fn serves(site: &Site, route: &Route, extension: &Extension) -> bool {
    let is = |source: &Source| match source {
        Source::Extensions => true,
        Source::Extension(number) => *number == extension.number,
        Source::Group(number) => site
            .groups_of(extension.number.as_str())
            .any(|group| group.number == *number),
        Source::Trunks | Source::Trunk(_) => false,
    };
    route.sources.is_empty() || route.sources.iter().any(is)
}

const fn kinds(class: Class) -> &'static [Kind] {
    match class {
        Class::Internal => &[Kind::Private],
        Class::Local => &[Kind::Local, Kind::TollFree, Kind::Collect],
        Class::National => &[Kind::National],
        Class::Mobile => &[Kind::Mobile],
        Class::Premium => &[Kind::Premium],
        Class::International => &[Kind::International],
    }
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

const DAY_MINUTES: u64 = 24 * 60;

#[cfg(test)]
mod tests;
