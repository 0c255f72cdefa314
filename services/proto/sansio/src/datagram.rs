//! What crosses a SIP socket, with the addresses it crossed it by.

use std::fmt;
use std::net::SocketAddr;

/// The transports a SIP message can come by (RFC 3261 §18).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    /// One message a datagram.
    Udp,
    /// A byte stream framed by Content-Length.
    Tcp,
    /// The same inside TLS (RFC 3261 §26.2.1).
    Tls,
}

impl Transport {
    /// Whether lost messages are the transport's own business (RFC 3261 §17: no retransmissions).
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// The port of SIP over this transport when nobody names one (RFC 3261 §19.1.2).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        })
    }
}

/// A UDP payload and the two addresses it travelled between.
#[derive(Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub source: SocketAddr,
    /// Which address it was sent to; on arrival, the local address the packet carried.
    pub destination: SocketAddr,
    /// On arrival its TTL or hop limit, where it is known: each router on its way lessened it.
    pub ttl: Option<u8>,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Datagram {
    /// Without the payload, which may hold passwords' digests and the keys of media.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            destination,
            bytes,
            ..
        } = self;
        write!(
            f,
            "Datagram({source} -> {destination}, {} bytes)",
            bytes.len()
        )
    }
}
