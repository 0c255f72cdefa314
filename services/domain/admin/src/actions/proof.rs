//! Saying again who one is, before what cannot be taken back: an open session that somebody found
//! is not enough for it. Routes that ask for it say so in their table ([`crate::Access::Sure`]).
//!
//! The session goes on under a new token then, so that whoever found the old one is not sure
//! because its owner was.
//!
//! A password that was typed within the last five minutes of the session will do, the sign-in
//! included, and so will a passkey, but for what is about ways in, and where the password was never
//! said. A page asks for it in place, with what was to be done; a program says it to
//! `/api/confirm` or `/api/confirm/passkey`, or along with what asks for the recovery code.

use ipc::Redacted;
use schemars::JsonSchema;
use serde::Deserialize;

use super::json;
use super::passkey_use::confirm as confirm_by_passkey;
use super::passkeys::written;
use super::sign_in::{address, session_cookie};
use crate::admin::{Admin, Caller};
use crate::answers::Nothing;
use crate::fault::{Fault, PeopleFault};
use crate::http::{Request, Response, form_fields};
use crate::pages;
use crate::passkey_json::{Used, UsedCredential};
use crate::password;
use crate::routes::{Action, Face, Route};
use crate::session::Proof as By;
use crate::step::{Check, Moment, Step};

/// The password, by the API.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    password: Redacted<String>,
}

/// What came along with a request.
pub(crate) enum Said {
    Password(Redacted<String>),
    Passkey(Box<Used>),
}

/// What came along with a request, where its route takes it.
pub(crate) fn said(request: &Request, route: &Route) -> Result<Option<Said>, Fault> {
    let by_page = matches!(route.face, Face::Page | Face::Asset);
    let credential = field(request, PASSKEY_FIELD).filter(|_| by_page);
    if let Some(credential) = credential.filter(|it| !it.reveal().is_empty()) {
        let used = written::<UsedCredential>(credential.reveal())?.decode()?;
        return Ok(Some(Said::Passkey(Box::new(used))));
    }
    Ok(typed(request, route)?.map(Said::Password))
}

fn typed(request: &Request, route: &Route) -> Result<Option<Redacted<String>>, Fault> {
    match route.face {
        Face::Page | Face::Asset => Ok(field(request, FIELD)),
        Face::Api if !takes_password(route.action) || request.body == b"{}" => Ok(None),
        Face::Api => Ok(Some(json::<Proof>(request)?.password)),
    }
}

const fn takes_password(action: Action) -> bool {
    matches!(action, Action::RecoveryCode | Action::RenewRecoveryCode)
}

/// Goes on once what was said has been found to be the caller's own.
pub(crate) fn hold(
    admin: &mut Admin,
    moment: &Moment,
    said: Said,
    caller: Caller,
    refuse: impl FnOnce(&Caller, &Fault) -> Step + Send + 'static,
    then: impl FnOnce(&mut Admin, Moment, Caller) -> Step + Send + 'static,
) -> Step {
    match said {
        Said::Password(typed) => check(admin, moment, typed, caller, refuse, then),
        Said::Passkey(used) => confirm_by_passkey(admin, moment, &used, caller, refuse, then),
    }
}

/// Goes on once the password has been compared with the caller's own.
fn check(
    admin: &mut Admin,
    moment: &Moment,
    typed: Redacted<String>,
    caller: Caller,
    refuse: impl FnOnce(&Caller, &Fault) -> Step + Send + 'static,
    then: impl FnOnce(&mut Admin, Moment, Caller) -> Step + Send + 'static,
) -> Step {
    // The control socket has no password of its own: nobody of that name exists.
    let Some(person) = admin.person(&caller.login) else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let hash = admin.password_hash(person);
    // A guess that cannot be recorded is not taken.
    if admin.is_unrecorded_full() {
        return refuse(&caller, &Fault::StoreAway);
    }
    if typed.reveal().len() > password::LENGTH_MAX {
        return refuse(&caller, &Fault::WrongOldPassword);
    }
    let place = address(&caller);
    if let Err(fault) = admin.begin_attempt(moment.now, place, &caller) {
        return refuse(&caller, &fault);
    }
    Step::Verify(
        Check {
            password: typed,
            hash,
        },
        Box::new(move |admin, moment, verdict| match verdict {
            Ok(true) => {
                admin.throttle.succeed(moment.now, place, &caller.login);
                sure(admin, moment, By::Password, caller, then)
            }
            Ok(false) => {
                admin.failed(moment.now, &caller);
                let action = "confirmation refused: the password was wrong";
                doubted(admin, action, Fault::WrongOldPassword, caller, refuse)
            }
            Err(_) => {
                admin.throttle.withdraw(moment.now, place, &caller.login);
                refuse(&caller, &Fault::Busy)
            }
        }),
    )
}

