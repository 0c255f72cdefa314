//! Where the box's kernel, file system programs and binaries come from: Debian and cargo for
//! development, Buildroot for a release. Both give the same parts to the same assembler.

use std::path::Path;

use crate::build::BuildError;
use crate::buildroot::Variant;
use crate::buildroot::run::{self, Parts as Built};
use crate::cargo::{Binaries, BinaryTarget, Profile, build_binaries};
use crate::e2fsck::{self, Checker};
use crate::kernel::{self, Kernel};
use crate::machine::Machine;
use crate::progress;

/// Who makes the parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// Debian's packages, and cargo directly.
    Debian,
    /// The same, with the kernel's modules as Debian has signed them: what a kernel loads that was
    /// started by Secure Boot. A start takes a CPU second more.
    DebianSigned,
    /// A Buildroot release.
    Buildroot,
    /// The same with a shell on the serial line.
    BuildrootDebug,
}

/// Where the lab and the tests are told which base the box they boot has: `debian` when not set.
pub const BASE_VARIABLE: &str = "RAMAL_BASE";

/// There is no base of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no base {0:?}; debian, debian-signed, buildroot and buildroot-debug are known")]
pub struct UnknownBase(String);

impl Base {
    /// As people name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::DebianSigned => "debian-signed",
            Self::Buildroot => "buildroot",
            Self::BuildrootDebug => "buildroot-debug",
        }
    }

    /// The one of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn of_name(name: &str) -> Result<Self, UnknownBase> {
        let known = [
            Self::Debian,
            Self::DebianSigned,
            Self::Buildroot,
            Self::BuildrootDebug,
        ];
        let mut named = known.into_iter().filter(|base| base.name() == name);
        named.next().ok_or_else(|| UnknownBase(name.to_owned()))
    }

    /// Whether its kernel works where firmware starts only what is signed: it takes no module then
    /// that lost its signature. Only such a box may offer to switch that on.
    pub const fn is_for_secure_boot(self) -> bool {
        match self {
            Self::Debian => false,
            Self::DebianSigned | Self::Buildroot | Self::BuildrootDebug => true,
        }
    }

    /// What [`BASE_VARIABLE`] chooses.
    ///
    /// # Errors
    /// It names no base.
    pub fn of_environment() -> Result<Self, UnknownBase> {
        std::env::var_os(BASE_VARIABLE).map_or(Ok(Self::Debian), |name| {
            Self::of_name(&name.to_string_lossy())
        })
    }
}

/// What the assembler packs.
pub(crate) struct Parts {
    pub(crate) kernel: Kernel,
    pub(crate) checker: Checker,
    pub(crate) binaries: Binaries,
    /// What the data disk's template is made with; the host's when none.
    pub(crate) mke2fs: Option<std::path::PathBuf>,
    /// A shell, in the debug variant only.
    pub(crate) busybox: Option<std::path::PathBuf>,
}

/// Debian's kernel and checker, and the binaries as cargo makes them here.
pub(crate) fn debian(
    cache: &Path,
    workspace: &Path,
    target_folder: &Path,
    target: BinaryTarget,
    profile: Profile,
) -> Result<Parts, BuildError> {
    let kernel = progress::timed("Getting the kernel", || kernel::fetch(cache))?;
    progress::note(&kernel.source);
    let checker = progress::timed("Getting the file system checker", || e2fsck::fetch(cache))?;
    progress::note(&checker.source);
    let compiling = format!("Compiling the box's binaries, profile {}", profile.name());
    let binaries = progress::timed(&compiling, || {
        build_binaries(workspace, target_folder, target, profile)
    })?;
    Ok(Parts {
        kernel,
        checker,
        binaries,
        mke2fs: None,
        busybox: None,
    })
}

/// What Buildroot makes; its binaries are always of the profile `released`.
pub(crate) fn buildroot(machine: Machine, debug: bool) -> Result<Parts, BuildError> {
    let built = run::build(Variant { machine, debug }, None)?;
    Ok(Parts {
        kernel: kernel_of(&built, machine)?,
        checker: Checker {
            program: built.e2fsck,
            source: built.e2fsprogs_source,
            copyright: built.e2fsprogs_notice,
        },
        binaries: Binaries {
            init: built.init,
            ramal: built.ramal,
        },
        // The host cannot run what is made for another machine.
        mke2fs: (machine == Machine::X86_64).then_some(built.mke2fs),
        busybox: built.busybox,
    })
}

/// The kernel with a folder of modules that holds none: the list of what is built in takes the
/// place of modules, so that a driver the box asks for and the kernel lacks is still noticed.
fn kernel_of(built: &Built, machine: Machine) -> Result<Kernel, BuildError> {
    let modules = built.output.join("ramal-modules");
    let error = |source| BuildError::File {
        path: modules.clone(),
        source,
    };
    std::fs::create_dir_all(modules.join("kernel")).map_err(error)?;
    std::fs::copy(&built.built_in, modules.join("modules.builtin")).map_err(error)?;
    let vmlinux = match machine {
        Machine::X86_64 => {
            let vmlinux = built.output.join("ramal-vmlinux");
            kernel::extract(&built.kernel, &vmlinux)?;
            vmlinux
        }
        // It is left over from the build: what is shipped is this one, packed.
        Machine::Aarch64 => built.plain_kernel.clone(),
    };
    Ok(Kernel {
        bz_image: built.kernel.clone(),
        vmlinux,
        modules,
        release: built.release.clone(),
        source: built.source.clone(),
        copyright: built.notice.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_chosen_by_its_name_and_another_name_is_refused() {
        assert_eq!(Base::of_name("buildroot"), Ok(Base::Buildroot));
        let error = Base::of_name("yocto").unwrap_err().to_string();
        assert!(
            error.contains("yocto") && error.contains("debian"),
            "{error}"
        );
    }
}
