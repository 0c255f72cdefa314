//! What the second firmware added: trunks, routes, groups, codes, limits.

use ipc::site::{
    CallerRule, Class, Destination, Group, Member, Route, Source, TimeCondition, Trunk, TrunkAccess,
};

use super::tests::{check, extension, site};
use super::*;
use crate::wrong::Meaning;
use crate::{Feature, PatternFault};

fn setting(of: &str, field: &'static str, wrong: Wrong) -> Fault {
    Fault::Setting {
        of: of.to_owned(),
        field,
        wrong,
    }
}

fn no_such(what: &'static str, name: &str) -> Wrong {
    Wrong::NoSuch {
        what,
        name: name.to_owned(),
    }
}

fn trunk(name: &str) -> Trunk {
    Trunk {
        name: name.to_owned(),
        access: TrunkAccess::Peer {
            server: "203.0.113.5:5060".into(),
            networks: vec!["203.0.113.0/28".into()],
        },
        ..Trunk::default()
    }
}

/// A site that uses a bit of everything.
fn office(site: &mut RawSite) {
    site.dialling.owned_numbers = vec!["+551132345678".into()];
    site.dialling.area_code = "11".into();
    site.dialling.countries = vec!["351".into(), "1".into()];
    site.dialling.callers = vec![CallerRule {
        prefix: "+5511".into(),
        name: "São Paulo".into(),
    }];
    site.networks.internal = vec!["10.0.0.0/8".into()];
    site.trunks = vec![trunk("Carrier 1"), trunk("Carrier 2")];
    site.times = vec![TimeCondition {
        name: "office".into(),
        zone: "America/Sao_Paulo".into(),
        ..TimeCondition::default()
    }];
    site.limits.office_hours = "office".into();
    site.groups = vec![Group {
        number: "600".into(),
        members: vec![Member {
            extension: "100".into(),
            delay_secs: 0,
        }],
        otherwise: Some(Destination::Extension("101".into())),
        ..Group::default()
    }];
    site.routes = vec![Route {
        name: "mobile".into(),
        sources: vec![Source::Group("600".into()), Source::Extension("101".into())],
        pattern: "0XX9XXXXXXXX".into(),
        times: "office".into(),
        destinations: vec![
            Destination::Trunk("Carrier 1".into()),
            Destination::Trunk("Carrier 2".into()),
            Destination::HangUp(503),
        ],
        ..Route::default()
    }];
    let settings = &mut site.extensions[0].settings;
    settings.caller_id = "+551132345678".into();
    settings.classes.push(Class::International);
    settings.forward.busy = "101".into();
    settings.networks = vec!["10.1.0.0/16".into()];
    settings.watchers = ipc::site::Watchers::PickupGroup;
}

#[test]
fn a_whole_office_survives_the_journey() {
    let raw = site(office);
    let parsed = Site::parse(&raw).expect("valid");
    assert_eq!(Site::parse(&parsed.to_ipc()), Ok(parsed.clone()));
    assert_eq!(parsed.groups_of("100").count(), 1);
    assert_eq!(parsed.groups_of("101").count(), 0);
    assert!(parsed.dialling.may_call("351") && !parsed.dialling.may_call("44"));
}

#[test]
fn an_extension_is_used_from_its_networks_only() {
    let parsed = Site::parse(&site(office)).expect("valid");
    let admits = |number: &str, address: &str| {
        let extension = parsed.extension(number).expect("exists");
        parsed.admits(extension, address.parse().expect("an address"), &[])
    };
    assert!(admits("100", "10.1.2.3") && !admits("100", "10.2.2.3"));
    assert!(admits("101", "10.2.2.3") && !admits("101", "192.168.0.1"));
    assert!(!admits("101", "203.0.113.9"));
}

#[test]
fn a_network_of_an_extension_does_not_let_it_in_from_outside() {
    let raw = site(|site| site.extensions[0].settings.networks = vec!["203.0.113.0/24".into()]);
    let mut parsed = Site::parse(&raw).expect("valid");
    let address = "203.0.113.9".parse().expect("an address");
    let key = Number::parse("100").expect("digits");
    assert!(!parsed.admits(&parsed.extensions[&key], address, &[]));
    parsed.extensions.get_mut(&key).expect("exists").remote = true;
    assert!(parsed.admits(&parsed.extensions[&key], address, &[]));
}

#[test]
fn what_is_referred_to_exists() {
    let whole = |change: fn(&mut RawSite)| {
        move |site: &mut RawSite| {
            office(site);
            change(site);
        }
    };
    check(
        whole(|site| site.groups[0].members[0].extension = "199".into()),
        &[setting("group 600", "members", no_such("extension", "199"))],
    );
    let route = "route \"mobile\"";
    check(
        whole(|site| site.routes[0].destinations[0] = Destination::Trunk("Oi".into())),
        &[setting(route, "destinations", no_such("trunk", "Oi"))],
    );
    check(
        whole(|site| site.routes[0].times = "night".into()),
        &[setting(route, "times", no_such("time condition", "night"))],
    );
    check(
        whole(|site| site.dialling.tones = "ar".into()),
        &[setting("dialling", "tones", Wrong::NoTones("ar".into()))],
    );
    check(
        whole(|site| site.limits.office_hours = "night".into()),
        &[setting(
            "limits",
            "office_hours",
            no_such("time condition", "night"),
        )],
    );
    check(
        whole(|site| site.routes[0].sources[0] = Source::Group("601".into())),
        &[setting(route, "sources", no_such("group", "601"))],
    );
}

