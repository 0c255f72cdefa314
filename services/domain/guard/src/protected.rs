//! Who is never banned (bar E9 of the research on security).

use std::collections::BTreeMap;
use std::net::IpAddr;

use config::Network;
use ipc::guard::Protection;

/// Who is never banned, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Protected(BTreeMap<Protection, Vec<Network>>);

impl Protected {
    /// From now on these are, for that reason: they replace those before.
    /// Returns whether that is another list.
    pub fn set(&mut self, why: Protection, networks: Vec<Network>) -> bool {
        let before = self.0.get(&why).map_or(&[][..], Vec::as_slice);
        let is_other = before != networks;
        self.0.insert(why, networks);
        is_other
    }

    /// Why an address is, if it is.
    #[must_use]
    pub fn why(&self, address: IpAddr) -> Option<Protection> {
        let holds = |networks: &[Network]| networks.iter().any(|it| it.contains(address));
        let mut all = self.0.iter();
        all.find_map(|(why, networks)| holds(networks).then_some(*why))
    }

    /// Why a network must not be banned whole, if so: one of them is in it, or it in one of them.
    #[must_use]
    pub fn within(&self, network: &Network) -> Option<Protection> {
        let meets = |networks: &[Network]| networks.iter().any(|it| it.overlaps(network));
        let mut all = self.0.iter();
        all.find_map(|(why, networks)| meets(networks).then_some(*why))
    }
}
