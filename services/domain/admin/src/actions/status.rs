//! The state of the box, and restarting one of its services.

use ipc::init;
use ipc::pbx::Call;
use schemars::JsonSchema;
use serde::Deserialize;

use super::json;
use super::looks::{Range, WHOLE, What, live};
use crate::admin::{Admin, Caller, UNRECORDED_MAX};
use crate::answers::Nothing;
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::Face;
use crate::step::Step;
use crate::views::{StatusView, Warning};

/// How a service is restarted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RestartManner")]
pub(crate) struct Manner {
    /// Without the chance to stop in order: how a crash is rehearsed.
    #[serde(default)]
    kill: bool,
}

/// What every service says, with a warning for those that say nothing.
pub(crate) fn status(admin: &Admin, caller: Caller) -> Step {
    let config_version = admin.site.as_ref().map_or(0, |(version, _)| *version);
    let unrecorded = admin.unrecorded.len();
    Step::Observe(Box::new(move |admin, moment, mut seen| {
        let mut others = 0;
        let mut whole = false;
        if let Ok(pbx) = &mut seen.pbx {
            if let Some(calls) = admin.calls_seen_by(&caller) {
                pbx.calls.retain(|it| live(it, moment.wall).is_of(&calls));
            }
            let calls = admin.own_calls(&caller);
            let own = |call: &Call| live(call, moment.wall).is_of(&calls);
            // The state of the box is shown whether or not the trail can say who looks at calls.
            if unrecorded >= UNRECORDED_MAX {
                pbx.calls.retain(own);
            }
            others = pbx.calls.iter().filter(|call| !own(call)).count();
            whole = admin.mask(&caller, moment.wall, &mut pbx.calls);
        }
        let mut view = StatusView::new(seen, config_version, &admin.version);
        if unrecorded > 0 {
            view.warnings.push(Warning::Unrecorded(unrecorded));
        }
        let told = format!("{others} of others{}", if whole { WHOLE } else { "" });
        let told = (others > 0).then(|| (told, Range::default()));
        admin.looked(
            moment.now,
            caller,
            What::LiveCalls { whole },
            told,
            move |admin, caller| shown(admin, &caller, &view),
        )
    }))
}

fn shown(admin: &Admin, caller: &Caller, view: &StatusView) -> Step {
    let dangers = caller.may(Permission::SeeConfiguration);
    let dangers = admin.dangers().ok().filter(|_| dangers);
    let response = match caller.face {
        Face::Page | Face::Asset => pages::status(caller, view, dangers),
        Face::Api => Response::json(200, view),
    };
    Step::Respond(response.sealed())
}

/// Restarts a service, recorded before it happens.
pub(crate) fn restart(admin: &mut Admin, request: &Request, name: String, caller: Caller) -> Step {
    let manner = if request.body.is_empty() {
        Ok(Manner::default())
    } else {
        json(request)
    };
    let kill = match manner {
        Ok(Manner { kill }) => kill,
        Err(fault) => return caller.refuse(&fault),
    };
    // Nothing is done that cannot be recorded.
    if admin.unrecorded.len() >= UNRECORDED_MAX {
        return caller.refuse(&Fault::StoreAway);
    }
    let action = format!(
        "service {name} {}",
        if kill { "killed" } else { "restarted" }
    );
    let audit = caller.audit(action, String::new(), String::new());
    admin.record(audit, move |_, _| {
        Step::Init(
            init::Request::Restart {
                name: name.clone(),
                kill,
            },
            Box::new(move |_, _, reply| match reply {
                Ok(init::Reply::Done) => Step::Respond(Response::json(200, &Nothing {}).sealed()),
                Ok(init::Reply::Unknown) => caller.refuse(&Fault::NoSuchService(name)),
                Ok(_) => caller.refuse(&Fault::Internal),
                Err(_) => caller.refuse(&Fault::InitAway),
            }),
        )
    })
}
