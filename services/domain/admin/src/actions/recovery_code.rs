//! The recovery code of the data: shown once, to an administrator who has said his password.
//!
//! PID 1 has the code and gives it out once; what was asked for is in the audit trail before.

use ipc::Redacted;
use ipc::init::{Reply, Request as Ask};

use super::firmware::recorded;
use crate::admin::{Admin, Caller};
use crate::answers::{DataCode, Nothing};
use crate::fault::Fault;
use crate::http::Response;
use crate::pages;
use crate::routes::Face;
use crate::step::Step;

/// Shows the code. It is not shown again.
pub(crate) fn show(admin: &mut Admin, caller: Caller) -> Step {
    for_a_person(admin, caller, "recovery code shown", Ask::RecoveryCode)
}

/// Has the next start make another code; until then the one there is opens the data.
pub(crate) fn renew(admin: &mut Admin, caller: Caller) -> Step {
    let action = "new recovery code asked for";
    for_a_person(admin, caller, action, Ask::RenewRecoveryCode)
}

/// A program on the box has no password to say, and does not get it.
fn for_a_person(admin: &mut Admin, caller: Caller, action: &str, what: Ask) -> Step {
    if caller.session.is_none() {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    }
    recorded(admin, caller, action, |caller| ask(caller, what))
}

fn ask(caller: Caller, what: Ask) -> Step {
    Step::Init(
        what,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::RecoveryCode(code)) => Step::Respond(shown(&caller, &code)),
            Ok(Reply::Done) => Step::Respond(match caller.face {
                Face::Page | Face::Asset => Response::redirect("/firmware").sealed(),
                Face::Api => Response::json(200, &Nothing {}).sealed(),
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
        Face::Api => Response::json(
            200,
            &DataCode {
                recovery_code: code.reveal(),
            },
        ),
    };
    response.sealed()
}
