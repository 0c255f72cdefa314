//! What is dangerous about the site, and where a person sees what it is about (R64 to R66, F16).

use config::{Countries, Site as CheckedSite};
use ipc::site::Site;
use routing::{Warning, WorstCase};

/// Everything dangerous, worked out once for each version of the site: it grows with extensions
/// times routes, and the status page asks every three seconds.
#[derive(Debug)]
pub(crate) struct Dangers {
    /// What the site pays in.
    pub(crate) currency: String,
    /// The countries that may be called.
    pub(crate) abroad: Countries,
    pub(crate) found: Vec<Danger>,
    /// What each extension can cost when it is stolen, the dearest first.
    pub(crate) worst: Vec<(String, WorstCase)>,
}

/// One warning.
#[derive(Debug)]
pub(crate) struct Danger {
    pub(crate) warning: Warning,
    pub(crate) about: Subject,
}

/// What a warning is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// The route at this place, with its name.
    Route(usize, String),
    /// This extension.
    Extension(String),
    /// Own numbers, countries, office hours.
    Dialling,
}

impl Dangers {
    /// `None` when the site does not hold, which no stored one does.
    pub(crate) fn of(raw: &Site) -> Option<Self> {
        let site = CheckedSite::parse(raw).ok()?;
        let found = routing::warnings(&site).into_iter().map(|warning| Danger {
            about: Subject::of(&warning, raw),
            warning,
        });
        let mut worst: Vec<(String, WorstCase)> = site
            .extensions
            .values()
            .map(|it| (it.number.to_string(), routing::worst_case(&site, it)))
            .collect();
        worst.sort_by_key(|(_, worst)| std::cmp::Reverse((worst.lost_cents(), worst.cents)));
        Some(Self {
            currency: site.dialling.plan().currency().to_owned(),
            abroad: site.dialling.countries.clone(),
            found: found.collect(),
            worst,
        })
    }

    /// Whether a thief profits from anything.
    pub(crate) fn helps_thieves(&self) -> bool {
        self.found.iter().any(|it| it.warning.helps_thieves())
    }

    /// The warnings about the route at this place.
    pub(crate) fn of_route(&self, place: usize) -> impl Iterator<Item = &Warning> {
        let about = move |it: &&Danger| matches!(it.about, Subject::Route(at, _) if at == place);
        self.found.iter().filter(about).map(|it| &it.warning)
    }

    /// The warnings about no route.
    pub(crate) fn of_numbers(&self) -> impl Iterator<Item = &Danger> {
        let about = |it: &&Danger| !matches!(it.about, Subject::Route(..));
        self.found.iter().filter(about)
    }
}

impl Subject {
    fn of(warning: &Warning, site: &Site) -> Self {
        match warning {
            Warning::AnySource { route, .. }
            | Warning::AnyNumber { route, .. }
            | Warning::OpenPattern { route, .. }
            | Warning::NeverTaken { route, .. }
            | Warning::TakenInside { route, .. }
            | Warning::TrunkToTrunk { route } => {
                let place = site.routes.iter().position(|it| it.name == *route);
                place.map_or(Self::Dialling, |place| Self::Route(place, route.clone()))
            }
            Warning::EmergencyFirst { number } | Warning::ServiceTaken { number } => {
                let number = number.as_str();
                let is_extension = site.extensions.iter().any(|it| it.number == number);
                // Groups have no page.
                match is_extension {
                    true => Self::Extension(number.to_owned()),
                    false => Self::Dialling,
                }
            }
            Warning::NoEmergencyTrunk
            | Warning::NoAreaCode
            | Warning::UnknownAreaCode { .. }
            | Warning::EveryCountry
            | Warning::AbroadAtNight { .. }
            | Warning::NoOwnNumber
            | Warning::TrunkInGrid { .. } => Self::Dialling,
        }
    }

    /// Where a person sees it.
    pub(crate) fn address(&self) -> String {
        match self {
            // By its place: a name may hold what an address cannot.
            Self::Route(place, _) => format!("/routes#{}", route_id(*place)),
            Self::Extension(number) => format!("/extensions#{}", extension_id(number)),
            Self::Dialling => "/routes#numbers".to_owned(),
        }
    }
}

/// The mark of a route on its page.
pub(crate) fn route_id(place: usize) -> String {
    format!("route-{}", place.saturating_add(1))
}

/// The mark of an extension on its page.
pub(crate) fn extension_id(number: &str) -> String {
    format!("extension-{number}")
}
