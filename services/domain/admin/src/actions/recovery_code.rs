//! The recovery code of the data: shown once, to an administrator who says his password again.
//!
//! PID 1 has the code and gives it out once; what was asked for is in the audit trail before.

use ipc::Redacted;
use ipc::init::{Reply, Request as Ask};
use serde::Deserialize;
use serde_json::json as value;

use super::firmware::recorded;
use super::sign_in::address;
use super::{form, json};
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::password;
use crate::routes::Face;
use crate::step::{Check, Moment, Step};

/// What is said before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    /// The caller's own password.
    password: Redacted<String>,
}

/// Shows the code. It is not shown again.
pub(crate) fn show(admin: &mut Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    proved(admin, moment, request, caller, |admin, caller| {
        recorded(admin, caller, "recovery code shown", |caller| {
            ask(caller, Ask::RecoveryCode)
        })
    })
}

/// Has the next start make another code; until then the one there is opens the data.
pub(crate) fn renew(admin: &mut Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    proved(admin, moment, request, caller, |admin, caller| {
        recorded(admin, caller, "new recovery code asked for", |caller| {
            ask(caller, Ask::RenewRecoveryCode)
        })
    })
}

fn ask(caller: Caller, what: Ask) -> Step {
    Step::Init(
        what,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::RecoveryCode(code)) => Step::Respond(shown(&caller, &code)),
            Ok(Reply::Done) => Step::Respond(match caller.face {
                Face::Page | Face::Asset => Response::redirect("/firmware").sealed(),
                Face::Api => Response::json(200, &value!({})).sealed(),
            }),
            Ok(Reply::NoCode) => caller.refuse(&Fault::NoRecoveryCode),
            Ok(_) => caller.refuse(&Fault::Internal),
            Err(_) => caller.refuse(&Fault::InitAway),
        }),
    )
}

fn shown(caller: &Caller, code: &Redacted<String>) -> Response {
    let response = match caller.face {
        Face::Page | Face::Asset => pages::recovery_code(caller, code.reveal()),
        Face::Api => Response::json(200, &value!({ "recovery_code": code.reveal() })),
    };
    response.sealed()
}

/// Goes on when the caller has said his own password: an open session that somebody found is not
/// enough, and the control socket has no password.
fn proved(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    caller: Caller,
    then: impl FnOnce(&mut Admin, Caller) -> Step + Send + 'static,
) -> Step {
    let typed = match read(request, &caller) {
        Ok(typed) => typed,
        Err(fault) => return caller.refuse(&fault),
    };
    let Some(person) = admin.person(&caller.login) else {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    };
    let hash = admin.password_hash(person);
    let place = address(&caller);
    if let Err(wait) = admin.throttle.begin(moment.now, place, &caller.login) {
        return caller.refuse(&Fault::TooManyAttempts(wait));
    }
    Step::Verify(
        Check {
            password: typed,
            hash,
        },
        Box::new(move |admin, moment, verdict| match verdict {
            Ok(true) => {
                admin.throttle.succeed(moment.now, place, &caller.login);
                then(admin, caller)
            }
            Ok(false) => {
                let action = "recovery code refused: the password was wrong";
                let audit = caller.audit(action.into(), String::new(), String::new());
                admin.record(audit, move |_, _| caller.refuse(&Fault::WrongOldPassword))
            }
            Err(_) => {
                admin.throttle.withdraw(moment.now, place, &caller.login);
                caller.refuse(&Fault::Busy)
            }
        }),
    )
}

fn read(request: &Request, caller: &Caller) -> Result<Redacted<String>, Fault> {
    let typed = match caller.face {
        Face::Api => json::<Proof>(request)?.password,
        Face::Page | Face::Asset => Redacted::new(form(request, "password")),
    };
    if typed.reveal().len() > password::LENGTH_MAX {
        return Err(Fault::WrongOldPassword);
    }
    Ok(typed)
}
