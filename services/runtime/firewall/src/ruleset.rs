//! What is to stand in the kernel, as plain values.

use std::time::Duration;

use crate::element::Element;
use crate::kind::Kind;
use crate::statement::Statement;

/// Everything of one table of the family `inet`: IPv4 and IPv6 at once.
///
/// Names are 1 to 31 letters, digits, `_`, `-` and `.`, and begin with a letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruleset {
    /// The table's name.
    pub table: String,
    /// Its sets.
    pub sets: Vec<Set>,
    /// Its named counters.
    pub counters: Vec<String>,
    /// Its chains. Those that are jumped to may stand behind those that jump.
    pub chains: Vec<Chain>,
}

/// A set: what rules look things up in, and what changes while they stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// What its entries are made of; several are a concatenation (`ipv4_addr . inet_service`).
    pub key: Vec<Kind>,
    /// Entries may be ranges. Lookups then take longer, and so do changes.
    pub intervals: bool,
    /// Whether entries go by themselves.
    pub timeouts: Timeouts,
    /// Rules put entries into it ([`Statement::Update`]).
    pub dynamic: bool,
    /// How many entries it takes at most; without one as many as there is memory for, where rules
    /// put none into it.
    pub size: Option<u32>,
    /// What is in it at the beginning.
    pub elements: Vec<Element>,
}

/// Whether entries of a set go by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeouts {
    /// None does.
    None,
    /// Those do that say so.
    OfElements,
    /// All do, after that long where they do not say otherwise.
    Default(Duration),
}

impl Set {
    /// A set without ranges and without time.
    #[must_use]
    pub fn new(name: &str, key: impl Into<Vec<Kind>>) -> Self {
        Self {
            name: name.to_owned(),
            key: key.into(),
            intervals: false,
            timeouts: Timeouts::None,
            dynamic: false,
            size: None,
            elements: Vec::new(),
        }
    }

    /// The same, of ranges.
    #[must_use]
    pub fn with_intervals(self) -> Self {
        Self {
            intervals: true,
            ..self
        }
    }

    /// The same, of entries that may go by themselves.
    #[must_use]
    pub fn with_timeouts(self) -> Self {
        Self {
            timeouts: Timeouts::OfElements,
            ..self
        }
    }

    /// The same, filled by rules, up to `size` entries that go after `timeout`.
    #[must_use]
    pub fn filled_by_rules(self, size: u32, timeout: Duration) -> Self {
        Self {
            dynamic: true,
            size: Some(size),
            timeouts: Timeouts::Default(timeout),
            ..self
        }
    }

    /// The same, with these in it.
    #[must_use]
    pub fn with(self, elements: Vec<Element>) -> Self {
        Self { elements, ..self }
    }
}

/// A list of rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets come to it; without one, from rules that jump to it.
    pub base: Option<Base>,
    /// In this order.
    pub rules: Vec<Rule>,
}

/// Where packets come to a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    /// What it may do.
    pub kind: ChainKind,
    /// Where on their way.
    pub hook: Hook,
    /// Lower ones come first, see [`priority`].
    pub priority: i32,
    /// What becomes of those that no rule decided about.
    pub policy: Policy,
}

/// What a base chain may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChainKind {
    /// Let through or not.
    Filter,
    /// The same, and a changed mark chooses another route; at [`Hook::Output`] only.
    Route,
}

impl ChainKind {
    pub(crate) const ALL: [Self; 2] = [Self::Filter, Self::Route];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Route => "route",
        }
    }
}

/// Where on their way packets are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// Just come in.
    Prerouting,
    /// For the box itself.
    Input,
    /// For somebody else.
    Forward,
    /// Made by the box itself.
    Output,
    /// About to leave.
    Postrouting,
}

impl Hook {
    pub(crate) const ALL: [Self; 5] = [
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
    ];

    /// NF_INET_PRE_ROUTING and those after it.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Input => 1,
            Self::Forward => 2,
            Self::Output => 3,
            Self::Postrouting => 4,
        }
    }
}

/// The usual places of chains in a hook.
pub mod priority {
    /// Before connections are looked up.
    pub const RAW: i32 = -300;
    /// When marks are changed.
    pub const MANGLE: i32 = -150;
    /// When it is decided.
    pub const FILTER: i32 = 0;
}

/// What becomes of packets that no rule decided about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// They pass.
    Accept,
    /// They are gone.
    Drop,
}

impl Policy {
    pub(crate) const ALL: [Self; 2] = [Self::Accept, Self::Drop];

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Drop => 0,
            Self::Accept => 1,
        }
    }
}

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What it is known by in [`crate::Firewall::counts`] and shown as by `nft`; at most 120 bytes,
    /// may be empty.
    pub comment: String,
    /// What it asks and does.
    pub statements: Vec<Statement>,
}

impl Rule {
    /// A rule without a name.
    #[must_use]
    pub fn new(statements: impl Into<Vec<Statement>>) -> Self {
        Self::named("", statements)
    }

    /// A rule with one.
    #[must_use]
    pub fn named(comment: &str, statements: impl Into<Vec<Statement>>) -> Self {
        Self {
            comment: comment.to_owned(),
            statements: statements.into(),
        }
    }
}
