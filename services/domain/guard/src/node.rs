//! The node: findings in, bans out.

use std::collections::VecDeque;

use config::{Guard, Network};
use ipc::guard::{BanRow, Fate, Finding, Measure, Protection, Told};
use sansio::{Instant, Node, Rng, UnixTime};

use crate::book::{Ban, Book, Changed};
use crate::protected::Protected;

/// One cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// What earlier processes kept; once, at start, before anything else.
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
    /// Every door and the kernel ban it until then.
    Ban(Network, Instant),
    /// None of them does any more.
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
    rng: Rng,
    now: Instant,
    /// The wall clock when it was told, and when that was.
    wall: Option<(UnixTime, Instant)>,
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
            rng,
            now: Instant::ORIGIN,
            wall: None,
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
        // Also at a start, when they were switched off while nobody kept them.
        let is_to_forget = !guard.is_on && (self.guard.is_on || !self.book.is_empty());
        self.guard = guard;
        self.protected
            .set(Protection::Listed, self.guard.never.clone());
        if is_to_forget {
            self.book.clear();
            self.outputs.extend([Output::UnbanAll, Output::DropAll]);
        }
        self.spare();
    }

    /// Who is protected now is banned no more.
    fn spare(&mut self) {
        let bans = self.book.in_force().map(|(network, _)| *network);
        let spared: Vec<_> = bans
            .filter(|it| self.protected.within(it).is_some())
            .collect();
        for network in spared {
            self.unban(network);
        }
    }

    fn unban(&mut self, network: Network) {
        let _ = self.book.unban(&network);
        // Also when it is not in the book: a door may have shut by itself.
        self.outputs.push_back(Output::Unban(network));
        self.outputs.push_back(Output::Drop(vec![network]));
    }

    fn found(&mut self, finding: Finding) {
        let fate = match finding.measure {
            Measure::Ban => self.judge(&finding),
            Measure::Lock | Measure::Narrow | Measure::Hush | Measure::Slow => {
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
        let (of, guard) = ((&network, finding), &self.guard);
        let ban = self.book.next(self.now, wall, of, guard, &mut self.rng);
        let times = ban.times;
        let changed = self.book.ban(network, ban, &self.protected);
        self.carry_out(&changed);
        Fate::Banned(times)
    }

    fn carry_out(&mut self, changed: &Changed) {
        for network in &changed.put {
            let until = self.book.get(network).map(|ban| ban.until);
            self.outputs
                .extend(until.map(|until| Output::Ban(*network, until)));
        }
        let gone = changed.ended.iter().chain(&changed.removed);
        self.outputs.extend(gone.map(|it| Output::Unban(*it)));
        let kept = changed.put.iter().chain(&changed.ended);
        let rows: Vec<_> = kept
            .filter_map(|it| self.book.row(self.now, self.wall(), it))
            .collect();
        if !rows.is_empty() {
            self.outputs.push_back(Output::Keep(rows));
        }
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
                self.book.restore(now, self.wall(), &rows);
                let bans = self.book.in_force();
                let bans = bans.map(|(network, ban)| Output::Ban(*network, ban.until));
                self.outputs.extend(bans);
            }
            Input::Config(guard) => self.configure(*guard),
            Input::Protect(why, networks) => {
                self.protected.set(why, networks);
                self.spare();
            }
            Input::Clock(wall) => self.wall = wall.map(|wall| (wall, now)),
            Input::Found(finding) => self.found(finding),
            Input::Unban(network) => self.unban(network),
            Input::Timer => {
                let changed = self.book.expire(now);
                self.carry_out(&changed);
            }
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.book.deadline()
    }
}

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
        assert_eq!(outputs(&mut node).len(), 1);
        node.handle(Instant::ORIGIN, Input::Config(Box::default()));
        assert_eq!(outputs(&mut node), [Output::UnbanAll, Output::DropAll]);
        assert_eq!((node.bans().count(), node.deadline()), (0, None));
        node.handle(Instant::ORIGIN, Input::Config(Box::default()));
        assert_eq!(outputs(&mut node), [], "and once");
    }
}
