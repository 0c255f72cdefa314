//! The ways into the grid: routes in a table of their own, and the rules that lead to it.
//!
//! ```text
//! 31000  lookup main, but for its default route    the customer's networks go before any grid's
//! 31001  from 0.0.0.0     lookup the grid's table  whoever has not chosen an address yet (IPv4)
//! 31002  from own address lookup the grid's table  (IPv6: or would choose that one)
//! 31003  to the grid      unreachable              from any other address of the box
//! 32766  lookup main                               the kernel's own rule
//! ```
//!
//! The last one makes the box a strong host (RFC 1122 §3.3.4.2) towards the grid: nobody there is
//! answered who asks for an address that the box has elsewhere. For IPv4 the strict reverse path
//! filter (RFC 3704 §2.2) of the interface takes the same rules, and drops such packets as they
//! arrive.
//! Nothing is ever put in the place of a route in another table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use config::{Network, Tunnel};
use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags};
use rtnetlink::packet_route::link::{
    AfSpecInet, AfSpecUnspec, InetDevConf, LinkAttribute, LinkMessage,
};
use rtnetlink::packet_route::route::{RouteHeader, RouteMessage, RouteScope};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::{Error, Handle, IpVersion, LinkUnspec, RouteMessageBuilder};

/// Has the interface, which is up then, lead to the networks of the tunnel, and to nothing else.
///
/// # Errors
/// The kernel does not take it.
pub(crate) async fn set_up(handle: &Handle, index: u32, tunnel: &Tunnel) -> Result<(), Error> {
    for address in &tunnel.addresses {
        let length = Network::of(*address).length();
        let mut add = handle.address().add(index, *address, length);
        // Nobody else can have it, and no route may begin at one that is still tried out.
        let flags = AddressAttribute::Flags(AddressFlags::Nodad);
        add.message_mut().attributes.push(flags);
        add.replace().execute().await?;
    }
    let link = link(index, tunnel.mtu.into());
    handle.link().set(link).execute().await?;
    for rule in rules(tunnel) {
        let mut add = handle.rule().add();
        *add.message_mut() = rule;
        match add.execute().await {
            Err(error) if errno(&error) != Some(EEXIST) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    for network in &tunnel.allowed {
        if let Some(route) = route(index, network, &tunnel.addresses) {
            handle.route().add(route).replace().execute().await?;
        }
    }
    Ok(())
}

/// Has no rule that leads to a grid. The routes themselves go with the interface.
///
/// # Errors
/// The kernel refuses. That there was none is no error.
pub(crate) async fn take_down(handle: &Handle) -> Result<(), Error> {
    for version in [IpVersion::V4, IpVersion::V6] {
        let all: Vec<RuleMessage> = handle.rule().get(version).execute().try_collect().await?;
        for rule in all.into_iter().filter(is_ours) {
            handle.rule().del(rule).execute().await?;
        }
    }
    Ok(())
}

/// The kernel's own number of what went wrong (errno), where it said one.
pub(crate) fn errno(error: &Error) -> Option<i32> {
    match error {
        Error::NetlinkError(error) => Some(error.raw_code().abs()),
        _ => None,
    }
}

/// Up, with this longest packet, and with the strict reverse path filter.
fn link(index: u32, mtu: u32) -> LinkMessage {
    let mut filter = InetDevConf::default();
    filter.rp_filter = 1;
    let filter = AfSpecUnspec::Inet(vec![AfSpecInet::DevConfRequest(filter)]);
    let link = LinkUnspec::new_with_index(index).mtu(mtu).up();
    link.append_extra_attribute(LinkAttribute::AfSpecUnspec(vec![filter]))
        .build()
}

fn rules(tunnel: &Tunnel) -> Vec<RuleMessage> {
    let mut rules = Vec::new();
    for own in &tunnel.addresses {
        let mut main = rule(own, MAIN_FIRST, RuleAction::ToTable);
        main.header.table = RouteHeader::RT_TABLE_MAIN;
        main.attributes.push(RuleAttribute::SuppressPrefixLen(0));
        rules.push(main);
        if own.is_ipv4() {
            let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            rules.push(from(rule(own, OF_NOBODY, RuleAction::ToTable), nobody));
        }
        rules.push(from(rule(own, OF_OWN, RuleAction::ToTable), *own));
        let same = |it: &&Network| it.is_ipv4() == own.is_ipv4();
        for network in tunnel.allowed.iter().filter(same) {
            let mut others = rule(own, OF_OTHERS, RuleAction::Unreachable);
            others.header.dst_len = network.length();
            let to = RuleAttribute::Destination(network.address());
            others.attributes.push(to);
            rules.push(others);
        }
    }
    rules
}

/// A rule of the IP version of this address.
fn rule(own: &IpAddr, priority: u32, action: RuleAction) -> RuleMessage {
    let mut rule = RuleMessage::default();
    rule.header.family = match own {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    rule.header.action = action;
    rule.attributes.push(RuleAttribute::Priority(priority));
    rule
}

/// The same for what is sent from this address, leading to the grid's table.
fn from(mut rule: RuleMessage, address: IpAddr) -> RuleMessage {
    rule.header.src_len = Network::of(address).length();
    if address.is_ipv6() {
        rule.header.flags = RuleFlags::from_bits_retain(FIND_SADDR);
    }
    rule.attributes.push(RuleAttribute::Source(address));
    rule.attributes.push(RuleAttribute::Table(TABLE));
    rule
}

fn is_ours(rule: &RuleMessage) -> bool {
    let is_ours = |it: &RuleAttribute| match it {
        RuleAttribute::Priority(priority) => (MAIN_FIRST..=OF_OTHERS).contains(priority),
        _ => false,
    };
    rule.attributes.iter().any(is_ours)
}

/// The way to a network of the grid, from the box's own address there. None where the box has no
/// address of that IP version: nobody could answer.
fn route(index: u32, network: &Network, own: &[IpAddr]) -> Option<RouteMessage> {
    let own = own.iter().find(|it| it.is_ipv4() == network.is_ipv4())?;
    match (network.address(), own) {
        (IpAddr::V4(to), IpAddr::V4(own)) => Some(
            RouteMessageBuilder::<Ipv4Addr>::new()
                .table_id(TABLE)
                .destination_prefix(to, network.length())
                .output_interface(index)
                .scope(RouteScope::Link)
                .pref_source(*own)
                .build(),
        ),
        (IpAddr::V6(to), IpAddr::V6(own)) => Some(
            RouteMessageBuilder::<Ipv6Addr>::new()
                .table_id(TABLE)
                .destination_prefix(to, network.length())
                .output_interface(index)
                .pref_source(*own)
                .build(),
        ),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

/// The grid's own table; the number is WireGuard's port, which nobody else takes for one.
const TABLE: u32 = 51820;
/// The priorities of the rules; see the head of this file.
const MAIN_FIRST: u32 = 31000;
const OF_NOBODY: u32 = 31001;
const OF_OWN: u32 = 31002;
const OF_OTHERS: u32 = 31003;
/// For who has not chosen an address yet, the one that would be chosen counts (Linux,
/// `FIB_RULE_FIND_SADDR`; IPv6 alone has it).
const FIND_SADDR: u32 = 0x0001_0000;
/// The rule is there already.
const EEXIST: i32 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_begins_at_the_own_address_of_its_ip_version_and_is_in_no_other_table() {
        let network = |text| Network::parse(text).expect("a network");
        let own: [IpAddr; 1] = ["10.200.0.5".parse().expect("an address")];
        let four = route(7, &network("10.200.0.0/24"), &own).expect("a route");
        assert_eq!(four.header.destination_prefix_length, 24);
        let table = rtnetlink::packet_route::route::RouteAttribute::Table(TABLE);
        assert!(four.attributes.contains(&table), "{four:?}");
        assert_eq!(route(7, &network("fd77::/64"), &own), None);
    }
}
