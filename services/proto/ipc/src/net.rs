//! `net`: the box's place on the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::capture;

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Interfaces and addresses. Answer: [`Reply::Status`].
    Status,
    /// The store keeps something else for the network by now: take it up. Only `web` may ask.
    /// Answer: [`Reply::Done`], before that is done.
    TakeUp,
    /// Try a setting, which nothing keeps, and go back to the kept one when this time is over: an
    /// address by which nobody reaches the box must not be for ever. [`Request::TakeUp`] ends it
    /// sooner. Only `web` may ask. Answer: [`Reply::Done`], before it is begun.
    Try {
        /// As `config::StaticNetwork` writes it; `None` for DHCP.
        network: Option<String>,
        /// For how long.
        secs: u16,
    },
    /// A capture of packets. Only `web` may ask. Answer: [`Reply::Capture`], or
    /// [`Reply::NotCaptured`].
    Capture(capture::Ask),
}

/// What `net` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Interfaces and addresses now.
    Status(Status),
    /// How the capture stands, with what was asked for.
    Capture(capture::Capture),
    /// It could not be begun: why, for people.
    NotCaptured(String),
    /// It is begun.
    Done,
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// Interfaces and addresses now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Interfaces that carry traffic, by name.
    pub links: Vec<Link>,
    /// The field of the setting that people have kept which cannot be read, so that the box asks
    /// DHCP; empty where there is none.
    pub unreadable: String,
    /// Hardware address of the interface that an address which people set is for; empty while
    /// there is no interface.
    pub first: String,
    /// What the store keeps, as `config::StaticNetwork` writes it; `None` for DHCP.
    pub set: Option<String>,
    /// What is tried just now.
    pub trial: Option<Trial>,
}

/// A setting that is tried.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// As `config::StaticNetwork` writes it; `None` for DHCP.
    pub network: Option<String>,
    /// Until the kept one is back.
    pub left_secs: u64,
}

impl Status {
    /// Where others reach the box: the IPv4 address of each interface, then its IPv6 addresses
    /// that mean something beyond the cable (RFC 4291 §2.5.6).
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.links.iter().flat_map(|link| {
            let four = link.ipv4().map(IpAddr::V4);
            let mut six: Vec<Ipv6Addr> = link.ipv6_networks().map(|(ip, _)| ip).collect();
            six.retain(|ip| !ip.is_unicast_link_local());
            four.into_iter().chain(six.into_iter().map(IpAddr::V6))
        })
    }
}

impl Link {
    /// Its IPv4 address, without the length of its prefix.
    #[must_use]
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        self.address.split('/').next()?.parse().ok()
    }

    /// Its IPv4 address with prefix length.
    #[must_use]
    pub fn ipv4_network(&self) -> Option<(Ipv4Addr, u8)> {
        let (address, length) = self.address.split_once('/')?;
        Some((address.parse().ok()?, length.parse().ok()?))
    }

    /// Its IPv6 addresses with prefix length.
    pub fn ipv6_networks(&self) -> impl Iterator<Item = (Ipv6Addr, u8)> {
        self.ipv6.iter().filter_map(|text| {
            let (address, length) = text.split_once('/')?;
            Some((address.parse().ok()?, length.parse().ok()?))
        })
    }
}

/// One interface.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Link {
    /// Name in the kernel.
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// A cable is in and the peer answers.
    pub up: bool,
    /// IPv4 address with prefix length; empty while none.
    pub address: String,
    /// IPv6 addresses with prefix length, from router advertisements and of the link itself.
    pub ipv6: Vec<String>,
    /// IPv4 gateway; empty while none.
    pub gateway: String,
    /// All routers that the box sends through there, IPv4 and IPv6.
    pub routers: Vec<String>,
    /// Other addresses there that have the hardware address of one of them.
    pub kin: Vec<String>,
    /// DNS servers.
    pub dns: Vec<String>,
    /// Hardware address of another machine that uses our address; empty while none does.
    pub conflict_with: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_reached_at_every_address_but_those_of_one_cable() {
        let status = Status {
            links: vec![
                Link {
                    address: "10.0.0.5/24".into(),
                    ipv6: vec!["fe80::5/64".into(), "fd77::5/64".into()],
                    ..Link::default()
                },
                Link {
                    ipv6: vec!["2001:db8::5/64".into()],
                    ..Link::default()
                },
            ],
            ..Status::default()
        };
        let found: Vec<String> = status.addresses().map(|it| it.to_string()).collect();
        assert_eq!(found, ["10.0.0.5", "fd77::5", "2001:db8::5"]);
    }
}
