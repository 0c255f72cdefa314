//! What of the site matters here, now and whenever it changes.

use std::path::PathBuf;
use std::time::Duration;

use config::{Guard, Host, Network, Tunnel};
use ipc::site::Site;
use ipc::store;
use run_loop::ipc::Subscription;
use tokio::sync::mpsc;

/// What of the site matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    pub(crate) rules: Guard,
    /// The hub of the grid, and all behind it.
    pub(crate) grid: Vec<Network>,
}

impl Settings {
    /// What the store has committed was read before; a later version's may not be, and counts as
    /// if nobody had set it.
    pub(crate) fn of(site: &Site) -> Self {
        let tunnel = site.tunnel.as_ref();
        let tunnel = tunnel.and_then(|it| Tunnel::parse(it).ok());
        let networks = tunnel.iter().flat_map(Tunnel::networks);
        let hub = tunnel.as_ref().map(|it| &it.endpoint);
        let hub = hub.and_then(Host::address).map(Network::of);
        Self {
            rules: rules(site),
            grid: networks.chain(hub).collect(),
        }
    }
}

/// When somebody is banned.
fn rules(site: &Site) -> Guard {
    Guard::read(&site.guard).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        tracing::error!(
            "what is set for bans cannot be read by this version, and nobody is banned: {}",
            faults.join("; ")
        );
        Guard::default()
    })
}

/// Hands on what is set, for ever.
pub(crate) async fn follow(store: PathBuf, settings: mpsc::Sender<Settings>) {
    loop {
        let watch = &store::Request::Watch;
        if let Ok(mut watch) = Subscription::<store::Reply>::open(&store, watch).await {
            while let Ok(store::Reply::Config { site, .. }) = watch.next().await {
                if settings.send(Settings::of(&site)).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// Before the store is asked again.
pub(crate) const STORE_PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use ipc::Redacted;

    use super::*;

    #[test]
    fn the_hub_of_the_grid_and_all_behind_it_are_the_grid() {
        let mut site = Site::default();
        assert_eq!(Settings::of(&site).grid, []);
        site.tunnel = Some(ipc::site::Tunnel {
            addresses: vec!["10.200.0.5".into()],
            hub_key: "l6iJy+VTCcKKJ6cHzbzPKMTnQrzY6aEJyWjQvkRR6Fk=".into(),
            endpoint: "198.51.100.7:51820".into(),
            preshared_key: Redacted::default(),
            allowed: vec!["10.200.0.0/24".into()],
            ..ipc::site::Tunnel::default()
        });
        let settings = Settings::of(&site);
        let texts: Vec<String> = settings.grid.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.200.0.0/24", "10.200.0.5/32", "198.51.100.7/32"]);
    }

    #[test]
    fn rules_are_those_of_the_site_and_where_they_cannot_be_read_nobody_is_banned() {
        let mut site = Site::default();
        assert_eq!(Settings::of(&site).rules, Guard::default());
        site.guard.on = true;
        site.guard.first_minutes = 20;
        let rules = Settings::of(&site).rules;
        assert_eq!((rules.is_on, rules.first.as_secs()), (true, 1_200));
        site.guard.first_minutes = 0;
        assert_eq!(Settings::of(&site).rules, Guard::default());
    }
}
