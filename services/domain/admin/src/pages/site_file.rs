//! The site or its extensions as a file: have it, try one out, take it over.

use maud::{Markup, html};

use super::layout::{Place, hashed, page};
use crate::admin::Caller;
use crate::answers::{NewPassword, Taken};
use crate::fault::Fault;
use crate::http::Response;
use crate::routes::File;

/// The page. `file` is what was sent, `taken` what that would change.
pub(crate) fn site_file(
    caller: &Caller,
    kind: File,
    file: &str,
    taken: Option<&Taken>,
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let (title, hint, way, place, suffix) = match kind {
        File::Site => (
            words.site_file,
            words.site_file_hint,
            "/site",
            Place::Settings,
            ".toml",
        ),
        File::Extensions => (
            words.extension_list,
            words.extension_list_hint,
            "/extension-list",
            Place::Extensions,
            ".csv",
        ),
    };
    let body = html! {
        h1 { (title) }
        section.card {
            h2 { (words.site_file_have) }
            p { (hint) }
            p { a.button href=(kind.address().0) download { (words.download) } }
        }
        @if caller.may_change() { section.card {
            h2 { (words.site_file_take) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            @if let Some(taken) = taken { (would_change(caller, taken)) }
            form method="post" action=(way) {
                @if let Some(taken) = taken {
                    input type="hidden" name="current" value=(taken.version);
                }
                label.file hidden { (words.site_file_choose)
                    input #chosen type="file" accept={ (suffix) ",text/plain" };
                }
                label { (words.site_file_text)
                    textarea #file name="file" rows="16" required spellcheck="false"
                        readonly[taken.is_some()] { (file) }
                }
                @if taken.is_some() {
                    label { (words.why) input name="reason" maxlength="200" autocomplete="off"; }
                    button.danger type="submit" { (words.site_file_take_over) } " "
                    a.button.quiet href=(way) { (words.cancel) }
                } @else {
                    button type="submit" { (words.site_file_try) }
                }
            }
        } }
        script src=(hashed("/assets/file.js", super::FILE)) defer {}
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, place, title, &body)
}

fn would_change(caller: &Caller, taken: &Taken) -> Markup {
    let words = caller.language.words();
    html! {
        @if taken.changes.is_empty() { p { (words.changed_nothing) } } @else {
            p { (words.back_changes) }
            ul { @for change in &taken.changes { li { (change) } } }
        }
        @if !taken.new_extensions.is_empty() {
            p.notice { (words.site_file_new) " " (taken.new_extensions.join(", ")) }
        }
        (no_passwords(caller, &taken.trunks_without_password))
    }
}

fn no_passwords(caller: &Caller, trunks: &[String]) -> Markup {
    html! {
        @if !trunks.is_empty() {
            p.notice { (caller.language.words().site_file_trunks) " " (trunks.join(", ")) }
        }
    }
}

/// It is done; the one page that shows the passwords of the new extensions.
pub(crate) fn site_taken(
    caller: &Caller,
    passwords: &[NewPassword],
    trunks_without_password: &[String],
) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card {
            h1 { (words.site_file_taken) }
            (no_passwords(caller, trunks_without_password))
            @if !passwords.is_empty() {
                p.notice { (words.shown_once) }
                table {
                    thead { tr { th { (words.number) } th { (words.password) } } }
                    tbody {
                        @for new in passwords {
                            tr { td.strong { (new.number) } td { code.secret { (new.password) } } }
                        }
                    }
                }
            }
            p { a.button href="/history" { (words.history) } }
        }
    };
    page(200, caller, Place::Settings, words.site_file_taken, &body)
}
