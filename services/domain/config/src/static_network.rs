//! An address that does not come from DHCP, and the network around it: written in a provisioning
//! file, or typed at the box line by line. Both keep the same rules.

use std::net::{IpAddr, Ipv4Addr};

use ipc::site::Site;

use crate::network::Network;
use crate::tunnel::Tunnel;

/// An address that does not come from DHCP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaticNetwork {
    /// The box's own.
    pub address: Ipv4Addr,
    /// Bits that the network's addresses share, 8 to 30.
    pub length: u8,
    /// The way out.
    pub gateway: Option<Ipv4Addr>,
    /// Who knows names; at most three.
    pub dns: Vec<IpAddr>,
}

impl StaticNetwork {
    /// One with this address, as `192.168.10.5/24`, and neither gateway nor name servers yet;
    /// `None` when no host may have it.
    #[must_use]
    pub fn at(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let length: u8 = length.parse().ok().filter(|it| (8..=30).contains(it))?;
        let host = address.to_bits() & (u32::MAX >> length);
        let is_usable = host != 0 && host != u32::MAX >> length && is_of_host(address);
        is_usable.then(|| Self {
            address,
            length,
            gateway: None,
            dns: Vec::new(),
        })
    }

    /// The same with this gateway; `None` when it is not another address in the same network.
    #[must_use]
    pub fn with_gateway(self, text: &str) -> Option<Self> {
        let gateway = Self::at(&format!("{text}/{}", self.length))?.address;
        let mask = u32::MAX << (32 - u32::from(self.length));
        let is_near = gateway.to_bits() & mask == self.address.to_bits() & mask;
        (is_near && gateway != self.address).then_some(Self {
            gateway: Some(gateway),
            ..self
        })
    }

    /// The same with these name servers; `None` when one is no address, or there are too many.
    #[must_use]
    pub fn with_dns<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let dns: Result<Vec<IpAddr>, _> = texts.into_iter().map(str::parse).collect();
        let is_machine = |it: &IpAddr| match it {
            IpAddr::V4(address) => is_of_host(*address),
            IpAddr::V6(it) => !it.is_unspecified() && !it.is_loopback() && !it.is_multicast(),
        };
        let dns = dns.ok().filter(|dns| dns.len() <= DNS_MAX)?;
        if !dns.iter().all(is_machine) {
            return None;
        }
        Some(Self { dns, ..self })
    }

    /// The network behind the tunnel of a site that has addresses in common with this one, and this
    /// one: what lies there counts as outside, and every phone of such a network would be refused.
    #[must_use]
    pub fn behind_tunnel(&self, site: &Site) -> Option<(Network, Network)> {
        let own = Network::around(self.address.into(), self.length)?;
        Tunnel::parse(site.tunnel.as_ref()?).ok()?.overlap(&[own])
    }

    /// The form it is kept in: `192.168.10.5/24 192.168.10.1 192.168.10.1,2001:db8::53`, with a
    /// dash for what there is none of.
    #[must_use]
    pub fn to_text(&self) -> String {
        let or_dash = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let gateway = self.gateway.map(|it| it.to_string()).unwrap_or_default();
        let dns: Vec<String> = self.dns.iter().map(ToString::to_string).collect();
        let (gateway, dns) = (or_dash(gateway), or_dash(dns.join(",")));
        format!("{}/{} {gateway} {dns}", self.address, self.length)
    }

    /// The same read again, checked as in a file.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::read(text).ok()
    }

    /// The same, with the name of the field that is wrong.
    ///
    /// # Errors
    /// `address`, `gateway` or `dns`, as in a provisioning file; `network` when the form itself is
    /// another.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let words: Vec<&str> = text.split(' ').collect();
        let [address, gateway, dns] = words.as_slice() else {
            return Err("network");
        };
        let mut network = Self::at(address).ok_or("address")?;
        if *gateway != "-" {
            network = network.with_gateway(gateway).ok_or("gateway")?;
        }
        match *dns {
            "-" => Ok(network),
            some => network.with_dns(some.split(',')).ok_or("dns"),
        }
    }
}

/// Whether a machine on a network may have it: not this host's own (RFC 1122 §3.2.1.3), not one
/// that machines choose themselves where there is no network (RFC 3927), no group, and none that
/// routers drop (240.0.0.0/4, RFC 1112 §4).
const fn is_of_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first < 224 && !address.is_loopback() && !address.is_link_local()
}

const DNS_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole() -> StaticNetwork {
        let network = StaticNetwork::at("192.168.10.5/24").expect("right");
        let network = network.with_gateway("192.168.10.1").expect("near");
        let dns = ["192.168.10.1", "2001:db8::53"];
        network.with_dns(dns).expect("addresses")
    }

    #[test]
    fn it_is_kept_as_text() {
        let bare = StaticNetwork {
            gateway: None,
            dns: Vec::new(),
            ..whole()
        };
        for network in [whole(), bare] {
            assert_eq!(StaticNetwork::from_text(&network.to_text()), Some(network));
        }
        for wrong in [
            "",
            "192.168.10.5/24",
            "192.168.10.0/24 - -",
            "192.168.10.5/24 - - -",
            "192.168.10.5/24 10.0.0.1 -",
            "192.168.10.5/24 - x",
        ] {
            assert_eq!(StaticNetwork::from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_kept_text_is_told_by_its_field() {
        let check = |text: &str, field| assert_eq!(StaticNetwork::read(text), Err(field), "{text}");
        check("169.254.1.5/16 - -", "address");
        check("192.168.10.5/24 10.0.0.1 -", "gateway");
        check("192.168.10.5/24 - x", "dns");
        check("192.168.10.5/24", "network");
        check("192.168.10.5/24 - - -", "network");
    }

    #[test]
    fn what_no_host_may_have_is_refused() {
        for address in [
            "192.168.10.0/24",
            "192.168.10.255/24",
            "192.168.10.5",
            "10.0.0.1/31",
            "10.0.0.1/7",
            "127.0.0.1/8",
            "224.0.0.1/24",
            "0.0.0.5/8",
            "0.1.2.3/24",
            "169.254.1.5/16",
            "240.0.0.1/8",
            "255.255.255.254/24",
            "fd00::1/64",
            "192.168.10.5/24 ",
        ] {
            assert_eq!(StaticNetwork::at(address), None, "{address}");
        }
        for gateway in [
            "192.168.10.5",
            "192.168.11.1",
            "192.168.10.255",
            "",
            "router",
        ] {
            assert_eq!(whole().with_gateway(gateway), None, "{gateway}");
        }
        assert_eq!(whole().with_dns(["dns.example"]), None);
        assert_eq!(whole().with_dns(["192.0.2.1"; 4]), None);
        for dns in [
            "0.0.0.0",
            "127.0.0.53",
            "224.0.0.251",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::fb",
        ] {
            assert_eq!(whole().with_dns([dns]), None, "{dns}");
        }
        assert!(whole().with_dns([]).expect("none").dns.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,60}") {
            if let Some(network) = StaticNetwork::from_text(&text) {
                prop_assert_eq!(StaticNetwork::from_text(&network.to_text()), Some(network));
            }
        }
    }
}
