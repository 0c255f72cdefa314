//! The terminals of the monitor: which one is seen, and where the kernel's own lines go.
#![expect(unsafe_code, reason = "terminals are switched by ioctls")]

use std::fs::File;
use std::os::fd::AsRawFd as _;

use crate::{Context as _, SystemError};

/// Makes terminal `number`, from 1, the one that is seen.
///
/// # Errors
/// `terminal` is none of the monitor, or the kernel has no such terminal.
pub fn show(terminal: &File, number: u8) -> Result<(), SystemError> {
    let number = libc::c_int::from(number);
    // SAFETY: VT_ACTIVATE takes an int (ioctl_console(2)).
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), ACTIVATE as libc::Ioctl, number) };
    check(done).context("show terminal", number)
}

/// Sends what the kernel says on the monitor to terminal `number`, whichever is seen.
///
/// # Errors
/// `terminal` is none of the monitor, or the right to do so is missing.
pub fn send_kernel_lines_to(terminal: &File, number: u8) -> Result<(), SystemError> {
    let request = [SET_KERNEL_MESSAGES, number];
    // SAFETY: TIOCLINUX reads a byte that says what to do, and for this one a second byte
    // (ioctl_console(2), subcode 11).
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), LINUX as libc::Ioctl, request.as_ptr()) };
    check(done).context("send the kernel's lines to terminal", number)
}

fn check(returned: libc::c_int) -> std::io::Result<()> {
    if returned < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

/// `VT_ACTIVATE` of Linux vt.h.
const ACTIVATE: u32 = 0x5606;
/// `TIOCLINUX` of Linux asm-generic/ioctls.h.
const LINUX: u32 = 0x541c;
/// `TIOCL_SETKMSGREDIRECT` of Linux tiocl.h.
const SET_KERNEL_MESSAGES: u8 = 11;
