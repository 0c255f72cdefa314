//! Signing in with a passkey: alone, or after the password in the place of a code.
//!
//! Alone it is both what somebody has and, as the authenticator has to check who is there, what he
//! knows or is.

use data_encoding::BASE64URL_NOPAD;
use ipc::site::Passkey;
use ipc::{Redacted, store};
use schemars::JsonSchema;
use serde::Deserialize;
use webauthn::{Assertion, Credential, Expected, Refusal, challenge_of};

use super::passkeys::{field, session, stale};
use super::second_factor;
use super::sign_in::{By, address, enter, refuse, signed_in_by};
use super::{json, proof};
use crate::admin::{Admin, Caller};
use crate::answers::Nothing;
use crate::fault::{Fault, PasskeyFault, PeopleFault};
use crate::http::{Request, Response};
use crate::opened::Name;
use crate::passkey_json::{RequestOptions, Used, UsedCredential};
use crate::passkeys::{COUNTERS, Purpose};
use crate::routes::Face;
use crate::session::{Proof, Stage};
use crate::step::{Moment, Step};

/// A passkey that was used.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UsedPasskey")]
pub(crate) struct Use {
    credential: UsedCredential,
}

/// What a passkey is to be used with, for whoever it is: the authenticator says who.
pub(super) fn ask_sign_in(admin: &mut Admin, moment: &Moment, caller: &Caller) -> Step {
    ask(admin, moment, Purpose::SignIn, Vec::new(), caller)
}

/// The same, for whoever has said a password: one of his own.
pub(super) fn ask_second(admin: &mut Admin, moment: &Moment, caller: &Caller) -> Step {
    match session(caller).and_then(|id| Ok((id, own(admin, caller)?))) {
        Ok((id, own)) => ask(admin, moment, Purpose::Second(id), own, caller),
        Err(fault) => caller.refuse(&fault),
    }
}

/// The same, for whoever is to say again who he is.
pub(super) fn ask_confirm(admin: &mut Admin, moment: &Moment, caller: &Caller) -> Step {
    match session(caller).and_then(|id| Ok((id, own(admin, caller)?))) {
        Ok((id, own)) if caller.confirms_by_passkey => {
            ask(admin, moment, Purpose::Confirm(id), own, caller)
        }
        Ok(_) => caller.refuse(&PasskeyFault::PasswordFirst.into()),
        Err(fault) => caller.refuse(&fault),
    }
}

/// Passkeys of the caller that work where the page was opened. Where none does, it is said by
/// which name of the box one would, or that the certificate has ended it; of one made for a name of
/// before nobody knows.
fn own(admin: &Admin, caller: &Caller) -> Result<Vec<String>, Fault> {
    let person = admin.person(&caller.login);
    let all = person.map_or(&[][..], |it| it.passkeys.as_slice());
    let is_named = caller.opened.origin.is_some();
    let is_here = |it: &&Passkey| is_named && it.made_for == caller.opened.name();
    let here: Vec<String> = all.iter().filter(is_here).map(|it| it.id.clone()).collect();
    if !here.is_empty() {
        return Ok(here);
    }
    let names = admin.names();
    let has_one = |it: &&Name| all.iter().any(|own| own.made_for == it.name);
    let mut others = names.iter().filter(has_one);
    let served = others.clone().find(|it| it.is_served);
    match (served, others.next()) {
        (None, Some(left_out)) => Err(PasskeyFault::Ended(left_out.name.clone()).into()),
        (Some(other), _) if is_named => {
            Err(PasskeyFault::NotByName(format!("https://{}", other.name)).into())
        }
        _ => caller.by_name().map(|_| here),
    }
}

fn ask(
    admin: &mut Admin,
    moment: &Moment,
    purpose: Purpose,
    allowed: Vec<String>,
    caller: &Caller,
) -> Step {
    let origin = match caller.by_name() {
        Ok(origin) => origin,
        Err(fault) => return caller.refuse(&fault),
    };
    let passkeys = &mut admin.passkeys;
    let challenge = passkeys.challenge(moment.now, &moment.entropy, purpose, origin);
    let options = RequestOptions::new(caller.opened.name(), &challenge, allowed.into_iter());
    Step::Respond(Response::json(200, &options).sealed())
}

