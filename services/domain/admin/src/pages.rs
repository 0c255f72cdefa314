//! The pages: plain HTML that works without a script; one style sheet, nothing from elsewhere.

mod about;
mod backups;
mod bans;
mod calls;
mod capture;
mod cards;
mod certificate;
mod chart;
mod countries;
mod danger;
mod dashboard;
mod erasure;
mod firmware;
mod form;
mod grid;
mod history;
mod ladder;
mod layout;
mod lists;
mod logs;
mod masquerade;
mod navigation;
mod network;
mod passkeys;
mod people;
mod person;
mod privacy;
mod prompts;
mod qr;
mod records;
mod report;
mod restoring;
mod router_guide;
mod routes;
mod second_factor;
mod sign_in;
mod site;
mod site_file;
mod start;
mod state;
mod timed;
mod tokens;
mod trace;

use maud::html;

pub(crate) use about::about;
pub(crate) use backups::{backup_code, backups};
pub(crate) use bans::{bans, bans_parts};
pub(crate) use calls::calls;
pub(crate) use capture::{capture, capture_parts};
pub(crate) use cards::{ask_card, cards};
pub(crate) use certificate::certificate;
pub(crate) use countries::countries;
pub(crate) use dashboard::{status, status_parts};
pub(crate) use erasure::erasure;
pub(crate) use firmware::{firmware, recovery_code};
pub(crate) use form::{Sheet, delete_question, sheet};
pub(crate) use grid::grid;
pub(crate) use history::{history, version};
pub(crate) use ladder::ladder;
pub(crate) use lists::{items, settings};
pub(crate) use logs::{log_parts, logs};
pub(crate) use masquerade::{masquerade, masquerade_parts};
pub(crate) use navigation::home;
pub(crate) use network::{moving, network};
pub(crate) use passkeys::{passkey_offer, passkey_script, passkeys};
pub(crate) use people::{one_time_password, people};
pub(crate) use person::person;
pub(crate) use privacy::privacy;
pub(crate) use prompts::prompts;
pub(crate) use records::{audit_trail, trail_checked};
pub(crate) use report::report;
pub(crate) use restoring::{restoring, restoring_parts};
pub(crate) use routes::routes;
pub(crate) use second_factor::{code, offer, recovery_codes, second_factor};
pub(crate) use sign_in::{confirm, password, sign_in};
pub(crate) use site::{confirm_delete, extensions, new_extension};
pub(crate) use site_file::{site_file, site_taken};
pub(crate) use start::{Stand, start};
pub(crate) use tokens::{new_token, tokens};
pub(crate) use trace::{trace, trace_parts, traced};

use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;
use layout::{Place, page};

/// The style sheet.
pub(crate) fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// The script by which the first page stays as the box is.
pub(crate) fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// The script by which an update is sent.
pub(crate) fn upload_script() -> Response {
    asset("text/javascript; charset=utf-8", UPLOAD)
}

/// The script by which a backup is brought.
pub(crate) fn backup_script() -> Response {
    asset("text/javascript; charset=utf-8", BACKUP)
}

/// The script by which the sound of a prompt is sent.
pub(crate) fn prompt_script() -> Response {
    asset("text/javascript; charset=utf-8", PROMPT)
}

/// The script by which a chosen file comes into a text field.
pub(crate) fn file_script() -> Response {
    asset("text/javascript; charset=utf-8", FILE)
}

/// The picture of the browser's tab.
pub(crate) fn icon() -> Response {
    asset("image/svg+xml", ICON)
}

/// A page for what cannot be shown.
pub(crate) fn fault(caller: &Caller, fault: &Fault) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.problem) }
            p.error { (fault.text(caller.language)) }
            p { a.button href="/" { (words.back) } }
        }
    };
    page(
        fault.status(),
        caller,
        Place::Elsewhere,
        words.problem,
        &body,
    )
}

/// Every address of an asset carries its hash, so it may be kept for ever.
fn asset(content_type: &str, text: &str) -> Response {
    Response::new(200, content_type, text)
        .with("cache-control", "public, max-age=31536000, immutable")
        .sealed()
}

pub(super) const ICON: &str = include_str!("../assets/icon.svg");
pub(super) const STYLE: &str = include_str!("../assets/style.css");
pub(super) const FILE: &str = include_str!("../assets/file.js");
pub(super) const PASSKEY: &str = include_str!("../assets/passkey.js");
pub(super) const PROMPT: &str = concat!(
    include_str!("../assets/pieces.js"),
    include_str!("../assets/prompt.js")
);
pub(super) const BACKUP: &str = concat!(
    include_str!("../assets/pieces.js"),
    include_str!("../assets/backup.js")
);
pub(super) const UPLOAD: &str = include_str!("../assets/upload.js");
pub(super) const SCRIPT: &str = include_str!("../assets/live.js");
