//! Runs Buildroot out of its tree and finds what it made.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::sources::{self, Sources};
use super::{
    BuildrootError, Machine, Variant, create_folder, external, file_error, lock, lost, read,
    release_folder, settings,
};
use crate::build::target_folder;
use crate::host::{HostError, command};
use crate::{prepare, progress};

/// What Buildroot made: all that the assembler needs.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The kernel as firmware starts it.
    pub kernel: PathBuf,
    /// The same, not compressed; only where the build leaves one.
    pub plain_kernel: PathBuf,
    /// Its final configuration.
    pub kernel_config: PathBuf,
    /// What `uname -r` says.
    pub release: String,
    /// From what it was made, for the notices.
    pub source: String,
    /// Stage-1 and PID 1.
    pub init: PathBuf,
    /// Every service.
    pub ramal: PathBuf,
    /// Makes the data disk's file system.
    pub mke2fs: PathBuf,
    /// Repairs it.
    pub e2fsck: PathBuf,
    /// The debug variant's shell.
    pub busybox: Option<PathBuf>,
    /// The kernel's licence text.
    pub notice: PathBuf,
    /// The drivers that are built in, as the kernel's build lists them.
    pub built_in: PathBuf,
    /// From what the file system's programs were made.
    pub e2fsprogs_source: String,
    /// Their licence text.
    pub e2fsprogs_notice: PathBuf,
    /// The folder Buildroot built in.
    pub output: PathBuf,
}

/// One output folder of Buildroot's, and what its makefiles are told.
pub(crate) struct Output {
    release: PathBuf,
    sources: Sources,
    dated: u64,
    pub(crate) folder: PathBuf,
}

impl Output {
    pub(crate) fn new(
        folder: PathBuf,
        machine: Machine,
        release: PathBuf,
    ) -> Result<Self, BuildrootError> {
        let sources = sources::provide(machine)?;
        create_folder(&folder)?;
        Ok(Self {
            release,
            sources,
            dated: lock::load()?.kernel.dated,
            folder,
        })
    }

    /// `make`, told where everything lies and nothing of this process's own build.
    pub(crate) fn make(&self) -> Result<Command, BuildrootError> {
        let mut make = command("make")?;
        make.arg("-C").arg(&self.release);
        let output = format!("O={}", self.folder.display());
        let tree = format!("BR2_EXTERNAL={}", external().display());
        make.args(["--no-print-directory", &output, &tree]);
        for name in FOREIGN {
            make.env_remove(name);
        }
        make.env("RAMAL_DL", &self.sources.downloads)
            .env("RAMAL_TOOLCHAIN", &self.sources.toolchain)
            .env("RAMAL_VENDOR", &self.sources.crates)
            .env("RAMAL_OFFLINE", "1")
            .env("SOURCE_DATE_EPOCH", self.dated.to_string());
        Ok(make)
    }

    /// Loads a defconfig and refuses one that Kconfig did not take as it stands.
    pub(crate) fn load(&self, variant: Variant) -> Result<(), BuildrootError> {
        let name = variant.defconfig();
        let mut make = self.make()?;
        crate::host::output(make.arg(&name))?;
        let wanted = settings(&read(&external().join("configs").join(&name))?);
        let lines = lost(&wanted, &read(&self.folder.join(".config"))?);
        survived(&name, lines)
    }

    pub(crate) fn toolchain(&self) -> &Path {
        &self.sources.toolchain
    }
}

/// Builds a variant in its folder below `target/buildroot`, or in `folder`, and checks that every
/// line of its configuration and of the kernel's fragments is in the result.
///
/// # Errors
/// There is no release, a source is missing, Buildroot failed or a line was dropped.
pub fn build(variant: Variant, folder: Option<&Path>) -> Result<Parts, BuildrootError> {
    let release = release_folder()?;
    prepare::check_targets(variant.machine)?;
    let folder = folder.map_or_else(|| default_folder(variant), Path::to_owned);
    let folder = std::path::absolute(&folder).map_err(|source| file_error(&folder, source))?;
    let output = Output::new(folder, variant.machine, release)?;
    output.load(variant)?;
    // Buildroot does not see that a local source has changed; cargo does.
    let goals = ["ramal-rebuild", "all"];
    progress::timed(
        "Building with Buildroot: kernel, e2fsprogs, our programs",
        || logged(output.make()?.args(goals), &output.folder.join("build.log")),
    )?;
    let parts = find(variant, &output.folder)?;
    check_kernel(&parts, variant.machine)?;
    Ok(parts)
}

