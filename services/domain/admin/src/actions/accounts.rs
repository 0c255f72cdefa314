//! Accounts of people: list, add with a password made by the box, change, delete (R3, R6).
//!
//! Rights are given by somebody else: nobody changes what they themselves may do or see. What is
//! changed is in the audit trail field by field, and a grant says who gave it.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::generate_password;
use ipc::Redacted;
use ipc::site::{Grant, Person, Role, Site, Whose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};

use super::change::Change;
use super::form::{self, Subject, escaped};
use super::items::{commit, commit_shown, versioned};
use super::patch::Patch;
use super::stretch;
use crate::admin::{Admin, Caller, Trail};
use crate::answers::NewAccount;
use crate::fault::{Fault, PeopleFault};
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::{Face, OnPeople};
use crate::step::{Moment, Step};

/// What can be changed about an account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Account {
    /// Sign-in name; given once.
    pub(crate) login: String,
    pub(crate) role: Role,
    /// The extensions they use.
    pub(crate) extensions: Vec<String>,
    /// Whose calls they may see besides.
    pub(crate) calls_of: Vec<Whose>,
    /// They see whole numbers in calls of others; administrators do anyway.
    pub(crate) whole_numbers: bool,
    /// They may not sign in.
    pub(crate) disabled: bool,
    /// What is given now covers calls from before too; never kept.
    pub(crate) earlier_calls: bool,
}

/// Who gives something, and when by the wall clock.
#[derive(Clone)]
struct Giver {
    by: String,
    at_millis: i64,
}

impl Giver {
    fn now(caller: &Caller, moment: &Moment) -> Self {
        Self {
            by: caller.login.clone(),
            at_millis: moment.wall.as_millis(),
        }
    }
}

impl Account {
    pub(crate) fn of(person: &Person) -> Self {
        Self {
            login: person.login.clone(),
            role: person.role,
            extensions: person.extensions.clone(),
            calls_of: person.grants.iter().map(|it| it.of.clone()).collect(),
            whole_numbers: person.whole_numbers,
            disabled: person.disabled,
            earlier_calls: false,
        }
    }

    /// Takes it over into somebody. What is given anew says since when: a number that was somebody
    /// else's brings along none of his calls, unless that is meant.
    fn put(&self, person: &mut Person, giver: &Giver) {
        let since_millis = match self.earlier_calls {
            true => 0,
            false => giver.at_millis,
        };
        let given = |of: &Whose| {
            let kept = person.grants.iter().find(|it| it.of == *of).cloned();
            kept.unwrap_or_else(|| Grant {
                of: of.clone(),
                by: giver.by.clone(),
                since_millis,
            })
        };
        let grants = self.calls_of.iter().map(given).collect();
        let since = |number: &String| match person.extensions.contains(number) {
            true => person.extensions_since.get(number).copied(),
            false => Some(since_millis),
        };
        let own = self.extensions.iter();
        let own = own.filter_map(|number| Some((number.clone(), since(number)?)));
        person.extensions_since = own.collect();
        person.grants = grants;
        // One that a newer firmware gave is over once somebody says anything else about it.
        if (self.role, self.disabled) != (person.role, person.disabled) {
            person.unknown_role = None;
        }
        person.role = self.role;
        person.extensions.clone_from(&self.extensions);
        person.whole_numbers = self.whole_numbers;
        person.disabled = self.disabled;
    }

    fn for_audit(&self) -> String {
        // What is short and about rights comes first: a long text is cut.
        let disabled = if self.disabled { ", disabled" } else { "" };
        let earlier = if self.earlier_calls {
            ", earlier calls too"
        } else {
            ""
        };
        let whole = if self.whole_numbers {
            ", whole numbers"
        } else {
            ""
        };
        format!(
            "role {}{disabled}{whole}{earlier}, extensions {:?}, calls of {:?}",
            self.role.name(),
            self.extensions,
            self.calls_of
        )
    }
}

/// Does what is asked about accounts.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnPeople,
    login: String,
    caller: Caller,
) -> Step {
    match action {
        OnPeople::List => list(admin, &caller),
        OnPeople::New => form::show(admin, &Subject::NewPerson, &caller),
        OnPeople::Create => create(admin, moment, request, caller),
        OnPeople::Show if caller.face == Face::Api => show(admin, &login, &caller),
        OnPeople::Show => form::show(admin, &Subject::Person(login), &caller),
        OnPeople::Change => change(admin, moment, login, request, caller),
        OnPeople::AskDelete => ask_delete(admin, login, &caller),
        OnPeople::Delete => delete(admin, login, caller),
        OnPeople::OneTimePassword => super::people::one_time_password(admin, moment, login, caller),
    }
}

