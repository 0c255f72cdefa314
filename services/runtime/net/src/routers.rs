//! Which routers the box sends through, and which other addresses they have, as the kernel knows
//! them: from leases, from router advertisements (RFC 4861 §6.3.4), and from who answers for an
//! address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{Handle, RouteMessageBuilder};

use crate::arp::Mac;

/// The routers of one link.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Routers {
    /// Addresses that the box sends through.
    pub(crate) routers: BTreeSet<IpAddr>,
    /// Other addresses that have the hardware address of one of them.
    pub(crate) kin: BTreeSet<IpAddr>,
}

/// Who answers for which address on a link.
type Known = (u32, IpAddr, Mac);

/// The routers of all links, by the numbers of the links.
pub(crate) async fn look(handle: &Handle) -> Result<BTreeMap<u32, Routers>, rtnetlink::Error> {
    let four = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let six = RouteMessageBuilder::<Ipv6Addr>::new().build();
    let mut ways = Vec::new();
    for message in [four, six] {
        let mut stream = std::pin::pin!(handle.route().get(message).execute());
        while let Some(route) = stream.try_next().await? {
            ways.extend(ways_out(&route));
        }
    }
    let mut known = Vec::new();
    let mut stream = std::pin::pin!(handle.neighbours().get().execute());
    while let Some(message) = stream.try_next().await? {
        known.extend(neighbour(&message));
    }
    Ok(of(&ways, &known))
}

fn of(ways: &[(u32, IpAddr)], known: &[Known]) -> BTreeMap<u32, Routers> {
    let mut all: BTreeMap<u32, Routers> = BTreeMap::new();
    for (index, address) in ways {
        all.entry(*index).or_default().routers.insert(*address);
    }
    for (index, link) in &mut all {
        let here = || known.iter().filter(|(at, ..)| at == index);
        let is_router = |address: &IpAddr| link.routers.contains(address);
        let macs: BTreeSet<Mac> = here()
            .filter(|(_, address, _)| is_router(address))
            .map(|(.., mac)| *mac)
            .collect();
        let kin = here().filter(|(_, address, mac)| macs.contains(mac) && !is_router(address));
        link.kin = kin.map(|(_, address, _)| *address).take(KIN_MAX).collect();
    }
    all
}

/// The links and routers of a route to everywhere.
fn ways_out(route: &RouteMessage) -> Vec<(u32, IpAddr)> {
    if route.header.destination_prefix_length != 0 {
        return Vec::new();
    }
    let index = route.attributes.iter().find_map(|it| match it {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    });
    let own = index.zip(gateway(&route.attributes));
    let several = route.attributes.iter().filter_map(|it| match it {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    let several = several.flatten();
    let several = several.filter_map(|it| Some((it.interface_index, gateway(&it.attributes)?)));
    own.into_iter().chain(several).collect()
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|it| match it {
        RouteAttribute::Gateway(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Gateway(RouteAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    })
}

fn neighbour(message: &NeighbourMessage) -> Option<Known> {
    let (mut address, mut mac) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => {
                address = Some(IpAddr::V4(*found));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => {
                address = Some(IpAddr::V6(*found));
            }
            NeighbourAttribute::LinkLayerAddress(found) => {
                mac = found.as_slice().try_into().ok().map(Mac);
            }
            _ => {}
        }
    }
    Some((message.header.ifindex, address?, mac?))
}

/// Other addresses of the routers of a link. A router that answers for a whole network (RFC 1027)
/// has more, and they are those of others.
const KIN_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_has_a_routers_hardware_address_on_its_cable_is_its_kin() {
        let mac = |last| Mac([2, 0, 0, 0, 0, last]);
        let ways = [
            (2, ip("192.168.1.1")),
            (2, ip("fe80::1")),
            (3, ip("10.0.0.1")),
        ];
        let known = [
            (2, ip("192.168.1.1"), mac(1)),
            (2, ip("192.168.1.3"), mac(1)),
            (2, ip("192.168.1.30"), mac(30)),
            (2, ip("fe80::1"), mac(1)),
            (2, ip("2001:db8::1"), mac(1)),
            // The same card on another cable is another cable's.
            (3, ip("10.0.0.9"), mac(1)),
        ];
        let found = of(&ways, &known);
        assert_eq!(found[&2].routers, [ip("192.168.1.1"), ip("fe80::1")].into());
        assert_eq!(found[&2].kin, [ip("192.168.1.3"), ip("2001:db8::1")].into());
        assert_eq!(found[&3].routers, [ip("10.0.0.1")].into());
        assert!(
            found[&3].kin.is_empty(),
            "nobody knows its hardware address"
        );
    }
}
