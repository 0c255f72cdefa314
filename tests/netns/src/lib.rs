//! The services against other people's SIP programs, in network namespaces of the tests' own.
//!
//! An [`Office`] is a namespace with nothing but loopback in it, and in there store, media and pbx
//! as PID 1 starts them; or it is a place on the network of the lab, with the built image in QEMU
//! as its box ([`Office::on_the_image`]), whose settings are then entered by its web API.
//! Phones are SIPp, each with an address of its own and a scenario from `scenarios/`; a scenario is
//! SIPp's XML with `{{fragment key=value}}` for what repeats (`fragments/`; `|` stands for a space
//! and `&` for a line break in a value).
//! What is in `tests/plays` is played in both places: there by `tests/plays/main.rs`, on the image
//! by `office` of the crate `e2e`.
//! What it must never do: send anything outside of its namespaces, or wait for time to pass.
//! Read first: [`Office`], then a test.

/// Where somebody is who has a place of his own on the network of the lab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the office, with an IPv6 address of the Internet, as the router gives them to everybody.
    Lent,
    /// On the Internet, over IPv4: what he sends comes through the router.
    Internet,
    /// The same over IPv6.
    Internet6,
}

mod attacker;
mod exchange;
mod in_qemu;
mod office;
mod phone;
mod record;
mod scenario;
mod settings;
mod telephone;

pub use attacker::Attacker;
pub use office::{EXTENSIONS, Office, provider};
pub use phone::{Line, Phone, Playing};
pub use record::Record;
pub use telephone::{Dialog, Incoming, Outgoing, Telephone};
