//! The kernel's side: WireGuard by generic netlink, addresses and routes by rtnetlink. Needs
//! CAP_NET_ADMIN, and on kernels with modules that `wireguard` is loaded already.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::UNIX_EPOCH;

use config::{Network, Tunnel, TunnelKey};
use futures_util::TryStreamExt as _;
use ipc::grid::INTERFACE;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags};
use rtnetlink::packet_route::route::{RouteMessage, RouteScope};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};
use wireguard_control::{
    AllowedIp, Backend, Device, DeviceUpdate, InterfaceName, InvalidInterfaceName, Key,
    PeerConfigBuilder,
};

use crate::key::PrivateKey;

/// What the kernel did not do.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel's network interface cannot be opened.
    #[error("rtnetlink cannot be opened: {0}")]
    Open(io::Error),
    /// WireGuard.
    #[error("WireGuard: {0}; is it part of this kernel?")]
    WireGuard(#[from] io::Error),
    /// Addresses, routes or the interface itself.
    #[error("rtnetlink: {0}")]
    Netlink(#[from] rtnetlink::Error),
    /// It is not there, or not by this name.
    #[error("there is no interface {INTERFACE}")]
    NoInterface,
}

impl From<InvalidInterfaceName> for KernelError {
    fn from(_: InvalidInterfaceName) -> Self {
        Self::NoInterface
    }
}

/// The kernel, asked for one tunnel.
#[derive(Clone, Debug)]
pub struct Kernel {
    handle: Handle,
    name: InterfaceName,
}

impl Kernel {
    /// Asks the kernel by this handle.
    ///
    /// # Errors
    /// Never, as the name of the interface is one.
    pub fn new(handle: Handle) -> Result<Self, KernelError> {
        let name = INTERFACE.parse()?;
        Ok(Self { handle, name })
    }

    /// Has the interface with this peer, these addresses and routes, and no others. One that is so
    /// already keeps its session; the stamp of that one's last handshake.
    ///
    /// # Errors
    /// The kernel does not take it.
    pub async fn set_up(
        &self,
        tunnel: &Tunnel,
        key: &PrivateKey,
    ) -> Result<Option<u128>, KernelError> {
        if let Ok(found) = self.device()
            && !self.is_as_set(&found, tunnel, key).await?
        {
            self.take_down()?;
        }
        let update = DeviceUpdate::new().set_private_key(Key(*key.reveal()));
        let update = update.add_peer(peer(tunnel));
        update.apply(&self.name, Backend::Kernel)?;
        let index = self.index().await?;
        for address in &tunnel.addresses {
            let length = Network::of(*address).length();
            let add = self.handle.address().add(index, *address, length);
            add.replace().execute().await?;
        }
        let up = LinkUnspec::new_with_index(index)
            .mtu(tunnel.mtu.into())
            .up();
        self.handle.link().set(up.build()).execute().await?;
        for network in &tunnel.allowed {
            if let Some(route) = route(index, network, &tunnel.addresses) {
                self.handle.route().add(route).replace().execute().await?;
            }
        }
        self.stamp()
    }

    /// Has no such interface, and so none of its routes.
    ///
    /// # Errors
    /// The kernel refuses. That there was none is no error.
    pub fn take_down(&self) -> Result<(), KernelError> {
        match self.device() {
            Ok(device) => Ok(device.delete()?),
            Err(_) => Ok(()),
        }
    }

    /// Sends to the hub there from now on, beginning with a greeting: the kernel sends one when a
    /// peer gets signs of life that had none.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn point(&self, tunnel: &Tunnel, to: SocketAddr) -> Result<(), KernelError> {
        let hub = || PeerConfigBuilder::new(&Key(tunnel.hub_key.0)).set_endpoint(to);
        let seconds = u16::try_from(tunnel.keepalive.as_secs()).unwrap_or(u16::MAX);
        for interval in [0, seconds] {
            let peer = hub().set_persistent_keepalive_interval(interval);
            let update = DeviceUpdate::new().add_peer(peer);
            update.apply(&self.name, Backend::Kernel)?;
        }
        Ok(())
    }

    /// What the kernel stamps the last handshake with; `None` while there was none.
    ///
    /// # Errors
    /// There is no interface.
    pub fn stamp(&self) -> Result<Option<u128>, KernelError> {
        let device = self.device()?;
        let stamps = device.peers.iter().filter_map(|peer| {
            let at = peer.stats.last_handshake_time?;
            let since = at.duration_since(UNIX_EPOCH).map(|it| it.as_nanos());
            since.ok().filter(|it| *it > 0)
        });
        Ok(stamps.max())
    }

    /// The networks of all other interfaces but the loopback one.
    ///
    /// # Errors
    /// The kernel does not say.
    pub async fn around(&self) -> Result<Vec<Network>, KernelError> {
        let mut ours = Vec::new();
        let mut links = self.handle.link().get().execute();
        while let Some(link) = links.try_next().await? {
            let is_loopback = link.header.flags.contains(LinkFlags::Loopback);
            let name = LinkAttribute::IfName(INTERFACE.to_owned());
            if !is_loopback && !link.attributes.contains(&name) {
                ours.push(link.header.index);
            }
        }
        let mut networks = Vec::new();
        let mut addresses = self.handle.address().get().execute();
        while let Some(message) = addresses.try_next().await? {
            if ours.contains(&message.header.index) {
                networks.extend(network(&message));
            }
        }
        networks.sort_unstable();
        networks.dedup();
        Ok(networks)
    }

    fn device(&self) -> io::Result<Device> {
        Device::get(&self.name, Backend::Kernel)
    }

    async fn index(&self) -> Result<u32, KernelError> {
        let named = self.handle.link().get().match_name(INTERFACE.to_owned());
        let found = named.execute().try_next().await?;
        found
            .map(|link| link.header.index)
            .ok_or(KernelError::NoInterface)
    }

    /// Whether an earlier process has left the tunnel as it is set now.
    async fn is_as_set(
        &self,
        found: &Device,
        tunnel: &Tunnel,
        key: &PrivateKey,
    ) -> Result<bool, KernelError> {
        let [peer] = found.peers.as_slice() else {
            return Ok(false);
        };
        let has_key = found.private_key.as_ref() == Some(&Key(*key.reveal()));
        // The kernel tells no shared secret as one of zeros.
        let shared = peer.config.preshared_key.as_ref();
        let shared = shared.filter(|it| it.0 != [0; 32]).cloned();
        let mut allowed: Vec<(IpAddr, u8)> = peer.config.allowed_ips.iter().map(pair).collect();
        let mut wanted: Vec<(IpAddr, u8)> = tunnel.allowed.iter().map(pair_of).collect();
        allowed.sort_unstable();
        wanted.sort_unstable();
        let is_hub = peer.config.public_key == Key(tunnel.hub_key.0) && shared == secret(tunnel);
        Ok(has_key && is_hub && allowed == wanted && self.addresses().await? == own(tunnel))
    }

    /// The addresses of the interface, in order.
    async fn addresses(&self) -> Result<Vec<IpAddr>, KernelError> {
        let index = self.index().await?;
        let all = self.handle.address().get().set_link_index_filter(index);
        let messages: Vec<AddressMessage> = all.execute().try_collect().await?;
        let mut found: Vec<IpAddr> = messages.iter().filter_map(address).collect();
        found.sort_unstable();
        Ok(found)
    }
}

