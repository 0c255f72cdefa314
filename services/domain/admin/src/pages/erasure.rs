//! Erasing what the box keeps on one person: how many of what, and that it was done.

use maud::{Markup, html};

use super::layout::{Place, own_password, page};
use crate::actions::erasure::ErasureView;
use crate::actions::person::Subject;
use crate::admin::Caller;
use crate::http::Response;

/// The page.
pub(crate) fn erasure(caller: &Caller, view: &ErasureView, subject: &Subject) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.person_erase) }
        section.card {
            h2 { (said(view, subject)) }
            @if view.dry_run { p { (words.erasure_there_is) } }
            @else { p.notice role="status" { (words.erasure_done) } }
            (counts(caller, view, subject))
            @if view.in_configuration > 0 { p.warning { (words.erasure_change_by_hand) } }
            @if view.dry_run && view.under_way { p.hint { (words.erasure_under_way) } }
            p.hint { (view.stays) }
            @if view.dry_run {
                form method="post" action="/privacy/erase" {
                    @match subject {
                        Subject::Login(login) => {
                            input type="hidden" name="login" value=(login);
                        }
                        Subject::Number(number) => {
                            input type="hidden" name="number" value=(number.e164());
                        }
                    }
                    (own_password(caller))
                    button.danger type="submit" { (words.erasure_go) }
                }
            }
            p { a href="/privacy/person" { (words.back) } }
        }
    };
    page(200, caller, Place::Privacy, words.person_erase, &body)
}

/// Whoever has typed a number sees it again, to see that it is the right one.
fn said(view: &ErasureView, subject: &Subject) -> String {
    match subject {
        Subject::Login(login) => login.clone(),
        Subject::Number(number) if view.dry_run => number.e164().to_owned(),
        Subject::Number(_) => view.about.clone(),
    }
}

fn counts(caller: &Caller, view: &ErasureView, subject: &Subject) -> Markup {
    let words = caller.language.words();
    html! {
        dl {
            @match subject {
                Subject::Number(_) => {
                    dt { (words.erasure_calls) } dd { (view.call_records) }
                    @if !view.written.is_empty() {
                        dt { (words.erasure_written) }
                        dd { (view.written.iter().cloned().collect::<Vec<_>>().join("; ")) }
                    }
                    dt { (words.erasure_recordings) } dd { (view.recordings) }
                    dt { (words.erasure_places) } dd { (view.in_configuration) }
                }
                Subject::Login(_) => {
                    dt { (words.erasure_account) } dd { (u8::from(view.account)) }
                    dt { (words.erasure_versions) } dd { (view.versions) }
                    dt { (words.erasure_names) } dd { (view.names) }
                }
            }
        }
    }
}
