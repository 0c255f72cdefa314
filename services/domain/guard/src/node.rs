//! The node: findings in, bans out.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use config::{Guard, Network};
use ipc::guard::{BanRow, Fate, Finding, Measure, Protection, Told};
use sansio::{Instant, Node, Rng, UnixTime};

use crate::book::{Ban, Book, Changed};
use crate::protected::Protected;

/// One cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// What earlier processes kept, at start: all of it, or piece by piece once the rules are
    /// known. Nobody is banned by it before that, as they may say that nobody is.
    Stored(Vec<BanRow>),
    /// The rules.
    Config(Box<Guard>),
    /// Who is never banned for a reason: replaces those before.
    Protect(Protection, Vec<Network>),
    /// The wall clock now, when it is believed: at start, and whenever it was set.
    Clock(Option<UnixTime>),
    /// A door found something.
    Found(Finding),
    /// Somebody says that a network is not to be banned any more.
    Unban(Network),
    /// The deadline has passed.
    Timer,
}

/// One wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Every door and the kernel ban it until then, by themselves.
    Ban(Network, Instant),
    /// None of them does any more, and what the doors know of it is forgiven: somebody said so, or
    /// it is protected.
    Unban(Network),
    /// Nobody is banned any more.
    UnbanAll,
    /// Keep these; each replaces the one of its network.
    Keep(Vec<BanRow>),
    /// Keep these no more.
    Drop(Vec<Network>),
    /// Keep none.
    DropAll,
    /// Something for the log, the pages and the grid.
    Told(Told),
}

/// Keeps the bans.
#[derive(Debug)]
pub struct GuardNode {
    guard: Guard,
    protected: Protected,
    book: Book,
    /// What was kept, until the rules are known.
    stored: Vec<BanRow>,
    is_configured: bool,
    rng: Rng,
    now: Instant,
    /// The wall clock when it was told, and when that was.
    wall: Option<(UnixTime, Instant)>,
    /// When bans are kept anew, while the clock is not believed.
    keep_at: Option<Instant>,
    /// Up to which they were, where that were not all.
    kept_to: Option<Network>,
    told: VecDeque<Told>,
    outputs: VecDeque<Output>,
}

impl GuardNode {
    /// Nobody is banned.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self {
            guard: Guard::default(),
            protected: Protected::default(),
            book: Book::default(),
            stored: Vec::new(),
            is_configured: false,
            rng,
            now: Instant::ORIGIN,
            wall: None,
            keep_at: None,
            kept_to: None,
            told: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Who is banned now.
    pub fn bans(&self) -> impl Iterator<Item = (&Network, &Ban)> {
        self.book.in_force()
    }

