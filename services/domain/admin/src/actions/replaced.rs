//! The audit trails that restores have replaced: listed, checked and handed out.

use ipc::store::{ReplacedTrail, Reply, Request as Ask, TrailRequest, trail_file_millis};

use super::change::unkept;
use super::firmware::recorded;
use crate::admin::{Admin, Caller};
use crate::calendar::rfc3339;
use crate::fault::Fault;
use crate::http::Response;
use crate::step::Step;
use crate::views::ReplacedView;

/// Goes on with those there are.
pub(super) fn replaced(
    is_checked: bool,
    caller: Caller,
    then: impl FnOnce(Caller, Vec<ReplacedView>) -> Step + Send + 'static,
) -> Step {
    Step::Store(
        Ask::Trail(TrailRequest::Replaced { is_checked }),
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::ReplacedTrails(all)) => {
                let all: Vec<ReplacedTrail> = all;
                then(caller, all.into_iter().map(ReplacedView::from).collect())
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// All of them, each read through.
pub(crate) fn list(caller: Caller) -> Step {
    replaced(true, caller, |_, all| {
        Step::Respond(Response::json(200, &all).sealed())
    })
}

/// Hands one out. That it left the box is an entry of the present one.
pub(crate) fn download(admin: &mut Admin, name: &str, caller: Caller) -> Step {
    let Some(millis) = trail_file_millis(name) else {
        return caller.refuse(&Fault::NoSuchPage);
    };
    let action = format!("replaced audit trail {name} downloaded");
    let name = name.to_owned();
    recorded(admin, caller, &action, move |caller| {
        Step::Open(
            name,
            Box::new(move |_, _, length| {
                let Some(length) = length else {
                    return caller.refuse(&Fault::NoSuchPage);
                };
                let when = rfc3339(millis).replace([':', '-'], "");
                let shown = format!("attachment; filename=\"ramal-audit-until-{when}.jsonl\"");
                let response = Response::opened(200, 0, length)
                    .with("content-type", "application/x-ndjson")
                    .with("content-disposition", shown);
                Step::Respond(response.sealed())
            }),
        )
    })
}
