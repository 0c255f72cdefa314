//! The bans: how long each lasts, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
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
    /// When it was to end, seconds since 1970, as an earlier process kept it.
    kept_until: Option<i64>,
    is_over: bool,
    /// Its place among those of which is known what was tried.
    number: u64,
}

/// All bans, and those that are over but make the next one longer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    bans: BTreeMap<Network, Ban>,
    /// When a ban ends.
    ends: BTreeSet<(Instant, Network)>,
    /// When one that is over is forgotten.
    forgets: BTreeSet<(Instant, Network)>,
    /// Of which is known what was tried, by their numbers: the oldest first.
    texts: BTreeMap<u64, Network>,
    text_bytes: usize,
    last_number: u64,
}

/// Whom a ban is to hit: the network that was found, or one around it that has too many banned in
/// it already.
struct Place {
    network: Network,
    inner: Vec<Network>,
}

impl Book {
    /// Bans a network for what was found, longer than the last time.
    pub(crate) fn ban(
        &mut self,
        now: Instant,
        wall: UnixTime,
        (network, finding): (Network, &Finding),
        (guard, protected): (&Guard, &Protected),
        rng: &mut Rng,
    ) -> Changed {
        let place = self.place(network, protected);
        let mut changed = Changed::default();
        let before = self.times(now, &place.network);
        let mut times = match finding.is_one_name {
            true => before.max(1),
            false => before.saturating_add(1),
        };
        let mut until = now;
        let mut tried: Vec<String> = finding.tried.iter().rev().cloned().collect();
        for network in &place.inner {
            times = times.max(self.times(now, network));
            if let Some(ban) = self.remove(network) {
                until = until.max(ban.until);
                tried.extend(ban.tried);
            }
            changed.removed.push(*network);
        }
        let ban = Ban {
            offence: finding.offence,
            count: finding.count,
            within_secs: finding.within_secs,
            tried: shortened(tried),
            since: wall,
            until: until.max(now + lasts(guard, times, rng)),
            times,
            kept_until: None,
            is_over: false,
            number: 0,
        };
        self.put(place.network, ban);
        self.shrink(&place.network, &mut changed);
        changed.put.push(place.network);
        changed
    }

    /// How many bans a network has had that still count: one fewer for each day since the last.
    fn times(&self, now: Instant, network: &Network) -> u32 {
        self.bans.get(network).map_or(0, |ban| {
            let quiet = (now - ban.until).as_secs() / DECAY.as_secs();
            ban.times
                .saturating_sub(u32::try_from(quiet).unwrap_or(u32::MAX))
        })
    }

    fn place(&self, network: Network, protected: &Protected) -> Place {
        let mut place = Place {
            network,
            inner: Vec::new(),
        };
        while let Some((around, inner)) = self.wider(place.network, protected) {
            place.inner.extend(inner);
            place.network = around;
        }
        place.inner.sort_unstable();
        place.inner.dedup();
        place
    }

    /// The network around it to ban instead, and those that are banned in it, when they are many
    /// (IPv6 equal to IPv4: its owner chooses among addresses as he likes).
    fn wider(&self, network: Network, protected: &Protected) -> Option<(Network, Vec<Network>)> {
        let (length, many) = match (network.is_ipv4(), network.length()) {
            (true, 32) => (WIDEST_IPV4, MANY_IPV4),
            (false, 64) => (56, MANY_IPV6),
            (false, 56) => (WIDEST_IPV6, MANY_IPV6),
            _ => return None,
        };
        // Machines of the customer's own network have not chosen to be neighbours.
        if config::is_local(network.address()) {
            return None;
        }
        let around = Network::around(network.address(), length)?;
        let inside = self.bans.range(around..);
        let inside = inside.take_while(|(it, _)| around.contains(it.address()));
        let alike = |(it, ban): &(&Network, &Ban)| !ban.is_over && it.length() == network.length();
        let inner: Vec<Network> = inside.filter(alike).map(|(it, _)| *it).collect();
        let is_new = usize::from(!inner.contains(&network));
        let is_many = inner.len().saturating_add(is_new) >= many;
        (is_many && protected.within(&around).is_none()).then_some((around, inner))
    }

