//! Gets the kernel: the Debian package of `kernel.lock`, verified by apt and by our own hash.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::host::{HostError, command, is_root, output};
use crate::progress;
use crate::vmlinux::{self, VmlinuxError};

/// Why there is no kernel.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The lock file is not as it should be.
    #[error("image/kernel.lock: {0}")]
    Lock(#[from] toml::de::Error),
    /// A file of the cache cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The package is not the one that was pinned.
    #[error("{package} has SHA-256 {found}, but image/kernel.lock pins {pinned}; do not use it")]
    Hash {
        /// The package.
        package: String,
        /// What it hashes to.
        found: String,
        /// What it should hash to.
        pinned: String,
    },
    /// The archive has no kernel of the line.
    #[error(
        "the package archive has neither {package} nor another kernel of the {line} line; \
         run `apt-get update`, or add bookworm-security to apt's sources"
    )]
    NotInArchive {
        /// The pinned package.
        package: String,
        /// The line, such as 6.12.
        line: String,
    },
    /// The package holds no kernel where Debian puts it.
    #[error("{0} holds no kernel")]
    Empty(PathBuf),
    /// The plain kernel could not be taken out.
    #[error(transparent)]
    Vmlinux(#[from] VmlinuxError),
}

/// `kernel.lock` as written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    line: String,
    package: String,
    version: String,
    architecture: String,
    size: u64,
    sha256: String,
}

/// A kernel on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// As shipped: compressed, bootable by firmware.
    pub(crate) bz_image: PathBuf,
    /// The same as plain ELF, for `-kernel` of an emulator.
    pub(crate) vmlinux: PathBuf,
    /// `lib/modules/<release>` of the unpacked package.
    pub(crate) modules: PathBuf,
    /// What `uname -r` says.
    pub(crate) release: String,
    /// Package and version, for the licence notices.
    pub(crate) source: String,
    /// Debian's copyright file of the kernel.
    pub(crate) copyright: PathBuf,
}

/// The kernel from the cache, or from the archive.
pub(crate) fn fetch(cache: &Path) -> Result<Kernel, KernelError> {
    let lock: Lock = toml::from_str(include_str!("../kernel.lock"))?;
    let cache = cache.join("kernel");
    create_folder(&cache)?;
    let pinned = Package {
        name: lock.package.clone(),
        version: lock.version.clone(),
    };
    let file = cache.join(pinned.file_name(&lock.architecture));
    if !file.exists() && !download(&cache, &pinned)? {
        let current = current_of_line(&lock)?;
        progress::note(&format!(
            "the archive no longer has {} {}; using {} {} of the same line, verified by apt only",
            pinned.name, pinned.version, current.name, current.version
        ));
        let file = cache.join(current.file_name(&lock.architecture));
        if !file.exists() && !download(&cache, &current)? {
            return Err(not_in_archive(&lock));
        }
        return unpack(&cache, &file, &current);
    }
    verify(&file, &lock)?;
    unpack(&cache, &file, &pinned)
}

struct Package {
    name: String,
    version: String,
}

impl Package {
    /// As apt names it: a colon of an epoch is escaped.
    fn file_name(&self, architecture: &str) -> String {
        format!(
            "{}_{}_{architecture}.deb",
            self.name,
            self.version.replace(':', "%3a")
        )
    }
}

/// `false` when the archive does not have it (any more).
fn download(cache: &Path, package: &Package) -> Result<bool, KernelError> {
    progress::step(&format!(
        "Fetching {} {} (about 105 MB)",
        package.name, package.version
    ));
    if try_download(cache, package)?.is_ok() {
        return Ok(true);
    }
    if is_root() {
        progress::note("not found; reading the archive's package lists anew");
        output(command("apt-get")?.args(["update", "-qq"]))?;
        return Ok(try_download(cache, package)?.is_ok());
    }
    Ok(false)
}

fn try_download(cache: &Path, package: &Package) -> Result<Result<(), HostError>, KernelError> {
    let mut apt = command("apt-get")?;
    apt.current_dir(cache).args(["download", "-qq"]);
    if is_root() {
        // The cache folder is ours alone, so apt's own user could not write there.
        apt.args(["-o", "APT::Sandbox::User=root"]);
    }
    apt.arg(format!("{}={}", package.name, package.version));
    Ok(output(&mut apt).map(drop))
}

