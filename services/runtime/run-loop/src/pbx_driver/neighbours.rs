//! `Input::Neighbours` and `Input::Around`: asks `net` which networks the box is on and who leads
//! elsewhere, and tells the node when that has changed.

use std::path::PathBuf;
use std::time::Duration;

use config::Network;
use ipc::net::{Reply, Request, Status};
use masquerade::Around;
use pbx::Input;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::ipc::Client;

/// Between two questions: addresses change when a cable is put in, or a carrier lends another
/// prefix.
const LOOK: Duration = Duration::from_secs(2);

/// Follows `net` for ever; says at once what it knows, and be it nothing.
pub(super) async fn follow(net: PathBuf, feed: mpsc::Sender<Input>) {
    let client = Client::<Request, Reply>::new(net);
    let (mut told, mut told_around) = (None, Around::default());
    loop {
        let status = match client.call(&Request::Status).await {
            // A `net` that has just started knows of no cards yet.
            Ok(Reply::Status(status)) if !status.links.is_empty() => Some(status),
            Ok(_) | Err(_) => None,
        };
        let around = status.as_ref().map(Around::of);
        if let Some(around) = around.filter(|it| *it != told_around) {
            told_around = around.clone();
            if feed.send(Input::Around(around)).await.is_err() {
                return;
            }
        }
        let known = status.as_ref().map(of);
        let known = known.or_else(|| told.is_none().then(Vec::new));
        if let Some(networks) = known.filter(|it| told.as_ref() != Some(it)) {
            if !networks.is_empty() || told.is_some() {
                tracing::info!("inside by IPv6, besides private addresses: {networks:?}");
            }
            if feed
                .send(Input::Neighbours(networks.clone()))
                .await
                .is_err()
            {
                return;
            }
            told = Some(networks);
        }
        sleep(LOOK).await;
    }
}

fn of(status: &Status) -> Vec<Network> {
    let links = status.links.iter();
    let all = links.flat_map(|link| config::neighbours(link.ipv4(), link.ipv6_networks()));
    all.collect()
}

#[cfg(test)]
mod tests {
    use ipc::net::Link;

    use super::*;

    #[test]
    fn each_link_is_judged_by_its_own_ipv4_address() {
        let link = |address: &str, ipv6: &[&str]| Link {
            address: address.into(),
            ipv6: ipv6.iter().map(|it| (*it).to_owned()).collect(),
            ..Link::default()
        };
        let status = Status {
            links: vec![
                link(
                    "10.0.0.5/24",
                    &["2001:db8:0:1::5/64", "fe80::5/64", "fd77::5/64"],
                ),
                link("203.0.113.5/24", &["2001:db8:0:2::5/64"]),
                link("", &["2001:db8:0:3::5/64"]),
            ],
            ..Status::default()
        };
        let found: Vec<String> = of(&status).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2001:db8:0:1::/64"]);
    }
}
