//! Addresses that a trunk's requests are made of.

use std::net::{IpAddr, Ipv4Addr};

use config::{Access, Trunk};
use sansio::Transport;
use sip::{Host, NameAddr, SipUri, Uri};

use crate::interface::Hop;

/// The host of a URI, from the configuration.
pub(super) fn host_of(host: &config::Host) -> Host {
    match host.address() {
        Some(address) => Host::from_ip(address),
        // The configuration's names are a part of those a URI may have.
        None => Host::parse(&host.name)
            .unwrap_or_else(|| Host::from_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
    }
}

/// `sip:user@server`, the port only if one is configured.
pub(super) fn at_server(user: Option<&str>, trunk: &Trunk) -> Uri {
    let server = trunk.server();
    Uri::sip(user, host_of(server), server.port)
}

/// Our own address on the way to the trunk, without port: what names us in From.
pub(super) fn ours(user: &str, hop: Hop) -> Uri {
    Uri::sip(Some(user), Host::from_ip(hop.local.ip()), None)
}

/// The domain of our numbers there: the carrier's when we have an account, else our address.
pub(super) fn own_address(user: &str, trunk: &Trunk, hop: Hop) -> Uri {
    match &trunk.access {
        Access::Registering(account) => Uri::sip(Some(user), host_of(&account.server), None),
        Access::Peer { .. } => ours(user, hop),
    }
}

/// The outbound proxy as a preloaded route (RFC 3261 §8.1.2).
pub(super) fn proxy_route(trunk: &Trunk) -> Vec<NameAddr> {
    let proxy = trunk.outbound_proxy.as_ref();
    let route = proxy.map(|proxy| {
        let mut uri = Uri::sip(None, host_of(proxy), proxy.port);
        set_param(&mut uri, "lr", None);
        NameAddr::new(uri)
    });
    route.into_iter().collect()
}

/// Our Contact on a way, with the token that tells the trunk when it comes back as Request-URI.
pub(super) fn contact(user: &str, hop: Hop, token: Option<&str>) -> NameAddr {
    let (host, port) = (Host::from_ip(hop.local.ip()), hop.local.port());
    let mut uri = Uri::sip(Some(user), host, Some(port));
    match hop.transport {
        Transport::Udp => {}
        Transport::Tcp => set_param(&mut uri, "transport", Some("tcp")),
        Transport::Tls => set_param(&mut uri, "transport", Some("tls")),
    }
    if let Some(token) = token {
        set_param(&mut uri, "line", Some(token));
    }
    NameAddr::new(uri)
}

fn set_param(uri: &mut Uri, name: &str, value: Option<&str>) {
    if let Uri::Sip(SipUri { params, .. }) = uri {
        params.set(name, value);
    }
}
