//! What the loop waits for at a start before it hears anybody.

use std::time::Duration;

use pbx::Input;
use sansio::Instant;

/// What is known of all that a start needs, and until when it waits for the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The node has a configuration.
    configured: bool,
    /// It knows where the phones are.
    restored: bool,
    /// It knows who is inside.
    acquainted: bool,
    /// The site says that somebody may be banned.
    is_banning: bool,
    /// The node knows who is.
    warned: bool,
    /// From when on datagrams are taken without what the store and `net` say.
    hold: Instant,
    /// From when on strangers are heard without what the guard says.
    guard_hold: Instant,
}

impl Start {
    pub(super) fn at(now: Instant) -> Self {
        Self {
            configured: false,
            restored: false,
            acquainted: false,
            is_banning: false,
            warned: false,
            hold: now + HOLD_MAX,
            guard_hold: now + GUARD_HOLD_MAX,
        }
    }

    /// An input is on its way to the node; whether it is the first configuration.
    pub(super) fn see(&mut self, input: &Input) -> bool {
        match input {
            Input::Config(_, site) => {
                self.is_banning = site.guard.is_on;
                return !std::mem::replace(&mut self.configured, true);
            }
            Input::StoredRegistrations(_) => self.restored = true,
            Input::Neighbours(_) => self.acquainted = true,
            Input::Bans(notice) => self.warned |= notice.is_whole(),
            _ => {}
        }
        false
    }

    /// Until when datagrams wait; `None` when they are taken.
    pub(super) fn datagrams_wait_until(&self, now: Instant) -> Option<Instant> {
        let knows = self.configured && self.restored && self.acquainted;
        let hold = Some(self.hold).filter(|hold| !knows && now < *hold);
        self.strangers_wait_until(now).or(hold)
    }

    /// Until when new connections wait, as datagrams do: one who is banned may be among them
    /// (bar E3). `None` when they are taken.
    pub(super) fn strangers_wait_until(&self, now: Instant) -> Option<Instant> {
        let waits = self.is_banning && !self.warned && now < self.guard_hold;
        waits.then_some(self.guard_hold)
    }
}

/// How long datagrams wait in the kernel at the start until the store has told the configuration
/// and where the phones are, and `net` who is inside: a tenth of a second after a crash, in which
/// calls would find nobody. When one of them is away, phones are better told to come again.
const HOLD_MAX: Duration = Duration::from_secs(1);

/// The same for who is banned, where anybody is: as long as reading as many bans as there can be
/// takes. A guard that is dead holds up a start by that, and no call after it; the door shuts by
/// itself then.
const GUARD_HOLD_MAX: Duration = Duration::from_secs(3);
