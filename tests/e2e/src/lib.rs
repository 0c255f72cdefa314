//! What only the whole box can prove: the shipped image in QEMU, with real phones.
//!
//! The proofs are libtest tests in `tests/`, a file for each subject; this library sets the box up
//! for them.
//! What it must never do: wait for time to pass instead of for a line, an event or an answer;
//! change the product so that it can be tested.
//! Read first: [`Stand`], then [`Site`].

mod cable;
mod certificate;
mod converse;
mod failure;
mod memory_stick;
mod name;
mod site;
mod stand;
mod tls;
mod vitals;
mod web_tools;

pub mod disk;
mod open_data;
pub mod processor;
mod xts;

pub use cable::{connect, on_the_lan};
pub use certificate::{certificate_of, check_certificate};
pub use converse::converse;
pub use failure::{Failure, Proof};
pub use memory_stick::memory_stick;
pub use name::is_found_at;
pub use open_data::OpenData;
pub use site::{
    Site, file_of, office, plan, product, small_disk, switch_off, switched_on, version,
};
pub use stand::{Stand, alone, alone_early};
pub use tls::judge_tls;
pub use vitals::{Healing, Vitals, kill, store_warning, wait_until};
pub use web_tools::{FirstSteps, look_at_pages, try_api, use_passkeys};
