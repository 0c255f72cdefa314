//! What has happened: calls and the audit trail, newest first.

use std::time::Duration;

use ipc::store::{CallFilter, CallRecord, CallsWith, Reply, Request as StoreRequest};
use sansio::Instant;

use super::change::unkept;
use crate::admin::{Admin, Caller, UNRECORDED_MAX};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::Step;
use crate::views::{AuditView, CallView};

/// Call records that the caller may see. Whoever sees those of others is in the audit trail before
/// they leave the box.
pub(crate) fn calls(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let before = request.query_field("before").filter(|id| !id.is_empty());
    let only = CallFilter {
        numbers: admin.calls_seen_by(&caller),
        with: CallsWith::Anything,
    };
    let ask = StoreRequest::Calls {
        limit: limit(request),
        before,
        only,
    };
    Step::Store(
        ask,
        Box::new(move |admin, moment, reply| match reply {
            Ok(Reply::Calls(records)) => {
                let told = of_others(admin, moment.now, &caller, &records);
                let calls: Vec<CallView> = records.into_iter().map(CallView::from).collect();
                match told {
                    None => shown(&caller, &calls),
                    Some(_) if admin.unrecorded.len() >= UNRECORDED_MAX => {
                        caller.refuse(&Fault::StoreAway)
                    }
                    Some((told, look)) => {
                        admin.looks.insert(caller.login.clone(), look);
                        let audit = caller.audit("call records seen".into(), String::new(), told);
                        admin.record(audit, move |_, _| shown(&caller, &calls))
                    }
                }
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

/// What the audit trail says of calls that are not the caller's own; `None` when all are, or when
/// it says so already.
fn of_others(
    admin: &Admin,
    now: Instant,
    caller: &Caller,
    records: &[CallRecord],
) -> Option<(String, Look)> {
    let person = admin.person(&caller.login);
    let own = person.map_or(&[][..], |person| person.extensions.as_slice());
    let is_own = |record: &&CallRecord| {
        let mut was_in = record.extensions.iter();
        was_in.any(|number| own.contains(number)) || own.contains(&record.to)
    };
    let others: Vec<&CallRecord> = records.iter().filter(|it| !is_own(it)).collect();
    let oldest = others.last()?.id.clone();
    let told = format!("{} of others, from {oldest} on", others.len());
    let is_told = admin.looks.get(&caller.login);
    let is_told = is_told.is_some_and(|it| now - it.began < LOOK_TIME && it.oldest <= oldest);
    if is_told {
        return None;
    }
    Some((told, Look { began: now, oldest }))
}

/// Somebody looks at calls of others.
#[derive(Debug)]
pub(crate) struct Look {
    began: Instant,
    /// Id of the oldest record he was shown.
    oldest: String,
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

/// Who looks again within this time, and no further back, does not fill the audit trail with it.
const LOOK_TIME: Duration = Duration::from_secs(10 * 60);
/// A page of rows.
const LIMIT_DEFAULT: u32 = 100;
/// The most rows in one answer: about 400 KiB of JSON.
pub(super) const LIMIT_MAX: u32 = 1000;
