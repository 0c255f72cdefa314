//! What the process that keeps the bans says, read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use config::Network;
use ipc::guard::{Bans as Told, Hiding, Protection};
use sansio::Instant;

use crate::bans::Bans;

/// What the process that keeps the bans says, as a door obeys it. A hundred thousand bans are read
/// and put in order where no call waits for it, and a door takes them over as they are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notice {
    /// All who are banned: everything known before is forgotten.
    pub(crate) whole: Option<Bans>,
    /// Banned from now on, and until when.
    pub(crate) banned: Vec<(Network, Instant)>,
    /// Banned no more, and forgiven.
    pub(crate) unbanned: Vec<Network>,
    /// All that are never banned, when that has changed, for each reason that is known of.
    pub(crate) protected: Option<BTreeMap<Protection, BTreeSet<Network>>>,
    /// Whom routers hide, when that has changed.
    pub(crate) hiding: Option<Hiding>,
}

impl Notice {
    /// Reads what was said now, in pieces that a door obeys in a moment each, in their order. What
    /// is no network is left out.
    #[must_use]
    pub fn read(now: Instant, told: &Told) -> Vec<Self> {
        let banned = told.banned.iter().filter_map(|(network, millis)| {
            let until = now + Duration::from_millis(*millis);
            Some((Network::parse(network)?, until))
        });
        let mut first = Self {
            protected: told.protected.as_ref().map(|guests| {
                let is_known = |why: &Protection| !told.unknown.contains(why);
                let known = Protection::ALL.into_iter().filter(is_known);
                let mut by_reason: BTreeMap<_, BTreeSet<_>> =
                    known.map(|why| (why, BTreeSet::new())).collect();
                for guest in guests.iter().filter(|it| is_known(&it.why)) {
                    let network = Network::parse(&guest.network);
                    by_reason.entry(guest.why).or_default().extend(network);
                }
                by_reason
            }),
            hiding: told.hiding.clone(),
            ..Self::default()
        };
        let banned = match told.is_whole {
            true => {
                first.whole = Some(banned.collect());
                Vec::new()
            }
            false => banned.collect(),
        };
        let unbanned = told.unbanned.iter().filter_map(|it| Network::parse(it));
        let unbanned: Vec<_> = unbanned.collect();
        let banned = banned.chunks(PIECE).map(|piece| Self {
            banned: piece.to_vec(),
            ..Self::default()
        });
        let unbanned = unbanned.chunks(PIECE).map(|piece| Self {
            unbanned: piece.to_vec(),
            ..Self::default()
        });
        let has_first = first != Self::default();
        let first = has_first.then_some(first).into_iter();
        first.chain(banned).chain(unbanned).collect()
    }

    /// Whom routers hide, when that has changed; a door does not look at it.
    #[must_use]
    pub const fn hiding(&self) -> Option<&Hiding> {
        self.hiding.as_ref()
    }

    /// Whether it is the first of a process that keeps the bans, or of one that is asked again:
    /// it knows nothing that it was told before.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole.is_some()
    }
}

/// Networks that a door obeys in one turn: a millisecond on a small box.
pub(crate) const PIECE: usize = 1_000;
