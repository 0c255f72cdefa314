//! The second factor: set up by its owner, asked for at each sign-in, taken away by its owner or by
//! another administrator.

use ipc::Redacted;
use ipc::site::{SecondFactor, Site};
use schemars::JsonSchema;
use serde::Deserialize;

use super::accounts::{PEOPLE, find};
use super::change::Change;
use super::sign_in::signed_in;
use super::{done, form, json, stretch};
use crate::admin::{Admin, Caller};
use crate::answers::{Nothing, RecoveryCodes, SecondFactorOffer, SecondFactorState};
use crate::fault::{Fault, PeopleFault};
use crate::http::{Request, Response};
use crate::pages;
use crate::passkeys::is_guarded;
use crate::routes::{Face, OnSecondFactor};
use crate::second_factor::{new_recovery_codes, new_secret, recovery_match, uri};
use crate::session::SessionId;
use crate::step::{Moment, Step};

/// A code of the second factor, or one of those for a lost phone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TypedCode")]
pub(crate) struct Typed {
    code: Redacted<String>,
}

/// With what somebody can complete a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ways {
    pub(crate) app: bool,
    pub(crate) passkey: bool,
}

impl Ways {
    fn of(admin: &Admin, caller: &Caller) -> Self {
        let person = admin.person(&caller.login);
        Self {
            app: person.is_some_and(|it| it.second_factor.is_some()),
            passkey: person.is_some_and(|it| !it.passkeys.is_empty()),
        }
    }
}

/// Does what is asked about somebody's second factor.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnSecondFactor,
    login: String,
    caller: Caller,
) -> Step {
    match action {
        OnSecondFactor::CodePage => {
            Step::Respond(pages::code(&caller, Ways::of(admin, &caller), None).sealed())
        }
        OnSecondFactor::Code => enter(admin, moment, request, caller),
        OnSecondFactor::Show => show(admin, &caller),
        OnSecondFactor::Offer => offer(admin, moment, &caller),
        OnSecondFactor::Keep => keep(admin, moment, request, caller),
        OnSecondFactor::Remove => {
            let login = caller.login.clone();
            remove(admin, login, caller, "/second-factor")
        }
        OnSecondFactor::RemoveOf => remove(admin, login, caller, PEOPLE),
    }
}

/// How it stands.
fn show(admin: &Admin, caller: &Caller) -> Step {
    let Some(person) = admin.person(&caller.login) else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let left = person.second_factor.as_ref().map(|it| it.recovery.len());
    Step::Respond(match caller.face {
        Face::Page | Face::Asset => pages::second_factor(caller, left).sealed(),
        Face::Api => {
            let view = SecondFactorState {
                on: left.is_some(),
                recovery_codes_left: left,
            };
            Response::json(200, &view).sealed()
        }
    })
}

/// Draws a secret and shows it; it is nobody's until a code proves that an app has it.
fn offer(admin: &mut Admin, moment: &Moment, caller: &Caller) -> Step {
    let Some((id, _)) = &caller.session else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let secret = new_secret(&mut stretch(&moment.entropy));
    admin.codes.offer(*id, secret.clone(), moment.now);
    Step::Respond(offered(caller, &secret, None))
}

fn offered(caller: &Caller, secret: &Redacted<String>, fault: Option<&Fault>) -> Response {
    let uri = uri(&caller.login, secret);
    let response = match caller.face {
        Face::Page | Face::Asset => pages::offer(caller, secret.reveal(), &uri, fault),
        Face::Api => {
            let secret = secret.reveal();
            Response::json(200, &SecondFactorOffer { secret, uri: &uri })
        }
    };
    response.sealed()
}

