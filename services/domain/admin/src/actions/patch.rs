//! Changing part of a thing: a JSON object whose fields replace those of the thing, and whose
//! nulls set them back to what a new one has (RFC 7396).

use ipc::site::Site;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;
use crate::http::Request;

/// What a request wants changed.
#[derive(Clone)]
pub(crate) struct Patch(pub(crate) Value);

impl Patch {
    /// Reads it; it must be an object.
    pub(crate) fn read(request: &Request) -> Result<Self, Fault> {
        let value: Value = super::json(request)?;
        if value.is_object() {
            return Ok(Self(value));
        }
        Err(Fault::BadBody("send a JSON object".into()))
    }

    /// The thing with its changes. A field it does not have is refused: a misspelt limit must not
    /// look as if it were set.
    pub(crate) fn apply<T: Serialize + DeserializeOwned>(&self, to: &T) -> Result<T, Fault> {
        let before = serde_json::to_value(to).map_err(|_| Fault::Internal)?;
        let mut merged = before.clone();
        merge(&mut merged, &self.0);
        let Ok(after) = serde_json::from_value::<T>(merged) else {
            return Err(Fault::BadBody(self.culprit::<T>(&before)));
        };
        let value = serde_json::to_value(&after).map_err(|_| Fault::Internal)?;
        match unknown(&self.0, &value) {
            Some(path) => Err(Fault::BadBody(format!("there is no field {path}"))),
            None => Ok(after),
        }
    }

    /// What a thing would be with these changes, whether or not that can be.
    pub(crate) fn merged(&self, mut to: Value) -> Value {
        merge(&mut to, &self.0);
        to
    }

    /// Names the field that cannot be read, never its value: that may be a password.
    fn culprit<T: DeserializeOwned>(&self, before: &Value) -> String {
        let fields = self.0.as_object().into_iter().flatten();
        for (name, value) in fields {
            let mut alone = before.clone();
            merge(&mut alone, &serde_json::json!({ name.as_str(): value }));
            if serde_json::from_value::<T>(alone).is_err() {
                return format!("the field {name} is of another type or lacks a part");
            }
        }
        "fields do not fit together".into()
    }
}

/// What a change did: one clause a field, without secrets. A site that is not valid is refused by
/// its faults.
pub(crate) fn differences(before: &Site, after: &Site) -> Result<Vec<String>, Fault> {
    let before = config::Site::parse(before)?;
    let after = config::Site::parse(after)?;
    Ok(config::diff(&before, &after))
}

/// RFC 7396 §2, with one addition: where the thing chooses one of several shapes, each an object
/// with a single field, another shape replaces it whole.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    let only = |object: &serde_json::Map<String, Value>| {
        let name = object.keys().next().cloned();
        name.filter(|_| object.len() == 1)
    };
    let other_shape =
        target
            .as_object()
            .is_some_and(|present| match (only(present), only(changes)) {
                (Some(present), Some(wanted)) => present != wanted,
                (Some(_) | None, _) => false,
            });
    if !target.is_object() || other_shape {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// The first field of a patch that the result does not have.
fn unknown(patch: &Value, result: &Value) -> Option<String> {
    match (patch, result) {
        (Value::Object(patch), Value::Object(result)) => {
            patch
                .iter()
                .find_map(|(name, change)| match result.get(name) {
                    Some(kept) => unknown(change, kept).map(|rest| format!("{name}.{rest}")),
                    None => Some(name.clone()),
                })
        }
        (Value::Array(patch), Value::Array(result)) => patch
            .iter()
            .zip(result)
            .find_map(|(change, kept)| unknown(change, kept)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ipc::site::{Networks, Trunk, TrunkAccess};
    use serde_json::json;

    use super::*;

    fn check(patch: Value, expected: Result<Trunk, &str>) {
        let seen = Patch(patch).apply(&Trunk::default());
        let expected = expected.map_err(|reason| Fault::BadBody(reason.to_owned()));
        assert_eq!(seen, expected);
    }

    #[test]
    fn fields_replace_and_nulls_reset() {
        let trunk = Trunk {
            channels_max: 4,
            failover_statuses: vec![503],
            ..Trunk::default()
        };
        let patch = json!({"channels_max": 4, "failover_statuses": [503], "qualify_secs": null});
        check(patch, Ok(trunk));
        let one = Patch(json!({"identity": {"asserted": false}}));
        let changed = one.apply(&Trunk::default()).expect("a field");
        assert!(!changed.identity.asserted && changed.identity.diversion);
    }

    #[test]
    fn another_shape_replaces_the_first() {
        let access = json!({"registering": {"server": "sip.example.com", "user": "1"}});
        let patch = Patch(json!({ "access": access }));
        let changed = patch.apply(&Trunk::default()).expect("an account");
        assert!(matches!(changed.access, TrunkAccess::Registering { .. }));
    }

    #[test]
    fn a_misspelt_field_is_named() {
        check(json!({"chanels": 1}), Err("there is no field chanels"));
        check(
            json!({"identity": {"pai": true}}),
            Err("there is no field identity.pai"),
        );
        let networks = Patch(json!({"intern": []})).apply(&Networks::default());
        assert!(networks.is_err());
        check(
            json!({"name": "x", "channels_max": "many"}),
            Err("the field channels_max is of another type or lacks a part"),
        );
    }
}
