//! What the box keeps of people.

use maud::html;

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::http::Response;
use crate::permission::Permission;
use crate::privacy::KeptView;

/// The inventory.
pub(crate) fn privacy(caller: &Caller, all: &[KeptView]) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.privacy) }
        p { (words.privacy_hint) }
        p { a href="/settings/retention" { (words.kept_change) } }
        @if caller.may(Permission::ManageData) {
            p { a href="/privacy/person" { (words.person_data) } }
        }
        @for kept in all {
            section.card {
                h2 { (kept.title) }
                dl {
                    dt { (words.kept_what) } dd { (kept.what) }
                    dt { (words.kept_purpose) } dd { (kept.purpose) }
                    dt { (words.kept_basis) } dd { (kept.legal_basis) }
                    dt { (words.kept_for) } dd { (kept.kept_for) }
                    dt { (words.kept_seen_by) } dd { (kept.seen_by) }
                }
            }
        }
    };
    page(200, caller, Place::Privacy, words.privacy, &body)
}