/// Opens a session for whoever has this passkey.
pub(super) fn sign_in(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    mut caller: Caller,
) -> Step {
    caller.login.clear();
    let used = match read(request, caller.face) {
        Ok(used) => used,
        Err(fault) => return refuse(&caller, &fault),
    };
    if admin.site.is_none() {
        return refuse(&caller, &Fault::Starting);
    }
    if admin.is_unrecorded_full() {
        return refuse(&caller, &Fault::StoreAway);
    }
    let found = admin.owner_of(&used.id);
    let login = found.as_ref().map_or(NOBODY, |(login, _)| login);
    login.clone_into(&mut caller.login);
    let place = address(&caller);
    if let Err(fault) = admin.begin_attempt(moment.now, place, &caller) {
        caller.login.clear();
        return refuse(&caller, &fault);
    }
    let judged = found
        .ok_or_else(|| Fault::from(PasskeyFault::Unknown))
        .and_then(|(_, passkey)| {
            // WebAuthn §7.2 step 6: nobody has said yet who he is.
            match used.owner.as_ref() == Some(&passkey.owner) {
                true => judge(admin, moment, &used, passkey, Purpose::SignIn, &caller),
                false => Err(PasskeyFault::Unknown.into()),
            }
        });
    let (passkey, counter) = match judged {
        Ok(judged) => judged,
        Err(fault) => {
            admin.failed(moment.now, &caller);
            return turn_away(admin, used.id, caller, fault);
        }
    };
    admin.throttle.succeed(moment.now, place, &caller.login);
    let Some(person) = admin.person(&caller.login) else {
        return refuse(&caller, &PasskeyFault::Unknown.into());
    };
    let stage = Stage {
        must_change: person.password_one_time,
        awaits_code: false,
        is_by_passkey: true,
    };
    let credential = admin.credential(person);
    counted(admin, &passkey.clone(), counter, move |admin| {
        enter(admin, caller, credential, stage, By::Passkey(passkey))
    })
}

/// Completes a session that the password has opened.
pub(super) fn second(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    caller: Caller,
) -> Step {
    let Some(id) = second_factor::half(&caller) else {
        return second_factor::whole(&caller);
    };
    let used = match read(request, caller.face) {
        Ok(used) => used,
        Err(fault) => return second_factor::refuse(admin, &caller, &fault),
    };
    if admin.is_unrecorded_full() {
        return second_factor::refuse(admin, &caller, &Fault::StoreAway);
    }
    if let Err(fault) = second_factor::begin(admin, moment, &caller) {
        return second_factor::refuse(admin, &caller, &fault);
    }
    // Another's passkey is nobody's here; who it is was said by the password (§7.2 step 6).
    let found = admin.owner_of(&used.id);
    let judged = found
        .filter(|(login, passkey)| {
            let owner = used.owner.as_ref();
            *login == caller.login && owner.is_none_or(|it| *it == passkey.owner)
        })
        .ok_or_else(|| Fault::from(PasskeyFault::Unknown))
        .and_then(|(_, it)| judge(admin, moment, &used, it, Purpose::Second(id), &caller));
    let (passkey, counter) = match judged {
        Ok(judged) => judged,
        Err(fault) => {
            admin.failed(moment.now, &caller);
            let action = format!("sign-in refused: {}", told(admin, &used.id, &fault));
            let audit = caller.audit(action, String::new(), String::new());
            return admin.record(audit, move |admin, _| {
                second_factor::refuse(admin, &caller, &fault)
            });
        }
    };
    admin.codes.forgive(&caller.login);
    let action = format!("signed in with passkey {:?}", passkey.name);
    counted(admin, &passkey, counter, move |admin| {
        signed_in_by(admin, id, caller, action)
    })
}

/// Says again who one is, for what is done within the next five minutes.
pub(super) fn confirm_by_api(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    caller: Caller,
) -> Step {
    let used = match read(request, caller.face) {
        Ok(used) => used,
        Err(fault) => return caller.refuse(&fault),
    };
    confirm(admin, moment, &used, caller, Caller::refuse, |_, _, _| {
        Step::Respond(Response::json(200, &Nothing {}).sealed())
    })
}

/// Goes on once a passkey of the caller has said again who he is.
pub(super) fn confirm(
    admin: &mut Admin,
    moment: &Moment,
    used: &Used,
    caller: Caller,
    refuse: impl FnOnce(&Caller, &Fault) -> Step + Send + 'static,
    then: impl FnOnce(&mut Admin, Moment, Caller) -> Step + Send + 'static,
) -> Step {
    let id = match session(&caller) {
        Ok(id) if caller.confirms_by_passkey => id,
        Ok(_) => return refuse(&caller, &PasskeyFault::PasswordFirst.into()),
        Err(fault) => return refuse(&caller, &fault),
    };
    if admin.is_unrecorded_full() {
        return refuse(&caller, &Fault::StoreAway);
    }
    let found = admin.owner_of(&used.id);
    let judged = found
        .filter(|(login, passkey)| {
            let owner = used.owner.as_ref();
            *login == caller.login && owner.is_none_or(|it| *it == passkey.owner)
        })
        .ok_or_else(|| Fault::from(PasskeyFault::Unknown))
        .and_then(|(_, it)| judge(admin, moment, used, it, Purpose::Confirm(id), &caller));
    match judged {
        Ok((passkey, counter)) => {
            // What came with the request; nothing else is drawn from it.
            let moment = moment.clone();
            counted(admin, &passkey, counter, move |admin| {
                proof::sure(admin, moment, Proof::Passkey, caller, then)
            })
        }
        Err(fault) if !is_wrong(&fault) => refuse(&caller, &fault),
        Err(fault) => {
            let action = format!("confirmation refused: {}", told(admin, &used.id, &fault));
            admin.failed(moment.now, &caller);
            proof::doubted(admin, &action, fault, caller, refuse)
        }
    }
}

