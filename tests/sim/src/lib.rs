//! The simulator: a whole site on virtual time, with a network that loses, delays and repeats.
//!
//! It drives the same [`pbx::PbxNode`] as production does; phones, media service and store are
//! models. What this crate must never do: read a clock or draw entropy. A seed gives one run, and
//! the same run again: [`World::trace`] is a hash over everything that happened.
//!
//! Read first: [`World`], then [`Phone`], then [`checks`]; then [`Office`], which puts it all
//! together.

mod bucket;
pub mod checks;
mod desk;
mod dialog;
mod floor;
mod hand;
mod handset;
mod network;
mod office;
mod phone;
mod seeds;
mod services;
mod trace;
mod world;

pub use bucket::Bucket;
pub use floor::{Floor, Hears};
pub use hand::{Ask, Hand};
pub use handset::{Handset, Line, LineState, Stand};
pub use network::Faults;
pub use office::Office;
pub use phone::{Act, Answering, CallPlan, Happened, Phone};
pub use seeds::{again, seeds};
pub use services::{Endpoint, MediaModel, StoreModel};
pub use trace::Trace;
pub use world::{BOX_ADDRESS, PASSWORD, World, phone_address};
