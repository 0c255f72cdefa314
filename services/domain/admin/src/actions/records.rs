//! What has happened: calls and the audit trail, newest first.

use ipc::store::{CallFilter, CallRecord, Reply, Request as StoreRequest};

use super::change::unkept;
use super::looks::{Range, What, recorded};
use crate::admin::{Admin, Caller};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::Step;
use crate::views::{AuditView, CallView};

/// Call records that the caller may see. Whoever sees those of others is in the audit trail before
/// they leave the box.
pub(crate) fn calls(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let before = request.query_field("before").filter(|id| !id.is_empty());
    let is_to_the_newest = before.is_none();
    let only = CallFilter {
        numbers: admin.calls_seen_by(&caller),
        ..CallFilter::default()
    };
    // Nobody's calls are not worth a look at all there are.
    if only.numbers.as_ref().is_some_and(Vec::is_empty) {
        return shown(&caller, &Vec::new());
    }
    let ask = StoreRequest::Calls {
        limit: limit(request),
        before,
        only,
    };
    Step::Store(
        ask,
        Box::new(move |admin, moment, reply| match reply {
            Ok(Reply::Calls(records)) => {
                let told = of_others(admin, &caller, &records, is_to_the_newest);
                let calls: Vec<CallView> = records.into_iter().map(CallView::from).collect();
                let show = move |_: &mut Admin, caller| shown(&caller, &calls);
                admin.looked(moment.now, caller, What::Calls, told, show)
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn shown(caller: &Caller, calls: &Vec<CallView>) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => pages::calls(caller, calls),
        Face::Api => Response::json(200, calls),
    };
    Step::Respond(response.sealed())
}

/// What the audit trail says of calls that are not the caller's own; `None` when all are.
fn of_others(
    admin: &Admin,
    caller: &Caller,
    records: &[CallRecord],
    is_to_the_newest: bool,
) -> Option<(String, Range)> {
    let own = admin.own_calls(caller);
    let is_own = |it: &&CallRecord| recorded(it).is_of(&own);
    let others: Vec<&CallRecord> = records.iter().filter(|it| !is_own(it)).collect();
    let range = Range::of(&others, is_to_the_newest)?;
    Some((
        format!("{} of others, {}", others.len(), range.told()),
        range,
    ))
}

/// The audit trail.
pub(crate) fn audit_trail(request: &Request, caller: Caller) -> Step {
    Step::Store(
        StoreRequest::AuditTrail {
            limit: limit(request),
        },
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::AuditTrail(entries)) => {
                let entries: Vec<AuditView> = entries.into_iter().map(AuditView::from).collect();
                let response = match caller.face {
                    Face::Page | Face::Asset => pages::audit_trail(&caller, &entries),
                    Face::Api => Response::json(200, &entries),
                };
                Step::Respond(response.sealed())
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

pub(super) fn limit(request: &Request) -> u32 {
    let asked = request
        .query_field("limit")
        .and_then(|text| text.parse().ok());
    asked.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX)
}

/// A page of rows.
const LIMIT_DEFAULT: u32 = 100;
/// The most rows in one answer: about 400 KiB of JSON.
pub(super) const LIMIT_MAX: u32 = 1000;
