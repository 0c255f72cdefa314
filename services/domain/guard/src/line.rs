//! What one customer line did lately: an IPv4 address, or the /64 of an IPv6 one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use config::GuardRule;
use ipc::guard::{Measure, Offence};
use sansio::Instant;

use crate::lately::Lately;
use crate::window::Window;

/// What one line did lately.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    windows: BTreeMap<Offence, Window>,
    names: Lately<String, Name>,
    /// When each extension was last used from here with its password.
    known: Lately<String, Known>,
    last_known: Option<Instant>,
    banned: Option<Until>,
    narrowed: Option<Until>,
    tried: VecDeque<String>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            windows: BTreeMap::new(),
            names: Lately::new(NAMES_MAX),
            known: Lately::new(KNOWN_MAX),
            last_known: None,
            banned: None,
            narrowed: None,
            tried: VecDeque::new(),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Name {
    window: Window,
    locked: Option<Until>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    last: Instant,
}

/// Until when something holds; out of force it is only told.
#[derive(Clone, Copy, Debug)]
struct Until {
    end: Instant,
    is_in_force: bool,
}

impl Until {
    fn holds(this: Option<Self>, now: Instant) -> bool {
        this.is_some_and(|it| it.is_in_force && now < it.end)
    }

    fn is_told(this: Option<Self>, now: Instant) -> bool {
        this.is_some_and(|it| now < it.end)
    }
}

/// One offence, and what follows it.
pub(crate) struct Case<'a> {
    pub(crate) offence: Offence,
    pub(crate) name: &'a str,
    pub(crate) rule: GuardRule,
    pub(crate) is_in_force: bool,
    pub(crate) is_protected: bool,
    pub(crate) lasts: Duration,
}

impl Line {
    pub(crate) fn is_banned(&self, now: Instant) -> bool {
        Until::holds(self.banned, now)
    }

    /// Whether a password for this extension is looked at.
    pub(crate) fn admits(&self, now: Instant, name: &str) -> bool {
        let locked = self.names.get(&name.to_owned()).and_then(|it| it.locked);
        let is_outsider = Until::holds(self.narrowed, now) && !self.knows(now, name);
        !Until::holds(locked, now) && !is_outsider
    }

    /// Whether the extension was used from here within a day.
    pub(crate) fn knows(&self, now: Instant, name: &str) -> bool {
        let known = self.known.get(&name.to_owned());
        known.is_some_and(|known| now - known.last < TRUST)
    }

    /// Whether any was.
    pub(crate) fn is_trusted(&self, now: Instant) -> bool {
        self.last_known.is_some_and(|last| now - last < TRUST)
    }

    /// The right password: it is known to be in good hands.
    pub(crate) fn proved(&mut self, now: Instant, name: &str) {
        self.known.touch(now, name.to_owned()).last = now;
        self.last_known = Some(now);
        self.names.remove(&name.to_owned());
        if !self.is_banned(now) {
            self.banned = None;
        }
    }

    /// Counts an offence: what follows now, if anything.
    pub(crate) fn count(&mut self, now: Instant, case: &Case<'_>) -> Option<Measure> {
        if Until::is_told(self.banned, now) {
            return None;
        }
        self.note(case.name);
        let is_trusted = case.is_protected || self.is_trusted(now);
        let until = Some(Until {
            end: now + case.lasts,
            is_in_force: case.is_in_force,
        });
        if is_trusted && is_of_one_extension(case.offence) && !case.name.is_empty() {
            return self.count_name(now, case, until);
        }
        let window = self.windows.entry(case.offence).or_default();
        if !window.count(now, &case.rule) {
            return None;
        }
        window.clear();
        if is_trusted {
            return self.narrow(now, until);
        }
        self.banned = until;
        Some(Measure::Ban)
    }

    /// Phones beside the one with the wrong password go on.
    fn count_name(
        &mut self,
        now: Instant,
        case: &Case<'_>,
        until: Option<Until>,
    ) -> Option<Measure> {
        let name = self.names.touch(now, case.name.to_owned());
        if Until::is_told(name.locked, now) || !name.window.count(now, &case.rule) {
            return None;
        }
        name.window.clear();
        name.locked = until;
        let locked = self.names.count(|it| Until::is_told(it.locked, now));
        if locked >= LOCKED_MAX {
            return self.narrow(now, until).or(Some(Measure::Lock));
        }
        Some(Measure::Lock)
    }

    fn narrow(&mut self, now: Instant, until: Option<Until>) -> Option<Measure> {
        let is_news = !Until::is_told(self.narrowed, now);
        self.narrowed = until;
        is_news.then_some(Measure::Narrow)
    }

    /// Keeps what was tried, for people.
    fn note(&mut self, name: &str) {
        let name: String = name.chars().take(TRIED_LENGTH).collect();
        if name.is_empty() || self.tried.contains(&name) {
            return;
        }
        if self.tried.len() >= TRIED_MAX {
            self.tried.pop_front();
        }
        self.tried.push_back(name);
    }

    /// What was tried lately, some of it.
    pub(crate) fn tried(&self) -> Vec<String> {
        self.tried.iter().cloned().collect()
    }

    /// Nothing holds any more; what was known stays.
    pub(crate) fn forgive(&mut self) {
        self.banned = None;
        self.narrowed = None;
        self.windows.clear();
        self.names = Lately::new(NAMES_MAX);
    }
}

/// Whether an offence is about one extension, which can be locked by itself.
const fn is_of_one_extension(offence: Offence) -> bool {
    matches!(
        offence,
        Offence::SipPassword | Offence::SipOutside | Offence::WebSignIn
    )
}

/// After so long without a right password a line is like any other.
const TRUST: Duration = Duration::from_secs(24 * 3_600);
/// Extensions guessed at from one line that are remembered.
const NAMES_MAX: usize = 64;
/// Extensions in use from one line that are remembered; a large office has no more.
const KNOWN_MAX: usize = 1_000;
/// So many locked extensions of one line are no forgotten passwords.
pub(crate) const LOCKED_MAX: usize = 8;
/// Of what was tried.
const TRIED_MAX: usize = 5;
/// Characters of each.
const TRIED_LENGTH: usize = 40;
