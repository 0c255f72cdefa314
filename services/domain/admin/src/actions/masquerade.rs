//! Whether a router hides who comes in: shown, and looked at anew for a person who mended it.

use ipc::guard::{Reply, Request as Ask};

use super::done;
use crate::admin::{Admin, Caller};
use crate::answers::Nothing;
use crate::fault::Fault;
use crate::http::Response;
use crate::masquerade_view::MasqueradeView;
use crate::pages;
use crate::routes::{Face, OnMasquerade};
use crate::step::Step;

/// Does what is wanted.
pub(crate) fn act(admin: &mut Admin, action: OnMasquerade, caller: Caller) -> Step {
    match action {
        OnMasquerade::Show | OnMasquerade::Events => show(action, caller),
        OnMasquerade::Again => again(admin, caller),
    }
}

fn show(action: OnMasquerade, caller: Caller) -> Step {
    Step::Guard(
        Ask::Status,
        Box::new(move |admin, _, reply| {
            let Ok(Reply::Status(status)) = reply else {
                return caller.refuse(&Fault::GuardAway);
            };
            admin.take_masquerade(&status.masquerade);
            let view = MasqueradeView::new(status.masquerade);
            let response = match (action, caller.face) {
                (OnMasquerade::Events, _) => pages::masquerade_parts(&caller, &view),
                (_, Face::Api) => Response::json(200, &view),
                (_, Face::Page | Face::Asset) => pages::masquerade(&caller, &view),
            };
            Step::Respond(response.sealed())
        }),
    )
}

/// Forgets what was seen, here and at all doors: the next packet from outside shows it again.
fn again(admin: &mut Admin, caller: Caller) -> Step {
    // Nothing is done that cannot be recorded.
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let audit = caller.audit(
        "masquerade: looked at anew".to_owned(),
        String::new(),
        String::new(),
    );
    admin.record(audit, move |_, _| {
        Step::Guard(
            Ask::LookAnew,
            Box::new(move |_, _, reply| match (reply, caller.face) {
                (Ok(Reply::Taken), Face::Api) => {
                    Step::Respond(Response::json(200, &Nothing {}).sealed())
                }
                (Ok(Reply::Taken), Face::Page | Face::Asset) => done(&caller, MASQUERADE),
                _ => caller.refuse(&Fault::GuardAway),
            }),
        )
    })
}

/// The page.
const MASQUERADE: &str = "/masquerade";