/// Everybody, by login.
fn list(admin: &Admin, caller: &Caller) -> Step {
    let Some((version, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let response = match caller.face {
        Face::Page | Face::Asset => pages::people(caller, site),
        Face::Api => {
            let all: Vec<AccountView> = site.people.iter().map(AccountView::from).collect();
            versioned(Response::json(200, &all), *version)
        }
    };
    Step::Respond(response.sealed())
}

fn show(admin: &Admin, login: &str, caller: &Caller) -> Step {
    match (&admin.site, admin.person(login)) {
        (Some((version, _)), Some(person)) => {
            let response = Response::json(200, &AccountView::from(person));
            Step::Respond(versioned(response, *version).sealed())
        }
        (_, None) => caller.refuse(&Fault::NoSuchPerson(login.to_owned())),
        (None, _) => caller.refuse(&Fault::Starting),
    }
}

/// An account, with what cannot be changed about it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccountView {
    login: String,
    role: Role,
    /// The name of the role, where it is one that only a newer firmware knows.
    unknown_role: Option<String>,
    /// The extensions they use.
    extensions: Vec<String>,
    /// Since when each is theirs, milliseconds since 1970; one that is not in it, since ever.
    extensions_since: BTreeMap<String, i64>,
    /// Whose calls they may see besides.
    calls_of: Vec<Whose>,
    /// They see whole numbers in calls of others; administrators do anyway.
    whole_numbers: bool,
    /// They may not sign in.
    disabled: bool,
    /// Who gave which of `calls_of`.
    grants: Vec<Grant>,
    /// `none` until the first sign-in on a new box, `one-time`, `chosen`.
    password: &'static str,
    second_factor: bool,
    /// Names of the passkeys.
    passkeys: Vec<String>,
    /// Names of the programs' tokens.
    tokens: Vec<String>,
}

impl From<&Person> for AccountView {
    fn from(person: &Person) -> Self {
        let Account {
            login,
            role,
            extensions,
            calls_of,
            whole_numbers,
            disabled,
            // Said with a change, and no property of the account.
            earlier_calls: _,
        } = Account::of(person);
        Self {
            login,
            role,
            unknown_role: person.unknown_role.as_ref().map(|it| it.name.clone()),
            extensions,
            extensions_since: person.extensions_since.clone(),
            calls_of,
            whole_numbers,
            disabled,
            grants: person.grants.clone(),
            password: password_state(person),
            second_factor: person.second_factor.is_some(),
            passkeys: person.passkeys.iter().map(|it| it.name.clone()).collect(),
            tokens: person.tokens.iter().map(|it| it.name.clone()).collect(),
        }
    }
}

/// What is with somebody's password: `none` until the first sign-in on a new box.
pub(crate) const fn password_state(person: &Person) -> &'static str {
    match (
        person.password_hash.reveal().is_empty(),
        person.password_one_time,
    ) {
        (true, _) => "none",
        (false, true) => "one-time",
        (false, false) => "chosen",
    }
}

/// A new account; the answer is the only place its password ever appears.
fn create(admin: &Admin, moment: &Moment, request: &Request, mut caller: Caller) -> Step {
    let patch = form::asked(admin, &Subject::NewPerson, request, &mut caller);
    let account = patch.and_then(|patch| patch.apply(&Account::default()));
    let account = match account {
        Ok(account) => account,
        Err(fault) => return caller.refuse(&fault),
    };
    let password = generate_password(&mut stretch(&moment.entropy));
    // A hash takes a while: what cannot be is said before.
    let giver = Giver::now(&caller, moment);
    if let Err(fault) = try_out(admin, &account, &giver) {
        return caller.refuse(&fault);
    }
    Step::Hash(
        Redacted::new(password.clone()),
        Box::new(move |admin, _, hashed| match hashed {
            Ok(hash) => keep_new(admin, (account, giver), hash, password, caller),
            Err(_) => caller.refuse(&Fault::Busy),
        }),
    )
}

