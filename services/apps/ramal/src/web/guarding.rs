//! The way of the pages to `guard`: who is banned, and whether the box is exposed.

use std::sync::Arc;
use std::time::Duration;

use admin::Notice;
use config::Network;
use ipc::guard::{Bans, Protection};
use ipc::net;
use masquerade::Around;
use run_loop::guard_link::GuardLink;
use run_loop::socket_path;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::driver::Driver;

/// Changes of the bans that wait until they are taken.
pub(super) const BANS_WAITING: usize = 64;

/// Tells `guard` what the pages find, and hears who is banned.
pub(super) fn link(feed: mpsc::Sender<Bans>) -> GuardLink {
    const REASONS: &[Protection] = &[Protection::Administrator];
    let read = |bans| vec![bans];
    let path = socket_path("guard");
    let link = GuardLink::start(&Handle::current(), path, REASONS, read, feed);
    // Whoever was signed in to an earlier process is not any more.
    link.settled();
    link
}

/// Does what `guard` says, for ever.
pub(super) async fn follow(driver: Arc<Driver>, mut bans: mpsc::Receiver<Bans>) {
    while let Some(bans) = bans.recv().await {
        let now = driver.now();
        // It may be a hundred thousand.
        let read = spawn_blocking(move || Notice::read(now, &bans)).await;
        for notice in read.unwrap_or_default() {
            let is_whole = notice.is_whole();
            driver.admin().obey(now, notice);
            if is_whole {
                driver.warned.send_replace(true);
            }
        }
    }
}

/// Waits until it is known who is banned, or that nobody is, but not for a guard that is dead
/// (bar E3): its door shuts by itself then.
pub(super) async fn warned(driver: &Driver) {
    let mut warned = driver.warned.subscribe();
    let warned = warned.wait_for(|is_warned| *is_warned);
    if tokio::time::timeout(HOLD_MAX, warned).await.is_err() {
        tracing::warn!("the guard is silent: who was banned before is heard until it speaks");
    }
}

/// Looks again and again who is inside, and whether somebody outside reaches the box while bans
/// are off.
pub(super) async fn look(driver: Arc<Driver>) {
    loop {
        if let Ok(status) = driver.look_at_net().await {
            // A `net` that has just started knows of no cards yet.
            if !status.links.is_empty() {
                let mut admin = driver.admin();
                admin.meet(neighbours(&status));
                admin.is_around(Around::of(&status));
            }
        }
        if let Some(status) = driver.look_at_guard().await {
            let is_exposed = !status.is_on && status.outsider_secs.is_some();
            let mut admin = driver.admin();
            admin.is_exposed_now(is_exposed);
            admin.take_masquerade(&status.masquerade);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

fn neighbours(status: &net::Status) -> Vec<Network> {
    let links = status.links.iter();
    let all = links.flat_map(|link| config::neighbours(link.ipv4(), link.ipv6_networks()));
    all.collect()
}

/// As long as reading as many bans as there can be takes.
const HOLD_MAX: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK_PAUSE: Duration = Duration::from_secs(10);
