//! The two UDP sockets of an endpoint, and from which of our addresses they send.
//!
//! They are bound to the wildcard, because addresses come and go with DHCP. A peer sends to the
//! address its description was given, and takes audio from that address only: `IP_PKTINFO` (ip(7),
//! ipv6(7)) says which one it was, and packets leave from the same one. Where the kernel would
//! choose that address by itself, nothing is said to it: that is cheaper.

use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use ipc::sound::Family;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use rustix::net::sockopt as options;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::Channel;
use crate::ports::PortRing;

/// The sockets of an endpoint. Closing is dropping.
#[derive(Debug)]
pub(crate) struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
    family: Family,
    /// Which of our addresses the kernel would send from to reach a host; asked once a host.
    by_route: Option<(IpAddr, IpAddr)>,
}

/// Why there are no sockets for an endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketsError {
    /// Every pair of the range is in use.
    #[error("every UDP port of the media range is in use: end calls or widen --ports")]
    NoPort,
    /// The kernel refuses.
    #[error("the kernel gives no UDP socket: {0}")]
    Kernel(#[from] std::io::Error),
}

/// Room for the control message that carries a local address of either family.
pub(crate) fn control_space() -> Vec<u8> {
    nix::cmsg_space!(in6_pktinfo)
}

/// A datagram that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    pub(crate) length: usize,
    pub(crate) source: SocketAddr,
    /// Which of our addresses it was sent to, when it was asked for.
    pub(crate) local: Option<IpAddr>,
}

impl Pair {
    /// Binds a free pair on all addresses: a phone may come from any network.
    pub(crate) fn bind(family: Family, ring: &mut PortRing) -> Result<Self, SocketsError> {
        for port in ring.walk() {
            match Self::bind_at(family, port) {
                Ok(pair) => return Ok(pair),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SocketsError::NoPort)
    }

    /// Binds one pair; it must be free.
    pub(crate) fn bind_at(family: Family, port: u16) -> std::io::Result<Self> {
        let next = port.checked_add(1).ok_or(ErrorKind::InvalidInput)?;
        Ok(Self {
            rtp: socket(family, port)?,
            rtcp: socket(family, next)?,
            port,
            family,
            by_route: None,
        })
    }

    /// One of the two.
    pub(crate) const fn get(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }

    /// Which addresses it is reached by.
    pub(crate) const fn family(&self) -> Family {
        self.family
    }

    /// A new peer has it, who may be reached by another way.
    pub(crate) const fn begin_anew(&mut self) {
        self.by_route = None;
    }

    /// The even port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Takes a datagram; with `control` room, also where it was sent to. `None` when none waits.
    pub(crate) fn receive(
        &self,
        channel: Channel,
        buffer: &mut [u8],
        control: Option<&mut [u8]>,
    ) -> Option<Received> {
        let socket = self.get(channel);
        let received = match control {
            None => socket.recv_from(buffer).map(|(length, source)| Received {
                length,
                source,
                local: None,
            }),
            Some(control) => receive_with_local(socket, buffer, control),
        };
        match received {
            Ok(received) => Some(received),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => {
                // A peer's ICMP error, mostly: its port is closed for a moment.
                tracing::debug!("a media socket failed to receive: {error}");
                None
            }
        }
    }

    /// Sends a datagram from one of our addresses; whether the kernel took it.
    pub(crate) fn send(
        &mut self,
        channel: Channel,
        local: Option<IpAddr>,
        to: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        let by_route = local.is_none_or(|local| self.route(to) == Some(local));
        let socket = self.get(channel);
        match local {
            Some(local) if !by_route => send_from(socket, local, to, bytes).is_ok(),
            Some(_) | None => socket.send_to(bytes, to).is_ok(),
        }
    }

    /// The address the kernel would send from.
    fn route(&mut self, to: SocketAddr) -> Option<IpAddr> {
        if let Some((host, ours)) = self.by_route
            && host == to.ip()
        {
            return Some(ours);
        }
        let ours = address_towards(self.family, to)?;
        self.by_route = Some((to.ip(), ours));
        Some(ours)
    }
}

/// Our address on the route to a peer; asks the kernel, sends nothing.
fn address_towards(family: Family, to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = UdpSocket::bind((any, 0)).ok()?;
    probe.connect(to).ok()?;
    Some(probe.local_addr().ok()?.ip())
}

/// Whether an address is this machine's own: the kernel would send from it to reach it.
pub(crate) fn is_own_address(ip: IpAddr) -> bool {
    let family = match ip {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    address_towards(family, SocketAddr::new(ip, 9)) == Some(ip)
}

/// A socket as media needs it: never waits, marked as voice, tells the local address when asked.
fn socket(family: Family, port: u16) -> std::io::Result<UdpSocket> {
    let domain = match family {
        Family::V4 => AddressFamily::INET,
        Family::V6 => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(domain, SocketType::DGRAM, flags, None)?;
    let any = match family {
        Family::V4 => {
            options::set_ip_tos(&socket, EXPEDITED)?;
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
        }
        Family::V6 => {
            // Else it would keep the IPv4 endpoints off the port.
            options::set_ipv6_v6only(&socket, true)?;
            options::set_ipv6_tclass(&socket, u32::from(EXPEDITED))?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
        }
    };
    rustix::net::bind(&socket, &any)?;
    Ok(socket.into())
}

fn receive_with_local(
    socket: &UdpSocket,
    buffer: &mut [u8],
    control: &mut [u8],
) -> std::io::Result<Received> {
    let mut slices = [IoSliceMut::new(buffer)];
    let fd = socket.as_raw_fd();
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(control), flags)?;
    let local = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(IpAddr::V4(Ipv4Addr::from(
            info.ipi_spec_dst.s_addr.to_ne_bytes(),
        ))),
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)))
        }
        _ => None,
    });
    let source = message.address.as_ref().and_then(standard);
    Ok(Received {
        length: message.bytes,
        source: source.ok_or(ErrorKind::InvalidData)?,
        local,
    })
}

fn standard(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address
        .as_sockaddr_in()
        .map(|it| SocketAddr::V4((*it).into()));
    v4.or_else(|| {
        address
            .as_sockaddr_in6()
            .map(|it| SocketAddr::V6((*it).into()))
    })
}

fn send_from(
    socket: &UdpSocket,
    local: IpAddr,
    to: SocketAddr,
    bytes: &[u8],
) -> nix::Result<usize> {
    let slices = [IoSlice::new(bytes)];
    let fd = socket.as_raw_fd();
    let flags = MsgFlags::MSG_DONTWAIT;
    let to = SockaddrStorage::from(to);
    match local {
        IpAddr::V4(local) => {
            let info = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr {
                    s_addr: u32::from_ne_bytes(local.octets()),
                },
                ipi_addr: in_addr { s_addr: 0 },
            };
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            sendmsg(fd, &slices, &control, flags, Some(&to))
        }
        IpAddr::V6(local) => {
            let info = in6_pktinfo {
                ipi6_ifindex: 0,
                ipi6_addr: in6_addr {
                    s6_addr: local.octets(),
                },
            };
            let control = [ControlMessage::Ipv6PacketInfo(&info)];
            sendmsg(fd, &slices, &control, flags, Some(&to))
        }
    }
}

/// DSCP EF (46, RFC 3246) in the upper six bits; RTCP goes the way of its RTP (RFC 3550 §6 wants
/// it to see what the audio sees).
const EXPEDITED: u8 = 46 << 2;

#[cfg(test)]
#[path = "sockets_tests.rs"]
mod tests;
