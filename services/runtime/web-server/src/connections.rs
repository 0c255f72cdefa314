//! How many connections are open, in all and from each address; one /64 of IPv6 is one address.
//!
//! When all places are taken, a newcomer gets the oldest of whoever has most. Refusing him would
//! let a few addresses that hold their connections open keep the owner out; so they have to come
//! back faster than he needs for one request.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sansio::network_of;
use tokio::sync::Notify;

use crate::answer::Sending;
use crate::limits::{CONNECTION_LIFE_MAX, DOWNLOAD_LIFE_MAX};

/// The open connections, within their limits.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    open: Arc<Mutex<Open>>,
    total_max: usize,
    per_address_max: usize,
}

/// Numbered in the order they came.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    places: BTreeMap<u64, Place>,
}

#[derive(Debug)]
struct Place {
    address: IpAddr,
    needed: Arc<Notify>,
}

/// One open connection; counted until dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    connections: Connections,
    number: u64,
    needed: Arc<Notify>,
}

impl Connections {
    pub(crate) fn new(total_max: usize, per_address_max: usize) -> Self {
        Self {
            open: Arc::default(),
            total_max,
            per_address_max,
        }
    }

    /// Counts one more, unless its address has too many already.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Ticket> {
        let address = network_of(address);
        let mut open = self.lock();
        let own = open.places.values().filter(|it| it.address == address);
        let most = match address {
            IpAddr::V4(_) => self.per_address_max,
            // An office is one /64.
            IpAddr::V6(_) => self.per_address_max.saturating_mul(2),
        };
        if own.count() >= most {
            return None;
        }
        if open.places.len() >= self.total_max {
            open.make_room();
        }
        let number = open.next;
        open.next = number.wrapping_add(1);
        let needed = Arc::new(Notify::new());
        let place = Place {
            address,
            needed: Arc::clone(&needed),
        };
        open.places.insert(number, place);
        Some(Ticket {
            connections: self.clone(),
            number,
            needed,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Takes the place of the oldest connection of the address that has most.
    fn make_room(&mut self) {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for place in self.places.values() {
            *counts.entry(place.address).or_default() += 1;
        }
        let most = counts.values().max().copied();
        let oldest = self
            .places
            .iter()
            .find(|(_, place)| counts.get(&place.address).copied() == most)
            .map(|(number, _)| *number);
        if let Some(place) = oldest.and_then(|number| self.places.remove(&number)) {
            place.needed.notify_one();
        }
    }
}

impl Ticket {
    /// Serves the connection until it ends, its time is over, or its place is needed.
    pub(crate) async fn hold(self, life: impl Future, sending: &Sending) {
        // However it ended, there is nobody left to tell.
        tokio::select! {
            () = limited(life, sending) => {}
            () = self.needed.notified() => {}
        }
    }
}

/// A life within its limits: longer for one that sends a file, which only an administrator gets.
async fn limited(life: impl Future, sending: &Sending) {
    tokio::pin!(life);
    let mut spans = DOWNLOAD_LIFE_MAX.as_secs() / CONNECTION_LIFE_MAX.as_secs();
    while tokio::time::timeout(CONNECTION_LIFE_MAX, &mut life)
        .await
        .is_err()
    {
        spans = spans.saturating_sub(1);
        if spans == 0 || !sending.is_busy() {
            return;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connections.lock().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    /// Whether the place of this connection was given to another.
    fn is_needed(ticket: &Ticket) -> bool {
        !ticket
            .connections
            .lock()
            .places
            .contains_key(&ticket.number)
    }

    #[test]
    fn one_address_cannot_take_every_connection() {
        let connections = Connections::new(4, 2);
        let first = connections.admit(address(1)).expect("free");
        let _second = connections.admit(address(1)).expect("free");
        assert!(connections.admit(address(1)).is_none());
        let _other = connections.admit(address(2)).expect("another address");
        drop(first);
        let again = connections.admit(address(1));
        assert!(again.is_some(), "a closed one is free again");
    }

    /// One host has 2^64 addresses there.
    #[test]
    fn a_64_of_ipv6_is_one_address_with_twice_the_room() {
        let connections = Connections::new(9, 2);
        let six = |text: &str| text.parse::<IpAddr>().expect("an address");
        let held: Vec<_> = ["::1", "::2", "::3", "::4", "::5"]
            .iter()
            .map(|last| connections.admit(six(&format!("2001:db8{last}"))))
            .collect();
        assert_eq!(held.iter().flatten().count(), 4);
        assert!(connections.admit(six("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn strangers_who_hold_every_connection_do_not_keep_the_owner_out() {
        let connections = Connections::new(4, 2);
        let held: Vec<_> = [1, 2, 2, 3]
            .into_iter()
            .filter_map(|last| connections.admit(address(last)))
            .collect();
        let owner = connections.admit(address(9)).expect("room is made");
        let needed: Vec<_> = held.iter().map(is_needed).collect();
        let expected = [false, true, false, false];
        assert_eq!(needed, expected, "the oldest of whoever has most");
        let _another = connections.admit(address(4)).expect("room is made");
        assert!(is_needed(&held[0]), "then the oldest of all");
        assert!(!is_needed(&owner));
        assert_eq!(connections.lock().places.len(), 4);
    }

    #[tokio::test]
    async fn a_connection_ends_when_its_place_is_needed() {
        let connections = Connections::new(1, 1);
        let held = connections.admit(address(1)).expect("free");
        let _newcomer = connections.admit(address(2)).expect("room is made");
        let (life, sending) = (std::future::pending::<()>(), Sending::default());
        held.hold(life, &sending).await;
    }

    #[test]
    fn nothing_is_remembered_of_closed_connections() {
        let connections = Connections::new(4, 2);
        drop(connections.admit(address(1)));
        assert!(connections.lock().places.is_empty());
    }
}
