//! The box's place on the network: an IPv4 address on every network card, and a watch over it.
//!
//! What this crate must never do: give up an address that phones know because somebody else took
//! it too, or keep one past its lease.
//!
//! Read first: [`LinkNode`] (every decision about one link), then [`run`] (the loop that drives
//! it), then `dhcp.rs` (the client) and `netlink.rs` (the kernel).
//! Sources: RFC 2131 (DHCP), RFC 3927 (link-local addresses), RFC 5227 (address conflicts).

mod arp;
mod capture;
mod decline;
mod dhcp;
mod link;
mod name;
mod netlink;
#[cfg(test)]
mod netns;
mod packet;
mod routers;
mod service;

pub use arp::{Arp, Mac, NoMac};
pub use capture::Captures;
pub use link::{
    ANNOUNCE_INTERVAL, ANNOUNCEMENTS, CONFLICT_OVER, CONFLICTS_MAX, DECLINE_DELAY, DEFEND_INTERVAL,
    Event, FALLBACK_DELAY, Fixed, Held, Input, Lease, LinkNode, Output, RATE_LIMIT_INTERVAL,
    REPORT_INTERVAL, Source,
};
pub use name::{Name, NameError};
pub use service::{NetError, Setting, SharedStatus, World, run};
