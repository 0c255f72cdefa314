//! What the description of the API asks of texts and numbers is what the parsers take: texts that
//! fit are taken, and texts near them that are taken fit.

use ipc::Redacted;
use ipc::site::{Extension, Person, Site};
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::actions::sections::is_pin;
use crate::openapi::document;
use crate::openapi::forms::{FORMS, Form};

/// A site that has one of each.
fn sample() -> Value {
    let mut site = config::Site::factory("ramal").to_ipc();
    site.people.push(Person {
        login: "ana".into(),
        password_hash: Redacted::new("$argon2id$x".into()),
        ..Person::default()
    });
    for number in ["100", "101"] {
        site.extensions.push(Extension {
            number: number.into(),
            ha1_md5: Redacted::new("0".repeat(32)),
            ha1_sha256: Redacted::new("0".repeat(64)),
            ..Extension::default()
        });
    }
    let mut site = serde_json::to_value(site).expect("JSON");
    site["groups"] = json!([{
        "number": "600", "name": "Shop", "strategy": "all", "ring_secs": 20, "otherwise": null,
        "members": [{ "extension": "100", "delay_secs": 0 }],
    }]);
    site["trunks"] = json!([
        { "name": "Peer", "access": { "peer": {
            "server": "192.0.2.1", "networks": ["192.0.2.0/24"] } },
          "failover_statuses": [503] },
        { "name": "Carrier", "access": { "registering": {
            "server": "sip.example.com", "user": "ana", "expires_secs": 600 } } },
    ]);
    site["routes"] = json!([{
        "name": "out", "pattern": "0X.", "destinations": [{ "hang-up": 404 }],
        "rewrite": { "strip": 1, "prefix": "" },
    }]);
    site["times"] = json!([{
        "name": "office", "zone": "America/Sao_Paulo",
        "week": [{ "days": ["monday"], "from": "08:00", "to": "18:00" }],
        "holidays": [{ "from": "12-24", "to": "" }],
    }]);
    site["networks"]["internal"] = json!(["192.168.0.0/24"]);
    site["dialling"]["countries"] = json!(["55"]);
    site["dialling"]["callers"] = json!([{ "prefix": "+55", "name": "Brasil" }]);
    site["limits"]["tariffs"] = json!([{
        "class": "mobile", "prefix": "", "cents": 1, "setup_cents": 0,
        "minimum_secs": 0, "increment_secs": 60,
    }]);
    site["tunnel"] = json!({
        "addresses": ["10.200.0.5"], "hub_key": "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=",
        "endpoint": "hub.example.com", "allowed": ["10.0.0.0/24"],
    });
    site["guard"]["rules"] = json!([{ "offence": "web-path" }]);
    // With every field that was left out.
    let site = serde_json::from_value::<Site>(site).expect("a site");
    serde_json::to_value(site).expect("JSON")
}

