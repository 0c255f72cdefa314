//! What a message, and so an error, is about.

use std::fmt;

/// One thing of a ruleset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The transaction as a whole.
    Transaction,
    /// The table.
    Table(String),
    /// A set.
    Set(String),
    /// Entries of a set, by how many of them come before these and how many these are.
    Elements {
        /// The set.
        set: String,
        /// The first, from 1.
        first: usize,
        /// The last.
        last: usize,
    },
    /// A named counter.
    Counter(String),
    /// A chain.
    Chain(String),
    /// A rule.
    Rule {
        /// Its chain.
        chain: String,
        /// Which, from 1.
        number: usize,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction => write!(f, "transaction"),
            Self::Table(name) => write!(f, "table {name}"),
            Self::Set(name) => write!(f, "set {name}"),
            Self::Elements { set, first, last } if first == last => {
                write!(f, "element {first} of set {set}")
            }
            Self::Elements { set, first, last } => {
                write!(f, "elements {first} to {last} of set {set}")
            }
            Self::Counter(name) => write!(f, "counter {name}"),
            Self::Chain(name) => write!(f, "chain {name}"),
            Self::Rule { chain, number } => write!(f, "rule {number} of chain {chain}"),
        }
    }
}
