//! What the box keeps on one person: handed out as a file (LGPD art. 18, II and V).
//!
//! A person is somebody with an account, or a number of somebody outside. A number is never part of
//! an address, and the trail has it masked.

use config::{WholeNumber, is_inside_number, masked};
use ipc::Redacted;
use ipc::site::{Extension, Person, Site};
use ipc::store::{
    AuditEntry, CallFilter, CallRecord, CallSearch, Named, Registration, Reply, Request as Ask,
    TrailRequest,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::change::unkept;
use super::records::LIMIT_MAX;
use super::{form, json};
use crate::admin::{Admin, Caller};
use crate::calendar::rfc3339;
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::person_view::{CallOfPerson, ExtensionOfPerson, PersonData, PhoneOfPerson};
use crate::routes::{Face, OnPerson};
use crate::step::{Moment, Step};
use crate::views::AuditView;

/// Whose data is meant: one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PersonWish")]
pub(crate) struct Wish {
    /// Of somebody with an account.
    #[serde(default)]
    login: String,
    /// Of somebody outside, whole: `+5548999990021`, in Brazil also `(48) 99999-0021`.
    #[serde(default)]
    number: Redacted<String>,
    /// Only calls before the one with this id: the `calls_before` of a file that has not all.
    #[serde(default)]
    before: String,
    /// Only entries of the audit trail before this one: the `audit_before` of such a file.
    #[serde(default)]
    audit_before: Option<u64>,
}

/// Whose data is meant.
#[derive(Clone)]
pub(crate) enum Subject {
    Login(String),
    Number(WholeNumber),
}

impl Subject {
    /// # Errors
    /// Neither or both are said, nobody outside has the number, or it may be anybody's.
    pub(super) fn of(login: &str, number: &str, site: &Site) -> Result<Self, Fault> {
        match (login.trim(), number.trim()) {
            ("", "") => Err(Fault::BadBody("login, number: give one of the two".into())),
            (login, "") => Ok(Self::Login(login.to_owned())),
            ("", number) if is_inside_number(number) => Err(Fault::BadBody(
                "number: nobody outside has one of six digits at most; give the login of whoever \
                 uses the extension"
                    .into(),
            )),
            ("", number) => WholeNumber::parse(number, &site.dialling)
                .map(Self::Number)
                .map_err(Fault::NotWhole),
            (_, _) => Err(Fault::BadBody("login, number: give only one".into())),
        }
    }

    /// As the trail has it.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Login(login) => format!("person {login}"),
            Self::Number(number) => format!("number {}", masked(number.e164())),
        }
    }

    /// By which calls are asked for that are theirs, and others' that [`Self::is_in`] tells from
    /// them; `None` of somebody without any.
    fn calls(&self, site: &Site) -> Option<CallFilter> {
        match self {
            Self::Login(login) => {
                let calls = find(site, login).map(config::own_calls).unwrap_or_default();
                (!calls.is_empty()).then(|| CallFilter {
                    numbers: Some(calls),
                    ..CallFilter::default()
                })
            }
            Self::Number(number) => Some(CallFilter {
                search: CallSearch {
                    number: number.searched().to_owned(),
                    ..CallSearch::default()
                },
                ..CallFilter::default()
            }),
        }
    }

    /// Whether a call that was asked for is theirs.
    fn is_in(&self, call: &CallRecord) -> bool {
        match self {
            Self::Login(_) => true,
            Self::Number(number) => !ways_written(call, number).is_empty(),
        }
    }

    /// What the trail calls them; a number is masked in it, and so are those of others.
    fn names(&self, site: &Site) -> Vec<Named> {
        let Self::Login(login) = self else {
            return Vec::new();
        };
        let own = find(site, login).map(config::own_calls).unwrap_or_default();
        let extensions = own.into_iter().map(|it| Named {
            name: format!("extension {}", it.number),
            since_millis: it.since_millis,
        });
        let login = Named {
            name: login.clone(),
            since_millis: 0,
        };
        std::iter::once(login).chain(extensions).collect()
    }
}

/// Does what is asked about the data of a person.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnPerson,
    caller: Caller,
) -> Step {
    match action {
        OnPerson::Show => show(caller, None),
        OnPerson::Export => export(admin, moment, request, caller),
        OnPerson::Erase => super::erasure::erase(admin, request, caller),
    }
}

