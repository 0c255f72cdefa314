//! The process contract: what each service is started with.

use kernel::cgroup;
use kernel::network;
use kernel::spawn::{Identity, Limits, Rights};
use kernel::{Context, SystemError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use supervise::{ByService, Service};

/// The addresses the outside world reaches the box at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// SIP over UDP and TCP.
    pub sip: SocketAddr,
    /// SIP over TLS.
    pub sips: SocketAddr,
    /// The same over IPv6.
    pub sip6: SocketAddr,
    /// The same over IPv6.
    pub sips6: SocketAddr,
    /// The pages and the API.
    pub https: SocketAddr,
    /// Redirects to the pages, and nothing else.
    pub http: SocketAddr,
    /// The pages over IPv6.
    pub https6: SocketAddr,
    /// The redirects over IPv6.
    pub http6: SocketAddr,
}

impl Addresses {
    /// The ports of the box, on every address it has.
    #[must_use]
    pub const fn of_the_box() -> Self {
        const fn any(port: u16) -> SocketAddr {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
        }
        const fn any6(port: u16) -> SocketAddr {
            SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
        }
        Self {
            sip: any(5060),
            sips: any(5061),
            sip6: any6(5060),
            sips6: any6(5061),
            https: any(443),
            http: any(80),
            https6: any6(443),
            http6: any6(80),
        }
    }
}

/// All sockets of the services. They are made once and outlive every restart, so that no
/// connection and no datagram is refused while a service is away.
#[derive(Debug)]
pub struct Sockets {
    ipc: ByService<Option<UnixListener>>,
    sip: Sip,
    /// `None` on a kernel without IPv6.
    sip6: Option<Sip>,
    /// TCP connections of phones lie between these while `pbx` is away; PID 1 only holds them.
    kept: (OwnedFd, OwnedFd),
    pages: Pages,
    /// `None` on a kernel without IPv6.
    pages6: Option<Pages>,
    ctl: UnixListener,
}

/// SIP over one version of IP.
#[derive(Debug)]
struct Sip {
    udp: UdpSocket,
    tcp: TcpListener,
    tls: TcpListener,
}

impl Sip {
    fn open(plain: SocketAddr, tls: SocketAddr) -> Result<Self, SystemError> {
        Ok(Self {
            udp: network::udp_socket(plain, SIP_RECEIVE_BYTES)?,
            tcp: network::tcp_listener(plain)?,
            tls: network::tcp_listener(tls)?,
        })
    }
}

/// The pages over one version of IP.
#[derive(Debug)]
struct Pages {
    https: TcpListener,
    http: TcpListener,
}

impl Pages {
    fn open(https: SocketAddr, http: SocketAddr) -> Result<Self, SystemError> {
        Ok(Self {
            https: network::tcp_listener(https)?,
            http: network::tcp_listener(http)?,
        })
    }
}

impl Sockets {
    /// Opens them all; Unix sockets lie in `run_dir`. Without IPv6 the box works all the same:
    /// that is only told.
    ///
    /// # Errors
    /// When one of the others cannot be had.
    pub fn open(
        addresses: Addresses,
        run_dir: &Path,
        mut tell: impl FnMut(SystemError),
    ) -> Result<Self, SystemError> {
        let mut ipc = ByService::default();
        for service in Service::ALL {
            let listener = network::unix_listener(&run_dir.join(format!("{service}.sock")))?;
            *ipc.of_mut(service) = Some(listener);
        }
        let sip6 = Sip::open(addresses.sip6, addresses.sips6);
        let pages6 = Pages::open(addresses.https6, addresses.http6);
        Ok(Self {
            ipc,
            sip: Sip::open(addresses.sip, addresses.sips)?,
            sip6: sip6.map_err(&mut tell).ok(),
            kept: network::message_pair(KEPT_BYTES)?,
            pages: Pages::open(addresses.https, addresses.http)?,
            pages6: pages6.map_err(&mut tell).ok(),
            ctl: network::unix_listener(&run_dir.join("ctl.sock"))?,
        })
    }

