//! One link: which address it has, and whether somebody else has it too.
//!
//! ```text
//!            carrier                 lease             nobody answers the probes
//!  no cable ────────> asking (DHCP) ───────> on trial ──────────────────────────> held
//!                       │   ^                   │ somebody has it                  │ somebody has
//!                       │   └── 10 s later ─────┴─ declined (RFC 2131 §3.1.5)      │ it: defended,
//!                       └── 30 s without an answer: a link-local address           │ reported,
//!                           (RFC 3927) goes on trial; DHCP keeps asking            │ kept
//! ```
//! An address from a server is never given up to an intruder (RFC 5227 §2.4 (c)): the phones know
//! it. A link-local one is, as RFC 3927 §2.5 asks.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use sansio::{Instant, Node, Rng};

use crate::arp::{Arp, Mac};

mod interface;

pub use interface::{Event, Fixed, Held, Input, Lease, Output, Source};

/// Without an answer from a DHCP server for this long, the link takes a link-local address.
pub const FALLBACK_DELAY: Duration = Duration::from_secs(30);
/// Pause after a declined lease, RFC 2131 §3.1.5.
pub const DECLINE_DELAY: Duration = Duration::from_secs(10);
/// An address is defended at most this often. RFC 5227 §1.1, DEFEND_INTERVAL.
pub const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// A conflict is over when the other machine has been silent about the address for this long.
pub const CONFLICT_OVER: Duration = Duration::from_secs(300);
/// A conflict that goes on is reported this often.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Pause between two announcements. RFC 5227 §1.1, ANNOUNCE_INTERVAL.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// Announcements of a new address. RFC 5227 §1.1, ANNOUNCE_NUM.
pub const ANNOUNCEMENTS: u8 = 2;
/// Link-local conflicts after which the link slows down. RFC 3927 §9, MAX_CONFLICTS.
pub const CONFLICTS_MAX: u32 = 10;
/// Pause between two attempts then. RFC 3927 §9, RATE_LIMIT_INTERVAL.
pub const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);

/// The kernel counts a lease in whole seconds, so it may end it this much before we do.
const LEASE_END_SLACK: Duration = Duration::from_secs(2);

/// How an address is tried out before it is used.
#[derive(Clone, Copy, Debug)]
struct Pace {
    probes: u8,
    interval: Duration,
    wait: Duration,
}

/// A leased address: the server has looked already, so two quick questions do; whatever they miss
/// the watch afterwards sees. The full pace of RFC 5227 would add 5 s to every boot.
const LEASED: Pace = Pace {
    probes: 2,
    interval: Duration::from_millis(200),
    wait: Duration::from_millis(300),
};

/// A link-local address: nobody has looked. RFC 3927 §9, PROBE_NUM, PROBE_MAX, ANNOUNCE_WAIT.
const LINK_LOCAL: Pace = Pace {
    probes: 3,
    interval: Duration::from_secs(2),
    wait: Duration::from_secs(2),
};

/// The machine of one link.
#[derive(Debug)]
pub struct LinkNode {
    mac: Mac,
    rng: Rng,
    carrier: bool,
    held: Option<Held>,
    /// When the lease of the address in use ends, whatever the client says or no longer says.
    lease_end: Option<Instant>,
    trial: Option<Trial>,
    announcements: Option<(u8, Instant)>,
    /// When to take a link-local address.
    fallback_at: Option<Instant>,
    /// When to ask for a lease again after a decline.
    ask_at: Option<Instant>,
    conflict: Option<Conflict>,
    defended: Option<Instant>,
    link_local_conflicts: u32,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Trial {
    candidate: Held,
    lease_end: Option<Instant>,
    pace: Pace,
    sent: u8,
    next: Instant,
}

#[derive(Debug)]
struct Conflict {
    address: Ipv4Addr,
    with: Mac,
    seen: Instant,
    reported: Instant,
}

impl LinkNode {
    /// A link with this hardware address and no cable.
    #[must_use]
    pub fn new(mac: Mac) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        Self {
            mac,
            // RFC 3927 §2.1: the same box picks the same address again.
            rng: Rng::from_seed(u64::from_be_bytes([0, 0, a, b, c, d, e, f])),
            carrier: false,
            held: None,
            lease_end: None,
            trial: None,
            announcements: None,
            fallback_at: None,
            ask_at: None,
            conflict: None,
            defended: None,
            link_local_conflicts: 0,
            outputs: VecDeque::new(),
        }
    }