/// Whether it was a passkey that is nobody's, or somebody else's, or does not hold. A page that was
/// open for long, a second click, another address and a box that is starting are no guesses.
const fn is_wrong(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::People(PeopleFault::Passkey(
            PasskeyFault::Unknown | PasskeyFault::Refused(_)
        ))
    )
}

/// Whether this use of a passkey answers a challenge of ours (WebAuthn §7.2). That uses it up.
fn judge(
    admin: &mut Admin,
    moment: &Moment,
    used: &Used,
    passkey: Passkey,
    purpose: Purpose,
    caller: &Caller,
) -> Result<(Passkey, u32), Fault> {
    let origin = caller.by_name()?;
    // An authenticator would not say so of another name, whatever is behind it.
    if passkey.made_for != caller.opened.name() {
        return Err(PasskeyFault::Refused(Refusal::Name).into());
    }
    let challenge = challenge_of(&used.client_data).map_err(PasskeyFault::from)?;
    let checked = admin
        .passkeys
        .check(moment.now, &challenge, purpose, origin);
    checked.map_err(stale)?;
    let counter = admin.passkeys.counter(&passkey).ok_or(Fault::Starting)?;
    let key = BASE64URL_NOPAD.decode(passkey.public_key.as_bytes());
    let assertion = Assertion {
        client_data: &used.client_data,
        authenticator_data: &used.authenticator_data,
        signature: &used.signature,
    };
    let kept = Credential {
        public_key: &key.unwrap_or_default(),
        counter,
        is_backup_eligible: passkey.can_be_copied,
    };
    let expected = Expected {
        challenge: &challenge,
        origin,
        name: caller.opened.name(),
    };
    let counted = webauthn::sign_in(&assertion, &kept, &expected).map_err(PasskeyFault::from)?;
    admin
        .passkeys
        .use_up(moment.now, &challenge, &caller.login)
        .map_err(stale)?;
    Ok((passkey, counted.counter))
}

/// Goes on once the store has the counter. One that it cannot take now is known until the next
/// start, and comes with the next that it takes.
fn counted(
    admin: &mut Admin,
    passkey: &Passkey,
    counter: u32,
    then: impl FnOnce(&mut Admin) -> Step + Send + 'static,
) -> Step {
    let site = admin.site.as_ref().map(|(_, site)| site);
    let kept = site.and_then(|site| admin.passkeys.count(passkey, counter, site));
    match kept {
        Some(kept) => Step::Store(
            store::Request::PutSecret(COUNTERS.to_owned(), Redacted::new(kept)),
            Box::new(move |admin, _, _| then(admin)),
        ),
        None => then(admin),
    }
}

/// What the audit trail says of a passkey that was refused.
fn told(admin: &Admin, id: &str, fault: &Fault) -> String {
    let fault = fault.text(crate::text::Language::English);
    match admin.owner_of(id) {
        Some((_, passkey)) => format!("passkey {:?}: {fault}", passkey.name),
        None => format!("an unknown passkey: {fault}"),
    }
}

fn turn_away(admin: &mut Admin, id: String, mut caller: Caller, fault: Fault) -> Step {
    let action = format!("sign-in refused: {}", told(admin, &id, &fault));
    let audit = caller.audit(action, String::new(), String::new());
    // Who it is was not proved: the form does not say it.
    caller.login.clear();
    admin.record(audit, move |_, _| refuse(&caller, &fault))
}

fn read(request: &Request, face: Face) -> Result<Used, Fault> {
    let credential = match face {
        Face::Api => json::<Use>(request)?.credential,
        Face::Page | Face::Asset => field(request)?,
    };
    credential.decode()
}

impl Admin {
    /// Whose passkey it is, while he may sign in.
    fn owner_of(&self, id: &str) -> Option<(String, Passkey)> {
        let (_, site) = self.site.as_ref()?;
        let people = site.people.iter().filter(|it| !it.disabled);
        let all = people.flat_map(|person| person.passkeys.iter().map(move |it| (person, it)));
        let mut found = all.filter(|(_, passkey)| passkey.id == id);
        let found = found.next();
        found.map(|(person, passkey)| (person.login.clone(), passkey.clone()))
    }
}

/// Who uses a passkey that is nobody's, in the audit trail.
const NOBODY: &str = "(unknown)";
