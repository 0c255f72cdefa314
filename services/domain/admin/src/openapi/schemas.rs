//! The types of the API as JSON Schema: what is taken, and what is given.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::contract::Make;
use super::forms;
use crate::actions::items::{SECRETS, hide};

/// Collects the types that are named.
pub(super) struct Schemas {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|it| {
                it.definitions_path = "/components/schemas".into();
                it.meta_schema = None;
            })
        };
        Self {
            taken: settings().for_deserialize().into_generator(),
            given: settings().for_serialize().into_generator(),
        }
    }

    /// What is sent.
    pub(super) fn taken(&mut self, make: Make) -> Value {
        let mut schema = make(&mut self.taken).to_value();
        rename(&mut schema);
        schema
    }

    /// Some fields of it.
    pub(super) fn changes(&mut self, make: Make) -> Value {
        let schema = make(&mut self.taken);
        let (name, mut whole) = self.resolved(schema);
        if let Value::Object(fields) = &mut whole {
            fields.remove("required");
            fields.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        accept_secrets(&mut whole);
        forms::apply(&name, &mut whole);
        rename(&mut whole);
        whole
    }

    /// What comes back.
    pub(super) fn given(&mut self, make: Make) -> Value {
        make(&mut self.given).to_value()
    }

    /// Every type that was named.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.given.take_definitions(true);
        all.values_mut().for_each(hide_secrets);
        for (name, mut schema) in self.taken.take_definitions(true) {
            accept_secrets(&mut schema);
            accept_parts(&mut schema);
            forms::apply(&name, &mut schema);
            rename(&mut schema);
            all.insert(name + TAKEN, schema);
        }
        all
    }

    /// The description itself in place of where it stands, and the name of its type.
    fn resolved(&self, schema: Schema) -> (String, Value) {
        let schema = schema.to_value();
        let name = schema.get("$ref").and_then(Value::as_str);
        let name = name.and_then(|it| it.rsplit('/').next());
        let name = name.unwrap_or_default().to_owned();
        let found = self.taken.definitions().get(&name).cloned();
        (name, found.unwrap_or(schema))
    }
}

/// Types that are taken have a name of their own: a default makes a field optional in what is sent,
/// and it is in every answer.
fn rename(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(place)) = fields.get_mut("$ref") {
                place.push_str(TAKEN);
            }
            fields.values_mut().for_each(rename);
        }
        Value::Array(all) => all.iter_mut().for_each(rename),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A secret is not shown: whether there is one is.
fn hide_secrets(schema: &mut Value) {
    if let Some(default) = schema.get_mut("default") {
        hide(default);
    }
    for (secret, said) in SECRETS {
        let shown = json!({ "type": "boolean", "description": "There is one; it is not shown." });
        replace(schema, secret, said, &shown);
    }
    inner(schema, hide_secrets);
}

/// A PIN is sent as it is typed.
fn accept_secrets(schema: &mut Value) {
    if let Some(Value::Object(default)) = schema.get_mut("default") {
        default.remove("pin_hash");
    }
    let sent = json!({
        "type": "string", "writeOnly": true,
        "description": "The PIN for routes that ask one; empty: none.",
    });
    replace(schema, "pin_hash", "pin", &sent);
    inner(schema, accept_secrets);
}

/// A kind with parts of its own, as a way into a trunk, keeps the parts that are not named, where
/// it is of that kind already.
fn accept_parts(schema: &mut Value) {
    let Some(Value::Array(kinds)) = schema.get_mut("oneOf") else {
        return;
    };
    for kind in kinds {
        let Some(Value::Object(parts)) = kind.get_mut("properties") else {
            continue;
        };
        for part in parts.values_mut().filter_map(Value::as_object_mut) {
            part.remove("required");
        }
    }
}

/// Replaces a property that is a secret.
fn replace(schema: &mut Value, secret: &str, by: &str, with: &Value) {
    let is_secret = |it: &Value| it.get("writeOnly") == Some(&Value::Bool(true));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    if !properties.get(secret).is_some_and(is_secret) {
        return;
    }
    properties.remove(secret);
    properties.insert(by.to_owned(), with.clone());
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        for name in required.iter_mut().filter(|it| *it == secret) {
            *name = by.into();
        }
    }
}

fn inner(schema: &mut Value, change: fn(&mut Value)) {
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(change),
        Value::Array(all) => all.iter_mut().for_each(change),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Behind the name of a type that is taken.
const TAKEN: &str = "Input";
