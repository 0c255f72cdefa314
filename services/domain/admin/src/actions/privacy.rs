//! What the box keeps of people, and why (R17).

use crate::admin::Caller;
use crate::http::Response;
use crate::pages;
use crate::privacy::inventory;
use crate::routes::Face;
use crate::step::Step;

/// The inventory.
pub(crate) fn show(caller: &Caller) -> Step {
    let all = inventory(caller.language);
    let response = match caller.face {
        Face::Page | Face::Asset => pages::privacy(caller, &all),
        Face::Api => Response::json(200, &all),
    };
    Step::Respond(response.sealed())
}
