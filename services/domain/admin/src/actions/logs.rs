//! The box's own log: shown as it grows, and handed out as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ipc::init::{Log, Reply, Request as Ask};

use super::looks::{Range, WHOLE, What};
use super::records;
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::log_view::{Level, LogLineView, Wish, chosen};
use crate::pages;
use crate::permission::Permission;
use crate::routes::{Face, OnLogs};
use crate::step::Step;

/// Does what is wanted.
pub(crate) fn act(action: OnLogs, request: &Request, caller: Caller) -> Step {
    let wish = wish(action, request, &caller);
    Step::Init(
        Ask::Log { limit: u32::MAX },
        Box::new(move |admin, moment, reply| {
            let Ok(Reply::Log(log)) = reply else {
                return caller.refuse(&Fault::InitAway);
            };
            let services = services(&log);
            let lines = chosen(log, moment.wall, &wish);
            if action == OnLogs::File {
                return file(admin, &lines, caller);
            }
            // It says who called whom, with numbers of people outside masked.
            let whole = has_whole_numbers(&lines);
            let told = if whole {
                "lines with whole numbers"
            } else {
                ""
            };
            let told = Some((told.to_owned(), Range::default()));
            admin.looked(
                moment.now,
                caller,
                What::Log { whole },
                told,
                move |_, caller| {
                    let response = match (action, caller.face) {
                        (OnLogs::Events, _) => pages::log_parts(&caller, &lines),
                        (_, Face::Api) => Response::json(200, &lines),
                        _ => pages::logs(&caller, &wish, &services, &lines),
                    };
                    Step::Respond(response.sealed())
                },
            )
        }),
    )
}

fn wish(action: OnLogs, request: &Request, caller: &Caller) -> Wish {
    let level = request.query_field("level").unwrap_or_default();
    // The finest lines name whole numbers.
    let finest = match caller.may(Permission::SeeWholeNumbers) {
        true => Level::Trace,
        false => Level::Info,
    };
    let rows = match (action, caller.face) {
        (OnLogs::File, _) => usize::MAX,
        (_, Face::Api) => usize::try_from(records::limit(request)).unwrap_or(usize::MAX),
        _ => PAGE_LINES,
    };
    Wish {
        service: request.query_field("service").unwrap_or_default(),
        level: Level::named(&level).unwrap_or_default().min(finest),
        limit: rows,
    }
}

/// Lines finer than `info` name them.
fn has_whole_numbers(lines: &[LogLineView]) -> bool {
    lines.iter().any(|it| it.level > Level::Info)
}

/// Everybody who says something.
fn services(log: &Log) -> BTreeSet<String> {
    log.lines.iter().map(|it| it.service.clone()).collect()
}

/// Oldest first, as a log is read. That it leaves the box is recorded each time.
fn file(admin: &mut Admin, lines: &[LogLineView], caller: Caller) -> Step {
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let mut text = String::new();
    for line in lines.iter().rev() {
        let (at, service, level) = (&line.at, &line.service, line.level.name());
        // Writing to a string does not fail.
        let _ = writeln!(text, "{at} {service} {level} {}", line.text);
    }
    let whole = if has_whole_numbers(lines) { WHOLE } else { "" };
    let told = format!("{} lines{whole}", lines.len());
    let audit = caller.audit("log downloaded".to_owned(), String::new(), told);
    admin.record(audit, move |_, _| {
        let response = Response::new(200, "text/plain; charset=utf-8", text).with(
            "content-disposition",
            "attachment; filename=\"ramal-log.txt\"",
        );
        Step::Respond(response.sealed())
    })
}

/// Lines on the page, and so in each part that goes to an open one: about 30 kB.
const PAGE_LINES: usize = 150;