    /// What was found lately, the newest first.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().rev()
    }

    /// The bans that [`Input::Unban`] of a network lifts now.
    #[must_use]
    pub fn lifted_by(&self, network: &Network) -> Vec<Network> {
        let mut all = self.book.overlapping(network);
        all.retain(|it| self.book.is_in_force(it));
        all
    }

    /// Whether anybody is banned at all (R69).
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.guard.is_on
    }

    fn wall(&self) -> Option<UnixTime> {
        let (wall, at) = self.wall?;
        let since = i64::try_from((self.now - at).as_millis()).unwrap_or(i64::MAX);
        Some(UnixTime::from_millis(
            wall.as_millis().saturating_add(since),
        ))
    }

    fn configure(&mut self, guard: Guard) {
        let was_on = std::mem::replace(&mut self.guard, guard).is_on;
        let is_first = !std::mem::replace(&mut self.is_configured, true);
        let never = self.guard.never.clone();
        let new = self.protected.set(Protection::Listed, never).new;
        if is_first {
            self.take_up();
        } else if was_on && !self.guard.is_on {
            self.book.clear();
            self.outputs.extend([Output::UnbanAll, Output::DropAll]);
        }
        self.spare(&new);
    }

    /// Goes on from what was kept, where anybody is banned at all (R69).
    fn take_up(&mut self) {
        let rows = std::mem::take(&mut self.stored);
        if rows.is_empty() {
            return;
        }
        if !self.guard.is_on {
            self.outputs.push_back(Output::DropAll);
            return;
        }
        let wall = self.wall();
        let endless = rows.iter().filter(|row| row.until_secs.is_none());
        let endless: Vec<_> = endless.map(|row| row.network.clone()).collect();
        let restored = self.book.restore(self.now, wall, rows);
        for network in restored.held {
            if self.protected.within(&network).is_some() {
                self.unban(network);
            } else if let Some(ban) = self.book.get(&network) {
                self.outputs.push_back(Output::Ban(network, ban.until));
            }
        }
        if !restored.forgotten.is_empty() {
            self.outputs.push_back(Output::Drop(restored.forgotten));
        }
        if wall.is_some() {
            // They have an end now, and need not begin anew at the next start.
            self.keep(endless.iter().filter_map(|it| Network::parse(it)));
        }
        self.keep_later();
    }

    /// Who is protected from now on is banned no more.
    fn spare(&mut self, new: &[Network]) {
        let around = new.iter().flat_map(|it| self.book.overlapping(it));
        let spared: BTreeSet<Network> = around.filter(|it| self.book.is_in_force(it)).collect();
        if !spared.is_empty() {
            self.lift(spared.into_iter().collect());
        }
    }

    /// Without a clock only what is left of a ban says when it ends, so that is kept now and then:
    /// else each restart would begin it anew.
    fn keep_later(&mut self) {
        let is_needed = self.wall.is_none() && self.book.in_force().next().is_some();
        self.keep_at = is_needed.then(|| self.now + KEEP_PAUSE);
    }

    fn keep_all(&mut self) {
        let all = self.book.in_force().map(|(network, _)| *network);
        self.keep(all.collect::<Vec<_>>());
        self.keep_later();
    }

    /// Of many some in each hour, and none that ends within it, so that no card wears out by it.
    fn keep_some(&mut self) {
        let next = self.now + KEEP_PAUSE;
        let all = self.book.in_force_after(self.kept_to);
        let long = all.filter(|(_, ban)| ban.until > next);
        let some: Vec<Network> = long.map(|(it, _)| *it).take(KEEP_MAX).collect();
        self.kept_to = some.last().copied().filter(|_| some.len() >= KEEP_MAX);
        self.keep(some);
        self.keep_later();
    }

    /// Keeps these as they are now.
    fn keep(&mut self, networks: impl IntoIterator<Item = Network>) {
        let wall = self.wall();
        let rows = networks
            .into_iter()
            .filter_map(|it| self.book.row(self.now, wall, &it));
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            self.outputs.push_back(Output::Keep(rows));
        }
    }

    fn take_clock(&mut self, wall: Option<UnixTime>) {
        let is_first = self.wall.is_none();
        self.wall = wall.map(|wall| (wall, self.now));
        if let Some(wall) = wall {
            self.book.cut(self.now, wall);
        }
        // What was kept without an end has one now.
        match is_first && wall.is_some() {
            true => self.keep_all(),
            false => self.keep_later(),
        }
    }

    /// A network is banned no more, nor what it is a part of or has in it.
    fn unban(&mut self, network: Network) {
        let lifted = self.book.overlapping(&network);
        // Also when it is not in the book: a door may have shut by itself.
        if !lifted.contains(&network) {
            self.outputs.push_back(Output::Unban(network));
        }
        if !lifted.is_empty() {
            self.lift(lifted);
        }
    }

    fn lift(&mut self, lifted: Vec<Network>) {
        for network in &lifted {
            self.book.unban(network);
        }
        let lifts = lifted.iter().map(|it| Output::Unban(*it));
        self.outputs.extend(lifts);
        self.outputs.push_back(Output::Drop(lifted));
    }

    fn found(&mut self, finding: Finding) {
        let fate = match finding.measure {
            Measure::Ban => self.judge(&finding),
            Measure::Lock | Measure::Narrow | Measure::Slow => {
                if finding.is_in_force {
                    Fate::AtTheDoor
                } else {
                    Fate::WouldBeAtTheDoor
                }
            }
        };
        let at_millis = self.wall().unwrap_or_default().as_millis();
        let told = Told {
            finding,
            at_millis,
            fate,
        };
        if self.told.len() >= TOLD_MAX {
            self.told.pop_front();
        }
        self.told.push_back(told.clone());
        self.outputs.push_back(Output::Told(told));
    }

    fn judge(&mut self, finding: &Finding) -> Fate {
        let Some(network) = Network::parse(&finding.source) else {
            return Fate::WouldBeAtTheDoor;
        };
        if let Some(why) = self.protected.within(&network) {
            self.outputs.push_back(Output::Unban(network));
            return Fate::Spared(why);
        }
        if !finding.is_in_force || !self.guard.is_on {
            return Fate::WouldBeBanned;
        }
        let wall = self.wall().unwrap_or_default();
        let rules = (&self.guard, &self.protected);
        let of = (network, finding);
        let changed = self.book.ban(self.now, wall, of, rules, &mut self.rng);
        let put = changed.put.first().and_then(|it| self.book.get(it));
        let times = put.map_or(1, |ban| ban.times);
        self.carry_out(&changed);
        if self.keep_at.is_none() {
            self.keep_later();
        }
        Fate::Banned(times)
    }

    fn carry_out(&mut self, changed: &Changed) {
        for network in &changed.put {
            let until = self.book.get(network).map(|ban| ban.until);
            self.outputs
                .extend(until.map(|until| Output::Ban(*network, until)));
        }
        self.keep(changed.put.iter().chain(&changed.ended).copied());
        if !changed.removed.is_empty() {
            self.outputs
                .push_back(Output::Drop(changed.removed.clone()));
        }
    }
}

