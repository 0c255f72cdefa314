//! The process contract: what each service is started with.

use kernel::SystemError;
use kernel::cgroup;
use kernel::network;
use kernel::spawn::{Identity, Limits, Rights};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use supervise::{ByService, Service};

/// The addresses the outside world reaches the box at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// SIP over UDP and TCP.
    pub sip: SocketAddr,
    /// The pages and the API.
    pub https: SocketAddr,
    /// Redirects to the pages, and nothing else.
    pub http: SocketAddr,
}

impl Addresses {
    /// The ports of the box, on every address it has.
    #[must_use]
    pub const fn of_the_box() -> Self {
        const fn any(port: u16) -> SocketAddr {
            SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
        }
        Self {
            sip: any(5060),
            https: any(443),
            http: any(80),
        }
    }
}

/// All sockets of the services. They are made once and outlive every restart, so that no
/// connection and no datagram is refused while a service is away.
#[derive(Debug)]
pub struct Sockets {
    ipc: ByService<Option<UnixListener>>,
    sip_udp: UdpSocket,
    sip_tcp: TcpListener,
    https: TcpListener,
    http: TcpListener,
    ctl: UnixListener,
}

impl Sockets {
    /// Opens them all; Unix sockets lie in `run_dir`.
    ///
    /// # Errors
    /// When one of them cannot be had.
    pub fn open(addresses: Addresses, run_dir: &Path) -> Result<Self, SystemError> {
        let mut ipc = ByService::default();
        for service in Service::ALL {
            let listener = network::unix_listener(&run_dir.join(format!("{service}.sock")))?;
            *ipc.of_mut(service) = Some(listener);
        }
        Ok(Self {
            ipc,
            sip_udp: network::udp_socket(addresses.sip, SIP_RECEIVE_BYTES)?,
            sip_tcp: network::tcp_listener(addresses.sip)?,
            https: network::tcp_listener(addresses.https)?,
            http: network::tcp_listener(addresses.http)?,
            ctl: network::unix_listener(&run_dir.join("ctl.sock"))?,
        })
    }

    /// Those of one service, in the order they are passed, by the name they are passed under.
    pub(crate) fn of(&self, service: Service) -> Vec<(&'static str, BorrowedFd<'_>)> {
        let ipc = self.ipc.of(service).iter().map(|it| ("ipc", it.as_fd()));
        let mut sockets: Vec<_> = ipc.collect();
        match service {
            Service::Pbx => {
                sockets.push(("sip-udp", self.sip_udp.as_fd()));
                sockets.push(("sip-tcp", self.sip_tcp.as_fd()));
            }
            Service::Web => {
                sockets.push(("https", self.https.as_fd()));
                sockets.push(("http", self.http.as_fd()));
                sockets.push(("ctl", self.ctl.as_fd()));
            }
            Service::Store | Service::Net | Service::Media => {}
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
    }
}

/// Who a service runs as, and what it keeps of root's rights.
pub(crate) const fn identity(service: Service) -> Identity {
    let rights = match service {
        Service::Net => Rights::Network,
        Service::Store | Service::Media | Service::Pbx | Service::Web => Rights::None,
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
        // Two relays of two sockets each a call; voice goes before everything else.
        Service::Media => (16_384, 10, -10, -500),
        // A connection for each phone on TCP.
        Service::Pbx => (16_384, 0, -5, -500),
        Service::Store => (1024, 0, 0, -300),
        Service::Net => (1024, 0, 0, 0),
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
    const MIB: u64 = 1024 * 1024;
    let (memory_mib, cpu_weight) = match service {
        Service::Store => (128, 100),
        Service::Net => (48, 100),
        Service::Media => (128, 400),
        Service::Pbx => (192, 200),
        Service::Web => (192, 50),
    };
    cgroup::Limits {
        memory_max: memory_mib * MIB,
        tasks_max: 64,
        cpu_weight,
    }
}

/// A burst of some thousand messages waits in the kernel while the service restarts.
const SIP_RECEIVE_BYTES: usize = 4 * 1024 * 1024;
