//! Prompts and their sounds: listed, sent, heard and deleted.
//!
//! A prompt is in the configuration like a route, its sound is a file of the store. A sound comes
//! as a WAV file in pieces, and each is made into samples as it comes ([`rtp::wav::Incoming`]): of
//! what somebody sends, nothing else reaches another process. One is sent at a time, and nobody
//! ends that of somebody else.

use std::time::Duration;

use ipc::sound::{PROMPT_SECS_MAX, SOUNDS, is_prompt_name, prompt_file};
use ipc::store::{PromptRefusal, PromptRequest, Reply, Request as Ask};
use rtp::wav::Incoming;
use sansio::Instant;

use super::change::unkept;
use super::firmware::recorded;
use super::recordings::sounding;
use super::takes::takes;
use super::{done, items};
use crate::admin::{Admin, Caller};
use crate::answers::{NextPiece, Nothing};
use crate::fault::{Fault, Item, PromptFault};
use crate::http::{Request, Response, decode};
use crate::pages;
use crate::prompt_view::prompts;
use crate::range::{Part, part};
use crate::routes::{Face, OnPrompts};
use crate::step::{Away, Moment, Step};

/// A sound that somebody sends.
#[derive(Debug)]
pub(crate) struct IncomingSound {
    /// Who.
    login: String,
    pub(super) file: Incoming,
    /// Bytes of samples that the store has.
    pub(super) kept: u64,
    /// When the last piece of it came.
    at: Instant,
}

/// As long without a piece, and it broke off.
const BROKEN_OFF: Duration = Duration::from_secs(60);

impl IncomingSound {
    pub(super) fn new(caller: &Caller, now: Instant, file: Incoming) -> Self {
        Self {
            login: caller.login.clone(),
            file,
            kept: 0,
            at: now,
        }
    }
}

/// Somebody else is sending a sound, which another one would end.
pub(super) fn busy(admin: &Admin, now: Instant, caller: &Caller) -> Option<Fault> {
    let is_theirs = |it: &&IncomingSound| it.login != caller.login && now < it.at + BROKEN_OFF;
    let busy = || PromptFault::Kept(PromptRefusal::OutOfOrder).into();
    admin.incoming.as_ref().filter(is_theirs).map(|_| busy())
}

/// Does what is asked about prompts.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnPrompts,
    segment: &str,
    caller: Caller,
) -> Step {
    let name = decode(segment).unwrap_or_default();
    match action {
        OnPrompts::Script => Step::Respond(pages::prompt_script()),
        OnPrompts::List => list(caller),
        OnPrompts::Upload => upload(admin, moment.now, request, segment, &caller),
        OnPrompts::Keep => keep(admin, name, caller),
        OnPrompts::Hear => hear(request, name, caller),
        OnPrompts::DeleteSound => delete_sound(admin, name, caller),
        OnPrompts::Delete => delete(admin, segment, name, caller),
    }
}

/// Every prompt, and sounds of which there is no prompt any more.
fn list(caller: Caller) -> Step {
    ask(PromptRequest::List, move |admin, reply| {
        let Some((_, site)) = &admin.site else {
            return caller.refuse(&Fault::Starting);
        };
        let views = match reply {
            Ok(Reply::Prompts(sounds)) => prompts(site, sounds),
            other => return caller.refuse(&unmet(other)),
        };
        if caller.face == Face::Api {
            return Step::Respond(Response::json(200, &views).sealed());
        }
        if !caller.may_change() {
            return Step::Respond(pages::prompts(&caller, &views, &[], "").sealed());
        }
        let code = site.features.record_prompt.clone();
        // Without `media` there are none to be seen, and everything else is there.
        takes(move |_, found| {
            let found = found.unwrap_or_default();
            Step::Respond(pages::prompts(&caller, &views, &found, &code).sealed())
        })
    })
}

/// Takes a piece of a file; the path says where it begins. One at 0 begins anew.
fn upload(
    admin: &mut Admin,
    now: Instant,
    request: &Request,
    offset: &str,
    caller: &Caller,
) -> Step {
    let Ok(offset) = offset.parse::<u64>() else {
        return caller.refuse(&Fault::NoSuchPage);
    };
    if offset == 0 {
        if let Some(fault) = busy(admin, now, caller) {
            return caller.refuse(&fault);
        }
        let file = Incoming::new(PROMPT_SECS_MAX);
        admin.incoming = Some(IncomingSound::new(caller, now, file));
    }
    let is_theirs = |it: &&mut IncomingSound| it.login == caller.login && it.file.taken() == offset;
    let Some(incoming) = admin.incoming.as_mut().filter(is_theirs) else {
        return caller.refuse(&PromptFault::Kept(PromptRefusal::OutOfOrder).into());
    };
    incoming.at = now;
    let mut samples = Vec::new();
    if let Err(refused) = incoming.file.take(&request.body, &mut samples) {
        admin.incoming = None;
        return caller.refuse(&PromptFault::Sound(refused).into());
    }
    let next = NextPiece {
        next: incoming.file.taken(),
    };
    if samples.is_empty() {
        return Step::Respond(Response::json(200, &next).sealed());
    }
    let piece = piece(incoming, &samples);
    let caller = caller.clone();
    ask(piece, move |admin, reply| match reply {
        Ok(Reply::Uploaded { .. }) => Step::Respond(Response::json(200, &next).sealed()),
        other => {
            admin.incoming = None;
            caller.refuse(&unmet(other))
        }
    })
}

