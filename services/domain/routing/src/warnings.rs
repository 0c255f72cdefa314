//! What is dangerous about a site, or does not do what its owner thinks.

use config::{
    Access, Class, Countries, Network, Number, NumberingPlan, OfficeHours, Pattern, Route, Site,
    Source,
};

use crate::numbering::{self, Kind};
use crate::outbound::trunks_of;
use crate::worst_case::worst_by;

/// Something to look at. The site works all the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Warning {
    /// Anybody may use a route that leads outside (R64).
    AnySource {
        /// The route.
        route: String,
        /// What a thief of an extension can spend in a day by it alone, hundredths (F16).
        cents: u64,
    },
    /// A route that leads outside takes any number (R64).
    AnyNumber {
        /// The route.
        route: String,
        /// Its pattern.
        pattern: String,
        /// What a thief of an extension can spend in a day by it alone, hundredths (F16).
        cents: u64,
    },
    /// A route that leads outside takes numbers of any length (R65).
    OpenPattern {
        /// The route.
        route: String,
        /// Its pattern.
        pattern: String,
        /// What a thief of an extension can spend in a day by it alone, hundredths (F16).
        cents: u64,
    },
    /// A route never takes a call: an earlier one takes all of its numbers.
    NeverTaken {
        /// The route.
        route: String,
        /// The earlier one.
        by: String,
    },
    /// A route never takes a call: an extension or group has just this number.
    TakenInside {
        /// The route.
        route: String,
        /// The number.
        number: String,
    },
    /// A route lets calls of one trunk out by another (F11).
    TrunkToTrunk {
        /// The route.
        route: String,
    },
    /// Emergency calls cannot leave: there is no enabled trunk.
    NoEmergencyTrunk,
    /// An extension or group cannot be called: its number is an emergency number.
    EmergencyFirst {
        /// Its number.
        number: Number,
    },
    /// An emergency or public service number cannot be called: an extension or group has it.
    ServiceTaken {
        /// The number.
        number: Number,
    },
    /// The area code is not given, so local numbers have no international form.
    NoAreaCode,
    /// The country has no such area code.
    UnknownAreaCode {
        /// As given.
        area: String,
    },
    /// Every country of the world may be called (F2).
    EveryCountry,
    /// Extensions may call abroad at any hour (F6).
    AbroadAtNight {
        /// How many extensions may call abroad.
        extensions: usize,
    },
    /// Calls have no number of the site to show: carriers refuse them or show another (F12).
    NoOwnNumber,
    /// A trunk is at an address of the grid: its calls go through the tunnel.
    TrunkInGrid {
        /// The trunk.
        trunk: String,
        /// Which network of the grid.
        network: Network,
    },
}

impl Warning {
    /// Whether a thief profits from it: it costs money that nobody here spends.
    #[must_use]
    pub const fn helps_thieves(&self) -> bool {
        match self {
            Self::AnySource { .. }
            | Self::AnyNumber { .. }
            | Self::OpenPattern { .. }
            | Self::TrunkToTrunk { .. }
            | Self::EveryCountry
            | Self::AbroadAtNight { .. } => true,
            Self::NeverTaken { .. }
            | Self::TakenInside { .. }
            | Self::NoEmergencyTrunk
            | Self::EmergencyFirst { .. }
            | Self::ServiceTaken { .. }
            | Self::NoAreaCode
            | Self::UnknownAreaCode { .. }
            | Self::NoOwnNumber
            | Self::TrunkInGrid { .. } => false,
        }
    }
}

/// Everything there is to say about a site.
#[must_use]
pub fn warnings(site: &Site) -> Vec<Warning> {
    let mut found = Vec::new();
    let enabled: Vec<&Route> = site.routes.iter().filter(|route| route.enabled).collect();
    for (place, route) in enabled.iter().enumerate() {
        about_route(site, route, &mut found);
        let earlier = enabled.iter().take(place);
        if let Some(by) = earlier.into_iter().find(|by| takes_all(by, route)) {
            found.push(Warning::NeverTaken {
                route: route.name.clone(),
                by: by.name.clone(),
            });
        }
        let from_trunks = |source: &Source| matches!(source, Source::Trunks | Source::Trunk(_));
        let inside = route.sources.is_empty() || !route.sources.iter().all(from_trunks);
        if let Some(number) = route
            .pattern
            .exact()
            .filter(|number| inside && is_ours(site, number))
        {
            found.push(Warning::TakenInside {
                route: route.name.clone(),
                number,
            });
        }
    }
    about_numbers(site, &mut found);
    about_dialling(site, &mut found);
    about_trunks(site, &mut found);
    found
}

/// A grid may name networks of the Internet too, and what they hold is then asked through its
/// tunnel, a carrier among them: the grid's operator hears those calls.
fn about_trunks(site: &Site, found: &mut Vec<Warning>) {
    for trunk in site.trunks.iter().filter(|trunk| trunk.enabled) {
        let hosts = trunk.outbound_proxy.iter().chain([trunk.server()]);
        let mut places: Vec<Network> = hosts
            .filter_map(|it| it.address().map(Network::of))
            .collect();
        if let Access::Peer { networks, .. } = &trunk.access {
            places.extend(networks);
        }
        let is_there = |grid: &&Network| places.iter().any(|it| it.overlaps(grid));
        if let Some(network) = site.networks.grid.iter().find(is_there) {
            found.push(Warning::TrunkInGrid {
                trunk: trunk.name.clone(),
                network: *network,
            });
        }
    }
}

