//! A whole site: twenty phones, two carriers and attackers on a bad network, while processes die.
//!
//! A seed decides everything. [`Office::run`] lets people work while things go wrong, heals
//! everything, and gives the site a stated time to come right; the checkers look all the while.

mod actor;
mod attack;
mod checkers;
mod setting;
mod traffic;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Instant, Rng};

use crate::desk::Desk;
use crate::network::Faults;
use crate::world::World;

pub(crate) use attack::Attackers;
pub(crate) use traffic::Packet;

/// How long things go wrong.
const FAULTS_TIME: Duration = Duration::from_secs(50);
/// Time until what is up is what everybody thinks is up: a transaction of 32 s (RFC 3261 §17), then
/// the BYE that follows it, another 32 s; an INVITE that a person loses patience with after 90 s
/// and its CANCEL, 64*T1; and a parked call that comes back after 60 s and rings.
const CONVERGENCE: Duration = Duration::from_secs(240);
/// Time for everything to end once everybody has hung up: two transactions.
const ENDING: Duration = Duration::from_secs(80);
/// Time for registrations (300 s) and the last transactions to run out.
const EMPTYING: Duration = Duration::from_secs(420);

/// The site.
#[derive(Debug)]
pub struct Office {
    /// The box with its services.
    pub world: World,
    /// Rules that were broken so far: the checker's name, the rule, and what was seen.
    pub broken: Vec<String>,
    pub(crate) desks: Vec<Desk>,
    pub(crate) attackers: Attackers,
    pub(crate) faults: Faults,
    pub(crate) rng: Rng,
    pub(crate) queue: BTreeMap<(Instant, u64), Packet>,
    pub(crate) sequence: u64,
    pub(crate) last_on_stream: BTreeMap<(u64, bool), Instant>,
    pub(crate) next_stream: u64,
    /// Endpoints whose clip has an end, and when they were first seen to play.
    pub(crate) playing: BTreeMap<u64, Instant>,
    /// Endpoints whose peer is not there any more, and since when.
    pub(crate) orphans: BTreeMap<u64, Instant>,
    /// Lines that hear nothing from the box any more, by where they listen, and since when.
    pub(crate) deaf: BTreeMap<SocketAddr, Instant>,
    pub(crate) next_tick: Instant,
    /// Datagrams the box sent in this second.
    pub(crate) sent_this_second: u64,
    pub(crate) media_back: Option<Instant>,
    pub(crate) carrier_calls: u64,
}

impl Office {
    /// Runs a whole seed; gives the trace hash, the number of calls, and the broken rules.
    #[must_use]
    pub fn run(seed: u64) -> (u64, usize, Vec<String>) {
        let mut office = Self::open(seed);
        office.work(FAULTS_TIME);
        office.heal();
        office.rest(CONVERGENCE);
        office.check_agreement();
        office.call_somebody();
        office.hang_up_everything();
        office.rest(ENDING);
        office.check_end();
        office.close();
        office.rest(EMPTYING);
        office.check_empty();
        let calls = office.world.calls_started.len();
        (office.world.trace(), calls, office.broken)
    }

    /// Notes a broken rule.
    pub(crate) fn breaks(&mut self, rule: &str, seen: &str) {
        // The first few tell the story.
        if self.broken.len() < 8 {
            let at = self.world.now() - Instant::ORIGIN;
            self.broken.push(format!("{rule} (at {at:?}): {seen}"));
        }
    }

    /// A number below `bound` from the run's own seed.
    pub(crate) fn draw(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// The index of one of so many things.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        let bound = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.rng.below(bound)).unwrap_or_default()
    }

    /// Nobody does anything for a while.
    fn rest(&mut self, span: Duration) {
        let end = self.world.now() + span;
        self.run_until(end);
    }

    /// The network is good again, and everything is on.
    fn heal(&mut self) {
        self.faults = Faults::NONE;
        let now = self.world.now();
        for desk in &mut self.desks {
            desk.silent_until = desk.silent_until.filter(|_| false);
            if desk.carrier.is_some() {
                desk.carrier = Some(crate::desk::Carrier::Serves);
            } else {
                desk.register(now);
            }
        }
        self.flush();
    }
}