/// Samples as the next piece for the store.
pub(super) fn piece(incoming: &mut IncomingSound, samples: &[i16]) -> PromptRequest {
    let bytes: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    let offset = incoming.kept;
    incoming.kept = offset.saturating_add(bytes.len() as u64);
    PromptRequest::Piece { offset, bytes }
}

/// Makes what was sent the sound of a prompt, in the place of the one it has.
fn keep(admin: &mut Admin, name: String, caller: Caller) -> Step {
    if !is_listed(admin, &name) {
        return caller.refuse(&Fault::NoSuchItem(Item::Prompt, name));
    }
    // What somebody else sends goes on.
    let own = |it: &mut IncomingSound| it.login == caller.login;
    let Some(mut incoming) = admin.incoming.take_if(own) else {
        return caller.refuse(&PromptFault::Kept(PromptRefusal::OutOfOrder).into());
    };
    let mut samples = Vec::new();
    let file = std::mem::replace(&mut incoming.file, Incoming::new(0));
    let rate = match file.finish(&mut samples) {
        Ok(rate) => rate,
        Err(refused) => return caller.refuse(&PromptFault::Sound(refused).into()),
    };
    let rest = (!samples.is_empty()).then(|| piece(&mut incoming, &samples));
    let (bytes, hertz) = (incoming.kept, rate.hertz());
    let action = format!("sound of prompt {name:?} replaced");
    recorded(admin, caller, &action, move |caller| match rest {
        None => take_place(name, bytes, hertz, caller),
        Some(rest) => ask(rest, move |_, reply| match reply {
            Ok(Reply::Uploaded { .. }) => take_place(name, bytes, hertz, caller),
            other => caller.refuse(&unmet(other)),
        }),
    })
}

/// Makes the samples that the store has the sound of a prompt.
pub(super) fn take_place(name: String, bytes: u64, hertz: u32, caller: Caller) -> Step {
    let keep = PromptRequest::Keep { name, bytes, hertz };
    ask(keep, move |_, reply| match reply {
        Ok(Reply::Stored) => Step::Respond(match caller.face {
            Face::Page | Face::Asset => Response::redirect("/prompts").sealed(),
            Face::Api => Response::json(200, &Nothing {}).sealed(),
        }),
        other => caller.refuse(&unmet(other)),
    })
}

/// The sound of a prompt, or the part of it that was asked for. Callers hear it anyway, so the
/// audit trail does not tell who did.
fn hear(request: &Request, name: String, caller: Caller) -> Step {
    if !is_prompt_name(&name) {
        return caller.refuse(&Fault::NoSuchItem(Item::Prompt, name));
    }
    let wanted = request.header("range").unwrap_or_default().to_owned();
    let shown = prompt_file(&name);
    Step::Open(
        format!("{SOUNDS}{shown}"),
        Box::new(move |_, _, length| {
            let Some(length) = length else {
                return caller.refuse(&PromptFault::Kept(PromptRefusal::Missing).into());
            };
            match part(&wanted, length) {
                Ok(part) => {
                    let part = part.unwrap_or_else(|| Part::whole(length));
                    Step::Respond(sounding(&shown, part, length))
                }
                Err(_) => caller.refuse(&PromptFault::NotInSound(length).into()),
            }
        }),
    )
}

/// Deletes the sound alone: calls go on without it.
fn delete_sound(admin: &mut Admin, name: String, caller: Caller) -> Step {
    let action = format!("sound of prompt {name:?} deleted");
    recorded(admin, caller, &action, move |caller| {
        ask(PromptRequest::Delete(name), move |_, reply| match reply {
            Ok(Reply::Stored) => done(&caller, "/prompts"),
            other => caller.refuse(&unmet(other)),
        })
    })
}

/// Deletes a prompt, and then its sound. One that something plays stays, and that is named.
fn delete(admin: &mut Admin, segment: &str, name: String, caller: Caller) -> Step {
    if !is_listed(admin, &name) && is_prompt_name(&name) {
        return delete_sound(admin, name, caller);
    }
    let deleted = items::delete(admin, Item::Prompt, segment, caller);
    deleted.followed(Box::new(move |response| match response.status {
        // One that is left is shown on the page, and deleted from there.
        200..400 => ask(PromptRequest::Delete(name), move |_, _| {
            Step::Respond(response)
        }),
        _ => Step::Respond(response),
    }))
}

pub(super) fn is_listed(admin: &Admin, name: &str) -> bool {
    let site = admin.site.as_ref().map(|(_, site)| site);
    site.is_some_and(|site| site.prompts.iter().any(|it| it.name == name))
}

pub(super) fn ask(
    request: PromptRequest,
    then: impl FnOnce(&mut Admin, Result<Reply, Away>) -> Step + Send + 'static,
) -> Step {
    Step::Store(
        Ask::Prompt(request),
        Box::new(move |admin, _, reply| then(admin, reply)),
    )
}

pub(super) fn unmet(reply: Result<Reply, Away>) -> Fault {
    match reply {
        Ok(Reply::PromptRefused(refusal)) => PromptFault::Kept(refusal).into(),
        other => unkept(other),
    }
}
