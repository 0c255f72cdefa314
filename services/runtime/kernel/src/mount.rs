//! Mounting, and the step from the initramfs to the real root.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags};

use crate::{Context, SystemError};

/// How a file system is mounted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Read only, no device files.
    ReadOnly,
    /// Written to, but nothing on it can be run, be a device or carry privileges.
    DataOnly,
    /// Device files, and nothing that carries privileges.
    Devices,
}

/// Mounts a file system on `target`, which is made when it is not there.
///
/// # Errors
/// When the kernel refuses.
pub fn mount(
    source: &str,
    target: &str,
    kind: &str,
    rights: Rights,
    options: &str,
) -> Result<(), SystemError> {
    let flags = match rights {
        Rights::ReadOnly => MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID,
        Rights::DataOnly => {
            MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NOATIME
        }
        Rights::Devices => MountFlags::NOSUID | MountFlags::NOEXEC,
    };
    if !Path::new(target).is_dir() {
        fs::create_dir_all(target).context("make", target)?;
    }
    let options = CString::new(options).unwrap_or_default();
    rustix::mount::mount(source, target, kind, flags, Some(options.as_c_str()))
        .context("mount", format_args!("{source} on {target} as {kind}"))
}

/// Whether `/` is still the initramfs.
#[must_use]
pub fn is_initramfs() -> bool {
    const RAMFS: u64 = 0x8584_58f6;
    const TMPFS: u64 = 0x0102_1994;
    let kind = rustix::fs::statfs("/").map(|it| u64::try_from(it.f_type).unwrap_or(0));
    kind.is_ok_and(|kind| kind == RAMFS || kind == TMPFS)
}

/// Empties the initramfs to free its memory, makes `new_root` the root and takes the mounts named
/// in `moved` along. Mounted file systems are not touched.
///
/// # Errors
/// When the kernel refuses a step; the system is then of no more use.
pub fn switch_root(new_root: &str, moved: &[&str]) -> Result<(), SystemError> {
    for mounted in moved {
        let target = format!("{new_root}{mounted}");
        rustix::mount::mount_move(*mounted, target.as_str()).context("move", mounted)?;
    }
    if let Ok(root) = fs::metadata("/") {
        empty(Path::new("/"), root.dev());
    }
    std::env::set_current_dir(new_root).context("enter", new_root)?;
    rustix::mount::mount_move(".", "/").context("move", new_root)?;
    rustix::process::chroot(".").context("make root of", new_root)?;
    std::env::set_current_dir("/").context("enter", "/")
}

/// Deletes what lies on `device` below `folder`. What cannot be deleted only costs memory.
fn empty(folder: &Path, device: u64) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(info) = fs::symlink_metadata(&path) else {
            continue;
        };
        if info.dev() != device {
            continue;
        }
        if info.is_dir() {
            empty(&path, device);
            let _ = fs::remove_dir(&path);
        } else {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Takes a file system out; when it is busy, makes it read only, which is as safe for the data.
///
/// # Errors
/// When neither works.
pub fn unmount(target: &str) -> Result<(), SystemError> {
    if rustix::mount::unmount(target, UnmountFlags::empty()).is_ok() {
        return Ok(());
    }
    rustix::mount::mount_remount(target, MountFlags::RDONLY, "").context("unmount", target)
}
