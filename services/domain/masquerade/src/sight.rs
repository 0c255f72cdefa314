//! One packet, or the begin of one connection, as a service saw it.

use std::net::IpAddr;

use ipc::masquerade::{Listener, Sighting};

/// One packet, or the begin of one connection, as a service saw it; what
/// [`ipc::masquerade::Sighting`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// Where it came in.
    pub listener: Listener,
    /// The address it came from.
    pub source: IpAddr,
    /// Its TTL or hop limit as it arrived, where it is known.
    pub ttl: Option<u8>,
    /// The MSS that its SYN offered, where it is known.
    pub mss: Option<u16>,
    /// SIP in it names as the sender's own an address of another network than the box's.
    pub is_foreign: bool,
    /// A number that the same program on the same machine has each time, and others seldom.
    pub host: Option<u32>,
    /// The sender has been seen to get what was sent to him.
    pub is_proven: bool,
}

impl Sight {
    /// Nothing but where it came in, and from where.
    #[must_use]
    pub const fn of(listener: Listener, source: IpAddr) -> Self {
        Self {
            listener,
            source,
            ttl: None,
            mss: None,
            is_foreign: false,
            host: None,
            is_proven: false,
        }
    }

    /// What another process says it saw; `None` where the source is no address.
    #[must_use]
    pub fn read(said: &Sighting) -> Option<Self> {
        Some(Self {
            listener: said.listener,
            source: said.source.parse().ok()?,
            ttl: said.ttl,
            mss: said.mss,
            is_foreign: said.is_foreign,
            host: said.host,
            is_proven: said.is_proven,
        })
    }

    /// As another process is told.
    #[must_use]
    pub fn told(&self) -> Sighting {
        Sighting {
            listener: self.listener,
            source: self.source.to_string(),
            ttl: self.ttl,
            mss: self.mss,
            is_foreign: self.is_foreign,
            host: self.host,
            is_proven: self.is_proven,
        }
    }
}