    fn put(&mut self, network: Network, mut ban: Ban) {
        self.remove(&network);
        if ban.is_over {
            ban.tried = Vec::new();
            self.forgets.insert((ban.due(), network));
        } else {
            self.ends.insert((ban.due(), network));
        }
        if !ban.tried.is_empty() {
            self.last_number = self.last_number.saturating_add(1);
            ban.number = self.last_number;
            self.texts.insert(ban.number, network);
            self.text_bytes = self.text_bytes.saturating_add(ban.text_bytes());
        }
        self.bans.insert(network, ban);
        while self.text_bytes > TEXT_BYTES_MAX
            && let Some((_, oldest)) = self.texts.pop_first()
        {
            if let Some(ban) = self.bans.get_mut(&oldest) {
                self.text_bytes = self.text_bytes.saturating_sub(ban.text_bytes());
                ban.tried = Vec::new();
            }
        }
    }

    fn remove(&mut self, network: &Network) -> Option<Ban> {
        let ban = self.bans.remove(network)?;
        let due = (ban.due(), *network);
        self.ends.remove(&due);
        self.forgets.remove(&due);
        if !ban.tried.is_empty() {
            self.texts.remove(&ban.number);
            self.text_bytes = self.text_bytes.saturating_sub(ban.text_bytes());
        }
        Some(ban)
    }

    /// Forgets one when there are more than are kept: of those that are over first, and never the
    /// one that has just begun.
    fn shrink(&mut self, newest: &Network, changed: &mut Changed) {
        while self.bans.len() > BANS_MAX {
            let all = self.forgets.iter().chain(&self.ends);
            let first = all.map(|(_, it)| *it).find(|it| it != newest);
            let Some(first) = first else { return };
            self.remove(&first);
            changed.removed.push(first);
        }
    }

    /// Bans it no more, and forgets that it was.
    pub(crate) fn unban(&mut self, network: &Network) {
        self.remove(network);
    }

    /// Bans nobody.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What has ended by now, and what is forgotten.
    pub(crate) fn expire(&mut self, now: Instant) -> Changed {
        let mut changed = Changed::default();
        while let Some((_, network)) = self.ends.first().copied().filter(|(due, _)| *due <= now) {
            let Some(mut ban) = self.remove(&network) else {
                break;
            };
            ban.is_over = true;
            self.put(network, ban);
            changed.ended.push(network);
        }
        while let Some((_, network)) = self.forgets.first().copied().filter(|(due, _)| *due <= now)
        {
            if self.remove(&network).is_none() {
                break;
            }
            changed.removed.push(network);
        }
        changed
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let firsts = self.ends.first().into_iter().chain(self.forgets.first());
        firsts.map(|(due, _)| *due).min()
    }

    /// Those of which a network is a part, or that it has in it; over or not.
    pub(crate) fn overlapping(&self, network: &Network) -> Vec<Network> {
        let around = (0..network.length())
            .filter_map(|length| Network::around(network.address(), length))
            .filter(|around| self.bans.contains_key(around));
        let inside = self.bans.range(network..);
        let inside = inside.take_while(|(it, _)| network.contains(it.address()));
        let all = around.chain(inside.map(|(it, _)| *it));
        all.inspect(|_| crate::work::step()).collect()
    }

    pub(crate) fn get(&self, network: &Network) -> Option<&Ban> {
        self.bans.get(network)
    }

    /// Whether a ban of exactly that holds.
    pub(crate) fn is_in_force(&self, network: &Network) -> bool {
        self.bans.get(network).is_some_and(|ban| !ban.is_over)
    }

