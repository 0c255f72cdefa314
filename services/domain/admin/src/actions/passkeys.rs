//! Passkeys of one's own: enrolled, listed, removed, and taken away by another administrator. How
//! one signs in with them is in [`super::passkey_use`].

use data_encoding::BASE64URL_NOPAD;
use ipc::Redacted;
use ipc::site::{Passkey, Person, Site};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use webauthn::{Expected, Registration, challenge_of, register};

use super::accounts::{PEOPLE, find};
use super::change::Change;
use super::{done, form, json, passkey_use, stretch};
use crate::admin::{Admin, Caller};
use crate::calendar::rfc3339;
use crate::fault::{Fault, PasskeyFault, PeopleFault};
use crate::http::{Request, Response, decode};
use crate::pages;
use crate::passkey_json::{CreationOptions, Made, MadeCredential};
use crate::passkeys::{Purpose, Stale};
use crate::routes::{Face, OnPasskeys};
use crate::second_factor::new_recovery_codes;
use crate::session::{SessionId, fingerprint};
use crate::step::{Moment, Step};

/// A passkey that was made, and what its owner calls it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPasskey")]
pub(crate) struct Wish {
    name: String,
    credential: MadeCredential,
}

/// A passkey as it is shown.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PasskeyView {
    pub(crate) name: String,
    /// The name of the box that it works at.
    pub(crate) made_for: String,
    pub(crate) made: String,
    /// It may be on several devices of its owner, as phones keep them.
    pub(crate) copied: bool,
}

/// A passkey that was enrolled.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Enrolled<'a> {
    pub(crate) name: &'a str,
    /// For the day the passkeys are lost, with the first of them: shown this once.
    pub(crate) recovery_codes: Option<&'a [String]>,
}

/// Does what is asked about passkeys.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnPasskeys,
    segment: &str,
    caller: Caller,
) -> Step {
    match action {
        OnPasskeys::Script => Step::Respond(pages::passkey_script()),
        OnPasskeys::List => list(admin, &caller),
        OnPasskeys::Offer => offer(admin, moment, &caller, None),
        OnPasskeys::Keep => keep(admin, moment, request, caller),
        OnPasskeys::Remove => {
            let name = decode(segment).unwrap_or_default();
            let login = caller.login.clone();
            remove(admin, login, Some(name), caller, PAGE)
        }
        OnPasskeys::RemoveAllOf => remove(admin, segment.to_owned(), None, caller, PEOPLE),
        OnPasskeys::AskSignIn => passkey_use::ask_sign_in(admin, moment, &caller),
        OnPasskeys::SignIn => passkey_use::sign_in(admin, moment, request, caller),
        OnPasskeys::AskSecond => passkey_use::ask_second(admin, moment, &caller),
        OnPasskeys::Second => passkey_use::second(admin, moment, request, caller),
        OnPasskeys::AskConfirm => passkey_use::ask_confirm(admin, moment, &caller),
        OnPasskeys::Confirm => passkey_use::confirm_by_api(admin, moment, request, caller),
    }
}

impl PasskeyView {
    fn of(passkey: &Passkey) -> Self {
        let millis = i64::try_from(passkey.made_secs).unwrap_or(i64::MAX);
        Self {
            name: passkey.name.clone(),
            made_for: passkey.made_for.clone(),
            made: rfc3339(millis.saturating_mul(1000)),
            copied: passkey.can_be_copied,
        }
    }
}

fn list(admin: &Admin, caller: &Caller) -> Step {
    let Some(person) = admin.person(&caller.login) else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let passkeys: Vec<PasskeyView> = person.passkeys.iter().map(PasskeyView::of).collect();
    let codes = person.passkey_codes.len();
    Step::Respond(match caller.face {
        Face::Page | Face::Asset => pages::passkeys(caller, &passkeys, codes).sealed(),
        Face::Api => Response::json(200, &passkeys).sealed(),
    })
}

/// Says what a passkey is to be made with. Nothing is kept for it: its challenge knows itself.
fn offer(admin: &mut Admin, moment: &Moment, caller: &Caller, fault: Option<&Fault>) -> Step {
    // Also where it follows a refusal: whoever found an open session would get a challenge by
    // sending what is none.
    if !caller.is_sure {
        return caller.refuse(&PeopleFault::ConfirmFirst.into());
    }
    let origin = match caller.by_name() {
        Ok(origin) => origin,
        Err(fault) => return caller.refuse(&fault),
    };
    let person = admin.person(&caller.login).cloned();
    let (Some((id, _)), Some(person)) = (&caller.session, person) else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let (now, entropy) = (moment.now, &moment.entropy);
    let passkeys = &mut admin.passkeys;
    let purpose = Purpose::Make(bound(id, &person));
    let challenge = passkeys.challenge(now, entropy, purpose, origin);
    let owner = owner(admin, &person, &challenge);
    let own = person.passkeys.iter().map(|it| it.id.clone());
    let name = caller.opened.name();
    let options = CreationOptions::new(name, &caller.login, owner, &challenge, own);
    Step::Respond(match caller.face {
        Face::Page | Face::Asset => {
            let options = serde_json::to_string(&options).unwrap_or_default();
            pages::passkey_offer(caller, &options, fault).sealed()
        }
        Face::Api => Response::json(200, &options).sealed(),
    })
}

