//! Who is banned, as the kernel has it.

use std::net::IpAddr;

use config::Network;
use firewall::{Family, Kind, Set, Value};

/// Bans of one length of IPv4 or IPv6. Each is an entry of its own and asked with a mask: nothing
/// overlaps, and a change costs the same however many there are (decision 0070).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ban {
    family: Family,
    length: u8,
}

impl Ban {
    const fn new(family: Family, length: u8) -> Self {
        Self { family, length }
    }

    /// IPv4 or IPv6.
    #[must_use]
    pub const fn family(self) -> Family {
        self.family
    }

    /// How many bits count.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The set that has them.
    #[must_use]
    pub fn set(self) -> Set {
        let (version, kind) = match self.family {
            Family::Ipv4 => (4, Kind::Ipv4),
            Family::Ipv6 => (6, Kind::Ipv6),
        };
        Set::new(&format!("bans{version}_{}", self.length), [kind]).with_timeouts()
    }
}

/// Every length that `guard` bans: lines and what it joins them to.
pub const BANS: [Ban; 6] = [
    Ban::new(Family::Ipv4, 32),
    Ban::new(Family::Ipv4, 24),
    Ban::new(Family::Ipv6, 128),
    Ban::new(Family::Ipv6, 64),
    Ban::new(Family::Ipv6, 56),
    Ban::new(Family::Ipv6, 48),
];

/// In which set a ban of this network is, and as what; `None` where the doors alone hold it: a
/// length that nobody bans, and link-local addresses, which all machines on the cable share one
/// network of.
#[must_use]
pub fn ban(network: &Network) -> Option<(Ban, Value)> {
    let address = network.address();
    let family = match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => return None,
        IpAddr::V6(_) => Family::Ipv6,
    };
    let is_of = |it: &Ban| it.family == family && it.length == network.length();
    let found = BANS.into_iter().find(is_of)?;
    Some((found, address.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_its_set_and_what_all_on_a_cable_share_has_none() {
        let check = |network: &str, expected: Option<&str>| {
            let network = Network::parse(network).expect(network);
            let name = ban(&network).map(|(it, _)| it.set().name);
            assert_eq!(name.as_deref(), expected, "{network}");
        };
        check("192.0.2.7", Some("bans4_32"));
        check("192.0.2.0/24", Some("bans4_24"));
        check("192.0.0.0/16", None);
        check("2001:db8::7", Some("bans6_128"));
        check("2001:db8:1:2::/64", Some("bans6_64"));
        check("2001:db8:1:200::/56", Some("bans6_56"));
        check("2001:db8:1::/48", Some("bans6_48"));
        check("fe80::/64", None);
        check("fe80::7", None);
    }
}
