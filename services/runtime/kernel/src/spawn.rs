//! Starting a program with exactly the rights, limits and descriptors it is to have.
//!
//! Everything is prepared before `fork`; between `fork` and `execve` the child only makes system
//! calls. A step that fails is told on the child's standard error, which is the parent's log, and
//! the child ends with [`EXIT_NOT_STARTED`]; so the parent never waits for its child.
#![expect(unsafe_code, reason = "fork and execve are not in rustix")]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

use crate::landlock::Fence;
use crate::{Context, SystemError};

/// A program to be started.
#[derive(Debug)]
pub struct Program<'a> {
    /// Its file.
    pub path: &'a str,
    /// Its arguments, the first being its own name.
    pub arguments: &'a [&'a str],
    /// Its whole environment, as `NAME=value`.
    pub environment: &'a [String],
    /// What becomes of its standard output and error.
    pub output: BorrowedFd<'a>,
    /// What it gets as descriptors 3, 4, 5, ...
    pub descriptors: &'a [BorrowedFd<'a>],
    /// What it gets in place of the descriptor with this index. The child opens it, with its
    /// parent's rights: a device may make it wait for as long as it likes.
    pub opened: Option<(usize, Opened<'a>)>,
    /// User and group it runs as; `None` leaves both, and all rights, as they are.
    pub identity: Option<Identity>,
    /// The door of the control group it joins.
    pub group: Option<&'a File>,
    /// The fence around it; only together with an identity, which sets `no_new_privs`.
    pub fence: Option<&'a Fence>,
    /// What it may use; `None` leaves it what its parent may use.
    pub limits: Option<Limits>,
}

/// What a program's child opens itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened<'a> {
    /// A file or a folder, for reading.
    File(&'a str),
    /// A file system that needs no device, of this kind. It is mounted nowhere: who has it alone
    /// reaches it, and it is gone with the last of those.
    FileSystem {
        /// As the kernel calls it.
        kind: &'a str,
        /// Whose its files are.
        owner: u32,
        /// Whether it may be written to, also by somebody behind a fence.
        is_writable: bool,
    },
}

/// Who a program runs as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// User id, and the id of its one group.
    pub id: u32,
    /// The only rights of root it keeps.
    pub rights: Rights,
}

/// Rights of root that a service may keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// None.
    None,
    /// Set addresses and routes, and send and receive raw packets: for DHCP and ARP.
    Network,
    /// Set addresses and routes, and make interfaces.
    Tunnel,
    /// Change files that the kernel protects from being changed by accident.
    Protected,
}

/// Limits of one process (getrlimit(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open descriptors.
    pub descriptors_max: u64,
    /// The highest real-time priority it may give its threads; 0 for none.
    pub realtime_priority_max: u64,
    /// Its niceness; negative runs earlier.
    pub niceness: i32,
    /// How readily the kernel ends it when the box runs out of memory: -1000 never, 1000 first.
    pub expendability: i32,
}

/// Starts a program and returns its process id.
///
/// # Errors
/// When there is no room for another process, or an argument cannot be passed.
pub fn spawn(program: &Program<'_>) -> Result<u32, SystemError> {
    let text = |text: &str| CString::new(text).context("pass", "an argument with a zero byte");
    let path = text(program.path)?;
    let null = File::open("/dev/null").context("open", "/dev/null")?;
    let descriptors = Arranged::new(program, &null)?;
    let arguments = program
        .arguments
        .iter()
        .map(|it| text(it))
        .collect::<Result<Vec<_>, _>>()?;
    let environment = program
        .environment
        .iter()
        .map(|it| text(it))
        .collect::<Result<Vec<_>, _>>()?;
    let opened = match program.opened {
        Some((index, opened)) => Some((place(index), ToOpen::of(opened)?)),
        None => None,
    };
    let expendability = program.limits.map(|it| it.expendability.to_string());
    let image = Image {
        path: path.as_ptr(),
        expendability: expendability.as_deref().unwrap_or_default(),
        opened: opened.as_ref().map(|(place, opened)| (*place, opened)),
        arguments: pointers(&arguments),
        environment: pointers(&environment),
    };
    // SAFETY: the child makes only system calls on values prepared above and never returns.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()).context("start", program.path),
        0 => become_program(program, &descriptors, &image),
        pid => Ok(pid.unsigned_abs()),
    }
}

/// What `execve` needs.
struct Image<'a> {
    expendability: &'a str,
    opened: Option<(RawFd, &'a ToOpen)>,
    path: *const libc::c_char,
    arguments: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
}

/// The same as [`Opened`], as system calls take it.
enum ToOpen {
    File(CString),
    FileSystem {
        kind: CString,
        owner: CString,
        is_writable: bool,
    },
}