#[test]
fn only_a_route_leads_to_a_trunk() {
    for otherwise in [
        Destination::Trunk("Carrier 1".into()),
        Destination::Number(String::new()),
    ] {
        check(
            |site| {
                office(site);
                site.groups[0].otherwise = Some(otherwise);
            },
            &[setting("group 600", "otherwise", Wrong::RouteOnly)],
        );
    }
}

#[test]
fn the_number_shown_is_one_of_the_own_numbers() {
    // F12: a number of somebody else is an offence, not a setting.
    check(
        |site| site.extensions[0].settings.caller_id = "+5511999998888".into(),
        &[setting(
            "extension 100",
            "caller_id",
            Wrong::NotOwned("+5511999998888".into()),
        )],
    );
}

#[test]
fn one_number_means_one_thing() {
    let clash = |of: &str, number: &str, other: Meaning| {
        let number = number.to_owned();
        setting(of, "number", Wrong::Clash { number, other })
    };
    let code = |code: &str, feature| Meaning::Code(code.to_owned(), feature);
    check(
        |site| site.extensions.push(extension("701")),
        &[clash("parking", "701", Meaning::Extension)],
    );
    check(
        |site| site.extensions.push(extension("700")),
        &[clash("extension 700", "700", code("700", Feature::Park))],
    );
    check(
        |site| site.features.withhold = "10".into(),
        &[
            clash("extension 100", "100", code("10", Feature::Withhold)),
            clash("extension 101", "101", code("10", Feature::Withhold)),
        ],
    );
    check(
        |site| {
            office(site);
            site.groups[0].number = "101".into();
            site.routes.clear();
        },
        &[clash("group 101", "101", Meaning::Extension)],
    );
}

#[test]
fn names_are_unique_and_patterns_read() {
    check(
        |site| site.trunks = vec![trunk("a"), trunk("a")],
        &[setting("trunk \"a\"", "name", Wrong::Twice("a".into()))],
    );
    check(
        |site| {
            office(site);
            site.routes[0].pattern = "0.1".into();
        },
        &[setting(
            "route \"mobile\"",
            "pattern",
            Wrong::Pattern {
                text: "0.1".into(),
                fault: PatternFault::TailInside,
            },
        )],
    );
}

#[test]
fn an_account_has_one_realm_its_password_is_for() {
    let raw = site(|site| {
        let mut trunk = trunk("carrier");
        trunk.access = TrunkAccess::Registering {
            server: "SIP.example.com:5061".into(),
            user: "1132345678".into(),
            auth_user: String::new(),
            password: Redacted::new("hunter2".into()),
            realm: String::new(),
            expires_secs: 600,
            contact_user: String::new(),
        };
        site.trunks = vec![trunk];
    });
    let parsed = Site::parse(&raw).expect("valid");
    let crate::Access::Registering(account) = &parsed.trunks[0].access else {
        panic!("it registers")
    };
    assert_eq!(account.realm, "sip.example.com");
    assert_eq!(account.auth_user, "1132345678");
    assert!(!format!("{parsed:?}").contains("hunter2"));
}

#[test]
fn tones_are_those_of_the_country_unless_others_are_chosen() {
    let check = |country, chosen: &str, expected: &str| {
        let mut raw = Site::factory("ramal").to_ipc();
        raw.dialling.country = country;
        raw.dialling.tones = chosen.into();
        let site = Site::parse(&raw).expect("a valid site");
        assert_eq!(site.dialling.tones().country, expected);
        assert_eq!(site.to_ipc().dialling.tones, chosen);
    };
    check(crate::Country::Brazil, "", "BR");
    check(crate::Country::Portugal, "", "PT");
    check(crate::Country::Brazil, "MX", "MX");
}

#[test]
fn signals_of_the_site_itself_take_the_place_of_the_countrys() {
    let mut raw = Site::factory("ramal").to_ipc();
    let own = ipc::site::Cadences {
        ringback: "384+416/1000,0/2000".into(),
        busy: "400/500,0/500".into(),
        ..ipc::site::Cadences::default()
    };
    raw.dialling.cadences = Some(own);
    let site = Site::parse(&raw).expect("a valid site");
    assert_eq!(site.to_ipc(), raw);
    let tones = site.dialling.tones();
    let sounded = tones.own.expect("signals");
    assert_eq!(sounded.ringback[0].hertz, [384, 416]);
    assert_eq!(sounded.busy.len(), 2);
    assert!(sounded.congestion.is_empty(), "that of the country");
    check(
        |site| {
            let own = ipc::site::Cadences {
                busy: "400/500,0".into(),
                ..ipc::site::Cadences::default()
            };
            site.dialling.cadences = Some(own);
        },
        &[setting(
            "dialling",
            "cadences.busy",
            Wrong::NotACadence("400/500,0".into()),
        )],
    );
}

