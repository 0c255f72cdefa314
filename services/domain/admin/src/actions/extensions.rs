//! Extensions: list, create with a password made by the box (R7), delete.

use config::generate_password;
use ipc::Redacted;
use ipc::site::{Extension, Site};
use schemars::JsonSchema;
use serde::Deserialize;
use sip::digest::{Algorithm, Ha1};

use super::change::Change;
use super::{done, form, json, stretch};
use crate::admin::{Admin, Caller};
use crate::answers::NewPassword;
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::{Moment, Step};
use crate::views::ExtensionView;

/// A new extension.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewExtension")]
pub(crate) struct Wish {
    number: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    remote: bool,
}

/// Every extension.
pub(crate) fn list(admin: &Admin, caller: &Caller) -> Step {
    show_list(admin, caller, None)
}

/// A new extension; the answer is the only place its password ever appears.
pub(crate) fn create(admin: &Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    let wish = match read(request, caller.face) {
        Ok(wish) => wish,
        Err(fault) => return caller.refuse(&fault),
    };
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    if site
        .extensions
        .iter()
        .any(|extension| extension.number == wish.number)
    {
        return refuse(admin, &caller, Fault::ExtensionExists(wish.number));
    }
    let password = generate_password(&mut stretch(&moment.entropy));
    let extension = make(&site.realm, &wish, &password);
    let view = ExtensionView::new(&extension);
    let mut wished = site.clone();
    wished.extensions.push(extension);
    // The store checks too; asking here first gives a person the form again with the reason.
    if let Err(faults) = config::Site::parse(&wished) {
        return refuse(admin, &caller, Fault::from(faults).for_eyes_of(&caller));
    }
    let shown = password.clone();
    Change {
        audit: caller.audit(
            format!("extension {} created", wish.number),
            String::new(),
            view.for_audit(),
        ),
        caller: caller.clone(),
        // The hashes are of the realm of whatever version it is made on.
        edit: Box::new(move |site| insert(site, make(&site.realm, &wish, &password))),
        done: Box::new(move |_, _| show_new(&caller, &view, &shown)),
    }
    .commit(admin)
}

/// Asks whether to delete: a page without a script cannot ask in passing.
pub(crate) fn confirm_delete(admin: &Admin, number: &str, caller: &Caller) -> Step {
    match find(admin, number) {
        Some(extension) => Step::Respond(pages::confirm_delete(caller, &extension).sealed()),
        None => caller.refuse(&Fault::NoSuchExtension(number.to_owned())),
    }
}

/// Deletes.
pub(crate) fn delete(admin: &Admin, number: String, caller: Caller) -> Step {
    let Some(before) = find(admin, &number) else {
        return caller.refuse(&Fault::NoSuchExtension(number));
    };
    Change {
        audit: caller.audit(
            format!("extension {number} deleted"),
            before.for_audit(),
            String::new(),
        ),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            let count = site.extensions.len();
            site.extensions
                .retain(|extension| extension.number != number);
            if site.extensions.len() == count {
                return Err(Fault::NoSuchExtension(number.clone()));
            }
            Ok(())
        }),
        done: Box::new(move |_, _| done(&caller, "/extensions")),
    }
    .commit(admin)
}

fn read(request: &Request, face: Face) -> Result<Wish, Fault> {
    match face {
        Face::Api => json(request),
        Face::Page | Face::Asset => Ok(Wish {
            number: form(request, "number").trim().to_owned(),
            display_name: form(request, "display_name").trim().to_owned(),
            remote: !form(request, "remote").is_empty(),
        }),
    }
}

fn make(realm: &str, wish: &Wish, password: &str) -> Extension {
    // What a digest is checked against; the password itself is not kept (RFC 8760).
    let ha1 = Ha1::from_password(&wish.number, realm, password);
    Extension {
        number: wish.number.clone(),
        display_name: wish.display_name.clone(),
        ha1_md5: Redacted::new(ha1.hex(Algorithm::Md5).to_owned()),
        ha1_sha256: Redacted::new(ha1.hex(Algorithm::Sha256).to_owned()),
        remote: wish.remote,
        ..Extension::default()
    }
}

fn insert(site: &mut Site, extension: Extension) -> Result<(), Fault> {
    if site
        .extensions
        .iter()
        .any(|other| other.number == extension.number)
    {
        return Err(Fault::ExtensionExists(extension.number));
    }
    site.extensions.push(extension);
    Ok(())
}

fn find(admin: &Admin, number: &str) -> Option<ExtensionView> {
    let (_, site) = admin.site.as_ref()?;
    site.extensions
        .iter()
        .find(|extension| extension.number == number)
        .map(ExtensionView::new)
}

fn show_new(caller: &Caller, extension: &ExtensionView, password: &str) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => pages::new_extension(caller, extension, password),
        Face::Api => {
            let new = NewPassword {
                number: extension.number.clone(),
                password: password.to_owned(),
            };
            Response::json(201, &new)
        }
    };
    Step::Respond(response.sealed())
}

fn show_list(admin: &Admin, caller: &Caller, fault: Option<&Fault>) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let all = ExtensionView::all(site);
    let response = match caller.face {
        Face::Page | Face::Asset => pages::extensions(caller, &all, admin.dangers().ok(), fault),
        Face::Api => Response::json(200, &all),
    };
    Step::Respond(response.sealed())
}

/// A person gets the list and the form again, with the reason.
fn refuse(admin: &Admin, caller: &Caller, fault: Fault) -> Step {
    match caller.face {
        Face::Api => caller.refuse(&fault),
        Face::Page | Face::Asset => show_list(admin, caller, Some(&fault)),
    }
}
