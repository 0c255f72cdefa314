//! Builds the box's two binaries with cargo, in a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::{HostError, run_visibly};
use crate::machine::Machine;

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

/// Where tests are told which profile the box they boot is built with: `box` when it is not set.
pub const PROFILE_VARIABLE: &str = "RAMAL_PROFILE";

/// There is no profile of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{PROFILE_VARIABLE} is {0:?}; set it to box or released, or do not set it")]
pub struct UnknownProfile(String);

impl Profile {
    /// The name cargo knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Released => "released",
        }
    }

    /// What a switch `--released` chooses.
    pub const fn released(released: bool) -> Self {
        match released {
            true => Self::Released,
            false => Self::Box,
        }
    }

    /// What [`PROFILE_VARIABLE`] chooses.
    ///
    /// # Errors
    /// It names no profile.
    pub fn of_environment() -> Result<Self, UnknownProfile> {
        std::env::var_os(PROFILE_VARIABLE)
            .map_or(Ok(Self::Box), |name| Self::of_name(&name.to_string_lossy()))
    }

    fn of_name(name: &str) -> Result<Self, UnknownProfile> {
        let known = [Self::Box, Self::Released].into_iter();
        let mut named = known.filter(|profile| profile.name() == name);
        named.next().ok_or_else(|| UnknownProfile(name.to_owned()))
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
    let flags: &[&str] = match target {
        BinaryTarget::Musl => &[],
        BinaryTarget::GnuStatic => &["-Ctarget-feature=+crt-static"],
    };
    reproducibly(&mut cargo, target.triple(), flags);
    run_visibly(&mut cargo)?;
    let built = folder.join(target.triple()).join(profile.name());
    Ok(Binaries {
        init: built.join("init"),
        ramal: built.join("ramal"),
    })
}

/// The same source gives the same program: on another day, where cargo keeps crates elsewhere, and
/// whatever flags somebody has in the environment.
///
/// The allocator has the date of its build in it, and every panic the path of its source.
fn reproducibly(cargo: &mut Command, triple: &str, flags: &[&str]) {
    cargo.env_remove("RUSTFLAGS");
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
    forget_package(cargo);
    cargo.env("SOURCE_DATE_EPOCH", "0");
    let of_crates = cargo_home().map(|home| format!("--remap-path-prefix={home}=/cargo"));
    let flags = flags.iter().map(|flag| (*flag).to_owned());
    let flags: Vec<String> = flags.chain(of_crates).collect();
    // As configuration, since that is joined to what `.cargo/config.toml` has for the target.
    let flags = toml::Value::from(flags);
    let setting = format!("target.{triple}.rustflags={flags}");
    cargo.args(["--config", &setting]);
}

/// Takes away what the cargo that runs us has told of our own package: `ring` is compiled anew,
/// with all that needs it, whenever another package asks.
pub fn forget_package(cargo: &mut Command) {
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| is_of_package(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
}

fn is_of_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// Where cargo keeps the sources of crates, when that can be told.
fn cargo_home() -> Option<String> {
    let own = std::env::var("CARGO_HOME").ok();
    own.or_else(|| Some(format!("{}/.cargo", std::env::var("HOME").ok()?)))
}

/// The programs that run before Linux.
#[derive(Clone, Debug)]
pub struct FirmwarePrograms {
    /// The loader, to which its keys are to be added.
    pub loader: PathBuf,
    /// What a UKI begins with.
    pub stub: PathBuf,
    /// What the boot tests start in place of a kernel.
    pub payload: PathBuf,
}

/// Compiles them, showing cargo's own progress.
///
/// # Errors
/// They do not compile, or the toolchain has not got their target.
pub fn build_firmware_programs(
    workspace: &Path,
    target_folder: &Path,
    machine: Machine,
    profile: Profile,
) -> Result<FirmwarePrograms, HostError> {
    let target = machine.firmware_target();
    let folder = target_folder.join("box");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace);
    cargo.args(["build", "--locked", "--profile", profile.name()]);
    cargo.args(["-p", "loader", "--features", "programs", "--bins"]);
    cargo
        .args(["--target", target, "--target-dir"])
        .arg(&folder);
    // Without, the linker notes a number that it makes of the paths of what it links.
    reproducibly(&mut cargo, target, &["-Clink-arg=/DEBUG:NONE"]);
    run_visibly(&mut cargo)?;
    let built = folder.join(target).join(profile.name());
    Ok(FirmwarePrograms {
        loader: built.join("loader.efi"),
        stub: built.join("stub.efi"),
        payload: built.join("payload.efi"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_our_own_package_is_not_handed_on() {
        assert!(is_of_package("CARGO_PKG_NAME") && is_of_package("CARGO_MANIFEST_DIR"));
        assert!(!is_of_package("CARGO") && !is_of_package("CARGO_HOME"));
        let mut cargo = Command::new("cargo");
        reproducibly(&mut cargo, "x86_64-unknown-linux-musl", &[]);
        let removed: Vec<_> = cargo
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .collect();
        // There are some when cargo runs this test, and none when the suite does.
        let said = std::env::vars_os().map(|(name, _)| name);
        for name in said.filter(|name| is_of_package(&name.to_string_lossy())) {
            assert!(removed.iter().any(|(it, _)| *it == name), "{name:?}");
        }
    }

    #[test]
    fn a_profile_is_chosen_by_its_name() {
        for profile in [Profile::Box, Profile::Released] {
            assert_eq!(Profile::of_name(profile.name()), Ok(profile));
        }
    }

    #[test]
    fn a_name_of_no_profile_is_refused_with_those_there_are() {
        for name in ["", "release", "Released"] {
            let refused = Profile::of_name(name)
                .expect_err("no such profile")
                .to_string();
            assert_eq!(
                refused,
                format!("RAMAL_PROFILE is {name:?}; set it to box or released, or do not set it")
            );
        }
    }
}
