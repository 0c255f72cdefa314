//! What plays a prompt, as rows that an older firmware reads too (decision 0008): it would take a
//! destination it does not know for damage of the whole database.
//!
//! Lists with an announcement in them are kept twice: whole, in a field that an older firmware
//! passes over and does not write back, and without their announcements for that firmware.

use ipc::site::{Destination, Group, Parking, Route, Site};
use serde::{Deserialize, Serialize};

/// What an older firmware does in the place of an announcement that is all there is.
const NOBODY_THERE: Destination = Destination::HangUp(480);

/// Everything that leads to destinations, whole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AnnouncingRow {
    groups: Vec<Group>,
    routes: Vec<Route>,
    parking: Parking,
}

impl AnnouncingRow {
    /// That of a site; `None` when nothing in it is an announcement.
    pub(super) fn of(site: &Site) -> Option<Self> {
        let groups = site.groups.iter().filter_map(|it| it.otherwise.as_ref());
        let routes = site.routes.iter().flat_map(|it| &it.destinations);
        let mut all = groups.chain(routes).chain(&site.parking.otherwise);
        all.any(|it| !is_silent(it)).then(|| Self {
            groups: site.groups.clone(),
            routes: site.routes.clone(),
            parking: site.parking.clone(),
        })
    }

    pub(super) fn parts(self) -> (Vec<Group>, Vec<Route>, Parking) {
        (self.groups, self.routes, self.parking)
    }
}

pub(super) fn silent_group(group: &Group) -> Group {
    Group {
        otherwise: group.otherwise.clone().filter(is_silent),
        ..group.clone()
    }
}

pub(super) fn silent_parking(parking: &Parking) -> Parking {
    Parking {
        otherwise: parking.otherwise.clone().filter(is_silent),
        ..parking.clone()
    }
}

pub(super) fn silent_route(route: &Route) -> Route {
    let mut silent = route.clone();
    silent.destinations.retain(is_silent);
    if silent.destinations.is_empty() && !route.destinations.is_empty() {
        silent.destinations.push(NOBODY_THERE);
    }
    silent
}

const fn is_silent(destination: &Destination) -> bool {
    !matches!(destination, Destination::Announcement(_))
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    fn announced() -> Site {
        let mut site = config::Site::factory("ramal").to_ipc();
        site.prompts.push(site::Prompt {
            name: "closed".into(),
            says: "We are closed.".into(),
        });
        let closed = || Destination::Announcement("closed".into());
        let route = |name: &str, destinations| Route {
            name: name.into(),
            pattern: "!".into(),
            destinations,
            ..Route::default()
        };
        site.routes = vec![
            route("night", vec![closed()]),
            route("day", vec![closed(), Destination::Park]),
        ];
        site.groups.push(Group {
            number: "600".into(),
            otherwise: Some(closed()),
            ..Group::default()
        });
        site.parking.otherwise = Some(closed());
        site
    }

    #[test]
    fn announcements_survive_the_disk() {
        let site = announced();
        let bytes = encode(&SiteRow::from(&site)).expect("a row");
        let row: SiteRow = decode(&bytes).expect("the same row");
        assert_eq!(Site::from(row), site);
        assert!(config::Site::parse(&site).is_ok());
        let mut without = site;
        without.routes.clear();
        without.groups.clear();
        without.parking.otherwise = None;
        assert_eq!(AnnouncingRow::of(&without), None);
    }

    #[test]
    fn an_older_firmware_finds_a_site_without_them_that_it_can_read() {
        let bytes = encode(&SiteRow::from(&announced())).expect("a row");
        let mut row: serde_json::Value = decode(&bytes).expect("JSON");
        // It passes over fields it does not know.
        let telephony = row["telephony"].as_object_mut().expect("fields");
        for unknown in ["announcing", "prompts"] {
            assert!(telephony.remove(unknown).is_some(), "{unknown}");
        }
        assert!(!row.to_string().contains("announcement"), "{row}");
        let row: SiteRow = serde_json::from_value(row).expect("a row");
        let site = Site::from(row);
        assert_eq!(site.routes[0].destinations, [NOBODY_THERE]);
        assert_eq!(site.routes[1].destinations, [Destination::Park]);
        assert_eq!(site.groups[0].otherwise, None);
        assert!(config::Site::parse(&site).is_ok());
    }
}
