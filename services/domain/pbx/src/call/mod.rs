//! Calls: who talks with whom, from the INVITE to the call record.
//!
//! ```text
//!   incoming leg --> Hunt: a party waits, others are looked for  --answered--> Talk: parties hear
//!        |             ^ stages of targets, first answer wins                  each other
//!        |             |                                                          |
//!        +-- feature   +-------- transfer, recall, time-out of a parked one ------+
//! ```
//!
//! Everybody is a *party*: one leg and the place it is in. A call of two is a talk of two legs that
//! negotiated separately (decision 0013). Each accepted INVITE writes one record, and so does each
//! later connection of two parties who did not call each other.
//!
//! Read first: [`table`] for the events, then [`hunt`] and [`conversation`]; the features are one
//! file each.

mod alarms;
mod announcement;
mod branch;
mod call_back;
mod caps;
mod checkpoint;
mod codecs;
mod conversation;
mod ending;
mod expected;
mod hunt;
mod incoming;
mod kept;
mod keys;
mod lamps;
mod limits;
mod parking;
mod party;
mod pickup;
mod pin;
mod pin_guard;
mod plan;
mod record;
mod replaces;
mod restore;
mod settings;
mod spent;
mod table;
mod take;
mod taping;
#[cfg(test)]
mod tests;
mod three_way;
mod transfer;
mod verdict;

use std::time::Duration;

use crate::core::Core;
use crate::leg::Legs;
use crate::subscription::Subscriptions;
use crate::trunk::Trunks;
pub(crate) use incoming::Caller;
pub(crate) use plan::{CallBack, Lead, Plan, Ring, Stage, Target, Who};
pub(crate) use table::Calls;

/// Calls at a time; the ports of `media` are sized for it too.
pub const CALLS_MAX: usize = 500;
/// How long phones ring before the caller is told that nobody answers.
pub const RING_TIME_MAX: Duration = Duration::from_secs(60);
/// Hops when the caller wrote none (RFC 3261 §8.1.1.6).
const HOPS_DEFAULT: u8 = 70;
/// How long a party that was left behind may take to say BYE before we do.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(4);
/// How long a confirming tone is heard before the box hangs up.
const CONFIRM_TIME: Duration = Duration::from_secs(2);
/// How long digits are spoken at most.
const ANNOUNCE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the last word of a leg, with what passed through its endpoint, is waited for.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(75);
/// Silence of a peer that may speak, after which its call is over: carriers do the same; shorter
/// would end calls while somebody changes from one network to another.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// RFC 3326: phones that read it show no missed call.
const COMPLETED_ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Names a hunt or a talk; random, so that it is unique over restarts. Bit 63 is clear: those keys
/// are of subscriptions.
type Key = u64;

/// What calls work with.
pub(crate) struct Tools<'a> {
    pub(crate) core: &'a mut Core,
    pub(crate) legs: &'a mut Legs,
    pub(crate) trunks: &'a mut Trunks,
    pub(crate) subscriptions: &'a mut Subscriptions,
}

impl Tools<'_> {
    /// A fresh name.
    fn key(&mut self) -> Key {
        let random = u64::from_str_radix(&self.core.sip.new_tag(), 16).unwrap_or_default();
        random & (u64::MAX >> 1)
    }
}
