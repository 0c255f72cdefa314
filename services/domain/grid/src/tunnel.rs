//! The tunnel's state machine.
//!
//! ```text
//!   Unset <--Set(None)-- any --Set(tunnel)--> overlaps? --yes--> Overlapping --Around--+
//!                                                 | no                                 |
//!                                                 v                                    v
//!                          Refused <--SetUp(Err)-- SetUp --Ok--> Down <--3 min------- Up
//!                             |          ^                         |                   ^
//!                             +--10 s----+                         +--another stamp----+
//! ```

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::{Network, Tunnel};
use sansio::{Instant, Node};

use crate::events::{Input, Notice, Output, Standing};

/// Decides over the tunnel; see the crate header.
#[derive(Debug, Default)]
pub struct TunnelNode {
    /// What is set.
    tunnel: Option<Box<Tunnel>>,
    /// The networks the box is in; `None` until somebody has looked.
    around: Option<Vec<Network>>,
    standing: Standing,
    /// The kernel has an interface for what is set.
    is_there: bool,
    /// The last stamp that was seen.
    stamp: Option<u128>,
    /// How often the hub was looked for since it last answered: the next of its addresses is tried.
    aims: usize,
    look_at: Option<Instant>,
    aim_at: Option<Instant>,
    set_up_at: Option<Instant>,
    /// When the kernel is asked again to have none.
    take_down_at: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Node for TunnelNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Set(tunnel) => self.set(now, tunnel),
            Input::Unreadable(why) => self.unreadable(why),
            Input::Around(networks) => self.around(now, networks),
            Input::SetUp(done) => self.was_set_up(now, done),
            Input::TakenDown(true) => self.take_down_at = None,
            Input::TakenDown(false) => self.not_taken_down(now),
            Input::Resolved(addresses) => self.resolved(now, &addresses),
            Input::Seen(stamp) => self.seen(now, stamp),
            Input::Timer => self.timer(now),
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let due = [self.look_at, self.aim_at, self.set_up_at, self.take_down_at];
        due.into_iter().flatten().min()
    }
}

