//! Ranges of addresses, and which of them are inside.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses: `192.168.0.0/24`, `fd00::/8`, or one address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Reads a range; `None` when it is not one, or has bits set behind its length.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole: u8 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                length.parse().ok().filter(|length| *length <= whole)?
            }
            Some(_) => return None,
            None => whole,
        };
        let network = Self { address, length };
        (masked(address, length) == bits(address)).then_some(network)
    }

    /// The range of this length around an address; `None` when no address has that many bits.
    #[must_use]
    pub fn around(address: IpAddr, length: u8) -> Option<Self> {
        let bits = masked(address, length);
        let (address, whole) = match address {
            IpAddr::V4(_) => (
                IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap_or(0))),
                32,
            ),
            IpAddr::V6(_) => (IpAddr::V6(Ipv6Addr::from_bits(bits)), 128),
        };
        (length <= whole).then_some(Self { address, length })
    }

    /// The one address alone.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        let length = if address.is_ipv4() { 32 } else { 128 };
        Self { address, length }
    }

    /// Whether its addresses are IPv4 ones.
    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether the two have addresses in common: then one of them lies in the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let length = self.length.min(other.length);
        self.is_ipv4() == other.is_ipv4()
            && masked(self.address, length) == masked(other.address, length)
    }

    /// Its first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits all its addresses share: the more, the narrower it is.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether the address lies in it. An IPv4 address written as IPv6 is an IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && masked(address, self.length) == bits(self.address)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address as a number of 128 bits, left-aligned.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn masked(address: IpAddr, length: u8) -> u128 {
    let behind = 128_u32.saturating_sub(u32::from(length));
    let mask = u128::MAX.checked_shl(behind).unwrap_or_default();
    bits(address) & mask
}

/// The networks that count as inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks {
    /// Empty: private (RFC 1918, RFC 4193), loopback and link-local addresses, and those that
    /// [`neighbours`] are.
    pub internal: Vec<Network>,
    /// What lies behind the tunnel to a grid, and the box's own addresses there: outside, whatever
    /// they look like.
    pub grid: Vec<Network>,
}

impl Networks {
    /// The one place where inside and outside are told apart (R51). `neighbours` are those of all
    /// links of the box.
    #[must_use]
    pub fn is_internal(&self, address: IpAddr, neighbours: &[Network]) -> bool {
        let holds = |network: &Network| network.contains(address);
        if self.grid.iter().any(holds) {
            return false;
        }
        if self.internal.is_empty() {
            return is_local(address.to_canonical()) || neighbours.iter().any(holds);
        }
        address.to_canonical().is_loopback() || self.internal.iter().any(holds)
    }

    /// The same as a list, for who judges packets: what of [`Networks::grid`] is in it is outside
    /// all the same, and loopback addresses, which come over no cable, are not.
    #[must_use]
    pub fn inside(&self, neighbours: &[Network]) -> Vec<Network> {
        if !self.internal.is_empty() {
            return self.internal.clone();
        }
        let private = PRIVATE
            .into_iter()
            .filter_map(|(ip, length)| Network::around(ip, length));
        private.chain(neighbours.iter().copied()).collect()
    }
}

