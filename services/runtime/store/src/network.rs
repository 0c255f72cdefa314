//! The network's setting, changed by people: in one transaction with its audit entry.

use config::StaticNetwork;
use ipc::Redacted;
use ipc::site::Site;
use ipc::store::{Audit, Reply, laid_down};
use redb::WriteTransaction;
use sansio::UnixTime;

use crate::access::Peers;
use crate::rows::SecretRow;
use crate::store::{Shared, lock};
use crate::tables::{Fault, SECRETS, get, open, put, redb_fault, secret_key};
use crate::writes::{Outcome, append_audit};

/// What is to be kept for the network, for whoever uses it.
#[derive(Clone, Debug)]
pub(crate) struct NetworkChange {
    /// `None` for DHCP.
    network: Option<StaticNetwork>,
    audit: Audit,
    /// Who holds the address, and whose certificates name it.
    net: u32,
    named_by: [u32; 2],
}

/// Said of what no address is.
const NOT_A_NETWORK: &str = "network: write address/length, gateway and name servers, with a dash \
                             for what there is none of";

impl Shared {
    /// What is to be kept, or why that cannot be.
    pub(crate) fn network_change(
        &self,
        network: Option<&str>,
        audit: Audit,
    ) -> Result<NetworkChange, String> {
        let change = NetworkChange::new(network, audit, &self.peers);
        let change = change.ok_or_else(|| NOT_A_NETWORK.to_owned())?;
        // The lock is not held while it is written.
        let fault = change.in_the_way(&lock(&self.current).1);
        fault.map_or(Ok(change), Err)
    }
}

impl NetworkChange {
    /// `None` when the text is no address with the network around it.
    pub(crate) fn new(network: Option<&str>, audit: Audit, peers: &Peers) -> Option<Self> {
        let network = match network {
            Some(text) => Some(StaticNetwork::from_text(text)?),
            None => None,
        };
        Some(Self {
            network,
            audit,
            net: peers.net,
            named_by: [peers.pbx, peers.web],
        })
    }

    /// What of the site speaks against it.
    pub(crate) fn in_the_way(&self, site: &Site) -> Option<String> {
        in_the_way(self.network.as_ref()?, site)
    }
}

/// What of the site speaks against an address of the box, for people.
pub(crate) fn in_the_way(wanted: &StaticNetwork, site: &Site) -> Option<String> {
    let (behind, own) = wanted.behind_tunnel(site)?;
    Some(format!(
        "network: {own} has addresses in common with {behind}, which lies behind the tunnel to \
         the grid; use another address, or change the tunnel first"
    ))
}

/// Keeps it under the names that [`crate::provision`] uses too, unless it is kept already.
pub(crate) fn apply(
    txn: &WriteTransaction,
    change: &NetworkChange,
    now: UnixTime,
) -> Result<Outcome, Fault> {
    let mut table = open(txn, SECRETS)?;
    let key = secret_key(change.net, laid_down::NETWORK);
    let kept: Option<SecretRow> = get(&table, "secrets", &key)?;
    let before = kept.map(|row| String::from_utf8_lossy(row.value.reveal()).into_owned());
    let after = change.network.as_ref().map(StaticNetwork::to_text);
    if before == after {
        return Ok(Outcome::of(Reply::Stored));
    }
    let address = change.network.as_ref().map(|it| it.address.to_string());
    let named_by = change.named_by.map(|uid| (uid, laid_down::ADDRESS));
    let of_net = [(key, after.clone())].into_iter();
    let of_others = named_by.map(|(uid, name)| (secret_key(uid, name), address.clone()));
    for (key, text) in of_net.chain(of_others) {
        match text {
            Some(text) => {
                let value = Redacted::new(text.into_bytes());
                put(&mut table, "secrets", &key, &SecretRow { value })?;
            }
            None => drop(table.remove(key.as_slice()).map_err(redb_fault)?),
        }
    }
    drop(table);
    let shown = |setting: Option<String>| setting.unwrap_or_else(|| DHCP.to_owned());
    let audit = Audit {
        before: shown(before),
        after: shown(after),
        ..change.audit.clone()
    };
    append_audit(txn, &audit, now)?;
    Ok(Outcome::precious(Reply::Stored))
}

/// In the audit trail, for a box that has no address of its own.
const DHCP: &str = "DHCP";
