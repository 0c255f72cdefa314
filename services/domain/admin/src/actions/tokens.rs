//! Tokens with which programs ask the API in somebody's name: less than what the person may do, for
//! a time, and never what gives rights.

use ipc::Redacted;
use ipc::site::{Site, Token};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::find;
use super::change::Change;
use super::{done, form, json};
use crate::admin::{Admin, Caller};
use crate::answers::NewToken;
use crate::calendar::rfc3339;
use crate::fault::{Fault, PeopleFault};
use crate::form::Answers;
use crate::http::{Request, Response, decode};
use crate::pages;
use crate::permission::{Permission, Permissions};
use crate::routes::{Face, OnTokens};
use crate::session::fingerprint;
use crate::step::{Moment, Step};

/// What is asked for.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TokenWish")]
pub(crate) struct Wish {
    name: String,
    /// Names of permissions.
    permissions: Vec<String>,
    /// How long it is good for.
    #[serde(default = "usual_days")]
    days: u32,
}

/// Does what is asked about tokens.
pub(crate) fn act(
    admin: &Admin,
    moment: &Moment,
    request: &Request,
    action: OnTokens,
    segment: &str,
    caller: Caller,
) -> Step {
    match action {
        OnTokens::List => list(admin, &caller, None),
        OnTokens::Create => create(admin, moment, request, caller),
        OnTokens::Revoke => {
            let name = decode(segment).unwrap_or_default();
            let login = caller.login.clone();
            revoke(admin, login, Some(name), caller, PAGE)
        }
        OnTokens::RevokeAllOf => revoke(
            admin,
            segment.to_owned(),
            None,
            caller,
            super::accounts::PEOPLE,
        ),
    }
}

/// A token as it is shown: never what it is known by.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenView {
    pub(crate) name: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) expires: String,
    /// When it was used last since the start of the web service.
    #[serde(rename = "last_used")]
    pub(crate) used: Option<String>,
}

impl TokenView {
    fn of(admin: &Admin, token: &Token) -> Self {
        let used = admin.token_uses.get(token.hash.reveal());
        Self {
            name: token.name.clone(),
            permissions: token.permissions.clone(),
            expires: rfc3339(millis(token.expires_secs)),
            used: used.map(|secs| rfc3339(millis(*secs))),
        }
    }
}

fn list(admin: &Admin, caller: &Caller, fault: Option<&Fault>) -> Step {
    let Some(person) = admin.person(&caller.login) else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let tokens = person.tokens.iter().map(|it| TokenView::of(admin, it));
    let tokens: Vec<TokenView> = tokens.collect();
    Step::Respond(match caller.face {
        Face::Page | Face::Asset => pages::tokens(caller, &tokens, fault).sealed(),
        Face::Api => Response::json(200, &tokens).sealed(),
    })
}