/// The networks of public IPv6 addresses on a link of the box that are the customer's own, by the
/// addresses the box has there itself.
///
/// Where IPv4 hides a house behind private addresses, IPv6 gives its phones addresses of the
/// Internet, in a prefix that the carrier changes when it likes: nobody could list it. All of that
/// prefix is on the same cable or Wi-Fi (RFC 4862 §5.5.3), and whoever writes it as his sender from
/// elsewhere gets no answer. But on a cable that leads straight to a carrier strangers have
/// neighbouring addresses: such a link has a public IPv4 address, or one of RFC 6598, and a link
/// without any is not known well enough.
#[must_use]
pub fn neighbours(
    ipv4: Option<Ipv4Addr>,
    ipv6: impl IntoIterator<Item = (Ipv6Addr, u8)>,
) -> Vec<Network> {
    if !ipv4.is_some_and(|address| address.is_private()) {
        return Vec::new();
    }
    let is_public = |ip| !is_local(IpAddr::V6(ip));
    let public = ipv6
        .into_iter()
        .filter(|(ip, length)| *length >= LINK && is_public(*ip));
    let networks = public.filter_map(|(ip, length)| Network::around(ip.into(), length));
    networks.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Bits of the prefix of a link with addresses of its own making (RFC 4291 §2.5.1, RFC 7421).
const LINK: u8 = 64;

/// What [`is_local`] but loopback is: RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.6.
const PRIVATE: [(IpAddr, u8); 6] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// Whether an address is one that networks of customers, cables or machines have for themselves
/// (RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.3 and §2.5.6), whoever is there.
#[must_use]
pub const fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect(text)
    }

    /// The reverse of [`bits`], of the version of IP that `like` is of.
    fn address_of(bits: u128, like: IpAddr) -> IpAddr {
        match like {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(bits >> 96).expect("32 bits").into()),
            IpAddr::V6(_) => IpAddr::V6(bits.into()),
        }
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        let check = |range: &str, address: &str, expected| {
            let address = address.parse().expect("an address");
            assert_eq!(
                network(range).contains(address),
                expected,
                "{range} {address}"
            );
        };
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.1.1", true);
        check("10.0.0.0/8", "fd00::1", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.6", false);
        check("0.0.0.0/0", "203.0.113.1", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
    }

    #[test]
    fn a_range_is_written_plainly() {
        for bad in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::1/0",
            "a",
        ] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
        assert_eq!(network("10.0.0.0/8").to_string(), "10.0.0.0/8");
        assert_eq!(network("::1").to_string(), "::1/128");
    }

    #[test]
    fn without_a_list_private_addresses_are_inside() {
        let check = |networks: &Networks, address: &str, expected| {
            let address = address.parse().expect("an address");
            assert_eq!(networks.is_internal(address, &[]), expected, "{address}");
        };
        let default = Networks::default();
        for inside in [
            "10.1.2.3",
            "172.16.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "::1",
            "fe80::1",
        ] {
            check(&default, inside, true);
        }
        for outside in [
            "8.8.8.8",
            "172.32.0.1",
            "100.64.0.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
        ] {
            check(&default, outside, false);
        }
        let listed = Networks {
            internal: vec![network("203.0.113.0/24")],
            ..Networks::default()
        };
        check(&listed, "203.0.113.9", true);
        check(&listed, "10.1.2.3", false);
        check(&listed, "127.0.0.1", true);
    }

    #[test]
    fn a_grid_is_outside_though_its_addresses_are_private() {
        let check = |networks: &Networks, address: &str, expected| {
            let address = address.parse().expect("an address");
            assert_eq!(networks.is_internal(address, &[]), expected, "{address}");
        };
        for internal in [vec![], vec![network("10.0.0.0/8")]] {
            let grid = vec![network("10.200.0.0/24"), network("fd77::/64")];
            let networks = Networks { internal, grid };
            check(&networks, "10.200.0.1", false);
            check(&networks, "::ffff:10.200.0.1", false);
            check(&networks, "fd77::1", false);
            check(&networks, "10.200.1.1", true);
        }
    }

    #[test]
    fn the_list_of_who_is_inside_holds_whoever_is_judged_to_be() {
        let neighbours = [network("2001:db8:1:2::/64")];
        let sites = [
            Networks::default(),
            Networks {
                internal: vec![network("203.0.113.0/24"), network("2001:db8:9::/48")],
                grid: vec![network("203.0.113.64/26")],
            },
            Networks {
                internal: Vec::new(),
                grid: vec![network("10.200.0.0/16"), network("fd77::/64")],
            },
        ];
        // The ends of every range, what is beside them, and what lies between.
        let mut addresses = Vec::new();
        for (ip, length) in PRIVATE {
            let first = bits(ip);
            let last = first | u128::MAX.checked_shr(length.into()).unwrap_or(0);
            let step = if ip.is_ipv4() { 1 << 96 } else { 1 };
            let around = [
                first - step,
                first,
                first + step,
                last - step,
                last,
                last + 1,
            ];
            addresses.extend(around.map(|it| address_of(it, ip)));
        }
        for number in 0..=u8::MAX {
            addresses.push(IpAddr::V4([number, 113, 7, 9].into()));
            addresses.push(IpAddr::V4([203, 0, 113, number].into()));
            addresses.push(IpAddr::V4([10, 200, number, 9].into()));
            let high = u16::from(number) << 8;
            addresses.push(IpAddr::V6([high, 1, 2, 3, 4, 5, 6, 7].into()));
            addresses.push(IpAddr::V6(
                [0x2001, 0xdb8, number.into(), 2, 0, 0, 0, 1].into(),
            ));
        }
        for networks in sites {
            let listed = networks.inside(&neighbours);
            let holds = |all: &[Network], ip: IpAddr| all.iter().any(|it| it.contains(ip));
            for ip in addresses.iter().copied().filter(|it| !it.is_loopback()) {
                let is_in_list = holds(&listed, ip) && !holds(&networks.grid, ip);
                assert_eq!(is_in_list, networks.is_internal(ip, &neighbours), "{ip}");
            }
        }
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        let check = |one: &str, other: &str, expected| {
            let (one, other) = (network(one), network(other));
            assert_eq!(one.overlaps(&other), expected, "{one} {other}");
            assert_eq!(other.overlaps(&one), expected, "{other} {one}");
        };
        check("10.0.0.0/8", "10.200.0.0/24", true);
        check("10.200.0.0/24", "10.200.0.0/24", true);
        check("10.200.0.0/24", "10.200.1.0/24", false);
        check("0.0.0.0/0", "203.0.113.1", true);
        check("0.0.0.0/0", "::/0", false);
        check("fd77::/16", "fd77:1::/64", true);
    }

    #[test]
    fn who_has_the_boxs_public_prefix_is_inside_where_the_cable_is_the_customers() {
        let own = |ipv4: &str, ipv6: &str| {
            let ipv4 = (!ipv4.is_empty()).then(|| ipv4.parse().expect("an address"));
            neighbours(ipv4, [(ipv6.parse().expect("an address"), 64)])
        };
        let at_home = own("192.168.0.7", "2001:db8:0:1:5054:ff:fe77:a");
        assert_eq!(at_home, [network("2001:db8:0:1::/64")]);
        let check = |networks: &Networks, address: &str, expected| {
            let address = address.parse().expect("an address");
            assert_eq!(
                networks.is_internal(address, &at_home),
                expected,
                "{address}"
            );
        };
        check(&Networks::default(), "2001:db8:0:1::9", true);
        check(&Networks::default(), "2001:db8:0:2::9", false);
        check(&Networks::default(), "192.168.0.9", true);
        let listed = Networks {
            internal: vec![network("10.0.0.0/8")],
            ..Networks::default()
        };
        check(&listed, "2001:db8:0:1::9", false);
        for strangers in ["203.0.113.5", "100.64.3.4", "169.254.1.1", ""] {
            assert_eq!(own(strangers, "2001:db8:0:1::7"), [], "{strangers}");
        }
        for private in ["fe80::1", "fd00::1"] {
            assert_eq!(own("10.0.0.5", private), [], "{private} is inside anyway");
        }
        let wide = ("2001:db8::7".parse().expect("an address"), 32);
        assert_eq!(neighbours(Some([10, 0, 0, 5].into()), [wide]), []);
    }
}
