//! Passwords of people: chosen by themselves, or made by the box for one use.

use config::generate_password;
use ipc::site::{Person, Role, Site};
use ipc::{Redacted, init};
use schemars::JsonSchema;
use serde::Deserialize;

use super::accounts::find;
use super::change::Change;
use super::proof::doubted;
use super::sign_in::{address, session_cookie};
use super::{form, json, stretch};
use crate::admin::{Admin, Caller};
use crate::answers::{Nothing, OneTimePassword};
use crate::fault::{Fault, PeopleFault};
use crate::http::{Peer, Request, Response};
use crate::pages;
use crate::passkeys::is_guarded;
use crate::password::{self, Weakness};
use crate::routes::Face;
use crate::session::Stage;
use crate::step::{Check, Moment, Step};

/// The present password, and the next.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewOwnPassword")]
pub(crate) struct Passwords {
    old: Redacted<String>,
    new: Redacted<String>,
}

/// The form for changing one's password.
pub(crate) fn password_page(caller: &Caller) -> Step {
    Step::Respond(pages::password(caller, None).sealed())
}

/// Changes one's own password: compares the old, checks and hashes the new, commits, and opens a
/// new session in place of all the person had.
pub(crate) fn change_password(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    caller: Caller,
) -> Step {
    let passwords = match read(admin, request, &caller) {
        Ok(passwords) => passwords,
        Err(fault) => return refuse(&caller, &fault),
    };
    // The control socket has no password of its own: nobody of that name exists.
    let Some(person) = admin.person(&caller.login) else {
        return refuse(&caller, &Fault::NoSuchPerson(caller.login.clone()));
    };
    let hash = admin.password_hash(person);
    let present = person.password_hash.clone();
    // A guess that cannot be recorded is not taken.
    if admin.is_unrecorded_full() {
        return refuse(&caller, &Fault::StoreAway);
    }
    if let Err(fault) = admin.begin_attempt(moment.now, address(&caller), &caller) {
        return refuse(&caller, &fault);
    }
    if admin.is_login_key(&caller.login, &passwords.old) {
        admin
            .throttle
            .succeed(moment.now, address(&caller), &caller.login);
        return keep_chosen(present, passwords.new, caller);
    }
    Step::Verify(
        Check {
            password: passwords.old,
            hash,
        },
        Box::new(move |admin, moment, verdict| match verdict {
            Ok(true) => {
                admin
                    .throttle
                    .succeed(moment.now, address(&caller), &caller.login);
                keep_chosen(present, passwords.new, caller)
            }
            Ok(false) => {
                admin.failed(moment.now, &caller);
                let action = "password change refused: the present password was wrong";
                doubted(admin, action, Fault::WrongOldPassword, caller, refuse)
            }
            Err(_) => {
                admin
                    .throttle
                    .withdraw(moment.now, address(&caller), &caller.login);
                refuse(&caller, &Fault::Busy)
            }
        }),
    )
}

/// Makes a one-time password for somebody else and ends their sessions.
pub(crate) fn one_time_password(
    admin: &mut Admin,
    moment: &Moment,
    login: String,
    caller: Caller,
) -> Step {
    if admin.person(&login).is_none() {
        return caller.refuse(&Fault::NoSuchPerson(login));
    }
    // A session that somebody found must not get itself a password.
    if login == caller.login {
        return caller.refuse(&PeopleFault::OwnPassword.into());
    }
    let password = generate_password(&mut stretch(&moment.entropy));
    Step::Hash(
        Redacted::new(password.clone()),
        Box::new(move |admin, _, hashed| match hashed {
            Ok(hash) => {
                let asked = caller.clone();
                let person = admin.person(&login);
                let left = person.map(|it| (it.passkeys.len(), it.tokens.len()));
                let (passkeys, tokens) = left.unwrap_or_default();
                keep_one_time(admin, login, hash, caller, false, move |login| {
                    let response = match asked.face {
                        Face::Page | Face::Asset => {
                            let left = (passkeys, tokens);
                            pages::one_time_password(&asked, login, &password, left)
                        }
                        Face::Api => {
                            let answer = OneTimePassword {
                                one_time_password: &password,
                                passkeys,
                                tokens,
                            };
                            Response::json(200, &answer)
                        }
                    };
                    Step::Respond(response.sealed())
                })
            }
            Err(_) => caller.refuse(&Fault::Busy),
        }),
    )
}