    /// Those of one service, in the order they are passed, by the name they are passed under.
    pub(crate) fn of(&self, service: Service) -> Vec<(&'static str, BorrowedFd<'_>)> {
        let ipc = self.ipc.of(service).iter().map(|it| ("ipc", it.as_fd()));
        let mut sockets: Vec<_> = ipc.collect();
        match service {
            Service::Pbx => {
                sockets.push(("sip-udp", self.sip.udp.as_fd()));
                sockets.push(("sip-tcp", self.sip.tcp.as_fd()));
                sockets.push(("sip-tls", self.sip.tls.as_fd()));
                if let Some(sip6) = &self.sip6 {
                    sockets.push(("sip-udp6", sip6.udp.as_fd()));
                    sockets.push(("sip-tcp6", sip6.tcp.as_fd()));
                    sockets.push(("sip-tls6", sip6.tls.as_fd()));
                }
                sockets.push(("keep-into", self.kept.0.as_fd()));
                sockets.push(("keep-out", self.kept.1.as_fd()));
            }
            Service::Web => {
                sockets.push(("https", self.pages.https.as_fd()));
                sockets.push(("http", self.pages.http.as_fd()));
                if let Some(pages6) = &self.pages6 {
                    sockets.push(("https6", pages6.https.as_fd()));
                    sockets.push(("http6", pages6.http.as_fd()));
                }
                sockets.push(("ctl", self.ctl.as_fd()));
            }
            Service::Store
            | Service::Net
            | Service::Guard
            | Service::Media
            | Service::Update
            | Service::Grid => {}
        }
        sockets
    }
}

/// User and group id of a service.
#[must_use]
pub const fn uid(service: Service) -> u32 {
    match service {
        Service::Store => 101,
        Service::Net => 102,
        Service::Pbx => 103,
        Service::Media => 104,
        Service::Web => 105,
        Service::Update => 106,
        Service::Grid => 111,
        Service::Guard => 113,
    }
}

/// Who a service runs as, and what it keeps of root's rights.
pub(crate) const fn identity(service: Service) -> Identity {
    let rights = match service {
        Service::Net => Rights::Network,
        Service::Grid => Rights::Tunnel,
        Service::Store
        | Service::Guard
        | Service::Media
        | Service::Pbx
        | Service::Update
        | Service::Web => Rights::None,
    };
    Identity {
        id: uid(service),
        rights,
    }
}

/// What one process of a service may have.
pub(crate) const fn process_limits(service: Service) -> Limits {
    // In a memory shortage the pages go first, and calls last.
    let (descriptors_max, realtime_priority_max, niceness, expendability) = match service {
        // Two sockets a peer; voice goes before everything else.
        Service::Media => (16_384, 10, -10, -500),
        // A connection for each phone on TCP.
        Service::Pbx => (16_384, 0, -5, -500),
        Service::Store => (1024, 0, 0, -300),
        Service::Net => (1024, 0, 0, 0),
        // A connection or two of each service with a door.
        Service::Guard => (128, 0, 0, 200),
        Service::Grid => (64, 0, 0, 300),
        Service::Update => (64, 0, 10, 500),
        Service::Web => (1024, 0, 5, 500),
    };
    Limits {
        descriptors_max,
        realtime_priority_max,
        niceness,
        expendability,
    }
}

/// What a service as a whole may take from the box. The memory limits are several times what the
/// service needs: they catch a leak, they do not ration.
pub(crate) const fn group_limits(service: Service) -> cgroup::Limits {
    let (memory_mib, cpu_weight) = match service {
        Service::Store => (128, 100),
        Service::Net => (48, 100),
        // 120,000 bans.
        Service::Guard => (128, 100),
        Service::Grid => (32, 50),
        Service::Media => (128, 400),
        Service::Pbx => (192, 200),
        // A patch is applied to 14 MiB of programs and compressed in memory. Pages of the slots it
        // reads and writes count too, and can be dropped.
        Service::Update => (96, 20),
        Service::Web => (192, 50),
    };
    cgroup::Limits {
        memory_max: memory_mib * MIB,
        tasks_max: 64,
        cpu_weight,
    }
}

const MIB: u64 = 1024 * 1024;

/// Who the errand of the provisioning file runs as (`ramal provision`). The store knows it.
pub(crate) const ERRAND_IDENTITY: Identity = Identity {
    id: 107,
    rights: Rights::None,
};

