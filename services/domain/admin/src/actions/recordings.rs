//! Recordings of calls: listed, downloaded and deleted. Whoever downloads or deletes one is in the
//! audit trail before anything leaves the box, or leaves the disk.

use std::collections::BTreeSet;

use ipc::sound::{RecordingFile, Reply, Request as MediaRequest, is_recording_name, take_of};
use ipc::store::{CallFilter, CallRecord, CallsOf, CallsWith, Reply as Answer, Request as Ask};
use sansio::Instant;

use super::change::unkept;
use super::looks::{Range, What, recorded};
use super::records::LIMIT_MAX;
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::range::{Part, part};
use crate::step::{Away, Step};
use crate::views::RecordingView;

/// The recordings of the calls one may see, newest first. Whoever sees those of others is in the
/// audit trail.
pub(crate) fn list(admin: &mut Admin, caller: Caller) -> Step {
    let Some(calls) = admin.calls_seen_by(&caller) else {
        return listed(caller, move |admin, now, caller, mut files| {
            // Those are on the page of prompts.
            files.retain(|file| take_of(&file.name).is_none());
            let others = files.len();
            show(admin, now, caller, files, others)
        });
    };
    of_calls(
        admin,
        calls,
        CallsWith::Recordings,
        (LIMIT_MAX, None),
        caller,
        move |_, caller, records| {
            listed(caller, move |admin, now, caller, mut files| {
                let own = admin.own_calls(&caller);
                let mut others = BTreeSet::new();
                let mut named = BTreeSet::new();
                for record in &records {
                    named.extend(&record.recordings);
                    if !recorded(record).may_be_heard_by(&own) {
                        others.extend(&record.recordings);
                    }
                }
                files.retain(|file| named.contains(&file.name));
                let others = files.iter().filter(|it| others.contains(&it.name)).count();
                show(admin, now, caller, files, others)
            })
        },
    )
}

fn show(
    admin: &mut Admin,
    now: Instant,
    caller: Caller,
    files: Vec<RecordingFile>,
    others: usize,
) -> Step {
    let told = (others > 0).then(|| (format!("{others} of others"), Range::default()));
    let newest = files.into_iter().rev().map(RecordingView::from);
    let views: Vec<RecordingView> = newest.collect();
    admin.looked(now, caller, What::Recordings, told, move |_, _| {
        Step::Respond(Response::json(200, &views).sealed())
    })
}

/// The sound of a recording, or the part of it that was asked for.
pub(crate) fn download(admin: &mut Admin, request: &Request, name: String, caller: Caller) -> Step {
    if let Err(fault) = may_go_on(admin, &name) {
        return caller.refuse(&fault);
    }
    let wanted = request.header("range").unwrap_or_default().to_owned();
    let Some(calls) = admin.calls_seen_by(&caller) else {
        return open(name, wanted, caller);
    };
    let with = CallsWith::Recording(name.clone());
    // One call has it, which began no later than its name says.
    let began = name.split('-').next().unwrap_or_default();
    let page = (1, Some(format!("{began}-~")));
    of_calls(
        admin,
        calls,
        with,
        page,
        caller,
        move |_, caller, records| {
            let is_named = records.iter().any(|it| it.recordings.contains(&name));
            // Whether it exists is none of the business of whoever may not hear it.
            match is_named {
                true => open(name, wanted, caller),
                false => caller.refuse(&Fault::NoSuchRecording(name)),
            }
        },
    )
}

fn open(name: String, wanted: String, caller: Caller) -> Step {
    Step::Open(
        name.clone(),
        Box::new(move |admin, _, length| {
            let Some(length) = length else {
                return caller.refuse(&Fault::NoSuchRecording(name));
            };
            let Part { from, bytes } = match part(&wanted, length) {
                Ok(part) => part.unwrap_or_else(|| Part::whole(length)),
                Err(_) => return caller.refuse(&Fault::NotInRecording(name, length)),
            };
            let is_whole = bytes == length;
            let what = if is_whole {
                String::new()
            } else {
                format!("{bytes} of {length} bytes, from {from}")
            };
            let action = format!("recording {name} downloaded");
            let audit = caller.audit(action, String::new(), what);
            admin.record(audit, move |_, _| {
                Step::Respond(sounding(&name, Part { from, bytes }, length))
            })
        }),
    )
}

