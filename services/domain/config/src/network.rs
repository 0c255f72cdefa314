//! Ranges of addresses, and which of them are inside.

use std::fmt;
use std::net::IpAddr;

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
    /// Empty: private (RFC 1918, RFC 4193), loopback and link-local addresses.
    pub internal: Vec<Network>,
}

impl Networks {
    /// The one place where inside and outside are told apart (R51).
    #[must_use]
    pub fn is_internal(&self, address: IpAddr) -> bool {
        if self.internal.is_empty() {
            return is_local(address.to_canonical());
        }
        let listed = |network: &Network| network.contains(address);
        address.to_canonical().is_loopback() || self.internal.iter().any(listed)
    }
}

const fn is_local(address: IpAddr) -> bool {
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
            assert_eq!(networks.is_internal(address), expected, "{address}");
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
        };
        check(&listed, "203.0.113.9", true);
        check(&listed, "10.1.2.3", false);
        check(&listed, "127.0.0.1", true);
    }
}
