use ipc::site::{self, Source};

use super::*;
use crate::example::{extension, office, route};

fn check(change: impl FnOnce(&mut site::Site), expected: &[Warning]) {
    let mut raw = office();
    change(&mut raw);
    let site = Site::parse(&raw).expect("a valid office");
    assert_eq!(warnings(&site), expected);
}

fn number(text: &str) -> Number {
    Number::parse(text).expect("digits")
}

const ABROAD: Warning = Warning::AbroadAtNight { extensions: 1 };

#[test]
fn an_office_with_narrow_routes_is_told_of_its_open_ones_only() {
    let open = Warning::OpenPattern {
        route: "abroad".into(),
        pattern: "00XXXXXXXXXXX!".into(),
        cents: 20_000,
    };
    check(|_| {}, std::slice::from_ref(&open));
    check(|raw| raw.limits.office_hours = "*".into(), &[open, ABROAD]);
}

#[test]
fn generic_routes_are_told() {
    // R64, R65, R66.
    let carrier = [site::Destination::Trunk("Carrier A".into())];
    check(
        |raw| {
            let mut any = route("any", "0.", Source::Trunks, &carrier);
            any.sources.clear();
            raw.routes = vec![any, route("tie", "40XX.", Source::Trunks, &carrier)];
        },
        &[
            Warning::AnySource {
                route: "any".into(),
                cents: 20_000,
            },
            Warning::AnyNumber {
                route: "any".into(),
                pattern: "0.".into(),
                cents: 20_000,
            },
            Warning::TrunkToTrunk {
                route: "tie".into(),
            },
            Warning::OpenPattern {
                route: "tie".into(),
                pattern: "40XX.".into(),
                cents: 0,
            },
        ],
    );
}

#[test]
fn routes_that_never_take_a_call_are_told() {
    let hang_up = [site::Destination::HangUp(480)];
    check(
        |raw| {
            raw.routes = vec![
                route("wide", "3XXXXXXX", Source::Extensions, &hang_up),
                route(
                    "narrow",
                    "30000000",
                    Source::Extension("100".into()),
                    &hang_up,
                ),
                route("other caller", "30000000", Source::Trunks, &hang_up),
                route("own", "100", Source::Extensions, &hang_up),
            ];
        },
        &[
            Warning::NeverTaken {
                route: "narrow".into(),
                by: "wide".into(),
            },
            Warning::TakenInside {
                route: "own".into(),
                number: "100".into(),
            },
        ],
    );
}

#[test]
fn a_route_with_a_time_does_not_take_all() {
    let hang_up = [site::Destination::HangUp(480)];
    check(
        |raw| {
            let mut day = route("day", "3XXXXXXX", Source::Extensions, &hang_up);
            day.times = "office".into();
            raw.routes = vec![
                day,
                route("night", "3XXXXXXX", Source::Extensions, &hang_up),
            ];
        },
        &[],
    );
}

#[test]
fn numbers_and_dialling_are_looked_at() {
    check(
        |raw| {
            raw.routes.clear();
            raw.trunks.clear();
            raw.extensions = vec![extension("112", |_| {}), extension("190", |_| {})];
            raw.groups.clear();
            raw.dialling.countries = vec!["*".into()];
            raw.dialling.area_code = "10".into();
        },
        &[
            Warning::ServiceTaken {
                number: number("112"),
            },
            Warning::EmergencyFirst {
                number: number("190"),
            },
            Warning::NoEmergencyTrunk,
            Warning::UnknownAreaCode { area: "10".into() },
            Warning::EveryCountry,
        ],
    );
    check(
        |raw| {
            raw.routes.clear();
            raw.dialling.area_code.clear();
            raw.dialling.owned_numbers.clear();
            raw.extensions[3].settings = site::ExtensionSettings::default();
        },
        &[Warning::NoAreaCode, Warning::NoOwnNumber],
    );
}

#[test]
fn a_trunk_behind_the_tunnel_is_told() {
    let tunnel = |allowed: &str| site::Tunnel {
        addresses: vec!["10.200.0.5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: "hub.example.com".into(),
        allowed: vec!["10.200.0.0/24".into(), allowed.into()],
        ..site::Tunnel::default()
    };
    let told = |allowed: &str, change: fn(&mut site::Site)| {
        let mut raw = office();
        raw.tunnel = Some(tunnel(allowed));
        change(&mut raw);
        let site = Site::parse(&raw).expect("a valid office");
        let in_grid = warnings(&site).into_iter().filter_map(|it| match it {
            Warning::TrunkInGrid { trunk, network } => Some((trunk, network.to_string())),
            _ => None,
        });
        in_grid.collect::<Vec<_>>()
    };
    let pair = |trunk: &str, network: &str| (trunk.to_owned(), network.to_owned());
    let both = ["Carrier A", "Carrier B"].map(|it| pair(it, "203.0.113.0/24"));
    assert_eq!(told("203.0.113.0/24", |_| {}), both);
    assert_eq!(told("198.51.100.0/24", |_| {}), []);
    let by_proxy: fn(&mut site::Site) = |raw| {
        raw.trunks[1].outbound_proxy = "198.51.100.9:5060".into();
        raw.trunks[0].enabled = false;
    };
    let expected = [pair("Carrier B", "198.51.100.0/24")];
    assert_eq!(told("198.51.100.0/24", by_proxy), expected);
}
