//! The door of a service: who is heard, and whose password is looked at.

use std::collections::VecDeque;
use std::net::IpAddr;

use config::{Guard, GuardRule, Network};
use ipc::guard::{Finding, Measure, Offence, Protection};
use sansio::{Instant, network_of};

use crate::bans::Bans;
use crate::lately::{Kept, Lately};
use crate::line::{Case, Found, GUESSES_MAX, Line};
use crate::notice::Notice;
use crate::owner::{Owner, owner};
use crate::protected::Protected;
use crate::target::Target;

/// Somebody claims to be someone, and has been seen to get what was sent to his address: he speaks
/// TCP, or repeats what the challenge to it said (bar E5). Of others nothing is counted, as anybody
/// can write any sender on a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt<'a> {
    /// From where.
    pub source: IpAddr,
    /// The extension or login claimed, a path asked for; may be empty, and anything.
    pub name: &'a str,
}

/// The door of a service. It decides between two messages, so that exactly as many passwords are
/// looked at as the rule allows, however fast they come (bar E1).
#[derive(Debug)]
pub struct Door {
    guard: Guard,
    bans: Bans,
    protected: Protected,
    /// Networks of the box's own cables, where each address is somebody else's.
    near: Vec<Network>,
    /// Lines from which somebody was let in, apart from the others: no flood drives them out.
    trusted: Lately<IpAddr, Line>,
    others: Lately<IpAddr, Line>,
    owners: Lately<Network, Owner>,
    targets: Lately<String, Target>,
    /// From which lines each name was proved, the oldest first.
    homes: Lately<String, Homes>,
}

/// Lines, the oldest first.
#[derive(Clone, Debug, Default)]
struct Homes(VecDeque<IpAddr>);

impl Kept for Homes {}

impl Default for Door {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            bans: Bans::default(),
            protected: Protected::default(),
            near: Vec::new(),
            trusted: Lately::new(TRUSTED_MAX),
            others: Lately::new(OTHERS_MAX),
            owners: Lately::new(OWNERS_MAX),
            targets: Lately::new(TARGETS_MAX),
            homes: Lately::new(TARGETS_MAX),
        }
    }
}

impl Door {
    /// Takes the rules. Where bans are off from now on, nothing that was decided holds any more.
    pub fn configure(&mut self, guard: &Guard) {
        if self.guard.is_on && !guard.is_on {
            // Who is banned stays known, and nobody obeys it: that those bans have ended is said
            // by who keeps them. Where it was too quick for him to see, they hold on as he shows.
            for lines in [&mut self.trusted, &mut self.others] {
                lines.each(Line::forgive);
            }
            self.owners = Lately::new(OWNERS_MAX);
            self.targets = Lately::new(TARGETS_MAX);
        }
        if self.guard != *guard {
            self.guard = guard.clone();
        }
    }

    /// Learns the networks of the box's own cables: each address there counts by itself, as all
    /// desks of an office are in one /64.
    pub fn near(&mut self, networks: &[Network]) {
        self.near = networks.to_vec();
    }

    /// Who is banned, as the process that keeps the bans says it.
    pub const fn bans(&mut self) -> &mut Bans {
        &mut self.bans
    }

    /// Who is never banned, to be looked at.
    #[must_use]
    pub const fn guests(&self) -> &Protected {
        &self.protected
    }

    /// Who is never banned.
    pub const fn protected(&mut self) -> &mut Protected {
        &mut self.protected
    }

    /// Does what the process says that keeps the bans. Who is protected for one of the reasons
    /// `own` is known here first, and stays as it is.
    pub fn obey(&mut self, now: Instant, notice: Notice, own: &[Protection]) {
        if let Some(bans) = notice.whole {
            self.bans = bans;
        }
        for (network, until) in notice.banned {
            self.bans.put(now, network, until);
        }
        for network in notice.unbanned {
            self.forgive(&network);
        }
        let known = notice.protected.into_iter().flatten();
        for (why, networks) in known.filter(|(why, _)| !own.contains(why)) {
            self.protected.set(why, networks);
        }
    }

    /// Whether nothing of an address is to be read. Asked before anything is. A line with phones or
    /// people who were let in is never shut: only passwords of it are not looked at.
    #[must_use]
    pub fn is_shut(&self, now: Instant, source: IpAddr) -> bool {
        if !self.guard.is_on {
            return false;
        }
        let line = self.line(self.line_of(source));
        if line.is_some_and(|line| line.is_trusted(now)) {
            return false;
        }
        let is_banned = line.is_some_and(|line| line.is_banned(now)) || self.bans.has(now, source);
        is_banned && !self.is_protected(source)
    }

