//! The production base: Buildroot makes the kernel, e2fsprogs and our two programs.
//!
//! A person brings a Buildroot release in `BUILDROOT_DIR`; `buildroot/` of this repository is the
//! external tree it builds. Start with [`sources::provide`], then [`run::build`].
//!
//! What this must never do: copy anything of Buildroot into the repository, write into
//! `BUILDROOT_DIR`, or take a source whose hash is not written down.
//!
//! Rejected: downloading Buildroot ourselves. A release is the one thing a builder chooses and
//! verifies by hand, so it stays outside.

pub mod check;
pub mod compare;
mod fetch;
mod kconfig;
pub(crate) mod licences;
pub mod lock;
pub mod run;
pub(crate) mod sbom;
pub mod sources;
pub mod symbols;
mod toolchain;

use std::path::{Path, PathBuf};

use crate::build::workspace;
use crate::countries::CountriesError;
use crate::host::HostError;
use crate::machine::Machine;
use crate::prepare::PrepareError;

pub use kconfig::{Setting, fits, lost, settings};

/// Why the production base cannot be built or is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum BuildrootError {
    /// Nobody said where Buildroot is.
    #[error(
        "BUILDROOT_DIR is not set: unpack buildroot-{RELEASE}.tar.xz from \
         https://buildroot.org/downloads anywhere, and set BUILDROOT_DIR to that folder \
         (docs/buildroot.md)"
    )]
    NoFolder,
    /// The data of countries.
    #[error(transparent)]
    Countries(#[from] CountriesError),
    /// The folder holds something else.
    #[error(
        "BUILDROOT_DIR={0} is not a Buildroot release: it has no Config.in and Makefile with \
         BR2_VERSION"
    )]
    NotBuildroot(PathBuf),
    /// A release that this tree was not made for.
    #[error("Buildroot {0} is not supported; docs/buildroot.md lists: {RELEASES:?}")]
    Release(String),
    /// `buildroot/sources.lock` is not as it should be.
    #[error("buildroot/sources.lock: {0}")]
    Lock(#[from] toml::de::Error),
    /// A program of the host failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host is not ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A source is not in the cache, and the archive does not have it.
    #[error(
        "the archive no longer has {what}; put the file {path} there yourself, or renew its line \
         in buildroot/sources.lock"
    )]
    Gone {
        /// Package and version.
        what: String,
        /// Where it would lie.
        path: PathBuf,
    },
    /// A source is not the one that was pinned.
    #[error("{path} has SHA-256 {found}, but buildroot/sources.lock pins {pinned}; do not use it")]
    Hash {
        /// The file.
        path: PathBuf,
        /// What it hashes to.
        found: String,
        /// What it should hash to.
        pinned: String,
    },
    /// Settings were dropped without a word.
    #[error("{place}: these lines did not survive: {}", lines.join("; "))]
    Dropped {
        /// The configuration.
        place: String,
        /// Each line as it was wanted.
        lines: Vec<String>,
    },
    /// Something that a check wants is not so.
    #[error("{0}")]
    Check(String),
}

/// A configuration of `buildroot/configs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variant {
    /// For what.
    pub machine: Machine,
    /// With a shell on the serial line; never released.
    pub debug: bool,
}

impl Variant {
    /// What there is.
    pub const ALL: [Self; 3] = [
        Self {
            machine: Machine::X86_64,
            debug: false,
        },
        Self {
            machine: Machine::X86_64,
            debug: true,
        },
        Self {
            machine: Machine::Aarch64,
            debug: false,
        },
    ];

    /// The name of its defconfig.
    pub fn defconfig(self) -> String {
        let debug = if self.debug { "_debug" } else { "" };
        format!("ramal_{}{debug}_defconfig", self.machine.name())
    }
}

/// Our external tree.
pub fn external() -> PathBuf {
    workspace().join("buildroot")
}

/// The Buildroot release of `BUILDROOT_DIR`.
///
/// # Errors
/// It is not set, or not a release that the documentation lists.
pub fn release_folder() -> Result<PathBuf, BuildrootError> {
    let folder = std::env::var_os("BUILDROOT_DIR").ok_or(BuildrootError::NoFolder)?;
    let folder = PathBuf::from(folder);
    let makefile = std::fs::read_to_string(folder.join("Makefile")).unwrap_or_default();
    let version = makefile
        .lines()
        .find_map(|line| line.strip_prefix("export BR2_VERSION := "));
    let Some(version) = version.filter(|_| folder.join("Config.in").is_file()) else {
        return Err(BuildrootError::NotBuildroot(folder));
    };
    if RELEASES.contains(&version.trim()) {
        Ok(std::path::absolute(&folder).unwrap_or(folder))
    } else {
        Err(BuildrootError::Release(version.trim().to_owned()))
    }
}

fn read(path: &Path) -> Result<String, BuildrootError> {
    std::fs::read_to_string(path).map_err(|source| file_error(path, source))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), BuildrootError> {
    std::fs::write(path, content).map_err(|source| file_error(path, source))
}

fn create_folder(path: &Path) -> Result<(), BuildrootError> {
    std::fs::create_dir_all(path).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: std::io::Error) -> BuildrootError {
    BuildrootError::File {
        path: path.to_owned(),
        source,
    }
}

/// The release that a builder is told to get.
const RELEASE: &str = "2026.05.1";

/// Releases that this tree was built with.
const RELEASES: &[&str] = &[RELEASE];
