//! Whom an address belongs to, for limits.

use std::net::{IpAddr, Ipv6Addr};

/// One customer line, which limits count under: an IPv4 address, or the /64 of an IPv6 address,
/// within which its host may choose freely (RFC 4291 §2.5.4, RFC 6177). Two addresses of one /64
/// may also be two devices of one office; a limit has to leave room for those.
#[must_use]
pub const fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_host_counts_as_its_64_and_a_mapped_one_as_ipv4() {
        let check = |address: &str, expected: &str| {
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(network_of(parse(address)), parse(expected));
        };
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("2001:db8:1:2:ffff::", "2001:db8:1:2::");
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
    }
}
