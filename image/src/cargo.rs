//! Builds the box's two binaries with cargo, in a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::{HostError, run_visibly};

/// For what the box's binaries are built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryTarget {
    /// musl, static by nature: what is released.
    Musl,
    /// glibc with a static C runtime, where musl cannot be had.
    GnuStatic,
}

impl BinaryTarget {
    /// The name rustc knows it by.
    pub const fn triple(self) -> &'static str {
        match self {
            Self::Musl => "x86_64-unknown-linux-musl",
            Self::GnuStatic => "x86_64-unknown-linux-gnu",
        }
    }
}

/// How the box's binaries are built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Quickly enough for the daily loop.
    Box,
    /// The same, optimised as one piece, which takes a minute and a half more.
    Released,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Released => "released",
        }
    }
}

/// The binaries of the box.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// Stage-1 and PID 1.
    pub(crate) init: PathBuf,
    /// All services.
    pub(crate) ramal: PathBuf,
}

/// Compiles both, showing cargo's own progress.
pub(crate) fn build_binaries(
    workspace: &Path,
    target_folder: &Path,
    target: BinaryTarget,
    profile: Profile,
) -> Result<Binaries, HostError> {
    let folder = target_folder.join("box");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace);
    cargo.args([
        "build",
        "--locked",
        "--profile",
        profile.name(),
        "-p",
        "init",
        "-p",
        "ramal",
    ]);
    cargo
        .args(["--target", target.triple(), "--target-dir"])
        .arg(&folder);
    match target {
        BinaryTarget::Musl => {}
        BinaryTarget::GnuStatic => {
            cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
        }
    }
    run_visibly(&mut cargo)?;
    let built = folder.join(target.triple()).join(profile.name());
    Ok(Binaries {
        init: built.join("init"),
        ramal: built.join("ramal"),
    })
}