/// What it may take from the box: a damaged file system must not cost more.
pub(crate) const ERRAND_MEMORY_MAX: u64 = 32 * MIB;

/// Who installs on another disk: somebody who is nobody else on this box.
pub(crate) const INSTALL_IDENTITY: Identity = Identity {
    id: 108,
    rights: Rights::None,
};

/// What it may take from the box: the rescue system is in its memory twice, and pages of what it
/// copies count too, but can be dropped.
pub(crate) const INSTALL_MEMORY_MAX: u64 = 192 * MIB;

/// Who judges whether the machine would start what is on the disk: nobody else either.
pub(crate) const JUDGE_IDENTITY: Identity = Identity {
    id: 110,
    rights: Rights::None,
};

/// What it may take from the box: a kernel with its initramfs, and the loader and rescue system
/// twice. Pages of what it reads count too, but can be dropped.
pub(crate) const JUDGE_MEMORY_MAX: u64 = 192 * MIB;

/// Who asks the machine's firmware, and gives it keys: nobody else either.
pub(crate) const MACHINE_IDENTITY: Identity = Identity {
    id: 112,
    rights: Rights::None,
};

/// What it may take from the box: a few variables of some kilobytes.
pub(crate) const MACHINE_MEMORY_MAX: u64 = 32 * MIB;

/// Who reads memory sticks that are put into the box: nobody else either.
pub(crate) const STICK_IDENTITY: Identity = Identity {
    id: 109,
    rights: Rights::None,
};

/// What it may take from the box. Pages of what it reads count too, but can be dropped.
pub(crate) const STICK_MEMORY_MAX: u64 = 32 * MIB;

/// What a process beside the services may have. Everything else goes before it.
pub(crate) const HELPER_LIMITS: Limits = Limits {
    descriptors_max: 64,
    realtime_priority_max: 0,
    niceness: 10,
    expendability: 800,
};

/// What all of such a process may take from the box.
pub(crate) const fn helper_group_limits(memory_max: u64) -> cgroup::Limits {
    cgroup::Limits {
        memory_max,
        tasks_max: 8,
        cpu_weight: 20,
    }
}

/// Makes the folders on the tmpfs of `run_dir` in which `pbx` keeps its calls in progress for the
/// process after it, and the store what it must know until the box starts anew; each the service's
/// own where services have users of their own.
///
/// # Errors
/// When a folder cannot be made or given away.
pub(crate) fn make_run_folders(run_dir: &Path, is_confined: bool) -> Result<(), SystemError> {
    let store = store_folder(run_dir);
    if !is_confined {
        // Not on a tmpfs that begins empty.
        let _ = std::fs::remove_dir_all(&store);
    }
    make_run_folder(&store, Service::Store, is_confined)?;
    make_run_folder(&calls_folder(run_dir), Service::Pbx, is_confined)
}

fn make_run_folder(folder: &Path, service: Service, is_confined: bool) -> Result<(), SystemError> {
    use std::os::unix::fs::{DirBuilderExt, chown};
    if !folder.is_dir() {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .context("make", folder.display())?;
    }
    if is_confined {
        let owner = uid(service);
        chown(folder, Some(owner), Some(owner)).context("give away", folder.display())?;
    }
    Ok(())
}

/// Where that of the store is.
pub(crate) fn store_folder(run_dir: &Path) -> PathBuf {
    run_dir.join("store")
}

/// Where that of `pbx` is.
pub(crate) fn calls_folder(run_dir: &Path) -> PathBuf {
    run_dir.join("pbx-calls")
}

/// Room for a message for each of some thousand connections.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// A burst of some thousand messages waits in the kernel while the service restarts.
const SIP_RECEIVE_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_alone_may_go_before_everything_else() {
        for service in [
            Service::Store,
            Service::Net,
            Service::Guard,
            Service::Pbx,
            Service::Update,
            Service::Web,
            Service::Grid,
        ] {
            let limits = process_limits(service);
            assert_eq!(limits.realtime_priority_max, 0, "{}", service.name());
            assert!(limits.niceness > process_limits(Service::Media).niceness);
        }
        assert_eq!(process_limits(Service::Media).realtime_priority_max, 10);
    }
}
