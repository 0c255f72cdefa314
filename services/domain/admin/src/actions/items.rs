//! Trunks, groups, routes, time conditions and prompts: list, create, change, delete.
//!
//! What is shown is what is stored, as JSON, without its secrets: they can be written and not read.

use std::sync::Arc;

use ipc::site::{Group, Prompt, Route, Site, TimeCondition, Trunk};
use ipc::store::{Reply, Request as Ask};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{Change, unkept};
use super::form::{self, Subject};
use super::json;
use crate::admin::{Admin, Caller, Trail};
use crate::fault::{Fault, Item};
use crate::http::{Request, Response, decode};
use crate::pages;
use crate::step::Step;

/// A thing in one of the site's lists, with a name of its own.
trait Listed: Serialize + DeserializeOwned + Default + Clone + Send + 'static {
    const ITEM: Item;
    fn key(&self) -> &str;
    fn list(site: &Site) -> &Vec<Self>;
    fn list_mut(site: &mut Site) -> &mut Vec<Self>;
}

/// One of them as it is kept.
pub(super) fn raw_of(site: &Site, item: Item, name: &str) -> Option<Value> {
    fn of<T: Listed>(site: &Site, name: &str) -> Option<Value> {
        T::list(site).iter().find(|it| it.key() == name).map(raw)
    }
    match item {
        Item::Trunk => of::<Trunk>(site, name),
        Item::Group => of::<Group>(site, name),
        Item::Route => of::<Route>(site, name),
        Item::Times => of::<TimeCondition>(site, name),
        Item::Prompt => of::<Prompt>(site, name),
    }
}

/// A new one, as it comes.
pub(super) fn usual(item: Item) -> Value {
    match item {
        Item::Trunk => raw(&Trunk::default()),
        Item::Group => raw(&Group::default()),
        Item::Route => raw(&Route::default()),
        Item::Times => raw(&TimeCondition::default()),
        Item::Prompt => raw(&Prompt::default()),
    }
}

/// Every one, in the site's order.
pub(crate) fn list(admin: &Admin, item: Item, caller: &Caller) -> Step {
    match item {
        Item::Trunk => list_of::<Trunk>(admin, caller),
        Item::Group => list_of::<Group>(admin, caller),
        Item::Route => list_of::<Route>(admin, caller),
        Item::Times => list_of::<TimeCondition>(admin, caller),
        Item::Prompt => list_of::<Prompt>(admin, caller),
    }
}

/// One of them.
pub(crate) fn show(admin: &Admin, item: Item, name: &str, caller: &Caller) -> Step {
    match item {
        Item::Trunk => show_one::<Trunk>(admin, name, caller),
        Item::Group => show_one::<Group>(admin, name, caller),
        Item::Route => show_one::<Route>(admin, name, caller),
        Item::Times => show_one::<TimeCondition>(admin, name, caller),
        Item::Prompt => show_one::<Prompt>(admin, name, caller),
    }
}

/// A new one, at the end of its list.
pub(crate) fn create(admin: &Admin, item: Item, request: &Request, caller: Caller) -> Step {
    match item {
        Item::Trunk => create_one::<Trunk>(admin, request, caller),
        Item::Group => create_one::<Group>(admin, request, caller),
        Item::Route => create_one::<Route>(admin, request, caller),
        Item::Times => create_one::<TimeCondition>(admin, request, caller),
        Item::Prompt => create_one::<Prompt>(admin, request, caller),
    }
}

/// Changes the fields a request names.
pub(crate) fn change(
    admin: &Admin,
    item: Item,
    name: &str,
    request: &Request,
    caller: Caller,
) -> Step {
    match item {
        Item::Trunk => change_one::<Trunk>(admin, name, request, caller),
        Item::Group => change_one::<Group>(admin, name, request, caller),
        Item::Route => change_one::<Route>(admin, name, request, caller),
        Item::Times => change_one::<TimeCondition>(admin, name, request, caller),
        Item::Prompt => change_one::<Prompt>(admin, name, request, caller),
    }
}

