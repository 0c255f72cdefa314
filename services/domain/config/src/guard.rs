//! When an address is banned, and for how long (R53-R55, R69).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipc::guard::Offence;
use ipc::site::{Guard as RawGuard, GuardRule as RawRule};

use crate::fault::Fault;
use crate::network::Network;
use crate::number::Number;
use crate::wrong::{Report, Wrong};

/// When an address is banned, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Whether anybody is banned at all. Off, what would have been done is only told (R69).
    pub is_on: bool,
    /// How often is too often; every offence has a rule.
    pub rules: BTreeMap<Offence, Rule>,
    /// How long the first ban of an address lasts; each further one twice as long, but where one
    /// single extension was tried.
    pub first: Duration,
    /// How long a ban lasts at most.
    pub longest: Duration,
    /// Who is never banned.
    pub never: Vec<Network>,
    /// Extensions that nobody has: whoever tries one is a scanner.
    pub decoys: BTreeSet<Number>,
}

/// How often is too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// So many times; at least 1.
    pub count: u16,
    /// Within so long.
    pub within: Duration,
    /// It is told, and nothing follows.
    pub only_report: bool,
}

impl Default for Guard {
    fn default() -> Self {
        let rule = |offence| (offence, Rule::usual(offence));
        Self {
            is_on: false,
            rules: Offence::ALL.into_iter().map(rule).collect(),
            first: Duration::from_secs(600),
            longest: Duration::from_secs(7 * 24 * 3_600),
            never: Vec::new(),
            decoys: BTreeSet::new(),
        }
    }
}

impl Guard {
    /// The rule of an offence.
    #[must_use]
    pub fn rule(&self, offence: Offence) -> Rule {
        let rule = self.rules.get(&offence).copied();
        rule.unwrap_or_else(|| Rule::usual(offence))
    }

    /// Reads the section as it travels, by itself: whether a decoy means something else on the site
    /// is not looked at.
    ///
    /// # Errors
    /// Every [`Fault`] there is.
    pub fn read(raw: &RawGuard) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let read = Self::parse(raw, &mut Report::new("guard".into(), &mut faults));
        if faults.is_empty() {
            Ok(read)
        } else {
            Err(faults)
        }
    }

    pub(crate) fn parse(raw: &RawGuard, report: &mut Report<'_>) -> Self {
        report.range("first_minutes", raw.first_minutes, 1, FIRST_MINUTES_MAX);
        let hours = u64::from(raw.first_minutes.div_ceil(60)).clamp(1, LONGEST_HOURS_MAX);
        report.range("longest_hours", raw.longest_hours, hours, LONGEST_HOURS_MAX);
        let (max, parse) = (NEVER_MAX, Network::parse);
        let never = report.take_all("never", &raw.never, max, parse, Wrong::NotANetwork);
        for network in &never {
            let narrowest = least_bits(network);
            if network.length() < narrowest {
                report.wrong("never", Wrong::SparesAll(network.to_string(), narrowest));
            }
        }
        Self {
            is_on: raw.on,
            rules: parse_rules(&raw.rules, report),
            first: Duration::from_secs(u64::from(raw.first_minutes) * 60),
            longest: Duration::from_secs(u64::from(raw.longest_hours) * 3_600),
            never,
            decoys: parse_decoys(&raw.decoys, report),
        }
    }

    pub(crate) fn to_ipc(&self) -> RawGuard {
        let rules = self.rules.iter();
        let rules = rules.filter(|(offence, rule)| **rule != Rule::usual(**offence));
        RawGuard {
            on: self.is_on,
            first_minutes: u16::try_from(self.first.as_secs() / 60).unwrap_or(u16::MAX),
            longest_hours: u16::try_from(self.longest.as_secs() / 3_600).unwrap_or(u16::MAX),
            never: self.never.iter().map(ToString::to_string).collect(),
            decoys: self.decoys.iter().map(ToString::to_string).collect(),
            rules: rules.map(|(offence, rule)| rule.to_ipc(*offence)).collect(),
        }
    }
}

/// How many bits its addresses have to share, so that bans are not on and hit nobody (R69). Private
/// addresses are those of nobody outside.
const fn least_bits(network: &Network) -> u8 {
    match network.address() {
        IpAddr::V4(_) => NEVER_BITS_IPV4,
        IpAddr::V6(first) if first.is_unique_local() => PRIVATE_BITS,
        IpAddr::V6(_) => NEVER_BITS_IPV6,
    }
}