/// The session, and what its owner is known by to authenticators when a passkey is made. One that
/// was made while he was known by something else would never sign in.
fn bound(session: &SessionId, person: &Person) -> SessionId {
    let known = person.passkeys.first().map(|it| it.owner.as_bytes());
    fingerprint(&[session.as_slice(), known.unwrap_or_default()].concat())
}

/// What somebody is known by to authenticators: one thing for all of his passkeys.
fn owner(admin: &Admin, person: &Person, challenge: &[u8]) -> String {
    let known = person.passkeys.first().map(|it| it.owner.clone());
    known.unwrap_or_else(|| BASE64URL_NOPAD.encode(&admin.passkeys.new_owner(challenge)))
}

/// Keeps a passkey that was made; with the first, codes for the day it is lost are shown.
fn keep(admin: &mut Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    let made = read(request, caller.face).and_then(|wish| {
        Ok((
            judge(admin, moment, &wish.credential.decode()?, &caller)?,
            wish,
        ))
    });
    let ((mut passkey, challenge), wish) = match made {
        Ok(made) => made,
        Err(fault) => return refuse(admin, moment, &caller, &fault),
    };
    wish.name.trim().clone_into(&mut passkey.name);
    let person = admin.person(&caller.login);
    let is_first = person.is_some_and(|it| it.passkeys.is_empty());
    let (codes, kept) = match is_first {
        true => new_recovery_codes(&mut stretch(&moment.entropy)),
        false => Default::default(),
    };
    // What the form got wrong is said in the form.
    let mut wished = admin.site.clone().map(|(_, site)| site).unwrap_or_default();
    let valid = insert(&mut wished, &caller.login, &passkey, &kept).and_then(|()| {
        config::Site::parse(&wished)?;
        Ok(())
    });
    let used = valid.and_then(|()| {
        let used = admin.passkeys.use_up(moment.now, &challenge, &caller.login);
        used.map_err(stale)
    });
    if let Err(fault) = used {
        return refuse(admin, moment, &caller, &fault);
    }
    let (login, name) = (caller.login.clone(), passkey.name.clone());
    let action = format!("passkey {name:?} of {login} enrolled");
    let told = format!("for {}", passkey.made_for);
    Change {
        audit: caller.audit(action, String::new(), told),
        caller: caller.clone(),
        edit: Box::new(move |site| insert(site, &login, &passkey, &kept)),
        done: Box::new(move |admin, _| {
            if let Some((id, _)) = &caller.session {
                admin.sessions.close_but(&caller.login, *id);
            }
            let shown = Some(codes.as_slice()).filter(|it| !it.is_empty());
            let response = match (caller.face, shown) {
                (Face::Page | Face::Asset, Some(codes)) => pages::recovery_codes(&caller, codes),
                (Face::Page | Face::Asset, None) => Response::redirect(PAGE),
                (Face::Api, recovery_codes) => {
                    let name = &name;
                    Response::json(
                        201,
                        &Enrolled {
                            name,
                            recovery_codes,
                        },
                    )
                }
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

/// The passkey that was made, without a name, and the challenge it answers.
fn judge(
    admin: &Admin,
    moment: &Moment,
    made: &Made,
    caller: &Caller,
) -> Result<(Passkey, Vec<u8>), Fault> {
    let origin = caller.by_name()?;
    let id = session(caller)?;
    let no_such = || Fault::NoSuchPerson(caller.login.clone());
    let person = admin.person(&caller.login).ok_or_else(no_such)?;
    let challenge = challenge_of(&made.client_data).map_err(PasskeyFault::from)?;
    let purpose = Purpose::Make(bound(&id, person));
    let checked = admin
        .passkeys
        .check(moment.now, &challenge, purpose, origin);
    checked.map_err(stale)?;
    let registration = Registration {
        client_data: &made.client_data,
        attestation: &made.attestation,
    };
    let expected = Expected {
        challenge: &challenge,
        origin,
        name: caller.opened.name(),
    };
    let new = register(&registration, &expected).map_err(PasskeyFault::from)?;
    let passkey = Passkey {
        name: String::new(),
        id: BASE64URL_NOPAD.encode(&new.id),
        public_key: BASE64URL_NOPAD.encode(&new.public_key),
        owner: owner(admin, person, &challenge),
        made_for: caller.opened.name().to_owned(),
        counter: new.counter,
        can_be_copied: new.is_backup_eligible,
        made_secs: u64::try_from(moment.wall.as_secs()).unwrap_or_default(),
    };
    Ok((passkey, challenge))
}

fn insert(
    site: &mut Site,
    login: &str,
    passkey: &Passkey,
    codes: &[Redacted<String>],
) -> Result<(), Fault> {
    // WebAuthn §7.1 step 26: nobody may have it, or a sign-in would not say whose it is.
    let mut all = site.people.iter().flat_map(|it| &it.passkeys);
    if all.any(|it| it.id == passkey.id) {
        return Err(PasskeyFault::Known.into());
    }
    let person = find(site, login)?;
    if person.passkeys.iter().any(|it| it.name == passkey.name) {
        return Err(PasskeyFault::Exists(passkey.name.clone()).into());
    }
    // Another was enrolled or removed while this one was: the codes that are shown would not be
    // those that are kept.
    if person.passkeys.is_empty() == codes.is_empty() {
        return Err(Fault::ChangedMeanwhile);
    }
    if person.passkeys.is_empty() {
        person.passkey_codes = codes.to_vec();
    }
    person.passkeys.push(passkey.clone());
    Ok(())
}

/// Takes one passkey of somebody away, or all.
fn remove(
    admin: &Admin,
    login: String,
    name: Option<String>,
    caller: Caller,
    back: &'static str,
) -> Step {
    let action = match &name {
        Some(name) => format!("passkey {name:?} of {login} removed"),
        None => format!("all passkeys of {login} removed"),
    };
    let edited = login.clone();
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            let person = find(site, &edited)?;
            let count = person.passkeys.len();
            person
                .passkeys
                .retain(|it| name.as_ref().is_some_and(|name| it.name != *name));
            if person.passkeys.is_empty() {
                person.passkey_codes.clear();
            }
            match (&name, person.passkeys.len() == count) {
                (Some(name), true) => Err(PasskeyFault::NoSuch(name.clone()).into()),
                (None, true) => Err(PasskeyFault::NobodyHasOne.into()),
                (_, false) => Ok(()),
            }
        }),
        done: Box::new(move |admin, _| {
            // What was signed in with it goes with it.
            match caller.session.as_ref().filter(|_| caller.login == login) {
                Some((id, _)) => admin.sessions.close_but(&login, *id),
                None => admin.sessions.close_all_of(&login),
            }
            done(&caller, back)
        }),
    }
    .commit(admin)
}

fn read(request: &Request, face: Face) -> Result<Wish, Fault> {
    if face == Face::Api {
        return json(request);
    }
    Ok(Wish {
        name: form(request, "name"),
        credential: field(request)?,
    })
}

/// What the script has put into a form.
pub(super) fn field<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, Fault> {
    written(&form(request, "credential"))
}

/// What a page was given by the browser.
pub(super) fn written<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let bad = |_| Fault::BadBody("credential: not what a browser gives".to_owned());
    serde_json::from_str(text).map_err(bad)
}

/// A person gets the form again, with the reason and another challenge.
fn refuse(admin: &mut Admin, moment: &Moment, caller: &Caller, fault: &Fault) -> Step {
    match caller.face {
        Face::Api => caller.refuse(fault),
        Face::Page | Face::Asset => offer(admin, moment, caller, Some(fault)),
    }
}

pub(super) fn session(caller: &Caller) -> Result<SessionId, Fault> {
    let session = caller.session.as_ref().map(|(id, _)| *id);
    session.ok_or_else(|| Fault::NoSuchPerson(caller.login.clone()))
}

pub(super) fn stale(stale: Stale) -> Fault {
    match stale {
        Stale::Unknown | Stale::Used => PasskeyFault::TooLate.into(),
        Stale::Busy => Fault::Busy,
    }
}

impl Caller {
    /// Where the page was served from, by the name that passkeys are made for.
    pub(super) fn by_name(&self) -> Result<&str, Fault> {
        let origin = self.opened.origin.as_deref();
        let elsewhere = || PasskeyFault::NotByName(self.opened.by_name.clone()).into();
        origin.ok_or_else(elsewhere)
    }
}

/// The page of one's own passkeys.
const PAGE: &str = "/passkeys";