fn about_route(site: &Site, route: &Route, found: &mut Vec<Warning>) {
    if trunks_of(route).is_empty() {
        return;
    }
    let name = || route.name.clone();
    let pattern = || route.pattern.to_string();
    if route.sources.is_empty() {
        found.push(Warning::AnySource {
            route: name(),
            cents: worst_by(site, route),
        });
    }
    let for_trunks = |source: &Source| matches!(source, Source::Trunks | Source::Trunk(_));
    if route.sources.iter().any(for_trunks) {
        found.push(Warning::TrunkToTrunk { route: name() });
    }
    if is_generic(&route.pattern) {
        found.push(Warning::AnyNumber {
            route: name(),
            pattern: pattern(),
            cents: worst_by(site, route),
        });
    } else if route.pattern.is_open() {
        found.push(Warning::OpenPattern {
            route: name(),
            pattern: pattern(),
            cents: worst_by(site, route),
        });
    }
}

/// It takes numbers of any length, and at most one digit in front says which: that is a digit for
/// a line, not a kind of number.
pub(crate) fn is_generic(pattern: &Pattern) -> bool {
    pattern.is_open() && pattern.fixed().len() < 2
}

/// Whether a route takes every call that a later one could.
fn takes_all(earlier: &Route, later: &Route) -> bool {
    let anybody = earlier.sources.is_empty();
    let covers = |source: &Source| {
        let wide = match source {
            Source::Extension(_) | Source::Group(_) => Source::Extensions,
            Source::Trunk(_) => Source::Trunks,
            Source::Extensions | Source::Trunks => source.clone(),
        };
        earlier.sources.contains(source) || earlier.sources.contains(&wide)
    };
    let sources = anybody || (!later.sources.is_empty() && later.sources.iter().all(covers));
    let times = earlier.times.is_none() || earlier.times == later.times;
    sources && times && earlier.pattern.covers(&later.pattern)
}

fn is_ours(site: &Site, number: &str) -> bool {
    site.extensions.contains_key(number) || site.groups.contains_key(number)
}

fn about_numbers(site: &Site, found: &mut Vec<Warning>) {
    let dialling = &site.dialling;
    for number in site.extensions.keys().chain(site.groups.keys()) {
        if numbering::emergency(dialling, number.as_str()).is_some() {
            let number = number.clone();
            found.push(Warning::EmergencyFirst { number });
        } else if dialling.plan().is_service(number.as_str()) {
            let number = number.clone();
            found.push(Warning::ServiceTaken { number });
        }
    }
}

fn about_dialling(site: &Site, found: &mut Vec<Warning>) {
    let dialling = &site.dialling;
    let plan = dialling.plan();
    let outside = site.trunks.iter().any(|trunk| trunk.enabled);
    if !outside {
        found.push(Warning::NoEmergencyTrunk);
    }
    match &dialling.area_code {
        Some(area) if !knows_area(plan, area) => {
            let area = area.clone();
            found.push(Warning::UnknownAreaCode { area });
        }
        None if outside && plan.knows_own_area() => found.push(Warning::NoAreaCode),
        Some(_) | None => {}
    }
    if outside && dialling.owned_numbers.is_empty() {
        found.push(Warning::NoOwnNumber);
    }
    if dialling.countries == Countries::All {
        found.push(Warning::EveryCountry);
    }
    let abroad = site.extensions.values();
    let abroad = abroad.filter(|it| it.settings.classes.contains(&Class::International));
    let extensions = abroad.count();
    if extensions > 0 && site.limits.office_hours == OfficeHours::Always {
        found.push(Warning::AbroadAtNight { extensions });
    }
}

/// Whether a country can have this area code, as far as its plan says.
fn knows_area(plan: &NumberingPlan, area: &str) -> bool {
    let listed = plan.areas();
    listed.contains(area) || (listed.is_empty() && plan.knows_own_area())
}

/// Whether a route could lead a number of this kind outside.
pub(crate) fn reaches(site: &Site, route: &Route, kind: Kind) -> bool {
    if !route.enabled || trunks_of(route).is_empty() {
        return false;
    }
    // What a route does to a number is not followed: it may lead anywhere.
    let changed = route.rewrite.strip > 0 || !route.rewrite.prefix.is_empty();
    let dialling = &site.dialling;
    let abroad = [dialling.plan().international_prefix(), "+"].map(|prefix| {
        let text = format!("{prefix}!");
        Pattern::parse(&text).is_ok_and(|pattern| pattern.overlaps(&route.pattern))
    });
    changed
        || match kind {
            Kind::International => abroad.contains(&true),
            Kind::Emergency
            | Kind::Service
            | Kind::Private
            | Kind::TollFree
            | Kind::Collect
            | Kind::Local
            | Kind::National
            | Kind::Mobile
            | Kind::Premium
            | Kind::Unknown => {
                numbering::patterns(dialling, kind).any(|it| it.overlaps(&route.pattern))
            }
        }
}

#[cfg(test)]
mod tests;
