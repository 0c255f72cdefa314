//! Installs what the host lacks, naming each thing, or says the one line that would.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::BinaryTarget;
use crate::host::{HostError, command, is_root, output, program, run_visibly};
use crate::machine::Machine;
use crate::progress;

/// Why the host is not ready.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Packages are missing and only root may install them.
    #[error(
        "these Debian packages are missing; install them with\n  \
         sudo apt-get install --no-install-recommends {0}"
    )]
    NeedsRoot(String),
    /// This host has no apt.
    #[error("these programs are missing and there is no apt-get here: {0}; use Debian 12 or newer")]
    NoApt(String),
    /// The toolchain lacks what this machine's programs are compiled with. Nothing is fetched by
    /// ourselves: who builds for one machine does not need another's.
    #[error("the Rust toolchain cannot compile for {0}; get that with\n  rustup target add {0}")]
    NoTarget(&'static str),
    /// apt could not install them.
    #[error("apt-get could not install {packages}: {source}")]
    Install {
        /// The packages.
        packages: String,
        /// What apt said.
        source: HostError,
    },
}

/// What is needed from the host: the program, its Debian package, and why.
const NEEDED: &[(&str, &str, &str)] = &[
    ("dpkg-deb", "dpkg", "unpacks the kernel package"),
    ("xz", "xz-utils", "unpacks kernel modules"),
    ("objcopy", "binutils", "slims kernel modules"),
    ("gcc", "gcc", "links the binaries"),
    ("mke2fs", "e2fsprogs", "makes the template of the data disk"),
    ("qemu-system-x86_64", "qemu-system-x86", "runs the box"),
    ("ip", "iproute2", "makes the lab's network"),
    (
        "setpriv",
        "util-linux",
        "ends children together with the lab",
    ),
    ("dnsmasq", "dnsmasq-base", "is the lab's router"),
    ("baresip", "baresip-core", "is the lab's phones"),
];

/// What puts load on the services.
const SIPP: (&str, &str, &str) = ("sipp", "sip-tester", "plays phones");

/// What the tests need besides. A path is looked for as it is.
const NEEDED_BY_TESTS: &[(&str, &str, &str)] = &[
    SIPP,
    ("kamailio", "kamailio", "is the carrier of the tests"),
    ("svcrack", "sipvicious", "guesses and scans in the tests"),
    ("nft", "nftables", "reads the firewall in the kernel"),
    ("swtpm", "swtpm", "is the TPM of the tests"),
    (
        "wireguard-go",
        "wireguard-go",
        "is the hub of the tests' grid",
    ),
    (
        "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
        "ovmf",
        "is the firmware of the tests",
    ),
    (
        "sbverify",
        "sbsigntool",
        "judges our signatures of programs",
    ),
];

/// What is measured beside ours, when that is asked for.
const PEERS: &[(&str, &str, &str)] = &[
    ("kamailio", "kamailio", "is measured beside the exchange"),
    ("rtpengine", "rtpengine-daemon", "is measured beside media"),
];

/// Makes the host ready to put load on the services.
///
/// # Errors
/// A package is missing and could not be installed; the text is the line to run.
pub fn prepare_load() -> Result<(), PrepareError> {
    provide(&[SIPP])
}

/// Makes the host ready to look at the box's pages with a browser, and to have its API tried.
///
/// # Errors
/// A package is missing and could not be installed; the text is the line to run.
pub fn prepare_browser() -> Result<(), PrepareError> {
    provide(&[
        ("chromium", "chromium", "looks at the box's pages"),
        ("node", "nodejs", "leads the browser"),
        ("npm", "npm", "fetches what leads the browser"),
        ("python3", "python3-venv", "runs schemathesis"),
    ])
}

/// Makes the host ready to have the box's TLS judged.
///
/// # Errors
/// Its package is missing and could not be installed; the text is the line to run.
pub fn prepare_tls() -> Result<(), PrepareError> {
    provide(&[("testssl", "testssl.sh", "judges the box's TLS")])
}

/// Makes the host ready to measure somebody else's program.
///
/// # Errors
/// Its package is missing and could not be installed; the text is the line to run.
pub fn prepare_peer(name: &str) -> Result<(), PrepareError> {
    let peer = PEERS.iter().filter(|(program, _, _)| *program == name);
    provide(&peer.copied().collect::<Vec<_>>())
}

/// Makes the host ready for the tests of the services among other people's programs.
///
/// # Errors
/// A package is missing and could not be installed; the text is the line to run.
pub fn prepare_tests() -> Result<(), PrepareError> {
    provide(NEEDED_BY_TESTS)
}

/// What boots a box as its firmware does: Debian's OVMF, code and variables as shipped.
const OVMF: &str = "/usr/share/OVMF";

/// The same for 64-bit Arm.
const AAVMF: &str = "/usr/share/AAVMF";

