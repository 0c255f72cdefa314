//! The firewall in the kernel: a whole nftables ruleset, put there over netlink in one transaction.
//!
//! What this crate must never do: decide who may come in (that is whoever makes the [`Ruleset`]),
//! or leave the box without rules for a moment while others take their place.
//!
//! Read first: [`Ruleset`] (what is to stand in the kernel, as plain values that read like the
//! `nft` program's language), then [`encode`] (how it becomes messages, without any I/O), then
//! [`Firewall`] (the socket).
//! Sources: the kernel's `include/uapi/linux/netfilter/nf_tables.h`; netlink(7); nft(8), for the
//! order of expressions. Needs Linux 6.12, as both bases of the image have it.
//!
//! Why the messages are written here and not by a crate: decision 0070.

mod attribute;
mod batch;
mod change;
mod check;
mod element;
mod encode;
mod error;
mod expression;
mod field;
mod firewall;
mod kind;
#[cfg(test)]
mod netns;
#[cfg(test)]
mod properties;
mod read;
mod ruleset;
mod socket;
mod standing;
mod statement;
mod subject;
mod uapi;

pub use batch::Batch;
pub use change::{add, remove, replace};
pub use check::{Fault, RulesetError};
pub use element::{Element, Span};
pub use encode::{encode, encode_removal};
pub use error::FirewallError;
pub use field::{Field, Key, Transport};
pub use firewall::Firewall;
pub use kind::{Family, Kind, Value, ct_state, protocol};
pub use read::{Count, NamedCount};
pub use ruleset::{Base, Chain, ChainKind, Hook, Policy, Rule, Ruleset, Set, Timeouts, priority};
pub use standing::Standing;
pub use statement::{Limit, Mark, MarkSource, Per, Reject, Statement, Test, Verdict};
pub use subject::Subject;