    /// Whether a password is to be looked at. Where it is not, the answer is that to a wrong one.
    pub fn admits(&mut self, now: Instant, attempt: Attempt<'_>) -> bool {
        if !self.guard.is_on {
            return true;
        }
        let (at, name) = (self.line_of(attempt.source), clipped(attempt.name));
        let line = self.line(at);
        if line.is_some_and(|line| !line.admits(now, name)) {
            return false;
        }
        if line.is_some_and(|line| line.knows(now, name)) {
            return true;
        }
        if self.is_shut(now, attempt.source) {
            return false;
        }
        let all = owner(at, self.is_near(at));
        let owner = self.owners.get(&all);
        let is_shunned = owner.is_some_and(|owner| !owner.admits(now));
        if is_shunned && !self.is_protected(attempt.source) {
            return false;
        }
        let has_failed = owner.is_some();
        let looked = self
            .targets
            .change(name, |target| target.admits(now, all, has_failed));
        looked.unwrap_or(true)
    }

    /// Somebody proved who he is.
    pub fn proved(&mut self, now: Instant, attempt: Attempt<'_>) {
        let line = self.line_of(attempt.source);
        if let Some(known) = self.others.take(&line) {
            self.trusted.put(now, line, known);
        }
        let name = clipped(attempt.name);
        self.trusted.touch(now, line).proved(now, name);
        let homes = &mut self.homes.touch(now, name.to_owned()).0;
        if homes.contains(&line) {
            return;
        }
        homes.push_back(line);
        if homes.len() <= HOMES_MAX {
            return;
        }
        let oldest = homes.pop_front();
        let is_strange = |home: &IpAddr| {
            let changed = self.trusted.change(home, |line| {
                line.unlearn(now, name);
                line.is_strange()
            });
            changed == Some(true)
        };
        // What holds of it goes on to hold: who goes round his homes has nothing by it.
        if let Some(home) = oldest.filter(is_strange)
            && let Some(line) = self.trusted.take(&home)
        {
            self.others.put(now, home, line);
        }
    }

    /// Whether somebody proved lately from there to be that.
    #[must_use]
    pub fn knows(&self, now: Instant, attempt: Attempt<'_>) -> bool {
        let line = self.line(self.line_of(attempt.source));
        line.is_some_and(|line| line.knows(now, clipped(attempt.name)))
    }

    /// An extension has another password, or is gone: who used it before is a stranger to it.
    pub fn unlearn(&mut self, now: Instant, name: &str) {
        let name = clipped(name);
        for home in self.homes.take(name).unwrap_or_default().0 {
            self.trusted.change(&home, |line| line.unlearn(now, name));
        }
    }

    /// Somebody did what honest people seldom do often: what follows, or would.
    pub fn offence(
        &mut self,
        now: Instant,
        attempt: Attempt<'_>,
        offence: Offence,
    ) -> Vec<Finding> {
        let (at, name) = (self.line_of(attempt.source), clipped(attempt.name));
        let offence = self.told_apart(name, offence);
        let rule = self.guard.rule(offence);
        let is_in_force = self.guard.is_on && !rule.only_report;
        let case = Case {
            offence,
            name,
            rule,
            is_in_force,
            is_protected: self.is_protected(attempt.source),
            lasts: self.guard.first,
        };
        let lines = match self.trusted.get(&at).is_some() {
            true => &mut self.trusted,
            false => &mut self.others,
        };
        let line = lines.touch(now, at);
        // He would not have been heard any more.
        if !is_in_force && line.would_be_banned(now, offence) {
            return Vec::new();
        }
        // Also where others are known: one account would make all its lines good for guessing.
        let is_strange = !case.is_protected && !line.was_known(name);
        let counted = line.count(now, &case);
        let (tried, is_one_name) = (line.tried(), line.is_one_name());
        let source = self.network(at);
        let finding = |it: Found| Finding {
            offence,
            source: source.to_string(),
            measure: it.measure,
            is_in_force,
            count: it.count,
            within_secs: u32::try_from(it.within.as_secs()).unwrap_or(u32::MAX),
            tried,
            // Phones repeat; who scans does other things too.
            is_one_name: is_one_name && is_guess(offence),
        };
        let mut found = Vec::from_iter(counted.map(finding));
        if is_strange && is_guess(offence) {
            found.extend(self.strange_guess(now, (at, name), (&rule, is_in_force), offence));
        }
        found
    }

