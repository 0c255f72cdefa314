//! The state of the whole system: first mounts, kernel policy, and the end.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use kernel::cgroup::Group;
use kernel::mount::{self, Rights};
use kernel::sysctl::Ip;
use kernel::{Context, SystemError, network, power, sysctl};
use supervise::Shutdown;

use crate::console::Console;
use crate::data::DATA;

/// Mounts what everything else needs. Errors are returned, not told: there may be no screen yet.
pub(crate) fn first_mounts() -> Vec<SystemError> {
    let mounts = [
        ("devtmpfs", "/dev", "devtmpfs", Rights::Devices, "mode=0755"),
        ("proc", "/proc", "proc", Rights::DataOnly, ""),
        ("sysfs", "/sys", "sysfs", Rights::DataOnly, ""),
        (
            "tmpfs",
            "/run",
            "tmpfs",
            Rights::DataOnly,
            "mode=0755,size=16m",
        ),
    ];
    let mount = |(source, target, kind, rights, options)| {
        mount::mount(source, target, kind, rights, options).err()
    };
    mounts.into_iter().filter_map(mount).collect()
}

/// What PID 1 sets up before the first service. Each step that fails gets a line; none of them
/// keeps telephony from working.
pub(crate) fn prepare(console: &mut Console) {
    let mut tell = |result: Result<(), SystemError>| {
        if let Err(error) = result {
            console.line(&format!("ramal: {error}"));
        }
    };
    tell(power::take_ctrl_alt_del());
    tell(network::set_host_name(HOST_NAME));
    tell(network::bring_loopback_up());
    for (name, value) in POLICY {
        tell(sysctl::set(name, value));
    }
    for (ip, setting) in REFUSED {
        tell(sysctl::set_on_interfaces(ip, setting, "0"));
    }
    // Who asks on a cable for an address is told of those on that cable: not of the one in a grid.
    tell(sysctl::set_on_interfaces(Ip::V4, "arp_ignore", "1"));
    tell(mount::mount(
        "cgroup2",
        "/sys/fs/cgroup",
        "cgroup2",
        Rights::DataOnly,
        "",
    ));
    tell(Group::enable_controllers());
    tell(make_run_dir());
}

fn make_run_dir() -> Result<(), SystemError> {
    let path = RUN_DIR;
    fs::create_dir_all(path).context("make", path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755)).context("open up", path)
}

/// Ends the system: everything is written back before the power goes.
pub(crate) fn end(how: Shutdown, data_is_mounted: bool, console: &mut Console) {
    power::sync();
    if data_is_mounted {
        match mount::unmount(DATA) {
            Ok(()) => console.line("ramal: data unmounted"),
            Err(error) => console.line(&format!("ramal: {error}")),
        }
    }
    let (line, how) = match how {
        Shutdown::PowerOff => ("ramal: power off", power::End::PowerOff),
        Shutdown::Restart => ("ramal: restart", power::End::Restart),
    };
    console.line(line);
    console.drain();
    if let Err(error) = power::end(how) {
        console.line(&format!("ramal: {error}"));
        console.drain();
    }
}

/// The box's name in its network: `ramal.local`.
pub(crate) const HOST_NAME: &str = "ramal";

/// Where our sockets lie.
pub(crate) const RUN_DIR: &str = "/run/ramal";

/// Kernel settings: nothing a service of ours needs, everything an intruder would like.
const POLICY: [(&str, &str); 12] = [
    ("kernel/kptr_restrict", "2"),
    ("kernel/dmesg_restrict", "1"),
    ("kernel/unprivileged_bpf_disabled", "1"),
    ("kernel/yama/ptrace_scope", "2"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    // There is no modprobe on the box; without this the kernel would look for it again and again.
    ("kernel/modprobe", "\n"),
    ("kernel/core_pattern", "\n"),
    ("net/core/bpf_jit_harden", "2"),
    ("user/max_user_namespaces", "0"),
    ("fs/protected_hardlinks", "1"),
    ("fs/protected_symlinks", "1"),
];

/// Anybody on the same network could otherwise draw our traffic to himself. A box that does not
/// forward obeys as soon as either `all` or the interface says so (Linux
/// Documentation/networking/ip-sysctl.rst), and the kernel's default is to obey.
///
/// IPv6 addresses and the default route come from router advertisements: that is how IPv6 works on
/// a network whose router is not ours, and who can announce himself there as a router can also
/// answer ARP or DHCP in the router's place. Routes to single networks in them (RFC 4191) and
/// source routes serve nobody here.
const REFUSED: [(Ip, &str); 5] = [
    (Ip::V4, "accept_redirects"),
    (Ip::V4, "send_redirects"),
    (Ip::V6, "accept_redirects"),
    (Ip::V6, "accept_source_route"),
    // An address that changes every day would be another one than the phones were told.
    (Ip::V6, "use_tempaddr"),
];