fn own(tunnel: &Tunnel) -> Vec<IpAddr> {
    let mut own = tunnel.addresses.clone();
    own.sort_unstable();
    own
}

fn secret(tunnel: &Tunnel) -> Option<Key> {
    let secret = tunnel.preshared_key.as_ref();
    secret.map(|it| {
        let TunnelKey(bytes) = it.reveal();
        Key(*bytes)
    })
}

/// The hub, without where it is.
fn peer(tunnel: &Tunnel) -> PeerConfigBuilder {
    let mut peer = PeerConfigBuilder::new(&Key(tunnel.hub_key.0)).replace_allowed_ips();
    for network in &tunnel.allowed {
        let (address, length) = pair_of(network);
        peer = peer.add_allowed_ip(address, length);
    }
    match secret(tunnel) {
        Some(secret) => peer.set_preshared_key(secret),
        None => peer,
    }
}

const fn pair(allowed: &AllowedIp) -> (IpAddr, u8) {
    (allowed.address, allowed.cidr)
}

const fn pair_of(network: &Network) -> (IpAddr, u8) {
    (network.address(), network.length())
}

/// The way to a network of the grid, from the box's own address there. None where the box has no
/// address of that IP version: nobody could answer.
fn route(index: u32, network: &Network, own: &[IpAddr]) -> Option<RouteMessage> {
    let own = own.iter().find(|it| it.is_ipv4() == network.is_ipv4())?;
    match (network.address(), own) {
        (IpAddr::V4(to), IpAddr::V4(own)) => Some(
            RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(to, network.length())
                .output_interface(index)
                .scope(RouteScope::Link)
                .pref_source(*own)
                .build(),
        ),
        (IpAddr::V6(to), IpAddr::V6(own)) => Some(
            RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(to, network.length())
                .output_interface(index)
                .pref_source(*own)
                .build(),
        ),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

fn address(message: &AddressMessage) -> Option<IpAddr> {
    let found = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| {
        message.attributes.iter().find_map(wanted)
    };
    // On a link between two ends the first is the box's own, the other the far one's.
    let local = found(|it| match it {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        found(|it| match it {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

/// The network an address is in. A link's own ones (RFC 4291 §2.5.6) are every link's.
fn network(message: &AddressMessage) -> Option<Network> {
    let address = address(message)?;
    let is_of_link = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    Network::around(address, message.header.prefix_len).filter(|_| !is_of_link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_begins_at_the_own_address_of_its_ip_version() {
        let network = |text| Network::parse(text).expect("a network");
        let own: [IpAddr; 1] = ["10.200.0.5".parse().expect("an address")];
        let four = route(7, &network("10.200.0.0/24"), &own).expect("a route");
        assert_eq!(four.header.destination_prefix_length, 24);
        assert_eq!(route(7, &network("fd77::/64"), &own), None);
    }
}
