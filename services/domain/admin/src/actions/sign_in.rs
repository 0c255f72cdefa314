//! Signing in and out.

use std::net::IpAddr;

use ipc::Redacted;
use ipc::site::{Passkey, Person};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{form, json};
use crate::admin::{Admin, COOKIE, Caller};
use crate::answers::{Nothing, Welcome};
use crate::fault::Fault;
use crate::http::{Peer, Request, Response};
use crate::pages;
use crate::passkeys::is_guarded;
use crate::routes::Face;
use crate::session::{SessionId, Stage};
use crate::step::{Check, Moment, Step};

/// Who signs in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    login: String,
    password: Redacted<String>,
}

/// The sign-in form.
pub(crate) fn page(mut caller: Caller) -> Step {
    // Whoever is signed in may be about to sign in as somebody else.
    caller.login.clear();
    Step::Respond(pages::sign_in(&caller, None).sealed())
}

/// Checks login and password and opens a session.
pub(crate) fn sign_in(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    mut caller: Caller,
) -> Step {
    let credentials = match read(request, caller.face) {
        Ok(credentials) => credentials,
        Err(fault) => return caller.refuse(&fault),
    };
    caller.login = credentials.login;
    if admin.site.is_none() {
        return refuse(&caller, &Fault::Starting);
    }
    if admin.is_unrecorded_full() {
        return refuse(&caller, &Fault::StoreAway);
    }
    let address = address(&caller);
    if let Err(fault) = admin.begin_attempt(moment.now, address, &caller) {
        return refuse(&caller, &fault);
    }
    let hash = admin
        .person(&caller.login)
        .filter(|person| !person.disabled)
        .and_then(|person| admin.password_hash(person));
    if admin.is_login_key(&caller.login, &credentials.password) {
        return welcome(admin, moment, hash, caller);
    }
    Step::Verify(
        Check {
            password: credentials.password,
            hash: hash.clone(),
        },
        Box::new(move |admin, moment, verdict| match verdict {
            Ok(true) => match admin.admits(moment.now, &caller) {
                Ok(()) => welcome(admin, &moment, hash, caller),
                // Others that were looked at beside it were wrong once too often.
                Err(fault) => refuse(&caller, &fault),
            },
            Ok(false) => turn_away(admin, &moment, caller),
            Err(_) => {
                let address = self::address(&caller);
                admin.throttle.withdraw(moment.now, address, &caller.login);
                refuse(&caller, &Fault::Busy)
            }
        }),
    )
}

/// Ends the session.
pub(crate) fn sign_out(admin: &mut Admin, caller: Caller) -> Step {
    if let Some((id, _)) = &caller.session {
        admin.sessions.close(id);
    }
    let audit = caller.audit("signed out".into(), String::new(), String::new());
    admin.record(audit, move |_, _| {
        let response = match caller.face {
            Face::Page | Face::Asset => Response::redirect("/login"),
            Face::Api => Response::json(200, &Nothing {}),
        };
        Step::Respond(response.with("set-cookie", cookie("", 0)).sealed())
    })
}

/// The session cookie. It ends with the browser; the box ends it sooner.
pub(crate) fn session_cookie(token: &str) -> String {
    cookie(token, SESSION_COOKIE_SECS)
}

fn cookie(token: &str, age_secs: u32) -> String {
    format!("{COOKIE}={token}; Path=/; Max-Age={age_secs}; HttpOnly; Secure; SameSite=Strict")
}

fn read(request: &Request, face: Face) -> Result<Credentials, Fault> {
    let credentials = match face {
        Face::Api => json(request)?,
        Face::Page | Face::Asset => Credentials {
            login: form(request, "login").trim().to_owned(),
            password: Redacted::new(form(request, "password")),
        },
    };
    // Longer ones are nobody's, and would fill the throttle's table.
    let fits = credentials.login.len() <= config::LOGIN_LENGTH_MAX
        && credentials.password.reveal().len() <= crate::password::LENGTH_MAX;
    if fits {
        Ok(credentials)
    } else {
        Err(Fault::WrongLoginOrPassword)
    }
}

fn welcome(
    admin: &mut Admin,
    moment: &Moment,
    hash: Option<Redacted<String>>,
    caller: Caller,
) -> Step {
    admin
        .throttle
        .succeed(moment.now, address(&caller), &caller.login);
    let Some(person) = admin.person(&caller.login) else {
        return refuse(&caller, &Fault::WrongLoginOrPassword);
    };
    // The password may have been changed while this one was being compared.
    if person.disabled || admin.password_hash(person) != hash {
        return refuse(&caller, &Fault::WrongLoginOrPassword);
    }
    let stage = Stage {
        must_change: person.password_one_time,
        awaits_code: is_guarded(person),
        is_by_passkey: false,
    };
    let credential = admin.credential(person);
    let action = match stage.awaits_code {
        true => "password right, second factor asked for",
        false => "signed in",
    };
    enter(admin, caller, credential, stage, By::Password(action))
}

