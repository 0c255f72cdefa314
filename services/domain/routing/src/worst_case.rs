//! What a stolen extension can cost (F16).

use std::collections::BTreeSet;

use config::{Class, Countries, Extension, Money, Price, Route, Site, Source};

use crate::admission::calls_max;
use crate::numbering::{self, Kind};
use crate::outbound::trunks_of;
use crate::warnings::{is_generic, reaches};

/// What somebody with an extension's password can do in a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorstCase {
    /// Calls to the outside at one time.
    pub calls: usize,
    /// Where they lead, the dearest first.
    pub minutes: Vec<Talk>,
    /// What that costs, hundredths of the country's currency.
    pub cents: u64,
    /// The cap of money that ends it earlier, hundredths: then no more than this is lost.
    pub cap_cents: Option<u64>,
    /// A route that takes any number or any caller is open to it (R64, R65).
    pub generic: bool,
}

/// Calls of one class, all day long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Talk {
    /// Which.
    pub class: Class,
    /// Minutes a day.
    pub minutes: u64,
    /// What the dearest of them costs a minute, hundredths.
    pub cents: u32,
}

impl WorstCase {
    /// What is lost in a day, hundredths.
    #[must_use]
    pub fn lost_cents(&self) -> u64 {
        self.cap_cents.map_or(self.cents, |cap| cap.min(self.cents))
    }
}

/// The worst a thief of this extension can do in a day: all its calls at once around the clock, on
/// the dearest numbers that its classes, its routes and the caps of the box let through.
#[must_use]
pub fn worst_case(site: &Site, extension: &Extension) -> WorstCase {
    let usable = |route: &&Route| route.enabled && serves(site, route, extension);
    let routes: Vec<&Route> = site.routes.iter().filter(usable).collect();
    by_routes(site, extension, &routes)
}

/// The worst that anybody's stolen extension can do in a day by one route alone, hundredths.
pub(crate) fn worst_by(site: &Site, route: &Route) -> u64 {
    let served = site.extensions.values();
    let served = served.filter(|extension| serves(site, route, extension));
    let lost = served.map(|extension| by_routes(site, extension, &[route]).lost_cents());
    lost.max().unwrap_or_default()
}

fn by_routes(site: &Site, extension: &Extension, routes: &[&Route]) -> WorstCase {
    let settings = &extension.settings;
    let calls = usize::from(settings.limits.concurrent).min(calls_max(site));
    let mut left = to_u64(calls) * DAY_MINUTES;
    // No more calls begin than the rate allows, and none lasts longer than it may.
    let mut begun = u64::from(settings.limits.per_hour) * 24;
    left = left.min(begun.saturating_mul(settings.duration_max.as_secs() / 60));
    let outside = settings.classes.iter();
    let outside = outside.filter(|class| **class != Class::Internal);
    let mut dearest: Vec<(Price, Class)> = outside
        .map(|class| (dearest_price(site, *class), *class))
        .collect();
    dearest.sort_by(|one, other| other.cmp(one));
    let mut minutes = Vec::new();
    let mut cents: u64 = 0;
    for (price, class) in dearest {
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
        let setup = u64::from(price.setup).saturating_mul(begun);
        if price.setup > 0 {
            begun = 0;
        }
        let time = possible.saturating_mul(price.minute.into());
        cents = cents.saturating_add(time).saturating_add(setup);
        minutes.push(Talk {
            class,
            minutes: possible,
            cents: price.minute,
        });
    }
    WorstCase {
        calls,
        minutes,
        cents,
        cap_cents: cap(site, extension, routes).map(Money::as_cents),
        generic: routes.iter().any(|route| {
            !trunks_of(route).is_empty() && (route.sources.is_empty() || is_generic(&route.pattern))
        }),
    }
}

/// The dearest number of a class that may be called.
fn dearest_price(site: &Site, class: Class) -> Price {
    let callable = |prefix: &str| {
        let digits = prefix.strip_prefix('+');
        let country = digits.and_then(numbering::country);
        class != Class::International
            || country.is_none_or(|country| site.dialling.may_call(country))
    };
    let prices = site.limits.tariffs.prices(class);
    let prices = prices.filter(|(prefix, _)| callable(prefix));
    prices.map(|(_, price)| *price).max().unwrap_or_default()
}

/// The caps of money on a day: the extension's, the box's, and those of the trunks when none of
/// those that its routes lead to is without.
fn cap(site: &Site, extension: &Extension, routes: &[&Route]) -> Option<Money> {
    let trunks: BTreeSet<&str> = routes.iter().flat_map(|route| trunks_of(route)).collect();
    let trunks = trunks.into_iter().filter_map(|name| site.trunk(name));
    let mut of_trunks = Some(Money(0));
    for trunk in trunks.filter(|trunk| trunk.enabled) {
        let cap = trunk.spend.of_day();
        of_trunks = of_trunks
            .zip(cap)
            .map(|(sum, cap)| Money(sum.0.saturating_add(cap.0)));
    }
    let own = extension.settings.spend.of_day();
    let caps = [own, site.limits.spend.of_day(), of_trunks];
    caps.into_iter().flatten().min()
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
