//! The report on exposure and health: what is known of the box goes in, findings come out, each
//! with its fix and the requirements it is about.
//!
//! What this crate must never do: ask anybody anything, know what time it is by itself, or call
//! good what nobody could look at. Every rule gives exactly one finding: what could not be checked
//! is a finding of its own kind ([`Verdict::Unknown`]).
//!
//! Read first: [`Facts`], then [`findings`], then [`ports`].

mod facts;
mod finding;
mod guess;
mod ports;
mod rules;
mod time;

pub use facts::{Certificate, Danger, Dangers, Facts, Machine, Masquerade, RemoteUse, Worst};
pub use finding::{Finding, Said, Subject, Text, Verdict};
pub use ports::{Port, Reach, Zone, ports};

/// How many findings there are of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// To be mended now.
    pub dangers: usize,
    /// To be looked at.
    pub looks: usize,
    /// Could not be checked.
    pub unknown: usize,
    /// Good.
    pub good: usize,
}

impl Summary {
    /// Of these.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
        Self {
            dangers: count(Verdict::Danger),
            looks: count(Verdict::Look),
            unknown: count(Verdict::Unknown),
            good: count(Verdict::Good),
        }
    }
}

/// What every rule says of these facts, the most urgent first.
#[must_use]
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = rules::ALL.iter().map(|rule| rule(facts)).collect();
    // Stable: within a kind they stay in the order of the rules.
    found.sort_by_key(|it| it.verdict);
    found
}

#[cfg(test)]
mod tests;