/// Goes on in the session, which is from now on that of whoever said who he is: he is given another
/// token for it.
pub(super) fn sure(
    admin: &mut Admin,
    moment: Moment,
    by: By,
    mut caller: Caller,
    then: impl FnOnce(&mut Admin, Moment, Caller) -> Step,
) -> Step {
    let (for_token, moment) = moment.divided();
    let old = caller.session.take().map(|(id, _)| id);
    // It has ended when its owner was switched off or given another password or role meanwhile.
    let proved = old.and_then(|old| {
        let (token, id, session) = admin.sessions.prove(&old, moment.now, &for_token, by)?;
        admin.codes.pass_on(&old, id);
        Some((token, id, session))
    });
    let Some((token, id, session)) = proved else {
        return caller.refuse(&Fault::SignInFirst);
    };
    caller.has_said_password = session.has_said_password(moment.now);
    caller.session = Some((id, session));
    caller.is_sure = true;
    then(admin, moment, caller).ending(Box::new(move |response| {
        response.with("set-cookie", session_cookie(&token))
    }))
}

/// What was said was wrong: that is recorded, and too often ends the session.
pub(crate) fn doubted(
    admin: &mut Admin,
    action: &str,
    fault: Fault,
    caller: Caller,
    refuse: impl FnOnce(&Caller, &Fault) -> Step + Send + 'static,
) -> Step {
    let session = caller.session.as_ref();
    let ended = session.is_some_and(|(id, _)| admin.sessions.doubt(id));
    let action = match ended {
        true => format!("{action}, once too often: the session was ended"),
        false => action.to_owned(),
    };
    let audit = caller.audit(action, String::new(), String::new());
    admin.record(audit, move |_, _| match ended {
        true => caller.refuse(&Fault::SignInFirst),
        false => refuse(&caller, &fault),
    })
}

/// Takes the password, for what is done within the next five minutes.
pub(crate) fn confirm(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    caller: Caller,
) -> Step {
    let typed = match json::<Proof>(request) {
        Ok(Proof { password }) => password,
        Err(fault) => return caller.refuse(&fault),
    };
    let done = |_: &mut Admin, _, _| Step::Respond(Response::json(200, &Nothing {}).sealed());
    check(admin, moment, typed, caller, Caller::refuse, done)
}

/// Asks for the password, with what was to be done: a page has it in its form.
pub(crate) fn ask(request: &Request, caller: &Caller, fault: Option<&Fault>) -> Step {
    let first = PeopleFault::ConfirmFirst.into();
    if caller.face == Face::Api {
        return caller.refuse(fault.unwrap_or(&first));
    }
    let text = std::str::from_utf8(&request.body).ok();
    let fields = text.and_then(form_fields).unwrap_or_default();
    let is_proof = |name: &str| [FIELD, PASSKEY_FIELD].contains(&name);
    let fields = fields.into_iter().filter(|(name, _)| !is_proof(name));
    let fields: Vec<(String, String)> = fields.collect();
    let mut response = pages::confirm(caller, &request.path, &fields, fault);
    if let Some(secs) = fault.and_then(Fault::retry_after_secs) {
        response = response.with("retry-after", secs.to_string());
    }
    Step::Respond(response.sealed())
}

fn field(request: &Request, name: &str) -> Option<Redacted<String>> {
    let text = std::str::from_utf8(&request.body).ok()?;
    crate::http::form_field(text, name).map(Redacted::new)
}

/// The field of a form that has what a passkey gave.
pub(crate) const PASSKEY_FIELD: &str = "confirm_passkey";
/// The field of a form that has the password.
pub(crate) const FIELD: &str = "confirm_password";
