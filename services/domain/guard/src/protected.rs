//! Who is never banned (bar E9 of the research on security).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::Network;
use ipc::guard::Protection;

use crate::by_network::ByNetwork;

/// Who is never banned, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Protected {
    by_reason: BTreeMap<Protection, BTreeSet<Network>>,
    /// The same, as it is asked for: with each datagram of somebody who is banned.
    reasons: ByNetwork<BTreeSet<Protection>>,
}

impl Protected {
    /// From now on these are, for that reason: they replace those before. What has changed.
    pub fn set(
        &mut self,
        why: Protection,
        networks: impl IntoIterator<Item = Network>,
    ) -> GuestsChanged {
        let after: BTreeSet<Network> = networks.into_iter().collect();
        let before = self.by_reason.remove(&why).unwrap_or_default();
        let gone: Vec<Network> = before.difference(&after).copied().collect();
        let new: Vec<Network> = after.difference(&before).copied().collect();
        for network in &gone {
            if let Some(reasons) = self.reasons.get_mut(network) {
                reasons.remove(&why);
                if reasons.is_empty() {
                    self.reasons.remove(network);
                }
            }
        }
        for network in &new {
            match self.reasons.get_mut(network) {
                Some(reasons) => {
                    reasons.insert(why);
                }
                None => self.reasons.insert(*network, BTreeSet::from([why])),
            }
        }
        self.by_reason.insert(why, after);
        GuestsChanged {
            is_any: !new.is_empty() || !gone.is_empty(),
            new,
        }
    }

    /// All that are for that reason.
    pub fn all_of(&self, why: Protection) -> impl Iterator<Item = &Network> {
        self.by_reason.get(&why).into_iter().flatten()
    }

    /// Why an address is, if it is.
    #[must_use]
    pub fn why(&self, address: IpAddr) -> Option<Protection> {
        let around = self.reasons.around(Network::of(address.to_canonical()));
        around.flatten().min().copied()
    }

    /// Whether an address is one for longer than a call or a sign-in lasts.
    #[must_use]
    pub fn is_lasting(&self, address: IpAddr) -> bool {
        let passing = [Protection::Call, Protection::Administrator];
        let around = self.reasons.around(Network::of(address.to_canonical()));
        around.flatten().any(|why| !passing.contains(why))
    }

    /// Why a network must not be banned whole, if so: one of them is in it, or it in one of them.
    #[must_use]
    pub fn within(&self, network: &Network) -> Option<Protection> {
        let around = self.reasons.around(*network).flatten().min();
        let inside = || self.reasons.inside(*network).flatten().next();
        around.or_else(inside).copied()
    }
}

/// What has changed of who is never banned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GuestsChanged {
    /// Whether anything has.
    pub is_any: bool,
    /// Those that were not, for that reason.
    pub new: Vec<Network>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect(text)
    }

    #[test]
    fn each_is_protected_for_as_long_as_there_is_a_reason() {
        let mut protected = Protected::default();
        let one = network("192.0.2.0/28");
        let changed = protected.set(Protection::Trunk, [one]);
        assert_eq!((changed.is_any, changed.new), (true, vec![one]));
        let changed = protected.set(Protection::Trunk, [one, one]);
        assert_eq!(changed, GuestsChanged::default());
        protected.set(Protection::Listed, [one, network("2001:db8::5")]);
        let why = |it: &Protected, text: &str| it.why(text.parse().expect("an address"));
        assert_eq!(why(&protected, "::ffff:192.0.2.7"), Some(Protection::Trunk));
        let changed = protected.set(Protection::Trunk, []);
        assert!(changed.is_any && changed.new.is_empty());
        assert_eq!(why(&protected, "192.0.2.7"), Some(Protection::Listed));
        let within = |it: &Protected, text: &str| it.within(&network(text));
        assert_eq!(within(&protected, "192.0.0.0/16"), Some(Protection::Listed));
        assert_eq!(
            within(&protected, "2001:db8::/64"),
            Some(Protection::Listed)
        );
        assert_eq!(within(&protected, "192.0.2.7"), Some(Protection::Listed));
        assert_eq!(within(&protected, "198.51.100.0/24"), None);
        protected.set(Protection::Listed, []);
        assert_eq!(why(&protected, "192.0.2.7"), None);
    }

    /// A list as long as calls and trunks make it costs a flood of somebody banned no more.
    #[test]
    fn of_a_long_list_a_few_entries_are_looked_at() {
        let mut protected = Protected::default();
        let calls = (0..20_000).map(|it| Network::of(std::net::Ipv4Addr::from_bits(it).into()));
        protected.set(Protection::Call, calls);
        let steps = crate::work::of(|| {
            let address = "203.0.113.7".parse().expect("an address");
            assert_eq!(protected.why(address), None);
            assert_eq!(protected.within(&network("203.0.113.0/24")), None);
        });
        assert!(steps <= 2, "{steps}");
    }
}
