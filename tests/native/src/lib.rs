//! The services of a box on this machine, without QEMU: for measuring, and for peers of others.
//!
//! Store, media and pbx are started the way PID 1 does it, in a folder of their own.
//! What it must never do: send anything to another host.
//! Read first: [`Installation`], then [`Load`] for SIPp.

mod build;
mod filter;
mod folder;
mod installation;
mod peer;
mod service;
mod sipp;

use std::io::Write as _;
use std::path::Path;

pub use build::{Profile, build};
pub use filter::Filter;
pub use folder::Folder;
pub use installation::{
    Installation, PASSWORD, Plan, RECORDINGS, SipSockets, extensions, number, unix,
};
pub use peer::{Asterisk, Kamailio, RtpEngine, Session};
pub use service::{Home, Service, end_all, running};
pub use sipp::{Load, Outcome, Running, free_port};

/// Why the services, or a peer, do not run.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// A file, socket or process could not be used.
    #[error("cannot {what} {name}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel refused something.
    #[error(transparent)]
    System(#[from] kernel::SystemError),
    /// A service did not answer.
    #[error(transparent)]
    Ask(#[from] run_loop::ipc::CallError),
    /// A service or a peer does not start.
    #[error("{name} did not say within 20 s that it serves; it logged:\n{log}")]
    NotReady {
        /// Which.
        name: &'static str,
        /// Its log.
        log: String,
    },
    /// The site was not taken.
    #[error("the store did not take the site: {0}")]
    Store(String),
    /// A program is not installed.
    #[error("cannot run {program}: {source}; install it with: apt-get install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// Its Debian package.
        package: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The load did not do what it should.
    #[error("{0}")]
    Load(String),
}

impl NativeError {
    /// For `map_err`: what was tried on what.
    pub fn io(what: &'static str, name: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let name = name.as_ref().display().to_string();
        move |source| Self::Io { what, name, source }
    }
}

/// One line for people.
pub fn say(line: &str) {
    // Nobody reads: nothing to do about it.
    let _ = writeln!(std::io::stdout(), "{line}");
}