/// The newest kernel of the line that this machine's archive has.
fn current_of_line(lock: &Lock) -> Result<Package, KernelError> {
    let found = output(command("apt-cache")?.args(["search", "--names-only", "^linux-image-"]))?;
    let found = String::from_utf8_lossy(&found).into_owned();
    let newest = found
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|name| Some((patch_level(name, &lock.line, &lock.architecture)?, name)))
        .max();
    let Some((_, name)) = newest else {
        return Err(not_in_archive(lock));
    };
    let policy = output(command("apt-cache")?.args(["policy", name]))?;
    let policy = String::from_utf8_lossy(&policy).into_owned();
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "));
    let Some(version) = version else {
        return Err(not_in_archive(lock));
    };
    Ok(Package {
        name: name.to_owned(),
        version: version.to_owned(),
    })
}

/// The patch level of `linux-image-<line>.<patch>+deb<n>-<architecture>`; other flavours are none.
fn patch_level(name: &str, line: &str, architecture: &str) -> Option<(u32, u32)> {
    let rest = name
        .strip_prefix("linux-image-")?
        .strip_prefix(line)?
        .strip_prefix('.')?;
    let (patch, rest) = rest.split_once("+deb")?;
    let (debian, flavour) = rest.split_once('-')?;
    (flavour == architecture).then_some(())?;
    Some((patch.parse().ok()?, debian.parse().ok()?))
}

fn not_in_archive(lock: &Lock) -> KernelError {
    KernelError::NotInArchive {
        package: lock.package.clone(),
        line: lock.line.clone(),
    }
}

fn verify(file: &Path, lock: &Lock) -> Result<(), KernelError> {
    let bytes = read(file)?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found == lock.sha256 && u64::try_from(bytes.len()) == Ok(lock.size) {
        return Ok(());
    }
    let package = file.display().to_string();
    Err(KernelError::Hash {
        package,
        found,
        pinned: lock.sha256.clone(),
    })
}

fn unpack(cache: &Path, file: &Path, package: &Package) -> Result<Kernel, KernelError> {
    let folder = cache.join(format!("{}_{}", package.name, package.version));
    if !folder.exists() {
        let partial = cache.join(format!("unpacking-{}", std::process::id()));
        output(command("dpkg-deb")?.arg("-x").arg(file).arg(&partial))?;
        rename(&partial, &folder)?;
    }
    let Some(release) = package.name.strip_prefix("linux-image-").map(str::to_owned) else {
        return Err(KernelError::Empty(folder));
    };
    let bz_image = folder.join(format!("boot/vmlinuz-{release}"));
    let modules = folder.join(format!("lib/modules/{release}"));
    if !bz_image.exists() || !modules.exists() {
        return Err(KernelError::Empty(folder));
    }
    let vmlinux = folder.join("vmlinux");
    if !vmlinux.exists() {
        let partial = folder.join(format!("vmlinux-{}", std::process::id()));
        let kernel = vmlinux::extract(&read(&bz_image)?)?;
        let error = |source| KernelError::File {
            path: partial.clone(),
            source,
        };
        std::fs::write(&partial, kernel).map_err(error)?;
        rename(&partial, &vmlinux)?;
    }
    let source = format!("{} {}", package.name, package.version);
    let copyright = folder.join(format!("usr/share/doc/{}/copyright", package.name));
    Ok(Kernel {
        bz_image,
        vmlinux,
        modules,
        release,
        source,
        copyright,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, KernelError> {
    std::fs::read(path).map_err(|source| KernelError::File {
        path: path.to_owned(),
        source,
    })
}

fn rename(from: &Path, to: &Path) -> Result<(), KernelError> {
    std::fs::rename(from, to).map_err(|source| KernelError::File {
        path: to.to_owned(),
        source,
    })
}

fn create_folder(path: &Path) -> Result<(), KernelError> {
    let error = |source| KernelError::File {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(path).map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_lock_is_well_formed() {
        let lock: Lock = toml::from_str(include_str!("../kernel.lock")).expect("parses");
        assert!(patch_level(&lock.package, &lock.line, &lock.architecture).is_some());
        assert_eq!(lock.sha256.len(), 64);
    }

    #[test]
    fn only_the_plain_flavour_of_the_line_counts() {
        let level = |name| patch_level(name, "6.12", "amd64");
        assert_eq!(level("linux-image-6.12.117+deb12-amd64"), Some((117, 12)));
        assert_eq!(level("linux-image-6.12.63+deb13-amd64"), Some((63, 13)));
        assert_eq!(level("linux-image-6.12.117+deb12-cloud-amd64"), None);
        assert_eq!(level("linux-image-6.12.117+deb12-amd64-dbg"), None);
        assert_eq!(level("linux-image-6.12-amd64"), None);
        assert_eq!(level("linux-image-6.1.0-37-amd64"), None);
    }
}
