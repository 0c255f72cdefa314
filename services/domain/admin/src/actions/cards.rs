//! Cards for phones: number, server and password of an extension, shown once, to be entered in a
//! phone, scanned or printed.

use ipc::Redacted;
use ipc::site::Extension;
use sansio::Entropy;
use sip::digest::{Algorithm, Ha1};

use super::change::Change;
use super::stretch;
use crate::admin::{Admin, Caller};
use crate::answers::NewPassword;
use crate::fault::Fault;
use crate::http::Response;
use crate::pages;
use crate::routes::Face;
use crate::step::{Moment, Step};

/// An extension with its password.
pub(crate) struct Card {
    pub(crate) extension: Extension,
    pub(crate) password: String,
}

/// New extensions of these numbers and names, each with a password of its own.
pub(super) fn draw(
    realm: &str,
    entropy: &Entropy,
    wished: impl Iterator<Item = (String, String)>,
) -> Vec<Card> {
    let mut fill = stretch(entropy);
    let card = |(number, display_name): (String, String)| {
        let extension = Extension {
            number,
            display_name,
            ..Extension::default()
        };
        with_password(realm, extension, config::generate_password(&mut fill))
    };
    wished.map(card).collect()
}

fn with_password(realm: &str, mut extension: Extension, password: String) -> Card {
    // What a digest is checked against; the password itself is not kept (RFC 8760).
    let ha1 = Ha1::from_password(&extension.number, realm, &password);
    extension.ha1_md5 = Redacted::new(ha1.hex(Algorithm::Md5).to_owned());
    extension.ha1_sha256 = Redacted::new(ha1.hex(Algorithm::Sha256).to_owned());
    Card {
        extension,
        password,
    }
}

/// The page with the cards; `next` is where one goes on.
pub(super) fn show(caller: Caller, cards: Vec<Card>, next: &'static str) -> Step {
    // A phone is told an address: not every one finds a name of the local network.
    Step::Observe(Box::new(move |_, _, seen| {
        let links = seen.net.map(|status| status.links).unwrap_or_default();
        let up = links
            .iter()
            .find(|link| link.up && !link.address.is_empty());
        let address = up.and_then(|link| link.address.split('/').next());
        let server = address.unwrap_or(NO_ADDRESS);
        Step::Respond(pages::cards(&caller, &cards, server, next).sealed())
    }))
}

/// Asks whether an extension is to have another password.
pub(crate) fn ask(admin: &Admin, number: &str, caller: &Caller) -> Step {
    let site = admin.site.as_ref().map(|(_, site)| site);
    let found = site.and_then(|site| site.extensions.iter().find(|it| it.number == number));
    match found {
        Some(extension) => Step::Respond(pages::ask_card(caller, extension).sealed()),
        None => caller.refuse(&Fault::NoSuchExtension(number.to_owned())),
    }
}

/// Gives an extension another password, which the answer alone shows. Its phones have to be told.
pub(crate) fn renew(admin: &Admin, moment: &Moment, number: String, caller: Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let Some(extension) = site.extensions.iter().find(|it| it.number == number) else {
        return caller.refuse(&Fault::NoSuchExtension(number));
    };
    let password = config::generate_password(&mut stretch(&moment.entropy));
    let card = with_password(&site.realm, extension.clone(), password.clone());
    let action = format!("extension {number} given another password");
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            let realm = site.realm.clone();
            let found = site.extensions.iter_mut().find(|it| it.number == number);
            let Some(extension) = found else {
                return Err(Fault::NoSuchExtension(number.clone()));
            };
            *extension = with_password(&realm, extension.clone(), password.clone()).extension;
            Ok(())
        }),
        done: Box::new(move |_, _| match caller.face {
            Face::Page | Face::Asset => show(caller, vec![card], "/extensions"),
            Face::Api => {
                let body = NewPassword {
                    number: card.extension.number,
                    password: card.password,
                };
                Step::Respond(Response::json(200, &body).sealed())
            }
        }),
    }
    .commit(admin)
}

/// What stands on a card where the box has no address yet.
const NO_ADDRESS: &str = "ramal.local";
