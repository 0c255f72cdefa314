//! Every field of a thing has its place in a form, and none that it does not have.

use std::collections::BTreeSet;

use ipc::site::{Extension, Group, Route, TimeCondition, Trunk, TrunkAccess};
use serde_json::{Value, json};

use super::sections::{BY_API_ONLY, SECTIONS};
use super::{EXTENSION, Field, Form, GROUP, Kind, PERSON, ROLES, ROUTE, TIMES, TRUNK, at, key};

/// Paths a form asks about, those of rows and shapes as one.
fn asked(form: &Form) -> BTreeSet<&'static str> {
    let fields = form.groups.iter().flat_map(|group| group.fields);
    fields.map(|field| field.path).collect()
}

/// Paths a thing has: down to where a form asks about the whole.
fn paths(value: &Value, below: &str, asked: &BTreeSet<&str>) -> Vec<String> {
    let Value::Object(fields) = value else {
        return vec![below.to_owned()];
    };
    if asked.contains(below) {
        return vec![below.to_owned()];
    }
    let deeper = fields.iter().flat_map(|(name, value)| {
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}.{name}")
        };
        paths(value, &path, asked)
    });
    deeper.collect()
}

fn check(name: &str, form: &Form, thing: &Value, not_asked: &[&str]) {
    let asked = asked(form);
    let there: BTreeSet<String> = paths(thing, "", &asked).into_iter().collect();
    for path in &there {
        let is_left = not_asked.contains(&path.as_str());
        assert!(is_left != asked.contains(path.as_str()), "{name}: {path}");
    }
    for path in asked {
        assert!(
            path == "pin" || there.contains(path),
            "{name}: there is no {path}"
        );
    }
}

fn json<T: serde::Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).expect("JSON")
}

#[test]
fn every_field_is_asked_for_once_and_exists() {
    let mut extension = json(&Extension::default());
    for secret in ["number", "ha1_md5", "ha1_sha256"] {
        extension.as_object_mut().expect("an object").remove(secret);
    }
    let not_asked = ["settings.pin_hash", "settings.spend_resumed"];
    check("extension", &EXTENSION, &extension, &not_asked);
    check("trunk", &TRUNK, &json(&Trunk::default()), &["name"]);
    check("group", &GROUP, &json(&Group::default()), &["number"]);
    check("route", &ROUTE, &json(&Route::default()), &["name"]);
    check("times", &TIMES, &json(&TimeCondition::default()), &["name"]);
    let account = json(&crate::actions::accounts::Account::default());
    check("person", &PERSON, &account, &["login"]);
    let site = json(&ipc::site::Site::default());
    for (name, form) in SECTIONS {
        check(name, form, &site[name], BY_API_ONLY);
    }
}

/// The fields of a list's rows.
fn rows(form: &Form, path: &str) -> BTreeSet<&'static str> {
    let mut fields = form.groups.iter().flat_map(|group| group.fields);
    let found = fields.find(|field| field.path == path).expect("a field");
    let Kind::Rows(fields) = &found.kind else {
        panic!("{path}")
    };
    fields.iter().map(|field: &Field| field.path).collect()
}

#[test]
fn a_row_asks_for_all_that_its_thing_has() {
    let site = ipc::site::Site::default();
    let check = |form, path, thing: Value| {
        let fields = thing.as_object().expect("an object").keys();
        let fields: BTreeSet<&str> = fields.map(String::as_str).collect();
        assert_eq!(rows(form, path), fields, "{path}");
    };
    check(&GROUP, "members", json(&ipc::site::Member::default()));
    check(&TIMES, "week", json(&ipc::site::WeekRange::default()));
    check(&TIMES, "holidays", json(&ipc::site::DateRange::default()));
    check(
        &TRUNK,
        "inbound_rewrites",
        json(&ipc::site::InboundRewrite::default()),
    );
    let rule = ipc::site::GuardRule {
        offence: ipc::guard::Offence::WebPath,
        count: None,
        within_secs: None,
        only_report: false,
    };
    let sections: [(&str, &str, Value); 4] = [
        ("guard", "rules", json(&rule)),
        (
            "dialling",
            "callers",
            json(&ipc::site::CallerRule::default()),
        ),
        ("limits", "tariffs", json(&site.limits.tariffs[0])),
        (
            "limits",
            "minutes_a_day",
            json(&site.limits.minutes_a_day[0]),
        ),
    ];
    for (section, path, thing) in sections {
        let (_, form) = SECTIONS
            .iter()
            .find(|(name, _)| *name == section)
            .expect("a section");
        check(form, path, thing);
    }
}

#[test]
fn an_account_asks_for_all_that_it_has() {
    let account: TrunkAccess = serde_json::from_value(json!({
        "registering": {"server": "a", "user": "b"}
    }))
    .expect("an account");
    let value = json(&account);
    let there: BTreeSet<&String> = value["registering"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    let mut fields = TRUNK.groups.iter().flat_map(|group| group.fields);
    let access = fields
        .find(|field| field.path == "access")
        .expect("a field");
    let Kind::Shape(shapes) = &access.kind else {
        panic!("no shape")
    };
    let super::Inner::Fields(fields) = &shapes[0].inner else {
        panic!("no fields")
    };
    let asked: BTreeSet<String> = fields.iter().map(|field| field.path.to_owned()).collect();
    assert_eq!(asked.iter().collect::<BTreeSet<_>>(), there);
}

#[test]
fn a_choice_stands_for_its_value() {
    let check = |value: Value, expected| assert_eq!(key(&value), expected, "{value}");
    check(json!("park"), "park");
    check(json!({"trunk": "Carrier A"}), "trunk:Carrier A");
    check(json!({"hang-up": 486}), "hang-up:486");
    check(json!({"number": ""}), "number:");
    check(Value::Null, "");
    assert_eq!(at(&json!({"a": {"b": 3}}), "a.b"), &json!(3));
    assert_eq!(at(&json!({"a": 3}), "a.b"), &Value::Null);
}

#[test]
fn every_role_can_be_chosen() {
    let site = ipc::site::Site::default();
    let offered = ROLES.all(&site, crate::text::Language::English);
    let offered: BTreeSet<String> = offered.into_iter().map(|(key, _)| key).collect();
    let roles = ipc::site::Role::ALL.map(|role| role.name().to_owned());
    assert_eq!(offered, BTreeSet::from(roles));
    assert_eq!(
        json(&ipc::site::Role::ALL),
        json!(ipc::site::Role::ALL.map(|role| role.name()))
    );
}
