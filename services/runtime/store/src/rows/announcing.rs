//! What plays a prompt, as rows that an older firmware reads too (decision 0008): it would take a
//! destination it does not know for damage of the whole database.
//!
//! Lists with an announcement in them are kept twice: whole, in a field that an older firmware does
//! not know, and without their announcements for that firmware. It may write that field back as it
//! was while it changes the lists, so the field counts only as long as it says the same as they do.

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

    /// All of it; `None` where these lists were changed by a firmware that knows no announcements:
    /// what they say is what somebody wanted last.
    pub(super) fn parts(
        self,
        groups: &[Group],
        routes: &[Route],
        parking: &Parking,
    ) -> Option<(Vec<Group>, Vec<Route>, Parking)> {
        let is_same = self
            .groups
            .iter()
            .map(silent_group)
            .eq(groups.iter().cloned())
            && self
                .routes
                .iter()
                .map(silent_route)
                .eq(routes.iter().cloned())
            && silent_parking(&self.parking) == *parking;
        is_same.then_some((self.groups, self.routes, self.parking))
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
    use serde_json::json;

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

    /// What an older firmware, which keeps fields it does not know, leaves of a row when it makes
    /// such a change.
    fn changed_there(site: &Site, change: impl Fn(&mut serde_json::Value)) -> Site {
        let bytes = encode(&SiteRow::from(site)).expect("a row");
        let written: serde_json::Value = decode(&bytes).expect("JSON");
        let mut known = written.clone();
        let telephony = known["telephony"].as_object_mut().expect("fields");
        for unknown in ["announcing", "prompts"] {
            assert!(telephony.remove(unknown).is_some(), "{unknown}");
        }
        let mut next = known.clone();
        change(&mut next);
        crate::carried::carry(&written, &known, &mut next);
        assert!(next["telephony"].get("announcing").is_some(), "carried");
        let row: SiteRow = serde_json::from_value(next).expect("a row");
        Site::from(row)
    }

    #[test]
    fn what_an_older_firmware_has_changed_is_not_undone_by_what_it_carried() {
        let site = announced();
        let change = |row: &mut serde_json::Value| row["realm"] = "other".into();
        let other = changed_there(&site, change);
        assert_eq!(other.routes, site.routes, "nothing of it was changed");
        assert_eq!(
            (&other.groups, &other.parking),
            (&site.groups, &site.parking)
        );
        let barred = changed_there(&site, |row| row["telephony"]["routes"] = json!([]));
        assert_eq!(barred.routes, []);
        assert_eq!(barred.groups[0].otherwise, None);
        assert_eq!(barred.prompts, site.prompts);
        let without = changed_there(&site, |row| {
            row["telephony"]["groups"][0]["number"] = json!("601");
        });
        assert_eq!(without.groups[0].number, "601");
        assert_eq!(without.routes[0].destinations, [NOBODY_THERE]);
        let moved = changed_there(&site, |row| {
            row["telephony"]["parking"]["first"] = json!(711);
        });
        assert_eq!(moved.parking.first, 711);
    }
}