#[test]
fn recordings_are_kept_within_reason() {
    check(
        |site| {
            site.recording.keep_days = 0;
            site.recording.max_mib = 63;
        },
        &[
            setting(
                "recording",
                "keep_days",
                Wrong::Range {
                    value: 0,
                    from: 1,
                    to: 3_650,
                },
            ),
            setting(
                "recording",
                "max_mib",
                Wrong::Range {
                    value: 63,
                    from: 64,
                    to: 10_485_760,
                },
            ),
        ],
    );
    let raw = site(|site| {
        site.recording.keep_days = 3_650;
        site.recording.notice = false;
        site.extensions[0].settings.recording = ipc::site::Recording::OnDemand;
    });
    let parsed = Site::parse(&raw).expect("valid");
    assert_eq!(parsed.to_ipc(), raw);
    let fault = setting(
        "recording",
        "keep_days",
        Wrong::Range {
            value: 0,
            from: 1,
            to: 3_650,
        },
    );
    let text = "recording: keep_days: 0 is out of range; use 1 to 3650";
    assert_eq!(fault.to_string(), text);
}

#[test]
fn the_audit_trail_is_kept_for_six_months_at_least_and_the_refusal_says_why() {
    let range = |value, from, to| Wrong::Range { value, from, to };
    check(
        |site| {
            site.retention.calls_days = 0;
            site.retention.quality_days = 3_651;
            site.retention.audit_days = 179;
            site.retention.versions_days = 29;
        },
        &[
            setting("retention", "calls_days", range(0, 1, 3_650)),
            setting("retention", "quality_days", range(3_651, 1, 3_650)),
            setting("retention", "audit_days", Wrong::AuditDays(179)),
            setting("retention", "versions_days", range(29, 30, 3_650)),
        ],
    );
    let text = setting("retention", "audit_days", Wrong::AuditDays(179)).to_string();
    assert!(
        text.contains("use 180 to 3650") && text.contains("LGPD art. 37"),
        "{text}"
    );
    let raw = site(|site| {
        site.retention.calls_days = 1;
        site.retention.audit_days = 180;
    });
    assert_eq!(Site::parse(&raw).expect("valid").to_ipc(), raw);
}

#[test]
fn who_is_recorded_is_in_the_audit_trail() {
    let before = Site::parse(&site(office)).expect("valid");
    let after = Site::parse(&site(|site| {
        office(site);
        site.routes[0].record = true;
        site.extensions[0].settings.recording = ipc::site::Recording::Always;
    }));
    assert_eq!(
        crate::diff(&before, &after.expect("valid")),
        [
            "extension 100: recording Never -> Always",
            "route mobile: record false -> true",
        ]
    );
}

#[test]
fn calls_back_are_for_calls_from_outside_and_within_reason() {
    let range = |value, from, to| Wrong::Range { value, from, to };
    check(
        |site| {
            office(site);
            site.routes[0].call_back = ipc::site::CallBack {
                enabled: true,
                hours: 721,
                ring_secs: 4,
            };
            site.routes[0].sources = vec![Source::Extensions];
        },
        &[
            setting(
                "route \"mobile\"",
                "call_back.enabled",
                Wrong::FromOutsideOnly,
            ),
            setting("route \"mobile\"", "call_back.hours", range(721, 1, 720)),
            setting("route \"mobile\"", "call_back.ring_secs", range(4, 5, 60)),
        ],
    );
    let raw = site(|site| {
        office(site);
        site.routes.push(Route {
            name: "in".into(),
            sources: vec![Source::Trunk("Carrier 1".into())],
            pattern: "!".into(),
            destinations: vec![Destination::Extension("100".into())],
            call_back: ipc::site::CallBack {
                enabled: true,
                hours: 720,
                ring_secs: 5,
            },
            ..Route::default()
        });
        // What is switched off keeps its numbers.
        site.routes[0].call_back.hours = 48;
    });
    let parsed = Site::parse(&raw).expect("valid");
    assert_eq!(parsed.to_ipc().routes, raw.routes);
    assert!(!parsed.routes[0].call_back.enabled);
    let mut other = raw;
    other.routes.last_mut().expect("one").call_back.enabled = false;
    other.routes.last_mut().expect("one").call_back.hours = 24;
    assert_eq!(
        crate::diff(&parsed, &Site::parse(&other).expect("valid")),
        [
            "route in: call_back.enabled true -> false",
            "route in: call_back.within 2592000s -> 86400s",
        ]
    );
}
