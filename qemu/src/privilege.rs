//! Makes ordinary users root of a user namespace, so that the lab needs no root.

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Why the lab cannot have a network.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// User namespaces are switched off.
    #[error(
        "the lab makes network namespaces, which needs root or user namespaces ({0}); run it as \
         root, or allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1"
    )]
    NoUserNamespace(nix::Error),
    /// The identity could not be set.
    #[error("cannot set the identity inside a user namespace: {0}")]
    Identity(#[from] std::io::Error),
}

/// Enters a user namespace unless we are root. Called first in `main`: the kernel refuses it once
/// there is a second thread.
///
/// # Errors
/// User namespaces are not allowed here.
pub fn become_root_of_the_lab() -> Result<(), PrivilegeError> {
    if geteuid().is_root() {
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(PrivilegeError::NoUserNamespace)?;
    // user_namespaces(7): groups must be fixed before an unprivileged process maps its own.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    Ok(())
}
