//! Bans: who is banned and for what, unbanned by a person, switched on by a person.

use config::Network;
use ipc::guard::{Reply, Request as Ask};
use schemars::JsonSchema;
use serde::Deserialize;

use super::change::Change;
use super::{done, form, json};
use crate::admin::{Admin, Caller};
use crate::answers::Unbanned;
use crate::bans_view::BansView;
use crate::fault::{BansFault, Fault};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::{Face, OnBans};
use crate::step::Step;

/// Who is to be banned no more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UnbanWish")]
pub(crate) struct Asked {
    /// As the list of bans has it: `192.0.2.7/32`.
    network: String,
}

/// Does what is wanted.
pub(crate) fn act(admin: &mut Admin, request: &Request, action: OnBans, caller: Caller) -> Step {
    match action {
        OnBans::Show | OnBans::Events => show(action, caller),
        OnBans::SwitchOn => switch_on(admin, caller),
        OnBans::Unban => unban(admin, request, caller),
    }
}

fn show(action: OnBans, caller: Caller) -> Step {
    Step::Guard(
        Ask::Status,
        Box::new(move |admin, _, reply| {
            let Ok(Reply::Status(status)) = reply else {
                return caller.refuse(&Fault::GuardAway);
            };
            let view = BansView::new(status);
            admin.is_exposed_now(view.is_exposed());
            let response = match (action, caller.face) {
                (OnBans::Events, _) => pages::bans_parts(&caller, &view),
                (_, Face::Api) => Response::json(200, &view),
                (_, Face::Page | Face::Asset) => pages::bans(&caller, &view),
            };
            Step::Respond(response.sealed())
        }),
    )
}

/// R69, T8: by a person, and never by itself. The API has `POST /api/guard`.
fn switch_on(admin: &Admin, caller: Caller) -> Step {
    Change {
        audit: caller.audit("bans changed".to_owned(), String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(|site| {
            site.guard.on = true;
            Ok(())
        }),
        done: Box::new(move |admin, _| {
            admin.is_exposed_now(false);
            done(&caller, BANS)
        }),
    }
    .commit_telling(admin)
}

fn unban(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    let asked = match caller.face {
        Face::Api => json::<Asked>(request).map(|it| it.network),
        Face::Page | Face::Asset => Ok(form(request, "network")),
    };
    let network = asked.and_then(|text| {
        let network = Network::parse(text.trim()).ok_or(Fault::NotANetwork("network"))?;
        // R69: the end of all bans asks for the password.
        let is_one = guard::may_be_lifted(&network);
        is_one
            .then_some(network)
            .ok_or(Fault::Bans(BansFault::TooWide))
    });
    let network = match network {
        Ok(network) => network.to_string(),
        Err(fault) => return caller.refuse(&fault),
    };
    // Nothing is done that cannot be recorded.
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let audit = caller.audit(format!("unban {network}"), String::new(), String::new());
    admin.record(audit, move |_, _| {
        Step::Guard(
            Ask::Unban(network.clone()),
            Box::new(move |admin, _, reply| match reply {
                Ok(Reply::Unbanned { lifted, is_kept }) => {
                    unbanned(admin, caller, &network, lifted, is_kept)
                }
                _ => caller.refuse(&Fault::GuardAway),
            }),
        )
    })
}

/// What was lifted may be other than what was asked for, so it is told and recorded too.
fn unbanned(
    admin: &mut Admin,
    caller: Caller,
    network: &str,
    lifted: Vec<String>,
    is_kept: bool,
) -> Step {
    let (action, before) = match lifted.as_slice() {
        [one] if one == network => return answer_unbanned(&caller, lifted, is_kept),
        [] => (format!("nobody was banned in {network}"), String::new()),
        all => {
            let shown = all.get(..RECORDED_MAX).unwrap_or(all);
            let more = match all.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let before = format!("{}{more}", shown.join(", "));
            (format!("unbanned with {network}"), before)
        }
    };
    let audit = caller.audit(action, before, String::new());
    admin.record(audit, move |_, _| answer_unbanned(&caller, lifted, is_kept))
}

fn answer_unbanned(caller: &Caller, lifted: Vec<String>, is_kept: bool) -> Step {
    if !is_kept {
        return caller.refuse(&Fault::Bans(BansFault::NotKept));
    }
    match caller.face {
        Face::Api => {
            let was_banned = !lifted.is_empty();
            let answer = Unbanned { was_banned, lifted };
            Step::Respond(Response::json(200, &answer).sealed())
        }
        Face::Page | Face::Asset => done(caller, BANS),
    }
}

/// The page.
const BANS: &str = "/bans";
/// Networks that one entry of the trail names.
const RECORDED_MAX: usize = 20;