    /// Those that hold.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = (&Network, &Ban)> {
        self.bans.iter().filter(|(_, ban)| !ban.is_over)
    }

    /// Those that hold, behind a network in the order of addresses.
    pub(crate) fn in_force_after(
        &self,
        last: Option<Network>,
    ) -> impl Iterator<Item = (&Network, &Ban)> {
        let first = last.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.bans.range((first, Bound::Unbounded));
        behind.filter(|(_, ban)| !ban.is_over)
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
            until_secs: wall.map(until).or(ban.kept_until),
            times: ban.times,
        })
    }

    /// Goes on from what an earlier process kept. A ban ends when it was to, where the clock is
    /// believed; where it is not, the box was off for no time at all, until [`Self::cut`]. One that
    /// is over counts for as many days fewer as it has been.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        wall: Option<UnixTime>,
        rows: Vec<BanRow>,
    ) -> Restored {
        let mut restored = Restored::default();
        for row in rows {
            let Some(network) = Network::parse(&row.network) else {
                continue;
            };
            if self.bans.len() >= BANS_MAX {
                break;
            }
            let quiet = wall.map_or(0, |wall| quiet_days(wall, &row));
            if quiet > 0 && quiet >= row.times {
                restored.forgotten.push(network);
                continue;
            }
            let ban = Ban {
                offence: row.offence,
                count: row.count,
                within_secs: row.within_secs,
                tried: shortened(row.tried),
                since: UnixTime::from_millis(row.since_secs.saturating_mul(1_000)),
                until: now + Duration::from_secs(row.left_secs),
                times: row.times.saturating_sub(quiet).max(1),
                kept_until: row.until_secs,
                is_over: row.left_secs == 0,
                number: 0,
            };
            restored.held.extend((!ban.is_over).then_some(network));
            self.put(network, ban);
        }
        if let Some(wall) = wall {
            self.cut(now, wall);
        }
        restored
    }

    /// The clock is believed now: what was to end before it would otherwise, does.
    pub(crate) fn cut(&mut self, now: Instant, wall: UnixTime) {
        let early = |ban: &Ban| {
            let left = ban.kept_until?.saturating_sub(wall.as_secs());
            let until = now + Duration::from_secs(u64::try_from(left).unwrap_or(0));
            (until < ban.until).then_some(until)
        };
        let early = self
            .in_force()
            .filter_map(|(it, ban)| Some((*it, early(ban)?)));
        for (network, until) in early.collect::<Vec<_>>() {
            if let Some(ban) = self.remove(&network) {
                self.put(network, Ban { until, ..ban });
            }
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

    /// What the texts of it take, with what it takes to have them.
    fn text_bytes(&self) -> usize {
        let each = self.tried.iter();
        each.map(|it| it.len().saturating_add(TEXT_COST)).sum()
    }
}

/// As much of what was tried as people need to see what it was: the first of them, each once.
fn shortened(mut tried: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for text in &mut tried {
        text.truncate(text.floor_char_boundary(TRIED_LENGTH));
        text.shrink_to_fit();
    }
    tried.retain(|it| seen.insert(it.clone()));
    tried.truncate(TRIED_MAX);
    tried.shrink_to_fit();
    tried
}

/// How many days a ban has been over, where it was when it was kept.
fn quiet_days(wall: UnixTime, row: &BanRow) -> u32 {
    let ended = row.until_secs.filter(|_| row.left_secs == 0);
    let quiet = ended.map_or(0, |ended| wall.as_secs().saturating_sub(ended));
    let quiet = u64::try_from(quiet).unwrap_or(0) / DECAY.as_secs();
    u32::try_from(quiet).unwrap_or(u32::MAX)
}

/// Whether somebody may say that a network is banned no more: no ban is wider. Of more at once all
/// are ended by switching them off, which asks for the password (R69).
#[must_use]
pub const fn may_be_lifted(network: &Network) -> bool {
    let widest = if network.is_ipv4() {
        WIDEST_IPV4
    } else {
        WIDEST_IPV6
    };
    network.length() >= widest
}

/// How long the so manieth ban lasts. Nobody can tell to the second when to come back.
fn lasts(guard: &Guard, times: u32, rng: &mut Rng) -> Duration {
    let doubled = 2_u32.saturating_pow(times.saturating_sub(1));
    let whole = guard.first.saturating_mul(doubled).min(guard.longest);
    let tenth = u64::try_from(whole.as_millis() / 10).unwrap_or(u64::MAX);
    whole.saturating_sub(Duration::from_millis(rng.below(tenth.max(1))))
}

/// What came of what was kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Restored {
    /// Banned still.
    pub(crate) held: Vec<Network>,
    /// Over for so long that they do not count any more.
    pub(crate) forgotten: Vec<Network>,
}

/// What has changed in the book.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changed {
    /// Banned from now on.
    pub(crate) put: Vec<Network>,
    /// Over, and still kept.
    pub(crate) ended: Vec<Network>,
    /// No longer kept: forgotten, or banned with the network around it.
    pub(crate) removed: Vec<Network>,
}

/// A ban counts for the next one until so long after its end, times how many there were.
const DECAY: Duration = Duration::from_secs(24 * 3_600);
/// Bans that are kept, over or not.
pub(crate) const BANS_MAX: usize = 120_000;
/// Texts of one ban that are kept,
const TRIED_MAX: usize = 3;
/// and bytes of each.
const TRIED_LENGTH: usize = 40;
/// Bytes of a text without what is in it.
const TEXT_COST: usize = 48;
/// Of all texts together: whoever chooses long ones must not take the process its memory, 128 MiB,
/// of which so many bans without texts are half.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bits of the widest ban, of IPv4 and of IPv6.
const WIDEST_IPV4: u8 = 24;
const WIDEST_IPV6: u8 = 48;
/// So many banned addresses of 256 neighbours are one owner's, or of one hoster who does not mind.
const MANY_IPV4: usize = 8;
/// The same for neighbouring lines of IPv6, and again for those.
const MANY_IPV6: usize = 4;
