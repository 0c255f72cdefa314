//! The box's way into a grid, checked.
//!
//! A tunnel reaches some networks of the grid and nothing else: no default route, nothing that
//! counts as inside, nothing of the box's own network. What of that changes while the box runs
//! (the addresses its router gives it) is looked at again by whoever sets the tunnel up.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipc::Redacted;
use ipc::site::Tunnel as Raw;

use crate::fault::Fault;
use crate::host::Host;
use crate::network::Network;
use crate::wrong::{Report, Wrong};

/// A tunnel to a hub of a grid: one WireGuard peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tunnel {
    /// The box's own addresses in the grid: one, or one of each IP version.
    pub addresses: Vec<IpAddr>,
    /// The hub's public key.
    pub hub_key: TunnelKey,
    /// Where the hub is.
    pub endpoint: Host,
    /// A secret that box and hub share beside their keys.
    pub preshared_key: Option<Redacted<TunnelKey>>,
    /// What of the grid may be reached, and reach the box.
    pub allowed: Vec<Network>,
    /// Between two signs of life. There always are some: without them the way in through a router
    /// closes, and nobody could tell a tunnel that is down from one that nobody uses.
    pub keepalive: Duration,
    /// Bytes of the longest packet.
    pub mtu: u16,
}

impl Tunnel {
    /// Reads a tunnel as it travels.
    ///
    /// # Errors
    /// Every [`Fault`] there is.
    pub fn parse(raw: &Raw) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let read = Self::read(raw, &mut Report::new(SUBJECT.into(), &mut faults));
        read.filter(|_| faults.is_empty()).ok_or(faults)
    }

    pub(crate) fn read(raw: &Raw, report: &mut Report<'_>) -> Option<Self> {
        let (max, key) = (ADDRESSES_MAX, TunnelKey::parse);
        let host = |text: &str| text.parse().ok().filter(is_host);
        let addresses = report.take_all("addresses", &raw.addresses, max, host, Wrong::NotAHostIp);
        let is_v4 = addresses.iter().filter(|it| it.is_ipv4()).count();
        if addresses.is_empty() && raw.addresses.is_empty() {
            report.wrong("addresses", Wrong::Missing);
        } else if is_v4 > 1 || addresses.len() > is_v4 + 1 {
            report.wrong("addresses", Wrong::OneOfEach);
        }
        let hub_key = report.take("hub_key", &raw.hub_key, key, |_| Wrong::NotAKey);
        let (written, secret) = (Host::parse, raw.preshared_key.reveal());
        let endpoint = report.take("endpoint", &raw.endpoint, written, Wrong::NotAHost);
        let preshared_key = report.take_any("preshared_key", secret, key, |_| Wrong::NotAKey);
        let allowed = Self::allowed(raw, report);
        let unheard = |of: &IpAddr| {
            !allowed
                .iter()
                .any(|network| network.is_ipv4() == of.is_ipv4())
        };
        if !allowed.is_empty() && addresses.iter().all(unheard) && !addresses.is_empty() {
            report.wrong("allowed", Wrong::OtherIpVersion);
        }
        let hub = endpoint.as_ref().and_then(Host::address);
        let within = |hub: &IpAddr| allowed.iter().find(|network| network.contains(*hub));
        if let Some(network) = hub.as_ref().and_then(within) {
            report.wrong("endpoint", Wrong::Within(network.to_string()));
        }
        report.range("keepalive_secs", raw.keepalive_secs, 1, KEEPALIVE_SECS_MAX);
        report.range("mtu", raw.mtu, MTU_MIN, MTU_MAX);
        Some(Self {
            addresses,
            hub_key: hub_key?,
            endpoint: endpoint?,
            preshared_key: preshared_key.map(Redacted::new),
            allowed,
            keepalive: Duration::from_secs(raw.keepalive_secs.into()),
            mtu: raw.mtu,
        })
    }

    fn allowed(raw: &Raw, report: &mut Report<'_>) -> Vec<Network> {
        let (max, network) = (ALLOWED_MAX, Network::parse);
        let allowed = report.take_all("allowed", &raw.allowed, max, network, Wrong::NotANetwork);
        if raw.allowed.is_empty() {
            report.wrong("allowed", Wrong::Missing);
        }
        for network in &allowed {
            let narrowest = if network.is_ipv4() { 8 } else { 16 };
            if network.length() < narrowest {
                report.wrong("allowed", Wrong::TooWide(network.to_string(), narrowest));
            } else if let Some(place) = NO_GRID.into_iter().find(|it| is_of(network, it)) {
                report.wrong("allowed", Wrong::NoGrid(network.to_string(), place));
            }
        }
        allowed
    }

    /// Everything on the other side: what may be reached, and the box's own addresses there. None
    /// of it counts as inside.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        let own = self.addresses.iter().map(|it| Network::of(*it));
        self.allowed.iter().copied().chain(own)
    }

    /// The first of those networks that has addresses in common with one of `others`, and that one.
    #[must_use]
    pub fn overlap(&self, others: &[Network]) -> Option<(Network, Network)> {
        self.networks().find_map(|network| {
            let other = others.iter().find(|it| network.overlaps(it))?;
            Some((network, *other))
        })
    }

    /// The port of the hub.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.endpoint.port.unwrap_or(Raw::PORT)
    }

    /// The tunnel as it travels; [`Tunnel::parse`] reads it back.
    #[must_use]
    pub fn to_ipc(&self) -> Raw {
        let shared = self.preshared_key.as_ref().map(|it| it.reveal().to_text());
        Raw {
            addresses: self.addresses.iter().map(ToString::to_string).collect(),
            hub_key: self.hub_key.to_text(),
            endpoint: self.endpoint.to_string(),
            preshared_key: Redacted::new(shared.unwrap_or_default()),
            allowed: self.allowed.iter().map(ToString::to_string).collect(),
            keepalive_secs: u16::try_from(self.keepalive.as_secs()).unwrap_or(u16::MAX),
            mtu: self.mtu,
        }
    }
}

