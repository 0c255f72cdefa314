//! Landlock: a fence around one process, put up before it starts and never taken down.
//!
//! Reading is not fenced: everything readable on the box is firmware, and each folder of the data
//! disk belongs to one service alone. Writing, making, removing and running are, and so are TCP,
//! abstract Unix sockets of others and signals to them.
//! Source: Linux Documentation/userspace-api/landlock.rst.
#![expect(
    unsafe_code,
    reason = "the C libraries have no wrappers for these system calls"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use crate::{Context, SystemError};

/// What a process may still do inside its fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Openings<'a> {
    /// The one program it may run: its own.
    pub program: &'a Path,
    /// Files it may write to, and folders in which it may do everything but run programs.
    pub writable: &'a [&'a Path],
    /// Whether it may open TCP connections and listen for them. Passed sockets always work.
    pub tcp: bool,
}

/// A fence that is not up yet.
#[derive(Debug)]
pub struct Fence {
    ruleset: OwnedFd,
    /// What is fenced of what is done with files.
    files: u64,
    is_scoped: bool,
}

impl Fence {
    /// Plans a fence; `None` when this kernel has no Landlock. What an older kernel cannot fence
    /// stays open.
    ///
    /// # Errors
    /// When an opening does not exist.
    pub fn plan(openings: Openings<'_>) -> Result<Option<Self>, SystemError> {
        let Some(version) = version() else {
            return Ok(None);
        };
        let mut files = EXECUTE | CHANGE;
        if version >= 2 {
            files |= REFER;
        }
        if version >= 3 {
            files |= TRUNCATE;
        }
        let network = if version >= 4 && !openings.tcp {
            BIND_TCP | CONNECT_TCP
        } else {
            0
        };
        let scoped = if version >= 6 {
            ABSTRACT_SOCKETS | SIGNALS
        } else {
            0
        };
        let attributes = Ruleset {
            files,
            network,
            scoped,
        };
        let fields = match version {
            6.. => 3,
            4.. => 2,
            _ => 1,
        };
        let length = fields * size_of::<u64>();
        // SAFETY: the structure outlives the call and is at least `length` bytes long; the call
        // returns a new descriptor.
        let ruleset = unsafe {
            let made = libc::syscall(CREATE_RULESET, &raw const attributes, length, 0);
            let made = i32::try_from(made).unwrap_or(-1);
            if made < 0 {
                return Err(io::Error::last_os_error()).context("plan", "a Landlock fence");
            }
            OwnedFd::from_raw_fd(made)
        };
        // Where no descriptor of the program goes, which would take its place before it is up.
        let ruleset = rustix::io::fcntl_dupfd_cloexec(&ruleset, FIRST_FREE)
            .map_err(io::Error::from)
            .context("plan", "a Landlock fence")?;
        let fence = Self {
            ruleset,
            files,
            is_scoped: scoped != 0,
        };
        fence.open_up(openings.program, EXECUTE)?;
        for path in openings.writable {
            let all = if path.is_dir() {
                files & !EXECUTE
            } else {
                files & (WRITE | TRUNCATE)
            };
            fence.open_up(path, all)?;
        }
        Ok(Some(fence))
    }

    fn open_up(&self, path: &Path, rights: u64) -> Result<(), SystemError> {
        let parent = File::open(path).context("open", path.display())?;
        self.add(&parent, rights)
            .map_err(io::Error::from)
            .context("leave a Landlock opening at", path.display())
    }

    /// An opening for a file system that is mounted nowhere: everything but running programs. One
    /// system call, as [`Self::put_up`].
    pub(crate) fn open_up_mounted(&self, top: &OwnedFd) -> Result<(), rustix::io::Errno> {
        self.add(top, self.files & !EXECUTE)
    }

    fn add(&self, parent: &impl AsRawFd, rights: u64) -> Result<(), rustix::io::Errno> {
        let rule = PathBeneath {
            rights,
            parent: parent.as_raw_fd(),
        };
        // SAFETY: the structure is laid out as the kernel's and outlives the call.
        let added = unsafe {
            libc::syscall(
                ADD_RULE,
                self.ruleset.as_raw_fd(),
                PATH_BENEATH,
                &raw const rule,
                0,
            )
        };
        if added == 0 {
            return Ok(());
        }
        Err(last_error())
    }

    /// Whether it also keeps from abstract sockets of others and from signalling them.
    #[must_use]
    pub const fn is_scoped(&self) -> bool {
        self.is_scoped
    }

    /// Puts the fence around this process; `no_new_privs` must be set. One system call, so that
    /// it can be made between `fork` and `execve`.
    pub(crate) fn put_up(&self) -> Result<(), rustix::io::Errno> {
        // SAFETY: the call takes a descriptor and flags only.
        let done = unsafe { libc::syscall(RESTRICT_SELF, self.ruleset.as_raw_fd(), 0) };
        if done == 0 {
            return Ok(());
        }
        Err(last_error())
    }
}

impl AsRawFd for Fence {
    fn as_raw_fd(&self) -> RawFd {
        self.ruleset.as_raw_fd()
    }
}

fn last_error() -> rustix::io::Errno {
    let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    rustix::io::Errno::from_raw_os_error(code)
}

/// Which Landlock this kernel has.
fn version() -> Option<i64> {
    // SAFETY: with this flag the call reads no structure.
    let version = unsafe {
        libc::syscall(
            CREATE_RULESET,
            std::ptr::null::<Ruleset>(),
            0_usize,
            ASK_VERSION,
        )
    };
    (version > 0).then_some(version)
}

/// `struct landlock_ruleset_attr` of version 6.
#[repr(C)]
struct Ruleset {
    files: u64,
    network: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    rights: u64,
    parent: i32,
}

/// A program gets fewer descriptors.
const FIRST_FREE: i32 = 64;
const CREATE_RULESET: libc::c_long = 444;
const ADD_RULE: libc::c_long = 445;
const RESTRICT_SELF: libc::c_long = 446;
/// `LANDLOCK_CREATE_RULESET_VERSION`.
const ASK_VERSION: u32 = 1;
/// `LANDLOCK_RULE_PATH_BENEATH`.
const PATH_BENEATH: u32 = 1;
/// `LANDLOCK_ACCESS_FS_*` of Linux landlock.h.
const EXECUTE: u64 = 1;
const WRITE: u64 = 1 << 1;
/// Writing, removing and making of every kind: bit 1 and bits 4 to 12.
const CHANGE: u64 = WRITE | 0x1ff0;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
/// `LANDLOCK_ACCESS_NET_*`.
const BIND_TCP: u64 = 1;
const CONNECT_TCP: u64 = 1 << 1;
/// `LANDLOCK_SCOPE_*`: abstract Unix sockets made by, and signals to, processes beyond the fence.
/// Abstract sockets have no permissions of their own, and `web` keeps one for itself.
const ABSTRACT_SOCKETS: u64 = 1;
const SIGNALS: u64 = 1 << 1;
