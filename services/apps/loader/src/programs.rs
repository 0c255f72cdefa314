//! The programs: what each does, in order.

use core::time::Duration;

use slot::KeySet;
use uefi::Status;
use uefi::runtime::{ResetType, reset};

use crate::attempt::boot;
use crate::command_line::command_line;
use crate::firmware::box_itself::BoxItself;
use crate::firmware::console::{say, show, wait};
use crate::firmware::{image, initrd, menu};

/// The program at [`slot::LOADER`]: starts a slot or the rescue system, else says so and restarts
/// the box.
pub fn loader() -> Status {
    image::arm_watchdog();
    let secure_boot = match image::is_secure_boot() {
        true => "on",
        false => "off",
    };
    say(format_args!(
        "Secure Boot {secure_boot}; hold m for the menu"
    ));
    let keys = image::own_section(KEYS).map(KeySet::decode);
    match keys {
        Some(Ok(keys)) => {
            if keys.is_development {
                say(format_args!(
                    "this box trusts DEVELOPMENT keys ({})",
                    keys.name
                ));
            }
            let asked = menu::ask();
            boot(&mut BoxItself::find(), &keys, asked);
        }
        Some(Err(_)) | None => say(format_args!("this loader has no keys")),
    }
    show(format_args!(
        "No system could be started. Trying again in 30 s."
    ));
    show(format_args!(
        "Nenhum sistema iniciou. Nova tentativa em 30 s."
    ));
    wait(LAST_WORDS);
    reset(ResetType::COLD, Status::SUCCESS, None)
}

/// The stub of a UKI: starts the kernel in it, with the command line and initrd in it. It is the
/// firmware that judges the kernel again, so under Secure Boot the kernel is signed too.
pub fn stub() -> Status {
    let Some(kernel) = image::own_section(LINUX) else {
        say(format_args!("stub: there is no kernel in this program"));
        return Status::NOT_FOUND;
    };
    let offered = image::own_section(INITRD).map(initrd::offer).transpose();
    let offered = match offered {
        Ok(offered) => offered,
        Err(status) => {
            say(format_args!(
                "stub: the initrd cannot be offered: {status:?}"
            ));
            return status;
        }
    };
    let fixed = image::own_section(COMMAND_LINE).unwrap_or_default();
    let line = command_line(fixed, &image::own_options());
    let (step, status) = image::start(kernel, &line);
    // Before this program ends, and its memory goes to others.
    drop(offered);
    say(format_args!(
        "stub: the kernel does not run: {step:?} {status:?}"
    ));
    match status {
        Status::SUCCESS => Status::ABORTED,
        status => status,
    }
}

/// The section of the loader that holds its keys.
pub const KEYS: &str = ".keys";

/// The section of a UKI that holds the kernel.
pub const LINUX: &str = ".linux";

/// The section of a UKI that holds the initrd.
pub const INITRD: &str = ".initrd";

/// The section of a UKI that holds the command line.
pub const COMMAND_LINE: &str = ".cmdline";

/// Long enough to read the lines above.
const LAST_WORDS: Duration = Duration::from_secs(30);
