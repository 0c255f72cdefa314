//! The site as one file that people read: TOML, with only what differs from how things come.
//!
//! Three things are not in it. Secrets: a file goes by mail and lies in folders; what is imported
//! keeps the passwords the box has, and an extension it does not know gets a new one. Accounts of
//! people: each is given to a person on the box. The tunnel: it is this box's own way into a grid.

use ipc::site::{Site, Trunk, TrunkAccess};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::actions::patch::Patch;
use crate::fault::Fault;

/// The form this firmware writes, and the newest it reads.
const FORM: u64 = 1;
/// The field that says which form it is.
const FORM_FIELD: &str = "ramal-site";
/// Extensions, each with its settings beside its own fields.
const EXTENSIONS: &str = "extensions";
/// Fields that are secrets, wherever they stand.
const SECRETS: [&str; 5] = [
    "password",
    "pin_hash",
    "ha1_md5",
    "ha1_sha256",
    "spend_resumed",
];

/// The site as a file.
///
/// # Errors
/// [`Fault::Internal`] when it would not read back as it was.
pub(crate) fn write(version: u64, site: &Site) -> Result<String, Fault> {
    let mut file = Map::new();
    file.insert(FORM_FIELD.to_owned(), json!(FORM));
    let mut put = |name: &str, value: Value| file.insert(name.to_owned(), value);
    put("networks", part(&site.networks));
    put("dialling", part(&site.dialling));
    put("limits", part(&site.limits));
    put("features", part(&site.features));
    put("parking", part(&site.parking));
    put("recording", part(&site.recording));
    put("retention", part(&site.retention));
    put("guard", part(&site.guard));
    put("countries", part(&site.countries));
    put(EXTENSIONS, list(&site.extensions));
    put("groups", list(&site.groups));
    put("trunks", list(&site.trunks));
    put("routes", list(&site.routes));
    put("times", list(&site.times));
    put("prompts", list(&site.prompts));
    let text = toml::to_string_pretty(&Value::Object(file)).map_err(|_| Fault::Internal)?;
    let read = read(&text, site)?;
    if read.site != *site || !read.without_password.is_empty() {
        return Err(Fault::Internal);
    }
    Ok(format!(
        "# Ramal, configuration {version}. What is not written here is as it comes.\n\
         # Not in this file: passwords, accounts of people, and the tunnel into a grid.\n\n{text}"
    ))
}

/// What a file makes of the present site.
#[derive(Debug)]
pub(crate) struct FromFile {
    pub(crate) site: Site,
    /// Numbers of the extensions that the box does not know: each needs a password.
    pub(crate) without_password: Vec<String>,
    /// Trunks that register somewhere the box has no password for.
    pub(crate) trunks_without_password: Vec<String>,
}

/// Reads a file. A section or list it does not have stays as it is; one that it has replaces the
/// present one whole.
///
/// # Errors
/// Where the file is no TOML, or which field of what is wrong. Whether the whole is a site that can
/// be is asked of `config`.
pub(crate) fn read(text: &str, present: &Site) -> Result<FromFile, Fault> {
    let table: toml::Table = text.parse().map_err(|error| unreadable(text, &error))?;
    let Ok(Value::Object(mut file)) = serde_json::to_value(table) else {
        return Err(Fault::Internal);
    };
    match file.remove(FORM_FIELD).as_ref().map(Value::as_u64) {
        Some(Some(1..=FORM)) => {}
        Some(Some(newer)) => {
            let reason = format!("form {newer} is of a later firmware; this one reads {FORM}");
            return Err(wrong(FORM_FIELD, &reason));
        }
        Some(None) | None => {
            let reason = format!("this must be `{FORM_FIELD} = {FORM}`, above everything else");
            return Err(wrong(FORM_FIELD, &reason));
        }
    }
    let mut site = present.clone();
    take(&mut file, "networks", &mut site.networks)?;
    take(&mut file, "dialling", &mut site.dialling)?;
    take(&mut file, "limits", &mut site.limits)?;
    take(&mut file, "features", &mut site.features)?;
    take(&mut file, "parking", &mut site.parking)?;
    take(&mut file, "recording", &mut site.recording)?;
    take(&mut file, "retention", &mut site.retention)?;
    take(&mut file, "guard", &mut site.guard)?;
    take(&mut file, "countries", &mut site.countries)?;
    take_list(&mut file, "groups", &mut site.groups)?;
    take_list(&mut file, "routes", &mut site.routes)?;
    take_list(&mut file, "times", &mut site.times)?;
    take_list(&mut file, "prompts", &mut site.prompts)?;
    take_list(&mut file, "trunks", &mut site.trunks)?;
    take_list(&mut file, EXTENSIONS, &mut site.extensions)?;
    if let Some((name, _)) = file.iter().next() {
        return Err(wrong(name, "there is no such part of a site"));
    }
    let trunks_without_password = keep_trunk_passwords(&mut site.trunks, &present.trunks);
    let without_password = config::keep_secrets(&mut site.extensions, &present.extensions);
    // An installer changes nobody's account, and must be able to bring a file without them: what
    // is taken from people here shows among the changes.
    let _ = config::drop_dangling(&mut site);
    Ok(FromFile {
        site,
        without_password,
        trunks_without_password,
    })
}

