//! Takes: what somebody said into a phone after the code for it. They are heard here, become the
//! sound of a prompt, or are deleted; the recordings of calls are elsewhere.

use ipc::sound::{PROMPT_SECS_MAX, RecordingFile, Reply as Heard, Request as Media, take_of};
use ipc::store::Reply;
use rtp::wav::Incoming;
use sansio::Instant;
use schemars::JsonSchema;
use serde::Deserialize;

use super::firmware::recorded;
use super::prompts::{IncomingSound, ask, busy, is_listed, piece, take_place, unmet};
use super::recordings::{open_sound, unmet as unmet_by_media};
use super::{done, form, json};
use crate::admin::{Admin, Caller};
use crate::fault::{Fault, Item, PromptFault};
use crate::http::{Request, Response};
use crate::prompt_view::TakeView;
use crate::routes::{Face, OnTakes};
use crate::step::{Away, Moment, Step};

/// Which prompt a take is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TakeWish")]
pub(crate) struct Wish {
    prompt: String,
}

/// Does what is asked about takes.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnTakes,
    take: String,
    caller: Caller,
) -> Step {
    if action != OnTakes::List && take_of(&take).is_none() {
        return caller.refuse(&Fault::NoSuchRecording(take));
    }
    match action {
        OnTakes::List => takes(move |_, heard| match heard {
            Ok(takes) => Step::Respond(Response::json(200, &takes).sealed()),
            Err(fault) => caller.refuse(&fault),
        }),
        OnTakes::Hear => open_sound(request, take, caller),
        OnTakes::Keep => keep(admin, moment.now, request, take, caller),
        OnTakes::Delete => delete(admin, take, caller),
    }
}

/// Every take, the newest first.
pub(super) fn takes(
    then: impl FnOnce(&mut Admin, Result<Vec<TakeView>, Fault>) -> Step + Send + 'static,
) -> Step {
    Step::Media(
        Media::Recordings,
        Box::new(move |admin, _, reply| match reply {
            Ok(Heard::Recordings(files)) => {
                let view = |file: &RecordingFile| TakeView::new(file);
                let mut takes: Vec<TakeView> = files.iter().filter_map(view).collect();
                takes.sort_by(|a, b| b.taken.cmp(&a.taken));
                then(admin, Ok(takes))
            }
            other => then(admin, Err(unmet_by_media(other))),
        }),
    )
}

/// Makes a take the sound of a prompt; the take stays until its days are over, or somebody deletes
/// it.
fn keep(admin: &mut Admin, now: Instant, request: &Request, take: String, caller: Caller) -> Step {
    let wish = match caller.face {
        Face::Api => json::<Wish>(request),
        Face::Page | Face::Asset => Ok(Wish {
            prompt: form(request, "prompt"),
        }),
    };
    let prompt = match wish {
        Ok(Wish { prompt }) => prompt,
        Err(fault) => return caller.refuse(&fault),
    };
    if !is_listed(admin, &prompt) {
        return caller.refuse(&Fault::NoSuchItem(Item::Prompt, prompt));
    }
    if let Some(fault) = busy(admin, now, &caller) {
        return caller.refuse(&fault);
    }
    let action = format!("take {take} made the sound of prompt {prompt:?}");
    recorded(admin, caller, &action, move |caller| {
        let sound = IncomingSound::new(&caller, now, Incoming::said(PROMPT_SECS_MAX));
        read_on(take, prompt, sound, caller)
    })
}

/// Reads the next piece of a take, and hands the samples of it to the store.
fn read_on(take: String, prompt: String, mut sound: IncomingSound, caller: Caller) -> Step {
    let offset = sound.file.taken();
    let name = take.clone();
    Step::Media(
        Media::ReadRecording { name, offset },
        Box::new(move |_, _, reply| {
            let bytes = match reply {
                Ok(Heard::Piece(bytes)) => bytes,
                Ok(Heard::Unknown) => return caller.refuse(&Fault::NoSuchRecording(take)),
                other => return caller.refuse(&unmet_by_media(other)),
            };
            let mut samples = Vec::new();
            let is_over = bytes.is_empty();
            let mut hertz = 0;
            let taken = match is_over {
                false => sound.file.take(&bytes, &mut samples),
                true => {
                    let file = std::mem::replace(&mut sound.file, Incoming::new(0));
                    file.finish(&mut samples).map(|rate| hertz = rate.hertz())
                }
            };
            if let Err(refused) = taken {
                return caller.refuse(&PromptFault::Sound(refused).into());
            }
            let go_on = move |sound: IncomingSound, caller: Caller| match is_over {
                false => read_on(take, prompt, sound, caller),
                true => take_place(prompt, sound.kept, hertz, caller),
            };
            if samples.is_empty() {
                return go_on(sound, caller);
            }
            let next = piece(&mut sound, &samples);
            ask(next, move |_, reply| match reply {
                Ok(Reply::Uploaded { .. }) => go_on(sound, caller),
                other => caller.refuse(&unmet(other)),
            })
        }),
    )
}

fn delete(admin: &mut Admin, take: String, caller: Caller) -> Step {
    recorded(admin, caller, &format!("take {take} deleted"), |caller| {
        Step::Media(
            Media::DeleteRecording(take.clone()),
            Box::new(move |_, _, reply: Result<Heard, Away>| match reply {
                Ok(Heard::Done) => done(&caller, "/prompts"),
                Ok(Heard::Unknown) => caller.refuse(&Fault::NoSuchRecording(take)),
                other => caller.refuse(&unmet_by_media(other)),
            }),
        )
    })
}
