//! `ramal machine-keys`: asks the machine's firmware about Secure Boot, or gives it the box's keys.
//!
//! Each variable is a call of the firmware, which may never come back from it. So PID 1 has this
//! process look, ends it when that takes too long, and goes on. It is passed the variables, which
//! are mounted for it alone: to be read only, unless it is to give keys.

use std::error::Error;
use std::path::PathBuf;

use firmware::{MACHINE_KEYS_FOLDER, give_keys, said};
use ipc::machine::Answer;
use kernel::efi::Variables;
use run_loop::notify::Notify;
use run_loop::passed::Passed;

/// Command line of `ramal machine-keys`.
#[derive(clap::Args)]
#[command(
    after_help = "PID 1 passes it the variables of the machine's firmware, as a descriptor.

Example (as PID 1 starts it):
  ramal machine-keys"
)]
pub(crate) struct Arguments {
    /// Give the machine the keys of the box.
    #[arg(long)]
    give: bool,
    /// Where the keys are, as the build has signed them.
    #[arg(long, value_name = "FOLDER", default_value = MACHINE_KEYS_FOLDER)]
    keys: PathBuf,
}

/// Does it, and tells PID 1.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let variables = Variables::of(Passed::from_env().file("variables")?.into());
    let answer = if arguments.give {
        give_keys(&variables, &arguments.keys).map(|()| Answer::Given)
    } else {
        said(&variables).map(Answer::Says)
    };
    let answer = answer.unwrap_or_else(|error| Answer::Failed(error.to_string()));
    notify.machine(&answer);
    Ok(())
}