/// The page where one says whom one means.
fn show(caller: Caller, fault: Option<Fault>) -> Step {
    Step::Store(
        Ask::FormerAccounts,
        Box::new(move |admin, _, reply| {
            // Where the store does not say, a login can be typed all the same.
            let former = match reply {
                Ok(Reply::FormerAccounts(former)) => former,
                Ok(_) | Err(_) => Vec::new(),
            };
            match &admin.site {
                Some((_, site)) => {
                    let page = pages::person(&caller, site, &former, fault.as_ref());
                    Step::Respond(page.sealed())
                }
                None => caller.refuse(&Fault::Starting),
            }
        }),
    )
}

/// A person gets the page again, with the reason.
pub(super) fn refuse(caller: Caller, fault: Fault) -> Step {
    match caller.face {
        Face::Page | Face::Asset => show(caller, Some(fault)),
        Face::Api => caller.refuse(&fault),
    }
}

fn read(admin: &Admin, request: &Request, caller: &Caller) -> Result<(Subject, Wish), Fault> {
    let wish = match caller.face {
        Face::Api => json(request)?,
        Face::Page | Face::Asset => Wish {
            login: form(request, "login"),
            number: Redacted::new(form(request, "number")),
            before: form(request, "before"),
            audit_before: form(request, "audit_before").parse().ok(),
        },
    };
    let (_, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    // Nothing is handed out that cannot be recorded.
    if admin.is_unrecorded_full() {
        return Err(Fault::StoreAway);
    }
    let subject = Subject::of(&wish.login, wish.number.reveal(), site)?;
    match &subject {
        Subject::Login(login) if find(site, login).is_none() => {
            Err(Fault::NoSuchPerson(login.clone()))
        }
        Subject::Login(_) | Subject::Number(_) => Ok((subject, wish)),
    }
}

/// What has been gathered of a person.
struct Gathered {
    subject: Subject,
    made: String,
    calls: Vec<CallRecord>,
    calls_before: Option<String>,
    /// Where the entries of the next file begin, or those of this one.
    audit_before: Option<u64>,
    entries: Vec<AuditEntry>,
    phones: Vec<Registration>,
}

/// Everything that is kept on a person, as one file; more calls than it may have are in the next.
fn export(admin: &mut Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    let (subject, wish) = match read(admin, request, &caller) {
        Ok(read) => read,
        Err(fault) => return refuse(caller, fault),
    };
    let gathered = Gathered {
        subject,
        made: rfc3339(moment.wall.as_millis()),
        calls: Vec::new(),
        calls_before: None,
        audit_before: wish.audit_before,
        entries: Vec::new(),
        phones: Vec::new(),
    };
    let before = Some(wish.before).filter(|it| !it.is_empty());
    gather_calls(admin, gathered, before, caller)
}

/// Asks for one page of records after the other: an answer of the store has to fit a frame.
fn gather_calls(
    admin: &mut Admin,
    mut gathered: Gathered,
    before: Option<String>,
    caller: Caller,
) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let Some(only) = gathered.subject.calls(site) else {
        return gather_entries(admin, gathered, caller);
    };
    let ask = Ask::Calls {
        limit: LIMIT_MAX,
        before,
        only,
    };
    Step::Store(
        ask,
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::Calls(records)) => {
                let is_full = records.len() >= usize::try_from(LIMIT_MAX).unwrap_or(usize::MAX);
                let last = records.last().map(|it| it.id.clone());
                let records = records.into_iter();
                let theirs = records.filter(|it| gathered.subject.is_in(it));
                gathered.calls.extend(theirs);
                match (is_full, gathered.calls.len() < CALLS_MAX) {
                    (true, true) => gather_calls(admin, gathered, last, caller),
                    (true, false) => {
                        gathered.calls_before = last;
                        gather_entries(admin, gathered, caller)
                    }
                    (false, _) => gather_entries(admin, gathered, caller),
                }
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn gather_entries(admin: &mut Admin, mut gathered: Gathered, caller: Caller) -> Step {
    let before = gathered.audit_before.take();
    let names = match &admin.site {
        Some((_, site)) => gathered.subject.names(site),
        None => return caller.refuse(&Fault::Starting),
    };
    if names.is_empty() {
        return hand_out(admin, gathered, caller);
    }
    let ask = Ask::Trail(TrailRequest::About { names, before });
    Step::Store(
        ask,
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::TrailAbout(piece)) => {
                gathered.entries.extend(piece.entries);
                gathered.audit_before = piece.next;
                match piece.next.is_some() && gathered.entries.len() < ENTRIES_MAX {
                    true => gather_entries(admin, gathered, caller),
                    false => gather_phones(gathered, caller),
                }
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn gather_phones(mut gathered: Gathered, caller: Caller) -> Step {
    Step::Store(
        Ask::Registrations,
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::Registrations(phones)) => {
                gathered.phones = phones;
                hand_out(admin, gathered, caller)
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// Hands it out once the trail says so.
fn hand_out(admin: &mut Admin, gathered: Gathered, caller: Caller) -> Step {
    let told = format!(
        "{} call records, {} entries of the trail",
        gathered.calls.len(),
        gathered.entries.len()
    );
    let action = format!("data of {} handed out", gathered.subject.told());
    let audit = caller.audit(action, String::new(), told);
    admin.record(audit, move |admin, _| {
        let Some((_, site)) = &admin.site else {
            return caller.refuse(&Fault::Starting);
        };
        let data = data(gathered, site, &caller);
        let name = "attachment; filename=\"ramal-person.json\"";
        let response = Response::json(200, &data).with("content-disposition", name);
        Step::Respond(response.sealed())
    })
}

fn data(gathered: Gathered, site: &Site, caller: &Caller) -> PersonData {
    let words = caller.language.words();
    let (about, person) = match &gathered.subject {
        Subject::Login(login) => (login.clone(), find(site, login)),
        Subject::Number(number) => (number.e164().to_owned(), None),
    };
    let extensions: Vec<&Extension> = site
        .extensions
        .iter()
        .filter(|it| has(person, it))
        .collect();
    let is_theirs = |it: &&Registration| extensions.iter().any(|own| own.number == it.extension);
    let phones = gathered.phones.iter().filter(is_theirs);
    let calls = gathered.calls.into_iter();
    let calls = calls.map(|it| match &gathered.subject {
        Subject::Login(_) => it,
        Subject::Number(number) => without_others(it, number),
    });
    PersonData {
        made: gathered.made,
        about,
        account: person.map(Into::into),
        phones: phones.map(PhoneOfPerson::from).collect(),
        extensions: extensions
            .into_iter()
            .map(ExtensionOfPerson::from)
            .collect(),
        calls: calls.map(CallOfPerson::from).collect(),
        calls_before: gathered.calls_before,
        audit_before: gathered.audit_before,
        audit: gathered.entries.into_iter().map(AuditView::from).collect(),
        elsewhere: words.person_elsewhere,
    }
}

/// How a call has a number of somebody outside. An extension that looks like one is none.
pub(super) fn ways_written<'a>(call: &'a CallRecord, number: &WholeNumber) -> Vec<&'a str> {
    let inside = |text: &str| {
        call.extensions
            .iter()
            .chain(&call.rung)
            .any(|it| it == text)
    };
    let texts = [&call.from, &call.to, &call.transferred_to];
    let texts = texts.into_iter().map(String::as_str);
    texts
        .filter(|text| !is_inside_number(text) && !inside(text) && number.is(text))
        .collect()
}

/// Numbers of other people outside are none of theirs.
fn without_others(mut call: CallRecord, number: &WholeNumber) -> CallRecord {
    let inside: Vec<String> = call.extensions.iter().chain(&call.rung).cloned().collect();
    for text in [&mut call.from, &mut call.to, &mut call.transferred_to] {
        let is_known = is_inside_number(text) || inside.contains(text);
        if !is_known && !number.is(text) {
            *text = masked(text);
        }
    }
    call
}

fn has(person: Option<&Person>, extension: &Extension) -> bool {
    person.is_some_and(|it| it.extensions.contains(&extension.number))
}

fn find<'a>(site: &'a Site, login: &str) -> Option<&'a Person> {
    site.people.iter().find(|it| it.login == login)
}

/// Calls in one file: some ten megabytes.
const CALLS_MAX: usize = 10_000;
/// Entries of the audit trail in one file; each may have some kilobytes.
const ENTRIES_MAX: usize = 10_000;
