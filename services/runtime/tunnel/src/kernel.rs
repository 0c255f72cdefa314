//! The kernel's side: WireGuard by generic netlink, addresses and routes by rtnetlink. Needs
//! CAP_NET_ADMIN, and on kernels with modules that `wireguard` is loaded already.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::UNIX_EPOCH;

use config::{Network, Tunnel, TunnelKey};
use futures_util::TryStreamExt as _;
use ipc::grid::INTERFACE;
use rtnetlink::Handle;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags};
use wireguard_control::{
    AllowedIp, Backend, Device, DeviceUpdate, InterfaceName, InvalidInterfaceName, Key,
    PeerConfigBuilder,
};

use crate::key::PrivateKey;
use crate::routes;

/// What the kernel did not do.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel's network interface cannot be opened.
    #[error("rtnetlink cannot be opened: {0}")]
    Open(io::Error),
    /// WireGuard. Of its own errors the kind alone is kept: their words may quote what was asked
    /// for, with the keys in it.
    #[error("WireGuard: {0}; is it part of this kernel?")]
    WireGuard(io::ErrorKind),
    /// Addresses, routes or the interface itself.
    #[error("rtnetlink: {0}")]
    Netlink(#[from] rtnetlink::Error),
    /// It is not there, or not by this name.
    #[error("there is no interface {INTERFACE}")]
    NoInterface,
}

impl From<io::Error> for KernelError {
    fn from(error: io::Error) -> Self {
        Self::WireGuard(error.kind())
    }
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
        let is_kept = match self.device() {
            Ok(found) => self.is_as_set(&found, tunnel, key).await?,
            Err(_) => false,
        };
        if !is_kept {
            self.take_down().await?;
            let update = DeviceUpdate::new().set_private_key(Key(*key.reveal()));
            let update = update.replace_peers().add_peer(peer(tunnel));
            update.apply(&self.name, Backend::Kernel)?;
        }
        routes::set_up(&self.handle, self.index().await?, tunnel).await?;
        self.stamp()
    }

    /// Has no such interface, none of its routes, and no rule that leads to them.
    ///
    /// # Errors
    /// The kernel refuses. That there was none is no error.
    pub async fn take_down(&self) -> Result<(), KernelError> {
        match self.index().await {
            Ok(index) => self.handle.link().del(index).execute().await?,
            Err(KernelError::NoInterface) => {}
            Err(error) => return Err(error),
        }
        Ok(routes::take_down(&self.handle).await?)
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
        match named.execute().try_next().await {
            Ok(Some(link)) => Ok(link.header.index),
            Err(error) if routes::errno(&error) != Some(ENODEV) => Err(error.into()),
            Ok(None) | Err(_) => Err(KernelError::NoInterface),
        }
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

/// There is no interface of this name.
const ENODEV: i32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wireguard_says_of_its_messages_is_in_no_error() {
        let secret = "[Peer(PresharedKey([7, 7, 7";
        let error = io::Error::new(io::ErrorKind::InvalidInput, secret.to_owned());
        let error = KernelError::from(error);
        let said = format!("{error} {error:?}");
        assert!(said.contains("invalid input"), "{said}");
        assert!(!said.contains("Peer"), "{said}");
    }
}
