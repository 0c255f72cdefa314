//! The services against other people's SIP programs, in network namespaces of the tests' own.
//!
//! An [`Office`] is a namespace with nothing but loopback in it, and in there store, media and pbx
//! as PID 1 starts them. Phones are SIPp, each with a loopback address of its own and a scenario
//! from `scenarios/`; a scenario is SIPp's XML with `{{fragment key=value}}` for what repeats
//! (`fragments/`; `|` stands for a space and `&` for a line break in a value).
//! What it must never do: send anything outside of its namespace, or wait for time to pass.
//! Read first: [`Office`], then a test.

mod office;
mod scenario;
mod telephone;

pub use office::{Office, Phone, Playing};
pub use telephone::{Dialog, Telephone};
