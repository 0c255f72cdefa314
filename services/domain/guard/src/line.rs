//! What one customer line did lately.
//!
//! ```text
//!               proved                        a day without, or unlearnt
//!   strange -------------------> trusted -------------------------------> strange
//!      |                            |
//!      | too often                  | too often at one name     in all, or many names locked
//!      v                            v                           v
//!   banned                       locked (that name)          narrowed (names never used here)
//!      |                            |                           |
//!      +---- its time is over, or forgiven: nothing holds ------+
//! ```
//!
//! A line with somebody protected on it goes the way of a trusted one. What turns somebody away is
//! not prolonged by him: who is banned, locked or narrowed out is not counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use config::GuardRule;
use ipc::guard::{Measure, Offence};
use sansio::Instant;

use crate::lately::{Kept, Lately};
use crate::window::Window;

/// What one line did lately.
///
/// What is in force and what would be are counted apart: an offence that is only reported must
/// neither hide nor hasten one that is not.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    windows: BTreeMap<(Kind, bool), Window>,
    /// Wrong passwords by name, of names that were never used here: in force, and only told.
    names: [Lately<String, Window>; 2],
    /// Extensions of which no password is looked at, and until when.
    locked: BTreeMap<String, Instant>,
    /// When each extension was last used from here with its password, and wrong ones since: windows
    /// for each, so that no other name drives it out; in force, and only told.
    known: Lately<String, [Window; 2]>,
    /// The same of extensions that have another password since, or are gone.
    former: Lately<String, [Window; 2]>,
    banned: Option<Instant>,
    narrowed: Option<Instant>,
    /// Until when it is not told again what would follow.
    told: BTreeMap<(Measure, Offence, String), Instant>,
    tried: VecDeque<String>,
}

/// What is counted together. Whether a guess was at an extension that exists, or right and from
/// the wrong place, must not be told by how many of them there may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Guess,
    Other(Offence),
}

impl Default for Line {
    fn default() -> Self {
        Self {
            windows: BTreeMap::new(),
            names: [Lately::new(NAMES_MAX), Lately::new(NAMES_MAX)],
            locked: BTreeMap::new(),
            known: Lately::new(KNOWN_MAX),
            former: Lately::new(KNOWN_MAX),
            banned: None,
            narrowed: None,
            told: BTreeMap::new(),
            tried: VecDeque::new(),
        }
    }
}

/// What is to be done, and for what: so often at least, within so long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) measure: Measure,
    pub(crate) count: u16,
    pub(crate) within: Duration,
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

impl Case<'_> {
    const fn found(&self, measure: Measure, count: u16) -> Found {
        Found {
            measure,
            count,
            within: self.rule.within,
        }
    }

    const fn kind(&self) -> Kind {
        match self.offence {
            Offence::SipPassword
            | Offence::SipExtension
            | Offence::SipOutside
            | Offence::WebSignIn => Kind::Guess,
            other => Kind::Other(other),
        }
    }

    /// Whether it was at one name, which can be locked: a typing error may hit a decoy, too.
    const fn is_of_one_name(&self) -> bool {
        let is_guess = matches!(self.kind(), Kind::Guess | Kind::Other(Offence::SipDecoy));
        is_guess && !self.name.is_empty()
    }
}

impl Kept for Line {
    fn holds(&self, now: Instant) -> bool {
        let is_locked = || self.locked.values().any(|until| now < *until);
        holds(self.banned, now) || holds(self.narrowed, now) || is_locked()
    }
}

impl Line {
    pub(crate) fn is_banned(&self, now: Instant) -> bool {
        holds(self.banned, now) && !self.is_trusted(now)
    }

    /// Whether a password for this extension is looked at.
    pub(crate) fn admits(&self, now: Instant, name: &str) -> bool {
        let is_locked = holds(self.locked.get(name).copied(), now);
        let is_outsider = holds(self.narrowed, now) && !self.knows(now, name);
        !is_locked && !is_outsider
    }

    /// Whether the extension was used from here within a day.
    pub(crate) fn knows(&self, now: Instant, name: &str) -> bool {
        let last = self.known.last(name);
        last.is_some_and(|last| now - last < TRUST)
    }

    /// Whether any was, or several that have another password since: an office in which all are
    /// renewed is still one, and the line of a thief who had one is not.
    pub(crate) fn is_trusted(&self, now: Instant) -> bool {
        let then = Instant::from_nanos(now.as_nanos().saturating_sub(TRUST_NANOS));
        self.known.newest().is_some_and(|last| now - last < TRUST)
            || self.former.since(then) >= FORMER_MIN
    }

    /// Whether it was told that it would be banned for that.
    pub(crate) fn would_be_banned(&self, now: Instant, offence: Offence) -> bool {
        let key = (Measure::Ban, offence, String::new());
        holds(self.told.get(&key).copied(), now)
    }

    /// The right password: it is known to be in good hands.
    pub(crate) fn proved(&mut self, now: Instant, name: &str) {
        self.known.touch(now, name.to_owned());
        self.former.take(name);
    }

    /// An extension has another password, or is gone: that it was used here says nothing any more.
    pub(crate) fn unlearn(&mut self, now: Instant, name: &str) {
        if let Some(window) = self.known.take(name) {
            self.former.put(now, name.to_owned(), window);
        }
    }

    /// Counts an offence: what follows now, if anything.
    pub(crate) fn count(&mut self, now: Instant, case: &Case<'_>) -> Option<Found> {
        if self.is_banned(now) {
            return None;
        }
        if self.banned.take_if(|until| now >= *until).is_some() {
            self.tried.clear();
        }
        self.note(case.name);
        let found = match case.is_protected || self.is_trusted(now) {
            false => self
                .count_line(now, case, &case.rule)
                .then(|| case.found(Measure::Ban, case.rule.count)),
            true if case.is_of_one_name() => self.count_name(now, case),
            // Nobody there is shut out for what a page made a browser ask, or for a wrong key.
            true => None,
        };
        let found = found?;
        match case.is_in_force {
            true => self.apply(now, case, found),
            false => self.tell_once(now, case, found),
        }
    }

