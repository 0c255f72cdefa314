//! A map by network that is asked for what lies around an address or in a network, and looks only
//! where something can be.

use std::collections::BTreeMap;

use config::Network;

/// Values by network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ByNetwork<V> {
    /// In the order of addresses; of one address the widest first.
    entries: BTreeMap<Network, V>,
    /// How many there are of each length, so that only those are looked for.
    lengths: BTreeMap<(bool, u8), usize>,
}

impl<V> Default for ByNetwork<V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            lengths: BTreeMap::new(),
        }
    }
}

impl<V> ByNetwork<V> {
    /// Puts a value in the place of the one before.
    pub(crate) fn insert(&mut self, network: Network, value: V) {
        if self.entries.insert(network, value).is_none() {
            let count = self.lengths.entry(kind(&network)).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, network: &Network) -> Option<V> {
        let value = self.entries.remove(network)?;
        let kind = kind(network);
        if let Some(count) = self.lengths.get_mut(&kind) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.lengths.remove(&kind);
            }
        }
        Some(value)
    }

    /// The values of the network itself and of those it is a part of.
    pub(crate) fn around(&self, network: Network) -> impl Iterator<Item = &V> {
        let (is_ipv4, longest) = kind(&network);
        let lengths = self.lengths.range((is_ipv4, 0)..=(is_ipv4, longest));
        lengths.filter_map(move |((_, length), _)| {
            crate::work::step();
            let around = Network::around(network.address(), *length)?;
            self.entries.get(&around)
        })
    }

    /// The values of the network itself and of those in it.
    pub(crate) fn inside(&self, network: Network) -> impl Iterator<Item = &V> {
        let inside = self.entries.range(network..);
        let inside = inside.take_while(move |(it, _)| network.contains(it.address()));
        inside.map(|(_, value)| {
            crate::work::step();
            value
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Network, &V)> {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get_mut(&mut self, network: &Network) -> Option<&mut V> {
        self.entries.get_mut(network)
    }
}

const fn kind(network: &Network) -> (bool, u8) {
    (network.is_ipv4(), network.length())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect(text)
    }

    #[test]
    fn what_is_around_and_what_is_inside_is_found_by_a_few_looks() {
        let mut map = ByNetwork::default();
        let all = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.0/24",
            "10.0.0.7",
            "10.0.1.0/24",
            "::/0",
        ];
        for text in all {
            map.insert(network(text), text);
        }
        let around = |text: &str| Vec::from_iter(map.around(network(text)).copied());
        assert_eq!(
            around("10.0.0.7"),
            ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.7"]
        );
        assert_eq!(around("10.0.0.0/16"), ["0.0.0.0/0", "10.0.0.0/8"]);
        assert_eq!(around("2001:db8::1"), ["::/0"]);
        let inside = |text: &str| Vec::from_iter(map.inside(network(text)).copied());
        assert_eq!(
            inside("10.0.0.0/16"),
            ["10.0.0.0/24", "10.0.0.7", "10.0.1.0/24"]
        );
        assert_eq!(inside("10.0.0.0/25"), ["10.0.0.7"]);
        assert_eq!(inside("192.0.2.0/24"), <[&str; 0]>::default());
        assert_eq!(map.remove(&network("0.0.0.0/0")), Some("0.0.0.0/0"));
        assert_eq!(map.remove(&network("0.0.0.0/0")), None);
        let steps = crate::work::of(|| assert_eq!(map.around(network("10.0.0.8")).count(), 2));
        assert_eq!((map.len(), steps), (5, 3), "one for each length there is");
    }
}
