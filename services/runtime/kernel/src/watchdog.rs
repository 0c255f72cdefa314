//! The hardware watchdog: it restarts the box unless it is petted.
#![expect(
    unsafe_code,
    reason = "ioctl numbers and their argument types are asserted by hand"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, RawFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, fstat};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::ioctl::{Updater, ioctl, opcode};

use crate::{Context, SystemError};

/// An armed hardware watchdog. It stays armed when this is dropped: only a pet keeps it quiet.
#[derive(Debug)]
pub struct Watchdog {
    device: File,
}

impl Watchdog {
    /// Opens and thereby arms every hardware watchdog: which of them is wired to the reset line
    /// cannot be told. None is no error.
    #[must_use]
    pub fn open_all() -> Vec<Result<Self, SystemError>> {
        let paths = (0..WATCHDOGS_MAX).map(|number| format!("/dev/watchdog{number}"));
        let present = paths.filter(|path| Path::new(path).exists());
        present.map(|path| Self::open(&path)).collect()
    }

    /// Those that stage-1 handed over, by the numbers [`Self::hand_over`] gave.
    #[must_use]
    pub fn taken_over(numbers: &str) -> Vec<Self> {
        let numbers = numbers.split(',').filter_map(|it| it.parse().ok());
        numbers.filter_map(Self::of_number).collect()
    }

    fn of_number(number: RawFd) -> Option<Self> {
        if number <= 2 {
            return None;
        }
        // SAFETY: the number is one that this process kept open for itself through `exec`; whether
        // it is open is asked before it is owned, so no other owner of it can be there yet.
        unsafe {
            let borrowed = BorrowedFd::borrow_raw(number);
            let kind = FileType::from_raw_mode(fstat(borrowed).ok()?.st_mode);
            // Nobody else is to inherit it.
            fcntl_setfd(borrowed, FdFlags::CLOEXEC).ok()?;
            (kind == FileType::CharacterDevice).then(|| Self {
                device: File::from_raw_fd(number),
            })
        }
    }

    /// Keeps it open through `exec`, for the program that comes after this one; the number by which
    /// that one finds it. `None` when the kernel refuses: who comes after opens it anew.
    #[must_use]
    pub fn hand_over(&self) -> Option<RawFd> {
        fcntl_setfd(&self.device, FdFlags::empty()).ok()?;
        Some(self.device.as_raw_fd())
    }

    fn open(path: &str) -> Result<Self, SystemError> {
        let device = OpenOptions::new()
            .write(true)
            .open(path)
            .context("open", path)?;
        let mut watchdog = Self { device };
        watchdog.pet();
        Ok(watchdog)
    }

    /// Restarts its count.
    pub fn pet(&mut self) {
        // Any byte but `V` (which would disarm it) counts; a failed pet shows as a restart.
        let _ = self.device.write(b"\0");
    }

    /// Whether it says that it was what restarted the machine. Not every one can tell.
    #[must_use]
    pub fn has_restarted_the_machine(&self) -> bool {
        let mut status: libc::c_int = 0;
        // SAFETY: WDIOC_GETBOOTSTATUS takes a pointer to an int and writes flags to it (Linux
        // Documentation/watchdog/watchdog-api.rst).
        let asked = unsafe {
            let get = Updater::<GET_BOOT_STATUS, libc::c_int>::new(&mut status);
            ioctl(&self.device, get)
        };
        asked.is_ok() && status & CARD_RESET != 0
    }

    /// Has it wait this long for the next pet, or the longest below it that its driver takes; how
    /// long it waits from now on. `None` when the driver does not say.
    pub fn set_timeout(&mut self, wanted: Duration) -> Option<Duration> {
        let wanted = u32::try_from(wanted.as_secs()).unwrap_or(u32::MAX);
        let before = self.timeout();
        let accepts = |seconds| self.ask(seconds).is_ok();
        let asked = longest(wanted, before.unwrap_or(0), accepts);
        // What it was asked for is not always what it does: it may round.
        let now = self.timeout().or(asked)?;
        Some(Duration::from_secs(now.into()))
    }

    fn ask(&self, seconds: u32) -> rustix::io::Result<()> {
        let mut seconds = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
        // SAFETY: WDIOC_SETTIMEOUT takes a pointer to an int and writes back the value in force
        // (Linux Documentation/watchdog/watchdog-api.rst).
        unsafe {
            let set = Updater::<SET_TIMEOUT, libc::c_int>::new(&mut seconds);
            ioctl(&self.device, set)
        }
    }

