//! The site: what people configure, in its checked form.
//!
//! What this crate must never do: keep a password, or let a field through that some later code
//! would have to check again. [`ipc::site::Site`] is the site as it travels; [`Site::parse`] is the
//! only way from there to here, and every refusal is a [`Fault`] that names the field and the fix.
//!
//! Read first: [`Site`], then [`Fault`], then [`generate_password`].

mod diff;
mod fault;
mod number;
mod password;
mod site;

pub use diff::diff;
pub use fault::Fault;
pub use number::{NUMBER_LENGTH_MAX, NUMBER_LENGTH_MIN, Number, NumberFault};
pub use password::{PASSWORD_LENGTH, generate_password};
pub use site::{
    DISPLAY_NAME_LENGTH_MAX, EXTENSIONS_MAX, Extension, FACTORY_LOGIN, LOGIN_LENGTH_MAX,
    PEOPLE_MAX, Person, REALM_LENGTH_MAX, Site,
};
