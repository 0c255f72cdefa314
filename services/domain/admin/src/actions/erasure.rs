//! What the box keeps on one person is gone for good (LGPD art. 18, VI): numbers out of call
//! records, recordings of these calls, accounts with what earlier versions have of them.
//!
//! First it is said how many of what there are; then it is done. The store acknowledges a list that
//! is durable, and goes through everything in the minutes that follow. What was done before that
//! is done again by asking again: nothing of it is done by half.

use std::collections::BTreeSet;

use config::{WholeNumber, is_inside_number, masked};
use ipc::Redacted;
use ipc::erasure::{Erasable, Whose};
use ipc::site::Site;
use ipc::sound::{Reply as MediaReply, Request as MediaRequest};
use ipc::store::{CallFilter, CallRecord, CallSearch, Reply, Request as Ask};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{Change, unkept};
use super::person::{Subject, refuse, ways_written};
use super::records::LIMIT_MAX;
use super::{form, json};
use crate::admin::{Admin, Caller};
use crate::fault::{Fault, PeopleFault};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::Step;

/// Whose data is to be gone: one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ErasureWish")]
pub(crate) struct Wish {
    /// Of somebody who has, or had, an account.
    #[serde(default)]
    login: String,
    /// Of somebody outside, whole: `+5548999990021`, in Brazil also `(48) 99999-0021`.
    #[serde(default)]
    number: Redacted<String>,
    /// Only say how many of what there are.
    #[serde(default)]
    dry_run: bool,
}

/// How many of what there are of somebody.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Erasure")]
pub(crate) struct ErasureView {
    /// Whose; a number is masked.
    pub(crate) about: String,
    /// Nothing was done.
    pub(crate) dry_run: bool,
    /// Call records that lose the number.
    pub(crate) call_records: u64,
    /// How the number stands in them, masked.
    pub(crate) written: BTreeSet<String>,
    /// Recordings of these calls.
    pub(crate) recordings: u64,
    /// There is an account.
    pub(crate) account: bool,
    /// Earlier versions of the configuration that lose the account.
    pub(crate) versions: u64,
    /// Extensions in force that have the name the account gave them; they lose it.
    pub(crate) names: u64,
    /// Places of the configuration in force that have the number; they are for somebody to change.
    pub(crate) in_configuration: u64,
    /// What was erased, now or before, is not gone from everywhere yet.
    pub(crate) under_way: bool,
    /// What stays, and why.
    pub(crate) stays: &'static str,
}

/// What was asked for, and what is known of it so far.
struct Erasure {
    subject: Subject,
    view: ErasureView,
    recordings: BTreeSet<String>,
    /// Extensions in force and the names that they lose.
    names: Vec<(String, String)>,
    caller: Caller,
}

/// Says what there is, and erases it.
pub(crate) fn erase(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let (subject, dry_run) = match read(admin, request, &caller) {
        Ok(read) => read,
        Err(fault) => return refuse(caller, fault),
    };
    let view = ErasureView {
        about: subject.told(),
        dry_run,
        stays: caller.language.words().erasure_stays,
        ..ErasureView::default()
    };
    let erasure = Erasure {
        subject,
        view,
        recordings: BTreeSet::new(),
        names: Vec::new(),
        caller,
    };
    match &erasure.subject {
        Subject::Login(_) => versions(erasure),
        Subject::Number(number) => {
            let number = number.clone();
            calls(erasure, number, None)
        }
    }
}