/// A new token; the answer is the only place it ever appears.
fn create(admin: &Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    let wish = read(request, caller.face).and_then(|wish| {
        check(&wish, &caller)?;
        Ok(wish)
    });
    let wish = match wish {
        Ok(wish) => wish,
        Err(fault) => return refuse(admin, &caller, &fault),
    };
    let secret = format!("{PREFIX}{}", hex::encode(moment.entropy.bytes()));
    let now = seconds(moment);
    let token = Token {
        name: wish.name.trim().to_owned(),
        hash: hashed(&secret),
        permissions: wish.permissions,
        expires_secs: now.saturating_add(u64::from(wish.days) * DAY_SECS),
    };
    let mut wished = admin.site.clone().map(|(_, site)| site).unwrap_or_default();
    let valid = insert(&mut wished, &caller.login, &token, now).and_then(|()| {
        config::Site::parse(&wished)?;
        Ok(())
    });
    if let Err(fault) = valid {
        return refuse(admin, &caller, &fault);
    }
    let told = format!(
        "may {}, expires {}",
        token.permissions.join(" "),
        rfc3339(millis(token.expires_secs))
    );
    let (login, name) = (caller.login.clone(), token.name.clone());
    let action = format!("token {name:?} of {login} made");
    Change {
        audit: caller.audit(action, String::new(), told),
        caller: caller.clone(),
        edit: Box::new(move |site| insert(site, &login, &token, now)),
        done: Box::new(move |_, _| {
            let response = match caller.face {
                Face::Page | Face::Asset => pages::new_token(&caller, &name, &secret),
                Face::Api => Response::json(
                    201,
                    &NewToken {
                        name: &name,
                        token: &secret,
                    },
                ),
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

fn check(wish: &Wish, caller: &Caller) -> Result<(), Fault> {
    if !(1..=DAYS_MAX).contains(&wish.days) {
        let reason = format!("days: use 1 to {DAYS_MAX}");
        return Err(Fault::BadBody(reason));
    }
    if wish.permissions.is_empty() {
        return Err(Fault::BadBody("permissions: name at least one".into()));
    }
    let offered = offered(caller);
    for name in &wish.permissions {
        let known = offered.iter().any(|it| it.name() == name);
        if !known {
            let all = offered.iter().map(|it| it.name());
            let all = all.collect::<Vec<_>>().join(" ");
            let reason = format!("permissions: {name:?} cannot be given; use some of {all}");
            return Err(Fault::BadBody(reason));
        }
    }
    Ok(())
}

/// What somebody can give to a token.
pub(crate) fn offered(caller: &Caller) -> Vec<Permission> {
    let all = Permission::ALL.into_iter();
    all.filter(|it| it.is_for_tokens() && caller.may(*it))
        .collect()
}

fn insert(site: &mut Site, login: &str, token: &Token, now: u64) -> Result<(), Fault> {
    let person = find(site, login)?;
    person.tokens.retain(|it| it.expires_secs > now);
    if person.tokens.iter().any(|it| it.name == token.name) {
        return Err(PeopleFault::TokenExists(token.name.clone()).into());
    }
    person.tokens.push(token.clone());
    Ok(())
}

/// Takes one token of somebody back, or all.
fn revoke(
    admin: &Admin,
    login: String,
    name: Option<String>,
    caller: Caller,
    back: &'static str,
) -> Step {
    let action = match &name {
        Some(name) => format!("token {name:?} of {login} revoked"),
        None => format!("all tokens of {login} revoked"),
    };
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            let person = find(site, &login)?;
            let count = person.tokens.len();
            match &name {
                Some(name) => person.tokens.retain(|it| it.name != *name),
                None => person.tokens.clear(),
            }
            match (&name, person.tokens.len() == count) {
                (Some(name), true) => Err(PeopleFault::NoSuchToken(name.clone()).into()),
                (Some(_), false) | (None, _) => Ok(()),
            }
        }),
        done: Box::new(move |_, _| done(&caller, back)),
    }
    .commit(admin)
}

fn read(request: &Request, face: Face) -> Result<Wish, Fault> {
    if face == Face::Api {
        return json(request);
    }
    let answers = Answers::read(&request.body)?;
    let days = form(request, "days");
    Ok(Wish {
        name: form(request, "name"),
        permissions: answers.all("permissions").map(ToOwned::to_owned).collect(),
        days: days.trim().parse().unwrap_or(0),
    })
}

/// A person gets the list and the form again, with the reason.
fn refuse(admin: &Admin, caller: &Caller, fault: &Fault) -> Step {
    match caller.face {
        Face::Api => caller.refuse(fault),
        Face::Page | Face::Asset => list(admin, caller, Some(fault)),
    }
}

impl Admin {
    /// Who asks by a token, what it is called, and what may be done by it; `None` when it is
    /// nobody's, or none any more.
    pub(crate) fn bearer(
        &mut self,
        moment: &Moment,
        secret: &str,
    ) -> Option<(String, String, Permissions)> {
        let (hash, now) = (hashed(secret), seconds(moment));
        let (_, site) = self.site.as_ref()?;
        let good = |it: &&Token| it.hash == hash && it.expires_secs > now;
        let mut people = site.people.iter();
        let (person, token) =
            people.find_map(|person| Some((person, person.tokens.iter().find(good)?)))?;
        // Whose password was reset says first who he is.
        if person.disabled || person.password_one_time {
            return None;
        }
        let given = token
            .permissions
            .iter()
            .filter_map(|it| Permission::named(it));
        let given = given.filter(|it| it.is_for_tokens());
        let may = Permissions::of(person).only(given);
        let found = (person.login.clone(), token.name.clone(), may);
        if self.token_uses.len() >= USES_MAX {
            self.token_uses.clear();
        }
        self.token_uses.insert(hash.reveal().clone(), now);
        Some(found)
    }
}

fn hashed(secret: &str) -> Redacted<String> {
    Redacted::new(hex::encode(fingerprint(secret.as_bytes())))
}

fn seconds(moment: &Moment) -> u64 {
    u64::try_from(moment.wall.as_millis() / 1000).unwrap_or_default()
}

fn millis(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1000)
}

const fn usual_days() -> u32 {
    90
}

/// The page of one's own tokens.
const PAGE: &str = "/tokens";
/// How a token begins, so that one that lies about is known for what it is.
const PREFIX: &str = "ramal_";
/// The longest a token is good for.
const DAYS_MAX: u32 = 366;
const DAY_SECS: u64 = 24 * 60 * 60;
/// Tokens whose last use is known at one time: more than there are people.
const USES_MAX: usize = 4096;
