//! Trunks, groups, routes and time conditions: list, create, change, delete.
//!
//! What is shown is what is stored, as JSON, without its secrets: they can be written and not read.

use ipc::site::{Group, Route, Site, TimeCondition, Trunk};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use super::json;
use super::patch::{Patch, differences};
use crate::admin::{Admin, Caller};
use crate::fault::{Fault, Item};
use crate::http::{Request, Response, decode};
use crate::step::Step;

/// A thing in one of the site's lists, with a name of its own.
trait Listed: Serialize + DeserializeOwned + Default + Clone + Send + 'static {
    const ITEM: Item;
    fn key(&self) -> &str;
    fn list(site: &Site) -> &Vec<Self>;
    fn list_mut(site: &mut Site) -> &mut Vec<Self>;
}

/// Every one, in the site's order.
pub(crate) fn list(admin: &Admin, item: Item, caller: &Caller) -> Step {
    match item {
        Item::Trunk => list_of::<Trunk>(admin, caller),
        Item::Group => list_of::<Group>(admin, caller),
        Item::Route => list_of::<Route>(admin, caller),
        Item::Times => list_of::<TimeCondition>(admin, caller),
    }
}

/// One of them.
pub(crate) fn show(admin: &Admin, item: Item, name: &str, caller: &Caller) -> Step {
    match item {
        Item::Trunk => show_one::<Trunk>(admin, name, caller),
        Item::Group => show_one::<Group>(admin, name, caller),
        Item::Route => show_one::<Route>(admin, name, caller),
        Item::Times => show_one::<TimeCondition>(admin, name, caller),
    }
}

/// A new one, at the end of its list.
pub(crate) fn create(admin: &Admin, item: Item, request: &Request, caller: Caller) -> Step {
    match item {
        Item::Trunk => create_one::<Trunk>(admin, request, caller),
        Item::Group => create_one::<Group>(admin, request, caller),
        Item::Route => create_one::<Route>(admin, request, caller),
        Item::Times => create_one::<TimeCondition>(admin, request, caller),
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
    }
}

/// Deletes one. Something that others refer to stays, and they are named.
pub(crate) fn delete(admin: &Admin, item: Item, name: &str, caller: Caller) -> Step {
    match item {
        Item::Trunk => delete_one::<Trunk>(admin, name, caller),
        Item::Group => delete_one::<Group>(admin, name, caller),
        Item::Route => delete_one::<Route>(admin, name, caller),
        Item::Times => delete_one::<TimeCondition>(admin, name, caller),
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
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

fn list_of<T: Listed>(admin: &Admin, caller: &Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let all: Vec<Value> = T::list(site).iter().map(view).collect();
    Step::Respond(Response::json(200, &all).sealed())
}

fn show_one<T: Listed>(admin: &Admin, name: &str, caller: &Caller) -> Step {
    let name = decode(name).unwrap_or_default();
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    match T::list(site).iter().find(|it| it.key() == name) {
        Some(found) => Step::Respond(Response::json(200, &view(found)).sealed()),
        None => caller.refuse(&Fault::NoSuchItem(T::ITEM, name)),
    }
}

fn create_one<T: Listed>(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let made = Patch::read(request).and_then(|patch| patch.apply(&T::default()));
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

fn change_one<T: Listed>(admin: &Admin, name: &str, request: &Request, caller: Caller) -> Step {
    let name = decode(name).unwrap_or_default();
    let patch = match Patch::read(request) {
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

fn delete_one<T: Listed>(admin: &Admin, name: &str, caller: Caller) -> Step {
    let name = decode(name).unwrap_or_default();
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
    commit(admin, caller, action, 204, edit, |_| Value::Null)
}

/// Makes a change durable with what it did in the audit trail, and answers with what `shown` says
/// of the site as it is then; a status of 204 answers with nothing.
pub(super) fn commit(
    admin: &Admin,
    caller: Caller,
    action: String,
    status: u16,
    edit: impl Fn(&mut Site) -> Result<(), Fault> + Send + 'static,
    shown: impl Fn(&Site) -> Value + Send + 'static,
) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let mut wished = site.clone();
    let differences = edit(&mut wished).and_then(|()| differences(site, &wished));
    let differences = match differences {
        Ok(differences) => differences,
        Err(fault) => return caller.refuse(&fault),
    };
    Change {
        audit: caller.audit(action, String::new(), differences),
        caller,
        edit: Box::new(edit),
        done: Box::new(move |admin, _| {
            let site = admin.site.as_ref().map(|(_, site)| site);
            let response = match (status, site) {
                (204, _) | (_, None) => Response::empty(204),
                (_, Some(site)) => Response::json(status, &shown(site)),
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

fn one<T: Listed>(site: &Site, name: &str) -> Value {
    let found = T::list(site).iter().find(|it| it.key() == name);
    found.map(view).unwrap_or_default()
}

fn view<T: Serialize>(thing: &T) -> Value {
    let mut value = serde_json::to_value(thing).unwrap_or_default();
    hide(&mut value);
    value
}

/// Takes secrets out, and says whether there was one.
pub(super) fn hide(value: &mut Value) {
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
const SECRETS: [(&str, &str); 2] = [("password", "password_set"), ("pin_hash", "pin_set")];
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