fn read(admin: &Admin, request: &Request, caller: &Caller) -> Result<(Subject, bool), Fault> {
    let wish = match caller.face {
        Face::Api => json(request)?,
        Face::Page | Face::Asset => Wish {
            login: form(request, "login"),
            number: Redacted::new(form(request, "number")),
            dry_run: form(request, "dry_run") == "1",
        },
    };
    // Nothing is done that cannot be recorded.
    if admin.is_unrecorded_full() {
        return Err(Fault::StoreAway);
    }
    let (_, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    let subject = Subject::of(&wish.login, wish.number.reveal(), site)?;
    if matches!(&subject, Subject::Login(login) if *login == caller.login) {
        return Err(PeopleFault::OwnAccount.into());
    }
    Ok((subject, wish.dry_run))
}

/// Counts the calls with a number, a page at a time. The search finds those of others that end
/// in the same digits, too.
fn calls(mut erasure: Erasure, number: WholeNumber, before: Option<String>) -> Step {
    let search = CallSearch {
        number: number.searched().to_owned(),
        ..CallSearch::default()
    };
    let ask = Ask::Calls {
        limit: LIMIT_MAX,
        before,
        only: CallFilter {
            search,
            ..CallFilter::default()
        },
    };
    Step::Store(
        ask,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Calls(records)) => {
                let is_full = records.len() >= usize::try_from(LIMIT_MAX).unwrap_or(usize::MAX);
                let last = records.last().map(|it| it.id.clone());
                for record in records {
                    erasure.count(record, &number);
                }
                match is_full {
                    true => calls(erasure, number, last),
                    false => files(erasure),
                }
            }
            other => erasure.caller.refuse(&unkept(other)),
        }),
    )
}

/// Of the recordings that the records name, those that are there.
fn files(mut erasure: Erasure) -> Step {
    if erasure.recordings.is_empty() {
        return versions(erasure);
    }
    Step::Media(
        MediaRequest::Recordings,
        Box::new(move |_, _, reply| match reply {
            Ok(MediaReply::Recordings(files)) => {
                let there: BTreeSet<String> = files.into_iter().map(|it| it.name).collect();
                erasure.recordings.retain(|it| there.contains(it));
                let count = erasure.recordings.len();
                erasure.view.recordings = u64::try_from(count).unwrap_or(u64::MAX);
                versions(erasure)
            }
            Ok(_) => erasure.caller.refuse(&Fault::Internal),
            Err(_) => erasure.caller.refuse(&Fault::MediaAway),
        }),
    )
}

fn versions(mut erasure: Erasure) -> Step {
    let login = match &erasure.subject {
        Subject::Login(login) => login.clone(),
        Subject::Number(_) => String::new(),
    };
    Step::Store(
        Ask::Erasable { login },
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::Erasable(Erasable {
                versions,
                names,
                is_under_way,
                refusal,
            })) => {
                // Before a recording or an account is gone.
                if let Some(reason) = refusal.filter(|_| !erasure.view.dry_run) {
                    return erasure.caller.refuse(&Fault::NotKept(reason));
                }
                erasure.view.versions = versions;
                erasure.view.names = u64::try_from(names.len()).unwrap_or(u64::MAX);
                erasure.names = names;
                erasure.view.under_way = is_under_way;
                counted(admin, erasure)
            }
            other => erasure.caller.refuse(&unkept(other)),
        }),
    )
}

/// Everything is counted: it is shown, or done.
fn counted(admin: &mut Admin, mut erasure: Erasure) -> Step {
    let Some((_, site)) = &admin.site else {
        return erasure.caller.refuse(&Fault::Starting);
    };
    match &erasure.subject {
        Subject::Login(login) => {
            erasure.view.account = admin.person(login).is_some();
            if !erasure.view.account && erasure.view.versions == 0 {
                let fault = Fault::NoSuchPerson(login.clone());
                return refuse(erasure.caller.clone(), fault);
            }
        }
        Subject::Number(number) => erasure.view.in_configuration = places(site, number),
    }
    if erasure.view.dry_run {
        return shown(&erasure);
    }
    match &erasure.subject {
        Subject::Login(_) if !erasure.view.account && erasure.names.is_empty() => note(erasure),
        Subject::Login(login) => {
            let login = login.clone();
            take_account(admin, login, erasure)
        }
        Subject::Number(_) => {
            let action = format!("erasure of {} begun", erasure.view.about);
            let audit = erasure.caller.audit(action, String::new(), erasure.told());
            admin.record(audit, move |_, _| delete_recordings(erasure))
        }
    }
}