    /// A guess at a name that was never used on the line: what all lines of its owner do, and what
    /// all do to the one name.
    fn strange_guess(
        &mut self,
        now: Instant,
        (at, name): (IpAddr, &str),
        (rule, is_in_force): (&GuardRule, bool),
        offence: Offence,
    ) -> Vec<Finding> {
        let lasts = self.guard.first;
        let finding = |measure, source: Network, count| Finding {
            offence,
            source: source.to_string(),
            measure,
            is_in_force,
            count,
            within_secs: u32::try_from(rule.within.as_secs()).unwrap_or(u32::MAX),
            tried: vec![name.to_owned()],
            is_one_name: false,
        };
        let mut found = Vec::new();
        let all = owner(at, self.is_near(at));
        let owner = self.owners.touch(now, all);
        if owner.guessed(now, (rule, is_in_force), lasts) {
            found.push(finding(Measure::Narrow, all, GUESSES_MAX));
        }
        let target = self.targets.touch(now, name.to_owned());
        if let Some(count) = target.guessed(now, all, (rule, is_in_force), lasts) {
            found.push(finding(Measure::Slow, self.network(at), count));
        }
        found
    }

    /// Whoever was locked out may try again: somebody said so. Where nothing holds, what was
    /// counted stands: else who says so again and again would have nobody found.
    pub fn forgive(&mut self, network: &Network) {
        let was_banned = self.bans.remove(network);
        let forgive = |line: &mut Line| {
            if was_banned || line.is_held() {
                line.forgive();
            }
        };
        let first = network.address();
        let all = owner(first, self.is_near(first));
        for first in [network, &all] {
            let belongs = |it: &Network| network.contains(it.address()) || *it == all;
            self.owners.forget_from(first, belongs, Owner::is_held);
        }
        // An address of a line stands for the line.
        let line = Some(self.line_of(first)).filter(|it| *it != first);
        for lines in [&mut self.trusted, &mut self.others] {
            lines.each_from(&first, |line| network.contains(*line), forgive);
            if let Some(line) = line {
                lines.change(&line, forgive);
            }
        }
    }

    fn told_apart(&self, name: &str, offence: Offence) -> Offence {
        let is_decoy = || self.guard.decoys.iter().any(|it| it.as_str() == name);
        match is_guess(offence) && is_decoy() {
            true => Offence::SipDecoy,
            false => offence,
        }
    }

    /// Whether somebody on the line is never banned.
    fn is_protected(&self, source: IpAddr) -> bool {
        let line = self.network(self.line_of(source));
        self.protected.within(&line).is_some()
    }

    fn line(&self, line: IpAddr) -> Option<&Line> {
        self.trusted.get(&line).or_else(|| self.others.get(&line))
    }

    /// Whose line an address is: one customer's, or on the box's own cable one machine's.
    /// It counts by that, so who is there proves it for no more than that (bar E5).
    #[must_use]
    pub fn line_of(&self, source: IpAddr) -> IpAddr {
        let source = source.to_canonical();
        match self.is_near(source) {
            true => source,
            false => network_of(source),
        }
    }

    fn is_near(&self, source: IpAddr) -> bool {
        // Private addresses are those of the customer's machines, wherever his routers have them.
        config::is_local(source) || self.near.iter().any(|it| it.contains(source))
    }

    /// A line as a network: `192.0.2.7/32`, `2001:db8:1:2::/64`.
    fn network(&self, line: IpAddr) -> Network {
        let one = Network::of(line);
        match line.is_ipv4() || self.is_near(line) {
            true => one,
            false => Network::around(line, LINE_LENGTH).unwrap_or(one),
        }
    }
}

/// Whether it is a try at a password, right or wrong.
const fn is_guess(offence: Offence) -> bool {
    matches!(
        offence,
        Offence::SipPassword | Offence::SipExtension | Offence::SipOutside
    )
}

/// As much of a name as is compared; no extension or login is longer.
fn clipped(name: &str) -> &str {
    let end = name.floor_char_boundary(NAME_MAX);
    name.get(..end).unwrap_or_default()
}

/// Bits that all addresses of one IPv6 line share.
const LINE_LENGTH: u8 = 64;
/// Bytes of a name.
const NAME_MAX: usize = 64;
/// Lines from which somebody was let in that are remembered.
const TRUSTED_MAX: usize = 10_000;
/// Of one name, so many: who has one account takes nobody's place.
const HOMES_MAX: usize = 32;
/// Owners of addresses.
const OWNERS_MAX: usize = 20_000;
/// Other lines.
const OTHERS_MAX: usize = 20_000;
/// Extensions that are guessed at; a site has no more.
const TARGETS_MAX: usize = 10_000;