    /// A cable is in.
    #[must_use]
    pub const fn carrier(&self) -> bool {
        self.carrier
    }

    /// The address in use.
    #[must_use]
    pub const fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Who else uses our address, or the one that was leased to us.
    #[must_use]
    pub fn conflict_with(&self) -> Option<Mac> {
        self.conflict.as_ref().map(|conflict| conflict.with)
    }

    fn carrier_changed(&mut self, now: Instant, carrier: bool) {
        if carrier == self.carrier {
            return;
        }
        self.carrier = carrier;
        self.trial = None;
        self.ask_at = None;
        if carrier {
            self.fallback_at = Some(now + FALLBACK_DELAY);
            self.outputs.push_back(Output::StartDhcp);
        } else {
            // The address stays: cables are moved, and the kernel ends it with its lease.
            self.fallback_at = None;
            self.outputs.push_back(Output::StopDhcp);
        }
    }

    fn leased(&mut self, now: Instant, lease: Lease) {
        self.fallback_at = None;
        let end = Some(now + lease.lifetime);
        let candidate = Held {
            address: lease.address,
            prefix: lease.prefix,
            source: Source::Leased(lease),
        };
        match &mut self.held {
            Some(held) if (held.address, held.prefix) == (candidate.address, candidate.prefix) => {
                let news = !is_renewal(&held.source, &candidate.source);
                *held = candidate.clone();
                self.trial = None;
                self.lease_end = end;
                self.outputs.push_back(Output::Hold(candidate.clone()));
                if news {
                    self.outputs
                        .push_back(Output::Event(Event::Bound(candidate)));
                }
            }
            Some(_) | None => self.begin_trial(now, candidate, end, LEASED),
        }
    }

    /// People have set an address. The one in use stays until the other has proved free.
    fn set(&mut self, now: Instant, lease: Lease) {
        self.ask_at = None;
        self.conflict = None;
        self.leased(now, lease);
    }

    /// A server is asked again. The address that was set stays meanwhile, as the server may give
    /// the same, but no longer than it takes to find that there is none.
    fn unset(&mut self, now: Instant) {
        self.ask_at = None;
        self.conflict = None;
        self.trial = None;
        self.lease_end = Some(now + FALLBACK_DELAY);
        if self.carrier {
            self.fallback_at = Some(now + FALLBACK_DELAY);
            self.outputs.push_back(Output::StartDhcp);
        }
    }

    fn lease_ended(&mut self, now: Instant) {
        self.lease_end = None;
        if matches!(
            &self.held,
            Some(Held {
                source: Source::Leased(_),
                ..
            })
        ) && let Some(held) = self.held.take()
        {
            self.announcements = None;
            self.outputs
                .push_back(Output::Drop(held.address, held.prefix));
            self.outputs
                .push_back(Output::Event(Event::Lost(held.address)));
        }
        if self.carrier {
            self.fallback_at.get_or_insert(now + FALLBACK_DELAY);
        }
    }

    /// The kernel ends an address with its lease; anything else that removes it is undone.
    fn vanished(&mut self, now: Instant, address: Ipv4Addr) {
        let Some(held) = self.held.as_ref().filter(|held| held.address == address) else {
            return;
        };
        match held.source {
            Source::Leased(_)
                if self
                    .lease_end
                    .is_none_or(|end| end <= now + LEASE_END_SLACK) =>
            {
                self.lease_ended(now);
            }
            Source::Leased(_) | Source::LinkLocal => {
                self.outputs.push_back(Output::Hold(held.clone()));
            }
            Source::Inherited => {
                self.held = None;
                self.outputs.push_back(Output::Event(Event::Lost(address)));
                if self.carrier {
                    self.fallback_at.get_or_insert(now + FALLBACK_DELAY);
                }
            }
        }
    }