fn take_account(admin: &Admin, login: String, erasure: Erasure) -> Step {
    let action = match erasure.view.account {
        true => format!("person {login} deleted, to be erased"),
        false => format!("names at extensions of {login} deleted, to be erased"),
    };
    let names = erasure.names.clone();
    let by = erasure.caller.login.clone();
    Change {
        audit: erasure.caller.audit(action, String::new(), String::new()),
        caller: erasure.caller.clone(),
        edit: Box::new(move |site| {
            if by == login {
                return Err(PeopleFault::OwnAccount.into());
            }
            config::erase_person(site, &login);
            for extension in &mut site.extensions {
                let is_one = |(number, name): &(String, String)| {
                    *number == extension.number && *name == extension.display_name
                };
                if names.iter().any(is_one) {
                    extension.display_name.clear();
                }
            }
            Ok(())
        }),
        done: Box::new(move |_, _| note(erasure)),
    }
    .commit(admin)
}

/// One after the other; what is not there any more is gone.
fn delete_recordings(mut erasure: Erasure) -> Step {
    let Some(name) = erasure.recordings.pop_first() else {
        return note(erasure);
    };
    Step::Media(
        MediaRequest::DeleteRecording(name),
        Box::new(move |_, _, reply| match reply {
            Ok(MediaReply::Done | MediaReply::Unknown) => delete_recordings(erasure),
            Ok(MediaReply::Failed { reason }) => erasure.caller.refuse(&Fault::NotKept(reason)),
            Ok(_) => erasure.caller.refuse(&Fault::Internal),
            Err(_) => erasure.caller.refuse(&Fault::MediaAway),
        }),
    )
}

/// Has the store note it.
fn note(mut erasure: Erasure) -> Step {
    let whose = match &erasure.subject {
        Subject::Login(login) => Whose::Login(login.clone()),
        Subject::Number(number) => Whose::Number(Redacted::new(number.forms())),
    };
    let action = format!("data of {} erased", erasure.view.about);
    let audit = erasure.caller.audit(action, String::new(), erasure.told());
    Step::Store(
        Ask::Erase { whose, audit },
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Stored) => {
                erasure.view.under_way = true;
                shown(&erasure)
            }
            other => erasure.caller.refuse(&unkept(other)),
        }),
    )
}

fn shown(erasure: &Erasure) -> Step {
    let response = match erasure.caller.face {
        Face::Page | Face::Asset => {
            pages::erasure(&erasure.caller, &erasure.view, &erasure.subject)
        }
        Face::Api => Response::json(200, &erasure.view),
    };
    Step::Respond(response.sealed())
}

impl Erasure {
    /// Counts a call, where the number stands in it.
    fn count(&mut self, call: CallRecord, number: &WholeNumber) {
        let written = ways_written(&call, number);
        if written.is_empty() {
            return;
        }
        let view = &mut self.view;
        view.call_records = view.call_records.saturating_add(1);
        view.written.extend(written.into_iter().map(masked));
        self.recordings.extend(call.recordings);
    }

    /// As the trail has it.
    fn told(&self) -> String {
        let view = &self.view;
        match &self.subject {
            Subject::Number(_) => format!(
                "call records {}, recordings {}",
                view.call_records, view.recordings
            ),
            Subject::Login(_) => format!("earlier versions {}", view.versions),
        }
    }
}

/// How often a number stands in the configuration, other than as one of the site's own.
fn places(site: &Site, number: &WholeNumber) -> u64 {
    let mut site = site.clone();
    site.dialling.owned_numbers.clear();
    fn count(value: &Value, number: &WholeNumber) -> u64 {
        match value {
            Value::String(text) => {
                let is_one = text.len() <= TEXT_LENGTH_MAX && !is_inside_number(text);
                u64::from(is_one && number.is(text))
            }
            Value::Array(all) => all.iter().map(|it| count(it, number)).sum(),
            Value::Object(fields) => fields.values().map(|it| count(it, number)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }
    count(&serde_json::to_value(&site).unwrap_or_default(), number)
}

/// Longer than any way of writing a number, and shorter than what passwords are checked by.
const TEXT_LENGTH_MAX: usize = 30;
