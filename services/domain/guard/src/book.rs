//! The bans: how long each lasts, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use config::{Guard, Network};
use ipc::guard::{BanRow, Finding, Offence};
use sansio::{Instant, Rng, UnixTime};

use crate::protected::Protected;

/// A ban, and why (bar E13).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ban {
    /// For what.
    pub offence: Offence,
    /// How often it happened.
    pub count: u16,
    /// Within so many seconds.
    pub within_secs: u32,
    /// What was tried, some of it.
    pub tried: Vec<String>,
    /// When it began, as the box's clock stood.
    pub since: UnixTime,
    /// When it ends.
    pub until: Instant,
    /// The how manieth of that network it is, from 1.
    pub times: u32,
    is_over: bool,
}

/// All bans, and those that are over but make the next one longer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    bans: BTreeMap<Network, Ban>,
    /// When a ban ends, and one that is over is forgotten.
    due: BTreeSet<(Instant, Network)>,
}

impl Book {
    /// Bans a network for what was found, longer than the last time; returns all that is banned
    /// by it: the network itself, or one around it that has too many banned in it.
    pub(crate) fn ban(&mut self, network: Network, ban: Ban, protected: &Protected) -> Changed {
        let mut changed = Changed::default();
        let (mut network, mut ban) = (network, ban);
        while let Some((around, inside)) = self.wider(network, protected) {
            for network in &inside {
                let inner = self.remove(network);
                let until = inner.map(|it| it.until);
                ban.until = until.map_or(ban.until, |it| it.max(ban.until));
                changed.removed.push(*network);
            }
            network = around;
        }
        changed.removed.retain(|it| self.bans.get(it).is_none());
        self.put(network, ban);
        self.shrink(&mut changed);
        changed.put.push(network);
        changed
    }

    /// The ban that follows a finding.
    pub(crate) fn next(
        &self,
        now: Instant,
        wall: UnixTime,
        (network, finding): (&Network, &Finding),
        guard: &Guard,
        rng: &mut Rng,
    ) -> Ban {
        let before = self.bans.get(network).map_or(0, |ban| {
            let quiet = (now - ban.until).as_secs() / DECAY.as_secs();
            ban.times
                .saturating_sub(u32::try_from(quiet).unwrap_or(u32::MAX))
        });
        let whole = guard.first.saturating_mul(2_u32.saturating_pow(before));
        let whole = whole.min(guard.longest);
        // Nobody can tell to the second when to come back.
        let tenth = u64::try_from(whole.as_millis() / 10).unwrap_or(u64::MAX);
        let less = Duration::from_millis(rng.below(tenth.max(1)));
        Ban {
            offence: finding.offence,
            count: finding.count,
            within_secs: finding.within_secs,
            tried: finding.tried.clone(),
            since: wall,
            until: now + whole.saturating_sub(less),
            times: before.saturating_add(1),
            is_over: false,
        }
    }

    /// The network around it to ban instead, and those that are banned in it, when they are many
    /// (IPv6 equal to IPv4: its owner chooses among addresses as he likes).
    fn wider(&self, network: Network, protected: &Protected) -> Option<(Network, Vec<Network>)> {
        let (length, many) = match (network.is_ipv4(), network.length()) {
            (true, 32) => (24, MANY_IPV4),
            (false, 64) => (56, MANY_IPV6),
            (false, 56) => (48, MANY_IPV6),
            _ => return None,
        };
        let around = Network::around(network.address(), length)?;
        let inside = self.bans.range(around..);
        let inside = inside.take_while(|(it, _)| around.contains(it.address()));
        let inside: Vec<Network> = inside
            .filter(|(it, ban)| !ban.is_over && **it != network && it.length() > length)
            .map(|(it, _)| *it)
            .collect();
        let is_many = inside.len().saturating_add(1) >= many;
        (is_many && protected.within(&around).is_none()).then_some((around, inside))
    }

    fn put(&mut self, network: Network, ban: Ban) {
        self.remove(&network);
        self.due.insert((ban.due(), network));
        self.bans.insert(network, ban);
    }

    fn remove(&mut self, network: &Network) -> Option<Ban> {
        let ban = self.bans.remove(network)?;
        self.due.remove(&(ban.due(), *network));
        Some(ban)
    }

