//! Kernel settings under /proc/sys.

use std::fs;
use std::path::Path;

use crate::{Context, SystemError};

/// Sets one of them; `name` with slashes, as in `kernel/kptr_restrict`.
///
/// # Errors
/// When the kernel has no such setting or refuses the value.
pub fn set(name: &str, value: &str) -> Result<(), SystemError> {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value).context("write", path.display())
}

/// The versions of IP, which have settings of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ip {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Sets an IP setting of all interfaces: those there are, and those still to come (`default`).
/// For settings that one interface alone can switch on, whatever `all` says.
///
/// # Errors
/// When the kernel has no such setting or refuses the value.
pub fn set_on_interfaces(ip: Ip, setting: &str, value: &str) -> Result<(), SystemError> {
    let folder = match ip {
        Ip::V4 => "/proc/sys/net/ipv4/conf",
        Ip::V6 => "/proc/sys/net/ipv6/conf",
    };
    set_in_each(Path::new(folder), setting, value)
}

fn set_in_each(folder: &Path, setting: &str, value: &str) -> Result<(), SystemError> {
    for entry in fs::read_dir(folder).context("look into", folder.display())? {
        let entry = entry.context("look into", folder.display())?;
        let path = entry.path().join(setting);
        fs::write(&path, value).context("write", path.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_reaches_every_interface_and_those_to_come() {
        let folder = std::env::temp_dir().join(format!("ramal-sysctl-{}", std::process::id()));
        let interfaces = ["all", "default", "lo", "eth0"];
        for interface in interfaces {
            fs::create_dir_all(folder.join(interface)).expect("made");
        }
        set_in_each(&folder, "accept_redirects", "0").expect("written");
        let values =
            interfaces.map(|it| fs::read_to_string(folder.join(it).join("accept_redirects")));
        fs::remove_dir_all(folder).expect("removed");
        assert!(
            values
                .iter()
                .all(|it| it.as_deref().is_ok_and(|it| it == "0"))
        );
    }
}