    /// Seconds; `None` when the driver does not say.
    fn timeout(&self) -> Option<u32> {
        let mut seconds: libc::c_int = 0;
        // SAFETY: WDIOC_GETTIMEOUT takes a pointer to an int and writes the value in force to it
        // (Linux Documentation/watchdog/watchdog-api.rst).
        unsafe {
            let get = Updater::<GET_TIMEOUT, libc::c_int>::new(&mut seconds);
            ioctl(&self.device, get).ok()?;
        }
        u32::try_from(seconds).ok().filter(|it| *it > 0)
    }
}

/// The longest time up to `wanted` that is accepted, and the last that was: it is in force. Nothing
/// below `before` is tried, as the driver has that by itself; `None` when nothing is accepted.
fn longest(wanted: u32, before: u32, mut accepts: impl FnMut(u32) -> bool) -> Option<u32> {
    if accepts(wanted) {
        return Some(wanted);
    }
    let (mut accepted, mut refused) = (before, wanted);
    let mut found = None;
    while accepted < refused.saturating_sub(1) {
        let middle = accepted.midpoint(refused);
        if accepts(middle) {
            accepted = middle;
            found = Some(middle);
        } else {
            refused = middle;
        }
    }
    found
}

/// A board has one or two.
const WATCHDOGS_MAX: u32 = 4;
/// `WDIOC_GETBOOTSTATUS` and `WDIOF_CARDRESET` of Linux watchdog.h.
const GET_BOOT_STATUS: rustix::ioctl::Opcode = opcode::read::<libc::c_int>(b'W', 2);
const CARD_RESET: libc::c_int = 0x20;
/// `WDIOC_SETTIMEOUT` and `WDIOC_GETTIMEOUT` of Linux watchdog.h.
const SET_TIMEOUT: rustix::ioctl::Opcode = opcode::read_write::<libc::c_int>(b'W', 6);
const GET_TIMEOUT: rustix::ioctl::Opcode = opcode::read::<libc::c_int>(b'W', 7);

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A device that takes every pet.
    fn stand_in() -> Watchdog {
        let device = OpenOptions::new().write(true).open("/dev/null");
        let device = device.expect("there");
        Watchdog { device }
    }

    #[test]
    fn one_that_is_handed_over_is_open_in_the_program_after_and_in_none_that_this_one_starts() {
        let listed = |number: RawFd| {
            let mut program = Command::new("ls");
            let listed = program.arg(format!("/proc/self/fd/{number}")).output();
            listed.expect("runs").status.success()
        };
        let stand_in = stand_in();
        let number = stand_in.hand_over().expect("handed over");
        // What `exec` does with all that a program owns.
        std::mem::forget(stand_in);
        assert!(listed(number));
        let mut taken = Watchdog::taken_over(&format!("{number},1,x,99999"));
        assert_eq!(taken.len(), 1);
        taken.iter_mut().for_each(Watchdog::pet);
        assert!(!listed(number));
    }

    #[test]
    fn what_is_no_device_is_not_taken_over() {
        let file = File::open("/proc/self/exe").expect("there");
        assert!(Watchdog::taken_over(&file.as_raw_fd().to_string()).is_empty());
        assert!(Watchdog::taken_over("").is_empty());
    }

    #[test]
    fn the_longest_time_that_a_driver_takes_is_the_last_it_is_asked_for() {
        for (wanted, before, most, found) in [
            (180, 30, 613, Some(180)),
            (180, 30, 37, Some(37)),
            (180, 30, 31, Some(31)),
            (180, 30, 179, Some(179)),
            // It keeps what it has.
            (180, 30, 30, None),
            (180, 30, 0, None),
            // It does not say what it has.
            (60, 0, 15, Some(15)),
            // What is wanted is shorter than what it takes.
            (60, 100, 0, None),
        ] {
            let mut in_force = None;
            let mut asked = 0;
            let accepts = |seconds| {
                asked += 1;
                let accepted = seconds <= most;
                if accepted {
                    in_force = Some(seconds);
                }
                accepted
            };
            assert_eq!(longest(wanted, before, accepts), found, "{most}");
            assert_eq!(in_force, found, "{most}");
            assert!(asked < 12, "{asked} for {most}");
        }
    }
}