    fn count_line(&mut self, now: Instant, case: &Case<'_>, rule: &GuardRule) -> bool {
        let key = (case.kind(), case.is_in_force);
        self.windows.entry(key).or_default().is_over(now, rule)
    }

    /// Phones beside the one with the wrong password go on. What was in use from here counts by
    /// itself alone: an office in which all passwords are renewed is no attack.
    fn count_name(&mut self, now: Instant, case: &Case<'_>) -> Option<Found> {
        let at = usize::from(!case.is_in_force);
        let own = match self.known.get(case.name).is_some() {
            true => Some(&mut self.known),
            false => Some(&mut self.former).filter(|it| it.get(case.name).is_some()),
        };
        let lock = case.found(Measure::Lock, case.rule.count);
        if let Some(own) = own {
            let window = |it: &mut [Window; 2]| Some(it.get_mut(at)?.is_over(now, &case.rule));
            let is_too_often = own.change(case.name, window).flatten();
            return is_too_often.unwrap_or(false).then_some(lock);
        }
        let names = self.names.get_mut(at)?;
        let window = names.touch(now, case.name.to_owned());
        let is_too_often = window.is_over(now, &case.rule);
        // Guesses at many names, each few times.
        let of_all = GuardRule {
            count: GUESSES_MAX,
            ..case.rule
        };
        match self.count_line(now, case, &of_all) {
            true => Some(case.found(Measure::Narrow, GUESSES_MAX)),
            false => is_too_often.then_some(lock),
        }
    }

    fn apply(&mut self, now: Instant, case: &Case<'_>, found: Found) -> Option<Found> {
        let until = now + case.lasts;
        match found.measure {
            Measure::Ban => self.banned = Some(until),
            Measure::Lock => {
                self.locked.retain(|_, until| now < *until);
                self.locked.insert(case.name.to_owned(), until);
                let is_other = |name: &&String| !self.was_known(name);
                let locked = self.locked.keys().filter(is_other).count();
                if locked >= usize::from(LOCKED_MAX) {
                    // As many wrong ones as there were for all of them, since the first was locked.
                    let all = Found {
                        measure: Measure::Narrow,
                        count: case.rule.count.saturating_mul(LOCKED_MAX),
                        within: case.rule.within + case.lasts,
                    };
                    return self.narrow(now, until, all).or(Some(found));
                }
            }
            Measure::Narrow => return self.narrow(now, until, found),
            Measure::Slow => {}
        }
        Some(found)
    }

    /// Whether an extension is, or was, in use from here.
    pub(crate) fn was_known(&self, name: &str) -> bool {
        self.known.get(name).is_some() || self.former.get(name).is_some()
    }

    /// Told only when it is news.
    fn narrow(&mut self, now: Instant, until: Instant, found: Found) -> Option<Found> {
        let is_news = !holds(self.narrowed, now);
        self.narrowed = Some(until);
        is_news.then_some(found)
    }

    /// What would follow is told as often as it would have begun.
    fn tell_once(&mut self, now: Instant, case: &Case<'_>, found: Found) -> Option<Found> {
        self.told.retain(|_, until| now < *until);
        let name = match found.measure {
            Measure::Lock => case.name,
            _ => "",
        };
        let key = (found.measure, case.offence, name.to_owned());
        if self.told.contains_key(&key) || self.told.len() >= TOLD_MAX {
            return None;
        }
        self.told.insert(key, now + case.lasts);
        Some(found)
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

    /// Whether it was one single name since the last ban.
    pub(crate) fn is_one_name(&self) -> bool {
        self.tried.len() == 1
    }

    /// Whether nobody is known here any more.
    pub(crate) fn is_strange(&self) -> bool {
        self.known.newest().is_none()
    }

    /// Whether anything was decided about it that may still hold.
    pub(crate) fn is_held(&self) -> bool {
        self.banned.is_some() || self.narrowed.is_some() || !self.locked.is_empty()
    }

    /// Nothing holds any more; what is known stays.
    pub(crate) fn forgive(&mut self) {
        let mut fresh = Self::default();
        std::mem::swap(&mut fresh.known, &mut self.known);
        std::mem::swap(&mut fresh.former, &mut self.former);
        for known in [&mut fresh.known, &mut fresh.former] {
            known.each(|windows| windows.iter_mut().for_each(Window::clear));
        }
        *self = fresh;
    }
}

fn holds(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| now < until)
}

/// After so long without a right password a line is like any other.
const TRUST: Duration = Duration::from_secs(24 * 3_600);
const TRUST_NANOS: u64 = 24 * 3_600 * 1_000_000_000;
/// So many renewed passwords of one line are an office's.
const FORMER_MIN: usize = 2;
/// Extensions guessed at from one line that are counted by themselves.
const NAMES_MAX: usize = 64;
/// Extensions in use from one line that are remembered; a large office has no more.
const KNOWN_MAX: usize = 1_000;
/// So many wrong passwords of one line, for whatever extensions, are no forgotten ones.
pub(crate) const GUESSES_MAX: u16 = 40;
/// Nor are so many locked extensions.
const LOCKED_MAX: u16 = 8;
/// What would follow, of one line, that is remembered as told.
const TOLD_MAX: usize = 64;
/// Of what was tried.
const TRIED_MAX: usize = 5;
/// Characters of each.
const TRIED_LENGTH: usize = 40;