    fn begin_trial(
        &mut self,
        now: Instant,
        candidate: Held,
        lease_end: Option<Instant>,
        pace: Pace,
    ) {
        self.trial = Some(Trial {
            candidate,
            lease_end,
            pace,
            sent: 0,
            next: now,
        });
        self.turn_trial(now);
    }

    /// Sends the next probe when it is due, or takes the address when all went unanswered.
    fn turn_trial(&mut self, now: Instant) {
        let Some(trial) = &mut self.trial else { return };
        if trial.next > now {
            return;
        }
        if trial.sent < trial.pace.probes {
            trial.sent += 1;
            let last = trial.sent == trial.pace.probes;
            trial.next = now
                + if last {
                    trial.pace.wait
                } else {
                    trial.pace.interval
                };
            let probe = Arp::probe(self.mac, trial.candidate.address);
            self.outputs.push_back(Output::Transmit(probe));
        } else if let Some(trial) = self.trial.take() {
            self.lease_end = trial.lease_end;
            self.take_address(now, trial.candidate);
        }
    }

    fn take_address(&mut self, now: Instant, new: Held) {
        if let Some(old) = self.held.replace(new.clone()) {
            self.outputs
                .push_back(Output::Drop(old.address, old.prefix));
        }
        self.announcements = Some((ANNOUNCEMENTS, now));
        self.outputs.push_back(Output::Hold(new.clone()));
        self.outputs.push_back(Output::Event(Event::Bound(new)));
        self.announce(now);
    }

    fn announce(&mut self, now: Instant) {
        let (Some((left, due)), Some(held)) = (self.announcements, &self.held) else {
            return;
        };
        if due <= now {
            self.outputs
                .push_back(Output::Transmit(Arp::announcement(self.mac, held.address)));
            self.announcements = (left > 1).then(|| (left - 1, now + ANNOUNCE_INTERVAL));
        }
    }

    fn arp(&mut self, now: Instant, arp: Arp) {
        if arp.sender_mac == self.mac {
            return;
        }
        if let Some(trial) = &self.trial {
            let address = trial.candidate.address;
            // Somebody has it, or is about to take it too (RFC 5227 §2.1.1).
            let probed = arp.request && arp.sender_ip.is_unspecified() && arp.target_ip == address;
            if arp.sender_ip == address || probed {
                self.trial_failed(now, arp.sender_mac);
            }
        }
        if let Some(held) = &self.held
            && arp.sender_ip == held.address
        {
            let (address, source) = (held.address, held.source.clone());
            self.conflict(now, address, &source, arp.sender_mac);
        }
    }

    fn trial_failed(&mut self, now: Instant, with: Mac) {
        let Some(trial) = self.trial.take() else {
            return;
        };
        let address = trial.candidate.address;
        match trial.candidate.source {
            Source::Leased(lease) => {
                self.note_conflict(now, address, with);
                self.ask_at = Some(now + DECLINE_DELAY);
                self.outputs.push_back(Output::StopDhcp);
                self.outputs
                    .push_back(Output::Decline(address, lease.server));
                self.outputs
                    .push_back(Output::Event(Event::Declined(address, with)));
            }
            Source::LinkLocal | Source::Inherited => self.next_link_local(now),
        }
    }

    fn conflict(&mut self, now: Instant, address: Ipv4Addr, source: &Source, with: Mac) {
        if self.note_conflict(now, address, with) {
            self.outputs
                .push_back(Output::Event(Event::Conflict(address, with)));
        }
        let recently = self.defended.is_some_and(|at| now - at < DEFEND_INTERVAL);
        if !recently {
            self.defended = Some(now);
            self.outputs
                .push_back(Output::Transmit(Arp::announcement(self.mac, address)));
        } else if *source == Source::LinkLocal
            && let Some(held) = self.held.take()
        {
            self.outputs
                .push_back(Output::Drop(held.address, held.prefix));
            self.next_link_local(now);
        }
    }