    /// Forgets what ends first, when there are more than are kept.
    fn shrink(&mut self, changed: &mut Changed) {
        while self.bans.len() > BANS_MAX
            && let Some((_, first)) = self.due.first().copied()
        {
            self.remove(&first);
            changed.removed.push(first);
        }
    }

    /// Bans it no more, and forgets that it was.
    pub(crate) fn unban(&mut self, network: &Network) -> bool {
        self.remove(network).is_some_and(|ban| !ban.is_over)
    }

    /// Whether nothing is kept, not even what is over.
    pub(crate) fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }

    /// Bans nobody.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What has ended by now, and what is forgotten.
    pub(crate) fn expire(&mut self, now: Instant) -> Changed {
        let mut changed = Changed::default();
        while let Some((due, network)) = self.due.first().copied()
            && due <= now
        {
            let Some(mut ban) = self.remove(&network) else {
                self.due.pop_first();
                continue;
            };
            if ban.is_over {
                changed.removed.push(network);
            } else {
                ban.is_over = true;
                self.put(network, ban);
                changed.ended.push(network);
            }
        }
        changed
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(crate) fn get(&self, network: &Network) -> Option<&Ban> {
        self.bans.get(network)
    }

    /// Those that hold.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = (&Network, &Ban)> {
        self.bans.iter().filter(|(_, ban)| !ban.is_over)
    }

    /// One as it is kept.
    pub(crate) fn row(
        &self,
        now: Instant,
        wall: Option<UnixTime>,
        network: &Network,
    ) -> Option<BanRow> {
        let ban = self.bans.get(network)?;
        let left_secs = if ban.is_over {
            0
        } else {
            (ban.until - now).as_secs()
        };
        let until = |wall: UnixTime| {
            let left = i64::try_from(left_secs).unwrap_or(i64::MAX);
            wall.as_secs().saturating_add(left)
        };
        Some(BanRow {
            network: network.to_string(),
            offence: ban.offence,
            count: ban.count,
            within_secs: ban.within_secs,
            tried: ban.tried.clone(),
            since_secs: ban.since.as_secs(),
            left_secs,
            until_secs: wall.map(until),
            times: ban.times,
        })
    }

    /// Goes on from what an earlier process kept. A ban ends when it was to, where the clock is
    /// believed; where it is not, the box was off for no time at all.
    pub(crate) fn restore(&mut self, now: Instant, wall: Option<UnixTime>, rows: &[BanRow]) {
        for row in rows.iter().take(BANS_MAX) {
            let Some(network) = Network::parse(&row.network) else {
                continue;
            };
            let to_go = wall.zip(row.until_secs).map(|(wall, until)| {
                u64::try_from(until.saturating_sub(wall.as_secs())).unwrap_or(0)
            });
            let left = to_go.map_or(row.left_secs, |it| it.min(row.left_secs));
            let ban = Ban {
                offence: row.offence,
                count: row.count,
                within_secs: row.within_secs,
                tried: row.tried.clone(),
                since: UnixTime::from_millis(row.since_secs.saturating_mul(1_000)),
                until: now + Duration::from_secs(left),
                times: row.times.max(1),
                is_over: left == 0,
            };
            self.put(network, ban);
        }
    }
}

impl Ban {
    /// When something happens to it: it ends, or it is forgotten.
    fn due(&self) -> Instant {
        if self.is_over {
            self.until + DECAY.saturating_mul(self.times)
        } else {
            self.until
        }
    }
}

/// What has changed in the book.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changed {
    /// Banned from now on.
    pub(crate) put: Vec<Network>,
    /// Over, and still kept.
    pub(crate) ended: Vec<Network>,
    /// Neither banned nor kept.
    pub(crate) removed: Vec<Network>,
}

/// A ban counts for the next one until so long after its end, times how many there were.
const DECAY: Duration = Duration::from_secs(24 * 3_600);
/// Bans that are kept, over or not.
pub(crate) const BANS_MAX: usize = 120_000;
/// So many banned addresses of 256 neighbours are one owner's, or of one hoster who does not mind.
const MANY_IPV4: usize = 8;
/// The same for neighbouring lines of IPv6.
const MANY_IPV6: usize = 4;
