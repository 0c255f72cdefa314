//! Whether the tunnel into a grid was up lately: what the version that follows is held to.
//!
//! Lately is an hour, in which the box ran. The hub may be down for minutes while the box is
//! updated: then a good version is left, which costs a restart, and can be installed again at once;
//! the other way round a version without a tunnel would stay where nobody reaches it any more. A
//! hub that is away for longer is no reason to refuse a version, and forgotten.

use std::time::Duration;

use sansio::Instant;

/// What is remembered, and what is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TunnelMemory {
    /// What is on the disk.
    is_kept: bool,
    is_up: bool,
    /// When it was up last; at a start, what is remembered counts from then.
    last_up: Option<Instant>,
}

impl TunnelMemory {
    /// At a start, with what was kept.
    #[must_use]
    pub fn at_start(now: Instant, is_kept: bool) -> Self {
        Self {
            is_kept,
            is_up: false,
            last_up: is_kept.then_some(now),
        }
    }

    /// Whether it was up lately, when the box was started.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// It is up now, or is not.
    pub fn heard(&mut self, now: Instant, is_up: bool) {
        if is_up || self.is_up {
            self.last_up = Some(now);
        }
        self.is_up = is_up;
    }

    /// None is set, or it was set otherwise: that one was up before says nothing any more.
    pub const fn forget(&mut self) {
        self.is_up = false;
        self.last_up = None;
    }

    /// What has to be on the disk and is not.
    #[must_use]
    pub fn change(&self, now: Instant) -> Option<bool> {
        let is_late = |last: Instant| now >= last + LATELY;
        let is_wanted = self.is_up || self.last_up.is_some_and(|last| !is_late(last));
        (is_wanted != self.is_kept).then_some(is_wanted)
    }

    /// The disk has it now.
    pub const fn kept(&mut self, is_kept: bool) {
        self.is_kept = is_kept;
    }
}

/// How long a tunnel that was up may be down before that is forgotten.
const LATELY: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_tunnel_that_came_up_is_remembered_until_it_was_down_for_an_hour() {
        let mut memory = TunnelMemory::at_start(at(0), false);
        assert_eq!(memory.change(at(1)), None);
        memory.heard(at(1), true);
        assert_eq!(memory.change(at(1)), Some(true));
        memory.kept(true);
        assert_eq!(memory.change(at(500)), None, "it is up all the time");
        memory.heard(at(500), false);
        assert_eq!(memory.change(at(559)), None);
        memory.heard(at(530), false);
        assert_eq!(memory.change(at(560)), Some(false));
        memory.heard(at(560), true);
        assert_eq!(memory.change(at(560)), None);
    }

    #[test]
    fn what_was_kept_counts_for_an_hour_of_the_next_start() {
        let mut memory = TunnelMemory::at_start(at(0), true);
        assert!(memory.is_kept());
        assert_eq!(memory.change(at(59)), None);
        assert_eq!(memory.change(at(60)), Some(false));
        memory.kept(false);
        assert_eq!(memory.change(at(61)), None);
    }

    #[test]
    fn a_tunnel_that_was_taken_away_or_set_otherwise_is_forgotten_at_once() {
        let mut memory = TunnelMemory::at_start(at(0), true);
        memory.heard(at(1), true);
        memory.forget();
        assert_eq!(memory.change(at(1)), Some(false));
    }
}