/// Makes one for the administrator and shows it on the box's own screen, for somebody who stands
/// there. All his sessions end, and so does his second factor: the phone may be lost.
pub(crate) fn administrator_anew(admin: &Admin, moment: &Moment, caller: Caller) -> Step {
    let Some(login) = admin.administrator().map(|person| person.login.clone()) else {
        return caller.refuse(&Fault::Starting);
    };
    let password = generate_password(&mut stretch(&moment.entropy));
    Step::Hash(
        Redacted::new(password.clone()),
        Box::new(move |admin, _, hashed| match hashed {
            Ok(hash) => keep_one_time(admin, login, hash, caller, true, move |login| {
                show_on_screen(login, &password)
            }),
            Err(_) => caller.refuse(&Fault::Busy),
        }),
    )
}

/// Ends in 204, or 503 when nobody can have seen it.
fn show_on_screen(login: &str, password: &str) -> Step {
    let lines = vec![
        format!("administrator: {login}"),
        format!("one-time password: {password}"),
    ];
    Step::Init(
        init::Request::Screen(Redacted::new(lines)),
        Box::new(|_, _, reply| {
            let shown = matches!(reply, Ok(init::Reply::Done));
            Step::Respond(Response::empty(if shown { 204 } else { 503 }))
        }),
    )
}

impl Admin {
    /// Whether the first administrator has not signed in yet; `false` too while no configuration
    /// was seen.
    #[must_use]
    pub fn is_unclaimed(&self) -> bool {
        self.person(config::FACTORY_LOGIN)
            .is_some_and(|person| person.password_hash.reveal().is_empty())
    }

    /// Whether the administrator has chosen a password; `None` while no configuration was seen.
    #[must_use]
    pub fn is_claimed(&self) -> Option<bool> {
        let person = self.administrator()?;
        Some(!person.password_one_time && !person.password_hash.reveal().is_empty())
    }

    /// The administrator that a box has from the works, or the first of those who took his place.
    fn administrator(&self) -> Option<&Person> {
        let (_, site) = self.site.as_ref()?;
        let administers = |person: &&Person| person.role == Role::Administrator && !person.disabled;
        self.person(config::FACTORY_LOGIN)
            .filter(administers)
            .or_else(|| site.people.iter().find(administers))
    }

    /// Takes SHA-256 of the login key that an installer has laid down.
    pub const fn lay_down_login_key(&mut self, digest: [u8; 32]) {
        self.login_key = Some(digest);
    }

    /// Makes the one-time password of the first sign-in and shows it on the box's own screen.
    /// Nothing of it is kept on disk. Ends in 204, or 503 to be asked again later.
    pub fn first_sign_in(&mut self, moment: &Moment) -> Step {
        let password = generate_password(&mut stretch(&moment.entropy));
        Step::Hash(
            Redacted::new(password.clone()),
            Box::new(move |admin, _, hashed| {
                let Ok(hash) = hashed else {
                    return Step::Respond(Response::empty(503));
                };
                admin.first_password = Some(hash);
                show_on_screen(config::FACTORY_LOGIN, &password)
            }),
        )
    }
}

