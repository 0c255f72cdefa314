//! The door of a service: who is heard, and whose password is looked at.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use config::{Guard, Network};
use ipc::guard::{Bans as Told, Finding, Measure, Offence, Protection};
use sansio::{Instant, network_of};

use crate::bans::Bans;
use crate::lately::Lately;
use crate::line::{Case, Line};
use crate::protected::Protected;
use crate::target::{LINES, Target};
use crate::window::Window;

/// Somebody claims to be someone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt<'a> {
    /// From where.
    pub source: IpAddr,
    /// The extension or login claimed, a path asked for; may be empty, and anything.
    pub name: &'a str,
    /// He has been seen to get what was sent to that address: he speaks TCP, or repeats what the
    /// challenge to it said (bar E5). Anybody can write any sender on a datagram.
    pub is_proven: bool,
}

/// The door of a service. It decides between two messages, so that exactly as many passwords are
/// looked at as the rule allows, however fast they come (bar E1).
#[derive(Debug)]
pub struct Door {
    guard: Guard,
    bans: Bans,
    protected: Protected,
    lines: Lately<IpAddr, Line>,
    faint: Lately<IpAddr, Faint>,
    targets: Lately<String, Target>,
}

/// A sender who may be anybody.
#[derive(Clone, Debug, Default)]
struct Faint {
    window: Window,
    hushed: Option<Instant>,
    is_in_force: bool,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            bans: Bans::default(),
            protected: Protected::default(),
            lines: Lately::new(LINES_MAX),
            faint: Lately::new(FAINT_MAX),
            targets: Lately::new(TARGETS_MAX),
        }
    }
}

impl Door {
    /// Takes the rules. Where bans are off from now on, nothing that was decided holds any more.
    pub fn configure(&mut self, guard: &Guard) {
        if self.guard.is_on && !guard.is_on {
            self.bans.clear();
            self.lines.each_of(|_| true, Line::forgive);
            self.faint = Lately::new(FAINT_MAX);
            self.targets = Lately::new(TARGETS_MAX);
        }
        self.guard = guard.clone();
    }

    /// Who is banned, as the process that keeps the bans says it.
    pub const fn bans(&mut self) -> &mut Bans {
        &mut self.bans
    }

    /// Who is never banned.
    pub const fn protected(&mut self) -> &mut Protected {
        &mut self.protected
    }

    /// Takes what the process says that keeps the bans. Who is protected for the reason `own` is
    /// known here first, and stays as it is.
    pub fn take(&mut self, now: Instant, told: &Told, own: Protection) {
        if told.is_whole {
            self.bans.clear();
        }
        for (network, millis) in &told.banned {
            if let Some(network) = Network::parse(network) {
                self.bans.put(network, now + Duration::from_millis(*millis));
            }
        }
        for network in told.unbanned.iter().filter_map(|it| Network::parse(it)) {
            self.forgive(&network);
        }
        let Some(guests) = &told.protected else {
            return;
        };
        let mut by_reason: BTreeMap<Protection, Vec<Network>> = BTreeMap::new();
        for guest in guests {
            let network = Network::parse(&guest.network);
            by_reason.entry(guest.why).or_default().extend(network);
        }
        for why in Protection::ALL.into_iter().filter(|it| *it != own) {
            let networks = by_reason.remove(&why).unwrap_or_default();
            self.protected.set(why, networks);
        }
    }

    /// Whether nothing of an address is to be read. Asked before anything is.
    #[must_use]
    pub fn is_shut(&self, now: Instant, source: IpAddr) -> bool {
        if !self.guard.is_on {
            return false;
        }
        let line = network_of(source);
        let is_banned =
            self.bans.has(now, source) || self.lines.get(&line).is_some_and(|it| it.is_banned(now));
        let is_hushed = self
            .faint
            .get(&line)
            .is_some_and(|it| it.is_in_force && it.hushed.is_some_and(|until| now < until));
        (is_banned || is_hushed) && self.protected.why(source).is_none()
    }

    /// Whether a password is to be looked at. Where it is not, the answer is that to a wrong one.
    pub fn admits(&mut self, now: Instant, attempt: Attempt<'_>) -> bool {
        // Who cannot be known to be there is let in by no password, and uses up nobody's turn.
        if !self.guard.is_on || !attempt.is_proven {
            return true;
        }
        let line = self.lines.get(&network_of(attempt.source));
        if line.is_some_and(|line| !line.admits(now, attempt.name)) {
            return false;
        }
        if line.is_some_and(|line| line.knows(now, attempt.name)) {
            return true;
        }
        let target = attempt.name.to_owned();
        let looked = self.targets.change(&target, |target| target.admits(now));
        looked.unwrap_or(true)
    }

