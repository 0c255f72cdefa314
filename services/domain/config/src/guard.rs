//! When an address is banned, and for how long (R53-R55, R69).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipc::guard::Offence;

use crate::network::Network;
use crate::number::Number;

/// When an address is banned, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Whether anybody is banned at all. Off, what would have been done is only told (R69).
    pub is_on: bool,
    /// How often is too often; every offence has a rule.
    pub rules: BTreeMap<Offence, Rule>,
    /// How long the first ban of an address lasts; each further one twice as long.
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
        rule.unwrap_or(Rule::usual(offence))
    }
}

impl Rule {
    /// As on a box where nobody has set it.
    #[must_use]
    pub const fn usual(offence: Offence) -> Self {
        let (count, secs) = match offence {
            Offence::SipPassword | Offence::SipExtension => (5, 600),
            // Right passwords: a phone that was taken home does it, each time it registers.
            Offence::SipOutside => (20, 600),
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
}