impl TunnelNode {
    /// How it stands.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    fn set(&mut self, now: Instant, tunnel: Option<Box<Tunnel>>) {
        // What is in the kernel then is an earlier process's, or what was set before.
        let is_first = matches!(self.standing, Standing::Unknown | Standing::Unreadable(_));
        if self.tunnel == tunnel && !is_first {
            return;
        }
        self.tunnel = tunnel;
        // What an earlier process has left is compared with what is set, and stays when it fits.
        if !is_first || self.tunnel.is_none() {
            self.take_down();
        }
        if !is_first || self.tunnel.is_none() {
            self.outputs.push_back(Output::Notice(Notice::Unset));
        }
        self.look_at = self.tunnel.is_some().then_some(now);
        self.standing = match self.tunnel {
            None => Standing::Unset,
            Some(_) => never_up(now),
        };
        self.outputs.push_back(Output::Changed);
        self.begin(now);
    }

    /// Nothing is looked after any more, and nothing is taken away: that a tunnel is set is sure,
    /// and that it does not hold is no reason to believe that nobody wants it.
    fn unreadable(&mut self, why: String) {
        let standing = Standing::Unreadable(why);
        if self.standing == standing {
            return;
        }
        *self = Self {
            around: self.around.take(),
            outputs: std::mem::take(&mut self.outputs),
            standing,
            ..Self::default()
        };
        let told = [Output::Notice(Notice::Down), Output::Changed];
        self.outputs.extend(told);
    }

    fn around(&mut self, now: Instant, networks: Vec<Network>) {
        if self.around.as_ref() == Some(&networks) {
            return;
        }
        self.around = Some(networks);
        self.begin(now);
    }

    /// Sets the tunnel up as soon as it is known not to lead to where the box is already, and takes
    /// it down when it does.
    fn begin(&mut self, now: Instant) {
        let (Some(tunnel), Some(around)) = (&self.tunnel, &self.around) else {
            return;
        };
        if let Some((network, other)) = tunnel.overlap(around) {
            self.take_down();
            self.stand(Standing::Overlapping(network, other));
            return;
        }
        if self.is_there || self.set_up_at.is_some() {
            return;
        }
        if matches!(self.standing, Standing::Overlapping(..)) {
            self.stand(never_up(now));
        }
        self.set_up(now);
    }

    fn set_up(&mut self, now: Instant) {
        self.take_down_at = None;
        if let Some(tunnel) = &self.tunnel {
            self.set_up_at = Some(now + SET_UP_INTERVAL);
            self.outputs.push_back(Output::SetUp(tunnel.clone()));
        }
    }

    fn was_set_up(&mut self, now: Instant, done: Result<Option<u128>, String>) {
        if self.tunnel.is_none() {
            return;
        }
        match done {
            Ok(stamp) => {
                self.is_there = true;
                self.stamp = stamp;
                self.set_up_at = None;
                self.look_at = Some(now);
                self.aims = 0;
                if matches!(self.standing, Standing::Refused(_)) {
                    self.stand(never_up(now));
                }
                self.aim(now);
            }
            Err(why) => self.stand(Standing::Refused(why)),
        }
    }

    fn take_down(&mut self) {
        self.is_there = false;
        self.stamp = None;
        self.aims = 0;
        self.aim_at = None;
        self.set_up_at = None;
        self.outputs.push_back(Output::TakeDown);
    }

    /// What was taken away must not stay. Where a tunnel is to be, it is set up again, which takes
    /// what is there away first.
    fn not_taken_down(&mut self, now: Instant) {
        let is_to_be = self.is_there || self.set_up_at.is_some();
        self.take_down_at = (!is_to_be).then(|| now + TAKE_DOWN_INTERVAL);
    }

    /// Looks for the hub. Its name may lead elsewhere by now; and an address that was written may
    /// no longer be where the kernel sends to, as that follows the hub's packets.
    fn aim(&mut self, now: Instant) {
        let Some(tunnel) = &self.tunnel else { return };
        self.aim_at = Some(now + AIM_INTERVAL);
        match tunnel.endpoint.address() {
            Some(address) => drop(self.point(&[address])),
            None => {
                let name = tunnel.endpoint.name.clone();
                self.outputs.push_back(Output::Resolve(name));
            }
        }
    }

    fn resolved(&mut self, now: Instant, addresses: &[IpAddr]) {
        if !self.is_there {
            return;
        }
        if !self.point(addresses) {
            self.aim_at = Some(now + NAMELESS_INTERVAL);
        }
    }

    /// Points to one of the hub's addresses, to the next one each time. One that lies behind the
    /// tunnel is none: the tunnel would have to go through itself.
    fn point(&mut self, addresses: &[IpAddr]) -> bool {
        let Some(tunnel) = &self.tunnel else {
            return false;
        };
        let is_outside = |address: &&IpAddr| !tunnel.networks().any(|it| it.contains(**address));
        let usable: Vec<IpAddr> = addresses.iter().filter(is_outside).copied().collect();
        let turn = self.aims.checked_rem(usable.len()).unwrap_or_default();
        let Some(address) = usable.get(turn) else {
            return false;
        };
        let hub = SocketAddr::new(*address, tunnel.port());
        self.aims = self.aims.wrapping_add(1);
        self.outputs.push_back(Output::Point(hub));
        true
    }

    fn seen(&mut self, now: Instant, stamp: Option<u128>) {
        if !self.is_there || stamp.is_none() || stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        self.aims = 0;
        let since = match self.standing {
            Standing::Up { since, .. } => since,
            _ => now,
        };
        self.stand(Standing::Up {
            since,
            handshake: now,
        });
    }

    fn timer(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.set_up_at) {
            self.set_up(now);
        }
        if is_due(self.take_down_at) {
            self.take_down_at = None;
            self.outputs.push_back(Output::TakeDown);
        }
        if is_due(self.look_at) {
            let interval = match self.standing {
                Standing::Up { .. } => LOOK_INTERVAL,
                _ => LOOK_INTERVAL_DOWN,
            };
            self.look_at = Some(now + interval);
            self.outputs.push_back(Output::Look);
        }
        if let Standing::Up { handshake, .. } = self.standing
            && now >= handshake + SESSION_MAX
        {
            self.stand(Standing::Down {
                since: now,
                handshake: Some(handshake),
            });
        }
        if is_due(self.aim_at) {
            let is_fresh = match self.standing {
                Standing::Up { handshake, .. } => now < handshake + RENEWAL_MAX,
                _ => false,
            };
            if is_fresh {
                self.aim_at = Some(now + AIM_INTERVAL);
            } else {
                self.aim(now);
            }
        }
    }

    fn stand(&mut self, standing: Standing) {
        let notice = match (self.standing.is_up(), standing.is_up()) {
            (true, true) | (false, false) => None,
            (false, true) => Some(Notice::Up),
            (true, false) => Some(Notice::Down),
        };
        self.outputs.extend(notice.map(Output::Notice));
        if !(self.standing.is_up() && standing.is_up()) && self.standing != standing {
            self.outputs.push_back(Output::Changed);
        }
        self.standing = standing;
    }
}

const fn never_up(now: Instant) -> Standing {
    Standing::Down {
        since: now,
        handshake: None,
    }
}

/// A session is dead this long after its handshake (REJECT_AFTER_TIME, §6.2). With a sign of life
/// every 45 s at most it is renewed long before.
const SESSION_MAX: Duration = Duration::from_secs(180);
/// A session is renewed by whatever is sent after two minutes: when it is older than that and a
/// sign of life, the hub does not answer where it was.
const RENEWAL_MAX: Duration = Duration::from_secs(135);
/// Between two looks for a hub that does not answer.
const AIM_INTERVAL: Duration = Duration::from_secs(30);
/// The same while its name leads nowhere, as when the box itself has no address yet.
const NAMELESS_INTERVAL: Duration = Duration::from_secs(3);
/// Between two questions to the kernel while the tunnel is up.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The same while it is not: somebody waits for it.
const LOOK_INTERVAL_DOWN: Duration = Duration::from_secs(1);
/// Before a kernel that refused is asked again.
const SET_UP_INTERVAL: Duration = Duration::from_secs(10);
/// The same for one that did not take a tunnel down.
const TAKE_DOWN_INTERVAL: Duration = Duration::from_secs(30);