/// Makes the host ready to emulate this machine.
///
/// # Errors
/// The package is missing and could not be installed; the text is the line to run.
pub fn prepare_emulator(machine: Machine) -> Result<(), PrepareError> {
    let package = match machine {
        Machine::X86_64 => "qemu-system-x86",
        Machine::Aarch64 => "qemu-system-arm",
    };
    provide(&[(machine.emulator(), package, "runs the box")])
}

/// Looks whether the toolchain can compile a box's programs for this machine.
///
/// # Errors
/// It cannot; the text is the line to run.
pub(crate) fn check_targets(machine: Machine) -> Result<(), PrepareError> {
    let mut targets = [machine.target(), machine.firmware_target()].into_iter();
    match targets.find(|target| !target_usable(target)) {
        Some(target) => Err(PrepareError::NoTarget(target)),
        None => Ok(()),
    }
}

/// Makes the host ready to boot boxes by their firmware; its code, and its variables as shipped.
///
/// # Errors
/// The package is missing and could not be installed; the text is the line to run.
pub fn prepare_firmware(machine: Machine) -> Result<(PathBuf, PathBuf), PrepareError> {
    match machine {
        Machine::X86_64 => ovmf("OVMF_CODE_4M.fd"),
        Machine::Aarch64 => edk2(
            ["AAVMF_CODE.fd", "AAVMF_VARS.fd"].map(|it| Path::new(AAVMF).join(it)),
            "qemu-efi-aarch64",
        ),
    }
}

/// The same with firmware that can do Secure Boot, has no keys yet and waits for them (setup mode).
///
/// # Errors
/// As for [`prepare_firmware`].
pub fn prepare_secure_firmware() -> Result<(PathBuf, PathBuf), PrepareError> {
    ovmf("OVMF_CODE_4M.secboot.fd")
}

fn ovmf(code: &str) -> Result<(PathBuf, PathBuf), PrepareError> {
    let files = [code, "OVMF_VARS_4M.fd"].map(|it| Path::new(OVMF).join(it));
    edk2(files, "ovmf")
}

fn edk2(files: [PathBuf; 2], package: &str) -> Result<(PathBuf, PathBuf), PrepareError> {
    if !files.iter().all(|file| file.is_file()) {
        install(&[(package, "is the firmware of the box")])?;
    }
    Ok(files.into())
}

/// Makes the host ready and answers for which target the box's binaries can be built.
///
/// # Errors
/// A package is missing and could not be installed; the text is the line to run.
pub fn prepare() -> Result<BinaryTarget, PrepareError> {
    progress::step("Checking what this machine has");
    provide(NEEDED)?;
    Ok(rust_target())
}

fn provide(needed: &[(&str, &str, &str)]) -> Result<(), PrepareError> {
    let missing: Vec<_> = needed
        .iter()
        .filter(|(name, _, _)| program(name).is_none())
        .collect();
    if !missing.is_empty() {
        install(
            &missing
                .iter()
                .map(|(_, package, why)| (*package, *why))
                .collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

fn install(packages: &[(&str, &str)]) -> Result<(), PrepareError> {
    let names: Vec<&str> = packages.iter().map(|(name, _)| *name).collect();
    let list = names.join(" ");
    let Ok(mut update) = command("apt-get") else {
        return Err(PrepareError::NoApt(list));
    };
    if !is_root() {
        return Err(PrepareError::NeedsRoot(list));
    }
    for (name, why) in packages {
        progress::note(&format!("installing the Debian package {name}: it {why}"));
    }
    let failed = |source| PrepareError::Install {
        packages: list.clone(),
        source,
    };
    output(update.args(["update", "-qq"])).map_err(failed)?;
    let mut install = command("apt-get").map_err(failed)?;
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&names);
    output(&mut install).map_err(failed)?;
    Ok(())
}

/// musl where the toolchain has it or can get it, else glibc linked statically.
fn rust_target() -> BinaryTarget {
    let is_usable = || target_usable(BinaryTarget::Musl.triple());
    if is_usable() || (add_with_rustup() && is_usable()) {
        if program("musl-gcc").is_some() {
            return BinaryTarget::Musl;
        }
        if install(&[(
            "musl-tools",
            "compiles the C parts of our libraries for musl",
        )])
        .is_ok()
        {
            return BinaryTarget::Musl;
        }
    }
    progress::note(&format!(
        "the Rust target {} cannot be had here; building for {} with a static C runtime instead",
        BinaryTarget::Musl.triple(),
        BinaryTarget::GnuStatic.triple()
    ));
    BinaryTarget::GnuStatic
}

/// Whether the toolchain holds the target's libraries. rustup may believe so and be wrong: an
/// interrupted installation leaves the folder empty.
fn target_usable(triple: &str) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", triple]);
    output(&mut rustc).is_ok_and(|folder| {
        let folder = PathBuf::from(String::from_utf8_lossy(&folder).trim());
        let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

fn add_with_rustup() -> bool {
    let Ok(mut rustup) = command("rustup") else {
        return false;
    };
    progress::note(&format!(
        "installing the Rust target {}",
        BinaryTarget::Musl.triple()
    ));
    run_visibly(rustup.args(["target", "add", BinaryTarget::Musl.triple()])).is_ok()
}