/// A file of the recordings, or the part of it that was asked for, of which nobody is told.
pub(super) fn open_sound(request: &Request, name: String, caller: Caller) -> Step {
    let wanted = request.header("range").unwrap_or_default().to_owned();
    Step::Open(
        name.clone(),
        Box::new(move |_, _, length| {
            let Some(length) = length else {
                return caller.refuse(&Fault::NoSuchRecording(name));
            };
            match part(&wanted, length) {
                Ok(part) => {
                    let part = part.unwrap_or_else(|| Part::whole(length));
                    Step::Respond(sounding(&name, part, length))
                }
                Err(_) => caller.refuse(&Fault::NotInRecording(name, length)),
            }
        }),
    )
}

/// A part of an opened sound of this length, as its answer.
pub(super) fn sounding(name: &str, part: Part, length: u64) -> Response {
    let Part { from, bytes } = part;
    let is_whole = bytes == length;
    let status = if is_whole { 200 } else { 206 };
    let mut response = Response::opened(status, from, bytes)
        .with("content-type", "audio/wav")
        .with(
            "content-disposition",
            format!("inline; filename=\"{name}\""),
        )
        .with("accept-ranges", "bytes");
    if !is_whole {
        let last = from.saturating_add(bytes).saturating_sub(1);
        response = response.with("content-range", format!("bytes {from}-{last}/{length}"));
    }
    response.sealed()
}

/// Deletes a recording.
pub(crate) fn delete(admin: &Admin, name: String, caller: Caller) -> Step {
    if let Err(fault) = may_go_on(admin, &name) {
        return caller.refuse(&fault);
    }
    listed(caller, move |admin, _, caller, files| {
        match files.into_iter().find(|file| file.name == name) {
            None => return caller.refuse(&Fault::NoSuchRecording(name)),
            Some(file) if file.is_open => return caller.refuse(&Fault::RecordingOpen(name)),
            Some(_) => {}
        }
        let action = format!("recording {name} deleted");
        let audit = caller.audit(action, String::new(), String::new());
        admin.record(audit, move |_, _| {
            Step::Media(
                MediaRequest::DeleteRecording(name.clone()),
                Box::new(move |_, _, reply| match reply {
                    Ok(Reply::Done) => Step::Respond(Response::empty(204).sealed()),
                    Ok(Reply::Unknown) => caller.refuse(&Fault::NoSuchRecording(name)),
                    other => caller.refuse(&unmet(other)),
                }),
            )
        })
    })
}

/// Goes on with the records of these calls.
fn of_calls(
    admin: &mut Admin,
    calls: Vec<CallsOf>,
    with: CallsWith,
    (limit, before): (u32, Option<String>),
    caller: Caller,
    then: impl FnOnce(&mut Admin, Caller, Vec<CallRecord>) -> Step + Send + 'static,
) -> Step {
    if calls.is_empty() {
        return then(admin, caller, Vec::new());
    }
    let only = CallFilter {
        numbers: Some(calls),
        with,
        ..CallFilter::default()
    };
    Step::Store(
        Ask::Calls {
            limit,
            before,
            only,
        },
        Box::new(move |admin, _, reply| match reply {
            Ok(Answer::Calls(records)) => then(admin, caller, records),
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// Names lead nowhere else, and nothing is done that cannot be recorded.
fn may_go_on(admin: &Admin, name: &str) -> Result<(), Fault> {
    if !is_recording_name(name) {
        return Err(Fault::NoSuchRecording(name.to_owned()));
    }
    if admin.is_unrecorded_full() {
        return Err(Fault::StoreAway);
    }
    Ok(())
}

fn listed(
    caller: Caller,
    then: impl FnOnce(&mut Admin, Instant, Caller, Vec<RecordingFile>) -> Step + Send + 'static,
) -> Step {
    Step::Media(
        MediaRequest::Recordings,
        Box::new(move |admin, moment, reply| match reply {
            Ok(Reply::Recordings(files)) => then(admin, moment.now, caller, files),
            other => caller.refuse(&unmet(other)),
        }),
    )
}

pub(super) fn unmet(reply: Result<Reply, Away>) -> Fault {
    match reply {
        Ok(Reply::Failed { reason }) => Fault::NotKept(reason),
        Ok(_) => Fault::Internal,
        Err(_) => Fault::MediaAway,
    }
}
