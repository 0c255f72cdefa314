//! Boots loader, stub and slots in QEMU with the firmware of real boxes (OVMF), disk and all.
//! `RAMAL_MACHINE=aarch64` has them boot 64-bit Arm (AAVMF), without Secure Boot: `--test slots`.
//!
//! What this crate must never do: touch a disk of the host, or wait for anything but what a box
//! says or QEMU's end. One box runs at a time.
//!
//! Read first: [`BoxDisk`], then [`Firmware`] and [`boot`]. A slot holds our payload in place of
//! a kernel: it says what it was given, and is done in a second.

pub mod disk;
mod machine;
mod parts;
mod variables;
mod writes;

pub use disk::BoxDisk;
pub use machine::{Boot, Firmware, boot, boot_disks, boot_typing, boot_until};
pub use parts::{Parts, parts};
pub use variables::{SecureBoot, enrolled, half_enrolled};
pub use writes::{Write, writes};

/// Why a test cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The programs do not compile.
    #[error(transparent)]
    Host(#[from] image::HostError),
    /// The profile.
    #[error(transparent)]
    Profile(#[from] image::cargo::UnknownProfile),
    /// The machine.
    #[error(transparent)]
    Machine(#[from] image::machine::UnknownMachine),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] image::keys::KeysError),
    /// A program cannot be put together.
    #[error(transparent)]
    Program(#[from] image::pe::PeError),
    /// A program cannot be signed.
    #[error(transparent)]
    Sign(#[from] image::authenticode::SignError),
    /// The kernel.
    #[error(transparent)]
    Kernel(#[from] image::build::BuildError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] image::disk::DiskError),
    /// A text of a slot.
    #[error(transparent)]
    Text(#[from] slot::TextFault),
    /// The firmware is not on the host.
    #[error("cannot read {0}: install the Debian package ovmf, or qemu-efi-aarch64")]
    NoFirmware(std::path::PathBuf),
    /// A firmware that only another machine has.
    #[error("Secure Boot is proved of x86_64 only")]
    NotSecure,
    /// QEMU.
    #[error(transparent)]
    Process(#[from] qemu::process::ProcessError),
    /// The box did not say what it should.
    #[error(transparent)]
    Serial(#[from] qemu::serial::SerialError),
    /// Something is not as it must be.
    #[error("{0}")]
    Other(String),
}

/// Where disks, keys and logs of the tests are: below the target folder, and in one of its own for
/// each program of tests, as these run beside each other.
///
/// # Errors
/// It cannot be made.
pub fn folder(name: &str) -> Result<std::path::PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let program = program.file_stem().unwrap_or_default();
    let all = image::build::target_folder().join("boot-tests");
    let folder = all
        .join(without_hash(&program.to_string_lossy()))
        .join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// `secure_boot` of `secure_boot-2cfe213c2bdc0607`, as cargo names it.
fn without_hash(program: &str) -> &str {
    program
        .rsplit_once('-')
        .map_or(program, |(name, _hash)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_tests_that_run_beside_each_other_have_folders_of_their_own() {
        let folder = folder("boxes").expect("made");
        assert!(folder.ends_with("boot-tests/boot/boxes"), "{folder:?}");
        assert_eq!(without_hash("secure_boot-2cfe213c2bdc0607"), "secure_boot");
        assert_eq!(without_hash("own_judge"), "own_judge");
    }
}
