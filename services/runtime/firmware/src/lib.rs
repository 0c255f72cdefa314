//! The disk the box was started from: its partitions, its boot state, its root, its data.
//!
//! What this crate must never do: decide what to start or when to commit; those rules are in
//! `slot`. It never writes to a disk that is not the one the loader named, but by [`make_box`] to
//! one that a person has chosen.
//! Read first: [`BootDisk`], then [`StateFile`], [`root`], [`DataKey`], [`Tpm`] and [`Installer`].

mod boot_disk;
mod data;
mod data_key;
mod error;
mod fat;
mod fat_top;
mod installer;
mod key_at_start;
mod machine_keys;
mod medium;
mod new_disk;
mod provision_file;
mod recovery;
mod refusal;
pub mod root;
mod signed_programs;
mod state_file;
mod stick;
mod tpm;
pub mod verity;

pub use ::tpm::ANSWER_MAX as TPM_ANSWER_MAX;
pub use boot_disk::{BootDisk, fresh_guid, write_table};
pub use data::open_data;
pub use data_key::{Code, DataKey, Keeper, KeyPlace, Protection};
pub use error::FirmwareError;
pub use fat_top::may_have_folder;
pub use installer::{Guard, InstallError, Installer, Patcher, Places, keys_of_firmware};
pub use key_at_start::{KeyNews, Mended, Need, OpenedKey, Recovery};
pub use machine_keys::{MACHINE_KEYS_FOLDER, give_keys, has_keys, said};
pub use medium::Medium;
pub use new_disk::{NewDiskError, RunningBox, make_box};
pub use provision_file::{Found, ProvisionFile};
pub use recovery::RecoveryCode;
pub use signed_programs::{SignedPrograms, StartedBy};
pub use state_file::StateFile;
pub use stick::{Stick, StickFile};
pub use tpm::{Tpm, is_tpm_announced};
