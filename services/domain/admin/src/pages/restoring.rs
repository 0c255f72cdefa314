//! How far a restore is: a page that goes on by itself, with a script and without.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use crate::admin::Caller;
use crate::backup_view::RestoreView;
use crate::http::{Event, Response};
use crate::text::Words;

/// The page. Once nothing more becomes of it, it stays as it is.
pub(crate) fn restoring(caller: &Caller, view: &RestoreView) -> Response {
    let words = caller.language.words();
    let place = match view.is_on {
        true => Place::Restoring,
        false => Place::Backups,
    };
    let body = html! {
        h1 { (words.backup_restore) }
        (part(words, view))
        p { a.button href="/backups" { (words.back) } }
    };
    page(200, caller, place, words.backup_restore, &body)
}

/// What changes alone, for a page that is open.
pub(crate) fn restoring_parts(caller: &Caller, view: &RestoreView) -> Response {
    let data = part(caller.language.words(), view).into_string();
    Response::events(vec![Event { name: PART, data }])
}

fn part(words: &Words, view: &RestoreView) -> Markup {
    html! {
        section.card.narrow id=(PART) data-live {
            @if let Some(began) = &view.began {
                p.hint { (moment(began)) " UTC" @if let Some(file) = &view.file { ", " (file) } }
            }
            @match view.state {
                "reading" => {
                    p { (words.restore_reading) }
                    @if let (Some(read), Some(bytes)) = (view.read_bytes, view.bytes) {
                        progress value=(read) max=(bytes.max(1)) {}
                    }
                }
                "joining" => p { (words.restore_joining) },
                "finishing" => p { (words.restore_finishing) },
                "restored" => p.notice { (words.backup_restored) },
                "none" => p.hint { (words.restore_none) },
                _ => p.error {
                    (words.restore_failed) " " (view.text.as_deref().unwrap_or_default())
                },
            }
        }
    }
}

const PART: &str = "restore";
