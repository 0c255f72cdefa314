//! The one owner of everything that must survive a power cut: redb behind `proto/ipc`.
//!
//! What this crate must never do: answer before what was asked is durable, give one process
//! another's secret, or throw away a database it cannot read.
//!
//! Read first: [`Store`] (questions and answers), [`Medium`] (the disk, or a model of one), then
//! `opening.rs` (what happens to a damaged file) and `writes.rs` (what a write does).
//! The answers' types are those of [`ipc::store`]; what stands on disk is `rows.rs`.

mod access;
mod at_phone;
mod audit;
mod backup;
mod bans;
mod calls;
mod carried;
mod chores;
mod dates;
mod erased;
mod erasing;
mod files;
mod find;
mod keeping;
mod lost_key;
mod medium;
mod migrate;
mod network;
mod opening;
mod provision;
mod reads;
mod replacing;
mod rows;
mod seal;
mod snapshot;
mod sought;
mod sounds;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod writer;
mod writes;

pub use access::Peers;
pub use backup::BackupSettings;
pub use bans::{BANS_CHANGED_MAX, BANS_MAX, BANS_PAGE};
pub use medium::{DataDisk, Medium, NotSwapped, Scratch};
pub use opening::OpenError;
pub use reads::ROWS_MAX;
pub use store::{Store, WallClock};
pub use writes::{
    AUDIT_ENTRIES_MAX, CALLS_MAX, CONFIG_BYTES_MAX, CONFIG_VERSIONS_MAX, CONFIG_VERSIONS_MIN,
    NAME_LENGTH_MAX, REGISTRATIONS_MAX, SECRET_LENGTH_MAX, SECRETS_MAX,
};
