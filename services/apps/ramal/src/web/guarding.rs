//! The way of the pages to `guard`: who is banned, and whether the box is exposed.

use std::sync::Arc;
use std::time::Duration;

use config::Network;
use ipc::guard::Bans;
use ipc::net;
use tokio::sync::mpsc;

use super::driver::Driver;

/// Changes of the bans that wait until they are taken.
pub(super) const BANS_WAITING: usize = 64;

/// Takes over who is banned, for ever.
pub(super) async fn follow(driver: Arc<Driver>, mut bans: mpsc::Receiver<Bans>) {
    while let Some(bans) = bans.recv().await {
        let now = driver.now();
        driver.admin().take_bans(now, &bans);
    }
}

/// Looks again and again who is inside, and whether somebody outside reaches the box while bans
/// are off.
pub(super) async fn look(driver: Arc<Driver>) {
    loop {
        if let Ok(status) = driver.look_at_net().await {
            // A `net` that has just started knows of no cards yet.
            if !status.links.is_empty() {
                driver.admin().meet(neighbours(&status));
            }
        }
        if let Some(status) = driver.look_at_guard().await {
            let is_exposed = !status.is_on && status.outsider_secs.is_some();
            driver.admin().is_exposed_now(is_exposed);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

fn neighbours(status: &net::Status) -> Vec<Network> {
    let links = status.links.iter();
    let all = links.flat_map(|link| config::neighbours(link.ipv4(), link.ipv6_networks()));
    all.collect()
}

/// Between two looks.
const LOOK_PAUSE: Duration = Duration::from_secs(10);
