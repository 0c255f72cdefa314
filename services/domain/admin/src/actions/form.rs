//! Pages with a form about one thing: extensions, trunks, groups, routes, times, prompts, and the
//! parts of the site there is one of. What they change goes the same way as through the API.

use std::sync::Arc;

use ipc::site::Site;
use serde_json::{Map, Value, json};

use super::accounts::{self, Account};
use super::items::{self, hide};
use super::patch::Patch;
use super::sections;
use crate::admin::{Admin, Caller, Trail};
use crate::fault::{Fault, Item};
use crate::form::{self, Answers, Form, Said};
use crate::http::{Request, decode};
use crate::pages::{self, Sheet};
use crate::routes::{Face, Section};
use crate::step::Step;

/// What a form is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// The extension with this number.
    Extension(String),
    /// Something with this name.
    Item(Item, String),
    /// Something new.
    New(Item),
    /// The account of this login.
    Person(String),
    NewPerson,
    Section(Section),
}

/// The form as it stands.
pub(crate) fn show(admin: &Admin, subject: &Subject, caller: &Caller) -> Step {
    let Some((version, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    match subject.value(site) {
        Ok(value) => {
            let sheet = subject.sheet(&value, *version, caller);
            Step::Respond(pages::sheet(caller, site, &sheet, None).sealed())
        }
        Err(fault) => caller.refuse(&fault),
    }
}

/// Everything of one kind.
pub(crate) fn list(admin: &Admin, item: Item, caller: &Caller) -> Step {
    match &admin.site {
        Some((_, site)) => Step::Respond(pages::items(caller, site, item).sealed()),
        None => caller.refuse(&Fault::Starting),
    }
}

/// Asks whether to delete.
pub(crate) fn ask_delete(admin: &Admin, item: Item, name: &str, caller: &Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let subject = Subject::Item(item, decode(name).unwrap_or_default());
    match (subject.value(site), &subject) {
        (Ok(_), Subject::Item(item, name)) => {
            let (back, action) = (back(*item), delete(*item, name));
            Step::Respond(pages::delete_question(caller, name, &action, back, None).sealed())
        }
        (Err(fault), _) => caller.refuse(&fault),
        (Ok(_), _) => caller.refuse(&Fault::Internal),
    }
}

/// What a request asks to change: as JSON by the API, by the form on a page. A page leads back to
/// its form with what was typed when that will not do.
pub(crate) fn asked(
    admin: &Admin,
    subject: &Subject,
    request: &Request,
    caller: &mut Caller,
) -> Result<Patch, Fault> {
    if caller.face == Face::Api {
        return Patch::read(request);
    }
    let (version, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    let answers = Answers::read(&request.body)?;
    let form = subject.form();
    let value = subject.value(site)?;
    let mut typed = form::patch(form, &answers, caller.language);
    if let (Ok(Value::Object(fields)), Some((name, _))) = (&mut typed, subject.named_by()) {
        fields.insert(name.to_owned(), json!(answers.one(name)));
    }
    let mut attempted = value;
    if let Ok(typed) = &typed {
        attempted = Patch(typed.clone()).merged(attempted);
    }
    caller.trail = Some(subject.trail(attempted, *version, site.clone()));
    typed.map(Patch)
}

/// Leads a page back from deleting something.
pub(crate) fn trail_of_delete(item: Item, name: &str, caller: &mut Caller) {
    if caller.face == Face::Api {
        return;
    }
    let (back, action) = (back(item), delete(item, name));
    let name = name.to_owned();
    caller.trail = Some(Trail {
        back,
        again: Arc::new(move |caller, fault| {
            pages::delete_question(caller, &name, &action, back, Some(fault))
        }),
    });
}

impl Subject {
    /// The thing as a form shows it, without its secrets.
    fn value(&self, site: &Site) -> Result<Value, Fault> {
        let mut value = match self {
            Self::Extension(number) => {
                let found = site.extensions.iter().find(|it| it.number == *number);
                let found = found.ok_or_else(|| Fault::NoSuchExtension(number.clone()))?;
                sections::whole(found)
            }
            Self::Item(item, name) => items::raw_of(site, *item, name)
                .ok_or_else(|| Fault::NoSuchItem(*item, name.clone()))?,
            Self::New(item) => items::usual(*item),
            Self::Person(login) => {
                let found = site.people.iter().find(|it| it.login == *login);
                let found = found.ok_or_else(|| Fault::NoSuchPerson(login.clone()))?;
                json!(Account::of(found))
            }
            Self::NewPerson => json!(Account::default()),
            Self::Section(section) => sections::raw(site, *section),
        };
        hide(&mut value);
        Ok(value)
    }

    const fn form(&self) -> &'static Form {
        match self {
            Self::Extension(_) => &form::EXTENSION,
            Self::Person(_) | Self::NewPerson => &form::PERSON,
            Self::Item(item, _) | Self::New(item) => match item {
                Item::Trunk => &form::TRUNK,
                Item::Group => &form::GROUP,
                Item::Route => &form::ROUTE,
                Item::Times => &form::TIMES,
                Item::Prompt => &form::PROMPT,
            },
            Self::Section(section) => match section {
                Section::Networks => &form::NETWORKS,
                Section::Features => &form::FEATURES,
                Section::Parking => &form::PARKING,
                Section::Dialling => &form::DIALLING,
                Section::Limits => &form::LIMITS,
                Section::Recording => &form::RECORDING,
                Section::Retention => &form::RETENTION,
                Section::Guard => &form::GUARD,
                Section::Countries => &form::COUNTRIES,
                Section::SignIn => &form::SIGN_IN,
            },
        }
    }

    const fn named_by(&self) -> Option<(&'static str, Said)> {
        match self {
            Self::New(Item::Group) => Some(("number", ("Number", "Número"))),
            Self::New(_) => Some(("name", ("Name", "Nome"))),
            Self::NewPerson => Some(("login", ("Login", "Login"))),
            Self::Extension(_) | Self::Item(..) | Self::Section(_) | Self::Person(_) => None,
        }
    }

    fn sheet<'a>(&self, value: &'a Value, version: u64, caller: &Caller) -> Sheet<'a> {
        let words = caller.language.words();
        let kind = |item| match item {
            Item::Trunk => words.trunk,
            Item::Group => words.group,
            Item::Route => words.route,
            Item::Times => words.time_condition,
            Item::Prompt => words.prompt,
        };
        let title = match self {
            Self::Extension(number) => format!("{} {number}", words.extension),
            Self::Item(item, name) => format!("{} {name}", kind(*item)),
            Self::New(item) => format!("{}: {}", words.new_one, kind(*item)),
            Self::Section(section) => caller.language.said(sections::title(*section)).to_owned(),
            Self::Person(login) => format!("{} {login}", words.person),
            Self::NewPerson => format!("{}: {}", words.new_one, words.person),
        };
        let delete = match self {
            Self::Extension(number) => Some(format!("/extensions/{number}/delete")),
            Self::Item(item, name) => Some(delete(*item, name)),
            Self::Person(login) => Some(accounts::address(login, "/delete")),
            Self::New(_) | Self::Section(_) | Self::NewPerson => None,
        };
        let changes = match self {
            Self::Person(_) | Self::NewPerson => caller.may_manage_people(),
            Self::Extension(_) | Self::Item(..) | Self::New(_) | Self::Section(_) => {
                caller.may_change()
            }
        };
        Sheet {
            form: self.form(),
            value,
            title,
            named_by: self.named_by(),
            action: self.action(),
            back: self.back(),
            delete,
            changes,
            version,
        }
    }

    fn action(&self) -> String {
        match self {
            Self::Extension(number) => format!("/extensions/{number}"),
            Self::Item(item, name) => format!("{}/{}", back(*item), escaped(name)),
            Self::New(item) => new(*item).to_owned(),
            Self::Section(section) => format!("/settings/{}", sections::path(*section)),
            Self::Person(login) => accounts::address(login, ""),
            Self::NewPerson => "/new/person".to_owned(),
        }
    }

    const fn back(&self) -> &'static str {
        match self {
            Self::Extension(_) => "/extensions",
            Self::Item(item, _) | Self::New(item) => back(*item),
            Self::Section(_) => "/settings",
            Self::Person(_) | Self::NewPerson => accounts::PEOPLE,
        }
    }

    fn trail(&self, attempted: Value, version: u64, site: Site) -> Trail {
        let subject = self.clone();
        Trail {
            back: self.back(),
            again: Arc::new(move |caller, fault| {
                let sheet = subject.sheet(&attempted, version, caller);
                pages::sheet(caller, &site, &sheet, Some(fault))
            }),
        }
    }
}

