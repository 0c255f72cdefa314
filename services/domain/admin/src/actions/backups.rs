//! Backups: listed, made, handed out, brought and restored; and the code that opens them.

use ipc::Redacted;
use ipc::init::StickFile;
use ipc::store::{
    BackupRefusal, BackupRequest, Backups, Reply, Request as Ask, backup_file_millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::unkept;
use super::firmware::{on_stick, recorded};
use super::{form, json};
use crate::admin::{Admin, Caller};
use crate::answers::{BackupCode, NextPiece, Nothing, RestoreBegun};
use crate::backup_view::{BackupsView, RestoreView};
use crate::calendar::rfc3339;
use crate::fault::Fault;
use crate::fetch::{FetchFault, StickFault};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::{Face, OnBackups};
use crate::step::Step;

/// What is to be restored.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RestoreWish")]
pub(crate) struct Wish {
    /// A file that is on the box; what was brought, when it is left out.
    #[serde(default)]
    file: String,
    /// A file on the memory stick in the box.
    #[serde(default)]
    stick: String,
    /// The backup code, where the box does not have it.
    #[serde(default)]
    code: Redacted<String>,
}

/// Does what is asked about backups.
pub(crate) fn act(
    admin: &mut Admin,
    request: &Request,
    action: OnBackups,
    segment: String,
    caller: Caller,
) -> Step {
    match action {
        OnBackups::Script => Step::Respond(pages::backup_script()),
        OnBackups::List => list(caller),
        OnBackups::Make => make(admin, caller),
        OnBackups::Download => download(admin, segment, caller),
        OnBackups::NewCode => new_code(admin, caller),
        OnBackups::Upload => upload(request, &segment, caller),
        OnBackups::Restore => restore(admin, request, caller),
        OnBackups::Progress | OnBackups::ProgressParts => progress(action, caller),
    }
}

/// Those on the box, and how it goes.
fn list(caller: Caller) -> Step {
    listed(caller, |caller, backups| {
        on_stick(move |_, mut files| {
            files.retain(|it| it.offer.is_backup());
            let view = BackupsView::new(backups, files);
            let response = match caller.face {
                Face::Page | Face::Asset => pages::backups(&caller, &view),
                Face::Api => Response::json(200, &view),
            };
            Step::Respond(response.sealed())
        })
    })
}

fn listed(caller: Caller, then: impl FnOnce(Caller, Backups) -> Step + Send + 'static) -> Step {
    ask(BackupRequest::List, move |reply| match reply {
        Ok(Reply::Backups(backups)) => then(caller, backups),
        other => caller.refuse(&unmet(other)),
    })
}

/// Goes on with the name of the newest that was tried out and that today's code opens; without one
/// also where the store is away.
pub(super) fn newest(
    caller: Caller,
    then: impl FnOnce(Caller, Option<String>) -> Step + Send + 'static,
) -> Step {
    ask(BackupRequest::List, move |reply| {
        let files = match reply {
            Ok(Reply::Backups(backups)) => backups.files,
            Ok(_) | Err(_) => Vec::new(),
        };
        let good = files
            .into_iter()
            .filter(|it| it.is_proved && !it.needs_code);
        let newest = good.max_by_key(|it| it.taken_millis);
        then(caller, newest.map(|it| it.name))
    })
}

fn ask(
    request: BackupRequest,
    then: impl FnOnce(Result<Reply, crate::step::Away>) -> Step + Send + 'static,
) -> Step {
    Step::Store(
        Ask::Backup(request),
        Box::new(move |_, _, reply| then(reply)),
    )
}

/// Begins one now.
fn make(admin: &mut Admin, caller: Caller) -> Step {
    recorded(admin, caller, "backup asked for", |caller| {
        ask(BackupRequest::Make, move |reply| match reply {
            Ok(Reply::Stored) => done(&caller, &Nothing {}),
            other => caller.refuse(&unmet(other)),
        })
    })
}

fn done(caller: &Caller, answer: &impl Serialize) -> Step {
    Step::Respond(match caller.face {
        Face::Page | Face::Asset => Response::redirect("/backups").sealed(),
        Face::Api => Response::json(200, answer).sealed(),
    })
}

/// Hands one out. It is encrypted; whoever has it needs the code.
fn download(admin: &mut Admin, name: String, caller: Caller) -> Step {
    let Some(millis) = backup_file_millis(&name) else {
        return caller.refuse(&Fault::BackupRefused(BackupRefusal::Missing));
    };
    let action = format!("backup {name} downloaded");
    recorded(admin, caller, &action, move |caller| {
        Step::Open(
            name,
            Box::new(move |_, _, length| {
                let Some(length) = length else {
                    return caller.refuse(&Fault::BackupRefused(BackupRefusal::Missing));
                };
                let when = rfc3339(millis).replace([':', '-'], "");
                let shown = format!("attachment; filename=\"ramal-{when}.backup\"");
                let response = Response::opened(200, 0, length)
                    .with("content-type", "application/octet-stream")
                    .with("content-disposition", shown);
                Step::Respond(response.sealed())
            }),
        )
    })
}

/// Makes another code, and shows it: the only time anybody sees it. A program on the box itself has
/// no password to say, and does not get it.
fn new_code(admin: &Admin, caller: Caller) -> Step {
    if caller.session.is_none() {
        return caller.refuse(&Fault::NoSuchPerson(caller.login.clone()));
    }
    // Whoever is taking the first steps goes on with them.
    let back = match admin.is_start_over {
        true => "/backups",
        false => "/start/backup",
    };
    let action = "backup code made and shown".to_owned();
    let audit = caller.audit(action, String::new(), String::new());
    ask(BackupRequest::NewCode(audit), move |reply| match reply {
        Ok(Reply::BackupCode(code)) => {
            let response = match caller.face {
                Face::Page | Face::Asset => pages::backup_code(&caller, code.reveal(), back),
                Face::Api => Response::json(
                    200,
                    &BackupCode {
                        backup_code: code.reveal(),
                    },
                ),
            };
            Step::Respond(response.sealed())
        }
        other => caller.refuse(&unmet(other)),
    })
}

/// Takes a piece of a backup that somebody brings; the path says where it begins.
fn upload(request: &Request, offset: &str, caller: Caller) -> Step {
    let Ok(offset) = offset.parse() else {
        return caller.refuse(&Fault::NoSuchPage);
    };
    let bytes = request.body.clone();
    ask(
        BackupRequest::Upload { offset, bytes },
        move |reply| match reply {
            Ok(Reply::Uploaded { next }) => done(&caller, &NextPiece { next }),
            other => caller.refuse(&unmet(other)),
        },
    )
}

/// How far a restore is, or what became of it.
fn progress(action: OnBackups, caller: Caller) -> Step {
    listed(caller, move |caller, backups| {
        let view = RestoreView::new(backups.restore, caller.language);
        let response = match (action, caller.face) {
            (OnBackups::ProgressParts, _) => pages::restoring_parts(&caller, &view),
            (_, Face::Api) => Response::json(200, &view),
            (_, Face::Page | Face::Asset) => pages::restoring(&caller, &view),
        };
        Step::Respond(response.sealed())
    })
}

/// Begins to put what a backup holds in place of what the box has; the box starts anew then.
fn restore(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    let wish = match caller.face {
        Face::Api => json::<Wish>(request),
        Face::Page | Face::Asset => Ok(Wish {
            file: form(request, "file"),
            stick: form(request, "stick"),
            code: Redacted::new(form(request, "code")),
        }),
    };
    match wish {
        Ok(Wish { file, stick, code }) => {
            let code = Some(code).filter(|it| !it.reveal().trim().is_empty());
            if !stick.is_empty() {
                return from_stick(stick, code, caller);
            }
            let file = Some(file).filter(|it| !it.is_empty());
            begin(admin, file, code, caller)
        }
        Err(fault) => caller.refuse(&fault),
    }
}

/// The same with one on the memory stick, which is brought first and then judged like any other.
fn from_stick(name: String, code: Option<Redacted<String>>, caller: Caller) -> Step {
    on_stick(move |admin, files| {
        let mut files = files.into_iter();
        let found = files.find(|it| it.offer.is_backup() && it.offer.file == name);
        let Some(StickFile { disk, offer }) = found else {
            return caller.refuse(&stick_fault(StickFault::NotThere));
        };
        let action = format!("backup {name} taken from the USB stick {disk}");
        recorded(admin, caller, &action, move |caller| {
            Step::Bring(
                offer,
                Box::new(move |admin, _, brought| match brought {
                    Ok(Reply::Uploaded { .. }) => begin(admin, None, code, caller),
                    Ok(other) => caller.refuse(&unmet(Ok(other))),
                    Err(fault) => caller.refuse(&stick_fault(fault)),
                }),
            )
        })
    })
}

const fn stick_fault(fault: StickFault) -> Fault {
    Fault::CannotFetch(FetchFault::Stick(fault))
}

fn begin(
    admin: &mut Admin,
    file: Option<String>,
    code: Option<Redacted<String>>,
    caller: Caller,
) -> Step {
    let what = file.as_deref().unwrap_or("that was brought");
    let action = format!("restore of the backup {what} begun");
    recorded(admin, caller, &action, move |caller| {
        let audit = caller.audit(String::new(), String::new(), String::new());
        Step::Restore(
            Ask::Backup(BackupRequest::Restore { file, code, audit }),
            Box::new(move |admin, _, reply| match reply {
                Ok(Reply::RestoreBegun) => Step::Respond(match caller.face {
                    Face::Page | Face::Asset => Response::redirect("/backups/restore").sealed(),
                    Face::Api => {
                        let progress = "/api/backups/restore";
                        let begun = Response::json(202, &RestoreBegun { progress });
                        begun.with("location", progress).sealed()
                    }
                }),
                other => {
                    let fault = unmet(other);
                    let why = fault.text(crate::text::Language::English);
                    let audit = caller.audit("restore refused".into(), String::new(), why);
                    admin.record(audit, move |_, _| caller.refuse(&fault))
                }
            }),
        )
    })
}

fn unmet(reply: Result<Reply, crate::step::Away>) -> Fault {
    match reply {
        Ok(Reply::BackupRefused(refusal)) => Fault::BackupRefused(refusal),
        Ok(Reply::BackupFailed(failure)) => Fault::BackupFailed(failure),
        other => unkept(other),
    }
}