fn try_out(admin: &Admin, account: &Account, giver: &Giver) -> Result<(), Fault> {
    let (_, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    let mut wished = site.clone();
    // What any hash looks like.
    let hash = Redacted::new("$argon2id$".to_owned());
    insert(&mut wished, account, &hash, giver)?;
    config::Site::parse(&wished)?;
    Ok(())
}

fn insert(
    site: &mut Site,
    account: &Account,
    hash: &Redacted<String>,
    giver: &Giver,
) -> Result<(), Fault> {
    if site.people.iter().any(|it| it.login == account.login) {
        return Err(PeopleFault::Exists(account.login.clone()).into());
    }
    let mut person = Person {
        login: account.login.clone(),
        password_hash: hash.clone(),
        password_one_time: true,
        ..Person::default()
    };
    account.put(&mut person, giver);
    site.people.push(person);
    // As the store gives them back.
    site.people
        .sort_by(|one, other| one.login.cmp(&other.login));
    Ok(())
}

fn keep_new(
    admin: &Admin,
    (account, giver): (Account, Giver),
    hash: Redacted<String>,
    password: String,
    caller: Caller,
) -> Step {
    let login = account.login.clone();
    let action = format!("person {login} created");
    Change {
        audit: caller.audit(action, String::new(), account.for_audit()),
        caller: caller.clone(),
        edit: Box::new(move |site| insert(site, &account, &hash, &giver)),
        done: Box::new(move |_, _| {
            let response = match caller.face {
                Face::Page | Face::Asset => {
                    pages::one_time_password(&caller, &login, &password, (0, 0))
                }
                Face::Api => {
                    let account = NewAccount {
                        login: &login,
                        one_time_password: &password,
                    };
                    Response::json(201, &account)
                }
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

/// Changes the fields a request names.
fn change(
    admin: &Admin,
    moment: &Moment,
    login: String,
    request: &Request,
    mut caller: Caller,
) -> Step {
    let subject = Subject::Person(login.clone());
    let patch = match form::asked(admin, &subject, request, &mut caller) {
        Ok(patch) => patch,
        Err(fault) => return caller.refuse(&fault),
    };
    let action = format!("person {login} changed");
    let (shown, giver) = (login.clone(), Giver::now(&caller, moment));
    let edit = move |site: &mut Site| {
        let person = find(site, &login)?;
        let before = Account::of(person);
        let after = patched(&patch, &before)?;
        // Nor whose calls are their own: those may be looked at unrecorded.
        if giver.by == login && before != after {
            return Err(PeopleFault::OwnAccount.into());
        }
        after.put(person, &giver);
        Ok(())
    };
    let part = move |site: &Site| whole(site, &shown);
    commit_shown(admin, caller, action, 200, edit, part, |part| {
        let person = serde_json::from_value::<Person>(part);
        person
            .map(|it| value!(AccountView::from(&it)))
            .unwrap_or_default()
    })
}

/// All of an account, so that another password is a change for who has not seen it; never shown.
fn whole(site: &Site, login: &str) -> Value {
    let found = site.people.iter().find(|it| it.login == login);
    found.map(|it| value!(it)).unwrap_or_default()
}

fn patched(patch: &Patch, before: &Account) -> Result<Account, Fault> {
    let after: Account = patch.apply(before)?;
    if after.login != before.login {
        let reason = "a login is given once; create another account";
        return Err(Fault::BadBody(reason.into()));
    }
    Ok(after)
}

fn ask_delete(admin: &Admin, login: String, caller: &Caller) -> Step {
    if admin.person(&login).is_none() {
        return caller.refuse(&Fault::NoSuchPerson(login));
    }
    let action = address(&login, "/delete");
    Step::Respond(pages::delete_question(caller, &login, &action, PEOPLE, None).sealed())
}

/// Deletes; the person's sessions end with the account.
fn delete(admin: &Admin, login: String, mut caller: Caller) -> Step {
    if caller.face != Face::Api {
        let (name, action) = (login.clone(), address(&login, "/delete"));
        caller.trail = Some(Trail {
            back: PEOPLE,
            again: Arc::new(move |caller, fault| {
                pages::delete_question(caller, &name, &action, PEOPLE, Some(fault))
            }),
        });
    }
    let action = format!("person {login} deleted");
    let (shown, by) = (login.clone(), caller.login.clone());
    let edit = move |site: &mut Site| {
        find(site, &login)?;
        if by == login {
            return Err(PeopleFault::OwnAccount.into());
        }
        site.people.retain(|it| it.login != login);
        Ok(())
    };
    commit(admin, caller, action, 204, edit, move |site| {
        whole(site, &shown)
    })
}

/// Somebody by login, to be changed.
pub(super) fn find<'a>(site: &'a mut Site, login: &str) -> Result<&'a mut Person, Fault> {
    let found = site.people.iter_mut().find(|it| it.login == login);
    found.ok_or_else(|| Fault::NoSuchPerson(login.to_owned()))
}

/// Where something about a person is done.
pub(crate) fn address(login: &str, what: &str) -> String {
    format!("{PEOPLE}/{}{what}", escaped(login))
}

impl Caller {
    /// Whether pages offer them to change people.
    pub(crate) const fn may_manage_people(&self) -> bool {
        self.may(Permission::ManagePeople)
    }
}

/// The page of all people.
pub(crate) const PEOPLE: &str = "/people";
