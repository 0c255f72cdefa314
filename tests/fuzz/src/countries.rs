//! The table of which country an address is registered in, as a file or a grid may bring it.

use std::net::{Ipv4Addr, Ipv6Addr};

use countries::{Country, MAGIC, Table};

/// A table: read whole or not at all, and then every address has an answer, in one form of IPv4 as
/// in the other.
pub fn countries(bytes: &[u8]) {
    judge(bytes.to_vec());
    judge([&MAGIC[..], bytes].concat());
}

fn judge(bytes: Vec<u8>) {
    let addresses: Vec<[u8; 16]> = bytes.as_chunks().0.to_vec();
    let Ok(table) = Table::parse(bytes) else {
        return;
    };
    for octets in addresses.into_iter().chain([[0; 16], [0xff; 16]]) {
        let found = table.country(Ipv6Addr::from(octets).into());
        assert!(found.is_none_or(|it| Country::parse(it.code()) == Some(it)));
        let [.., a, b, c, d] = octets;
        let ipv4 = Ipv4Addr::new(a, b, c, d);
        let mapped = table.country(ipv4.to_ipv6_mapped().into());
        assert_eq!(table.country(ipv4.into()), mapped);
    }
}
