//! How many connections are open, in all and from each address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// A count of open connections that refuses beyond its limits.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    total_max: usize,
    per_address_max: usize,
}

/// One open connection; counted until dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    connections: Connections,
    address: IpAddr,
}

impl Connections {
    pub(crate) fn new(total_max: usize, per_address_max: usize) -> Self {
        Self {
            open: Arc::default(),
            total_max,
            per_address_max,
        }
    }

    /// Counts one more, unless that is too many.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Ticket> {
        let address = address.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let own = open.entry(address).or_insert(0);
        if total >= self.total_max || *own >= self.per_address_max {
            if *own == 0 {
                open.remove(&address);
            }
            return None;
        }
        *own += 1;
        Some(Ticket {
            connections: self.clone(),
            address,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self
            .connections
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_connection() {
        let connections = Connections::new(4, 2);
        let (one, two): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = connections.admit(one).expect("free");
        let _second = connections.admit(one).expect("free");
        assert!(connections.admit(one).is_none());
        let _third = connections.admit(two).expect("another address");
        let _fourth = connections.admit(two).expect("another address");
        assert!(
            connections.admit([10, 0, 0, 3].into()).is_none(),
            "all are taken"
        );
        drop(first);
        assert!(
            connections.admit(one).is_some(),
            "a closed one is free again"
        );
    }

    #[test]
    fn nothing_is_remembered_of_closed_connections() {
        let connections = Connections::new(4, 2);
        drop(connections.admit([10, 0, 0, 1].into()));
        assert!(connections.open.lock().expect("not poisoned").is_empty());
    }
}
