//! What is different about a site, entered on a box the way people do it: by the web API.

use ipc::site::Site;
use qemu::box_api::{ApiError, BoxApi};
use serde::Serialize;
use serde_json::{Map, Value};

/// Enters what makes `before`, which is on the box, to `after`. Extensions stay the same ones;
/// secrets that a box never takes as they are kept, like the hash of a PIN, are left out.
///
/// # Errors
/// The box refuses something.
pub(crate) fn enter(api: &BoxApi, before: &Site, after: &Site) -> Result<(), ApiError> {
    change(api, "/api/networks", &before.networks, &after.networks)?;
    change(api, "/api/features", &before.features, &after.features)?;
    change(api, "/api/parking", &before.parking, &after.parking)?;
    change(api, "/api/limits", &before.limits, &after.limits)?;
    change(api, "/api/guard", &before.guard, &after.guard)?;
    change(api, "/api/dialling", &before.dialling, &after.dialling)?;
    for (old, new) in before.extensions.iter().zip(&after.extensions) {
        let path = format!("/api/extensions/{}/settings", new.number);
        change(api, &path, &old.settings, &new.settings)?;
    }
    let (old, new) = (Lists::of(before), Lists::of(after));
    if old != new {
        old.delete(api)?;
        new.create(api)?;
    }
    Ok(())
}

/// What there is several of. Routes name groups and trunks, so they are last, and go first.
#[derive(PartialEq)]
struct Lists([(&'static str, &'static str, Vec<Value>); 4]);

impl Lists {
    fn of(site: &Site) -> Self {
        Self([
            ("/api/times", "name", values(&site.times)),
            ("/api/trunks", "name", values(&site.trunks)),
            ("/api/groups", "number", values(&site.groups)),
            ("/api/routes", "name", values(&site.routes)),
        ])
    }

    fn delete(&self, api: &BoxApi) -> Result<(), ApiError> {
        for (path, key, things) in self.0.iter().rev() {
            for thing in things {
                let name = thing[*key].as_str().unwrap_or_default();
                api.delete(&format!("{path}/{name}"))?;
            }
        }
        Ok(())
    }

    fn create(&self, api: &BoxApi) -> Result<(), ApiError> {
        for (path, _, things) in &self.0 {
            for thing in things {
                api.post(path, thing)?;
            }
        }
        Ok(())
    }
}

fn values<T: Serialize>(things: &[T]) -> Vec<Value> {
    things.iter().map(value).collect()
}

/// Sends the fields that are different, if there are any.
fn change<T: Serialize>(api: &BoxApi, path: &str, old: &T, new: &T) -> Result<(), ApiError> {
    let wish = differences(&value(old), &value(new));
    if wish.is_empty() {
        return Ok(());
    }
    api.post(path, &Value::Object(wish)).map(drop)
}

fn differences(old: &Value, new: &Value) -> Map<String, Value> {
    let fields = new.as_object().into_iter().flatten();
    let changed = fields.filter(|(name, value)| old.get(name) != Some(value));
    changed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn value<T: Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_fields_that_differ_are_sent() {
        let old = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": null});
        let new = json!({"a": 1, "b": {"c": 2, "d": 4}, "e": null});
        let wish = Value::Object(differences(&old, &new));
        assert_eq!(wish, json!({"b": {"c": 2, "d": 4}}));
    }
}