impl ToOpen {
    fn of(opened: Opened<'_>) -> Result<Self, SystemError> {
        let text = |text: &str| CString::new(text).context("open", "a name with a zero byte");
        Ok(match opened {
            Opened::File(path) => Self::File(text(path)?),
            Opened::FileSystem {
                kind,
                owner,
                is_writable,
            } => Self::FileSystem {
                kind: text(kind)?,
                owner: text(&owner.to_string())?,
                is_writable,
            },
        })
    }
}

/// Copies of the descriptors, all above where they are to go, so that no step of arranging them
/// overwrites one that is still needed.
struct Arranged {
    copies: Vec<OwnedFd>,
}

impl Arranged {
    fn new(program: &Program<'_>, null: &File) -> Result<Self, SystemError> {
        use std::os::fd::AsFd;
        let wanted = [null.as_fd(), program.output, program.output];
        let wanted = wanted.iter().chain(program.descriptors);
        let first_free = place(program.descriptors.len()).max(64);
        let copy = |fd: &BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, first_free);
        let copies = wanted.map(copy).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            copies: copies.context("pass", "descriptors")?,
        })
    }
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr());
    pointers.chain(std::iter::once(std::ptr::null())).collect()
}

/// The child's side. Nothing here may allocate: another thread may have held the lock.
fn become_program(program: &Program<'_>, descriptors: &Arranged, image: &Image<'_>) -> ! {
    let step = arrange(descriptors)
        .map_err(|error| ("pass descriptors", error))
        .and_then(|()| join(program).map_err(|error| ("join the control group", error)))
        .and_then(|()| {
            rank(image.expendability).map_err(|error| ("set its place in a memory shortage", error))
        })
        .and_then(|()| {
            let first = place(program.descriptors.len());
            let opened = image.opened.map_or(Ok(()), |opened| {
                let_go(first, program.fence)?;
                open(opened, program.fence)
            });
            opened.map_err(|error| ("open what it is to read", error))
        })
        // Not before: all of the parent's descriptors are still open, and may be more than it may
        // have.
        .and_then(|()| limit(program.limits).map_err(|error| ("set limits", error)))
        .and_then(|()| match program.identity {
            Some(identity) => drop_rights(identity).map_err(|error| ("drop rights", error)),
            None => Ok(()),
        })
        .and_then(|()| match program.fence {
            Some(fence) => fence.put_up().map_err(|error| ("put up its fence", error)),
            None => Ok(()),
        });
    if let Err((step, error)) = step {
        give_up(step, error);
    }
    reset_signals();
    // SAFETY: the pointers are to strings that live in the parent's copied memory, and both lists
    // end with a null pointer.
    unsafe {
        libc::execve(
            image.path,
            image.arguments.as_ptr(),
            image.environment.as_ptr(),
        );
    }
    let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    give_up("run the program", Errno::from_raw_os_error(code))
}

/// Puts the copies at 0, 1, 2, ...; `dup2` clears close-on-exec on the new descriptor.
fn arrange(descriptors: &Arranged) -> Result<(), Errno> {
    for (target, copy) in (0..).zip(&descriptors.copies) {
        put(copy, target)?;
    }
    Ok(())
}

/// Puts a descriptor at another number than its own.
fn put(descriptor: &OwnedFd, target: RawFd) -> Result<(), Errno> {
    // SAFETY: whatever was at `target` belonged to the parent's copy and is not used again.
    if unsafe { libc::dup2(descriptor.as_raw_fd(), target) } < 0 {
        let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        return Err(Errno::from_raw_os_error(code));
    }
    Ok(())
}

/// Where a program gets the descriptor with this index.
fn place(index: usize) -> RawFd {
    RawFd::try_from(index)
        .unwrap_or(RawFd::MAX)
        .saturating_add(3)
}

/// Closes all that the program does not get, from `first` on: what hangs while it opens something
/// would keep it open for good, and who is at the other end of it would never hear that the parent
/// has closed it.
fn let_go(first: RawFd, fence: Option<&Fence>) -> Result<(), Errno> {
    let close = |first: RawFd, last: RawFd| {
        if first > last {
            return Ok(());
        }
        // SAFETY: these belonged to the parent's copy and are not used again.
        match unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } {
            0 => Ok(()),
            _ => {
                let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
                Err(Errno::from_raw_os_error(code))
            }
        }
    };
    let Some(kept) = fence.map(AsRawFd::as_raw_fd) else {
        return close(first, RawFd::MAX);
    };
    close(first, kept.saturating_sub(1))?;
    close(kept.saturating_add(1), RawFd::MAX)
}

