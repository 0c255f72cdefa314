//! What the pages show.

use std::cmp::Reverse;

use guard::GuardNode;
use ipc::guard::{Ban, BanRow, Status};
use ipc::masquerade::Report;
use sansio::{Instant, UnixTime};

/// How it stands; `outsider` is when somebody outside was first heard, `masquerade` whom routers
/// hide.
pub(crate) fn status(
    node: &GuardNode,
    now: Instant,
    wall: Option<UnixTime>,
    outsider: Option<Instant>,
    masquerade: Report,
) -> Status {
    let mut bans: Vec<_> = node.bans().collect();
    let banned_count = u32::try_from(bans.len()).unwrap_or(u32::MAX);
    let newest = |it: &(&config::Network, &guard::Ban)| Reverse((it.1.since, *it.0));
    if bans.len() > BANS_SHOWN {
        bans.select_nth_unstable_by_key(BANS_SHOWN, newest);
        bans.truncate(BANS_SHOWN);
    }
    bans.sort_by_key(newest);
    let bans = bans.into_iter().map(|(network, ban)| {
        let left_secs = (ban.until - now).as_secs();
        let left = i64::try_from(left_secs).unwrap_or(i64::MAX);
        Ban {
            row: BanRow {
                network: network.to_string(),
                offence: ban.offence,
                count: ban.count,
                within_secs: ban.within_secs,
                tried: ban.tried.clone(),
                since_secs: ban.since.as_secs(),
                left_secs,
                until_secs: wall.map(|wall| wall.as_secs().saturating_add(left)),
                times: ban.times,
            },
            left_secs,
        }
    });
    Status {
        is_on: node.is_on(),
        banned_count,
        bans: bans.collect(),
        told: node.told().cloned().collect(),
        outsider_secs: outsider.map(|since| (now - since).as_secs()),
        masquerade,
    }
}

/// Bans that are shown.
const BANS_SHOWN: usize = 1_000;
