//! Countries: who is heard from where, and how many came from each (R48, R49).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use config::{Network, Networks, Origins, Way};
use countries::{Country, Table};
use ipc::guard::Arrivals;

use crate::protected::Protected;

/// Who is heard from which country, and how many came.
#[derive(Debug, Default)]
pub struct Borders {
    /// Without a table nobody's country is known, and nobody is refused.
    table: Option<Arc<Table>>,
    rule: Origins,
    /// By country; `None` for addresses of none. There are no more than countries.
    arrivals: BTreeMap<Option<Country>, Count>,
}

/// Who is no stranger.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// What is inside, and what the grid is.
    pub networks: &'a Networks,
    /// The networks of the box's own cables.
    pub neighbours: &'a [Network],
    /// Who is never banned.
    pub protected: &'a Protected,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Count {
    connections: u64,
    datagrams: u64,
    refused: u64,
}

impl Borders {
    /// Takes what the site says of it.
    pub fn configure(&mut self, rule: &Origins) {
        if self.rule != *rule {
            self.rule = rule.clone();
        }
    }

    /// Takes the table of all addresses.
    pub fn know(&mut self, table: Arc<Table>) {
        self.table = Some(table);
    }

    /// The table, once it is known.
    #[must_use]
    pub fn table(&self) -> Option<&Table> {
        self.table.as_deref()
    }

    /// Somebody comes: whether he is refused for his country. He is counted, unless he is inside.
    pub fn knock(&mut self, way: Way, source: IpAddr, around: Around<'_>) -> bool {
        let Some(country) = self.country(source, around) else {
            return false;
        };
        let is_refused = !self.rule.lets_in(way, country) && !around.protects(source);
        let count = self.arrivals.entry(country).or_default();
        let counter = match way {
            Way::Web | Way::Sip => &mut count.connections,
            Way::SipUdp => &mut count.datagrams,
        };
        *counter = counter.saturating_add(1);
        count.refused = count.refused.saturating_add(is_refused.into());
        is_refused
    }

    /// Whether somebody is refused for his country, who is not counted again.
    #[must_use]
    pub fn refuses(&self, way: Way, source: IpAddr, around: Around<'_>) -> bool {
        if !self.rule.is_on {
            return false;
        }
        let country = self.country(source, around);
        country.is_some_and(|it| !self.rule.lets_in(way, it)) && !around.protects(source)
    }

    /// The country for which an address would be refused by another rule, once nobody is signed in
    /// there any more: `Some(None)` for one of no country; `None` where it would not be.
    #[must_use]
    pub fn would_refuse(
        &self,
        rule: &Origins,
        way: Way,
        source: IpAddr,
        around: Around<'_>,
    ) -> Option<Option<Country>> {
        let country = self.country(source, around);
        let refused = country.filter(|it| !rule.lets_in(way, *it));
        refused.filter(|_| !around.protected.is_lasting(source))
    }

    /// Who came since the start, by country.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrivals> {
        let arrivals = self.arrivals.iter().map(|(country, count)| Arrivals {
            country: country.map_or_else(String::new, |it| it.to_string()),
            connections: count.connections,
            datagrams: count.datagrams,
            refused: count.refused,
        });
        arrivals.collect()
    }

    /// The country of a stranger; `None` for whoever is none, or while nobody's is known.
    fn country(&self, source: IpAddr, around: Around<'_>) -> Option<Option<Country>> {
        let table = self.table.as_ref()?;
        let source = source.to_canonical();
        let holds = |network: &Network| network.contains(source);
        let is_near = is_of_no_country(source)
            || around.networks.is_internal(source, around.neighbours)
            || around.neighbours.iter().any(holds)
            || around.networks.grid.iter().any(holds);
        (!is_near).then(|| table.country(source))
    }
}

impl Around<'_> {
    fn protects(&self, source: IpAddr) -> bool {
        self.protected.why(source.to_canonical()).is_some()
    }
}

/// Addresses that no country has: of a house, of a cable, of the box itself, and those that a
/// carrier shares among customers (RFC 6598).
fn is_of_no_country(address: IpAddr) -> bool {
    let is_shared = match address {
        IpAddr::V4(it) => {
            let [first, second, ..] = it.octets();
            first == 100 && (64..128).contains(&second)
        }
        IpAddr::V6(_) => false,
    };
    is_shared || config::is_local(address)
}

#[cfg(test)]
mod tests;