/// Opens what the child opens itself, and puts it where it is to go.
fn open((target, opened): (RawFd, &ToOpen), fence: Option<&Fence>) -> Result<(), Errno> {
    use rustix::fs::{Mode, OFlags};
    let file = match opened {
        ToOpen::File(path) => {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            rustix::fs::open(path.as_c_str(), flags, Mode::empty())?
        }
        ToOpen::FileSystem {
            kind,
            owner,
            is_writable,
        } => {
            let mounted = mount(kind, owner, *is_writable)?;
            if let Some(fence) = fence.filter(|_| *is_writable) {
                fence.open_up_mounted(&mounted)?;
            }
            mounted
        }
    };
    put(&file, target)
}

/// Mounts a file system nowhere; its top. Source: Linux fs/namespace.c, fsmount(2).
fn mount(kind: &CStr, owner: &CStr, is_writable: bool) -> Result<OwnedFd, Errno> {
    use rustix::mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
        fsopen,
    };
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for option in [c"uid", c"gid"] {
        fsconfig_set_string(&context, option, owner)?;
    }
    fsconfig_create(&context)?;
    let mut rights = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    if !is_writable {
        rights |= MountAttrFlags::MOUNT_ATTR_RDONLY;
    }
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, rights)
}

fn join(program: &Program<'_>) -> Result<(), Errno> {
    let Some(door) = program.group else {
        return Ok(());
    };
    rustix::io::write(door, b"0").map(|_| ())
}

fn limit(limits: Option<Limits>) -> Result<(), Errno> {
    let set = |resource, value| {
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        rustix::process::setrlimit(resource, limit)
    };
    // No core files: they would hold keys and passwords.
    set(Resource::Core, 0)?;
    if let Some(limits) = limits {
        set(Resource::Nofile, limits.descriptors_max)?;
        set(Resource::Rtprio, limits.realtime_priority_max)?;
        rustix::process::setpriority_process(None, limits.niceness)?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // A session of its own: no signal meant for another group reaches it.
    match rustix::process::setsid() {
        Ok(_) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sets how readily the kernel ends this process when memory runs out (proc(5)).
fn rank(expendability: &str) -> Result<(), Errno> {
    use rustix::fs::{Mode, OFlags};
    if expendability.is_empty() {
        return Ok(());
    }
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(c"/proc/self/oom_score_adj", flags, Mode::empty())?;
    rustix::io::write(&file, expendability.as_bytes()).map(|_| ())
}

fn drop_rights(identity: Identity) -> Result<(), Errno> {
    let kept = match identity.rights {
        Rights::None => CapabilitySet::empty(),
        Rights::Tunnel => CapabilitySet::NET_ADMIN,
        Rights::Protected => CapabilitySet::LINUX_IMMUTABLE,
        Rights::Network => {
            CapabilitySet::NET_ADMIN
                | CapabilitySet::NET_RAW
                | CapabilitySet::NET_BIND_SERVICE
                | CapabilitySet::NET_BROADCAST
        }
    };
    for bit in 0..64 {
        let right = CapabilitySet::from_bits_retain(1 << bit);
        if kept.contains(right) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(right) {
            Ok(()) => {}
            // Beyond the last capability this kernel knows.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    rustix::thread::set_keep_capabilities(true)?;
    let (gid, uid) = (Gid::from_raw(identity.id), Uid::from_raw(identity.id));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: kept,
    };
    rustix::thread::set_capabilities(None, sets)?;
    for bit in 0..64 {
        let right = CapabilitySet::from_bits_retain(1 << bit);
        if kept.contains(right) {
            rustix::thread::configure_capability_in_ambient_set(right, true)?;
        }
    }
    rustix::thread::set_no_new_privs(true)
}

/// Undoes what the parent did to its signals, which programs would inherit.
fn reset_signals() {
    // SAFETY: sigemptyset makes the set valid before it is used; SIG_DFL is always allowed.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Tells on standard error what went wrong, without allocating, and ends.
fn give_up(step: &str, error: Errno) -> ! {
    let mut digits = [b'0'; 4];
    let mut left = error.raw_os_error().unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
    }
    for part in [
        b"cannot ".as_slice(),
        step.as_bytes(),
        b": error ",
        &digits,
        b"\n",
    ] {
        // SAFETY: descriptor 2 is open, or writing to it fails; either is fine here.
        unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
    }
    // SAFETY: ends this process at once, without running the parent's clean-up.
    unsafe { libc::_exit(EXIT_NOT_STARTED) }
}

/// The exit code of a child that could not become its program.
pub const EXIT_NOT_STARTED: i32 = 127;

#[cfg(test)]
mod tests;