/// Where a variant is built unless somebody says otherwise.
pub fn default_folder(variant: Variant) -> PathBuf {
    let name = variant.defconfig();
    let name = name.trim_end_matches("_defconfig");
    target_folder().join("buildroot").join(name)
}

/// What lies in an output folder after a build.
///
/// # Errors
/// Something is missing.
pub fn find(variant: Variant, folder: &Path) -> Result<Parts, BuildrootError> {
    let lock = lock::load()?;
    let version = lock.kernel.kernel_version();
    let image = match variant.machine {
        Machine::X86_64 => "bzImage",
        Machine::Aarch64 => "vmlinuz.efi",
    };
    let kernel = folder.join(format!("build/linux-{version}"));
    let target = folder.join("target");
    let e2fsprogs = lock.version_of("e2fsprogs");
    let parts = Parts {
        kernel: folder.join("images").join(image),
        plain_kernel: kernel.join("arch/arm64/boot/Image"),
        kernel_config: kernel.join(".config"),
        release: format!("{version}-ramal"),
        source: format!("{} {}", lock.kernel.package, lock.kernel.version),
        init: target.join("usr/sbin/init"),
        ramal: target.join("usr/bin/ramal"),
        mke2fs: target.join("usr/sbin/mke2fs"),
        e2fsck: target.join("usr/sbin/e2fsck"),
        busybox: variant.debug.then(|| target.join("usr/bin/busybox")),
        notice: kernel.join("COPYING"),
        built_in: kernel.join("modules.builtin"),
        e2fsprogs_source: format!("e2fsprogs {e2fsprogs}"),
        e2fsprogs_notice: folder.join(format!("build/ramal-e2fsprogs-{e2fsprogs}/NOTICE")),
        output: folder.to_owned(),
    };
    let needed = [
        &parts.kernel,
        &parts.kernel_config,
        &parts.init,
        &parts.ramal,
        &parts.mke2fs,
        &parts.e2fsck,
        &parts.built_in,
        &parts.e2fsprogs_notice,
    ];
    for file in needed.into_iter().chain(&parts.busybox) {
        std::fs::metadata(file).map_err(|source| file_error(file, source))?;
    }
    let release = read(&kernel.join("include/config/kernel.release"))?;
    if release.trim() == parts.release {
        return Ok(parts);
    }
    Err(BuildrootError::Check(format!(
        "the kernel calls itself {}, not {}",
        release.trim(),
        parts.release
    )))
}

/// Every line of the fragments is in the kernel's final configuration.
fn check_kernel(parts: &Parts, machine: Machine) -> Result<(), BuildrootError> {
    let outcome = read(&parts.kernel_config)?;
    let mut lines = Vec::new();
    for fragment in kernel_fragments(machine) {
        lines.extend(lost(&settings(&read(&fragment)?), &outcome));
    }
    survived("the kernel's configuration", lines)
}

/// The fragments of a machine, in the order they are merged.
pub fn kernel_fragments(machine: Machine) -> Vec<PathBuf> {
    let folder = external().join("kernel/v6.12");
    let concerns = ["base", "net", "storage", "security", "hardware"];
    concerns
        .into_iter()
        .chain([machine.name()])
        .map(|name| folder.join(format!("{name}.config")))
        .collect()
}

fn survived(place: &str, lines: Vec<String>) -> Result<(), BuildrootError> {
    if lines.is_empty() {
        return Ok(());
    }
    let place = place.to_owned();
    Err(BuildrootError::Dropped { place, lines })
}

/// Runs with everything it says in a file; a failure repeats the end of it.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<(), BuildrootError> {
    progress::note(&format!("what it says goes to {}", log.display()));
    let failed = |source| file_error(log, source);
    let file = File::create(log).map_err(failed)?;
    let twin = file.try_clone().map_err(failed)?;
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(twin)
        .status()
        .map_err(|source| HostError::Start {
            program: program.clone(),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    let bytes = std::fs::read(log).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut last: Vec<&str> = text.lines().rev().take(LOG_LINES).collect();
    last.reverse();
    Err(BuildrootError::Host(HostError::Failed {
        program,
        status: status.to_string(),
        message: last.join("\n"),
    }))
}

/// How much of a failed build's log is repeated.
const LOG_LINES: usize = 25;

/// What this process was started with and a build inside must not see.
const FOREIGN: &[&str] = &[
    "MAKEFLAGS",
    "MFLAGS",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_MANIFEST_DIR",
    "CC",
    "CFLAGS",
    "LD_LIBRARY_PATH",
];
