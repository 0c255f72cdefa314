//! The end of the system.

use rustix::system::RebootCommand;

use crate::{Context, SystemError};

/// How the kernel ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Switch the power off.
    PowerOff,
    /// Start again.
    Restart,
}

/// Lets Ctrl-Alt-Del send SIGINT to PID 1 instead of restarting on the spot.
///
/// # Errors
/// Without the right to do so.
pub fn take_ctrl_alt_del() -> Result<(), SystemError> {
    rustix::system::reboot(RebootCommand::CadOff).context("take over", "Ctrl-Alt-Del")
}

/// Writes everything the kernel still holds back to the disks.
pub fn sync() {
    rustix::fs::sync();
}

/// Ends the system at once, without writing anything back; returns only when refused.
///
/// # Errors
/// Without the right to do so.
pub fn end(how: End) -> Result<(), SystemError> {
    let command = match how {
        End::PowerOff => RebootCommand::PowerOff,
        End::Restart => RebootCommand::Restart,
    };
    rustix::system::reboot(command).context("end", "the system")
}
