//! What the box keeps of people, and why (R17).

use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::Response;
use crate::pages;
use crate::privacy::inventory;
use crate::routes::Face;
use crate::step::Step;

/// The inventory.
pub(crate) fn show(admin: &Admin, caller: &Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let all = inventory(site, caller.language);
    let response = match caller.face {
        Face::Page | Face::Asset => pages::privacy(caller, &all),
        Face::Api => Response::json(200, &all),
    };
    Step::Respond(response.sealed())
}
