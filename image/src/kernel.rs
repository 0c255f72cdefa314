//! Gets the kernel: the Debian package of `kernel.lock`, verified by apt and by our own hash.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::deb::{self, DebError, Package, Pin, Unpacked};
use crate::host::{command, output};
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
    /// The package.
    #[error(transparent)]
    Package(#[from] DebError),
    /// The package holds no kernel where Debian puts it.
    #[error("{0} holds no kernel")]
    Empty(PathBuf),
    /// The plain kernel could not be taken out.
    #[error(transparent)]
    Vmlinux(#[from] VmlinuxError),
}

/// `kernel.lock` as written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Lock {
    line: String,
    #[serde(flatten)]
    pin: Pin,
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
    let unpacked = deb::fetch(&cache, &lock.pin, || current_of_line(&lock))?;
    look_into(unpacked)
}

/// The newest kernel of the line that this machine's archive has.
fn current_of_line(lock: &Lock) -> Result<Package, DebError> {
    let found = output(command("apt-cache")?.args(["search", "--names-only", "^linux-image-"]))?;
    let found = String::from_utf8_lossy(&found).into_owned();
    let newest = found
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|name| Some((patch_level(name, &lock.line, &lock.pin.architecture)?, name)))
        .max();
    let not_in_archive = || DebError::NotInArchive {
        package: lock.pin.package.clone(),
        instead: format!("kernel of the {} line", lock.line),
    };
    let (_, name) = newest.ok_or_else(not_in_archive)?;
    Package::candidate(name)?.ok_or_else(not_in_archive)
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

fn look_into(unpacked: Unpacked) -> Result<Kernel, KernelError> {
    let Unpacked { package, folder } = unpacked;
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
        extract(&bz_image, &vmlinux)?;
    }
    let source = package.title();
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

/// Writes the plain kernel of a bzImage to `to`, whole or not at all.
pub(crate) fn extract(bz_image: &Path, to: &Path) -> Result<(), KernelError> {
    let partial = to.with_extension(std::process::id().to_string());
    let kernel = vmlinux::extract(&read(bz_image)?)?;
    let error = |source| KernelError::File {
        path: partial.clone(),
        source,
    };
    std::fs::write(&partial, kernel).map_err(error)?;
    rename(&partial, to)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_lock_is_well_formed() {
        let lock: Lock = toml::from_str(include_str!("../kernel.lock")).expect("parses");
        assert!(patch_level(&lock.pin.package, &lock.line, &lock.pin.architecture).is_some());
        assert_eq!(lock.pin.sha256.len(), 64);
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
