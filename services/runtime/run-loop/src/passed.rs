//! Sockets made by PID 1 and handed to a service at every start.
//!
//! They stay open in PID 1, so nothing a client sends while a service restarts is refused: it
//! waits in the kernel. The convention is sd_listen_fds(3) without `LISTEN_PID`.

#![expect(
    unsafe_code,
    reason = "turning a number into an owned descriptor is unsafe by nature"
)]

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;

/// First passed descriptor: after standard input, output and error.
const FIRST_FD: RawFd = 3;

/// A socket that was expected from PID 1 is not there.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no socket named `{0}` was passed in LISTEN_FDNAMES: start this service from init")]
pub struct PassedError(String);

/// The sockets PID 1 passed, by name.
#[derive(Debug, Default)]
pub struct Passed {
    sockets: BTreeMap<String, OwnedFd>,
}

impl Passed {
    /// Takes what `LISTEN_FDS` and `LISTEN_FDNAMES` say. Call once, before threads start.
    #[must_use]
    pub fn from_env() -> Self {
        let count = std::env::var("LISTEN_FDS")
            .ok()
            .and_then(|n| n.parse::<RawFd>().ok());
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let sockets = (FIRST_FD..FIRST_FD + count.unwrap_or(0).clamp(0, 64))
            .zip(names.split(':'))
            .filter_map(|(fd, name)| Some((name.to_owned(), own(fd)?)))
            .collect();
        Self { sockets }
    }

    /// Whether a socket of that name was passed and not yet taken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.sockets.contains_key(name)
    }

    /// Takes a listening Unix stream socket.
    ///
    /// # Errors
    /// None of that name was passed.
    pub fn unix_listener(&mut self, name: &str) -> Result<UnixListener, PassedError> {
        self.take(name).map(UnixListener::from)
    }

    /// Takes a listening TCP socket.
    ///
    /// # Errors
    /// None of that name was passed.
    pub fn tcp_listener(&mut self, name: &str) -> Result<TcpListener, PassedError> {
        self.take(name).map(TcpListener::from)
    }

    /// Takes a bound UDP socket.
    ///
    /// # Errors
    /// None of that name was passed.
    pub fn udp_socket(&mut self, name: &str) -> Result<UdpSocket, PassedError> {
        self.take(name).map(UdpSocket::from)
    }

    /// Takes a socket of another kind.
    ///
    /// # Errors
    /// None of that name was passed.
    pub fn socket(&mut self, name: &str) -> Result<OwnedFd, PassedError> {
        self.take(name)
    }

    /// Takes a file.
    ///
    /// # Errors
    /// None of that name was passed.
    pub fn file(&mut self, name: &str) -> Result<std::fs::File, PassedError> {
        self.take(name).map(std::fs::File::from)
    }

    fn take(&mut self, name: &str) -> Result<OwnedFd, PassedError> {
        self.sockets
            .remove(name)
            .ok_or_else(|| PassedError(name.to_owned()))
    }
}

/// Takes the descriptor whose number an environment variable holds.
pub(crate) fn take_env_fd(variable: &str) -> Option<OwnedFd> {
    own(std::env::var(variable).ok()?.parse().ok()?)
}

/// Owns an inherited descriptor, and keeps it from the service's own children.
fn own(fd: RawFd) -> Option<OwnedFd> {
    if fd < FIRST_FD {
        return None;
    }
    // SAFETY: F_GETFD via fcntl on any number is harmless; a closed one gives EBADF and None.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC).ok()?;
    // SAFETY: the number came from our parent's contract (LISTEN_FDS, NOTIFY_FD), is open as just
    // seen, and is taken once: callers run before any thread or other owner exists.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}