    /// Remembers who it is; whether it is time to report it.
    fn note_conflict(&mut self, now: Instant, address: Ipv4Addr, with: Mac) -> bool {
        match &mut self.conflict {
            Some(known) if known.with == with && known.address == address => {
                known.seen = now;
                let due = now - known.reported >= REPORT_INTERVAL;
                if due {
                    known.reported = now;
                }
                due
            }
            Some(_) | None => {
                self.conflict = Some(Conflict {
                    address,
                    with,
                    seen: now,
                    reported: now,
                });
                true
            }
        }
    }

    fn next_link_local(&mut self, now: Instant) {
        self.link_local_conflicts += 1;
        let slow = self.link_local_conflicts > CONFLICTS_MAX;
        self.fallback_at = Some(if slow { now + RATE_LIMIT_INTERVAL } else { now });
        self.fall_back(now);
    }

    /// Takes a link-local address when it is time for one.
    fn fall_back(&mut self, now: Instant) {
        if self.fallback_at.is_none_or(|at| at > now) {
            return;
        }
        self.fallback_at = None;
        if !self.carrier || self.held.is_some() || self.trial.is_some() {
            return;
        }
        if self.link_local_conflicts == 0 {
            self.outputs.push_back(Output::Event(Event::NoServer));
        }
        let candidate = Held {
            address: self.pick_link_local(),
            prefix: 16,
            source: Source::LinkLocal,
        };
        self.begin_trial(now, candidate, None, LINK_LOCAL);
    }

    /// 169.254.1.0 to 169.254.254.255, RFC 3927 §2.1.
    fn pick_link_local(&mut self) -> Ipv4Addr {
        let third = u8::try_from(1 + self.rng.below(254)).unwrap_or(1);
        let fourth = u8::try_from(self.rng.below(256)).unwrap_or(1);
        Ipv4Addr::new(169, 254, third, fourth)
    }

    fn timer(&mut self, now: Instant) {
        if self.lease_end.is_some_and(|end| end <= now) {
            self.lease_ended(now);
        }
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            self.fallback_at = Some(now + FALLBACK_DELAY);
            self.outputs.push_back(Output::StartDhcp);
        }
        self.turn_trial(now);
        self.announce(now);
        self.fall_back(now);
        if let Some(conflict) = &self.conflict
            && now - conflict.seen >= CONFLICT_OVER
        {
            let address = conflict.address;
            self.conflict = None;
            self.outputs
                .push_back(Output::Event(Event::ConflictOver(address)));
        }
    }
}

/// Whether nothing is new for people: the same server has given the address before.
fn is_renewal(old: &Source, new: &Source) -> bool {
    match (old, new) {
        (Source::Leased(old), Source::Leased(new)) => old.server == new.server,
        (Source::Leased(_) | Source::LinkLocal | Source::Inherited, _) => false,
    }
}

impl Node for LinkNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Carrier(carrier) => self.carrier_changed(now, carrier),
            Input::Inherited(address, prefix) => {
                let source = Source::Inherited;
                self.held.get_or_insert(Held {
                    address,
                    prefix,
                    source,
                });
            }
            Input::Vanished(address) => self.vanished(now, address),
            Input::Leased(lease) => self.leased(now, lease),
            Input::LeaseEnded => self.lease_ended(now),
            Input::Set(lease) => self.set(now, lease),
            Input::Unset => self.unset(now),
            Input::Moved => {
                self.unset(now);
                self.lease_ended(now);
            }
            Input::Arp(arp) => self.arp(now, arp),
            Input::Timer => self.timer(now),
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let trial = self.trial.as_ref().map(|trial| trial.next);
        let announcement = self.announcements.map(|(_, due)| due);
        let over = self
            .conflict
            .as_ref()
            .map(|conflict| conflict.seen + CONFLICT_OVER);
        [
            trial,
            announcement,
            self.fallback_at,
            self.ask_at,
            self.lease_end,
            over,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

#[cfg(test)]
mod tests;