/// Deletes one. Something that others refer to stays, and they are named.
pub(crate) fn delete(admin: &Admin, item: Item, name: &str, caller: Caller) -> Step {
    match item {
        Item::Trunk => delete_one::<Trunk>(admin, name, caller),
        Item::Group => delete_one::<Group>(admin, name, caller),
        Item::Route => delete_one::<Route>(admin, name, caller),
        Item::Times => delete_one::<TimeCondition>(admin, name, caller),
        Item::Prompt => delete_one::<Prompt>(admin, name, caller),
    }
}

/// The routes by name, in their new order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RouteOrder")]
pub(crate) struct Order {
    names: Vec<String>,
}

/// Puts the routes in another order: the list holds every name once.
pub(crate) fn order_routes(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let order: Order = match json(request) {
        Ok(order) => order,
        Err(fault) => return caller.refuse(&fault),
    };
    let edit = move |site: &mut Site| {
        let mut left = std::mem::take(&mut site.routes);
        for name in &order.names {
            let Some(place) = left.iter().position(|route| route.name == *name) else {
                return Err(Fault::NoSuchItem(Item::Route, name.clone()));
            };
            site.routes.push(left.remove(place));
        }
        match left.first() {
            Some(missing) => Err(Fault::BadBody(format!(
                "the route {:?} is missing",
                missing.name
            ))),
            None => Ok(()),
        }
    };
    commit(
        admin,
        caller,
        "routes reordered".into(),
        200,
        edit,
        |site| {
            let names = site.routes.iter().map(|route| route.name.clone());
            Value::from_iter(names)
        },
    )
}

/// Takes a route before the one above it; the first stays where it is.
pub(crate) fn route_up(admin: &Admin, name: &str, mut caller: Caller) -> Step {
    let name = decode(name).unwrap_or_default();
    let again: fn(&Caller, &Fault) -> Response = pages::fault;
    caller.trail = Some(Trail {
        back: form::back(Item::Route),
        again: Arc::new(again),
    });
    let action = format!("route {name:?} moved up");
    let edit = move |site: &mut Site| {
        let place = site.routes.iter().position(|route| route.name == name);
        let place = place.ok_or_else(|| Fault::NoSuchItem(Item::Route, name.clone()))?;
        site.routes.swap(place, place.saturating_sub(1));
        Ok(())
    };
    commit(admin, caller, action, 204, edit, |_| Value::Null)
}

