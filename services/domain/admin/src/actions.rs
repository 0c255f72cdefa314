//! What can be done, one module a subject.

pub(crate) mod about;
pub(crate) mod accounts;
mod at_box;
pub(crate) mod backups;
pub(crate) mod bans;
pub(crate) mod calls;
pub(crate) mod capture;
pub(crate) mod cards;
pub(crate) mod certificate;
pub(crate) mod change;
pub(crate) mod countries;
pub(crate) mod erasure;
pub(crate) mod explain;
pub(crate) mod extensions;
pub(crate) mod firmware;
pub(crate) mod form;
pub(crate) mod grid;
pub(crate) mod history;
pub(crate) mod items;
pub(crate) mod logs;
pub(crate) mod looks;
mod masking;
pub(crate) mod masquerade;
pub(crate) mod network;
pub(crate) mod passkey_use;
pub(crate) mod passkeys;
pub(crate) mod patch;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod privacy;
pub(crate) mod prompts;
pub(crate) mod proof;
pub(crate) mod recordings;
pub(crate) mod records;
pub(crate) mod recovery_code;
pub(crate) mod replaced;
pub(crate) mod report;
pub(crate) mod routes;
pub(crate) mod second_factor;
pub(crate) mod sections;
pub(crate) mod sign_in;
pub(crate) mod site_file;
pub(crate) mod spending;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod takes;
pub(crate) mod tokens;
pub(crate) mod trace;
pub(crate) mod trail;

use serde::de::DeserializeOwned;

use crate::Method;
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::{Peer, Request, Response};
use crate::routes::{Action, Face, OnBackups, OnPrompts, Route};
use crate::step::Step;

/// The answer where there is nothing to say but that it was done: a person is led back.
fn done(caller: &Caller, back: &'static str) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => Response::redirect(back),
        Face::Api => Response::empty(204),
    };
    Step::Respond(response.sealed())
}

/// Refuses what another site made a browser send. The session cookie is `SameSite=Strict` already;
/// this is the second wall.
pub(crate) fn check_origin(request: &Request, route: &Route, caller: &Caller) -> Result<(), Fault> {
    if route.method == Method::Get {
        return Ok(());
    }
    let own = request.header("host").map(|host| format!("https://{host}"));
    let same_origin = match request.header("origin") {
        Some(origin) => own.as_deref() == Some(origin),
        // Programs send none; browsers always do with a form.
        None => route.face != Face::Page || request.header("sec-fetch-site") == Some("same-origin"),
    };
    // A token is sent by whoever has it, and never by a browser of itself.
    if !same_origin && request.peer != Peer::Local && caller.token.is_none() {
        return Err(Fault::OtherOrigin);
    }
    let is_json = request.header("content-type").is_some_and(|content_type| {
        let kind = content_type.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    });
    // A form on another site cannot say this without being asked first (CORS preflight). Pieces of
    // an update, a backup or a sound are bytes; what a form can send does not begin as one.
    let is_piece = matches!(
        route.action,
        Action::UpdatePiece
            | Action::Backups(OnBackups::Upload)
            | Action::Prompts(OnPrompts::Upload)
    );
    if route.face == Face::Api && route.method == Method::Post && !(is_json || is_piece) {
        return Err(Fault::NotJson);
    }
    Ok(())
}

/// Reads a JSON body.
pub(crate) fn json<T: DeserializeOwned>(request: &Request) -> Result<T, Fault> {
    serde_json::from_slice(&request.body).map_err(|error| {
        // The position, not the text: serde quotes values, and a value may be a password.
        Fault::BadBody(format!(
            "{} at line {} column {}",
            match error.classify() {
                serde_json::error::Category::Io => "unreadable",
                serde_json::error::Category::Syntax => "not JSON",
                serde_json::error::Category::Data =>
                    "a field is missing, unknown or of another type",
                serde_json::error::Category::Eof => "JSON that ends too early",
            },
            error.line(),
            error.column()
        ))
    })
}

/// Reads one field of a form; empty when it is absent.
pub(crate) fn form(request: &Request, name: &str) -> String {
    std::str::from_utf8(&request.body)
        .ok()
        .and_then(|text| crate::http::form_field(text, name))
        .unwrap_or_default()
}

/// An endless stream of secret bytes from 32 (SHA-256 in counter mode), for drawing passwords.
pub(crate) fn stretch(entropy: &sansio::Entropy) -> impl FnMut(&mut [u8]) {
    let key = *entropy.bytes();
    let mut counter = 0_u64;
    let mut block = Vec::new();
    move |buffer| {
        for slot in buffer {
            if block.is_empty() {
                let mut input = key.to_vec();
                input.extend_from_slice(&counter.to_le_bytes());
                block = crate::session::fingerprint(&input).to_vec();
                counter = counter.wrapping_add(1);
            }
            *slot = block.pop().unwrap_or_default();
        }
    }
}
