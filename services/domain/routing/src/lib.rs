//! Where a dialled number leads, and why.
//!
//! What this crate must never do: know the time, the network or what is registered. A decision is
//! a function of the site, the question and what is going on ([`Usage`]); the same function
//! answers a call ([`decide`]) and explains it ([`explain`]), so an explanation cannot differ from
//! what would happen.
//!
//! Read first: [`decide`], [`Query`], [`Outcome`]; then [`numbering`] for what a number is, and
//! [`warnings`] for what is dangerous about a site.

mod admission;
mod call_back;
mod decide;
mod decision;
mod forward;
mod meter;
pub mod numbering;
mod outbound;
mod present;
mod usage;
mod warnings;
mod worst_case;

#[cfg(test)]
mod example;

pub use admission::{lasts, may_begin};
pub use call_back::called_back;
pub use decide::{Cause, Query, Who, decide, explain};
pub use decision::{
    Attempt, CallerId, Decision, Outbound, Outcome, Plan, Refusal, Ring, RouteVerdict, Stage, Step,
    TrunkVerdict,
};
pub use forward::{Trigger, forward, forward_target};
pub use meter::{Account, Periods};
pub use numbering::{Kind, Number};
pub use present::{Shown, show_caller};
pub use usage::{Charge, Ticket, Usage, UsageState};
pub use warnings::{Warning, warnings};
pub use worst_case::{Talk, WorstCase, worst_case};
