//! What happens to a link, and what a link asks for: closed enums, the whole interface.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::arp::{Arp, Mac};

/// An address that people have set: it is asked for from nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fixed {
    /// Our address.
    pub address: Ipv4Addr,
    /// Its prefix length.
    pub prefix: u8,
    /// The router, if there is one.
    pub gateway: Option<Ipv4Addr>,
    /// DNS servers.
    pub dns: Vec<IpAddr>,
}

impl Fixed {
    /// The same as a lease without a server, which never ends: it is tried out, held and defended
    /// as one.
    #[must_use]
    pub fn as_lease(&self) -> Lease {
        Lease {
            address: self.address,
            prefix: self.prefix,
            gateway: self.gateway,
            dns: Vec::new(),
            server: Ipv4Addr::UNSPECIFIED,
            // As the kernel says "for ever", in seconds.
            lifetime: Duration::from_secs(u32::MAX as u64),
        }
    }
}

/// What a DHCP server gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Our address.
    pub address: Ipv4Addr,
    /// Its prefix length.
    pub prefix: u8,
    /// The router, if there is one.
    pub gateway: Option<Ipv4Addr>,
    /// DNS servers.
    pub dns: Vec<Ipv4Addr>,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// How long it is ours.
    pub lifetime: Duration,
}

/// Where an address came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A DHCP server.
    Leased(Lease),
    /// Ourselves, for want of a server.
    LinkLocal,
    /// It was on the link when this process started: the process before this one put it there.
    Inherited,
}

/// An address in use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// The address.
    pub address: Ipv4Addr,
    /// Its prefix length.
    pub prefix: u8,
    /// Where it came from.
    pub source: Source,
}

/// What happens to a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A cable is in, or out.
    Carrier(bool),
    /// An address that was on the link when the process started.
    Inherited(Ipv4Addr, u8),
    /// An address is no longer in the kernel.
    Vanished(Ipv4Addr),
    /// A DHCP server gave or renewed a lease.
    Leased(Lease),
    /// The lease ran out and no server renewed it.
    LeaseEnded,
    /// People have set this address; no server is asked any more.
    Set(Lease),
    /// They have it no longer, and a server is to be asked.
    Unset,
    /// Another link has the address that people have set: it is given up here at once.
    Moved,
    /// An ARP packet was seen.
    Arp(Arp),
    /// The deadline passed.
    Timer,
}

/// What a link asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Ask for a lease from the beginning.
    StartDhcp,
    /// Stop asking.
    StopDhcp,
    /// Tell the server that its address is taken.
    Decline(Ipv4Addr, Ipv4Addr),
    /// Send this.
    Transmit(Arp),
    /// Have this address in the kernel, with its routes.
    Hold(Held),
    /// Have this address in the kernel no longer.
    Drop(Ipv4Addr, u8),
    /// For people.
    Event(Event),
}

/// What people want to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The link has an address.
    Bound(Held),
    /// No DHCP server has answered.
    NoServer,
    /// The lease ended and the address with it.
    Lost(Ipv4Addr),
    /// The address a server gave is taken.
    Declined(Ipv4Addr, Mac),
    /// Another machine uses our address.
    Conflict(Ipv4Addr, Mac),
    /// It does no longer.
    ConflictOver(Ipv4Addr),
}