fn list_of<T: Listed>(admin: &Admin, caller: &Caller) -> Step {
    let Some((version, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let all: Vec<Value> = T::list(site).iter().map(view).collect();
    Step::Respond(versioned(Response::json(200, &all), *version).sealed())
}

fn show_one<T: Listed>(admin: &Admin, name: &str, caller: &Caller) -> Step {
    let name = decode(name).unwrap_or_default();
    let Some((version, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    match T::list(site).iter().find(|it| it.key() == name) {
        Some(found) => {
            let response = versioned(Response::json(200, &view(found)), *version);
            Step::Respond(response.sealed())
        }
        None => caller.refuse(&Fault::NoSuchItem(T::ITEM, name)),
    }
}

fn create_one<T: Listed>(admin: &Admin, request: &Request, mut caller: Caller) -> Step {
    let patch = form::asked(admin, &Subject::New(T::ITEM), request, &mut caller);
    let made = patch.and_then(|patch| patch.apply(&T::default()));
    let made = match made {
        Ok(made) => made,
        Err(fault) => return caller.refuse(&fault),
    };
    if RESERVED.contains(&made.key()) && T::ITEM == Item::Route {
        return caller.refuse(&Fault::ItemExists(T::ITEM, made.key().to_owned()));
    }
    let name = made.key().to_owned();
    let action = format!("{} {name:?} created", T::ITEM.english());
    let edit = move |site: &mut Site| {
        if T::list(site).iter().any(|it| it.key() == made.key()) {
            return Err(Fault::ItemExists(T::ITEM, made.key().to_owned()));
        }
        T::list_mut(site).push(made.clone());
        Ok(())
    };
    commit(admin, caller, action, 201, edit, move |site| {
        one::<T>(site, &name)
    })
}

fn change_one<T: Listed>(admin: &Admin, name: &str, request: &Request, mut caller: Caller) -> Step {
    let name = decode(name).unwrap_or_default();
    let subject = Subject::Item(T::ITEM, name.clone());
    let patch = match form::asked(admin, &subject, request, &mut caller) {
        Ok(patch) => patch,
        Err(fault) => return caller.refuse(&fault),
    };
    let shown = name.clone();
    let action = format!("{} {name:?} changed", T::ITEM.english());
    let edit = move |site: &mut Site| {
        let found = T::list_mut(site).iter_mut().find(|it| it.key() == name);
        let Some(found) = found else {
            return Err(Fault::NoSuchItem(T::ITEM, name.clone()));
        };
        let changed: T = patch.apply(found)?;
        if changed.key() != name {
            return Err(Fault::BadBody(
                "a name is given once; create another one".into(),
            ));
        }
        *found = changed;
        Ok(())
    };
    commit(admin, caller, action, 200, edit, move |site| {
        one::<T>(site, &shown)
    })
}

fn delete_one<T: Listed>(admin: &Admin, name: &str, mut caller: Caller) -> Step {
    let name = decode(name).unwrap_or_default();
    form::trail_of_delete(T::ITEM, &name, &mut caller);
    let shown = name.clone();
    let action = format!("{} {name:?} deleted", T::ITEM.english());
    let edit = move |site: &mut Site| {
        let list = T::list_mut(site);
        let count = list.len();
        list.retain(|it| it.key() != name);
        if list.len() == count {
            return Err(Fault::NoSuchItem(T::ITEM, name.clone()));
        }
        Ok(())
    };
    commit(admin, caller, action, 204, edit, move |site| {
        one::<T>(site, &shown)
    })
}

/// Makes a change durable with what it did in the audit trail, and answers with the part of the
/// site it was made to, without its secrets; a status of 204 answers with nothing.
///
/// Where the author said which version he had seen (`If-Match`, RFC 9110 §13.1.1), that part must
/// still be as it was then.
pub(super) fn commit(
    admin: &Admin,
    caller: Caller,
    action: String,
    status: u16,
    edit: impl Fn(&mut Site) -> Result<(), Fault> + Send + 'static,
    part: impl Fn(&Site) -> Value + Send + Sync + 'static,
) -> Step {
    commit_shown(admin, caller, action, status, edit, part, |mut part| {
        hide(&mut part);
        part
    })
}

/// The same where that part is shown otherwise than by taking its secrets out.
pub(super) fn commit_shown(
    admin: &Admin,
    caller: Caller,
    action: String,
    status: u16,
    edit: impl Fn(&mut Site) -> Result<(), Fault> + Send + 'static,
    part: impl Fn(&Site) -> Value + Send + Sync + 'static,
    shown: fn(Value) -> Value,
) -> Step {
    let Some((present, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let wanted = Wanted {
        caller,
        action,
        status,
        edit,
        part,
        shown,
    };
    match wanted.caller.seen {
        None => wanted.commit(admin, None),
        Some(seen) if seen == *present => {
            let part = (wanted.part)(site);
            wanted.commit(admin, Some(part))
        }
        Some(seen) => Step::Store(
            Ask::ConfigAt(seen),
            Box::new(move |admin, _, reply| match reply {
                Ok(Reply::Config { site, .. }) => {
                    let part = (wanted.part)(&site);
                    wanted.commit(admin, Some(part))
                }
                Ok(Reply::NoSuchVersion) => wanted.caller.refuse(&Fault::ChangedSince(seen)),
                other => wanted.caller.refuse(&unkept(other)),
            }),
        ),
    }
}

/// A change of a part of the site.
struct Wanted<Edit, Part> {
    caller: Caller,
    action: String,
    status: u16,
    edit: Edit,
    part: Part,
    shown: fn(Value) -> Value,
}

impl<Edit, Part> Wanted<Edit, Part>
where
    Edit: Fn(&mut Site) -> Result<(), Fault> + Send + 'static,
    Part: Fn(&Site) -> Value + Send + Sync + 'static,
{
    /// `seen` is the part as its author saw it.
    fn commit(self, admin: &Admin, seen: Option<Value>) -> Step {
        let Self {
            caller,
            action,
            status,
            edit,
            part,
            shown,
        } = self;
        let part = Arc::new(part);
        let edit = {
            let (part, version) = (Arc::clone(&part), caller.seen.unwrap_or_default());
            move |site: &mut Site| match &seen {
                Some(seen) if *seen != part(site) => Err(Fault::ChangedSince(version)),
                Some(_) | None => edit(site),
            }
        };
        let back = caller.trail.as_ref().map(|trail| trail.back);
        Change {
            audit: caller.audit(action, String::new(), String::new()),
            caller,
            edit: Box::new(edit),
            done: Box::new(move |admin, _| {
                let response = match (back, status, &admin.site) {
                    (Some(back), ..) => Response::redirect(back),
                    (None, 204, _) | (None, _, None) => Response::empty(204),
                    (None, _, Some((version, site))) => {
                        let value = shown(part(site));
                        versioned(Response::json(status, &value), *version)
                    }
                };
                Step::Respond(response.sealed())
            }),
        }
        .commit_telling(admin)
    }
}

/// Says which version an answer is of, for the `If-Match` of a change.
pub(super) fn versioned(response: Response, version: u64) -> Response {
    response.with("etag", format!("\"{version}\""))
}

fn one<T: Listed>(site: &Site, name: &str) -> Value {
    let found = T::list(site).iter().find(|it| it.key() == name);
    found.map(raw).unwrap_or_default()
}

fn raw<T: Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}

fn view<T: Serialize>(thing: &T) -> Value {
    let mut value = raw(thing);
    hide(&mut value);
    value
}

/// Takes secrets out, and says whether there was one.
pub(crate) fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (secret, said) in SECRETS {
                if let Some(kept) = fields.remove(secret) {
                    let set = kept.as_str().is_some_and(|text| !text.is_empty());
                    fields.insert(said.to_owned(), Value::Bool(set));
                }
            }
            fields.values_mut().for_each(hide);
        }
        Value::Array(all) => all.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fields that are never shown, and what is said instead.
pub(crate) const SECRETS: [(&str, &str); 2] =
    [("password", "password_set"), ("pin_hash", "pin_set")];
/// What a route cannot be called, because the API has these addresses.
const RESERVED: [&str; 3] = ["explain", "warnings", "order"];

impl Listed for Trunk {
    const ITEM: Item = Item::Trunk;
    fn key(&self) -> &str {
        &self.name
    }
    fn list(site: &Site) -> &Vec<Self> {
        &site.trunks
    }
    fn list_mut(site: &mut Site) -> &mut Vec<Self> {
        &mut site.trunks
    }
}

impl Listed for Group {
    const ITEM: Item = Item::Group;
    fn key(&self) -> &str {
        &self.number
    }
    fn list(site: &Site) -> &Vec<Self> {
        &site.groups
    }
    fn list_mut(site: &mut Site) -> &mut Vec<Self> {
        &mut site.groups
    }
}

impl Listed for Route {
    const ITEM: Item = Item::Route;
    fn key(&self) -> &str {
        &self.name
    }
    fn list(site: &Site) -> &Vec<Self> {
        &site.routes
    }
    fn list_mut(site: &mut Site) -> &mut Vec<Self> {
        &mut site.routes
    }
}

impl Listed for TimeCondition {
    const ITEM: Item = Item::Times;
    fn key(&self) -> &str {
        &self.name
    }
    fn list(site: &Site) -> &Vec<Self> {
        &site.times
    }
    fn list_mut(site: &mut Site) -> &mut Vec<Self> {
        &mut site.times
    }
}

impl Listed for Prompt {
    const ITEM: Item = Item::Prompt;
    fn key(&self) -> &str {
        &self.name
    }
    fn list(site: &Site) -> &Vec<Self> {
        &site.prompts
    }
    fn list_mut(site: &mut Site) -> &mut Vec<Self> {
        &mut site.prompts
    }
}
