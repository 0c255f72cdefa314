//! The four UDP sockets of a relay.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use rtp::{Channel, Side};

use crate::ports::PortRing;

/// Two port pairs, one a side. Closing is dropping.
#[derive(Debug)]
pub(crate) struct RelaySockets {
    caller: Pair,
    callee: Pair,
}

#[derive(Debug)]
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
}

/// Why there are no sockets for a relay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketsError {
    /// Every pair of the range is in use.
    #[error("every UDP port of the media range is in use: end calls or widen --ports")]
    NoPort,
    /// The kernel refuses.
    #[error("the kernel gives no UDP socket: {0}")]
    Kernel(#[from] std::io::Error),
}

impl RelaySockets {
    /// Binds two free pairs, on all addresses: a phone may come from any network.
    pub(crate) fn bind(ring: &mut PortRing) -> Result<Self, SocketsError> {
        Ok(Self {
            caller: Pair::bind(ring)?,
            callee: Pair::bind(ring)?,
        })
    }

    /// Binds the pairs a relay had before; both must be free again.
    pub(crate) fn rebind(caller: u16, callee: u16) -> Result<Self, SocketsError> {
        Ok(Self {
            caller: Pair::bind_at(caller)?,
            callee: Pair::bind_at(callee)?,
        })
    }

    /// One socket.
    pub(crate) const fn get(&self, side: Side, channel: Channel) -> &UdpSocket {
        let pair = match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        };
        match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        }
    }

    /// The even port of a side.
    pub(crate) const fn port(&self, side: Side) -> u16 {
        match side {
            Side::Caller => self.caller.port,
            Side::Callee => self.callee.port,
        }
    }
}

impl Pair {
    fn bind(ring: &mut PortRing) -> Result<Self, SocketsError> {
        for port in ring.walk() {
            match Self::bind_at(port) {
                Ok(pair) => return Ok(pair),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SocketsError::NoPort)
    }

    fn bind_at(port: u16) -> std::io::Result<Self> {
        let bind = |port| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
            socket.set_nonblocking(true)?;
            Ok::<_, std::io::Error>(socket)
        };
        Ok(Self {
            rtp: bind(port)?,
            rtcp: bind(port + 1)?,
            port,
        })
    }
}

/// Whether an address is this machine's own: the kernel would send from it to reach it.
pub(crate) fn is_own_address(ip: IpAddr) -> bool {
    let routed = || {
        let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        probe.connect(SocketAddr::new(ip, 9))?;
        probe.local_addr()
    };
    routed().is_ok_and(|local| local.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_our_own_address_and_a_documentation_address_is_not() {
        assert!(is_own_address([127, 0, 0, 1].into()));
        assert!(!is_own_address([192, 0, 2, 1].into()));
    }
}
