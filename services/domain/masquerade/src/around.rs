//! The box's own cable: who is on it, and who of them leads elsewhere.

use std::collections::BTreeSet;
use std::net::IpAddr;

use config::Network;
use ipc::net::Status;

/// What is known of the networks the box is on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Around {
    /// The networks of all its cables.
    pub on_link: Vec<Network>,
    /// Its own addresses.
    pub own: BTreeSet<IpAddr>,
    /// Addresses of the routers that it sends through.
    pub routers: BTreeSet<IpAddr>,
    /// Other addresses of machines that are these routers, by their hardware addresses: of a pair
    /// that stands in for each other, and what a router has of IPv6. Some of them may be of
    /// machines that the router answers for (RFC 1027).
    pub kin: BTreeSet<IpAddr>,
}

/// What an address is to the box.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// A router that it sends through.
    Router,
    /// An address that has a router's hardware address.
    Kin,
    /// Somebody else on its cable: a phone, or a router that it does not know.
    Neighbour,
    /// The box itself, or somebody behind a router: his address is told as it is.
    Other,
}

impl Around {
    /// As `net` tells it.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let mut around = Self::default();
        for link in &status.links {
            let four = link
                .ipv4_network()
                .map(|(ip, length)| (IpAddr::V4(ip), length));
            let six = link
                .ipv6_networks()
                .map(|(ip, length)| (IpAddr::V6(ip), length));
            for (address, length) in four.into_iter().chain(six) {
                around.own.insert(address);
                around.on_link.extend(Network::around(address, length));
            }
            let read = |text: &String| text.parse::<IpAddr>().ok();
            around.routers.extend(read(&link.gateway));
            around.routers.extend(link.routers.iter().filter_map(read));
            around.kin.extend(link.kin.iter().filter_map(read));
        }
        around
    }

    /// What an address is to the box.
    #[must_use]
    pub fn role(&self, address: IpAddr) -> Role {
        let address = address.to_canonical();
        if address.is_loopback() || self.own.contains(&address) {
            return Role::Other;
        }
        if self.routers.contains(&address) {
            return Role::Router;
        }
        if self.kin.contains(&address) {
            return Role::Kin;
        }
        let is_of_the_cable = matches!(address, IpAddr::V6(it) if it.is_unicast_link_local());
        match is_of_the_cable || self.on_link.iter().any(|it| it.contains(address)) {
            true => Role::Neighbour,
            false => Role::Other,
        }
    }
}
