//! Block devices: their geometry, their partitions, and what is kept of them in memory.
#![expect(unsafe_code, reason = "block devices are asked by ioctls")]

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use crate::{Context, SystemError};

/// Bytes of a sector and of the whole device.
///
/// # Errors
/// It is no block device.
pub fn geometry(device: &File, name: &str) -> Result<(u64, u64), SystemError> {
    let sector = rustix::fs::ioctl_blksszget(device).context("ask after", name)?;
    let mut bytes = 0u64;
    // SAFETY: BLKGETSIZE64 writes a u64 (Linux include/uapi/linux/fs.h).
    let asked = unsafe { libc::ioctl(device.as_raw_fd(), SIZE as libc::Ioctl, &raw mut bytes) };
    check(asked).context("ask after", name)?;
    Ok((u64::from(sector), bytes))
}

/// Makes the next read come from the device instead of from memory.
///
/// # Errors
/// It is no block device.
pub fn forget_cache(device: &File, name: &str) -> Result<(), SystemError> {
    // SAFETY: BLKFLSBUF takes no argument (Linux include/uapi/linux/fs.h).
    let asked = unsafe { libc::ioctl(device.as_raw_fd(), FLUSH as libc::Ioctl, 0) };
    check(asked).context("flush", name)
}

/// The device file of the partition of `disk` that begins at this byte.
#[must_use]
pub fn partition_at(disk: &str, start: u64) -> Option<PathBuf> {
    let folder = Path::new("/sys/block").join(disk);
    let entries = fs::read_dir(&folder).ok()?;
    let name = entries.flatten().find_map(|entry| {
        let sectors = fs::read_to_string(entry.path().join("start")).ok()?;
        let begins: u64 = sectors.trim().parse().ok()?;
        (begins.checked_mul(512)? == start).then(|| entry.file_name())
    })?;
    Some(Path::new("/dev").join(name))
}

/// Tells the kernel of a partition that was added to the table of a disk in use.
///
/// # Errors
/// The kernel refuses: it is there already, or overlaps another.
pub fn add_partition(
    disk: &File,
    name: &str,
    number: u32,
    start: u64,
    length: u64,
) -> Result<(), SystemError> {
    let signed = |value: u64| i64::try_from(value).map_err(io::Error::other);
    let tell = || {
        let mut partition = Partition {
            start: signed(start)?,
            length: signed(length)?,
            number: i32::try_from(number).map_err(io::Error::other)?,
            names: [0; 128],
        };
        let argument = Argument {
            operation: ADD,
            flags: 0,
            length: i32::try_from(size_of::<Partition>()).map_err(io::Error::other)?,
            data: (&raw mut partition).cast(),
        };
        // SAFETY: BLKPG takes a `struct blkpg_ioctl_arg` that points to a `struct blkpg_partition`
        // (Linux include/uapi/linux/blkpg.h); both live to the end of the call.
        check(unsafe {
            libc::ioctl(
                disk.as_raw_fd(),
                PARTITIONS as libc::Ioctl,
                &raw const argument,
            )
        })
    };
    tell().context("add a partition to", name)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
struct Argument {
    operation: i32,
    flags: i32,
    length: i32,
    data: *mut libc::c_void,
}

/// `struct blkpg_partition`.
#[repr(C)]
struct Partition {
    start: i64,
    length: i64,
    number: i32,
    /// `devname` and `volname`, which the kernel does not read.
    names: [u8; 128],
}

/// `BLKGETSIZE64`, `BLKFLSBUF`, `BLKPG` and `BLKPG_ADD_PARTITION`.
const SIZE: u32 = 0x8008_1272;
const FLUSH: u32 = 0x1261;
const PARTITIONS: u32 = 0x1269;
const ADD: i32 = 1;