/// Keeps the secret once a code of it was typed, and shows the codes for a lost phone.
fn keep(admin: &mut Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    // Whoever finds the session later must neither be shown the secret nor have it kept.
    if !caller.is_sure {
        return caller.refuse(&PeopleFault::ConfirmFirst.into());
    }
    let code = match read(request, caller.face) {
        Ok(code) => code,
        Err(fault) => return caller.refuse(&fault),
    };
    let session = caller.session.as_ref().map(|(id, _)| *id);
    let secret = session.and_then(|id| admin.codes.offered(&id, moment.now).cloned());
    let (Some(id), Some(secret)) = (session, secret) else {
        return caller.refuse(&PeopleFault::NothingOffered.into());
    };
    if let Err(wait) = admin.codes.attempt(moment.now, &caller.login) {
        return caller.refuse(&Fault::TooManyAttempts(wait));
    }
    let login = caller.login.clone();
    if !admin
        .codes
        .take(&login, &secret, code.reveal(), moment.wall)
    {
        let fault = PeopleFault::WrongCode.into();
        return match caller.face {
            Face::Page | Face::Asset => Step::Respond(offered(&caller, &secret, Some(&fault))),
            Face::Api => caller.refuse(&fault),
        };
    }
    let (codes, recovery) = new_recovery_codes(&mut stretch(&moment.entropy));
    let factor = SecondFactor { secret, recovery };
    let action = format!("second factor of {login} set up");
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| set(site, &login, Some(&factor))),
        done: Box::new(move |admin, _| {
            admin.codes.settle(&id);
            admin.sessions.close_but(&caller.login, id);
            let response = match caller.face {
                Face::Page | Face::Asset => pages::recovery_codes(&caller, &codes),
                Face::Api => {
                    let recovery_codes = &codes;
                    Response::json(200, &RecoveryCodes { recovery_codes })
                }
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

/// Takes somebody's second factor away.
fn remove(admin: &Admin, login: String, caller: Caller, back: &'static str) -> Step {
    match admin.person(&login).map(|it| it.second_factor.is_some()) {
        None => return caller.refuse(&Fault::NoSuchPerson(login)),
        Some(false) => return caller.refuse(&PeopleFault::NoSecondFactor.into()),
        Some(true) => {}
    }
    let action = format!("second factor of {login} removed");
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| set(site, &login, None)),
        done: Box::new(move |_, _| done(&caller, back)),
    }
    .commit(admin)
}

/// The session that the password alone has opened.
pub(super) fn half(caller: &Caller) -> Option<SessionId> {
    let awaits = caller.session.as_ref().filter(|(_, it)| it.awaits_code);
    awaits.map(|(id, _)| *id)
}

/// Begins an attempt at the second half, or says that it is not looked at now.
pub(super) fn begin(admin: &mut Admin, moment: &Moment, caller: &Caller) -> Result<(), Fault> {
    admin.admits(moment.now, caller)?;
    let begun = admin.codes.attempt(moment.now, &caller.login);
    begun.map_err(Fault::TooManyAttempts)
}

/// What is answered where the second half was said already.
pub(super) fn whole(caller: &Caller) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => Response::redirect("/"),
        Face::Api => Response::json(200, &Nothing {}),
    };
    Step::Respond(response.sealed())
}

/// The second half of a sign-in: a code of the app, or one for a lost phone.
fn enter(admin: &mut Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    let Some(id) = half(&caller) else {
        return whole(&caller);
    };
    let code = match read(request, caller.face) {
        Ok(code) => code,
        Err(fault) => return refuse(admin, &caller, &fault),
    };
    if let Err(fault) = begin(admin, moment, &caller) {
        return refuse(admin, &caller, &fault);
    }
    let login = caller.login.clone();
    let Some(person) = admin.person(&login).filter(|it| is_guarded(it)).cloned() else {
        // Taken away since the password was said.
        return signed_in(admin, id, caller);
    };
    let (codes, typed) = (&mut admin.codes, code.reveal());
    let is_good = |it: &SecondFactor| codes.take(&login, &it.secret, typed, moment.wall);
    if person.second_factor.as_ref().is_some_and(is_good) {
        return signed_in(admin, id, caller);
    }
    let Some(hash) = recovery_match(&person, code.reveal()) else {
        admin.failed(moment.now, &caller);
        let audit = caller.audit(
            "sign-in refused: wrong code".into(),
            String::new(),
            String::new(),
        );
        return admin.record(audit, move |admin, _| {
            refuse(admin, &caller, &PeopleFault::WrongCode.into())
        });
    };
    use_up(admin, hash, id, caller)
}

/// A code for a lost phone signs in once.
fn use_up(admin: &Admin, hash: Redacted<String>, id: [u8; 32], caller: Caller) -> Step {
    let login = caller.login.clone();
    let action = format!("recovery code of {login} used");
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            let person = find(site, &login)?;
            let of_app = person.second_factor.as_mut().map(|it| &mut it.recovery);
            let mut all = of_app.into_iter().chain([&mut person.passkey_codes]);
            let used = all.any(|codes| {
                let place = codes.iter().position(|it| *it == hash);
                place.map(|place| codes.remove(place)).is_some()
            });
            // Used by somebody else meanwhile.
            used.then_some(())
                .ok_or_else(|| PeopleFault::WrongCode.into())
        }),
        done: Box::new(move |admin, _| {
            admin.codes.forgive(&caller.login);
            signed_in(admin, id, caller)
        }),
    }
    .commit(admin)
}

fn set(site: &mut Site, login: &str, factor: Option<&SecondFactor>) -> Result<(), Fault> {
    find(site, login)?.second_factor = factor.cloned();
    Ok(())
}

fn read(request: &Request, face: Face) -> Result<Redacted<String>, Fault> {
    let code = match face {
        Face::Api => json::<Typed>(request)?.code,
        Face::Page | Face::Asset => Redacted::new(form(request, "code")),
    };
    match code.reveal().len() <= CODE_LENGTH_MAX {
        true => Ok(code),
        false => Err(PeopleFault::WrongCode.into()),
    }
}

/// A person gets the form again, with the reason.
pub(super) fn refuse(admin: &Admin, caller: &Caller, fault: &Fault) -> Step {
    if caller.face == Face::Api {
        return caller.refuse(fault);
    }
    let mut response = pages::code(caller, Ways::of(admin, caller), Some(fault));
    if let Some(secs) = fault.retry_after_secs() {
        response = response.with("retry-after", secs.to_string());
    }
    Step::Respond(response.sealed())
}

/// Longer than any code with its dashes.
const CODE_LENGTH_MAX: usize = 64;
