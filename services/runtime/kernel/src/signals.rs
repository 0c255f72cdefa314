//! Signals as something to read, so that they wait in the one loop with everything else.
#![expect(unsafe_code, reason = "signalfd and sigprocmask are not in rustix")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Context, SystemError};

/// The signals PID 1 acts on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// A child ended.
    Child,
    /// SIGTERM: power off.
    Terminate,
    /// SIGINT: Ctrl-Alt-Del.
    CtrlAltDel,
    /// SIGPWR: the power supply says it will go.
    PowerFail,
}

/// Blocked signals, to be read.
#[derive(Debug)]
pub struct Signals {
    queue: File,
}

impl Signals {
    /// Blocks the signals of [`Signal`] in this thread and collects them. Threads made later
    /// inherit the block; programs started by [`crate::spawn`] do not.
    ///
    /// # Errors
    /// When the kernel has no memory for it.
    pub fn collect() -> Result<Self, SystemError> {
        // SAFETY: a sigset_t is plain data, and sigemptyset makes it valid before it is used;
        // signalfd returns a new descriptor that nobody else owns.
        let queue = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGPWR] {
                libc::sigaddset(&raw mut set, signal);
            }
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error()).context("block", "signals");
            }
            let flags = libc::SFD_NONBLOCK | libc::SFD_CLOEXEC;
            let fd = libc::signalfd(-1, &raw const set, flags);
            if fd < 0 {
                return Err(io::Error::last_os_error()).context("collect", "signals");
            }
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Self {
            queue: File::from(queue),
        })
    }

    /// The next signal; `None` when there is none. Never waits.
    pub fn take(&mut self) -> Option<Signal> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        loop {
            self.queue.read_exact(&mut info).ok()?;
            let (number, _) = info.split_first_chunk::<4>()?;
            match i32::from_le_bytes(*number) {
                libc::SIGCHLD => return Some(Signal::Child),
                libc::SIGTERM => return Some(Signal::Terminate),
                libc::SIGINT => return Some(Signal::CtrlAltDel),
                libc::SIGPWR => return Some(Signal::PowerFail),
                _ => {}
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
