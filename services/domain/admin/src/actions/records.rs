//! What has happened: calls and the audit trail, newest first.

use config::{is_inside_number, masked, number_key};
use ipc::store::{CallFilter, CallRecord, CallSearch, Reply, Request as StoreRequest};

use super::change::unkept;
use super::looks::{Range, WHOLE, What, recorded};
use crate::admin::{Admin, Caller};
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::Face;
use crate::session::fingerprint;
use crate::step::Step;
use crate::views::{AuditView, CallView};

/// Call records that the caller may see, or those of them with a number. Whoever sees those of
/// others is in the audit trail before they leave the box.
pub(crate) fn calls(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let field = |name| request.query_field(name).filter(|it| !it.is_empty());
    let before = field("before");
    let is_to_the_newest = before.is_none();
    let number = field("number").unwrap_or_default().trim().to_owned();
    let numbers = match may_find(&caller, &number) {
        true => admin.calls_seen_by(&caller),
        false => Some(admin.own_calls(&caller)),
    };
    // Nobody's calls are not worth a look at all there are.
    if numbers.as_ref().is_some_and(Vec::is_empty) {
        return shown(&caller, &number, &Vec::new());
    }
    let only = CallFilter {
        numbers,
        search: CallSearch {
            number: number.clone(),
            ..CallSearch::default()
        },
        ..CallFilter::default()
    };
    let ask = StoreRequest::Calls {
        limit: limit(request),
        before,
        only,
    };
    Step::Store(
        ask,
        Box::new(move |admin, moment, reply| match reply {
            Ok(Reply::Calls(mut records)) => {
                let whole = admin.mask(&caller, moment.wall, &mut records);
                let told = of_others(admin, &caller, &records, is_to_the_newest);
                let told = told.map(|(told, range)| (said(told, &number, whole), range));
                let what = match number.is_empty() {
                    true => What::Calls { whole },
                    false => What::CallsWith(name_of(&number)),
                };
                let calls: Vec<CallView> = records.into_iter().map(CallView::from).collect();
                let show = move |_: &mut Admin, caller| shown(&caller, &number, &calls);
                admin.looked(moment.now, caller, what, told, show)
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// Whether somebody may look for a number in calls of others. Who sees them masked may not: by
/// trying numbers he would find what is behind the mask.
fn may_find(caller: &Caller, number: &str) -> bool {
    number.is_empty() || is_inside_number(number) || caller.may(Permission::SeeWholeNumbers)
}

/// What the trail says of a look: a number that was looked for is masked in it.
fn said(told: String, number: &str, whole: bool) -> String {
    let number = match number {
        "" => String::new(),
        number => format!(", with {}", masked(number)),
    };
    format!("{told}{number}{}", if whole { WHOLE } else { "" })
}

/// What tells a number that was looked for from others.
fn name_of(number: &str) -> [u8; 8] {
    let mut name = [0; 8];
    let print = fingerprint(number_key(number).as_bytes());
    for (to, from) in name.iter_mut().zip(print) {
        *to = from;
    }
    name
}

fn shown(caller: &Caller, number: &str, calls: &Vec<CallView>) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => pages::calls(caller, number, calls),
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