/// 32 bytes of WireGuard. It shows itself, as public keys are for everybody: what is a secret
/// stands in a [`Redacted`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TunnelKey(pub [u8; 32]);

impl TunnelKey {
    /// Reads base64 (RFC 4648 §4) as WireGuard's tools write it: 44 signs. All zeros are the key of
    /// nobody (RFC 7748 §6.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('=').filter(|it| it.len() == 43)?;
        let mut key = [0; 32];
        let (mut bits, mut count, mut places) = (0_u32, 0, key.iter_mut());
        for sign in digits.bytes() {
            let digit = BASE64.iter().position(|it| *it == sign)?;
            bits = (bits << 6 | u32::try_from(digit).ok()?) & 0xfff;
            count += 6;
            if count >= 8 {
                count -= 8;
                *places.next()? = u8::try_from(bits >> count & 0xff).ok()?;
            }
        }
        // The last sign has two bits too many, which have to be zero.
        let is_whole = bits & 0b11 == 0 && key != [0; 32];
        is_whole.then_some(Self(key))
    }

    /// The same as [`TunnelKey::parse`] reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(44);
        for group in self.0.chunks(3) {
            let mut bits = [0; 4];
            for (place, byte) in bits.iter_mut().skip(1).zip(group) {
                *place = *byte;
            }
            let bits = u32::from_be_bytes(bits);
            for place in 0..4 {
                let digit = usize::try_from(bits >> (18 - 6 * place) & 0x3f).unwrap_or_default();
                let sign = BASE64.get(digit).filter(|_| place <= group.len());
                text.push(sign.map_or('=', |it| char::from(*it)));
            }
        }
        text
    }
}

impl fmt::Debug for TunnelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// An address that a machine may have in a grid.
fn is_host(address: &IpAddr) -> bool {
    let network = Network::of(*address);
    !NO_GRID.into_iter().any(|it| is_of(&network, it)) && *address == address.to_canonical()
}

fn is_of(network: &Network, place: &str) -> bool {
    Network::parse(place).is_some_and(|it| it.overlaps(network))
}

/// How faults call it.
const SUBJECT: &str = "tunnel";

/// Where no grid is: this host, loopback, one cable, and groups (RFC 6890, RFC 4291 §2.4).
const NO_GRID: [&str; 8] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/3",
    "::/96",
    "::ffff:0.0.0.0/96",
    "fe80::/10",
    "ff00::/8",
];

/// One of each IP version.
const ADDRESSES_MAX: usize = 2;
/// Networks of one grid. With the least length of each they never make up a default route.
const ALLOWED_MAX: usize = 16;
/// A session is renewed by the first sign of life after two minutes, and dead after three.
const KEEPALIVE_SECS_MAX: u64 = 45;
/// The least that IPv6 needs (RFC 8200 §5).
const MTU_MIN: u64 = 1280;
/// What an Ethernet leaves when the way to the hub is IPv6: 1500 less 40, 8 and 32.
const MTU_MAX: u64 = 1420;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests;