impl Node for GuardNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        self.now = now;
        match input {
            Input::Stored(rows) => {
                self.stored = rows;
                if self.is_configured {
                    self.take_up();
                }
            }
            Input::Config(guard) => self.configure(*guard),
            Input::Protect(why, networks) => {
                let new = self.protected.set(why, networks).new;
                self.spare(&new);
            }
            Input::Clock(wall) => self.take_clock(wall),
            Input::Found(finding) => self.found(finding),
            Input::Unban(network) => self.unban(network),
            Input::Timer => {
                let changed = self.book.expire(now);
                self.carry_out(&changed);
                if self.keep_at.is_some_and(|at| at <= now) {
                    self.keep_some();
                }
            }
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.book.deadline().into_iter().chain(self.keep_at).min()
    }
}

/// How much longer than it was to a ban may last through a restart without a clock: so much for
/// each [`KEEP_MAX`] that there are.
const KEEP_PAUSE: Duration = Duration::from_secs(3_600);
/// Bans that are kept anew at one time: a few MB.
const KEEP_MAX: usize = 20_000;
/// What was found lately that is kept for people.
const TOLD_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use ipc::guard::Offence;

    use super::*;

    #[test]
    fn bans_that_were_switched_off_while_nobody_kept_them_are_forgotten_at_the_start() {
        let mut node = GuardNode::new(Rng::from_seed(1));
        let row = |left_secs| BanRow {
            network: format!("192.0.2.{left_secs}/32"),
            offence: Offence::SipPassword,
            count: 5,
            within_secs: 600,
            tried: Vec::new(),
            since_secs: 0,
            left_secs,
            until_secs: None,
            times: 1,
        };
        let outputs = |node: &mut GuardNode| Vec::from_iter(std::iter::from_fn(|| node.poll()));
        // One of them is over, and kept for the next.
        node.handle(Instant::ORIGIN, Input::Stored(vec![row(0), row(9)]));
        assert_eq!(
            outputs(&mut node),
            [],
            "nobody says yet whether anybody is banned"
        );
        node.handle(Instant::ORIGIN, Input::Config(Box::default()));
        assert_eq!(outputs(&mut node), [Output::DropAll]);
        assert_eq!((node.bans().count(), node.deadline()), (0, None));
        node.handle(Instant::ORIGIN, Input::Config(Box::default()));
        assert_eq!(outputs(&mut node), [], "and once");
    }
}