/// The page of the list that something is in.
pub(crate) const fn back(item: Item) -> &'static str {
    match item {
        Item::Trunk => "/trunks",
        Item::Group => "/groups",
        Item::Route => "/routes",
        Item::Times => "/times",
        Item::Prompt => "/prompts",
    }
}

/// The form for a new one.
pub(crate) const fn new(item: Item) -> &'static str {
    match item {
        Item::Trunk => "/new/trunk",
        Item::Group => "/new/group",
        Item::Route => "/new/route",
        Item::Times => "/new/time",
        Item::Prompt => "/new/prompt",
    }
}

fn delete(item: Item, name: &str) -> String {
    format!("{}/{}/delete", back(item), escaped(name))
}

/// A name as a part of an address (RFC 3986 §2.1).
pub(crate) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let bytes = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// An extension's own fields and its settings, as two changes.
pub(super) fn parted(patch: Patch) -> (Map<String, Value>, Patch) {
    let Value::Object(mut own) = patch.0 else {
        return (Map::new(), Patch(json!({})));
    };
    let mut settings = own.remove("settings").unwrap_or_else(|| json!({}));
    if let (Some(pin), Value::Object(settings)) = (own.remove("pin"), &mut settings) {
        settings.insert("pin".to_owned(), pin);
    }
    (own, Patch(settings))
}
