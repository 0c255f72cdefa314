//! The kernel's links, addresses and routes, over rtnetlink. Needs CAP_NET_ADMIN to change any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use rtnetlink::{AddressMessageBuilder, Handle, LinkUnspec, RouteMessageBuilder};

use crate::arp::Mac;
use crate::link::{Held, Source};

/// A lease longer than this is for ever to the kernel, which counts seconds in 32 bits.
const LIFETIME_FOREVER: u32 = u32::MAX;

/// Default routes of several links do not fight: the first link's is preferred.
const ROUTE_PRIORITY: u32 = 100;

/// A link that may carry traffic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mac: Mac,
    pub(crate) carrier: bool,
    pub(crate) up: bool,
    /// A network card, as opposed to a bridge, a tunnel or one end of a pair.
    pub(crate) physical: bool,
}

/// All Ethernet links.
pub(crate) async fn links(handle: &Handle) -> Result<Vec<Found>, rtnetlink::Error> {
    let mut stream = handle.link().get().execute();
    let mut found = Vec::new();
    while let Some(message) = stream.try_next().await? {
        found.extend(ethernet(&message));
    }
    Ok(found)
}

fn ethernet(message: &LinkMessage) -> Option<Found> {
    let loopback = message.header.flags.contains(LinkFlags::Loopback);
    if message.header.link_layer_type != LinkLayerType::Ether || loopback {
        return None;
    }
    let (mut name, mut mac, mut carrier, mut physical) = (None, None, false, true);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(found) => name = Some(found.clone()),
            LinkAttribute::Address(found) => mac = found.as_slice().try_into().ok().map(Mac),
            LinkAttribute::Carrier(found) => carrier = *found == 1,
            // Only what software made says what kind it is.
            LinkAttribute::LinkInfo(_) => physical = false,
            _ => {}
        }
    }
    Some(Found {
        index: message.header.index,
        name: name?,
        mac: mac?,
        carrier,
        up: message.header.flags.contains(LinkFlags::Up),
        physical,
    })
}

/// Switches a link on.
pub(crate) async fn set_up(handle: &Handle, index: u32) -> Result<(), rtnetlink::Error> {
    handle
        .link()
        .set(LinkUnspec::new_with_index(index).up().build())
        .execute()
        .await
}

/// The addresses of a link.
pub(crate) async fn addresses(
    handle: &Handle,
    index: u32,
) -> Result<Vec<AddressMessage>, rtnetlink::Error> {
    let all = handle.address().get().set_link_index_filter(index);
    all.execute().try_collect().await
}

/// The IPv6 address a message is about, unless it is not sure yet that nobody else has it
/// (RFC 4862 §5.4).
pub(crate) fn ipv6(message: &AddressMessage) -> Option<(Ipv6Addr, u8)> {
    let unsure = AddressFlags::Tentative | AddressFlags::Dadfailed;
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Flags(flags) if flags.intersects(unsure) => return None,
            AddressAttribute::Address(IpAddr::V6(found)) => address = Some(*found),
            _ => {}
        }
    }
    Some((address?, message.header.prefix_len))
}

/// The IPv4 address a message is about.
pub(crate) fn ipv4(message: &AddressMessage) -> Option<Ipv4Addr> {
    if message.header.family != AddressFamily::Inet {
        return None;
    }
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Local(IpAddr::V4(address)) => Some(*address),
            _ => None,
        })
}

/// Has an address on a link, with the default route of its lease. The kernel ends both with the
/// lease, even when nobody is left to do it.
pub(crate) async fn hold(handle: &Handle, index: u32, held: &Held) -> Result<(), rtnetlink::Error> {
    let lease = match &held.source {
        Source::Leased(lease) => Some(lease),
        Source::LinkLocal | Source::Inherited => None,
    };
    let seconds = lease.map_or(LIFETIME_FOREVER, |lease| {
        u32::try_from(lease.lifetime.as_secs()).unwrap_or(LIFETIME_FOREVER)
    });
    let mut request = handle
        .address()
        .add(index, IpAddr::V4(held.address), held.prefix)
        .replace();
    let mut lifetime = CacheInfo::default();
    lifetime.ifa_valid = seconds;
    lifetime.ifa_preferred = seconds;
    request
        .message_mut()
        .attributes
        .push(AddressAttribute::CacheInfo(lifetime));
    request.execute().await?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new()
        .output_interface(index)
        .priority(ROUTE_PRIORITY.saturating_add(index));
    match lease.and_then(|lease| lease.gateway) {
        // Gone with the address.
        Some(gateway) => {
            let route = route.gateway(gateway).pref_source(held.address).build();
            handle.route().add(route).replace().execute().await
        }
        // The same address may have had one before.
        None => unless(
            rustix::io::Errno::SRCH,
            handle.route().del(route.build()).execute().await,
        ),
    }
}

/// Has an address on a link no longer. That it was gone already is no error.
pub(crate) async fn drop_address(
    handle: &Handle,
    index: u32,
    address: Ipv4Addr,
    prefix: u8,
) -> Result<(), rtnetlink::Error> {
    let message = AddressMessageBuilder::<Ipv4Addr>::new()
        .index(index)
        .address(address, prefix)
        .build();
    unless(
        rustix::io::Errno::ADDRNOTAVAIL,
        handle.address().del(message).execute().await,
    )
}

/// The same, but that this is no error.
fn unless(
    harmless: rustix::io::Errno,
    outcome: Result<(), rtnetlink::Error>,
) -> Result<(), rtnetlink::Error> {
    match outcome {
        Err(rtnetlink::Error::NetlinkError(error))
            if error.raw_code() == -harmless.raw_os_error() =>
        {
            Ok(())
        }
        other => other,
    }
}