/// What somebody signs in by.
pub(super) enum By {
    /// The password, and what the trail says of it.
    Password(&'static str),
    /// This passkey, and nothing else.
    Passkey(Passkey),
}

/// Opens a session for whoever has proved who he is, once that is recorded.
pub(super) fn enter(
    admin: &mut Admin,
    caller: Caller,
    credential: [u8; 32],
    stage: Stage,
    by: By,
) -> Step {
    let action = match &by {
        By::Password(action) => (*action).to_owned(),
        By::Passkey(passkey) => format!("signed in with passkey {:?}", passkey.name),
    };
    let audit = caller.audit(action, String::new(), String::new());
    admin.record(audit, move |admin, moment| {
        // Switched off or given another password while that was written, or robbed of what was
        // used: what is opened now would be good again one day.
        let still = |it: &&Person| match &by {
            By::Password(_) => stage.awaits_code || !is_guarded(it),
            By::Passkey(passkey) => it.passkeys.iter().any(|own| own.id == passkey.id),
        };
        let person = admin.person(&caller.login);
        let person = person.filter(|it| !it.disabled).filter(still);
        if person.is_none_or(|it| admin.credential(it) != credential) {
            return refuse(&caller, &Fault::WrongLoginOrPassword);
        }
        let (now, login) = (moment.now, &caller.login);
        let sessions = &mut admin.sessions;
        let token = sessions.open(now, &moment.entropy, login, credential, stage);
        if !stage.awaits_code {
            admin.proved(now, &caller, &token);
        }
        let response = welcomed(admin, &caller, stage);
        Step::Respond(response.with("set-cookie", session_cookie(&token)).sealed())
    })
}

fn welcomed(admin: &Admin, caller: &Caller, stage: Stage) -> Response {
    match caller.face {
        Face::Api if stage.awaits_code => {
            let second_factor = Some(true);
            let welcome = Welcome {
                second_factor,
                ..Welcome::default()
            };
            Response::json(200, &welcome)
        }
        Face::Api => {
            let must_change_password = Some(stage.must_change);
            let person = admin.person(&caller.login);
            let must_enrol = person.is_some_and(|it| admin.must_enrol(it));
            let welcome = Welcome {
                must_change_password,
                must_set_up_second_factor: must_enrol.then_some(true),
                ..Welcome::default()
            };
            Response::json(200, &welcome)
        }
        Face::Page | Face::Asset if stage.awaits_code => Response::redirect("/code"),
        Face::Page | Face::Asset if stage.must_change => Response::redirect("/password"),
        Face::Page | Face::Asset => Response::redirect(admin.first_page(&caller.login)),
    }
}

/// The code was right too: the session is a whole one.
pub(super) fn signed_in(admin: &mut Admin, id: SessionId, caller: Caller) -> Step {
    signed_in_by(admin, id, caller, "signed in".to_owned())
}

/// The same, where it is said by what.
pub(super) fn signed_in_by(
    admin: &mut Admin,
    id: SessionId,
    caller: Caller,
    action: String,
) -> Step {
    let session = caller.session.as_ref();
    let must_change = session.is_some_and(|(_, session)| session.must_change);
    let audit = caller.audit(action, String::new(), String::new());
    admin.record(audit, move |admin, moment| {
        let Some(token) = admin.sessions.complete(&id, &moment.entropy) else {
            return refuse(&caller, &Fault::SignInFirst);
        };
        admin.proved(moment.now, &caller, &token);
        let stage = Stage {
            must_change,
            ..Stage::default()
        };
        let response = welcomed(admin, &caller, stage);
        Step::Respond(response.with("set-cookie", session_cookie(&token)).sealed())
    })
}

fn turn_away(admin: &mut Admin, moment: &Moment, caller: Caller) -> Step {
    admin.failed(moment.now, &caller);
    // What was typed as login may be a password in the wrong field: only known names are recorded.
    let who = if admin.person(&caller.login).is_some() {
        &caller.login
    } else {
        "(unknown)"
    };
    let mut audit = caller.audit("sign-in refused".into(), String::new(), String::new());
    who.clone_into(&mut audit.who);
    admin.record(audit, move |_, _| {
        refuse(&caller, &Fault::WrongLoginOrPassword)
    })
}

/// A person gets the form again, with the reason.
pub(super) fn refuse(caller: &Caller, fault: &Fault) -> Step {
    if caller.face == Face::Api {
        return caller.refuse(fault);
    }
    let mut response = pages::sign_in(caller, Some(fault));
    if let Some(secs) = fault.retry_after_secs() {
        response = response.with("retry-after", secs.to_string());
    }
    Step::Respond(response.sealed())
}

pub(super) fn address(caller: &Caller) -> IpAddr {
    match caller.peer {
        Peer::Network(address) => address,
        Peer::Local | Peer::Screen => IpAddr::from([127, 0, 0, 1]),
    }
}

/// As long as a session can last at all: 12 h.
const SESSION_COOKIE_SECS: u32 = 12 * 60 * 60;
