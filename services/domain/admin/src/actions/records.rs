//! The audit trail, newest first, and how many rows one asks for.

use ipc::store::{Reply, Request as StoreRequest};

use super::change::unkept;
use super::replaced::replaced;
use crate::admin::Caller;
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::Step;
use crate::views::AuditView;

/// The audit trail.
pub(crate) fn audit_trail(request: &Request, caller: Caller) -> Step {
    Step::Store(
        StoreRequest::AuditTrail {
            limit: limit(request),
        },
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::AuditTrail(entries)) => {
                let entries: Vec<AuditView> = entries.into_iter().map(AuditView::from).collect();
                if caller.face == Face::Api {
                    return Step::Respond(Response::json(200, &entries).sealed());
                }
                replaced(false, caller, move |caller, replaced| {
                    let page = pages::audit_trail(&caller, &entries, &replaced);
                    Step::Respond(page.sealed())
                })
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