/// Who says whether a text or a number is taken.
enum Judge {
    /// The whole site, with it in this place.
    At(&'static str),
    By(fn(&str) -> bool),
}
use Judge::{At, By};

impl Judge {
    fn takes(&self, value: &Value) -> bool {
        match self {
            By(takes) => takes(value.as_str().expect("a text")),
            At(place) => {
                let mut site = sample();
                let found = site.pointer_mut(place);
                *found.unwrap_or_else(|| panic!("{place}")) = value.clone();
                let site = serde_json::from_value::<Site>(site);
                site.is_ok_and(|site| config::Site::parse(&site).is_ok())
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    config::Number::parse(text).is_ok()
}

fn is_pattern(text: &str) -> bool {
    config::Pattern::parse(text).is_ok()
}

fn is_phone_or_none(text: &str) -> bool {
    text.is_empty() || config::Phone::parse(text).is_some()
}

fn is_dialled_or_none(text: &str) -> bool {
    text.is_empty() || config::is_dialled(text)
}

/// By which parser a field is read.
fn judge(of: &str, field: &str) -> Judge {
    match (of, field) {
        ("Account", "login") => At("/people/1/login"),
        ("ExtensionSettings", "pin") => By(is_pin),
        (_, "caller_id") => By(is_phone_or_none),
        ("Dialling", "owned_numbers") => By(|it| config::Phone::parse(it).is_some()),
        ("Dialling", "emergency_numbers") => By(config::is_dialled),
        // What is referred to has to be there, too.
        ("Source" | "Destination", "trunk") => At("/trunks/0/name"),
        ("Destination", "number") => By(is_dialled_or_none),
        ("Destination", "hang-up") => At("/routes/0/destinations/0/hang-up"),
        (_, "number" | "extension" | "extensions" | "group" | "decoys") => By(is_number),
        (_, "pattern") => By(is_pattern),
        ("NewExtension" | "ExtensionChanges", _) => At("/extensions/0/display_name"),
        ("ExtensionSettings", "networks") | ("Guard", "never") => {
            By(|it| config::Network::parse(it).is_some())
        }
        ("ExtensionSettings", "contacts_max") => At("/extensions/0/settings/contacts_max"),
        ("ExtensionSettings", "duration_max_secs") => {
            At("/extensions/0/settings/duration_max_secs")
        }
        ("ExtensionSettings", "pickup_group") => At("/extensions/0/settings/pickup_group"),
        ("CallLimits", "concurrent") => At("/extensions/0/settings/limits/concurrent"),
        ("CallLimits", "per_second") => At("/extensions/0/settings/limits/per_second"),
        ("CallLimits", "per_minute") => At("/extensions/0/settings/limits/per_minute"),
        ("CallLimits", "per_hour") => At("/extensions/0/settings/limits/per_hour"),
        ("Forward", "always") => At("/extensions/0/settings/forward/always"),
        ("Forward", "busy") => At("/extensions/0/settings/forward/busy"),
        ("Forward", "no_answer") => At("/extensions/0/settings/forward/no_answer"),
        ("Forward", "ring_secs") => At("/extensions/0/settings/forward/ring_secs"),
        _ => judge_of_telephony(of, field),
    }
}

fn judge_of_telephony(of: &str, field: &str) -> Judge {
    match (of, field) {
        ("Group", "name") => At("/groups/0/name"),
        ("Group", "ring_secs") => At("/groups/0/ring_secs"),
        ("Member", "delay_secs") => At("/groups/0/members/0/delay_secs"),
        ("Trunk", "name") => At("/trunks/0/name"),
        ("Trunk", "outbound_proxy") => By(|it| it.is_empty() || config::Host::parse(it).is_some()),
        ("Trunk", "channels_max") => At("/trunks/0/channels_max"),
        ("Trunk", "inbound_per_minute") => At("/trunks/0/inbound_per_minute"),
        ("Trunk", "failover_statuses") => At("/trunks/0/failover_statuses/0"),
        ("TrunkAccess", "server") => At("/trunks/1/access/registering/server"),
        ("TrunkAccess", "networks") => At("/trunks/0/access/peer/networks/0"),
        ("TrunkAccess", "expires_secs") => At("/trunks/1/access/registering/expires_secs"),
        ("SessionTimers", "secs") => At("/trunks/0/session_timers/secs"),
        ("InboundRewrite", "prefix") => By(is_dialled_or_none),
        ("Route", "name") => At("/routes/0/name"),
        ("Rewrite", "prefix") => At("/routes/0/rewrite/prefix"),
        ("Rewrite", "strip") => At("/routes/0/rewrite/strip"),
        ("CallBack", "hours") => At("/routes/0/call_back/hours"),
        ("CallBack", "ring_secs") => At("/routes/0/call_back/ring_secs"),
        ("TimeCondition", "name") => At("/times/0/name"),
        ("TimeCondition", "zone") => At("/times/0/zone"),
        ("WeekRange", "from") => At("/times/0/week/0/from"),
        ("WeekRange", "to") => At("/times/0/week/0/to"),
        ("DateRange", "from") => At("/times/0/holidays/0/from"),
        ("DateRange", "to") => At("/times/0/holidays/0/to"),
        ("Networks", _) => At("/networks/internal/0"),
        ("Features", "park") => At("/features/park"),
        ("Features", _) => At("/features/withhold"),
        ("Parking", _) => At("/parking/timeout_secs"),
        ("Dialling", "area_code") => At("/dialling/area_code"),
        ("Dialling", "carrier") => At("/dialling/carrier"),
        ("Dialling", "zone") => At("/dialling/zone"),
        ("Dialling", "countries") => At("/dialling/countries/0"),
        ("CallerRule", "prefix") => At("/dialling/callers/0/prefix"),
        ("CallerRule", "name") => At("/dialling/callers/0/name"),
        ("Limits", _) => At("/limits/outbound_percent"),
        ("Tariff", "prefix") => At("/limits/tariffs/0/prefix"),
        ("Tariff", "cents") => At("/limits/tariffs/0/cents"),
        ("Tariff", "setup_cents") => At("/limits/tariffs/0/setup_cents"),
        ("Tariff", "minimum_secs") => At("/limits/tariffs/0/minimum_secs"),
        ("Tariff", "increment_secs") => At("/limits/tariffs/0/increment_secs"),
        ("Recordings", "keep_days") => At("/recording/keep_days"),
        ("Recordings", "max_mib") => At("/recording/max_mib"),
        ("Retention", "calls_days") => At("/retention/calls_days"),
        ("Retention", "quality_days") => At("/retention/quality_days"),
        ("Retention", "audit_days") => At("/retention/audit_days"),
        ("Retention", "versions_days") => At("/retention/versions_days"),
        ("Guard", "first_minutes") => At("/guard/first_minutes"),
        ("Guard", "longest_hours") => At("/guard/longest_hours"),
        ("GuardRule", "count") => At("/guard/rules/0/count"),
        ("GuardRule", "within_secs") => At("/guard/rules/0/within_secs"),
        ("Countries", "allowed") => By(|it| countries::Country::parse(it).is_some()),
        ("Tunnel", "keepalive_secs") => At("/tunnel/keepalive_secs"),
        ("Tunnel", "mtu") => At("/tunnel/mtu"),
        ("Tunnel", "allowed") => At("/tunnel/allowed/0"),
        _ => panic!("{of}.{field}: say by which parser it is read"),
    }
}

/// The text with one sign put in, taken out, or another in its place.
fn near() -> impl Strategy<Value = (u8, prop::sample::Index, char)> {
    let signs = "0123456789abzXZN.:-+*#_!/[] \u{e9}\n";
    let signs: Vec<char> = signs.chars().collect();
    (
        0..3_u8,
        any::<prop::sample::Index>(),
        prop::sample::select(signs),
    )
}

fn changed(text: &str, (how, at, sign): &(u8, prop::sample::Index, char)) -> String {
    let mut signs: Vec<char> = text.chars().collect();
    let at = at.index(signs.len() + 1);
    match how {
        0 => signs.insert(at, *sign),
        _ if at == signs.len() => signs.push(*sign),
        1 => {
            signs.remove(at);
        }
        _ => signs[at] = *sign,
    }
    signs.into_iter().collect()
}

fn hold_text(name: &str, judge: &Judge, pattern: &str, is_exact: bool) {
    let validator = json!({ "type": "string", "pattern": pattern });
    let validator = jsonschema::draft202012::new(&validator).expect("a pattern");
    let inside = pattern
        .strip_prefix('^')
        .and_then(|it| it.strip_suffix('$'));
    let fitting = string_regex(inside.expect("of a whole text")).expect("a pattern");
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(CASES)
    };
    let result = TestRunner::new_with_rng(config, rng()).run(&(fitting, near()), |(text, near)| {
        let is_taken = |text: &str| judge.takes(&json!(text));
        prop_assert!(validator.is_valid(&json!(text)), "{name}: {text:?}");
        if is_exact {
            prop_assert!(is_taken(&text), "{name}: {text:?} fits, and is not taken");
        }
        let near = changed(&text, &near);
        let fits = validator.is_valid(&json!(near));
        prop_assert!(
            fits || !is_taken(&near),
            "{name}: {near:?} is taken, and does not fit"
        );
        Ok(())
    });
    if let Err(fault) = result {
        panic!("{fault}");
    }
}

/// The same each time.
fn rng() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

const CASES: u32 = 32;

#[test]
fn the_sample_is_a_site() {
    let site = serde_json::from_value::<Site>(sample()).expect("a site");
    assert_eq!(config::Site::parse(&site).map(drop), Ok(()));
}

#[test]
fn texts_that_fit_are_taken_and_those_near_them_that_are_taken_fit() {
    for (of, field, form) in FORMS {
        let name = format!("{of}.{field}");
        match form {
            Form::Text(pattern) => hold_text(&name, &judge(of, field), pattern, true),
            Form::Outline(pattern) => hold_text(&name, &judge(of, field), pattern, false),
            Form::Length(..) | Form::Range(..) => {}
        }
    }
}

#[test]
fn lengths_and_ranges_end_where_the_parsers_say() {
    for (of, field, form) in FORMS {
        let judge = judge(of, field);
        let check = |value: Value, expected: bool| {
            assert_eq!(judge.takes(&value), expected, "{of}.{field} {value}");
        };
        let long = |length: u32| json!("a".repeat(usize::try_from(length).expect("small")));
        match *form {
            Form::Text(_) | Form::Outline(_) => {}
            Form::Length(from, to) => {
                check(long(from), true);
                check(long(to), true);
                check(long(to + 1), false);
                if let Some(less) = from.checked_sub(1) {
                    check(long(less), false);
                }
            }
            Form::Range(from, to) => {
                check(json!(from), true);
                check(json!(to), true);
                check(json!(to + 1), false);
                if let Some(less) = from.checked_sub(1) {
                    check(json!(less), false);
                }
            }
        }
    }
}

#[test]
fn every_field_that_has_a_form_says_so_in_the_document() {
    let document = document("0.1.0");
    let text = document.to_string();
    for (of, field, form) in FORMS {
        let schema = Value::Object(form.schema()).to_string();
        let inside = schema.trim_start_matches('{').trim_end_matches('}');
        assert!(text.contains(inside), "{of}.{field}: {inside}");
    }
    let of = |path: &str| document.pointer(path).cloned().unwrap_or_default();
    let extension = "/components/schemas/NewExtensionInput/properties/number/pattern";
    assert_eq!(of(extension), "^[0-9]{2,10}$");
    let changes = "/paths/~1api~1retention/post/requestBody/content/application~1json/schema\
                   /properties/audit_days/minimum";
    assert_eq!(of(changes), 180);
    let segment = "/paths/~1api~1extensions~1{number}/post/parameters/0/schema/pattern";
    assert_eq!(of(segment), "^[0-9]{2,10}$");
}
