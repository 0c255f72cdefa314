//! Who is banned, as a door looks it up for every datagram.

use std::net::IpAddr;

use config::Network;
use sansio::Instant;

use crate::by_network::ByNetwork;

/// Banned networks, and until when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bans {
    until: ByNetwork<Instant>,
    /// When there are so many, those that are over are dropped.
    purge_at: usize,
}

impl FromIterator<(Network, Instant)> for Bans {
    fn from_iter<I: IntoIterator<Item = (Network, Instant)>>(all: I) -> Self {
        let mut bans = Self::default();
        for (network, until) in all {
            bans.until.insert(network, until);
        }
        bans.purge_at = bans.until.len().saturating_mul(2);
        bans
    }
}

impl Bans {
    /// Bans a network until then.
    pub fn put(&mut self, now: Instant, network: Network, until: Instant) {
        if self.until.len() >= self.purge_at.max(PURGE_MIN) {
            self.purge(now);
        }
        self.until.insert(network, until);
    }

    /// Nobody says when one is over: each has its end.
    fn purge(&mut self, now: Instant) {
        let over = self.until.iter().filter(|(_, until)| now >= **until);
        for network in over.map(|(network, _)| *network).collect::<Vec<_>>() {
            self.until.remove(&network);
        }
        self.purge_at = self.until.len().saturating_mul(2);
    }

    /// Bans it no more; whether it was.
    pub fn remove(&mut self, network: &Network) -> bool {
        self.until.remove(network).is_some()
    }

    /// Bans nobody.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether an address is banned now.
    #[must_use]
    pub fn has(&self, now: Instant, address: IpAddr) -> bool {
        let around = self.until.around(Network::of(address.to_canonical()));
        around.into_iter().any(|until| now < *until)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.until.len()
    }
}

/// Fewer are not worth a look.
const PURGE_MIN: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect(text)
    }

    #[test]
    fn an_address_is_banned_with_each_network_around_it_and_until_then() {
        let at = |secs| Instant::ORIGIN + Duration::from_secs(secs);
        let mut bans = Bans::default();
        bans.put(at(0), network("192.0.2.7"), at(10));
        bans.put(at(0), network("198.51.100.0/24"), at(20));
        bans.put(at(0), network("2001:db8:1:2::/64"), at(20));
        let has = |bans: &Bans, secs, address: &str| {
            bans.has(at(secs), address.parse().expect("an address"))
        };
        assert!(has(&bans, 9, "192.0.2.7") && has(&bans, 9, "::ffff:192.0.2.7"));
        assert!(!has(&bans, 10, "192.0.2.7") && !has(&bans, 9, "192.0.2.8"));
        assert!(has(&bans, 19, "198.51.100.255") && has(&bans, 19, "2001:db8:1:2::9"));
        assert!(!has(&bans, 19, "2001:db8:1:3::9"));
        bans.put(at(0), network("192.0.2.7"), at(30));
        assert_eq!((bans.len(), has(&bans, 29, "192.0.2.7")), (3, true));
        bans.remove(&network("192.0.2.7"));
        bans.remove(&network("192.0.2.7"));
        assert!(!has(&bans, 0, "192.0.2.7"));
        bans.clear();
        assert!(bans.len() == 0 && !has(&bans, 0, "198.51.100.1"));
    }

    #[test]
    fn bans_that_are_over_take_no_room_for_long() {
        let mut bans = Bans::default();
        for second in 0..10_000_u32 {
            let now = Instant::ORIGIN + Duration::from_secs(second.into());
            let network = Network::of(std::net::Ipv4Addr::from_bits(second).into());
            bans.put(now, network, now + Duration::from_secs(100));
            assert!(bans.len() <= PURGE_MIN);
        }
    }
}