fn read(admin: &Admin, request: &Request, caller: &Caller) -> Result<Passwords, Fault> {
    let passwords: Passwords = match caller.face {
        Face::Api => json(request)?,
        Face::Page | Face::Asset => Passwords {
            old: Redacted::new(form(request, "old")),
            new: Redacted::new(form(request, "new")),
        },
    };
    if passwords.old.reveal().len() > password::LENGTH_MAX {
        return Err(Fault::WrongOldPassword);
    }
    if passwords.old == passwords.new {
        return Err(Fault::Weak(Weakness::Unchanged));
    }
    let (_, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    let names = password::names(site, request.header("host").unwrap_or_default());
    password::check(passwords.new.reveal(), &caller.login, &names).map_err(Fault::Weak)?;
    Ok(passwords)
}

/// `present` is the hash whose password was shown to be known.
fn keep_chosen(present: Redacted<String>, new: Redacted<String>, caller: Caller) -> Step {
    Step::Hash(
        new,
        Box::new(move |admin, _, hashed| {
            let Ok(hash) = hashed else {
                return refuse(&caller, &Fault::Busy);
            };
            let login = caller.login.clone();
            let action = format!("password of {login} changed by themselves");
            Change {
                audit: caller.audit(action, String::new(), String::new()),
                caller: caller.clone(),
                edit: Box::new(move |site| {
                    // Somebody who took the account away meanwhile must not lose it again to
                    // whoever knew its old password.
                    if !has_password(site, &login, &present) {
                        return Err(Fault::SignInFirst);
                    }
                    set_password(site, &login, &hash, false).map(|_| ())
                }),
                done: Box::new(move |admin, moment| renew_session(admin, &moment, &caller)),
            }
            .commit(admin)
        }),
    )
}

/// Every session of before is over; the person goes on in a new one.
fn renew_session(admin: &mut Admin, moment: &Moment, caller: &Caller) -> Step {
    let person = admin.person(&caller.login).filter(|it| !it.disabled);
    let Some(person) = person else {
        return caller.refuse(&Fault::SignInFirst);
    };
    let credential = admin.credential(person);
    admin.sessions.close_all_of(&caller.login);
    let token = admin.sessions.open(
        moment.now,
        &moment.entropy,
        &caller.login,
        credential,
        Stage::default(),
    );
    let response = match caller.face {
        Face::Page | Face::Asset => Response::redirect(admin.first_page(&caller.login)),
        Face::Api => Response::json(200, &Nothing {}),
    };
    Step::Respond(response.with("set-cookie", session_cookie(&token)).sealed())
}

/// `alone` is for who has nothing else: the password is then all that is asked for.
fn keep_one_time(
    admin: &Admin,
    login: String,
    hash: Redacted<String>,
    caller: Caller,
    alone: bool,
    answer: impl FnOnce(&str) -> Step + Send + 'static,
) -> Step {
    let and_factor = alone && admin.person(&login).is_some_and(is_guarded);
    let action = match and_factor {
        true => format!("one-time password for {login} made, second factor removed"),
        false => format!("one-time password for {login} made"),
    };
    let edited = login.clone();
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            let person = set_password(site, &edited, &hash, true)?;
            if alone {
                person.second_factor = None;
                person.passkeys.clear();
                person.passkey_codes.clear();
            }
            Ok(())
        }),
        done: Box::new(move |admin, _| {
            admin.sessions.close_all_of(&login);
            answer(&login)
        }),
    }
    .commit(admin)
}

fn has_password(site: &Site, login: &str, hash: &Redacted<String>) -> bool {
    site.people
        .iter()
        .any(|person| person.login == login && person.password_hash == *hash)
}

fn set_password<'a>(
    site: &'a mut Site,
    login: &str,
    hash: &Redacted<String>,
    one_time: bool,
) -> Result<&'a mut Person, Fault> {
    let person = find(site, login)?;
    person.password_hash = hash.clone();
    person.password_one_time = one_time;
    Ok(person)
}

/// A person gets the form again, with the reason.
fn refuse(caller: &Caller, fault: &Fault) -> Step {
    if caller.face == Face::Api || caller.peer == Peer::Local {
        return caller.refuse(fault);
    }
    let mut response = pages::password(caller, Some(fault));
    if let Some(secs) = fault.retry_after_secs() {
        response = response.with("retry-after", secs.to_string());
    }
    Step::Respond(response.sealed())
}