    /// Somebody proved who he is.
    pub fn proved(&mut self, now: Instant, attempt: Attempt<'_>) {
        let line = self.lines.touch(now, network_of(attempt.source));
        line.proved(now, attempt.name);
    }

    /// Somebody did what honest people seldom do often: what follows, or would.
    pub fn offence(
        &mut self,
        now: Instant,
        attempt: Attempt<'_>,
        offence: Offence,
    ) -> Vec<Finding> {
        let offence = self.told_apart(attempt, offence);
        if !attempt.is_proven {
            return self.unproven(now, attempt, offence).into_iter().collect();
        }
        let source = network_of(attempt.source);
        let rule = self.guard.rule(offence);
        let is_in_force = self.guard.is_on && !rule.only_report;
        let case = Case {
            offence,
            name: attempt.name,
            rule,
            is_in_force,
            is_protected: self.protected.why(attempt.source).is_some(),
            lasts: self.guard.first,
        };
        let line = self.lines.touch(now, source);
        let is_stranger = !line.knows(now, attempt.name);
        let measure = line.count(now, &case);
        let tried = line.tried();
        let finding = |measure, count, tried| Finding {
            offence,
            source: network(source),
            measure,
            is_in_force,
            count,
            within_secs: u32::try_from(rule.within.as_secs()).unwrap_or(u32::MAX),
            tried,
        };
        let mut found = Vec::from_iter(measure.map(|it| finding(it, rule.count, tried)));
        if offence == Offence::SipPassword && is_stranger {
            let target = self.targets.touch(now, attempt.name.to_owned());
            if target.guessed(now, source, &rule, is_in_force, self.guard.first) {
                let lines = u16::try_from(LINES).unwrap_or(u16::MAX);
                found.push(finding(Measure::Slow, lines, vec![attempt.name.to_owned()]));
            }
        }
        found
    }

    /// Whoever was locked out may try again: somebody said so.
    pub fn forgive(&mut self, network: &Network) {
        self.bans.remove(network);
        self.lines
            .each_of(|line| network.contains(*line), Line::forgive);
        self.faint.retain(|line, _| !network.contains(*line));
    }

    fn told_apart(&self, attempt: Attempt<'_>, offence: Offence) -> Offence {
        let is_guess = matches!(offence, Offence::SipPassword | Offence::SipExtension);
        if is_guess
            && self
                .guard
                .decoys
                .iter()
                .any(|it| it.as_str() == attempt.name)
        {
            Offence::SipDecoy
        } else {
            offence
        }
    }

    /// The sender may be anybody's address: it is never banned, and nobody who is known is touched.
    fn unproven(
        &mut self,
        now: Instant,
        attempt: Attempt<'_>,
        offence: Offence,
    ) -> Option<Finding> {
        let source = network_of(attempt.source);
        let line = self.lines.get(&source);
        if line.is_some_and(|line| line.is_trusted(now))
            || self.protected.why(attempt.source).is_some()
        {
            return None;
        }
        let rule = self.guard.rule(offence);
        let faint = self.faint.touch(now, source);
        if faint.hushed.is_some_and(|until| now < until) || !faint.window.count(now, &rule) {
            return None;
        }
        faint.window.clear();
        faint.is_in_force = self.guard.is_on && !rule.only_report;
        faint.hushed = Some(now + HUSH);
        Some(Finding {
            offence,
            source: network(source),
            measure: Measure::Hush,
            is_in_force: faint.is_in_force,
            count: rule.count,
            within_secs: u32::try_from(rule.within.as_secs()).unwrap_or(u32::MAX),
            tried: Vec::new(),
        })
    }
}

/// A line as a network: `192.0.2.7/32`, `2001:db8:1:2::/64`.
fn network(line: IpAddr) -> String {
    let length = if line.is_ipv4() { 32 } else { 64 };
    Network::around(line, length).map_or_else(|| line.to_string(), |it| it.to_string())
}

/// Lines that are remembered.
const LINES_MAX: usize = 20_000;
/// Senders that may be anybody's, apart from those: a flood of invented ones drives out no other.
const FAINT_MAX: usize = 4_096;
/// Extensions that are guessed at.
const TARGETS_MAX: usize = 2_000;
/// How long a sender that may be anybody's is not read.
const HUSH: Duration = Duration::from_secs(5);