/// The usual ones, and in their place those that are given.
fn parse_rules(raw: &[RawRule], report: &mut Report<'_>) -> BTreeMap<Offence, Rule> {
    let mut rules = Guard::default().rules;
    let mut given = BTreeSet::new();
    // With more than there are offences one of them is there twice.
    for rule in raw.iter().take(Offence::ALL.len() + 1) {
        if !given.insert(rule.offence) {
            report.wrong("rules", Wrong::Twice(rule.offence.name().to_owned()));
        }
        if let Some(count) = rule.count {
            report.range("rules.count", count, 1, COUNT_MAX);
        }
        if let Some(secs) = rule.within_secs {
            report.range("rules.within_secs", secs, WITHIN_SECS_MIN, WITHIN_SECS_MAX);
        }
        let usual = Rule::usual(rule.offence);
        let within = rule
            .within_secs
            .map(|secs| Duration::from_secs(secs.into()));
        let parsed = Rule {
            count: rule.count.unwrap_or(usual.count),
            within: within.unwrap_or(usual.within),
            only_report: rule.only_report,
        };
        rules.insert(rule.offence, parsed);
    }
    rules
}

fn parse_decoys(raw: &[String], report: &mut Report<'_>) -> BTreeSet<Number> {
    let parse = |text: &str| Number::parse(text).ok();
    let mut decoys = BTreeSet::new();
    for decoy in report.take_all("decoys", raw, DECOYS_MAX, parse, Wrong::NotANumber) {
        if decoys.contains(&decoy) {
            report.wrong("decoys", Wrong::Twice(decoy.to_string()));
        }
        decoys.insert(decoy);
    }
    decoys
}

impl Rule {
    /// As on a box where nobody has set it.
    #[must_use]
    pub const fn usual(offence: Offence) -> Self {
        let (count, secs) = match offence {
            // As many of each, or how many there may be would tell which it was.
            Offence::SipPassword | Offence::SipExtension | Offence::SipOutside => (5, 600),
            Offence::SipMalformed => (20, 60),
            Offence::SipDecoy => (1, 600),
            // The pages slow guesses down by themselves.
            Offence::WebSignIn => (10, 600),
            Offence::WebPath => (30, 60),
            Offence::WebForged => (10, 600),
        };
        Self {
            count,
            within: Duration::from_secs(secs),
            only_report: false,
        }
    }

    fn to_ipc(self, offence: Offence) -> RawRule {
        RawRule {
            offence,
            count: Some(self.count),
            within_secs: Some(u32::try_from(self.within.as_secs()).unwrap_or(u32::MAX)),
            only_report: self.only_report,
        }
    }
}

impl fmt::Display for Rule {
    /// `5 in 600 s, only reported`, as the audit trail has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = if self.only_report {
            ", only reported"
        } else {
            ""
        };
        write!(f, "{} in {} s{told}", self.count, self.within.as_secs())
    }
}

/// Longest first ban, minutes: a day, as the address may be somebody else's tomorrow.
const FIRST_MINUTES_MAX: u64 = 1_440;
/// Longest ban, hours: a year.
const LONGEST_HOURS_MAX: u64 = 8_760;
/// Most networks that are never banned: each finding is compared with all of them.
const NEVER_MAX: usize = 100;
/// Bits that the addresses of one of them share at least: `10.0.0.0/8` is one.
const NEVER_BITS_IPV4: u8 = 8;
/// The same of IPv6: no carrier has more (RFC 6177, and what registries hand out).
const NEVER_BITS_IPV6: u8 = 16;
/// `fc00::/7` (RFC 4193).
const PRIVATE_BITS: u8 = 7;
/// Most decoys: each wrong password is compared with all of them.
const DECOYS_MAX: usize = 20;
/// Most times; who may do it more often need not be counted.
const COUNT_MAX: u64 = 100;
/// Shortest time in which is counted, seconds.
const WITHIN_SECS_MIN: u64 = 10;
/// Longest time in which is counted, seconds: a day.
const WITHIN_SECS_MAX: u64 = 86_400;

#[cfg(test)]
mod tests;
