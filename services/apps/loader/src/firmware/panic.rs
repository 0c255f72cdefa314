//! What happens after a mistake of ours: the box restarts, it is never left hanging or off.

use core::panic::PanicInfo;
use core::time::Duration;

use uefi::Status;
use uefi::runtime::{ResetType, reset};

use super::console::{say, wait};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // We never leave boot services, so that there is always somebody to tell it.
    say(format_args!("{info}"));
    wait(Duration::from_secs(30));
    reset(ResetType::COLD, Status::ABORTED, None)
}
