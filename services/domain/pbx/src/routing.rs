//! Where a called number leads.

use config::Site;
use sip::Uri;

use crate::registrar::{Binding, Registrar};

/// What a called number means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// An extension with these contacts; at least one.
    Phones {
        /// Its number.
        number: String,
        /// Where it is.
        contacts: Vec<Binding>,
    },
    /// An extension without a contact: 480.
    NotRegistered(String),
    /// No such number: 404. As dialled.
    Unknown(String),
    /// Not a kind of address we route: 416.
    UnsupportedScheme,
}

/// Routes by the user part, or by the digits of a `tel:` URI.
pub(crate) fn route(site: &Site, registrar: &Registrar, uri: &Uri) -> Route {
    let dialled = match uri {
        Uri::Sip(_) | Uri::Tel(_) => uri.user().unwrap_or_default(),
        Uri::Other(_) => return Route::UnsupportedScheme,
    };
    let Some(extension) = site.extension(&dialled) else {
        return Route::Unknown(dialled);
    };
    let number = extension.number.as_str().to_owned();
    match registrar.bindings(&number) {
        [] => Route::NotRegistered(number),
        contacts => Route::Phones {
            number,
            contacts: contacts.to_vec(),
        },
    }
}
