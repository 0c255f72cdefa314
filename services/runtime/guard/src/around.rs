//! What `net` says of the box's place: its addresses, the way out, who answers for names.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use config::Network;
use ipc::guard::Protection;
use ipc::net::{Reply, Request, Status};
use run_loop::ipc::Client;
use tokio::sync::mpsc;

/// Who is never banned for the box's place on the network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Around {
    pub(crate) guests: Vec<(Protection, Network)>,
    /// What is on its cables.
    pub(crate) cables: masquerade::Around,
}

impl Around {
    pub(crate) fn of(status: &Status) -> Self {
        let mut guests = Vec::new();
        for link in &status.links {
            let own = link.ipv4().map(IpAddr::V4).into_iter();
            let own = own.chain(link.ipv6_networks().map(|(ip, _)| IpAddr::V6(ip)));
            let own = own.map(|it| (Protection::Own, it));
            // By their hardware addresses too: a router has several of IPv6, and a pair of them
            // that stands in for each other has one each.
            let gateways = [&link.gateway].into_iter().chain(&link.routers);
            let gateways = gateways.chain(&link.kin).filter_map(|it| it.parse().ok());
            let gateways: BTreeSet<IpAddr> = gateways.collect();
            let gateways = gateways.into_iter().map(|it| (Protection::Gateway, it));
            let names = link.dns.iter().filter_map(|it| it.parse().ok());
            let names = names.map(|it| (Protection::Service, it));
            let all = own.chain(gateways).chain(names);
            guests.extend(all.map(|(why, address)| (why, Network::of(address))));
        }
        Self {
            guests,
            cables: masquerade::Around::of(status),
        }
    }
}

/// Hands on what is known, for ever. While `net` is away, what it said last holds.
pub(crate) async fn follow(net: PathBuf, around: mpsc::Sender<Around>) {
    let client = Client::<Request, Reply>::new(net);
    let mut told = None;
    loop {
        // A `net` that has just started knows of no cards yet.
        if let Ok(Reply::Status(status)) = client.call(&Request::Status).await
            && !status.links.is_empty()
        {
            let known = Some(Around::of(&status));
            if known != told
                && let Some(known) = known.clone()
                && around.send(known).await.is_err()
            {
                return;
            }
            told = known;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Between two questions: addresses change when a cable is put in, or a carrier lends others.
const LOOK: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use ipc::net::Link;

    use super::*;

    #[test]
    fn addresses_of_the_box_its_way_out_and_its_name_servers_are_guests() {
        let status = Status {
            links: vec![Link {
                address: "192.168.1.5/24".into(),
                ipv6: vec!["fe80::5/64".into(), "2001:db8:1::5/64".into()],
                gateway: "192.168.1.1".into(),
                routers: vec!["192.168.1.1".into(), "fe80::1".into()],
                kin: vec!["192.168.1.2".into()],
                dns: vec!["192.168.1.1".into(), "2001:db8:9::53".into()],
                ..Link::default()
            }],
            ..Status::default()
        };
        let Around { guests, .. } = Around::of(&status);
        let texts = guests.iter();
        let texts: Vec<String> = texts.map(|(why, it)| format!("{why:?} {it}")).collect();
        assert_eq!(
            texts,
            [
                "Own 192.168.1.5/32",
                "Own fe80::5/128",
                "Own 2001:db8:1::5/128",
                "Gateway 192.168.1.1/32",
                "Gateway 192.168.1.2/32",
                "Gateway fe80::1/128",
                "Service 192.168.1.1/32",
                "Service 2001:db8:9::53/128",
            ]
        );
    }
}