fn unreadable(text: &str, error: &toml::de::Error) -> Fault {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // Its first sentence alone: the rest quotes the file.
    let reason = error.message().lines().next().unwrap_or_default();
    Fault::BadBody(format!("line {line}: {reason}"))
}

fn wrong(of: &str, reason: &str) -> Fault {
    Fault::BadBody(format!("{of}: {reason}"))
}

/// A part of the site there is one of, without what is as it comes.
fn part<T: Serialize + Default>(thing: &T) -> Value {
    let bare = pruned(value(thing), &value(&T::default()));
    bare.unwrap_or_else(|| Value::Object(Map::new()))
}

fn list<T: Serialize + Default>(things: &[T]) -> Value {
    things.iter().map(part).collect()
}

fn value<T: Serialize>(thing: &T) -> Value {
    let mut value = serde_json::to_value(thing).unwrap_or_default();
    take_secrets(&mut value);
    value
}

fn take_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !SECRETS.contains(&name.as_str()));
            fields.values_mut().for_each(take_secrets);
        }
        Value::Array(all) => all.iter_mut().for_each(take_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What of a value differs from another one; `None` when nothing does. TOML has no null, so what
/// is none is left out everywhere.
fn pruned(value: Value, usual: &Value) -> Option<Value> {
    match (value, usual) {
        (Value::Null, _) => None,
        (value, usual) if value == *usual => None,
        (Value::Object(fields), usual) => {
            let none = Value::Null;
            let fields = fields.into_iter().filter_map(|(name, value)| {
                let usual = usual.get(&name).unwrap_or(&none);
                Some((name, pruned(value, usual)?))
            });
            Some(Value::Object(fields.collect()))
        }
        (Value::Array(all), _) => {
            let all = all.into_iter();
            Some(all.filter_map(|one| pruned(one, &Value::Null)).collect())
        }
        (value, _) => Some(value),
    }
}

fn take<T>(file: &mut Map<String, Value>, name: &str, to: &mut T) -> Result<(), Fault>
where
    T: Serialize + DeserializeOwned + Default,
{
    if let Some(fields) = file.remove(name) {
        *to = made(name, fields)?;
    }
    Ok(())
}

fn take_list<T>(file: &mut Map<String, Value>, name: &str, to: &mut Vec<T>) -> Result<(), Fault>
where
    T: Serialize + DeserializeOwned + Default,
{
    let Some(all) = file.remove(name) else {
        return Ok(());
    };
    let Value::Array(all) = all else {
        return Err(wrong(name, &format!("write [[{name}]] above each")));
    };
    let all = all.into_iter().zip(1..);
    let all = all.map(|(fields, place)| made(&called(name, place, &fields), fields));
    *to = all.collect::<Result<_, _>>()?;
    Ok(())
}

/// What a person finds a thing in the file by.
fn called(list: &str, place: usize, fields: &Value) -> String {
    let name = ["number", "name"]
        .iter()
        .find_map(|it| fields.get(it)?.as_str());
    match name {
        Some(name) => format!("{list} {name:?}"),
        None => format!("{list}, number {place} in the file"),
    }
}

fn made<T>(of: &str, fields: Value) -> Result<T, Fault>
where
    T: Serialize + DeserializeOwned + Default,
{
    if !fields.is_object() {
        return Err(wrong(of, "write its fields below it"));
    }
    if let Some(secret) = secret_in(&fields) {
        let reason = format!("{secret}: secrets are not taken from a file; set them on the box");
        return Err(wrong(of, &reason));
    }
    Patch(fields)
        .apply(&T::default())
        .map_err(|fault| match fault {
            Fault::BadBody(reason) => wrong(of, &reason),
            other => other,
        })
}

fn secret_in(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let is_secret = SECRETS.contains(&name.as_str());
            is_secret
                .then_some(name.as_str())
                .or_else(|| secret_in(value))
        }),
        Value::Array(all) => all.iter().find_map(secret_in),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// An account keeps its password while server, proxy and user are the same: it must not be proved
/// to another server because a file says so. Answers which are left without one.
fn keep_trunk_passwords(trunks: &mut [Trunk], present: &[Trunk]) -> Vec<String> {
    let mut without = Vec::new();
    for trunk in trunks {
        let TrunkAccess::Registering {
            server,
            user,
            password,
            ..
        } = &mut trunk.access
        else {
            continue;
        };
        let now = present.iter().find(|now| now.name == trunk.name);
        let now = now.filter(|now| now.outbound_proxy == trunk.outbound_proxy);
        match now.map(|now| &now.access) {
            Some(TrunkAccess::Registering {
                server: kept_server,
                user: kept_user,
                password: kept,
                ..
            }) if server == kept_server && user == kept_user => password.clone_from(kept),
            Some(_) | None => without.push(trunk.name.clone()),
        }
    }
    without
}
